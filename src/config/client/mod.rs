//! `[[client]]`: one block for each broker or application that logs people in through the gateway.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod authentication;
mod email;
mod encryption;
mod keys;
mod request;
mod sessions;
mod tls;
mod words;

pub(super) use tls::is_host_name;

use encryption::{ContentEncryption, EncryptionAlgorithm, Userinfo};
pub use words::{AcrStyle, Authentication, EmailSource, Kind, Level, Sector, SubMode};
pub(super) use words::{AssertionAudience, BoundTokens, Consent, LevelError};

use super::Profile;
use super::fault::Findings;
use super::oidc::TokenAlgorithm;
use super::preset::Preset;
use crate::eidas::{SubjectKind, attribute};
use crate::oidc::RedirectUri;
use crate::oidc::client::is_client_word;
use crate::secret::Secret;

/// One broker or application: how it authenticates, and what it may ask and learn.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// The `client_id`.
    pub id: String,
    /// The name that people see.
    pub name: String,
    /// What kind of broker this is: options that are not set here are as it needs them (docs/presets.md).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// File with the client secret in clear; white space around it does not count. Either this or
    /// `secret_hash`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// SHA-256 of the client secret, in hexadecimal. For secrets that are long and random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_hash: Option<String>,
    /// Of a client in the database: the secret, and the one before while both count. Never in a file.
    #[serde(skip)]
    pub(super) secrets: Vec<Secret<String>>,
    /// How the client proves who it is to the token endpoint.
    #[serde(default)]
    pub authentication: Authentication,
    /// The client's public keys, for what it signs: a JWK Set, as JSON text. Either this, `jwks_file` or
    /// `jwks_uri`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<String>,
    /// File with the client's public keys: a JWK Set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_file: Option<PathBuf>,
    /// The https address at which the client publishes its public keys. They are fetched when they are needed, and
    /// again when they are no longer fresh or the client signs with another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// The one algorithm with which the client signs for `private_key_jwt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion_alg: Option<TokenAlgorithm>,
    /// What a JWT of `client_secret_jwt` or `private_key_jwt` must name as its audience.
    #[serde(default)]
    pub assertion_audience: AssertionAudience,
    /// With `tls_client_auth`: the subject of the client's certificate as RFC 4514 writes it,
    /// `CN=broker,O=Example Agency,C=SE` (`openssl x509 -noout -subject -nameopt RFC2253`). All of it, in this
    /// order; how a program displays it does not matter. Either this or one of the four that follow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_subject_dn: Option<String>,
    /// With `tls_client_auth`: a DNS name that the certificate has (subjectAltName). No pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_dns: Option<String>,
    /// With `tls_client_auth`: a URI that the certificate has (subjectAltName), compared character by character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_uri: Option<String>,
    /// With `tls_client_auth`: an IP address that the certificate has (subjectAltName).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_ip: Option<String>,
    /// With `tls_client_auth`: an e-mail address that the certificate has (subjectAltName), compared character by
    /// character.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_client_auth_san_email: Option<String>,
    /// With `tls_client_auth`: files with the certificates of the authorities that may have issued the client's, in
    /// PEM or DER; and of those in between, unless they come with the client's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tls_client_auth_ca_files: Vec<PathBuf>,
    /// What access tokens are bound to.
    #[serde(default)]
    pub bound_tokens: BoundTokens,
    /// Where people may be sent back to; compared character by character.
    pub redirect_uris: Vec<String>,
    /// Where people may be sent after a logout; compared character by character.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// For how long, in seconds after a login, the client may have the same answer again without the person being
    /// asked: `prompt=none` and `max_age` then succeed. 0: every request is a login.
    #[serde(default)]
    pub sso_ttl_seconds: u64,
    /// Whether the client must use PKCE (S256).
    #[serde(default = "yes")]
    pub require_pkce: bool,
    /// Whether the client must push its authorization requests (PAR, RFC 9126).
    #[serde(default)]
    pub require_par: bool,
    /// The one algorithm with which the client signs its authorization requests (request objects, JAR, RFC 9101).
    /// Needs its keys. Default: it does not sign them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_object_alg: Option<TokenAlgorithm>,
    /// Whether the client must sign its authorization requests. Needs `request_object_alg`.
    #[serde(default)]
    pub require_request_object: bool,
    /// Whether the client must send a nonce.
    #[serde(default)]
    pub require_nonce: bool,
    /// The algorithm of its ID tokens.
    #[serde(default)]
    pub id_token_alg: TokenAlgorithm,
    /// The algorithm of answers to its authorization requests, if it asks for signed ones (`response_mode=jwt`,
    /// JARM). Default: that of its ID tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_response_alg: Option<TokenAlgorithm>,
    /// Whether the ID token holds all claims; otherwise all are at the userinfo endpoint and the ID token
    /// has those that the `claims` parameter asks for.
    #[serde(default)]
    pub claims_in_id_token: bool,
    /// With which algorithm ID tokens are encrypted to the client; without it they are signed only. The key is the
    /// first one with `"use": "enc"` for this algorithm in the client's `jwks`, `jwks_file` or `jwks_uri`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token_encryption_alg: Option<EncryptionAlgorithm>,
    /// How the content of an encrypted ID token is encrypted.
    #[serde(default)]
    pub id_token_encryption_enc: ContentEncryption,
    /// How claims leave the userinfo endpoint.
    #[serde(default)]
    pub userinfo: Userinfo,
    /// With which algorithm userinfo is encrypted to the client, with a key as for `id_token_encryption_alg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub userinfo_encryption_alg: Option<EncryptionAlgorithm>,
    /// How the content of encrypted userinfo is encrypted.
    #[serde(default)]
    pub userinfo_encryption_enc: ContentEncryption,
    /// Whether the parts of `address` stand at the top level as well (`street_address`, `locality`, `region`,
    /// `postal_code`, `country`), for brokers that cannot look into an object.
    #[serde(default)]
    pub flat_address: bool,
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
    /// Where `email` comes from, for brokers that make no account without a verified address
    /// (docs/claims.md#e-mail). The client gets it if it asks for it, as by the scope `email`.
    #[serde(default)]
    pub email_source: EmailSource,
    /// With `email_source = "alias"`: the domain of the addresses, which should be the operator's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_alias_domain: Option<String>,
    /// How `acr` is written.
    #[serde(default)]
    pub acr: AcrStyle,
    /// Words of the client's own for the levels, in its requests and in `acr`, such as
    /// `{ low = "1", substantial = "2", high = "3" }`. The usual words are understood as well.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub acr_words: BTreeMap<Level, String>,
    /// Whether the client may have claims together with what vouches for them (`verified_claims` of OpenID
    /// Connect for Identity Assurance).
    #[serde(default)]
    pub verified_claims: bool,
    /// What the client is told when the level of assurance cannot be had.
    #[serde(default)]
    pub level_error: LevelError,
    /// Whether a person who cancelled at the node goes straight back to the client, instead of being
    /// offered another try.
    #[serde(default)]
    pub cancel_goes_back: bool,
    /// Whether the person sees, after the answer of their country, what the client will receive. A request with
    /// `prompt=consent` asks in any case.
    #[serde(default)]
    pub consent: Consent,
    /// By how many seconds `iat` is set back, for libraries that allow a token no time before their own
    /// clock.
    #[serde(default = "default_backdate")]
    pub iat_backdate_seconds: u64,
    /// What the login is for, in the person's words; shown on the pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
}

impl Client {
    pub(crate) fn check(&self, at: &str, profile: Profile, findings: &mut Findings) {
        if !is_client_word(&self.id) {
            findings.add(
                format!("{at}.id"),
                "bad_value",
                "only A-Z a-z 0-9 . _ ~ - are allowed, at most 255",
            );
        }
        self.check_authentication(at, findings);
        self.check_tls(at, findings);
        self.check_sessions(at, findings);
        self.check_requests(at, findings);
        self.check_keys(at, profile, findings);
        self.check_email(at, findings);
        self.check_encryption(at, findings);
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

fn default_backdate() -> u64 {
    5
}

fn yes() -> bool {
    true
}
