//! JWE to one recipient (RFC 7516), over josekit: tokens that only the client can read.
//!
//! The algorithms are a closed list. RSA with PKCS#1 v1.5 padding (`RSA1_5`, the oracle of Bleichenbacher) and
//! OAEP with SHA-1 (`RSA-OAEP`) are not on it.

use std::fmt;

use josekit::jwe::{self, JweEncrypter, JweHeader};
use josekit::jwk::Jwk;
use serde_json::{Map, Value};

use super::jose::JoseError;

/// How the key of the content reaches the recipient (`alg`, RFC 7518 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JweAlgorithm {
    /// RSAES-OAEP with SHA-256 and MGF1 with SHA-256.
    RsaOaep256,
    /// ECDH-ES; what is agreed is the key.
    EcdhEs,
    /// ECDH-ES; what is agreed wraps the key (AES-256 key wrap).
    EcdhEsA256Kw,
}

impl JweAlgorithm {
    /// All of them, in the order in which discovery lists them.
    pub const ALL: [Self; 3] = [Self::RsaOaep256, Self::EcdhEs, Self::EcdhEsA256Kw];

    /// The `alg` value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RsaOaep256 => "RSA-OAEP-256",
            Self::EcdhEs => "ECDH-ES",
            Self::EcdhEsA256Kw => "ECDH-ES+A256KW",
        }
    }

    /// Whether a JWK is of the kind that the algorithm needs. Its size is judged by [`Self::encrypter`].
    fn takes(self, key: &Map<String, Value>) -> bool {
        let member = |name: &str| key.get(name).and_then(Value::as_str);
        match self {
            Self::RsaOaep256 => member("kty") == Some("RSA"),
            Self::EcdhEs | Self::EcdhEsA256Kw => {
                member("kty") == Some("EC") && member("crv").is_some_and(|curve| CURVES.contains(&curve))
            }
        }
    }

    fn encrypter(self, jwk: &Jwk) -> Option<Box<dyn JweEncrypter>> {
        Some(match self {
            Self::RsaOaep256 => Box::new(jwe::RSA_OAEP_256.encrypter_from_jwk(jwk).ok()?),
            Self::EcdhEs => Box::new(jwe::ECDH_ES.encrypter_from_jwk(jwk).ok()?),
            Self::EcdhEsA256Kw => Box::new(jwe::ECDH_ES_A256KW.encrypter_from_jwk(jwk).ok()?),
        })
    }
}

/// How the content is encrypted (`enc`, RFC 7518 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JweContentAlgorithm {
    /// AES-128 in Galois/Counter mode.
    A128Gcm,
    /// AES-256 in Galois/Counter mode.
    A256Gcm,
}

impl JweContentAlgorithm {
    /// All of them, in the order in which discovery lists them.
    pub const ALL: [Self; 2] = [Self::A256Gcm, Self::A128Gcm];

    /// The `enc` value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A128Gcm => "A128GCM",
            Self::A256Gcm => "A256GCM",
        }
    }
}

/// A key of somebody else's, to encrypt to.
pub struct Recipient {
    encrypter: Box<dyn JweEncrypter>,
    kid: Option<String>,
}

impl Recipient {
    /// The first key of a JWK Set that is for encryption (`"use": "enc"`; a key that does not say so may be one
    /// for signatures), and for this algorithm: of its kind, large enough, and, if it names an algorithm, this
    /// one. Publishers put the key that they want used first (Keycloak orders by priority).
    ///
    /// # Errors
    /// [`JoseError::NoRecipient`].
    pub fn find(jwks: &Value, algorithm: JweAlgorithm) -> Result<Self, JoseError> {
        let keys = jwks.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut recipients = keys.iter().filter_map(|key| Self::new(key.as_object()?, algorithm));
        recipients.next().ok_or(JoseError::NoRecipient(algorithm.as_str()))
    }

    fn new(key: &Map<String, Value>, algorithm: JweAlgorithm) -> Option<Self> {
        let member = |name: &str| key.get(name).and_then(Value::as_str);
        let named = key.get("alg").is_none_or(|alg| alg == algorithm.as_str());
        if member("use") != Some("enc") || !named || !algorithm.takes(key) {
            return None;
        }
        let kid = member("kid").map(str::to_owned);
        let mut key = key.clone();
        // `use` says it already (RFC 7517 §4.3), and josekit asks for words of its own.
        key.remove("key_ops");
        let encrypter = algorithm.encrypter(&Jwk::from_map(key).ok()?)?;
        Some(Self { encrypter, kid })
    }

    /// A signed JWT, encrypted: a nested JWT (RFC 7519 §5.2).
    ///
    /// # Errors
    /// [`JoseError::Encrypt`].
    pub fn encrypt_jwt(&self, jwt: &str, content: JweContentAlgorithm) -> Result<String, JoseError> {
        self.encrypt(jwt.as_bytes(), Some("JWT"), content)
    }

    /// Claims, encrypted and not signed.
    ///
    /// # Errors
    /// [`JoseError::Encrypt`].
    pub fn encrypt_claims(
        &self,
        claims: &Map<String, Value>,
        content: JweContentAlgorithm,
    ) -> Result<String, JoseError> {
        let payload = serde_json::to_vec(claims).map_err(|_| JoseError::Encrypt)?;
        self.encrypt(&payload, None, content)
    }

    fn encrypt(
        &self,
        payload: &[u8],
        content_type: Option<&str>,
        content: JweContentAlgorithm,
    ) -> Result<String, JoseError> {
        let mut header = JweHeader::new();
        header.set_content_encryption(content.as_str());
        if let Some(content_type) = content_type {
            header.set_content_type(content_type);
        }
        if let Some(kid) = &self.kid {
            header.set_key_id(kid);
        }
        jwe::serialize_compact(payload, &header, &*self.encrypter).map_err(|_| JoseError::Encrypt)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({}, {:?})", self.encrypter.algorithm().name(), self.kid)
    }
}

/// The curves of RFC 7518 §6.2.1.1.
const CURVES: [&str; 3] = ["P-256", "P-384", "P-521"];

#[cfg(test)]
mod tests {
    use josekit::jwe::JweDecrypter;
    use josekit::jwk::alg::ec::{EcCurve, EcKeyPair};
    use josekit::jwk::alg::rsa::RsaKeyPair;
    use serde_json::json;

    use super::*;

    /// A private JWK for encryption, and what may be published of it.
    fn pair(algorithm: JweAlgorithm, curve: EcCurve, kid: &str) -> (Jwk, Value) {
        let (mut private, public) = match algorithm {
            JweAlgorithm::RsaOaep256 => {
                let pair = RsaKeyPair::generate(2048).unwrap();
                (pair.to_jwk_private_key(), pair.to_jwk_public_key())
            }
            _ => {
                let pair = EcKeyPair::generate(curve).unwrap();
                (pair.to_jwk_private_key(), pair.to_jwk_public_key())
            }
        };
        private.set_key_id(kid);
        let mut public = serde_json::to_value(public.as_ref()).unwrap();
        public["use"] = "enc".into();
        public["kid"] = kid.into();
        (private, public)
    }

    fn decrypt(algorithm: JweAlgorithm, private: &Jwk, token: &str) -> (String, JweHeader) {
        let decrypter: Box<dyn JweDecrypter> = match algorithm {
            JweAlgorithm::RsaOaep256 => Box::new(jwe::RSA_OAEP_256.decrypter_from_jwk(private).unwrap()),
            JweAlgorithm::EcdhEs => Box::new(jwe::ECDH_ES.decrypter_from_jwk(private).unwrap()),
            JweAlgorithm::EcdhEsA256Kw => Box::new(jwe::ECDH_ES_A256KW.decrypter_from_jwk(private).unwrap()),
        };
        let (payload, header) = jwe::deserialize_compact(token, &*decrypter).unwrap();
        (String::from_utf8(payload).unwrap(), header)
    }

    #[test]
    fn every_algorithm_encrypts_what_the_recipient_can_read() {
        for algorithm in JweAlgorithm::ALL {
            for content in JweContentAlgorithm::ALL {
                for curve in [EcCurve::P256, EcCurve::P384, EcCurve::P521] {
                    let (private, public) = pair(algorithm, curve, "k");
                    let recipient = Recipient::find(&json!({"keys": [public]}), algorithm).unwrap();
                    let token = recipient.encrypt_jwt("a.b.c", content).unwrap();
                    let (payload, header) = decrypt(algorithm, &private, &token);
                    assert_eq!(payload, "a.b.c");
                    assert_eq!(header.algorithm(), Some(algorithm.as_str()));
                    assert_eq!(header.content_encryption(), Some(content.as_str()));
                    assert_eq!((header.content_type(), header.key_id()), (Some("JWT"), Some("k")));
                    if algorithm == JweAlgorithm::RsaOaep256 {
                        break;
                    }
                }
            }
        }
    }

    #[test]
    fn claims_alone_are_no_nested_token() {
        let (private, public) = pair(JweAlgorithm::EcdhEs, EcCurve::P256, "k");
        let recipient = Recipient::find(&json!({"keys": [public]}), JweAlgorithm::EcdhEs).unwrap();
        let claims = json!({"sub": "García"}).as_object().unwrap().clone();
        let token = recipient.encrypt_claims(&claims, JweContentAlgorithm::A256Gcm).unwrap();
        let (payload, header) = decrypt(JweAlgorithm::EcdhEs, &private, &token);
        assert_eq!((payload.as_str(), header.content_type()), (r#"{"sub":"García"}"#, None));
        // No two are alike.
        assert_ne!(token, recipient.encrypt_claims(&claims, JweContentAlgorithm::A256Gcm).unwrap());
    }

    #[test]
    fn the_first_key_that_is_for_encryption_and_fits_is_taken() {
        let algorithm = JweAlgorithm::EcdhEsA256Kw;
        let key = |kid: &str, changes: Value| {
            let (_, mut public) = pair(algorithm, EcCurve::P256, kid);
            let public = public.as_object_mut().unwrap();
            public.extend(changes.as_object().unwrap().clone());
            public.retain(|_, value| !value.is_null());
            Value::Object(public.clone())
        };
        let (_, rsa) = pair(JweAlgorithm::RsaOaep256, EcCurve::P256, "rsa");
        let unfit = [
            key("for signatures", json!({"use": "sig"})),
            key("for nobody knows what", json!({"use": null})),
            key("for another algorithm", json!({"alg": "ECDH-ES"})),
            key("without a name for its algorithm", json!({"alg": 7})),
            key("not on the curve", json!({"x": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"})),
            key("on another curve than it says", json!({"crv": "P-384"})),
            key("on a curve that is not on the list", json!({"crv": "secp256k1"})),
            key("without a point", json!({"y": null})),
            json!({"kty": "OKP", "crv": "X25519", "use": "enc", "x": "AAAA"}),
            json!("text"),
            rsa,
        ];
        let none = |keys: &Value| Recipient::find(keys, algorithm).unwrap_err();
        for keys in unfit.iter().map(|key| json!({"keys": [key]})).chain([json!({}), json!({"keys": 1})]) {
            assert_eq!(none(&keys), JoseError::NoRecipient("ECDH-ES+A256KW"), "{keys}");
        }
        let mut keys = unfit.to_vec();
        keys.push(key("new", json!({"alg": "ECDH-ES+A256KW", "key_ops": ["deriveBits"]})));
        keys.push(key("old", json!({})));
        let recipient = Recipient::find(&json!({ "keys": keys }), algorithm).unwrap();
        assert_eq!(format!("{recipient:?}"), "Recipient(ECDH-ES+A256KW, Some(\"new\"))");
    }

    #[test]
    fn an_rsa_key_has_2048_bits_or_more_and_is_never_used_with_sha_1() {
        let pair = RsaKeyPair::generate(1024).unwrap();
        let mut public = serde_json::to_value(pair.to_jwk_public_key().as_ref()).unwrap();
        public["use"] = "enc".into();
        let found = |key: &Value| Recipient::find(&json!({"keys": [key]}), JweAlgorithm::RsaOaep256);
        assert_eq!(found(&public).unwrap_err(), JoseError::NoRecipient("RSA-OAEP-256"));
        let (_, mut public) = self::pair(JweAlgorithm::RsaOaep256, EcCurve::P256, "k");
        assert!(found(&public).is_ok());
        for weak in ["RSA-OAEP", "RSA1_5"] {
            public["alg"] = weak.into();
            assert_eq!(found(&public).unwrap_err(), JoseError::NoRecipient("RSA-OAEP-256"));
            assert!(JweAlgorithm::ALL.iter().all(|algorithm| algorithm.as_str() != weak));
        }
    }
}
