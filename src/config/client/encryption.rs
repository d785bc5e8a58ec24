//! What is encrypted to a client, and how its claims leave the userinfo endpoint.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Client;
use crate::config::fault::Findings;
use crate::config::files::Files;
use crate::crypto::jwe::{JweAlgorithm, JweContentAlgorithm};
use crate::oidc::{ClientKeys, Encryption, UserinfoForm};

/// How claims leave the userinfo endpoint (OpenID Connect Core §5.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Userinfo {
    /// As JSON, which every broker understands.
    #[default]
    Json,
    /// As a JWT that is signed with `id_token_alg`.
    Signed,
    /// As a JWT that is encrypted and not signed. Needs `userinfo_encryption_alg`.
    Encrypted,
    /// As a JWT that is signed, then encrypted. Needs `userinfo_encryption_alg`.
    SignedAndEncrypted,
    /// Not at all: the ID token holds all claims, and nothing is kept of them after it was made.
    Off,
}

/// How the key of an encrypted token reaches the client (RFC 7518 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EncryptionAlgorithm {
    /// RSA-OAEP with SHA-256.
    #[serde(rename = "RSA-OAEP-256")]
    RsaOaep256,
    /// ECDH-ES on P-256, P-384 or P-521.
    #[serde(rename = "ECDH-ES")]
    EcdhEs,
    /// The same, with a wrapped key.
    #[serde(rename = "ECDH-ES+A256KW")]
    EcdhEsA256Kw,
}

/// How the content of an encrypted token is encrypted (RFC 7518 §5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ContentEncryption {
    /// AES-128 in Galois/Counter mode.
    A128GCM,
    /// AES-256 in Galois/Counter mode.
    #[default]
    A256GCM,
}

impl Client {
    pub(super) fn check_encryption(&self, at: &str, findings: &mut Findings) {
        let mut add = |key: &str, code, message: &str| findings.add(format!("{at}.{key}"), code, message);
        let encrypts = matches!(self.userinfo, Userinfo::Encrypted | Userinfo::SignedAndEncrypted);
        match self.userinfo_encryption_alg {
            None if encrypts => add("userinfo_encryption_alg", "missing_key", "this userinfo needs one"),
            Some(_) if !encrypts => {
                add("userinfo_encryption_alg", "contradiction", "this userinfo is not encrypted");
            }
            _ => {}
        }
        for (key, enc, alg) in [
            ("id_token_encryption_enc", self.id_token_encryption_enc, self.id_token_encryption_alg),
            ("userinfo_encryption_enc", self.userinfo_encryption_enc, self.userinfo_encryption_alg),
        ] {
            if alg.is_none() && enc != ContentEncryption::default() {
                add(key, "contradiction", "nothing is encrypted without the option that ends in _alg");
            }
        }
    }

    /// Whether something is encrypted to this client.
    pub(super) fn is_encrypted_to(&self) -> bool {
        self.id_token_encryption_alg.is_some() || self.userinfo_encryption_alg.is_some()
    }

    /// Keys that lie here have to hold one for each algorithm; those elsewhere are looked at when they are fetched.
    pub(in crate::config) fn check_recipient(
        &self,
        at: &str,
        keys: Option<&ClientKeys>,
        files: &mut Files<'_>,
    ) {
        let Some(ClientKeys::Inline(jwks)) = keys else { return };
        let unfit = |encryption: &Encryption, jwks: &Value| !encryption.has_key_in(jwks);
        for (key, encryption) in [
            ("id_token_encryption_alg", self.id_token_encryption()),
            ("userinfo_encryption_alg", self.userinfo_form().encryption().copied()),
        ] {
            if let Some(encryption) = encryption.filter(|encryption| unfit(encryption, jwks)) {
                let algorithm = encryption.algorithm.as_str();
                let message = format!("the client has no key for {algorithm} with \"use\": \"enc\"");
                files.findings.add(format!("{at}.{key}"), "bad_jwks", message);
            }
        }
    }

    pub(in crate::config) fn id_token_encryption(&self) -> Option<Encryption> {
        encryption(self.id_token_encryption_alg, self.id_token_encryption_enc)
    }

    pub(in crate::config) fn userinfo_form(&self) -> UserinfoForm {
        let encryption = encryption(self.userinfo_encryption_alg, self.userinfo_encryption_enc);
        match (self.userinfo, encryption) {
            (Userinfo::Json, _) => UserinfoForm::Json,
            (Userinfo::Signed, _) => UserinfoForm::Signed,
            (Userinfo::Encrypted, Some(encryption)) => UserinfoForm::Encrypted(encryption),
            (Userinfo::SignedAndEncrypted, Some(encryption)) => UserinfoForm::SignedAndEncrypted(encryption),
            // Without an algorithm the check has refused the configuration; nothing goes out in clear.
            (Userinfo::Encrypted | Userinfo::SignedAndEncrypted, None) | (Userinfo::Off, _) => {
                UserinfoForm::Off
            }
        }
    }
}

fn encryption(algorithm: Option<EncryptionAlgorithm>, content: ContentEncryption) -> Option<Encryption> {
    let algorithm = match algorithm? {
        EncryptionAlgorithm::RsaOaep256 => JweAlgorithm::RsaOaep256,
        EncryptionAlgorithm::EcdhEs => JweAlgorithm::EcdhEs,
        EncryptionAlgorithm::EcdhEsA256Kw => JweAlgorithm::EcdhEsA256Kw,
    };
    let content = match content {
        ContentEncryption::A128GCM => JweContentAlgorithm::A128Gcm,
        ContentEncryption::A256GCM => JweContentAlgorithm::A256Gcm,
    };
    Some(Encryption { algorithm, content })
}
