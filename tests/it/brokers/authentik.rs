//! authentik 2026.8, an OAuth source: no nonce, its own scopes, userinfo as plain JSON, the scheme that it was told.

use axum::http::StatusCode;
use serde_json::Value;

use super::{Outcome, Proof, challenge, code, gateway_with_secret, redeem, refuse, userinfo, visit, word};
use crate::support::{REDIRECT, World};

/// The userinfo dictionary that property mappings and policies see.
async fn login(world: &World) -> Outcome<Value> {
    let challenge = challenge();
    let request = [
        ("client_id", "broker"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("state", "hK2Vw9sQ1xR7yT4uI6oP3aS5dF8gJ0kL"),
        // "openid email profile" is always there; the rest is `additional_scopes`.
        ("scope", "openid email profile eidas"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let callback = visit(world, &request).await?;
    let tokens = redeem(world, code(&callback)?, Proof::Basic, true).await?;
    // The type of the token is the scheme. The ID token is not looked at.
    let answer = userinfo(world, word(&tokens, "token_type"), &tokens).await;
    if answer.status != StatusCode::OK {
        return refuse("userinfo");
    }
    serde_json::from_str(&answer.body).map_err(|_| "userinfo is no JSON".to_owned())
}

#[tokio::test]
async fn a_source_enrols_a_person() {
    let info = login(&gateway_with_secret("authentik", "").await).await.unwrap();
    // What the example's property mapping and policy take from it.
    assert_eq!(word(&info, "sub").len(), 43);
    assert_eq!((word(&info, "given_name"), word(&info, "family_name")), ("Astrid", "Lindqvist"));
    assert_eq!(word(&info, "acr"), "http://eidas.europa.eu/LoA/high");
    assert_eq!(word(&info, "eidas_country"), "XB");
}

#[tokio::test]
async fn it_never_sends_a_nonce_and_puts_the_secret_into_the_header() {
    let world = gateway_with_secret("authentik", "require_nonce = true").await;
    assert_eq!(login(&world).await, refuse("invalid_request"));
    let world = gateway_with_secret("authentik", "authentication = \"client_secret_post\"").await;
    assert_eq!(login(&world).await, refuse("invalid_client"));
}
