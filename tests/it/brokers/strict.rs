//! An application of one's own that does everything: what the preset `strict` lets nobody leave out.

use axum::http::StatusCode;
use eidas_gateway::clock::Clock as _;
use eidas_gateway::crypto::jose::JwsAlgorithm;
use serde_json::json;

use super::{
    FILES, Outcome, SCOPE, challenge, client_assertion, code, dpop, endpoint, gateway, id_token, jwks,
    refuse, userinfo, visit, word,
};
use crate::support::{ISSUER, REDIRECT, VERIFIER, World, post};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const KEYS: &str = "jwks_file = \"ES256.jwks\"";

/// The request in a JWT of the client's, for an hour (RFC 9101 §4).
fn request_object(now: i64, parameters: &[(&str, &str)]) -> String {
    let mut claims = json!({ "iss": "broker", "aud": ISSUER, "nbf": now, "exp": now + 60 });
    for (name, value) in parameters {
        claims[name] = (*value).into();
    }
    FILES.client["ES256"].sign("oauth-authz-req+jwt", claims.as_object().unwrap()).unwrap()
}

/// The `sub`. What is named in `without` is left out of the request; `more` is added to it.
async fn login(world: &World, without: &[&str], more: &[(&str, &str)]) -> Outcome<String> {
    let (challenge, now) = (challenge(), world.clock.now().unix());
    let mut asked = vec![
        ("client_id", "broker"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", SCOPE),
        ("state", "s"),
        ("nonce", "n"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    asked.extend_from_slice(more);
    let is_left_out = |name: &str| without.iter().any(|left| name.starts_with(left));
    asked.retain(|(name, _)| !is_left_out(name));
    let (object, proof) = (request_object(now, &asked), client_assertion("ES256", now));
    let mut request = if is_left_out("request") { asked } else { vec![("request", object.as_str())] };
    if !is_left_out("client_assertion") {
        request.extend([("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &proof)]);
    }
    let path = endpoint(world, "pushed_authorization_request_endpoint").await;
    let pushed = world.send(post(&path, &request)).await;
    if pushed.status != StatusCode::CREATED {
        return refuse(word(&pushed.json(), "error"));
    }
    let pushed = pushed.json();
    let callback =
        visit(world, &[("client_id", "broker"), ("request_uri", word(&pushed, "request_uri"))]).await?;
    let proof = client_assertion("ES256", now);
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code(&callback)?),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", &proof),
    ];
    let path = endpoint(world, "token_endpoint").await;
    let mut redeem = post(&path, &form);
    if !is_left_out("dpop") {
        redeem.headers_mut().insert("dpop", dpop("POST", &path, now, None));
    }
    let tokens = world.send(redeem).await;
    if tokens.status != StatusCode::OK {
        return refuse(word(&tokens.json(), "error"));
    }
    // Nobody else has a use for the access token.
    if userinfo(world, "Bearer", &tokens.json()).await.status == StatusCode::OK {
        return refuse("whoever has the token can use it");
    }
    let claims = id_token(&tokens.json(), &jwks(world).await, &[JwsAlgorithm::ES256])?;
    // Its clock is right, and so is that of the gateway.
    if claims["iat"] != now || claims["nonce"] != "n" {
        return refuse("iat or nonce");
    }
    Ok(claims["sub"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_application_that_does_everything_logs_a_person_in() {
    assert_eq!(login(&gateway("strict", KEYS).await, &[], &[]).await.unwrap().len(), 43);
}

#[tokio::test]
async fn nothing_may_be_left_out() {
    let world = gateway("strict", KEYS).await;
    assert_eq!(login(&world, &["nonce"], &[]).await, refuse("invalid_request"));
    assert_eq!(login(&world, &["code_challenge"], &[]).await, refuse("invalid_request"));
    assert_eq!(login(&world, &["client_assertion"], &[]).await, refuse("invalid_client"));
    assert_eq!(login(&world, &["request"], &[]).await, refuse("invalid_request"));
    assert_eq!(login(&world, &["dpop"], &[]).await, refuse("invalid_dpop_proof"));
    // Nobody is logged in for longer than the login takes.
    assert_eq!(login(&world, &[], &[("prompt", "none")]).await, refuse("login_required"));
    let request = [("client_id", "broker"), ("redirect_uri", REDIRECT), ("response_type", "code")];
    assert_eq!(
        visit(&world, &request).await.and_then(|back| code(&back).map(drop)),
        refuse("invalid_request")
    );
}

#[tokio::test]
async fn each_opposite_shows() {
    let world = gateway("strict", &format!("{KEYS}\niat_backdate_seconds = 5")).await;
    assert_eq!(login(&world, &[], &[]).await, refuse("iat or nonce"));
    let world = gateway("strict", &format!("{KEYS}\nrequire_request_object = false")).await;
    assert_eq!(login(&world, &["request"], &[]).await.unwrap().len(), 43);
    let world = gateway("strict", &format!("{KEYS}\nbound_tokens = \"none\"")).await;
    assert_eq!(login(&world, &["dpop"], &[]).await, refuse("whoever has the token can use it"));
    let claims = json!({ "id_token": { "acr": { "essential": true, "values": ["urn:gold"] } } }).to_string();
    let gold = [("claims", claims.as_str())];
    let world = gateway("strict", KEYS).await;
    assert_eq!(login(&world, &[], &gold).await, refuse("unmet_authentication_requirements"));
    let world = gateway("strict", &format!("{KEYS}\nlevel_error = \"access_denied\"")).await;
    assert_eq!(login(&world, &[], &gold).await, refuse("access_denied"));
}
