//! The keys that sign tokens, and the JWK Set that is published of them.

use serde_json::{Value, json};

use crate::crypto::jose::{JwsAlgorithm, JwsKey};

/// The provider's signing keys at one moment ([`super::TokenKeys`] has them over time). The first of an
/// algorithm signs; all are published, so that a key can be seen by clients before it is used and after.
#[derive(Clone, Debug)]
pub struct SigningKeys(Vec<JwsKey>);

impl SigningKeys {
    /// Takes the keys, the signing one of each algorithm first.
    ///
    /// # Errors
    /// If there is no RS256 key, which OpenID Connect Core §15.1 makes mandatory, or a key is there twice.
    pub fn new(keys: Vec<JwsKey>) -> Result<Self, SigningKeysError> {
        let twice =
            keys.iter().enumerate().find(|(at, key)| keys.iter().take(*at).any(|k| k.kid() == key.kid()));
        if let Some((_, key)) = twice {
            return Err(SigningKeysError::Twice(key.kid().to_owned()));
        }
        let keys = Self(keys);
        match keys.for_algorithm(JwsAlgorithm::RS256) {
            Some(_) => Ok(keys),
            None => Err(SigningKeysError::NoRs256),
        }
    }

    /// Keys of which it is known that they serve.
    pub(super) fn of(keys: impl Iterator<Item = JwsKey>) -> Self {
        Self(keys.collect())
    }

    /// All of them, those that sign first.
    #[must_use]
    pub fn all(&self) -> &[JwsKey] {
        &self.0
    }

    /// The key that signs with `algorithm` now.
    #[must_use]
    pub fn for_algorithm(&self, algorithm: JwsAlgorithm) -> Option<&JwsKey> {
        self.0.iter().find(|key| key.algorithm() == algorithm)
    }

    /// The algorithms for which there is a key, each once, in the order of [`JwsAlgorithm::ALL`].
    #[must_use]
    pub fn algorithms(&self) -> Vec<JwsAlgorithm> {
        JwsAlgorithm::ALL.into_iter().filter(|algorithm| self.for_algorithm(*algorithm).is_some()).collect()
    }

    /// The JWK Set (RFC 7517 §5): public parts only.
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.0.iter().map(JwsKey::public_jwk).collect::<Vec<_>>() })
    }
}

/// Why keys cannot serve a provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeysError {
    /// No key for the mandatory algorithm.
    #[error("there is no key for RS256, which every OpenID Provider must have")]
    NoRs256,
    /// Two keys have one `kid`.
    #[error("the key {0} is there twice")]
    Twice(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_of_an_algorithm_signs_and_all_are_published() {
        let [a, b, c] = [JwsAlgorithm::ES256, JwsAlgorithm::RS256, JwsAlgorithm::ES256]
            .map(|algorithm| JwsKey::generate(algorithm).unwrap());
        let keys = SigningKeys::new(vec![a.clone(), b.clone(), c.clone()]).unwrap();
        assert_eq!(keys.for_algorithm(JwsAlgorithm::ES256).unwrap().kid(), a.kid());
        assert!(keys.for_algorithm(JwsAlgorithm::EdDSA).is_none());
        assert_eq!(keys.algorithms(), [JwsAlgorithm::RS256, JwsAlgorithm::ES256]);
        let published = keys.jwks();
        let kids: Vec<_> =
            published["keys"].as_array().unwrap().iter().map(|k| k["kid"].as_str().unwrap()).collect();
        assert_eq!(kids, [a.kid(), b.kid(), c.kid()]);
        for key in published["keys"].as_array().unwrap() {
            assert_eq!(key["use"], "sig");
            for private in ["d", "p", "q", "dp", "dq", "qi"] {
                assert_eq!(key.get(private), None);
            }
        }
    }

    #[test]
    fn rs256_is_mandatory_and_no_key_is_there_twice() {
        let key = JwsKey::generate(JwsAlgorithm::ES256).unwrap();
        assert_eq!(SigningKeys::new(vec![key.clone()]).unwrap_err(), SigningKeysError::NoRs256);
        let twice = SigningKeysError::Twice(key.kid().to_owned());
        assert_eq!(SigningKeys::new(vec![key.clone(), key]).unwrap_err(), twice);
    }
}
