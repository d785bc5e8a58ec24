//! What an authorization code stands for.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::pkce::CodeChallenge;
use crate::clock::Timestamp;
use crate::secret::Personal;

/// What a person, through one login, grants one client. It lives sealed under the code that stands for
/// it, then (its userinfo part) under the access token; never in clear outside memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// The client that asked, and the only one that may redeem.
    pub client_id: String,
    /// The redirect URI that the code was sent to (RFC 6749 §4.1.3).
    pub redirect_uri: String,
    /// The challenge whose verifier must come with the code.
    pub code_challenge: Option<CodeChallenge>,
    /// The thumbprint of the key whose proof must come with the code (RFC 9449 §10).
    #[serde(default)]
    pub dpop_jkt: Option<String>,
    /// The client's nonce, for the ID token.
    pub nonce: Option<String>,
    /// The scopes granted.
    pub scope: BTreeSet<String>,
    /// The subject, as this client knows it.
    pub sub: Personal<String>,
    /// When the person authenticated.
    pub auth_time: Timestamp,
    /// The level achieved.
    pub acr: String,
    /// How the person authenticated (RFC 8176); empty to leave the claim out.
    pub amr: Vec<String>,
    /// Joins the token to our audit trail (RFC 8417 §2.2).
    pub txn: Option<String>,
    /// The session that it belongs to, for clients that have sessions (the claim `sid`).
    #[serde(default)]
    pub sid: Option<String>,
    /// Claims for the ID token beside those that the protocol defines.
    pub id_token_claims: Personal<Map<String, Value>>,
    /// Claims for userinfo beside `sub` and `acr`.
    pub userinfo_claims: Personal<Map<String, Value>>,
}
