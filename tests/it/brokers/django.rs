//! Django with mozilla-django-oidc 5: the strict clock of its JWT library, a `kid` on every key, claims of userinfo.

use std::time::Duration;

use axum::http::StatusCode;
use eidas_gateway::clock::Clock as _;
use eidas_gateway::crypto::jose::{self, JwsAlgorithm};
use serde_json::Value;

use super::{
    Outcome, Proof, SCOPE, challenge, code, gateway_with_secret, jwks, redeem, refuse, token_header,
    userinfo, visit, word,
};
use crate::support::{REDIRECT, World};

/// A site whose clock is `behind` ours.
async fn login(world: &World, behind: Duration) -> Outcome<Value> {
    let challenge = challenge();
    let request = [
        ("response_type", "code"),
        ("scope", SCOPE),
        ("client_id", "broker"),
        ("redirect_uri", REDIRECT),
        ("state", "hK2Vw9sQ1xR7yT4uI6oP3aS5dF8gJ0kL"),
        ("nonce", "7yT4uI6oP3aS5dF8gJ0kLhK2Vw9sQ1xR"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    let callback = visit(world, &request).await?;
    let tokens = redeem(world, code(&callback)?, Proof::Post, true).await?;
    let (header, keys) = (token_header(&tokens), jwks(world).await);
    let mut found = None;
    for key in keys["keys"].as_array().unwrap() {
        let Some(kid) = key["kid"].as_str() else { return refuse("KeyError: kid") };
        // The last one that fits.
        if kid == word(&header, "kid") && key["alg"] == header["alg"] {
            found = Some(key);
        }
    }
    let algorithm = word(&header, "alg");
    if found.is_none() || !(algorithm.starts_with("RS") || algorithm.starts_with("ES")) {
        return Err(format!("OIDC_RP_SIGN_ALGO: {algorithm}"));
    }
    // Neither issuer nor audience is looked at.
    let claims = jose::verify(word(&tokens, "id_token"), &keys, &JwsAlgorithm::ALL).unwrap();
    let now = (world.clock.now() - behind).unix();
    if claims["iat"].as_i64().unwrap() > now {
        return refuse("ImmatureSignatureError");
    }
    if claims["nonce"] != "7yT4uI6oP3aS5dF8gJ0kLhK2Vw9sQ1xR" {
        return refuse("SuspiciousOperation: nonce");
    }
    let answer = userinfo(world, "Bearer", &tokens).await;
    match (answer.status, answer.header("content-type")) {
        (StatusCode::OK, "application/json") => Ok(answer.json()),
        // Verified as an ID token would be, but without the nonce of the login: there must be none.
        (StatusCode::OK, "application/jwt") => {
            let claims = jose::verify(&answer.body, &keys, &JwsAlgorithm::ALL).unwrap();
            match claims.get("nonce") {
                None => Ok(claims.into()),
                Some(_) => refuse("SuspiciousOperation: JWT Nonce verification failed."),
            }
        }
        (_, other) => Err(format!("userinfo as {other}")),
    }
}

#[tokio::test]
async fn a_site_logs_a_person_in_although_its_clock_is_behind() {
    let world = gateway_with_secret("django", "").await;
    let claims = login(&world, Duration::from_secs(4)).await.unwrap();
    assert_eq!((word(&claims, "given_name"), word(&claims, "sub").len()), ("Astrid", 43));
    assert_eq!(word(&claims, "acr"), "http://eidas.europa.eu/LoA/high");
}

#[tokio::test]
async fn an_iat_of_now_is_too_early_for_it() {
    let world = gateway_with_secret("django", "iat_backdate_seconds = 0").await;
    assert_eq!(login(&world, Duration::from_secs(1)).await, refuse("ImmatureSignatureError"));
    assert!(login(&world, Duration::ZERO).await.is_ok());
}

#[tokio::test]
async fn only_rs_and_es_algorithms_work() {
    let world = gateway_with_secret("django", "id_token_alg = \"ES256\"").await;
    assert!(login(&world, Duration::ZERO).await.is_ok());
    let world = gateway_with_secret("django", "id_token_alg = \"PS256\"").await;
    assert_eq!(login(&world, Duration::ZERO).await, refuse("OIDC_RP_SIGN_ALGO: PS256"));
}

#[tokio::test]
async fn userinfo_may_be_signed_for_it_has_no_nonce_in_it() {
    let world = gateway_with_secret("django", "userinfo = \"signed\"").await;
    assert_eq!(word(&login(&world, Duration::ZERO).await.unwrap(), "given_name"), "Astrid");
}
