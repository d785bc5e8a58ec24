//! `[oidc]`: the OpenID Provider that brokers see. `[subject]`: how a person becomes a `sub`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::Findings;
use crate::crypto::jose::JwsAlgorithm;

/// The OpenID Provider that brokers see.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// Keys that sign ID tokens; all are published, a client's `id_token_alg` picks the first that fits.
    pub signing_key: Vec<TokenKey>,
    /// How long a person may take to log in, in seconds.
    #[serde(default = "default_login")]
    pub login_seconds: u64,
    /// How long a code may be redeemed, in seconds.
    #[serde(default = "default_code")]
    pub code_seconds: u64,
    /// How long an ID token is valid, in seconds.
    #[serde(default = "default_token")]
    pub id_token_seconds: u64,
    /// How long an access token is valid, in seconds.
    #[serde(default = "default_token")]
    pub access_token_seconds: u64,
}

/// A key that signs ID tokens.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenKey {
    /// The private key: PKCS#8 as PEM or DER.
    pub key_file: PathBuf,
    /// The algorithm it is used with.
    pub algorithm: TokenAlgorithm,
}

/// A JWS algorithm (RFC 7518 §3.1, RFC 8037).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TokenAlgorithm {
    /// RSA PKCS#1 v1.5 with SHA-256, which every broker understands.
    #[default]
    RS256,
    /// RSA-PSS with SHA-256.
    PS256,
    /// ECDSA on P-256.
    ES256,
    /// ECDSA on P-384.
    ES384,
    /// ECDSA on P-521.
    ES512,
    /// Ed25519.
    EdDSA,
}

/// How a person becomes a `sub`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// File with the secret that `sub` is derived with: 32 octets or more, in hexadecimal or base64.
    /// Whoever loses it loses every account: keep a copy in a safe place and never change it.
    pub key_file: PathBuf,
    /// The version of that secret, a part of what is hashed.
    #[serde(default = "default_version")]
    pub key_version: u32,
}

impl Oidc {
    pub(crate) fn check(&self, findings: &mut Findings) {
        if self.signing_key.is_empty() {
            findings.add("oidc.signing_key", "missing_key", "at least one signing key is needed");
        }
        let limits = [
            ("login_seconds", self.login_seconds, 60, 3600),
            ("code_seconds", self.code_seconds, 1, 60),
            ("id_token_seconds", self.id_token_seconds, 30, 3600),
            ("access_token_seconds", self.access_token_seconds, 30, 300),
        ];
        for (key, value, least, most) in limits {
            if !(least..=most).contains(&value) {
                let message = format!("{value} is not between {least} and {most}");
                findings.add(format!("oidc.{key}"), "out_of_range", message);
            }
        }
    }
}

fn default_login() -> u64 {
    900
}

fn default_code() -> u64 {
    60
}

fn default_token() -> u64 {
    300
}

fn default_version() -> u32 {
    1
}

impl From<TokenAlgorithm> for JwsAlgorithm {
    fn from(algorithm: TokenAlgorithm) -> Self {
        match algorithm {
            TokenAlgorithm::RS256 => Self::RS256,
            TokenAlgorithm::PS256 => Self::PS256,
            TokenAlgorithm::ES256 => Self::ES256,
            TokenAlgorithm::ES384 => Self::ES384,
            TokenAlgorithm::ES512 => Self::ES512,
            TokenAlgorithm::EdDSA => Self::EdDSA,
        }
    }
}
