//! The modules of the plan that are about the request and the code: what a pushed request may be, and what a code is
//! worth to whom, until when.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use eidas_gateway::oidc::form;
use serde_json::{Value, json};

use super::{
    Proof, TYPE, access_token, assertion, code, push, push_as, redeem, refused_at_token, userinfo,
    with_proofs, world,
};
use crate::support::{
    Answer, Browser, Decision, ISSUER, NEIGHBOUR_SECRET, NONCE, REDIRECT, STATE, VERIFIER, World, authorize,
    get, parameter, post,
};

/// The reference to a pushed request.
async fn reference(world: &World, more: &[(&str, &str)]) -> String {
    let pushed = push(world, more, None).await;
    assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.body);
    pushed.json()["request_uri"].as_str().unwrap().to_owned()
}

/// What a browser is sent with: the client and the reference, and nothing else.
fn with(reference: &str) -> String {
    form::with_query("/authorize", &[("client_id", "broker"), ("request_uri", reference)])
}

/// The whole login from the address of the pushed request to the redirect to the client.
async fn log_in(browser: &Browser<'_>, begun: &Answer) -> Answer {
    let path = begun.location().to_owned();
    let token = browser.get(&path).await.field("token");
    let departure = browser.post(&format!("{path}/country"), &[("token", &token), ("country", "XB")]).await;
    let form = browser.world.node_answers(&departure, Decision::Citizen("plain")).await;
    let returned = browser.post_from_node(&form).await;
    browser.get(returned.location()).await
}

/// A push that is refused, with its error.
async fn refused(world: &World, wrong: &[(&str, &str)]) -> (u16, String) {
    push(world, wrong, None).await.token_error()
}

/// A token request of the FAPI client with other parameters; an empty one is left out.
async fn token_with(world: &World, code: &str, changes: &[(&str, &str)]) -> Answer {
    let by = assertion(world, &json!({}));
    let good = [
        ("grant_type", "authorization_code"),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("code", code),
        ("client_assertion_type", TYPE),
        ("client_assertion", &by),
    ];
    let kept = good.into_iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    let form: Vec<_> = kept.chain(changes.iter().copied().filter(|(_, value)| !value.is_empty())).collect();
    let proof = Proof::default().sign(world, "POST", "/token", None);
    world.send(with_proofs(post("/token", &form), &[proof])).await
}

/// The claims of the ID token after a login that was pushed with these parameters.
async fn id_token(world: &World, more: &[(&str, &str)]) -> Value {
    let tokens = redeem(world, &code(world, more, None).await, Proof::default()).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
    world.id_token(tokens.json()["id_token"].as_str().unwrap()).await.into()
}

#[tokio::test]
async fn fapi2_security_profile_final_discovery_end_point_verification() {
    let document = world().await.send(get("/.well-known/openid-configuration")).await.json();
    assert_eq!(document["issuer"], ISSUER);
    assert_eq!(document["pushed_authorization_request_endpoint"], format!("{ISSUER}/par"));
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(document["response_types_supported"], json!(["code"]));
    assert_eq!(document["grant_types_supported"], json!(["authorization_code"]));
    let has = |name: &str, value: &str| document[name].as_array().unwrap().contains(&json!(value));
    assert!(has("token_endpoint_auth_methods_supported", "private_key_jwt"));
    for algorithm in ["PS256", "ES256"] {
        assert!(has("token_endpoint_auth_signing_alg_values_supported", algorithm), "{algorithm}");
        assert!(has("dpop_signing_alg_values_supported", algorithm), "{algorithm}");
    }
    assert!(!has("dpop_signing_alg_values_supported", "RS256"));
}

#[tokio::test]
async fn fapi2_security_profile_final_user_rejects_authentication() {
    let world = world().await;
    let browser = Browser::new(&world);
    let path = browser.get(&with(&reference(&world, &[]).await)).await.location().to_owned();
    let token = browser.get(&path).await.field("token");
    let back = browser.post(&format!("{path}/cancel"), &[("token", &token)]).await;
    let address = back.header("refresh").strip_prefix("0; url=").unwrap().to_owned();
    assert!(address.starts_with(REDIRECT));
    for (name, value) in [("error", "access_denied"), ("state", STATE), ("iss", ISSUER)] {
        assert_eq!(parameter(&address, name).as_deref(), Some(value), "{address}");
    }
    assert_eq!(parameter(&address, "code"), None);
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_without_state_succeeds() {
    let world = world().await;
    let browser = Browser::new(&world);
    let begun = browser.get(&with(&reference(&world, &[("state", "")]).await)).await;
    let released = log_in(&browser, &begun).await;
    assert!(released.redirect_parameter("code").is_some());
    assert_eq!(released.redirect_parameter("state"), None);
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_request_without_nonce_succeeds() {
    assert_eq!(id_token(&world().await, &[("nonce", "")]).await.get("nonce"), None);
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_64_char_nonce() {
    let nonce = "n".repeat(64);
    assert_eq!(id_token(&world().await, &[("nonce", &nonce)]).await["nonce"], nonce.as_str());
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_384_char_nonce() {
    let nonce = "n".repeat(384);
    assert_eq!(id_token(&world().await, &[("nonce", &nonce)]).await["nonce"], nonce.as_str());
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_long_state() {
    let world = world().await;
    let browser = Browser::new(&world);
    let state = "s".repeat(1024);
    let begun = browser.get(&with(&reference(&world, &[("state", &state)]).await)).await;
    let released = log_in(&browser, &begun).await;
    assert_eq!(released.redirect_parameter("state").as_deref(), Some(state.as_str()));
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_other_scope_order_succeeds() {
    let claims = id_token(&world().await, &[("scope", "eidas profile openid")]).await;
    assert_eq!(claims["nonce"], NONCE);
}

#[tokio::test]
async fn fapi2_security_profile_final_test_claims_parameter_identity_claims() {
    let wish = r#"{"id_token":{"family_name":null,"birthdate":{"essential":true}}}"#;
    let claims = id_token(&world().await, &[("claims", wish)]).await;
    assert_eq!((&claims["family_name"], &claims["birthdate"]), (&json!("Lindqvist"), &json!("1977-03-12")));
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_unregistered_redirect_uri_is_refused() {
    let wrong = [("redirect_uri", "https://broker.example/other")];
    assert_eq!(refused(&world().await, &wrong).await, (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn fapi2_security_profile_final_par_without_redirect_uri_fails() {
    let wrong = [("redirect_uri", "")];
    assert_eq!(refused(&world().await, &wrong).await, (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_unsigned_request_without_par_fails() {
    let refused = Browser::new(&world().await).get(&authorize(&[])).await;
    assert_eq!(refused.redirect_parameter("error").as_deref(), Some("invalid_request"));
    assert_eq!(refused.redirect_parameter("code"), None);
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_response_type_code_id_token_fails() {
    let wrong = [("response_type", "code id_token")];
    assert_eq!(refused(&world().await, &wrong).await, (400, "unsupported_response_type".to_owned()));
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_response_type_token_fails() {
    let wrong = [("response_type", "token")];
    assert_eq!(refused(&world().await, &wrong).await, (400, "unsupported_response_type".to_owned()));
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_mismatched_client_id_in_token_endpoint_fails() {
    let world = world().await;
    let code = code(&world, &[], None).await;
    let answer = token_with(&world, &code, &[("client_id", "neighbour")]).await;
    assert_eq!(answer.token_error(), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_authorization_code_is_bound_to_client() {
    let world = world().await;
    let code = code(&world, &[], None).await;
    let form = [
        ("grant_type", "authorization_code"),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("code", &code),
        ("client_id", "neighbour"),
        ("client_secret", NEIGHBOUR_SECRET),
    ];
    let answer = world.send(post("/token", &form)).await;
    refused_at_token(&answer, "invalid_grant", "the code was issued to another client");
}

#[tokio::test]
async fn fapi2_security_profile_final_attempt_reuse_authorization_code_after_one_second() {
    let world = world().await;
    let code = code(&world, &[], None).await;
    let tokens = redeem(&world, &code, Proof::default()).await.json();
    world.clock.advance(Duration::from_secs(1));
    let again = redeem(&world, &code, Proof::default()).await;
    assert_eq!(again.token_error(), (400, "invalid_grant".to_owned()));
    // What the first one got is worth nothing now.
    let dead = userinfo(&world, tokens["access_token"].as_str().unwrap(), Proof::default()).await;
    assert_eq!(dead.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_authorization_code_older_than_60_seconds_fails() {
    let world = world().await;
    let [young, old] = [code(&world, &[], None).await, code(&world, &[], None).await];
    world.clock.advance(Duration::from_secs(59));
    assert_eq!(redeem(&world, &young, Proof::default()).await.status, StatusCode::OK);
    world.clock.advance(Duration::from_secs(2));
    let late = redeem(&world, &old, Proof::default()).await;
    assert_eq!(late.token_error(), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn fapi2_security_profile_final_only_client_id_and_request_uri_are_needed() {
    let world = world().await;
    let browser = Browser::new(&world);
    let released = log_in(&browser, &browser.get(&with(&reference(&world, &[]).await)).await).await;
    assert_eq!(released.redirect_parameter("iss").as_deref(), Some(ISSUER));
    let code = released.redirect_parameter("code").unwrap();
    assert_eq!(redeem(&world, &code, Proof::default()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn fapi2_security_profile_final_par_request_uri_can_be_used_until_the_authorization_completes() {
    let world = world().await;
    let browser = Browser::new(&world);
    let address = with(&reference(&world, &[]).await);
    // Seen twice, as by a reload; only the login uses it up.
    assert_eq!(browser.get(&address).await.status, StatusCode::SEE_OTHER);
    let released = log_in(&browser, &browser.get(&address).await).await;
    assert!(released.redirect_parameter("code").is_some());
}

#[tokio::test]
async fn fapi2_security_profile_final_par_attempt_reuse_request_uri() {
    let world = world().await;
    let browser = Browser::new(&world);
    let address = with(&reference(&world, &[]).await);
    log_in(&browser, &browser.get(&address).await).await;
    let again = browser.get(&address).await;
    assert_eq!((again.status, again.header("location")), (StatusCode::BAD_REQUEST, ""));
}

#[tokio::test]
async fn fapi2_security_profile_final_par_attempt_to_use_expired_request_uri() {
    let world = world().await;
    let address = with(&reference(&world, &[]).await);
    world.clock.advance(Duration::from_secs(60));
    let late = Browser::new(&world).get(&address).await;
    assert_eq!((late.status, late.header("location")), (StatusCode::BAD_REQUEST, ""));
}

#[tokio::test]
async fn fapi2_security_profile_final_par_attempt_to_use_request_uri_of_another_client() {
    let world = world().await;
    let reference = reference(&world, &[]).await;
    let address = form::with_query("/authorize", &[("client_id", "neighbour"), ("request_uri", &reference)]);
    let stranger = Browser::new(&world).get(&address).await;
    assert_eq!((stranger.status, stranger.header("location")), (StatusCode::BAD_REQUEST, ""));
}

#[tokio::test]
async fn fapi2_security_profile_final_par_request_uri_form_parameter_is_refused() {
    let world = world().await;
    let inner = reference(&world, &[]).await;
    assert_eq!(refused(&world, &[("request_uri", &inner)]).await, (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn fapi2_security_profile_final_par_incorrect_http_method() {
    let world = world().await;
    for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
        let mut request = get("/par");
        *request.method_mut() = method.clone();
        assert_eq!(world.send(request).await.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_par_without_client_authentication_fails() {
    let world = world().await;
    let other = assertion(&world, &json!({ "iss": "neighbour", "sub": "neighbour" }));
    assert_eq!(push_as(&world, &[], None, &other).await.token_error(), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn fapi2_security_profile_final_par_pkce_required() {
    let wrong = [("code_challenge", ""), ("code_challenge_method", "")];
    assert_eq!(refused(&world().await, &wrong).await, (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn fapi2_security_profile_final_par_plain_pkce_rejected() {
    let wrong = [("code_challenge", VERIFIER), ("code_challenge_method", "plain")];
    assert_eq!(refused(&world().await, &wrong).await, (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn fapi2_security_profile_final_pkce_verifier_required() {
    let world = world().await;
    let code = code(&world, &[], None).await;
    let answer = token_with(&world, &code, &[("code_verifier", "")]).await;
    refused_at_token(&answer, "invalid_grant", "code_verifier is missing");
}

#[tokio::test]
async fn fapi2_security_profile_final_incorrect_pkce_verifier_rejected() {
    let world = world().await;
    let code = code(&world, &[], None).await;
    let answer = token_with(&world, &code, &[("code_verifier", &VERIFIER.replace('d', "e"))]).await;
    refused_at_token(&answer, "invalid_grant", "code_verifier does not meet the code_challenge");
}

#[tokio::test]
async fn fapi2_security_profile_final_access_token_in_the_query_is_not_read() {
    let world = world().await;
    let token = access_token(&world).await;
    let answer = world.send(get(&form::with_query("/userinfo", &[("access_token", &token)]))).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}
