//! What is encrypted to a client, with which algorithms, and how its claims leave the userinfo endpoint.

use serde_json::{Map, Value};

use super::{Client, SigningKeys};
use crate::crypto::jose::JoseError;
use crate::crypto::jwe::{JweAlgorithm, JweContentAlgorithm, Recipient};

/// The algorithms that a client has registered (OpenID Connect Dynamic Client Registration §2,
/// `*_encrypted_response_alg` and `_enc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// How the key reaches the client.
    pub algorithm: JweAlgorithm,
    /// How the content is encrypted.
    pub content: JweContentAlgorithm,
}

impl Encryption {
    /// Whether a JWK Set has a key for this.
    #[must_use]
    pub fn has_key_in(&self, jwks: &Value) -> bool {
        Recipient::find(jwks, self.algorithm).is_ok()
    }

    fn recipient(&self, keys: &Keyring<'_>) -> Result<Recipient, JoseError> {
        let keys = keys.clients.ok_or(JoseError::NoRecipient(self.algorithm.as_str()))?;
        Recipient::find(keys, self.algorithm)
    }
}

/// The keys with which something is made for one client.
#[derive(Clone, Copy, Debug)]
pub struct Keyring<'a> {
    /// Ours.
    pub ours: &'a SigningKeys,
    /// The client's JWK Set; `None` if it has none, or it cannot be had.
    pub clients: Option<&'a Value>,
}

impl Keyring<'_> {
    /// A JWT with the client's algorithm, and encrypted if that is said: never one without the other
    /// (OpenID Connect Core §10.2, §16.14).
    ///
    /// # Errors
    /// If a key is missing or fails.
    pub fn jwt(
        &self,
        claims: &Map<String, Value>,
        client: &Client,
        encryption: Option<&Encryption>,
    ) -> Result<String, JoseError> {
        // Before anything is signed: what cannot be encrypted is not made.
        let recipient = encryption.map(|encryption| Ok((encryption.recipient(self)?, encryption.content)));
        let recipient = recipient.transpose()?;
        let algorithm = client.id_token_alg;
        let key = self.ours.for_algorithm(algorithm).ok_or(JoseError::Key(algorithm.as_str()))?;
        let signed = key.sign("JWT", claims)?;
        match recipient {
            Some((recipient, content)) => recipient.encrypt_jwt(&signed, content),
            None => Ok(signed),
        }
    }

    /// Claims that are encrypted and not signed.
    ///
    /// # Errors
    /// If the key is missing or fails.
    pub fn encrypted(
        &self,
        claims: &Map<String, Value>,
        encryption: &Encryption,
    ) -> Result<String, JoseError> {
        encryption.recipient(self)?.encrypt_claims(claims, encryption.content)
    }
}

/// How a client's claims leave the userinfo endpoint (OpenID Connect Core §5.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserinfoForm {
    /// JSON.
    #[default]
    Json,
    /// A signed JWT.
    Signed,
    /// A JWT that is encrypted and not signed.
    Encrypted(Encryption),
    /// A JWT that is signed, then encrypted.
    SignedAndEncrypted(Encryption),
    /// Not at all: they are in the ID token, and nothing of them is kept.
    Off,
}

impl UserinfoForm {
    /// The algorithms, if it is encrypted.
    #[must_use]
    pub fn encryption(&self) -> Option<&Encryption> {
        match self {
            Self::Encrypted(encryption) | Self::SignedAndEncrypted(encryption) => Some(encryption),
            Self::Json | Self::Signed | Self::Off => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crypto::jose::{self, JwsAlgorithm, JwsKey};
    use crate::oidc::test_support::{TO_US, client};

    #[test]
    fn what_cannot_be_encrypted_is_not_made_and_never_sent_in_clear() {
        let ours = SigningKeys::new(vec![JwsKey::generate(JwsAlgorithm::RS256).unwrap()]).unwrap();
        let claims = json!({"sub": "x"}).as_object().unwrap().clone();
        let others = ours.jwks();
        let empty = json!({"keys": []});
        for clients in [None, Some(&others), Some(&empty), Some(&Value::Null)] {
            let keys = Keyring { ours: &ours, clients };
            let refused = JoseError::NoRecipient("ECDH-ES");
            assert_eq!(keys.jwt(&claims, &client(), Some(&TO_US)), Err(refused.clone()));
            assert_eq!(keys.encrypted(&claims, &TO_US), Err(refused));
            let plain = keys.jwt(&claims, &client(), None).unwrap();
            assert_eq!(jose::verify(&plain, &ours.jwks(), &[JwsAlgorithm::RS256]), Ok(claims.clone()));
        }
    }
}
