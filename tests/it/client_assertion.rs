//! Clients that prove who they are with a signed JWT: the client-assertion part of the FAPI 2.0 conformance
//! plan, and what the store adds to it.

use std::sync::{Arc, LazyLock};

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use eidas_gateway::clock::Clock as _;
use eidas_gateway::crypto::hash::hmac_sha256;
use eidas_gateway::crypto::jose::{JwsAlgorithm, JwsKey};
use eidas_gateway::oidc::client::{AssertionAudience, AssertionKey};
use eidas_gateway::oidc::{Client, ClientAuthentication, ClientKeys};
use eidas_gateway::secret::Secret;
use serde_json::{Value, json};

use crate::support::{Answer, Browser, ISSUER, REDIRECT, VERIFIER, World, get, post};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const LONG_SECRET: &str = "0123456789abcdef0123456789abcdef";

static KEY: LazyLock<JwsKey> = LazyLock::new(|| JwsKey::generate(JwsAlgorithm::PS256).unwrap());

pub(crate) fn signs(client: &mut Client, audience: AssertionAudience) {
    let key = AssertionKey::Public { algorithm: JwsAlgorithm::PS256 };
    client.authentication = ClientAuthentication::Assertion { key, audience };
    client.keys = Some(ClientKeys::Inline(Arc::new(json!({ "keys": [KEY.public_jwk()] }))));
}

async fn world() -> World {
    World::with(|client, _| signs(client, AssertionAudience::Issuer)).await
}

/// The claims of a good assertion with changes; `null` takes one out.
fn claims(world: &World, changes: &Value) -> serde_json::Map<String, Value> {
    let now = world.clock.now().unix();
    let mut claims = json!({
        "iss": "broker", "sub": "broker", "aud": ISSUER, "jti": "j-1", "iat": now, "exp": now + 60,
    });
    let claims = claims.as_object_mut().unwrap();
    claims.extend(changes.as_object().unwrap().clone());
    claims.retain(|_, value| !value.is_null());
    claims.clone()
}

pub(crate) fn assertion(world: &World, changes: &Value) -> String {
    KEY.sign("JWT", &claims(world, changes)).unwrap()
}

pub(crate) async fn redeem(world: &World, code: &str, assertion: &str, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("code", code),
        ("client_assertion_type", TYPE),
        ("client_assertion", assertion),
    ];
    form.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    form.extend(more.iter().filter(|(_, value)| !value.is_empty()));
    world.send(post("/token", &form)).await
}

#[tokio::test]
async fn a_client_signs_for_its_tokens() {
    let world = world().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let tokens = redeem(&world, &code, &assertion(&world, &json!({})), &[("client_id", "broker")]).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
    let discovery = world.send(get("/.well-known/openid-configuration")).await.json();
    let methods = [
        "client_secret_basic",
        "client_secret_post",
        "client_secret_jwt",
        "private_key_jwt",
        "tls_client_auth",
        "self_signed_tls_client_auth",
    ];
    assert_eq!(discovery["token_endpoint_auth_methods_supported"], json!(methods));
}

#[tokio::test]
async fn an_assertion_that_is_not_in_order_leaves_the_code_alone() {
    let world = world().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let now = world.clock.now().unix();
    for changes in [
        json!({"exp": now - 300}),
        json!({"aud": "https://other.example"}),
        json!({"aud": [ISSUER]}),
        json!({"aud": format!("{ISSUER}/token")}),
        json!({"sub": null}),
        json!({"iss": "other"}),
        json!({"jti": null}),
        json!({"nbf": now + 61}),
    ] {
        let refused = redeem(&world, &code, &assertion(&world, &changes), &[]).await;
        assert_eq!(refused.token_error(), (401, "invalid_client".to_owned()), "{changes}");
        assert!(refused.header("www-authenticate").starts_with("Basic"));
    }
    // Signed with RS256, by a key that is not the client's, and no assertion at all.
    let rs256 = JwsKey::generate(JwsAlgorithm::RS256).unwrap().sign("JWT", &claims(&world, &json!({})));
    let missing = [("client_assertion", ""), ("client_id", "broker")];
    for (assertion, more) in [(rs256.unwrap(), &[][..]), (String::new(), &missing[..])] {
        let refused = redeem(&world, &code, &assertion, more).await;
        assert_eq!(refused.token_error(), (401, "invalid_client".to_owned()));
    }
    let good = redeem(&world, &code, &assertion(&world, &json!({"nbf": now + 8})), &[]).await;
    assert_eq!(good.status, StatusCode::OK, "{}", good.body);
}

#[tokio::test]
async fn a_client_that_signs_cannot_fall_back_to_a_secret() {
    let world = world().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    assert_eq!(world.token(&code).await.token_error(), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn an_assertion_is_good_once_on_all_instances() {
    let folder = std::env::temp_dir().join(format!("eidas-gateway-assertions-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let url = format!("sqlite://{}", folder.join("shared.db").display());
    let one = World::build(&url, |client, _| signs(client, AssertionAudience::Issuer)).await;
    let two = World::build(&url, |client, _| signs(client, AssertionAudience::Issuer)).await;
    let code = Browser::new(&one).code(&[], "plain").await;
    let used = assertion(&one, &json!({}));
    assert_eq!(redeem(&one, "unknown", &used, &[]).await.token_error().1, "invalid_grant");
    for world in [&one, &two] {
        let again = redeem(world, &code, &used, &[]).await;
        assert_eq!(again.token_error(), (401, "invalid_client".to_owned()));
        assert_eq!(world.last_refusal().0, "EG-1104");
    }
    let fresh = assertion(&two, &json!({"jti": "j-2"}));
    assert_eq!(redeem(&two, &code, &fresh, &[]).await.status, StatusCode::OK);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn of_fifty_requests_with_one_assertion_one_is_heard() {
    let world = Arc::new(world().await);
    let assertion = Arc::new(assertion(&world, &json!({})));
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (world, assertion) = (Arc::clone(&world), Arc::clone(&assertion));
        requests.spawn(async move { redeem(&world, "unknown", &assertion, &[]).await.token_error().1 });
    }
    let answers = requests.join_all().await;
    assert_eq!(answers.iter().filter(|error| *error == "invalid_grant").count(), 1);
    assert_eq!(answers.iter().filter(|error| *error == "invalid_client").count(), 49);
}

#[tokio::test]
async fn a_broker_that_names_the_token_endpoint_can_be_let_off() {
    let world = World::with(|client, _| signs(client, AssertionAudience::Endpoint)).await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let assertion = assertion(&world, &json!({"aud": format!("{ISSUER}/token")}));
    assert_eq!(redeem(&world, &code, &assertion, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_client_signs_with_its_secret() {
    let world = World::with(|client, _| {
        let key = AssertionKey::Secret(vec![Secret::new(LONG_SECRET.to_owned())]);
        client.authentication = ClientAuthentication::Assertion { key, audience: AssertionAudience::Issuer };
    })
    .await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let sign = |secret: &str| {
        let payload = Value::Object(claims(&world, &json!({}))).to_string();
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", part(r#"{"alg":"HS256","typ":"JWT"}"#), part(&payload));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(hmac_sha256(secret.as_bytes(), signed.as_bytes())))
    };
    let wrong = redeem(&world, &code, &sign("another secret of thirty-two chars"), &[]).await;
    assert_eq!(wrong.token_error(), (401, "invalid_client".to_owned()));
    let basic = format!("Basic {}", STANDARD.encode(format!("broker:{LONG_SECRET}")));
    let mut sent = post("/token", &[("grant_type", "authorization_code"), ("code", &code)]);
    sent.headers_mut().insert("authorization", basic.parse().unwrap());
    assert_eq!(world.send(sent).await.token_error(), (401, "invalid_client".to_owned()));
    assert_eq!(redeem(&world, &code, &sign(LONG_SECRET), &[]).await.status, StatusCode::OK);
}
