//! RP-initiated logout: the modules of the conformance plan `oidcc-rp-initiated-logout-certification-test-plan`,
//! each in a test of its name, and what brokers do from server to server.

use axum::http::StatusCode;
use eidas_gateway::oidc::{RedirectUri, form};

use crate::sso::{log_in, silently, with_sessions};
use crate::support::{Answer, Browser, World, get, parameter, post};

const AFTER: &str = "https://broker.example/after";

async fn world() -> World {
    World::with(|client, _| {
        with_sessions(client);
        client.post_logout_redirect_uris = vec![RedirectUri::register(AFTER).unwrap()];
    })
    .await
}

fn end_session(parameters: &[(&str, &str)]) -> String {
    form::with_query("/end_session", parameters)
}

async fn is_logged_in(browser: &Browser<'_>) -> bool {
    silently(browser, &[]).await.is_ok()
}

/// The page that asks, and what becomes of the button.
async fn decide(browser: &Browser<'_>, page: &Answer, decision: &str) -> Answer {
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    assert!(page.has("logout") && page.has("stay"), "{}", page.body);
    let mut fields = vec![("token", page.field("token")), ("decision", decision.to_owned())];
    for name in ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"] {
        if page.body.contains(&format!("name=\"{name}\"")) {
            fields.push((name, page.field(name)));
        }
    }
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    browser.post("/end_session/confirm", &fields).await
}

/// The page of ours that says so.
fn is_logged_out_page(page: &Answer) {
    assert_eq!((page.status, page.header("location"), page.header("refresh")), (StatusCode::OK, "", ""));
    assert!(page.body.contains("You are logged out"), "{}", page.body);
}

/// The page of ours that refuses.
fn is_refused(world: &World, page: &Answer, rule: &str) {
    assert_eq!((page.status, page.text("code").as_str()), (StatusCode::BAD_REQUEST, "EG-1006"));
    assert_eq!((page.header("location"), page.header("refresh")), ("", ""));
    assert_eq!(world.last_refusal(), ("EG-1006".to_owned(), rule.to_owned()));
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_discovery_endpoint_verification() {
    let discovery = world().await.send(get("/.well-known/openid-configuration")).await.json();
    assert_eq!(discovery["end_session_endpoint"], "https://gateway.example/end_session");
}

#[tokio::test]
async fn oidcc_rp_initiated_logout() {
    let world = world().await;
    let browser = Browser::new(&world);
    let (token, _) = log_in(&browser, &[]).await;
    assert!(is_logged_in(&browser).await);
    let parameters =
        [("id_token_hint", token.as_str()), ("post_logout_redirect_uri", AFTER), ("state", "s 1")];
    let out = browser.get(&end_session(&parameters)).await;
    assert_eq!(out.location(), format!("{AFTER}?state=s%201"));
    assert_eq!(browser.cookies.lock().unwrap().len(), 0);
    assert!(!is_logged_in(&browser).await);
    let event = world.events().into_iter().find(|event| event["event"] == "logout").unwrap();
    assert_eq!(
        (&event["client"], &event["confirmed"], &event["ended"]),
        (&"broker".into(), &false.into(), &1.into())
    );
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_post_logout_redirect_uri() {
    let world = world().await;
    let browser = Browser::new(&world);
    let (token, _) = log_in(&browser, &[]).await;
    let bad = [("id_token_hint", token.as_str()), ("post_logout_redirect_uri", "https://evil.example/")];
    is_refused(&world, &browser.get(&end_session(&bad)).await, "post_logout_redirect_uri_unregistered");
    assert!(is_logged_in(&browser).await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_modified_id_token_hint() {
    let world = world().await;
    let browser = Browser::new(&world);
    let (token, _) = log_in(&browser, &[]).await;
    let payload = token.split('.').nth(1).unwrap();
    // {"alg":"none"}
    let unsigned = format!("eyJhbGciOiJub25lIn0.{payload}.");
    let hint = [("id_token_hint", unsigned.as_str()), ("post_logout_redirect_uri", AFTER)];
    is_refused(&world, &browser.get(&end_session(&hint)).await, "id_token_hint_forged");
    assert!(is_logged_in(&browser).await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_bad_id_token_hint() {
    let world = world().await;
    let browser = Browser::new(&world);
    let (token, _) = log_in(&browser, &[]).await;
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut signature = signature.to_owned();
    signature.replace_range(..4, if signature.starts_with("AAAA") { "BBBB" } else { "AAAA" });
    let other = format!("{signed}.{signature}");
    let hint = [("id_token_hint", other.as_str()), ("post_logout_redirect_uri", AFTER)];
    is_refused(&world, &browser.get(&end_session(&hint)).await, "id_token_hint_forged");
    let encrypted = [("id_token_hint", "a.b.c.d.e")];
    is_refused(&world, &browser.get(&end_session(&encrypted)).await, "id_token_hint_encrypted");
    assert!(is_logged_in(&browser).await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_id_token_hint() {
    let world = world().await;
    let browser = Browser::new(&world);
    log_in(&browser, &[]).await;
    let parameters = [("client_id", "broker"), ("post_logout_redirect_uri", AFTER), ("state", "s")];
    let page = browser.get(&end_session(&parameters)).await;
    assert!(page.body.contains("Town Hall"), "{}", page.body);
    assert!(is_logged_in(&browser).await);
    let out = decide(&browser, &page, "logout").await;
    assert_eq!(out.header("refresh"), format!("0; url={AFTER}?state=s"));
    assert!(out.has("continue"));
    assert!(!is_logged_in(&browser).await);
    // An address alone is nobody's.
    let nobodys = browser.get(&end_session(&parameters[1..])).await;
    is_refused(&world, &nobodys, "client_missing");
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_params() {
    let world = world().await;
    let browser = Browser::new(&world);
    log_in(&browser, &[]).await;
    let page = browser.get("/end_session").await;
    is_logged_out_page(&decide(&browser, &page, "logout").await);
    assert!(!is_logged_in(&browser).await);
    assert_eq!(browser.cookies.lock().unwrap().len(), 0);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_post_logout_redirect_uri() {
    let world = world().await;
    let browser = Browser::new(&world);
    let (token, _) = log_in(&browser, &[]).await;
    is_logged_out_page(&browser.get(&end_session(&[("id_token_hint", &token), ("state", "s")])).await);
    assert!(!is_logged_in(&browser).await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_no_state() {
    let world = world().await;
    let browser = Browser::new(&world);
    let (token, _) = log_in(&browser, &[]).await;
    let out =
        browser.get(&end_session(&[("id_token_hint", &token), ("post_logout_redirect_uri", AFTER)])).await;
    assert_eq!(out.location(), AFTER);
    assert!(!is_logged_in(&browser).await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_only_state() {
    let world = world().await;
    let browser = Browser::new(&world);
    log_in(&browser, &[]).await;
    let page = browser.get(&end_session(&[("state", "s")])).await;
    is_logged_out_page(&decide(&browser, &page, "logout").await);
    assert!(!is_logged_in(&browser).await);
}

#[tokio::test]
async fn oidcc_rp_initiated_logout_query_added_to_post_logout_redirect_uri() {
    let world = world().await;
    let browser = Browser::new(&world);
    let (token, _) = log_in(&browser, &[]).await;
    let more = format!("{AFTER}?foo=bar");
    let added = [("id_token_hint", token.as_str()), ("post_logout_redirect_uri", more.as_str())];
    is_refused(&world, &browser.get(&end_session(&added)).await, "post_logout_redirect_uri_unregistered");
    assert!(is_logged_in(&browser).await);
}

#[tokio::test]
async fn a_broker_ends_a_session_from_server_to_server_with_an_expired_token() {
    let world = world().await;
    let (browser, other) = (Browser::new(&world), Browser::new(&world));
    let (token, _) = log_in(&browser, &[]).await;
    log_in(&other, &[]).await;
    world.clock.advance(std::time::Duration::from_secs(1800));
    // What Keycloak sends with `backchannelSupported`: no cookies, and `state`.
    let done = world.send(get(&end_session(&[("state", "x"), ("id_token_hint", &token)]))).await;
    assert_eq!(done.status, StatusCode::OK);
    assert!(!is_logged_in(&browser).await);
    assert!(is_logged_in(&other).await);
    // A second time it is over already.
    let done = world.send(get(&end_session(&[("id_token_hint", &token)]))).await;
    assert_eq!(done.status, StatusCode::OK);
}

#[tokio::test]
async fn a_post_is_as_good_as_a_get_and_a_preview_ends_nothing() {
    let world = world().await;
    let browser = Browser::new(&world);
    let (token, _) = log_in(&browser, &[]).await;
    let mut head = get(&end_session(&[("id_token_hint", &token)]));
    *head.method_mut() = axum::http::Method::HEAD;
    assert_eq!(browser.send(head, true).await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(is_logged_in(&browser).await);
    let form = [("id_token_hint", token.as_str()), ("post_logout_redirect_uri", AFTER)];
    // From another site, so without Lax cookies.
    let out = browser.send(post("/end_session", &form), false).await;
    assert_eq!(out.location(), AFTER);
    assert!(!is_logged_in(&browser).await);
}

#[tokio::test]
async fn a_form_of_another_site_with_the_token_of_an_earlier_session_asks_the_person() {
    let world = world().await;
    let browser = Browser::new(&world);
    let (earlier, _) = log_in(&browser, &[]).await;
    let (token, _) = log_in(&browser, &[("prompt", "login")]).await;
    let post_from_elsewhere = async |token: &str| {
        let mut form = post("/end_session", &[("id_token_hint", token)]);
        form.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
        browser.send(form, false).await
    };
    // The session of this token is over, and that of the browser is not seen: it is not said to have ended.
    let page = post_from_elsewhere(&earlier).await;
    assert!(is_logged_in(&browser).await);
    is_logged_out_page(&decide(&browser, &page, "logout").await);
    assert!(!is_logged_in(&browser).await);
    let (token_now, _) = log_in(&browser, &[]).await;
    assert_ne!(token, token_now);
    is_logged_out_page(&post_from_elsewhere(&token_now).await);
    assert!(!is_logged_in(&browser).await);
}

#[tokio::test]
async fn a_token_of_another_session_asks_the_person() {
    let world = world().await;
    let (browser, other) = (Browser::new(&world), Browser::new(&world));
    let (foreign, _) = log_in(&other, &[]).await;
    log_in(&browser, &[]).await;
    let page = browser.get(&end_session(&[("id_token_hint", &foreign)])).await;
    let kept = decide(&browser, &page, "stay").await;
    assert!(kept.body.contains("Nothing has changed"), "{}", kept.body);
    assert!(is_logged_in(&browser).await && is_logged_in(&other).await);
    let page = browser.get(&end_session(&[("id_token_hint", &foreign)])).await;
    is_logged_out_page(&decide(&browser, &page, "logout").await);
    assert!(!is_logged_in(&browser).await && !is_logged_in(&other).await);
}

#[tokio::test]
async fn nobody_else_can_press_the_button() {
    let world = world().await;
    let browser = Browser::new(&world);
    log_in(&browser, &[]).await;
    let page = browser.get("/end_session").await;
    let token = page.field("token");
    let fields = [("token", token.as_str()), ("decision", "logout")];
    let mut foreign = post("/end_session/confirm", &fields);
    foreign.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(browser.send(foreign, true).await.text("code"), "EG-3005");
    assert_eq!(browser.post("/end_session/confirm", &fields[1..]).await.text("code"), "EG-3005");
    assert_eq!(Browser::new(&world).post("/end_session/confirm", &fields).await.text("code"), "EG-3005");
    // What the page carries is judged again.
    let evil = [
        fields[0],
        fields[1],
        ("client_id", "broker"),
        ("post_logout_redirect_uri", "https://evil.example/"),
    ];
    is_refused(
        &world,
        &browser.post("/end_session/confirm", &evil).await,
        "post_logout_redirect_uri_unregistered",
    );
    assert!(is_logged_in(&browser).await);
}

#[tokio::test]
async fn a_client_without_sessions_gets_its_people_back() {
    let world = World::with(|client, _| {
        client.post_logout_redirect_uris = vec![RedirectUri::register(AFTER).unwrap()];
    })
    .await;
    let browser = Browser::new(&world);
    let (token, _) = log_in(&browser, &[]).await;
    let all = [
        ("id_token_hint", token.as_str()),
        ("client_id", "broker"),
        ("post_logout_redirect_uri", AFTER),
        ("state", "x"),
    ];
    let out = browser.get(&end_session(&all)).await;
    assert_eq!(parameter(out.location(), "state").as_deref(), Some("x"));
}
