//! The words that options of a client may be set to.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::eidas::{Loa, SpType, SubjectKind};

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
    /// `self_signed_tls_client_auth`: with the certificate by which it speaks TLS, if its key set names it (`x5c` or
    /// `x5t#S256`). Needs `client_certificate_host` or `[server.client_certificate]`, and `jwks`, `jwks_file` or `jwks_uri`.
    SelfSignedTlsClientAuth,
    /// `tls_client_auth`: with the certificate by which it speaks TLS, if one of `tls_client_auth_ca_files` vouches for
    /// it and it has the one name that is registered (`tls_client_auth_subject_dn`, `tls_client_auth_san_dns` and so on).
    /// Needs `client_certificate_host` or `[server.client_certificate]`.
    TlsClientAuth,
    /// It does not: a public client, an app or a page that cannot keep a secret. PKCE is required of it.
    None,
    /// `private_key_jwt`: with a JWT that a key of its own signs. Needs `assertion_alg`, and `jwks`,
    /// `jwks_file` or `jwks_uri` in place of a secret.
    PrivateKeyJwt,
}

impl Authentication {
    /// Whether the client has a secret.
    pub(in crate::config) fn has_secret(self) -> bool {
        matches!(self, Self::Any | Self::ClientSecretBasic | Self::ClientSecretPost | Self::ClientSecretJwt)
    }
}

/// What the access tokens of a client are bound to, so that a stolen one is of no use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BoundTokens {
    /// Nothing.
    #[default]
    None,
    /// A key of the client, of which it sends a proof with each request (DPoP, RFC 9449).
    Dpop,
    /// The certificate by which the client speaks TLS (RFC 8705). Needs `client_certificate_host` or
    /// `[server.client_certificate]`.
    Mtls,
}

impl Authentication {
    /// Whether it is by the certificate with which the client speaks TLS.
    pub(in crate::config) fn is_by_certificate(self) -> bool {
        matches!(self, Self::SelfSignedTlsClientAuth | Self::TlsClientAuth)
    }

    pub(super) fn signs(self) -> bool {
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
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

/// Where a client's `email` comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EmailSource {
    /// From the country, if the client may have the attribute `EmailAddress` and the country sends it.
    #[default]
    None,
    /// From the person, who is asked for an address once, and proves it by a one-time code. Needs `[smtp]`.
    Collect,
    /// `<sub>@email_alias_domain`, said to be verified: an address that need not reach anybody.
    Alias,
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

/// Whether the person sees what will be released.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Consent {
    /// No.
    #[default]
    Off,
    /// It is shown, with its values, before it is released.
    Notice,
    /// It is shown, and the person has to agree.
    #[serde(rename = "consent")]
    Required,
}

/// What a client is told when the level of assurance cannot be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LevelError {
    /// `access_denied`, which every broker understands.
    AccessDenied,
    /// `unmet_authentication_requirements`, if the level was essential to the client; else `access_denied`.
    #[default]
    Unmet,
}

impl From<Level> for Loa {
    fn from(level: Level) -> Self {
        match level {
            Level::Low => Self::Low,
            Level::Substantial => Self::Substantial,
            Level::High => Self::High,
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
