//! From sections to the things that the other modules work with: keys, trust, clients, policies.
//!
//! Everything that a configuration refers to is opened here once, for `config check` and `serve` alike, so
//! what the one accepts the other can run.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::client::{AcrStyle, Authentication, Client, LevelError, Level, SubMode};
use super::connector::Contact;
use super::document::Reading;
use super::fault::{Faults, Findings};
use super::files::Files;
use super::{Config, Country};
use crate::clock::Timestamp;
use crate::eidas::connector::Organization;
use crate::eidas::trust::CountryTrust;
use crate::eidas::{self, Connector, CountryCode, Loa, SubjectKind, attribute};
use crate::login::{self, ClientPolicy, SubjectKey, SubjectMode};
use crate::oidc::client::{AuthenticationMethod, ClaimsInIdToken, SecretHash};
use crate::oidc::{self, ClientAuthentication, Clients, RedirectUri, SigningKeys};

/// What a configuration leads to.
#[derive(Debug)]
pub struct Opened {
    /// Who we are toward member states.
    pub connector: Connector,
    /// The keys that sign tokens.
    pub signing_keys: SigningKeys,
    /// The key that makes `sub`.
    pub subject_key: SubjectKey,
    /// The registered clients.
    pub clients: Clients,
    /// What eIDAS means to each client, by its identifier.
    pub policies: BTreeMap<String, ClientPolicy>,
    /// The countries, each with what vouches for it and where its metadata is.
    pub countries: Vec<CountrySource>,
}

/// A country, what vouches for it and where its metadata is.
#[derive(Clone, Debug)]
pub struct CountrySource {
    /// What vouches for the country's metadata, and how it is read.
    pub trust: CountryTrust,
    /// Where the metadata is.
    pub metadata: MetadataSource,
}

/// Where metadata is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataSource {
    /// In a file, read again at each refresh.
    File(PathBuf),
    /// At an https address.
    Url(String),
}
