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

/// A login whose answer travels by form; gives the claims of its ID token.
async fn log_in_by_form(wishes: &[(&str, &str)]) -> serde_json::Map<String, serde_json::Value> {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let wishes: Vec<_> = wishes.iter().copied().chain([FORM_POST]).collect();
    let returned = browser.come_back(&wishes, Decision::Citizen("plain")).await;
    let released = browser.get(returned.location()).await;
    assert_is_form_post(&released);
    let code = released.field("code");
    let tokens = world.token(&code).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
    let access_token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(world.userinfo(&access_token).await.status, StatusCode::OK);
    let claims = world.id_token(tokens.json()["id_token"].as_str().unwrap()).await;
    // Codes are worth the same, whichever way they came.
    assert_eq!(world.token(&code).await.token_error(), (400, "invalid_grant".to_owned()));
    assert_eq!(world.userinfo(&access_token).await.status, StatusCode::UNAUTHORIZED);
    claims
}

/// Modules that differ in what they wish for, and all end in a login.
macro_rules! modules_that_log_in {
    ($($name:ident($($wish:expr),*);)*) => {
        $(#[tokio::test]
        async fn $name() {
            log_in_by_form(&[$($wish),*]).await;
        })*
    };
}

modules_that_log_in! {
    oidcc_ensure_request_without_nonce_succeeds_for_code_flow(("nonce", ""));
    oidcc_scope_profile(("scope", "openid profile"));
    oidcc_scope_email(("scope", "openid email"));
    oidcc_scope_address(("scope", "openid address"));
    oidcc_scope_phone(("scope", "openid phone"));
    oidcc_scope_all(("scope", "openid profile email address phone"));
    oidcc_display_page(("display", "page"));
    oidcc_display_popup(("display", "popup"));
    oidcc_prompt_login(("prompt", "login"));
    oidcc_max_age_1(("max_age", "1"));
    oidcc_ensure_request_with_unknown_parameter_succeeds(("extra", "foobar"));
    oidcc_login_hint(("login_hint", "somebody@example.org"));
    oidcc_ui_locales(("ui_locales", "se"));
    oidcc_claims_locales(("claims_locales", "se"));
    oidcc_ensure_request_with_acr_values_succeeds(("acr_values", "low substantial high"));
    oidcc_claims_essential(("claims", r#"{"userinfo":{"name":{"essential":true}}}"#));
    oidcc_codereuse();
}

#[tokio::test]
async fn oidcc_idtoken_signature() {
    let claims = log_in_by_form(&[]).await;
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!("broker")));
}
