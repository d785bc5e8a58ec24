//! The ID token (OpenID Connect Core §2).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::{Client, Grant, Issuer, SigningKeys};
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
    claims
}

/// Signs the claims with the client's algorithm.
///
/// # Errors
/// If there is no key for the algorithm, or the key fails.
pub fn sign(claims: &Map<String, Value>, client: &Client, keys: &SigningKeys) -> Result<String, JoseError> {
    let algorithm = client.id_token_alg;
    keys.for_algorithm(algorithm).ok_or(JoseError::Key(algorithm.as_str()))?.sign("JWT", claims)
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
