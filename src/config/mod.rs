//! `gateway.toml`: typed sections, their defaults, and the faults of a file by line and key.
//!
//! One file per section, each with its own rules. [`Config::load`] also opens the files that are referred to
//! and proves that keys and certificates are fit for use. Paths are relative to the configuration file.
//! Nothing here runs anything.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod audit;
mod client;
mod client_certificate;
mod connector;
mod country;
mod database;
mod document;
mod fault;
mod files;
mod logging;
mod metadata_list;
mod metrics;
mod nearest;
mod oidc;
mod open;
mod outbound;
mod preset;
mod registered;
mod rotation;
mod server;
mod show;
mod smtp;

pub use audit::Audit;
pub use client::{AcrStyle, Authentication, Client, EmailSource, Kind, Level, Sector, SubMode};
pub use client_certificate::{CertificateHeader, HeaderForm};
pub use connector::{Connector, Contact, Digest, KeyPair, Organization};
pub use country::{Country, Revocation, Trust};
pub use database::Database;
pub use fault::{Fault, Faults};
pub(crate) use files::decode_sha256;
pub use logging::{Format, LogLevel, Logging};
pub use metadata_list::MetadataList;
pub use metrics::Metrics;
pub use oidc::{Oidc, Subject, TokenAlgorithm, TokenKey};
pub use open::Opened;
pub use outbound::Outbound;
pub use preset::Preset;
pub use registered::{Block, NotOpened, Registered};
pub use rotation::{Planned, PlannedToken, Rotation};
pub use server::{Server, Tls};
pub use smtp::{Security, Smtp};

use crate::clock::Timestamp;
use document::Reading;
use fault::Findings;

/// Everything that can be set.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whether this is the real thing.
    #[serde(default)]
    pub profile: Profile,
    /// Where the gateway is reached and where it listens.
    pub server: Server,
    /// Where running logins are kept.
    #[serde(default)]
    pub database: Database,
    /// Who we are toward member states.
    pub connector: Connector,
    /// The OpenID Provider that brokers see.
    pub oidc: Oidc,
    /// How a person becomes a `sub`.
    pub subject: Subject,
    /// How far the gateway reaches out by itself.
    #[serde(default)]
    pub outbound: Outbound,
    /// The mail server that takes one-time codes to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smtp: Option<Smtp>,
    /// What the gateway says while it runs.
    #[serde(default)]
    pub logging: Logging,
    /// Where the record of what was exchanged with whom is written.
    #[serde(default)]
    pub audit: Audit,
    /// Lists that say where the metadata of countries is.
    #[serde(default)]
    pub metadata_list: Vec<MetadataList>,
    /// Numbers for a monitoring system.
    #[serde(default)]
    pub metrics: Metrics,
    /// Member states whose citizens can log in.
    #[serde(default)]
    pub country: Vec<Country>,
    /// Brokers and applications.
    #[serde(default)]
    pub client: Vec<Client>,
}

/// Whether this is the real thing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Real persons: https everywhere, no test countries.
    #[default]
    Production,
    /// For trying out: http on localhost and the test countries XA to XZ are allowed.
    Test,
}

impl Config {
    /// Reads the configuration file at `path` and opens everything that it refers to, as of `now`.
    ///
    /// # Errors
    /// All faults that can be found at once, in the order of the file.
    pub fn load(path: &Path, now: Timestamp) -> Result<(Self, Opened), Faults> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = match error.kind() {
                ErrorKind::NotFound => {
                    "there is no such file; `eidas-gateway init DIR` makes one, and --config says where it is"
                        .to_owned()
                }
                ErrorKind::IsADirectory => {
                    format!(
                        "this is a folder; the file in it is meant: --config {}",
                        path.join("gateway.toml").display()
                    )
                }
                _ => error.to_string(),
            };
            let key = String::new();
            Faults(vec![Fault {
                file: path.to_owned(),
                line: 1,
                column: 1,
                key,
                code: "file_missing",
                message,
            }])
        })?;
        let base = path.parent().unwrap_or_else(|| Path::new(""));
        let mut reading = Self::reading(path, text, base);
        let mut findings = Findings::default();
        let opened = reading.value.as_ref().and_then(|config| config.open(now, &mut findings));
        reading.add(findings.0);
        match (reading.value, opened) {
            (Some(config), Some(opened)) if reading.faults.is_empty() => Ok((config, opened)),
            _ => Err(Faults(reading.faults)),
        }
    }

    /// Reads a configuration from `text` without opening anything. Faults name `file`; relative paths start
    /// at `base`.
    ///
    /// # Errors
    /// All faults that can be found at once, in the order of the file.
    pub fn read(file: &Path, text: String, base: &Path) -> Result<Self, Faults> {
        let reading = Self::reading(file, text, base);
        match reading.value {
            Some(config) if reading.faults.is_empty() => Ok(config),
            _ => Err(Faults(reading.faults)),
        }
    }

    fn reading(file: &Path, text: String, base: &Path) -> Reading<Self> {
        let mut reading = Reading::<Self>::of(file, text, REQUIRED, preset::lay);
        let mut findings = Findings::default();
        if let Some(config) = &mut reading.value {
            config.check(&mut findings);
            config.resolve(base);
        }
        reading.add(findings.0);
        reading
    }

    /// The address of our metadata, which is our entityID.
    #[must_use]
    pub fn entity_id(&self) -> String {
        let set = self.connector.entity_id.clone();
        set.unwrap_or_else(|| format!("{}/saml/metadata", self.server.issuer))
    }

    /// The address that responses are posted to.
    #[must_use]
    pub fn acs_url(&self) -> String {
        let set = self.connector.acs_url.clone();
        set.unwrap_or_else(|| format!("{}/saml/acs", self.server.issuer))
    }

    fn check(&self, findings: &mut Findings) {
        self.server.check(self.profile, findings);
        if let Some(set) = &self.server.client_certificate {
            set.check(findings);
        }
        self.database.check(findings);
        self.connector.check(self.profile, findings);
        self.oidc.check(findings);
        let mut lists = BTreeSet::new();
        for (n, list) in self.metadata_list.iter().enumerate() {
            let at = format!("metadata_list[{n}]");
            if !lists.insert(list.name.as_str()) {
                findings.add(format!("{at}.name"), "duplicate", format!("a second list `{}`", list.name));
            }
            list.check(&at, self.profile, findings);
        }
        if let Some(smtp) = &self.smtp {
            smtp.check(findings);
        }
        self.metrics.check(self.server.listen, findings);
        let mut codes = BTreeSet::new();
        for (n, country) in self.country.iter().enumerate() {
            let at = format!("country[{n}]");
            if !codes.insert(&country.code) {
                findings.add(
                    format!("{at}.code"),
                    "duplicate",
                    format!("a second block for {}", country.code),
                );
            }
            if let Some(list) = country.list.as_deref().filter(|list| !lists.contains(list)) {
                let message = format!("there is no [[metadata_list]] with the name `{list}`");
                findings.add(format!("{at}.list"), "unknown_list", message);
            }
            country.check(&at, self.profile, findings);
        }
        let mut ids = BTreeSet::new();
        for (n, client) in self.client.iter().enumerate() {
            let at = format!("client[{n}]");
            if !ids.insert(&client.id) {
                findings.add(format!("{at}.id"), "duplicate", format!("a second client `{}`", client.id));
            }
            self.check_client(client, &at, findings);
        }
    }

    /// What must hold for a client, wherever its block stands.
    fn check_client(&self, client: &Client, at: &str, findings: &mut Findings) {
        client.check(at, self.profile, findings);
        self.check_certificate_of(client, at, findings);
        if client.email_source == EmailSource::Collect && self.smtp.is_none() {
            let message = "email_source = \"collect\" needs a mail server: [smtp]";
            findings.add(format!("{at}.email_source"), "missing_section", message);
        }
        if self.connector.sp_type.is_some_and(|sector| sector != client.sector) {
            let message = "connector.sp_type binds all clients to the other sector";
            findings.add(format!("{at}.sector"), "contradiction", message);
        }
    }

    /// The files that are read because of this configuration, and that a change of matters to.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let mut read = self.clone();
        // It is written.
        read.audit.file = None;
        read.paths().into_iter().map(|path| path.clone()).collect()
    }

    /// Makes every relative path start at `base`.
    fn resolve(&mut self, base: &Path) {
        for file in self.paths() {
            *file = base.join(&*file);
        }
        self.database.resolve(base);
    }

    /// Every path, the database's apart.
    fn paths(&mut self) -> Vec<&mut PathBuf> {
        let mut files: Vec<&mut PathBuf> = vec![&mut self.subject.key_file];
        files.extend(&mut self.database.password_file);
        files.extend(
            self.server.tls.iter_mut().flat_map(|tls| [&mut tls.certificate_file, &mut tls.key_file]),
        );
        let connector = &mut self.connector;
        let pairs = [&mut connector.signing].into_iter();
        let pairs = pairs.chain(&mut connector.metadata_signing).chain(&mut connector.encryption);
        files.extend(pairs.flat_map(|pair| [&mut pair.key_file, &mut pair.certificate_file]));
        files.extend(&mut connector.next_signing_certificate_files);
        files.push(&mut connector.rotation_file);
        files.extend(self.oidc.signing_key.iter_mut().map(|key| &mut key.key_file));
        files.extend(&mut self.outbound.ca_file);
        files.extend(&mut self.audit.file);
        files.extend(self.smtp.iter_mut().filter_map(|smtp| smtp.password_file.as_mut()));
        for list in &mut self.metadata_list {
            files.extend(&mut list.file);
            files.extend(&mut list.anchor_files);
        }
        for country in &mut self.country {
            files.extend(&mut country.metadata_file);
            files.extend(&mut country.anchor_files);
        }
        for client in &mut self.client {
            files.extend(&mut client.secret_file);
            files.extend(&mut client.jwks_file);
            files.extend(&mut client.tls_client_auth_ca_files);
        }
        files
    }
}

/// The JSON Schema of `gateway.toml`.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Config)
}

/// The sections that have no default.
const REQUIRED: &[&str] = &["server", "connector", "oidc", "subject"];

#[cfg(test)]
mod tests;
