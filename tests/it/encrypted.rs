//! ID tokens and userinfo as clients want them: signed, encrypted, both, in clear, or not at all. What another
//! implementation makes of the encrypted ones is in tests/oracles.

use std::sync::LazyLock;

use axum::http::StatusCode;
use eidas_gateway::crypto::jose::{self, JwsAlgorithm};
use eidas_gateway::crypto::jwe::{JweAlgorithm, JweContentAlgorithm};
use eidas_gateway::oidc::client::ClientKeys;
use eidas_gateway::oidc::{Client, Encryption, UserinfoForm};
use josekit::jwe::{self, JweDecrypter, JweHeader};
use josekit::jwk::Jwk;
use josekit::jwk::alg::ec::{EcCurve, EcKeyPair};
use josekit::jwk::alg::rsa::RsaKeyPair;
use serde_json::{Map, Value, json};

use crate::support::{Browser, ISSUER, World, get};

const ON_A_CURVE: Encryption =
    Encryption { algorithm: JweAlgorithm::EcdhEsA256Kw, content: JweContentAlgorithm::A128Gcm };
const BY_RSA: Encryption =
    Encryption { algorithm: JweAlgorithm::RsaOaep256, content: JweContentAlgorithm::A256Gcm };

/// The client's private keys.
struct Keys {
    rsa: Jwk,
    curve: Jwk,
    set: Value,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let rsa = RsaKeyPair::generate(2048).unwrap();
    let curve = EcKeyPair::generate(EcCurve::P256).unwrap();
    let publish = |jwk: Jwk, kid: &str, purpose: &str| {
        let mut jwk = serde_json::to_value(jwk.as_ref()).unwrap();
        jwk["kid"] = kid.into();
        jwk["use"] = purpose.into();
        jwk
    };
    // As Keycloak publishes them: keys for signatures and for encryption in one set.
    let keys = [
        publish(EcKeyPair::generate(EcCurve::P256).unwrap().to_jwk_public_key(), "signs", "sig"),
        publish(rsa.to_jwk_public_key(), "rsa", "enc"),
        publish(curve.to_jwk_public_key(), "curve", "enc"),
    ];
    let mut private = [rsa.to_jwk_private_key(), curve.to_jwk_private_key()];
    private[0].set_key_id("rsa");
    private[1].set_key_id("curve");
    let [rsa, curve] = private;
    Keys { rsa, curve, set: json!({ "keys": keys }) }
});

fn decrypt(token: &str) -> (String, JweHeader) {
    let decrypter: Box<dyn JweDecrypter> = match token.split('.').nth(1) {
        Some(key) if key.len() > 100 => Box::new(jwe::RSA_OAEP_256.decrypter_from_jwk(&KEYS.rsa).unwrap()),
        _ => Box::new(jwe::ECDH_ES_A256KW.decrypter_from_jwk(&KEYS.curve).unwrap()),
    };
    let (payload, header) = jwe::deserialize_compact(token, &*decrypter).unwrap();
    (String::from_utf8(payload).unwrap(), header)
}

async fn world(change: impl FnOnce(&mut Client)) -> World {
    World::with(|client, _| {
        client.keys = Some(ClientKeys::Inline(KEYS.set.clone().into()));
        change(client);
    })
    .await
}

/// A login: what the token endpoint and userinfo answer.
async fn log_in(world: &World) -> (Value, crate::support::Answer) {
    let code = Browser::new(world).code(&[], "plain").await;
    let tokens = world.token(&code).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
    let tokens = tokens.json();
    let userinfo = world.userinfo(tokens["access_token"].as_str().unwrap()).await;
    (tokens, userinfo)
}

async fn verified(world: &World, jwt: &str) -> Map<String, Value> {
    let jwks = world.send(get("/jwks")).await.json();
    jose::verify(jwt, &jwks, &[JwsAlgorithm::RS256]).unwrap()
}

#[tokio::test]
async fn an_id_token_is_signed_then_encrypted_to_the_clients_key() {
    for (encryption, kid) in [(ON_A_CURVE, "curve"), (BY_RSA, "rsa")] {
        let world = world(|client| client.id_token_encryption = Some(encryption)).await;
        let (tokens, userinfo) = log_in(&world).await;
        let token = tokens["id_token"].as_str().unwrap();
        assert_eq!(token.split('.').count(), 5);
        let (jwt, header) = decrypt(token);
        assert_eq!(header.algorithm(), Some(encryption.algorithm.as_str()));
        assert_eq!(header.content_encryption(), Some(encryption.content.as_str()));
        assert_eq!((header.content_type(), header.key_id()), (Some("JWT"), Some(kid)));
        let claims = verified(&world, &jwt).await;
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!("broker")));
        // Userinfo is another matter.
        assert_eq!(userinfo.header("content-type"), "application/json");
        assert_eq!(userinfo.json()["sub"], claims["sub"]);
    }
}

#[tokio::test]
async fn userinfo_can_be_a_jwt_signed_or_encrypted_or_both() {
    let forms =
        [UserinfoForm::Signed, UserinfoForm::Encrypted(ON_A_CURVE), UserinfoForm::SignedAndEncrypted(BY_RSA)];
    for form in forms {
        let world = world(|client| client.userinfo = form).await;
        let (tokens, userinfo) = log_in(&world).await;
        assert_eq!((userinfo.status, userinfo.header("content-type")), (StatusCode::OK, "application/jwt"));
        assert_eq!(userinfo.header("cache-control"), "no-store");
        let claims = match form {
            UserinfoForm::Signed => verified(&world, &userinfo.body).await,
            UserinfoForm::Encrypted(_) => {
                let (payload, header) = decrypt(&userinfo.body);
                assert_eq!(header.content_type(), None);
                serde_json::from_str(&payload).unwrap()
            }
            _ => {
                let (jwt, header) = decrypt(&userinfo.body);
                assert_eq!(header.content_type(), Some("JWT"));
                verified(&world, &jwt).await
            }
        };
        let id_token = world.id_token(tokens["id_token"].as_str().unwrap()).await;
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!("broker")));
        assert_eq!((&claims["sub"], &claims["name"]), (&id_token["sub"], &json!("Astrid Lindqvist")));
        // Nobody can take it for an ID token.
        assert_eq!((claims.get("exp"), claims.get("iat"), claims.get("nonce")), (None, None, None));
    }
}

#[tokio::test]
async fn with_userinfo_turned_off_all_claims_are_in_the_id_token() {
    let world = world(|client| client.userinfo = UserinfoForm::Off).await;
    let (tokens, userinfo) = log_in(&world).await;
    let id_token = world.id_token(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(
        (&id_token["name"], &id_token["birthdate"]),
        (&json!("Astrid Lindqvist"), &json!("1977-03-12"))
    );
    assert_eq!((userinfo.status, userinfo.body.as_str()), (StatusCode::FORBIDDEN, ""));
    assert!(userinfo.header("www-authenticate").contains("error=\"insufficient_scope\""));
    assert_eq!(world.last_refusal(), ("EG-1103".to_owned(), "insufficient_scope".to_owned()));
}

#[tokio::test]
async fn without_a_key_of_the_client_there_is_no_token_and_the_code_is_not_spent() {
    let sets = [None, Some(json!({"keys": []})), Some(json!({"keys": [KEYS.set["keys"][0]]}))];
    for set in sets {
        let world = world(|client| {
            client.keys = set.map(|set| ClientKeys::Inline(set.into()));
            client.id_token_encryption = Some(BY_RSA);
        })
        .await;
        let code = Browser::new(&world).code(&[], "plain").await;
        for _ in 0..2 {
            let refused = world.token(&code).await;
            assert_eq!(refused.token_error(), (500, "server_error".to_owned()));
            assert_eq!(world.last_refusal(), ("EG-1107".to_owned(), "server_error".to_owned()));
        }
    }
}

#[tokio::test]
async fn without_a_key_of_the_client_userinfo_is_not_answered_in_clear() {
    for form in [UserinfoForm::Encrypted(BY_RSA), UserinfoForm::SignedAndEncrypted(BY_RSA)] {
        let world = world(|client| {
            client.keys = None;
            client.userinfo = form;
        })
        .await;
        let (_, userinfo) = log_in(&world).await;
        let answered = (userinfo.status, userinfo.body.as_str());
        assert_eq!(answered, (StatusCode::INTERNAL_SERVER_ERROR, ""));
        assert_eq!(world.last_refusal(), ("EG-1107".to_owned(), "server_error".to_owned()));
        assert!(!world.event_names().contains(&"userinfo".to_owned()));
    }
}

#[tokio::test]
async fn discovery_says_what_can_be_encrypted_how() {
    let metadata = world(|_| {}).await.send(get("/.well-known/openid-configuration")).await.json();
    assert_eq!(metadata["userinfo_signing_alg_values_supported"], json!(["RS256"]));
    for what in ["id_token", "userinfo"] {
        let algorithms = &metadata[format!("{what}_encryption_alg_values_supported")];
        assert_eq!(*algorithms, json!(["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"]));
        let contents = &metadata[format!("{what}_encryption_enc_values_supported")];
        assert_eq!(*contents, json!(["A256GCM", "A128GCM"]));
    }
}
