//! Zitadel, a generic OIDC provider: claims of the ID token or of userinfo, the secret in the header and then in the
//! form.

use axum::http::StatusCode;
use eidas_gateway::crypto::jose::JwsAlgorithm;
use serde_json::Value;

use super::{
    Outcome, Proof, SCOPE, challenge, code, gateway_with_secret, id_token, jwks, redeem, refuse, userinfo,
    visit,
};
use crate::support::{REDIRECT, World};

/// The given name; with `isIdTokenMapping` from the ID token.
async fn login(world: &World, id_token_mapping: bool) -> Outcome<String> {
    let challenge = challenge();
    let request = [
        ("client_id", "broker"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", SCOPE),
        ("state", "s"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let callback = visit(world, &request).await?;
    let code = code(&callback)?;
    let tokens = match redeem(world, code, Proof::Basic, true).await {
        Err(_) => redeem(world, code, Proof::Post, true).await?,
        Ok(tokens) => tokens,
    };
    let claims = id_token(&tokens, &jwks(world).await, &[JwsAlgorithm::RS256])?;
    let claims = if id_token_mapping {
        Value::Object(claims)
    } else {
        let answer = userinfo(world, "Bearer", &tokens).await;
        assert_eq!((answer.status, answer.json()["sub"] == claims["sub"]), (StatusCode::OK, true));
        answer.json()
    };
    claims["given_name"]
        .as_str()
        .map_or_else(|| refuse("a user without a profile"), |name| Ok(name.to_owned()))
}

#[tokio::test]
async fn both_mappings_work() {
    let world = gateway_with_secret("zitadel", "").await;
    assert_eq!(login(&world, true).await, Ok("Astrid".to_owned()));
    assert_eq!(login(&world, false).await, Ok("Astrid".to_owned()));
}

#[tokio::test]
async fn the_mapping_from_the_id_token_needs_the_claims_there() {
    let world = gateway_with_secret("zitadel", "claims_in_id_token = false").await;
    assert_eq!(login(&world, true).await, refuse("a user without a profile"));
    assert_eq!(login(&world, false).await, Ok("Astrid".to_owned()));
}

#[tokio::test]
async fn it_finds_out_where_the_secret_goes() {
    let world = gateway_with_secret("zitadel", "authentication = \"client_secret_post\"").await;
    assert_eq!(login(&world, true).await, Ok("Astrid".to_owned()));
}
