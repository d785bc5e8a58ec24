//! A client, a grant and an instant for the tests of this module.

use std::sync::LazyLock;

use serde_json::json;

use super::client::SecretHash;
use super::pkce::CodeChallenge;
use super::{Blinding, Client, Encryption, Grant, Issuer, Provider, RedirectUri, SigningKeys};
use crate::clock::Timestamp;
use crate::crypto::jose::{JwsAlgorithm, JwsKey};
use crate::crypto::jwe::{JweAlgorithm, JweContentAlgorithm};
use crate::secret::Personal;

pub(super) const CALLBACK: &str = "https://rp.example/cb";
pub(super) const SECRET: &str = "s-e.c_r~et0";
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// How to encrypt to a client with a key on a curve.
pub(super) const TO_US: Encryption =
    Encryption { algorithm: JweAlgorithm::EcdhEs, content: JweContentAlgorithm::A256Gcm };

pub(super) fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T10:15:30Z").unwrap()
}

pub(super) fn issuer() -> Issuer {
    Issuer::parse("https://eidas.example.org").unwrap()
}

pub(super) fn client() -> Client {
    Client::new("kc", SecretHash::of(SECRET), vec![RedirectUri::register(CALLBACK).unwrap()])
}

pub(super) fn grant() -> Grant {
    let claims = |value| Personal::new(serde_json::from_value(value).unwrap());
    Grant {
        client_id: "kc".to_owned(),
        redirect_uri: CALLBACK.to_owned(),
        code_challenge: Some(CodeChallenge::of(VERIFIER)),
        dpop_jkt: None,
        nonce: Some("n-1".to_owned()),
        scope: ["openid", "profile"].map(str::to_owned).into(),
        sub: Personal::new("pairwise-sub".to_owned()),
        auth_time: Timestamp::parse("2026-11-21T10:15:10Z").unwrap(),
        acr: "http://eidas.europa.eu/LoA/high".to_owned(),
        amr: vec!["eidas".to_owned()],
        txn: Some("t-1".to_owned()),
        sid: None,
        id_token_claims: claims(json!({ "eidas_country": "ES" })),
        userinfo_claims: claims(json!({ "family_name": "García", "sub": "other", "acr": "other" })),
    }
}

static KEYS: LazyLock<SigningKeys> = LazyLock::new(|| {
    let keys =
        [JwsAlgorithm::RS256, JwsAlgorithm::ES256].map(|algorithm| JwsKey::generate(algorithm).unwrap());
    SigningKeys::new(keys.into()).unwrap()
});
static ISSUER: LazyLock<Issuer> = LazyLock::new(issuer);
static BLINDING: LazyLock<Blinding> = LazyLock::new(|| Blinding::new([3; 32]));

/// Keys for RS256 and ES256.
pub(super) fn keys() -> &'static SigningKeys {
    &KEYS
}

pub(super) fn provider() -> Provider<'static> {
    Provider { issuer: &ISSUER, keys: KEYS.clone(), blinding: &BLINDING }
}
