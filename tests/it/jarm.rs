//! Answers in a signed JWT (JARM): the rows of the FAPI 2.0 message signing plan that are about them.

use axum::http::StatusCode;
use eidas_gateway::clock::Clock as _;
use eidas_gateway::crypto::jose::{self, JwsAlgorithm};
use serde_json::{Map, Value, json};

use crate::support::{Answer, Browser, Decision, ISSUER, REDIRECT, STATE, World, authorize, get, parameter};

/// The claims of the JWT that an answer consists of.
async fn opened(world: &World, jwt: &str) -> Map<String, Value> {
    let jwks = world.send(get("/jwks")).await.json();
    let claims = jose::verify(jwt, &jwks, &[JwsAlgorithm::RS256]).unwrap();
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!("broker")));
    let left = claims["exp"].as_i64().unwrap() - world.clock.now().unix();
    assert!((1..=600).contains(&left), "{left}");
    assert_eq!(claims["state"], STATE);
    claims
}

fn in_query(address: &str) -> String {
    assert!(address.starts_with(REDIRECT), "{address}");
    for name in ["code", "error", "state", "iss"] {
        assert_eq!(parameter(address, name), None, "{name}");
    }
    parameter(address, "response").unwrap()
}

async fn released(world: &World, mode: &str) -> Answer {
    let browser = Browser::new(world);
    let returned = browser.come_back(&[("response_mode", mode)], Decision::Citizen("plain")).await;
    browser.get(returned.location()).await
}

#[tokio::test]
async fn fapi2_message_signing_happy_flow_with_signed_answers() {
    let world = World::new().await;
    for mode in ["jwt", "query.jwt"] {
        let answer = released(&world, mode).await;
        let claims = opened(&world, &in_query(answer.location())).await;
        assert_eq!(claims.len(), 5, "{claims:?}");
        let tokens = world.token(claims["code"].as_str().unwrap()).await;
        assert_eq!(tokens.status, StatusCode::OK);
    }
    let discovery = world.send(get("/.well-known/openid-configuration")).await.json();
    let modes = ["query", "form_post", "jwt", "query.jwt", "form_post.jwt"];
    assert_eq!(discovery["response_modes_supported"], json!(modes));
    assert_eq!(discovery["authorization_signing_alg_values_supported"], json!(["RS256"]));
}

#[tokio::test]
async fn a_signed_answer_travels_by_form_if_that_is_asked_for() {
    let world = World::new().await;
    let answer = released(&world, "form_post.jwt").await;
    assert_eq!((answer.status, answer.header("location")), (StatusCode::OK, ""));
    assert!(!answer.body.contains("name=\"code\"") && !answer.body.contains("name=\"state\""));
    let claims = opened(&world, &answer.field("response")).await;
    assert_eq!(world.token(claims["code"].as_str().unwrap()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn errors_are_signed_too() {
    let world = World::new().await;
    let signed = ("response_mode", "jwt");
    let browser = Browser::new(&world);
    for (wrong, error) in
        [(("prompt", "none"), "login_required"), (("nonce", &*"n".repeat(513)), "invalid_request")]
    {
        let answer = browser.get(&authorize(&[signed, wrong])).await;
        let claims = opened(&world, &in_query(answer.location())).await;
        assert_eq!(claims["error"], error);
        assert!(!claims.contains_key("code"));
    }
    let (path, page) = browser.start(&[signed]).await;
    let back = browser.post(&format!("{path}/cancel"), &[("token", &page.field("token"))]).await;
    let address = back.header("refresh").strip_prefix("0; url=").unwrap().to_owned();
    assert_eq!(opened(&world, &in_query(&address)).await["error"], "access_denied");
    let (path, page) = browser.start(&[("response_mode", "form_post.jwt")]).await;
    let back = browser.post(&format!("{path}/cancel"), &[("token", &page.field("token"))]).await;
    assert_eq!(opened(&world, &back.field("response")).await["error"], "access_denied");
}

#[tokio::test]
async fn an_answer_that_cannot_be_signed_is_not_sent_unsigned() {
    let world = World::with(|client, _| client.authorization_response_alg = Some(JwsAlgorithm::ES256)).await;
    let answer = released(&world, "jwt").await;
    assert_eq!((answer.status, answer.text("code").as_str()), (StatusCode::INTERNAL_SERVER_ERROR, "EG-5005"));
    assert_eq!((answer.header("location"), answer.header("refresh")), ("", ""));
}
