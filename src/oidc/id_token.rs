//! The ID token (OpenID Connect Core §2).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::{Client, Grant, Issuer, Keyring};
use crate::clock::Timestamp;
use crate::crypto::jose::{JoseError, JwsAlgorithm};

/// How long an ID token is valid.
pub const LIFETIME: Duration = Duration::from_secs(300);

/// The claims of the ID token. What the protocol defines cannot be overwritten by a claim of the person.
#[must_use]
pub fn claims(
    grant: &Grant,
    client: &Client,
    access_token: &str,
    now: Timestamp,
    issuer: &Issuer,
) -> Map<String, Value> {
    let issued = now - client.iat_backdate;
    let mut claims = grant.id_token_claims.expose().clone();
    for name in RESERVED {
        claims.remove(name);
    }
    let mut put = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    put("iss", issuer.as_str().into());
    put("sub", grant.sub.expose().as_str().into());
    put("aud", client.id.as_str().into());
    put("azp", client.id.as_str().into());
    put("iat", issued.unix().into());
    put("exp", (now + LIFETIME).unix().into());
    // A node's clock may be ahead of ours; no one can have authenticated after the token was issued.
    put("auth_time", grant.auth_time.min(issued).unix().into());
    put("acr", grant.acr.as_str().into());
    put("at_hash", at_hash(access_token, client.id_token_alg).into());
    if let Some(nonce) = &grant.nonce {
        put("nonce", nonce.as_str().into());
    }
    if !grant.amr.is_empty() {
        put("amr", json!(grant.amr));
    }
    if let Some(txn) = &grant.txn {
        put("txn", txn.as_str().into());
    }
    if let Some(sid) = &grant.sid {
        put("sid", sid.as_str().into());
    }
    claims
}

/// The token of these claims, as the client has it: signed, and encrypted if it wants that.
///
/// # Errors
/// If a key is missing or fails.
pub fn make(claims: &Map<String, Value>, client: &Client, keys: &Keyring<'_>) -> Result<String, JoseError> {
    keys.jwt(claims, client, client.id_token_encryption.as_ref())
}

/// The left half of the access token's hash (OpenID Connect Core §3.1.3.6).
fn at_hash(access_token: &str, algorithm: JwsAlgorithm) -> String {
    let digest = algorithm.digest(access_token.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.get(..digest.len() / 2).unwrap_or_default())
}

/// Claims with which the protocol binds the token; a claim of the person never stands in for them.
const RESERVED: [&str; 17] = [
    "acr",
    "amr",
    "at_hash",
    "aud",
    "auth_time",
    "azp",
    "c_hash",
    "cnf",
    "exp",
    "iat",
    "iss",
    "jti",
    "nbf",
    "nonce",
    "sid",
    "sub",
    "txn",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::jose::{self, JwsKey};
    use crate::oidc::SigningKeys;
    use crate::oidc::test_support::{client, grant, issuer, now};

    fn made(grant: &Grant, client: &Client) -> Map<String, Value> {
        claims(grant, client, "access", now(), &issuer())
    }

    #[test]
    fn the_protocol_claims_are_those_of_the_login() {
        let at = now().unix();
        let expected = json!({
            "iss": "https://eidas.example.org",
            "sub": "pairwise-sub",
            "aud": "kc",
            "azp": "kc",
            "iat": at - 5,
            "exp": at + 300,
            "auth_time": at - 20,
            "nonce": "n-1",
            "acr": "http://eidas.europa.eu/LoA/high",
            "amr": ["eidas"],
            "txn": "t-1",
            "at_hash": at_hash("access", JwsAlgorithm::RS256),
            "eidas_country": "ES",
        });
        assert_eq!(Value::Object(made(&grant(), &client())), expected);
    }

    #[test]
    fn at_hash_is_that_of_openid_connect_core_appendix_a_3() {
        let access_token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(at_hash(access_token, JwsAlgorithm::RS256), "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[test]
    fn at_hash_is_half_the_hash_of_the_algorithm() {
        let octets = |algorithm| URL_SAFE_NO_PAD.decode(at_hash("x", algorithm)).unwrap().len();
        assert_eq!(JwsAlgorithm::ALL.map(octets), [16, 16, 16, 24, 32, 32]);
    }

    #[test]
    fn nobody_authenticated_after_the_token_was_issued() {
        for ahead in [0, 3, 60] {
            let ahead = Grant { auth_time: now() + Duration::from_secs(ahead), ..grant() };
            let claims = made(&ahead, &client());
            assert_eq!(claims["auth_time"], claims["iat"]);
        }
    }

    #[test]
    fn a_claim_of_the_person_never_stands_in_for_one_of_the_protocol() {
        let mut forged = grant();
        let all: Map<String, Value> =
            RESERVED.iter().map(|name| ((*name).to_owned(), "evil".into())).collect();
        forged.id_token_claims = crate::secret::Personal::new(all);
        forged.nonce = None;
        forged.txn = None;
        forged.amr.clear();
        let claims = made(&forged, &client());
        assert!(claims.values().all(|value| value != "evil"), "{claims:?}");
        for name in ["nonce", "txn", "amr", "nbf", "jti", "sid"] {
            assert!(!claims.contains_key(name), "{name}");
        }
    }

    #[test]
    fn the_token_is_signed_with_the_clients_algorithm() {
        let keys = SigningKeys::new(vec![
            JwsKey::generate(JwsAlgorithm::RS256).unwrap(),
            JwsKey::generate(JwsAlgorithm::ES256).unwrap(),
        ])
        .unwrap();
        let made_with = Keyring { ours: &keys, clients: None };
        for algorithm in [JwsAlgorithm::RS256, JwsAlgorithm::ES256] {
            let client = Client { id_token_alg: algorithm, ..client() };
            let claims = made(&grant(), &client);
            let token = make(&claims, &client, &made_with).unwrap();
            assert_eq!(jose::verify(&token, &keys.jwks(), &[algorithm]), Ok(claims));
        }
        let client = Client { id_token_alg: JwsAlgorithm::EdDSA, ..client() };
        assert_eq!(make(&made(&grant(), &client), &client, &made_with), Err(JoseError::Key("EdDSA")));
    }
}
