//! A client of the FAPI 2.0 Security Profile: pushed requests, signed proof of who it is, no RS256.

use axum::http::StatusCode;
use eidas_gateway::clock::Clock as _;
use eidas_gateway::crypto::jose::JwsAlgorithm;

use super::{
    Outcome, SCOPE, challenge, client_assertion, code, discovery, endpoint, gateway, id_token, jwks, refuse,
    visit, word,
};
use crate::support::{ISSUER, REDIRECT, VERIFIER, World, post};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const KEYS: &str = "jwks_file = \"PS256.jwks\"";

/// Whether it pushes what it asks for; the profile demands it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Request {
    Pushed,
    Plain,
}

/// The `sub`.
async fn login(world: &World, how: Request) -> Outcome<String> {
    let offered = discovery(world).await;
    if offered["authorization_response_iss_parameter_supported"] != true {
        return refuse("no iss");
    }
    let (challenge, now) = (challenge(), world.clock.now().unix());
    let request = [
        ("client_id", "broker"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", SCOPE),
        ("state", "s"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let callback = if how == Request::Pushed {
        let proof = client_assertion("PS256", now);
        let proof = [("client_assertion_type", ASSERTION_TYPE), ("client_assertion", proof.as_str())];
        let path = endpoint(world, "pushed_authorization_request_endpoint").await;
        let pushed = world.send(post(&path, &[&request[..], &proof].concat())).await;
        if pushed.status != StatusCode::CREATED {
            return refuse(word(&pushed.json(), "error"));
        }
        let pushed = pushed.json();
        visit(world, &[("client_id", "broker"), ("request_uri", word(&pushed, "request_uri"))]).await?
    } else {
        visit(world, &request).await?
    };
    let code = code(&callback)?;
    if callback.get("iss").is_none_or(|iss| iss != ISSUER) {
        return refuse("iss");
    }
    let proof = client_assertion("PS256", now);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &proof),
    ];
    let tokens = world.send(post(&endpoint(world, "token_endpoint").await, &form)).await;
    if tokens.status != StatusCode::OK {
        return refuse(word(&tokens.json(), "error"));
    }
    let allowed = [JwsAlgorithm::PS256, JwsAlgorithm::ES256, JwsAlgorithm::EdDSA];
    let claims = id_token(&tokens.json(), &jwks(world).await, &allowed)?;
    Ok(claims["sub"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_client_of_the_profile_logs_a_person_in() {
    let world = gateway("fapi2", KEYS).await;
    assert_eq!(login(&world, Request::Pushed).await.unwrap().len(), 43);
    assert_eq!(login(&world, Request::Plain).await, refuse("invalid_request"));
}

#[tokio::test]
async fn each_opposite_shows() {
    let world = gateway("fapi2", &format!("{KEYS}\nrequire_par = false")).await;
    assert!(login(&world, Request::Plain).await.is_ok());
    let world = gateway("fapi2", &format!("{KEYS}\nid_token_alg = \"RS256\"")).await;
    assert_eq!(login(&world, Request::Pushed).await, refuse("the token's algorithm is not allowed"));
    let world = gateway("fapi2", "jwks_file = \"ES256.jwks\"\nassertion_alg = \"ES256\"").await;
    assert_eq!(login(&world, Request::Pushed).await, refuse("invalid_client"));
    let secret = "authentication = \"client_secret_basic\"\nsecret_file = \"broker.secret\"";
    assert_eq!(login(&gateway("fapi2", secret).await, Request::Pushed).await, refuse("invalid_client"));
}
