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
    /// Keys that sign ID tokens; all are published, a client's `id_token_alg` picks the first that fits, or what
    /// `keys rotate token` has put in its place.
    pub signing_key: Vec<TokenKey>,
    /// After how many days the gateway makes a new key in the place of each of them and writes both into
    /// `connector.rotation_file`, which it must be able to write (docs/operations.md). Leave out to do that by
    /// `keys rotate token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate_after_days: Option<u32>,
    /// How long an access token, and with it the claims at userinfo, is valid, in seconds.
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
    /// File with the secret that `sub` is derived with: 32 octets, in hexadecimal or base64.
    /// Whoever loses it loses every account: keep a copy in a safe place and never change it.
    pub key_file: PathBuf,
    /// The version of that secret, a part of what is hashed.
    #[serde(default = "default_version")]
    pub key_version: u32,
    /// The check value of that secret, as `keys list` shows it. With it, a wrong key file is found at the
    /// start instead of by everyone who logs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check_value: Option<String>,
}

impl Oidc {
    pub(crate) fn check(&self, findings: &mut Findings) {
        if self.signing_key.is_empty() {
            findings.add("oidc.signing_key", "missing_key", "at least one signing key is needed");
        }
        if self.rotate_after_days.is_some_and(|days| !(7..=1095).contains(&days)) {
            findings.add("oidc.rotate_after_days", "out_of_range", "between 7 and 1095 days");
        }
        if !(30..=300).contains(&self.access_token_seconds) {
            findings.add("oidc.access_token_seconds", "out_of_range", "between 30 and 300 seconds");
        }
    }
}

fn default_token() -> u64 {
    300
}

fn default_version() -> u32 {
    1
}

impl From<JwsAlgorithm> for TokenAlgorithm {
    fn from(algorithm: JwsAlgorithm) -> Self {
        match algorithm {
            JwsAlgorithm::RS256 => Self::RS256,
            JwsAlgorithm::PS256 => Self::PS256,
            JwsAlgorithm::ES256 => Self::ES256,
            JwsAlgorithm::ES384 => Self::ES384,
            JwsAlgorithm::ES512 => Self::ES512,
            JwsAlgorithm::EdDSA => Self::EdDSA,
        }
    }
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
