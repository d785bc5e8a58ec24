//! `response_mode=form_post`: the modules of the conformance plan `oidcc-formpost-basic` whose answers differ
//! from those in the query. Each test has the name of its module.

use axum::http::StatusCode;
use serde_json::json;

use crate::support::{Answer, Browser, Decision, ISSUER, REDIRECT, STATE, World, authorize, get, unescape};

const FORM_POST: (&str, &str) = ("response_mode", "form_post");

/// The answer is a page that posts to the redirect URI by itself or by a button, and nothing is in an
/// address.
fn assert_is_form_post(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert_eq!((answer.header("location"), answer.header("refresh")), ("", ""));
    assert_eq!(answer.header("cache-control"), "no-store");
    let (_, form) = answer.body.split_once("<form id=\"post\" method=\"post\" action=\"").unwrap();
    assert_eq!(unescape(form.split_once('"').unwrap().0), REDIRECT);
    assert!(answer.has("continue"));
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("script-src 'sha256-") && !policy.contains("form-action"), "{policy}");
    assert_eq!(answer.field("state"), STATE);
    assert_eq!(answer.field("iss"), ISSUER);
}

#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let discovery = World::new().await.send(get("/.well-known/openid-configuration")).await.json();
    assert!(discovery["response_modes_supported"].as_array().unwrap().contains(&json!("form_post")));
}

#[tokio::test]
async fn oidcc_server() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let returned = browser.come_back(&[FORM_POST], Decision::Citizen("plain")).await;
    let released = browser.get(returned.location()).await;
    assert_is_form_post(&released);
    assert!(!released.body.contains("name=\"error\""));
    let tokens = world.token(&released.field("code")).await;
    assert_eq!(tokens.status, StatusCode::OK);
}

#[tokio::test]
async fn oidcc_response_type_missing() {
    let world = World::new().await;
    let refused = Browser::new(&world).get(&authorize(&[FORM_POST, ("response_type", "")])).await;
    assert_is_form_post(&refused);
    assert_eq!(refused.field("error"), "invalid_request");
    assert!(!refused.body.contains("name=\"code\""));
}

#[tokio::test]
async fn oidcc_prompt_none_not_logged_in() {
    let world = World::new().await;
    let refused = Browser::new(&world).get(&authorize(&[FORM_POST, ("prompt", "none")])).await;
    assert_is_form_post(&refused);
    assert_eq!(refused.field("error"), "login_required");
}

#[tokio::test]
async fn oidcc_ensure_registered_redirect_uri() {
    let world = World::new().await;
    let evil = ("redirect_uri", "https://evil.example/cb");
    let page = Browser::new(&world).get(&authorize(&[FORM_POST, evil])).await;
    assert_eq!((page.status, page.text("code").as_str()), (StatusCode::BAD_REQUEST, "EG-1001"));
    assert!(!page.body.contains("evil"));
}

#[tokio::test]
async fn a_citizen_who_cancels_goes_back_by_form_too() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let (path, page) = browser.start(&[FORM_POST]).await;
    let back = browser.post(&format!("{path}/cancel"), &[("token", &page.field("token"))]).await;
    assert_is_form_post(&back);
    assert_eq!(back.field("error"), "access_denied");
}

#[tokio::test]
async fn a_state_cannot_break_out_of_the_form() {
    let world = World::new().await;
    let evil = "\"><script>alert(1)</script>";
    let refused =
        Browser::new(&world).get(&authorize(&[FORM_POST, ("prompt", "none"), ("state", evil)])).await;
    assert_eq!(refused.field("state"), evil);
    assert!(!refused.body.contains("<script>alert"));
}
