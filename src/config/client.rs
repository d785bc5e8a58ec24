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
    /// How the client proves who it is to the token endpoint.
    #[serde(default)]
    pub authentication: Authentication,
    /// The client's public keys for `private_key_jwt`: a JWK Set, as JSON text. Either this or `jwks_file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<String>,
    /// File with the client's public keys for `private_key_jwt`: a JWK Set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_file: Option<PathBuf>,
    /// The one algorithm with which the client signs for `private_key_jwt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion_alg: Option<TokenAlgorithm>,
    /// What a JWT of `client_secret_jwt` or `private_key_jwt` must name as its audience.
    #[serde(default)]
    pub assertion_audience: AssertionAudience,
    /// Where people may be sent back to; compared character by character.
    pub redirect_uris: Vec<String>,
    /// Whether the client must use PKCE (S256).
    #[serde(default = "yes")]
    pub require_pkce: bool,
    /// Whether the client must push its authorization requests (PAR, RFC 9126).
    #[serde(default)]
    pub require_par: bool,
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

/// How a client proves who it is (OpenID Connect Core §9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// With its secret in the Authorization header or in the form, as the client likes.
    #[default]
    Any,
    /// `client_secret_basic`: with its secret in the Authorization header.
    ClientSecretBasic,
    /// `client_secret_post`: with its secret in the form.
    ClientSecretPost,
    /// `client_secret_jwt`: with a JWT that its secret signs (HS256). Needs `secret_file`, and a secret of at
    /// least 32 characters.
    ClientSecretJwt,
    /// `private_key_jwt`: with a JWT that a key of its own signs. Needs `assertion_alg`, and `jwks` or
    /// `jwks_file` in place of a secret.
    PrivateKeyJwt,
}

impl Authentication {
    fn signs(self) -> bool {
        matches!(self, Self::ClientSecretJwt | Self::PrivateKeyJwt)
    }
}

/// What a JWT by which a client proves who it is must name as its audience.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AssertionAudience {
    /// The issuer, as a string: what FAPI 2.0 asks for.
    #[default]
    Issuer,
    /// The issuer, or the address of the token endpoint or of that for pushed requests, for brokers that can name nothing else.
    Endpoint,
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
        self.check_authentication(at, findings);
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

    /// The secret or the keys, and what belongs to them.
    fn check_authentication(&self, at: &str, findings: &mut Findings) {
        let mut add = |key: &str, code, message: &str| findings.add(format!("{at}.{key}"), code, message);
        let by_key = self.authentication == Authentication::PrivateKeyJwt;
        match (&self.secret_file, &self.secret_hash) {
            (None, None) if by_key => {}
            (Some(_), _) if by_key => add("secret_file", "contradiction", "private_key_jwt has no secret"),
            (_, Some(_)) if by_key => add("secret_hash", "contradiction", "private_key_jwt has no secret"),
            (None, None) => add("secret_file", "missing_key", "secret_file or secret_hash is needed"),
            (Some(_), Some(_)) => add("secret_hash", "contradiction", "secret_file is given as well"),
            (None, Some(_)) if self.authentication == Authentication::ClientSecretJwt => {
                let message = "client_secret_jwt needs the secret itself, in secret_file";
                add("secret_hash", "contradiction", message);
            }
            (None, Some(hash)) if SecretHash::from_hex(hash).is_none() => {
                add("secret_hash", "bad_value", "a SHA-256 has 64 hexadecimal digits");
            }
            _ => {}
        }
        match (&self.jwks, &self.jwks_file) {
            (None, None) if by_key => add("jwks_file", "missing_key", "jwks or jwks_file is needed"),
            (Some(_), _) if !by_key => add("jwks", "contradiction", "only private_key_jwt has keys"),
            (_, Some(_)) if !by_key => add("jwks_file", "contradiction", "only private_key_jwt has keys"),
            (Some(_), Some(_)) => add("jwks", "contradiction", "jwks_file is given as well"),
            _ => {}
        }
        match self.assertion_alg {
            None if by_key => add("assertion_alg", "missing_key", "private_key_jwt needs one algorithm"),
            Some(_) if !by_key => add("assertion_alg", "contradiction", "only private_key_jwt has one"),
            _ => {}
        }
        if self.assertion_audience != AssertionAudience::default() && !self.authentication.signs() {
            add("assertion_audience", "contradiction", "this client signs no JWT");
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
