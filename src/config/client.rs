//! `[[client]]`: one block for each broker or application that logs people in through the gateway.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::Findings;
use super::oidc::TokenAlgorithm;
use crate::eidas::{SpType, SubjectKind, attribute};
use crate::oidc::RedirectUri;
use crate::oidc::client::{SecretHash, is_client_word};

/// One broker or application: how it authenticates, and what it may ask and learn.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The `client_id`.
    pub id: String,
    /// The name that people see.
    pub name: String,
    /// File with the client secret in clear; white space around it does not count. Either this or
    /// `secret_hash`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// SHA-256 of the client secret, in hexadecimal. For secrets that are long and random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_hash: Option<String>,
    /// How the client sends its secret to the token endpoint.
    #[serde(default)]
    pub authentication: Authentication,
    /// Where people may be sent back to; compared character by character.
    pub redirect_uris: Vec<String>,
    /// Whether the client must use PKCE (S256).
    #[serde(default = "yes")]
    pub require_pkce: bool,
    /// Whether the client must send a nonce.
    #[serde(default)]
    pub require_nonce: bool,
    /// The algorithm of its ID tokens.
    #[serde(default)]
    pub id_token_alg: TokenAlgorithm,
    /// Whether the ID token holds all claims; otherwise all are at the userinfo endpoint and the ID token
    /// has those that the `claims` parameter asks for.
    #[serde(default)]
    pub claims_in_id_token: bool,
    /// Whether the relying party is of the public or the private sector (SPType).
    pub sector: Sector,
    /// The identifier of a relying party of the private sector, for countries that ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester_id: Option<String>,
    /// The name that the node shows to the person (ProviderName). Default: the connector's, then `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_name: Option<String>,
    /// The lowest level of assurance that is good enough, whatever the request says.
    #[serde(default)]
    pub min_loa: Level,
    /// Whether schemes that were not notified will do, if they claim the same height. For tests.
    #[serde(default)]
    pub accept_non_notified: bool,
    /// Whether natural or legal persons log in.
    #[serde(default)]
    pub kind: Kind,
    /// Whether someone may act for the subject.
    #[serde(default)]
    pub representation: bool,
    /// Optional attributes that the client may have, by their eIDAS friendly names (`Gender`,
    /// `CurrentAddress`). The mandatory ones are always allowed.
    #[serde(default)]
    pub attributes: Vec<String>,
    /// Whether the client may have the national identifier itself (`eidas_person_identifier`).
    #[serde(default)]
    pub allow_person_identifier: bool,
    /// How `sub` is made.
    #[serde(default)]
    pub sub: SubMode,
    /// Clients with the same sector identifier see the same `sub`. Default: the client's `id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector_id: Option<String>,
    /// How `acr` is written.
    #[serde(default)]
    pub acr: AcrStyle,
    /// What the client is told when the level of assurance cannot be had.
    #[serde(default)]
    pub level_error: LevelError,
    /// Whether a person who cancelled at the node goes straight back to the client, instead of being
    /// offered another try.
    #[serde(default)]
    pub cancel_goes_back: bool,
    /// By how many seconds `iat` is set back, for libraries that allow a token no time before their own
    /// clock.
    #[serde(default = "default_backdate")]
    pub iat_backdate_seconds: u64,
    /// What the login is for, in the person's words; shown on the country page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

/// How a client sends its secret (OpenID Connect Core §9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// In the Authorization header or in the form, as the client likes.
    #[default]
    Any,
    /// `client_secret_basic`: in the Authorization header.
    ClientSecretBasic,
    /// `client_secret_post`: in the form.
    ClientSecretPost,
}

/// The sector of a relying party (SPType).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sector {
    /// A public sector body.
    Public,
    /// Everyone else.
    Private,
}

/// A notified level of assurance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Low.
    Low,
    /// Substantial.
    #[default]
    Substantial,
    /// High.
    High,
}

/// The kind of subject.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A natural person.
    #[default]
    Natural,
    /// A legal person.
    Legal,
}

/// How `sub` is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SubMode {
    /// Another `sub` for each sector identifier, so that clients cannot compare notes.
    #[default]
    Pairwise,
    /// The same `sub` for all clients of this mode.
    Shared,
    /// The national identifier itself; needs `allow_person_identifier`.
    Raw,
}

/// How `acr` is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AcrStyle {
    /// The eIDAS URI.
    #[default]
    Uri,
    /// `low`, `substantial`, `high` for notified levels; the URI for all others.
    Short,
}

/// What a client is told when the level of assurance cannot be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LevelError {
    /// `access_denied`, which every broker understands.
    #[default]
    AccessDenied,
    /// `unmet_authentication_requirements`, if the level was essential to the client.
    Unmet,
}

impl Client {
    pub(crate) fn check(&self, at: &str, findings: &mut Findings) {
        if !is_client_word(&self.id) {
            findings.add(
                format!("{at}.id"),
                "bad_value",
                "only A-Z a-z 0-9 . _ ~ - are allowed, at most 255",
            );
        }
        match (&self.secret_file, &self.secret_hash) {
            (None, None) => {
                findings.add(
                    format!("{at}.secret_file"),
                    "missing_key",
                    "secret_file or secret_hash is needed",
                );
            }
            (Some(_), Some(_)) => {
                findings.add(format!("{at}.secret_hash"), "contradiction", "secret_file is given as well");
            }
            (None, Some(hash)) if SecretHash::from_hex(hash).is_none() => {
                findings.add(format!("{at}.secret_hash"), "bad_value", "a SHA-256 has 64 hexadecimal digits");
            }
            _ => {}
        }
        for (n, uri) in self.redirect_uris.iter().enumerate() {
            if let Err(error) = RedirectUri::register(uri) {
                findings.add(format!("{at}.redirect_uris[{n}]"), "bad_redirect_uri", error.to_string());
            }
        }
        for (n, name) in self.attributes.iter().enumerate() {
            let kind = SubjectKind::from(self.kind);
            match attribute::by_friendly_name(name) {
                None => {
                    let message = format!("`{name}` is not the friendly name of an eIDAS attribute");
                    findings.add(format!("{at}.attributes[{n}]"), "unknown_attribute", message);
                }
                Some(attribute) if attribute.kind() != kind && !self.representation => {
                    let message = format!("`{name}` is not an attribute of a {} person", kind.as_str());
                    findings.add(format!("{at}.attributes[{n}]"), "contradiction", message);
                }
                Some(_) => {}
            }
        }
        // A control character separates the parts of what `sub` is made from; `*` is every sector.
        let sector_is_bad = |id: &str| id.is_empty() || id == "*" || id.chars().any(char::is_control);
        if self.sector_id.as_deref().is_some_and(sector_is_bad) {
            let message = "a word of your choice, without control characters, and not `*`";
            findings.add(format!("{at}.sector_id"), "bad_value", message);
        }
        if self.requester_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > 1024) {
            findings.add(format!("{at}.requester_id"), "bad_value", "a URI of at most 1024 characters");
        }
        if self.iat_backdate_seconds > 60 {
            findings.add(format!("{at}.iat_backdate_seconds"), "out_of_range", "at most 60 seconds");
        }
        if self.redirect_uris.is_empty() {
            findings.add(format!("{at}.redirect_uris"), "missing_key", "at least one redirect URI is needed");
        }
        if self.sub == SubMode::Raw && !self.allow_person_identifier {
            let message =
                "sub = \"raw\" releases the national identifier: it needs allow_person_identifier = true";
            findings.add(format!("{at}.sub"), "contradiction", message);
        }
    }
}

impl From<Kind> for SubjectKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Natural => Self::Natural,
            Kind::Legal => Self::Legal,
        }
    }
}

impl From<Sector> for SpType {
    fn from(sector: Sector) -> Self {
        match sector {
            Sector::Public => Self::Public,
            Sector::Private => Self::Private,
        }
    }
}

fn default_backdate() -> u64 {
    5
}

fn yes() -> bool {
    true
}
