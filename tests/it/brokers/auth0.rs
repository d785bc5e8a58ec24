//! Auth0, an enterprise connection of type "back channel": PKCE as discovery says, no nonce, claims of the ID token.

use eidas_gateway::crypto::jose::JwsAlgorithm;
use serde_json::{Map, Value};

use super::{
    Outcome, Proof, SCOPE, challenge, code, discovery, gateway_with_secret, id_token, jwks, redeem, refuse,
    visit,
};
use crate::support::{REDIRECT, World};

async fn login(world: &World) -> Outcome<Map<String, Value>> {
    let discovery = discovery(world).await;
    let pkce = discovery["code_challenge_methods_supported"].as_array();
    let pkce = pkce.is_some_and(|methods| methods.iter().any(|method| method == "S256"));
    let challenge = challenge();
    let mut request = vec![
        ("client_id", "broker"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", SCOPE),
        ("state", "s"),
    ];
    if pkce {
        request.extend([("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")]);
    }
    let callback = visit(world, &request).await?;
    let tokens = redeem(world, code(&callback)?, Proof::Post, pkce).await?;
    let claims = id_token(&tokens, &jwks(world).await, &[JwsAlgorithm::RS256, JwsAlgorithm::PS256])?;
    if claims.contains_key("given_name") { Ok(claims) } else { refuse("a user without a profile") }
}

#[tokio::test]
async fn a_back_channel_connection_makes_a_user() {
    let claims = login(&gateway_with_secret("auth0", "").await).await.unwrap();
    assert_eq!(claims["given_name"], "Astrid");
}

#[tokio::test]
async fn it_sends_no_nonce_and_asks_no_userinfo() {
    let world = gateway_with_secret("auth0", "require_nonce = true").await;
    assert_eq!(login(&world).await, refuse("invalid_request"));
    let world = gateway_with_secret("auth0", "claims_in_id_token = false").await;
    assert_eq!(login(&world).await, refuse("a user without a profile"));
}
