//! Pushed authorization requests: the rows `par-*` of the FAPI 2.0 conformance plan.

use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eidas_gateway::oidc::form;

use crate::support::{
    Answer, Browser, Decision, ISSUER, REDIRECT, SECRET, STATE, World, authorize, get, parameter, post,
};

const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

async fn world() -> World {
    World::with(|client, _| client.require_par = true).await
}

/// Pushes the broker's request; `more` replaces parameters of the same name.
async fn push_with(world: &World, more: &[(&str, &str)], secret: &str) -> Answer {
    let address = authorize(more);
    let pairs = form::parse(address.split_once('?').unwrap().1).unwrap();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut request = post("/par", &pairs);
    let basic = format!("Basic {}", STANDARD.encode(format!("broker:{secret}")));
    request.headers_mut().insert(header::AUTHORIZATION, basic.parse().unwrap());
    world.send(request).await
}

pub(crate) async fn push(world: &World, more: &[(&str, &str)]) -> String {
    let answer = push_with(world, more, SECRET).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::CREATED, "no-store"));
    assert_eq!(answer.json()["expires_in"], 60);
    let uri = answer.json()["request_uri"].as_str().unwrap().to_owned();
    assert!(uri.starts_with(PREFIX) && uri.len() >= PREFIX.len() + 43, "{uri}");
    uri
}

pub(crate) fn with(request_uri: &str) -> String {
    form::with_query("/authorize", &[("client_id", "broker"), ("request_uri", request_uri)])
}

/// From the country page at `path` to the answer for the broker.
pub(crate) async fn log_in(browser: &Browser<'_>, path: &str) -> Answer {
    let token = browser.get(path).await.field("token");
    let departure = browser.post(&format!("{path}/country"), &[("token", &token), ("country", "XB")]).await;
    let form = browser.world.node_answers(&departure, Decision::Citizen("plain")).await;
    let returned = browser.post_from_node(&form).await;
    browser.get(returned.location()).await
}

fn assert_is_refused_here(page: &Answer) {
    assert_eq!((page.status, page.text("code").as_str()), (StatusCode::BAD_REQUEST, "EG-1001"));
    assert_eq!(page.header("location"), "");
}

#[tokio::test]
async fn par_happy_flow() {
    let world = world().await;
    let browser = Browser::new(&world);
    let uri = push(&world, &[]).await;
    let released = log_in(&browser, browser.get(&with(&uri)).await.location()).await;
    assert!(released.location().starts_with(REDIRECT));
    assert_eq!(released.redirect_parameter("state").as_deref(), Some(STATE));
    assert_eq!(released.redirect_parameter("iss").as_deref(), Some(ISSUER));
    let tokens = world.token(&released.redirect_parameter("code").unwrap()).await;
    assert_eq!(tokens.status, StatusCode::OK);
    let discovery = world.send(get("/.well-known/openid-configuration")).await.json();
    assert_eq!(discovery["pushed_authorization_request_endpoint"], format!("{ISSUER}/par"));
}

#[tokio::test]
async fn par_request_uri_is_used_up_when_the_authorization_ends() {
    let world = world().await;
    let browser = Browser::new(&world);
    let uri = push(&world, &[]).await;
    // Looking does not use it up: a reload, a preview, a second tab.
    let [one, two] = [browser.get(&with(&uri)).await, browser.get(&with(&uri)).await];
    let released = log_in(&browser, one.location()).await;
    assert!(released.redirect_parameter("code").is_some());
    assert_is_refused_here(&browser.get(&with(&uri)).await);
    // The second tab comes too late.
    let late = log_in(&browser, two.location()).await;
    assert_eq!((late.status, late.header("location")), (StatusCode::CONFLICT, ""));
}

#[tokio::test]
async fn par_request_uri_is_used_up_when_the_citizen_cancels() {
    let world = world().await;
    let browser = Browser::new(&world);
    let uri = push(&world, &[]).await;
    let path = browser.get(&with(&uri)).await.location().to_owned();
    let token = browser.get(&path).await.field("token");
    let back = browser.post(&format!("{path}/cancel"), &[("token", &token)]).await;
    let address = back.header("refresh").strip_prefix("0; url=").unwrap().to_owned();
    assert_eq!(parameter(&address, "error").as_deref(), Some("access_denied"));
    assert_is_refused_here(&browser.get(&with(&uri)).await);
}

#[tokio::test]
async fn par_request_uri_expires() {
    let world = world().await;
    let browser = Browser::new(&world);
    let uri = push(&world, &[]).await;
    world.clock.advance(Duration::from_secs(59));
    let path = browser.get(&with(&uri)).await.location().to_owned();
    world.clock.advance(Duration::from_secs(1));
    assert_is_refused_here(&browser.get(&with(&uri)).await);
    // The login that began in time goes on.
    world.clock.advance(Duration::from_secs(300));
    assert!(log_in(&browser, &path).await.redirect_parameter("code").is_some());
}

#[tokio::test]
async fn par_request_uri_of_another_client() {
    let world = world().await;
    let uri = push(&world, &[]).await;
    for other in [("client_id", "other"), ("client_id", "")] {
        let address = form::with_query("/authorize", &[other, ("request_uri", &uri)]);
        assert_is_refused_here(&Browser::new(&world).get(&address).await);
    }
    assert_is_refused_here(&Browser::new(&world).get(&with(&format!("{PREFIX}unknown"))).await);
}

#[tokio::test]
async fn par_only_what_was_pushed_counts() {
    let world = world().await;
    let browser = Browser::new(&world);
    let uri = push(&world, &[]).await;
    let evil = [("client_id", "broker"), ("redirect_uri", "https://evil.example/cb"), ("state", "evil")];
    let address = form::with_query(&with(&uri), &evil[1..]);
    let released = log_in(&browser, browser.get(&address).await.location()).await;
    assert!(released.location().starts_with(REDIRECT));
    assert_eq!(released.redirect_parameter("state").as_deref(), Some(STATE));
}

#[tokio::test]
async fn par_is_required_of_clients_set_so() {
    let world = world().await;
    let refused = Browser::new(&world).get(&authorize(&[])).await;
    assert_eq!(refused.redirect_parameter("error").as_deref(), Some("invalid_request"));
    // And open to all others.
    let world = World::new().await;
    let uri = push(&world, &[]).await;
    assert!(Browser::new(&world).get(&with(&uri)).await.location().starts_with("/login/"));
    assert!(Browser::new(&world).get(&authorize(&[])).await.location().starts_with("/login/"));
}

#[tokio::test]
async fn par_refuses_what_authorize_would_refuse() {
    let world = world().await;
    for (wrong, error) in [
        (("redirect_uri", "https://broker.example/other"), "invalid_request"),
        (("redirect_uri", ""), "invalid_request"),
        (("response_type", "code id_token"), "unsupported_response_type"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge", ""), "invalid_request"),
        (("request_uri", "urn:ietf:params:oauth:request_uri:x"), "invalid_request"),
        (("scope", "profile"), "invalid_scope"),
    ] {
        let refused = push_with(&world, &[wrong], SECRET).await;
        assert_eq!(refused.token_error(), (400, error.to_owned()), "{wrong:?}");
        assert_eq!(world.last_refusal().0, "EG-1005");
    }
}

#[tokio::test]
async fn par_needs_the_client() {
    let world = world().await;
    let refused = push_with(&world, &[], "wrong").await;
    assert_eq!(refused.token_error(), (401, "invalid_client".to_owned()));
    assert_eq!(world.send(post("/par", &[])).await.token_error().0, 401);
}

#[tokio::test]
async fn par_incorrect_http_method() {
    let world = world().await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let mut request = get("/par");
        *request.method_mut() = method;
        assert_eq!(world.send(request).await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
}
