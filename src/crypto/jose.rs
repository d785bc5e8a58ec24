//! JWS keys and signatures (RFC 7515, 7517, 7518, 8037), over josekit.
//!
//! A key has one algorithm, fixed when it is loaded; the header of a token never chooses it.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use josekit::jwk::alg::{ec::EcCurve, ec::EcKeyPair, ed::EdCurve, ed::EdKeyPair, rsa::RsaKeyPair};
use josekit::jwk::{Jwk, KeyPair};
use josekit::jws::{self, JwsHeader, JwsSigner, JwsVerifier};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{DigestAlgorithm, PrivateKey};
use crate::secret::Secret;

/// The signature algorithms that the OpenID Provider offers (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JwsAlgorithm {
    /// ECDSA with P-256 and SHA-256.
    ES256,
    /// ECDSA with P-384 and SHA-384.
    ES384,
    /// ECDSA with P-521 and SHA-512.
    ES512,
    /// Ed25519.
    EdDSA,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PKCS1-v1_5 with SHA-256: what OpenID Connect Core §15.1 makes mandatory.
    RS256,
}

/// Why a key or a token cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoseError {
    /// The key is not one for the algorithm, or too small.
    #[error("this is not a private key for {0}")]
    Key(&'static str),
    /// No key of the recipient's can be encrypted to.
    #[error("the recipient has no key for {0}")]
    NoRecipient(&'static str),
    /// Encrypting failed.
    #[error("the token could not be encrypted")]
    Encrypt,
    /// Signing failed.
    #[error("the token could not be signed")]
    Sign,
    /// The token is not a compact JWS of a JSON object.
    #[error("the token is malformed")]
    Malformed,
    /// The token's algorithm is not allowed here.
    #[error("the token's algorithm is not allowed")]
    Algorithm,
    /// No key with the token's `kid` and algorithm.
    #[error("no key fits the token")]
    UnknownKey,
    /// The signature does not verify.
    #[error("the token's signature does not verify")]
    Signature,
}

impl JwsAlgorithm {
    /// All of them, in the order in which discovery lists them.
    pub const ALL: [Self; 6] = [Self::RS256, Self::PS256, Self::ES256, Self::ES384, Self::ES512, Self::EdDSA];

    /// The `alg` value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::EdDSA => "EdDSA",
            Self::PS256 => "PS256",
            Self::RS256 => "RS256",
        }
    }

    /// The algorithm of an `alg` value.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == name)
    }

    /// The hash that goes with the algorithm, as `at_hash` wants it (OpenID Connect Core §3.1.3.6).
    #[must_use]
    pub fn digest(self, data: &[u8]) -> Vec<u8> {
        let digest = match self {
            Self::ES256 | Self::PS256 | Self::RS256 => DigestAlgorithm::Sha256,
            Self::ES384 => DigestAlgorithm::Sha384,
            // Ed25519 hashes with SHA-512 (RFC 8032 §5.1).
            Self::ES512 | Self::EdDSA => DigestAlgorithm::Sha512,
        };
        digest.digest(data)
    }

    fn verifier(self, jwk: &Jwk) -> Option<Box<dyn JwsVerifier>> {
        Some(match self {
            Self::ES256 => Box::new(jws::ES256.verifier_from_jwk(jwk).ok()?),
            Self::ES384 => Box::new(jws::ES384.verifier_from_jwk(jwk).ok()?),
            Self::ES512 => Box::new(jws::ES512.verifier_from_jwk(jwk).ok()?),
            Self::EdDSA => Box::new(jws::EdDSA.verifier_from_jwk(jwk).ok()?),
            Self::PS256 => Box::new(jws::PS256.verifier_from_jwk(jwk).ok()?),
            Self::RS256 => Box::new(jws::RS256.verifier_from_jwk(jwk).ok()?),
        })
    }
}

/// A private key that signs tokens with one algorithm.
#[derive(Clone)]
pub struct JwsKey(Arc<Inner>);

struct Inner {
    algorithm: JwsAlgorithm,
    kid: String,
    public: Value,
    signer: Box<dyn JwsSigner>,
}

impl JwsKey {
    /// A key for `algorithm`, with its `kid` (the thumbprint of RFC 7638).
    ///
    /// # Errors
    /// [`JoseError::Key`] if it is a key of another kind, curve, or below 2048 bits.
    pub fn new(algorithm: JwsAlgorithm, key: &PrivateKey) -> Result<Self, JoseError> {
        let pem = key.to_pem().map_err(|_| JoseError::Key(algorithm.as_str()))?;
        Self::from_pem(algorithm, pem.expose())
    }

    /// A key from PKCS#8 in PEM.
    ///
    /// # Errors
    /// As [`JwsKey::new`].
    pub fn from_pem(algorithm: JwsAlgorithm, pem: &[u8]) -> Result<Self, JoseError> {
        let wrong = |_| JoseError::Key(algorithm.as_str());
        let (signer, jwk): (Box<dyn JwsSigner>, Jwk) = match algorithm {
            JwsAlgorithm::RS256 => {
                let jwk = RsaKeyPair::from_pem(pem).map_err(wrong)?.to_jwk_public_key();
                (Box::new(jws::RS256.signer_from_pem(pem).map_err(wrong)?), jwk)
            }
            JwsAlgorithm::PS256 => {
                let jwk = RsaKeyPair::from_pem(pem).map_err(wrong)?.to_jwk_public_key();
                let pair = RsaKeyPair::from_pem(pem).map_err(wrong)?.to_jwk_private_key();
                (Box::new(jws::PS256.signer_from_jwk(&pair).map_err(wrong)?), jwk)
            }
            JwsAlgorithm::ES256 => {
                let pair = EcKeyPair::from_pem(pem, Some(EcCurve::P256)).map_err(wrong)?;
                (Box::new(jws::ES256.signer_from_pem(pem).map_err(wrong)?), pair.to_jwk_public_key())
            }
            JwsAlgorithm::ES384 => {
                let pair = EcKeyPair::from_pem(pem, Some(EcCurve::P384)).map_err(wrong)?;
                (Box::new(jws::ES384.signer_from_pem(pem).map_err(wrong)?), pair.to_jwk_public_key())
            }
            JwsAlgorithm::ES512 => {
                let pair = EcKeyPair::from_pem(pem, Some(EcCurve::P521)).map_err(wrong)?;
                (Box::new(jws::ES512.signer_from_pem(pem).map_err(wrong)?), pair.to_jwk_public_key())
            }
            JwsAlgorithm::EdDSA => {
                let pair = EdKeyPair::from_pem(pem).map_err(wrong)?;
                (Box::new(jws::EdDSA.signer_from_pem(pem).map_err(wrong)?), pair.to_jwk_public_key())
            }
        };
        let (kid, public) = publish(algorithm, &jwk)?;
        Ok(Self(Arc::new(Inner { algorithm, kid, public, signer })))
    }

    /// A fresh key in PKCS#8 PEM: RSA with 3072 bits, the algorithm's curve, or Ed25519.
    ///
    /// # Errors
    /// [`JoseError::Key`] if OpenSSL cannot make one.
    pub fn generate_pem(algorithm: JwsAlgorithm) -> Result<Secret<Vec<u8>>, JoseError> {
        let failed = |_| JoseError::Key(algorithm.as_str());
        let pem = match algorithm {
            JwsAlgorithm::RS256 | JwsAlgorithm::PS256 => {
                RsaKeyPair::generate(3072).map_err(failed)?.to_pem_private_key()
            }
            JwsAlgorithm::ES256 => EcKeyPair::generate(EcCurve::P256).map_err(failed)?.to_pem_private_key(),
            JwsAlgorithm::ES384 => EcKeyPair::generate(EcCurve::P384).map_err(failed)?.to_pem_private_key(),
            JwsAlgorithm::ES512 => EcKeyPair::generate(EcCurve::P521).map_err(failed)?.to_pem_private_key(),
            JwsAlgorithm::EdDSA => {
                EdKeyPair::generate(EdCurve::Ed25519).map_err(failed)?.to_pem_private_key()
            }
        };
        Ok(Secret::new(pem))
    }

    /// A fresh key, as [`JwsKey::generate_pem`] makes it.
    ///
    /// # Errors
    /// [`JoseError::Key`] if OpenSSL cannot make one.
    pub fn generate(algorithm: JwsAlgorithm) -> Result<Self, JoseError> {
        Self::from_pem(algorithm, Self::generate_pem(algorithm)?.expose())
    }

    /// The key's identifier: its RFC 7638 thumbprint.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// The algorithm of its signatures.
    #[must_use]
    pub fn algorithm(&self) -> JwsAlgorithm {
        self.0.algorithm
    }

    /// The public half as JWK with `use`, `alg` and `kid`.
    #[must_use]
    pub fn public_jwk(&self) -> &Value {
        &self.0.public
    }

    /// Signs `claims` as compact JWS with this header, to which only `alg` is added.
    ///
    /// # Errors
    /// [`JoseError::Sign`].
    pub fn sign_under(
        &self,
        header: &Map<String, Value>,
        claims: &Map<String, Value>,
    ) -> Result<String, JoseError> {
        let header = JwsHeader::from_map(header.clone()).map_err(|_| JoseError::Sign)?;
        let payload = serde_json::to_vec(claims).map_err(|_| JoseError::Sign)?;
        jws::serialize_compact(&payload, &header, &*self.0.signer).map_err(|_| JoseError::Sign)
    }

    /// Signs `claims` as compact JWS with the header `typ`, `alg` and `kid`.
    ///
    /// # Errors
    /// [`JoseError::Sign`].
    pub fn sign(&self, typ: &str, claims: &Map<String, Value>) -> Result<String, JoseError> {
        let mut header = JwsHeader::new();
        header.set_token_type(typ);
        header.set_key_id(&self.0.kid);
        let payload = serde_json::to_vec(claims).map_err(|_| JoseError::Sign)?;
        jws::serialize_compact(&payload, &header, &*self.0.signer).map_err(|_| JoseError::Sign)
    }
}

impl fmt::Debug for JwsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JwsKey({}, {})", self.0.algorithm.as_str(), self.0.kid)
    }
}

/// Verifies a compact JWS against a JWK Set and returns its claims. The key must have the token's `kid`
/// and, if it names an algorithm, the token's; only `allowed` algorithms are looked at. A token may do
/// without `kid` if the set has one key only. Time and audience are the caller's to check.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify(token: &str, jwks: &Value, allowed: &[JwsAlgorithm]) -> Result<Map<String, Value>, JoseError> {
    let header = josekit::jwt::decode_header(token).map_err(|_| JoseError::Malformed)?;
    let name = header.claim("alg").and_then(Value::as_str).ok_or(JoseError::Malformed)?;
    let algorithm =
        JwsAlgorithm::from_name(name).filter(|a| allowed.contains(a)).ok_or(JoseError::Algorithm)?;
    let kid = header.claim("kid").and_then(Value::as_str);
    let keys = jwks.get("keys").and_then(Value::as_array).ok_or(JoseError::UnknownKey)?;
    let is_meant = |key: &Value| match kid {
        Some(kid) => key.get("kid").and_then(Value::as_str) == Some(kid),
        None => keys.len() == 1,
    };
    let key = keys
        .iter()
        .find(|k| is_meant(k) && k.get("alg").and_then(Value::as_str).is_none_or(|alg| alg == name))
        .and_then(Value::as_object)
        .ok_or(JoseError::UnknownKey)?;
    let mut key = key.clone();
    if kid.is_none() {
        // josekit would ask for the key's own.
        key.remove("kid");
    }
    verify_by(token, key, algorithm)
}

/// Verifies a compact JWS with one key, whatever `kid` says, and returns its claims.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify_with(
    token: &str,
    jwk: &Value,
    algorithm: JwsAlgorithm,
) -> Result<Map<String, Value>, JoseError> {
    let mut key = jwk.as_object().cloned().ok_or(JoseError::UnknownKey)?;
    key.remove("kid");
    verify_by(token, key, algorithm)
}

fn verify_by(
    token: &str,
    key: Map<String, Value>,
    algorithm: JwsAlgorithm,
) -> Result<Map<String, Value>, JoseError> {
    let jwk = Jwk::from_map(key).map_err(|_| JoseError::UnknownKey)?;
    let verifier = algorithm.verifier(&jwk).ok_or(JoseError::UnknownKey)?;
    let (payload, _) = jws::deserialize_compact(token, &*verifier).map_err(|_| JoseError::Signature)?;
    serde_json::from_slice(&payload).map_err(|_| JoseError::Malformed)
}

/// What the header of a JWT says that it is (`typ`, RFC 7519 §5.1). Good for refusing what was made for another
/// purpose, once the signature holds.
#[must_use]
pub fn token_type(token: &str) -> Option<String> {
    let header = josekit::jwt::decode_header(token).ok()?;
    header.claim("typ").and_then(Value::as_str).map(str::to_owned)
}

/// Verifies a compact JWS that was made with HS256 (RFC 7518 §3.2) and `secret`, and returns its claims.
///
/// # Errors
/// The first thing that is wrong.
pub fn verify_hs256(token: &str, secret: &[u8]) -> Result<Map<String, Value>, JoseError> {
    let header = josekit::jwt::decode_header(token).map_err(|_| JoseError::Malformed)?;
    if header.claim("alg").and_then(Value::as_str) != Some("HS256") {
        return Err(JoseError::Algorithm);
    }
    let verifier = jws::HS256.verifier_from_bytes(secret).map_err(|_| JoseError::UnknownKey)?;
    let (payload, _) = jws::deserialize_compact(token, &verifier).map_err(|_| JoseError::Signature)?;
    serde_json::from_slice(&payload).map_err(|_| JoseError::Malformed)
}

/// Checks that this is a JWK Set, and of public keys only.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_public_keys(jwks: &Value) -> Result<(), JwksFault> {
    let keys = jwks.get("keys").and_then(Value::as_array).ok_or(JwksFault::Malformed)?;
    if keys.iter().any(holds_private_members) { Err(JwksFault::Private) } else { Ok(()) }
}

/// Checks a JWK Set of somebody else's public keys that are to verify with `algorithm`: what could go wrong
/// with it later is found now.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_keys_for(jwks: &Value, algorithm: JwsAlgorithm) -> Result<(), JwksFault> {
    check_public_keys(jwks)?;
    let keys = jwks.get("keys").and_then(Value::as_array).ok_or(JwksFault::Malformed)?;
    if keys.iter().any(|key| is_public_key_for(key, algorithm)) {
        Ok(())
    } else {
        Err(JwksFault::NoKey(algorithm.as_str()))
    }
}

/// Why a JWK Set cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwksFault {
    /// Not a JSON object with the member `keys`.
    #[error("this is not a JWK Set: a JSON object with the array `keys`")]
    Malformed,
    /// No key that the algorithm can use.
    #[error("no key in the JWK Set fits {0}")]
    NoKey(&'static str),
    /// It gives away a private or symmetric key.
    #[error("the JWK Set holds a private key; it must hold public keys only")]
    Private,
}

/// Whether this is a public key (RFC 7517) that `algorithm` can verify with, and nothing private.
#[must_use]
pub fn is_public_key_for(jwk: &Value, algorithm: JwsAlgorithm) -> bool {
    let named = jwk.get("alg").and_then(Value::as_str).is_none_or(|alg| alg == algorithm.as_str());
    let key = jwk.as_object().and_then(|key| Jwk::from_map(key.clone()).ok());
    named && !holds_private_members(jwk) && key.is_some_and(|key| algorithm.verifier(&key).is_some())
}

/// The RFC 7638 thumbprint of a public key, by SHA-256 and in base64url.
#[must_use]
pub fn thumbprint(jwk: &Value) -> Option<String> {
    let members: &[&str] = match jwk.get("kty").and_then(Value::as_str)? {
        "RSA" => &["e", "kty", "n"],
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        _ => return None,
    };
    let required: Option<Map<String, Value>> =
        members.iter().map(|name| Some(((*name).to_owned(), jwk.get(name)?.clone()))).collect();
    digest_of(&required?)
}

/// RFC 7638 §3.3: the required members in lexicographic order, which is the order of serde_json's map.
fn digest_of(required: &Map<String, Value>) -> Option<String> {
    let canonical = serde_json::to_vec(required).ok()?;
    Some(URL_SAFE_NO_PAD.encode(super::hash::sha256(&canonical)))
}

/// Whether a JWK gives away what only its owner may know.
fn holds_private_members(key: &Value) -> bool {
    PRIVATE_MEMBERS.iter().any(|member| key.get(member).is_some())
}

/// Members of a JWK that only the owner of the key may know (RFC 7518 §6).
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "k"];

/// The `kid` and the JWK that is published for a public key.
fn publish(algorithm: JwsAlgorithm, jwk: &Jwk) -> Result<(String, Value), JoseError> {
    let members: &[&str] = match algorithm {
        JwsAlgorithm::RS256 | JwsAlgorithm::PS256 => &["e", "kty", "n"],
        JwsAlgorithm::ES256 | JwsAlgorithm::ES384 | JwsAlgorithm::ES512 => &["crv", "kty", "x", "y"],
        JwsAlgorithm::EdDSA => &["crv", "kty", "x"],
    };
    let mut required = Map::new();
    for member in members {
        let value = jwk.parameter(member).ok_or(JoseError::Key(algorithm.as_str()))?;
        required.insert((*member).to_owned(), value.clone());
    }
    let kid = digest_of(&required).ok_or(JoseError::Sign)?;
    required.insert("use".to_owned(), "sig".into());
    required.insert("alg".to_owned(), algorithm.as_str().into());
    required.insert("kid".to_owned(), kid.clone().into());
    Ok((kid, Value::Object(required)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Map<String, Value> {
        [("sub".to_owned(), Value::from("abc"))].into_iter().collect()
    }

    #[test]
    fn every_algorithm_signs_what_it_verifies() {
        for algorithm in JwsAlgorithm::ALL {
            let key = JwsKey::generate(algorithm).unwrap();
            let token = key.sign("JWT", &claims()).unwrap();
            let jwks = serde_json::json!({ "keys": [key.public_jwk()] });
            assert_eq!(verify(&token, &jwks, &[algorithm]), Ok(claims()), "{algorithm:?}");
            assert_eq!(key.kid().len(), 43);
            assert!(key.public_jwk().get("d").is_none(), "{algorithm:?} published its private part");
        }
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_7638_3_1() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let mut jwk = Jwk::new("RSA");
        jwk.set_parameter("n", Some(n.into())).unwrap();
        jwk.set_parameter("e", Some("AQAB".into())).unwrap();
        let (kid, _) = publish(JwsAlgorithm::RS256, &jwk).unwrap();
        assert_eq!(kid, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_token_cannot_choose_its_algorithm_or_key() {
        let rsa = JwsKey::generate(JwsAlgorithm::RS256).unwrap();
        let other = JwsKey::generate(JwsAlgorithm::ES256).unwrap();
        let token = rsa.sign("JWT", &claims()).unwrap();
        let jwks = serde_json::json!({ "keys": [rsa.public_jwk()] });
        assert_eq!(verify(&token, &jwks, &[JwsAlgorithm::PS256]), Err(JoseError::Algorithm));
        let others = serde_json::json!({ "keys": [other.public_jwk()] });
        assert_eq!(verify(&token, &others, &JwsAlgorithm::ALL), Err(JoseError::UnknownKey));
        let none = format!("eyJhbGciOiJub25lIn0.{}.", token.split('.').nth(1).unwrap());
        assert_eq!(verify(&none, &jwks, &JwsAlgorithm::ALL), Err(JoseError::Algorithm));
        let mut parts: Vec<&str> = token.split('.').collect();
        parts[1] = "eyJzdWIiOiJ4eXoifQ";
        assert_eq!(verify(&parts.join("."), &jwks, &JwsAlgorithm::ALL), Err(JoseError::Signature));
    }

    #[test]
    fn a_token_without_kid_is_good_if_there_is_one_key_only() {
        let [a, b] = [(); 2].map(|()| JwsKey::generate(JwsAlgorithm::ES256).unwrap());
        let token = a.sign("JWT", &claims()).unwrap();
        let mut parts: Vec<&str> = token.split('.').collect();
        let mut header = JwsHeader::new();
        header.set_token_type("JWT");
        let bare = jws::serialize_compact(b"{\"sub\":\"abc\"}", &header, &*a.0.signer).unwrap();
        let one = serde_json::json!({ "keys": [a.public_jwk()] });
        let two = serde_json::json!({ "keys": [a.public_jwk(), b.public_jwk()] });
        assert_eq!(verify(&bare, &one, &[JwsAlgorithm::ES256]), Ok(claims()));
        assert_eq!(verify(&bare, &two, &[JwsAlgorithm::ES256]), Err(JoseError::UnknownKey));
        // Nor does a critical header that we do not know pass (RFC 7515 §4.1.11).
        use base64::Engine as _;
        let critical = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .encode(format!("{{\"alg\":\"ES256\",\"kid\":\"{}\",\"crit\":[\"x\"],\"x\":1}}", a.kid()));
        parts[0] = &critical;
        assert_eq!(verify(&parts.join("."), &one, &[JwsAlgorithm::ES256]), Err(JoseError::Signature));
    }

    #[test]
    fn a_set_of_public_keys_is_public_and_fits() {
        let key = JwsKey::generate(JwsAlgorithm::ES256).unwrap();
        let check = |jwks: Value| check_keys_for(&jwks, JwsAlgorithm::ES256);
        assert_eq!(check(serde_json::json!({ "keys": [key.public_jwk()] })), Ok(()));
        for jwks in [serde_json::json!({}), serde_json::json!([]), serde_json::json!({"keys": {}})] {
            assert_eq!(check(jwks), Err(JwksFault::Malformed));
        }
        let mut private = key.public_jwk().clone();
        private["d"] = "AAAA".into();
        assert_eq!(check(serde_json::json!({ "keys": [private] })), Err(JwksFault::Private));
        let none = JwksFault::NoKey("ES256");
        assert_eq!(check(serde_json::json!({"keys": [{"kty": "EC"}]})), Err(none.clone()));
        let other = JwsKey::generate(JwsAlgorithm::ES384).unwrap();
        assert_eq!(check(serde_json::json!({ "keys": [other.public_jwk()] })), Err(none));
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        let pem = JwsKey::generate_pem(JwsAlgorithm::ES256).unwrap();
        for algorithm in [JwsAlgorithm::RS256, JwsAlgorithm::ES384, JwsAlgorithm::EdDSA] {
            let refused = JwsKey::from_pem(algorithm, pem.expose()).unwrap_err();
            assert_eq!(refused, JoseError::Key(algorithm.as_str()));
        }
    }
}
