//! A client of the FAPI 2.0 Security Profile: pushed requests, signed proof of who it is, no RS256.

use axum::http::{StatusCode, header};
use eidas_gateway::clock::Clock as _;
use eidas_gateway::crypto::jose::JwsAlgorithm;

use super::{
    Outcome, SCOPE, challenge, client_assertion, code, discovery, dpop, endpoint, gateway, id_token, jwks,
    refuse, userinfo, visit, word,
};
use crate::support::{ISSUER, REDIRECT, VERIFIER, World, get, post};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const KEYS: &str = "jwks_file = \"PS256.jwks\"";

/// Whether it pushes what it asks for; the profile demands it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Request {
    Pushed,
    Plain,
}

/// Whether it shows the key that its access token is bound to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Shown,
    NotShown,
}

async fn login(world: &World, how: Request) -> Outcome<String> {
    login_with(world, how, Key::Shown).await
}

/// The `sub`.
async fn login_with(world: &World, how: Request, key: Key) -> Outcome<String> {
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
    let path = endpoint(world, "token_endpoint").await;
    let mut redeem = post(&path, &form);
    if key == Key::Shown {
        redeem.headers_mut().insert("dpop", dpop("POST", &path, now, None));
    }
    let tokens = world.send(redeem).await;
    if tokens.status != StatusCode::OK {
        return refuse(word(&tokens.json(), "error"));
    }
    let tokens = tokens.json();
    if tokens["token_type"] != "DPoP" {
        return refuse("whoever has the token can use it");
    }
    // It is of no use to whoever has nothing but the token.
    assert_eq!(userinfo(world, "Bearer", &tokens).await.status, StatusCode::UNAUTHORIZED);
    let token = word(&tokens, "access_token");
    let path = endpoint(world, "userinfo_endpoint").await;
    let mut request = get(&path);
    request.headers_mut().insert(header::AUTHORIZATION, format!("DPoP {token}").parse().unwrap());
    request.headers_mut().insert("dpop", dpop("GET", &path, now, Some(token)));
    let profile = world.send(request).await;
    if profile.status != StatusCode::OK {
        return refuse("userinfo");
    }
    let allowed = [JwsAlgorithm::PS256, JwsAlgorithm::ES256, JwsAlgorithm::EdDSA];
    let claims = id_token(&tokens, &jwks(world).await, &allowed)?;
    assert_eq!(profile.json()["sub"], claims["sub"]);
    Ok(claims["sub"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_client_of_the_profile_logs_a_person_in() {
    let world = gateway("fapi2", KEYS).await;
    assert_eq!(login(&world, Request::Pushed).await.unwrap().len(), 43);
    assert_eq!(login(&world, Request::Plain).await, refuse("invalid_request"));
    let without = login_with(&world, Request::Pushed, Key::NotShown).await;
    assert_eq!(without, refuse("invalid_dpop_proof"));
}

#[tokio::test]
async fn each_opposite_shows() {
    let world = gateway("fapi2", &format!("{KEYS}\nrequire_par = false")).await;
    assert!(login(&world, Request::Plain).await.is_ok());
    let world = gateway("fapi2", &format!("{KEYS}\nbound_tokens = \"none\"")).await;
    let without = login_with(&world, Request::Pushed, Key::NotShown).await;
    assert_eq!(without, refuse("whoever has the token can use it"));
    let world = gateway("fapi2", &format!("{KEYS}\nid_token_alg = \"RS256\"")).await;
    assert_eq!(login(&world, Request::Pushed).await, refuse("the token's algorithm is not allowed"));
    let world = gateway("fapi2", "jwks_file = \"ES256.jwks\"\nassertion_alg = \"ES256\"").await;
    assert_eq!(login(&world, Request::Pushed).await, refuse("invalid_client"));
    let secret = "authentication = \"client_secret_basic\"\nsecret_file = \"broker.secret\"";
    assert_eq!(login(&gateway("fapi2", secret).await, Request::Pushed).await, refuse("invalid_client"));
}
