//! Signed authorization requests (JAR): the rows of the FAPI 2.0 message signing plan about request objects, each in
//! a test or a row that has the name of its module.

use std::sync::LazyLock;

use axum::http::{StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use eidas_gateway::clock::Clock as _;
use eidas_gateway::crypto::hash::sha256;
use eidas_gateway::crypto::jose::{JwsAlgorithm, JwsKey};
use eidas_gateway::oidc::client::RequestObjects;
use eidas_gateway::oidc::{ClientKeys, form};
use serde_json::{Value, json};

use crate::support::{
    Answer, Browser, ISSUER, NONCE, REDIRECT, SECRET, STATE, VERIFIER, World, authorize, get, post,
};

static KEY: LazyLock<JwsKey> = LazyLock::new(|| JwsKey::generate(JwsAlgorithm::PS256).unwrap());

async fn world(required: bool) -> World {
    World::with(|client, _| {
        client.keys = Some(ClientKeys::Inline(json!({ "keys": [KEY.public_jwk()] }).into()));
        client.request_objects = Some(RequestObjects { algorithm: JwsAlgorithm::PS256, required });
    })
    .await
}

/// The claims of a good object with changes; `null` takes one out.
fn claims(world: &World, changes: &Value) -> serde_json::Map<String, Value> {
    let now = world.clock.now().unix();
    let mut claims = json!({
        "iss": "broker", "aud": ISSUER, "nbf": now, "exp": now + 300,
        "client_id": "broker", "redirect_uri": REDIRECT, "response_type": "code",
        "scope": "openid profile eidas", "state": STATE, "nonce": NONCE,
        "code_challenge": URL_SAFE_NO_PAD.encode(sha256(VERIFIER.as_bytes())), "code_challenge_method": "S256",
        "claims": { "id_token": { "given_name": null } },
    });
    let claims = claims.as_object_mut().unwrap();
    claims.extend(changes.as_object().unwrap().clone());
    claims.retain(|_, value| !value.is_null());
    claims.clone()
}

fn object(world: &World, changes: &Value) -> String {
    KEY.sign("oauth-authz-req+jwt", &claims(world, changes)).unwrap()
}

/// The address with nothing outside of the object but who sent it.
fn with(object: &str) -> String {
    form::with_query("/authorize", &[("client_id", "broker"), ("request", object)])
}

async fn sent(world: &World, changes: Value) -> Answer {
    Browser::new(world).get(&with(&object(world, &changes))).await
}

async fn push(world: &World, object: &str) -> Answer {
    let mut request = post("/par", &[("request", object), ("redirect_uri", "https://evil.example")]);
    let basic = format!("Basic {}", STANDARD.encode(format!("broker:{SECRET}")));
    request.headers_mut().insert(header::AUTHORIZATION, basic.parse().unwrap());
    world.send(request).await
}

fn error(answer: &Answer) -> String {
    assert_eq!(answer.redirect_parameter("state").as_deref(), Some(STATE));
    assert_eq!(answer.redirect_parameter("iss").as_deref(), Some(ISSUER));
    answer.redirect_parameter("error").unwrap()
}

#[tokio::test]
async fn fapi2_message_signing_happy_flow_with_signed_requests() {
    let world = world(true).await;
    // What stands outside does not count (RFC 9101 §6.3).
    let outside = [("state", "other"), ("nonce", "other"), ("prompt", "none"), ("scope", "profile")];
    let browser = Browser::new(&world);
    let object = object(&world, &json!({}));
    let path = browser.get(&form::with_query(&with(&object), &outside)).await.location().to_owned();
    let token = browser.get(&path).await.field("token");
    let departure = browser.post(&format!("{path}/country"), &[("token", &token), ("country", "XB")]).await;
    let form = world.node_answers(&departure, crate::support::Decision::Citizen("plain")).await;
    let returned = browser.post_from_node(&form).await;
    let released = browser.get(returned.location()).await;
    assert_eq!(released.redirect_parameter("state").as_deref(), Some(STATE));
    let tokens = world.token(&released.redirect_parameter("code").unwrap()).await.json();
    let id_token = world.id_token(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!((&id_token["nonce"], &id_token["given_name"]), (&json!(NONCE), &json!("Astrid")));

    let discovery = world.send(get("/.well-known/openid-configuration")).await.json();
    assert_eq!(discovery["request_parameter_supported"], true);
    assert_eq!(discovery["request_uri_parameter_supported"], false);
    // Another client need not sign.
    assert_eq!(discovery["require_signed_request_object"], false);
    let algorithms = discovery["request_object_signing_alg_values_supported"].as_array().unwrap();
    assert!(algorithms.contains(&json!("PS256")) && !algorithms.contains(&json!("none")));
}

#[tokio::test]
async fn fapi2_message_signing_request_objects_that_do_not_hold() {
    let world = world(true).await;
    let now = world.clock.now().unix();
    for (module, changes) in [
        ("ensure-request-object-without-exp-fails", json!({ "exp": null })),
        ("ensure-request-object-without-nbf-fails", json!({ "nbf": null })),
        ("ensure-expired-request-object-fails", json!({ "exp": now - 60 })),
        ("ensure-request-object-with-exp-over-60-fails", json!({ "exp": now + 3700 })),
        ("ensure-request-object-with-nbf-over-60-fails", json!({ "nbf": now - 3700 })),
        ("ensure-request-object-with-nbf-in-the-future-fails", json!({ "nbf": now + 61 })),
        ("ensure-request-object-with-bad-aud-fails", json!({ "aud": "https://other.example" })),
        ("ensure-request-object-without-aud-fails", json!({ "aud": null })),
        ("ensure-matching-iss-in-request-object", json!({ "iss": "other" })),
        ("ensure-matching-client-id-in-request-object", json!({ "client_id": "other" })),
        ("ensure-no-nested-request-object", json!({ "request": "eyJ" })),
        ("ensure-no-nested-request-uri", json!({ "request_uri": "urn:ietf:params:oauth:request_uri:x" })),
    ] {
        assert_eq!(error(&sent(&world, changes.clone()).await), "invalid_request_object", "{module}");
        let pushed = push(&world, &object(&world, &changes)).await;
        assert_eq!(pushed.token_error(), (400, "invalid_request_object".to_owned()), "{module}");
    }
    for (module, changes) in [
        (
            "ensure-request-object-with-multiple-aud-succeeds",
            json!({ "aud": ["https://other.example", ISSUER] }),
        ),
        ("ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted", json!({ "nbf": now + 8 })),
        ("ensure-request-object-with-long-nonce", json!({ "nonce": "n".repeat(384) })),
        ("ensure-other-scope-order-succeeds", json!({ "scope": "eidas profile openid" })),
    ] {
        assert!(sent(&world, changes).await.location().starts_with("/login/"), "{module}");
    }
}

#[tokio::test]
async fn fapi2_message_signing_only_the_clients_key_and_algorithm_sign() {
    let world = world(true).await;
    let good = object(&world, &json!({}));
    let payload = good.split('.').nth(1).unwrap();
    let claims = claims(&world, &json!({}));
    let stranger = JwsKey::generate(JwsAlgorithm::PS256).unwrap().sign("JWT", &claims).unwrap();
    let rs256 = JwsKey::generate(JwsAlgorithm::RS256).unwrap().sign("JWT", &claims).unwrap();
    for (module, object) in [
        ("ensure-request-object-signature-algorithm-is-not-none", format!("eyJhbGciOiJub25lIn0.{payload}.")),
        ("ensure-signed-request-object-with-rs256-fails", rs256),
        ("ensure-request-object-with-invalid-signature-fails", format!("{}AAAA", &good[..good.len() - 4])),
        ("ensure-request-object-of-another-key-fails", stranger),
    ] {
        // Nobody has signed where the answer goes, so it stays here, unless a registered address stands outside.
        let page = Browser::new(&world).get(&with(&object)).await;
        assert_eq!(
            (page.status, page.text("code").as_str()),
            (StatusCode::BAD_REQUEST, "EG-1001"),
            "{module}"
        );
        let told = Browser::new(&world).get(&authorize(&[("request", &object)])).await;
        assert_eq!(error(&told), "invalid_request_object", "{module}");
        assert_eq!(push(&world, &object).await.token_error().1, "invalid_request_object", "{module}");
    }
}

#[tokio::test]
async fn fapi2_message_signing_ensure_unsigned_requests_fail() {
    let required = world(true).await;
    assert_eq!(error(&Browser::new(&required).get(&authorize(&[])).await), "invalid_request");
    let optional = world(false).await;
    assert!(Browser::new(&optional).get(&authorize(&[])).await.location().starts_with("/login/"));
    assert!(sent(&optional, json!({})).await.location().starts_with("/login/"));
    let discovery = optional.send(get("/.well-known/openid-configuration")).await.json();
    assert_eq!(discovery["require_signed_request_object"], false);
}

#[tokio::test]
async fn fapi2_message_signing_ensure_request_object_without_redirect_uri_fails() {
    let world = world(true).await;
    for redirect_uri in [json!(null), json!("https://evil.example/cb")] {
        let page = sent(&world, json!({ "redirect_uri": redirect_uri })).await;
        assert_eq!((page.status, page.text("code").as_str()), (StatusCode::BAD_REQUEST, "EG-1001"));
        assert_eq!(page.header("location"), "");
    }
}

#[tokio::test]
async fn a_signed_request_is_pushed_and_passes_the_same_table() {
    let world = world(true).await;
    let pushed = push(&world, &object(&world, &json!({}))).await;
    assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.body);
    let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    let address = form::with_query("/authorize", &[("client_id", "broker"), ("request_uri", &uri)]);
    assert!(Browser::new(&world).get(&address).await.location().starts_with("/login/"));
    let wrong = push(&world, &object(&world, &json!({ "response_type": "token" }))).await;
    assert_eq!(wrong.token_error(), (400, "unsupported_response_type".to_owned()));
}

#[tokio::test]
async fn a_request_object_with_an_identifier_counts_once() {
    let world = world(true).await;
    let named = object(&world, &json!({ "jti": "r-1" }));
    assert!(Browser::new(&world).get(&with(&named)).await.location().starts_with("/login/"));
    let again = Browser::new(&world).get(&with(&named)).await;
    assert_eq!(error(&again), "invalid_request_object");
    assert_eq!(push(&world, &named).await.token_error().1, "invalid_request_object");
    assert!(sent(&world, json!({ "jti": "r-2" })).await.location().starts_with("/login/"));
}
