//! Clients in the database: a `[[client]]` block that is read, checked and opened as those of `gateway.toml` are,
//! with a secret that the gateway has made. The block refers to no file, since every instance reads it.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::client::Client;
use super::document::Reading;
use super::fault::{Fault, Faults, Findings};
use super::files::Files;
use super::{Config, Opened, preset};
use crate::clock::Timestamp;
use crate::ids::Random;
use crate::login::{ClientPolicy, SubjectKey};
use crate::oidc::client::generate_secret;
use crate::secret::Secret;

/// The text of one `[[client]]` block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block(String);

/// What the database keeps of a client.
#[derive(Clone, Debug)]
pub struct Registered {
    /// Its block.
    pub block: Block,
    /// Whether it counts.
    pub enabled: bool,
    /// When it was changed last.
    pub changed: Timestamp,
    /// Its secret, unless it has none.
    secret: Option<Secret<String>>,
    /// The secret before, and until when it counts.
    before: Option<(Secret<String>, Timestamp)>,
}

/// A client in the database that is left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotOpened {
    /// Its identifier.
    pub id: String,
    /// A sentence for each reason.
    pub reasons: Vec<String>,
}

/// A file that holds nothing but clients.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Clients {
    #[serde(default)]
    client: Vec<Client>,
}

impl Block {
    /// The text of a file.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// A block of these options: name and value, lists as several values.
    #[must_use]
    pub fn of(words: &[(&str, &str)], lists: &[(&str, &[String])]) -> Self {
        let mut client = toml::Table::new();
        for (key, value) in words {
            client.insert((*key).to_owned(), (*value).into());
        }
        for (key, values) in lists {
            client.insert((*key).to_owned(), values.to_vec().into());
        }
        let root = toml::Table::from_iter([("client".to_owned(), vec![client].into())]);
        Self(root.to_string())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The client as it is understood, with these secrets. Faults name `file`.
    fn read(&self, file: &Path, config: &Config, secrets: &Secrets<'_>) -> Result<Client, Faults> {
        let mut reading = Reading::<Clients>::of(file, self.0.clone(), &[], preset::lay);
        let mut findings = Findings::default();
        let mut clients = reading.value.take().map(|read| read.client).unwrap_or_default();
        let client = clients.pop().filter(|_| clients.is_empty());
        let client = client.map(|mut client| {
            if client.authentication.has_secret() {
                client.secrets = secrets();
            }
            let files = [
                ("secret_file", client.secret_file.is_some(), SECRET_IS_MADE),
                ("secret_hash", client.secret_hash.is_some(), SECRET_IS_MADE),
                ("jwks_file", client.jwks_file.is_some(), "write the keys into jwks, or name a jwks_uri"),
                (
                    "tls_client_auth_ca_files",
                    !client.tls_client_auth_ca_files.is_empty(),
                    AUTHORITIES_ARE_FILES,
                ),
            ];
            for (key, given, message) in files {
                if given {
                    findings.add(format!("client[0].{key}"), "contradiction", message);
                }
            }
            config.check_client(&client, "client[0]", &mut findings);
            client
        });
        if client.is_none() && reading.faults.is_empty() {
            findings.add("client", "missing_key", "one [[client]] block is needed, and nothing else");
        }
        reading.add(findings.0);
        match client {
            Some(client) if reading.faults.is_empty() => Ok(client),
            _ => Err(Faults(reading.faults)),
        }
    }
}

/// Gives the secrets of a client that has some.
type Secrets<'a> = dyn Fn() -> Vec<Secret<String>> + 'a;

const AUTHORITIES_ARE_FILES: &str =
    "authorities are files of this machine: register this client in gateway.toml";

const SECRET_IS_MADE: &str = "the secret of a client in the database is made by the gateway";

impl Registered {
    /// A new client: its identifier, what is kept of it, and its secret, if it has one. Faults name `file`.
    ///
    /// # Errors
    /// All faults of the block, also those that only show when it is opened.
    pub fn new(
        file: &Path,
        block: Block,
        config: &Config,
        opened: &Opened,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<(String, Self, Option<Secret<String>>), Faults> {
        let made = generate_secret(random);
        let client = block.read(file, config, &|| vec![made.clone()])?;
        let secret = client.authentication.has_secret().then_some(made);
        let mut findings = Findings::default();
        let mut files = Files { findings: &mut findings, now };
        let keys = opened.token_keys.at(now);
        if client.open("client[0]", config, Some(&keys), &mut files).is_none() || !findings.0.is_empty() {
            let mut reading = Reading::<Clients>::of(file, block.0, &[], preset::lay);
            reading.add(findings.0);
            return Err(Faults(reading.faults));
        }
        let kept = Self { block, enabled: true, changed: now, secret: secret.clone(), before: None };
        Ok((client.id, kept, secret))
    }

    /// Gives it a new secret. The one that it had counts for `keep` more. `None` if it has no secret.
    pub fn rotate(&mut self, keep: Duration, now: Timestamp, random: &dyn Random) -> Option<Secret<String>> {
        let before = self.secret.replace(generate_secret(random));
        let Some(before) = before else {
            self.secret = None;
            return None;
        };
        self.before = (!keep.is_zero()).then(|| (before, now + keep));
        self.changed = now;
        self.secret.clone()
    }

    /// Whether it has a secret.
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// Until when the secret before counts, if it does at `now`.
    #[must_use]
    pub fn before_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.before.as_ref().map(|(_, until)| *until).filter(|until| *until > now)
    }

    /// The secrets that count at `now`.
    fn secrets(&self, now: Timestamp) -> Vec<Secret<String>> {
        let before = self.before.iter().filter(|(_, until)| *until > now).map(|(secret, _)| secret);
        self.secret.iter().chain(before).cloned().collect()
    }

    /// What the database is given of the client `id`.
    pub fn seal(&self, id: &str, key: &SubjectKey, random: &dyn Random) -> Vec<u8> {
        let before = self.before.as_ref();
        let record = Record {
            block: self.block.0.clone(),
            enabled: self.enabled,
            changed: self.changed.millis(),
            secret: self.secret.as_ref().map(|secret| secret.expose().clone()),
            before: before.map(|(secret, until)| (secret.expose().clone(), until.millis())),
        };
        let plain = Secret::new(serde_json::to_vec(&record).unwrap_or_default());
        key.seal_client(id, plain.expose(), random)
    }

    /// What the database has of the client `id`. `None` if another key sealed it.
    #[must_use]
    pub fn unseal(id: &str, sealed: &[u8], key: &SubjectKey) -> Option<Self> {
        let plain = Secret::new(key.open_client(id, sealed)?);
        let record: Record = serde_json::from_slice(plain.expose()).ok()?;
        Some(Self {
            block: Block(record.block),
            enabled: record.enabled,
            changed: Timestamp::from_millis(record.changed),
            secret: record.secret.map(Secret::new),
            before: record.before.map(|(secret, until)| (Secret::new(secret), Timestamp::from_millis(until))),
        })
    }

    /// The client as it is understood, by `config`.
    fn client(&self, id: &str, config: &Config, now: Timestamp) -> Result<Client, Faults> {
        self.block.read(Path::new(id), config, &|| self.secrets(now))
    }
}

impl Registered {
    /// What eIDAS means to the client, whether it is enabled or not.
    ///
    /// # Errors
    /// What is wrong with it under this configuration.
    pub fn policy(&self, id: &str, config: &Config, now: Timestamp) -> Result<ClientPolicy, Faults> {
        Ok(self.client(id, config, now)?.policy(config))
    }
}

/// What is sealed, as JSON.
#[derive(Serialize, Deserialize)]
struct Record {
    block: String,
    enabled: bool,
    changed: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<(String, i64)>,
}

impl Opened {
    /// Takes in the enabled clients of the database, with the secrets that count at `now`, and gives back those
    /// that are left out because of a fault. What `config` says itself is never changed by them.
    pub fn join<'a>(
        &mut self,
        config: &Config,
        clients: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        now: Timestamp,
    ) -> Vec<NotOpened> {
        let mut left_out = Vec::new();
        for (id, sealed) in clients {
            if let Err(reasons) = self.join_one(config, id, sealed, now) {
                left_out.push(NotOpened { id: id.to_owned(), reasons });
            }
        }
        left_out
    }

    fn join_one(
        &mut self,
        config: &Config,
        id: &str,
        sealed: &[u8],
        now: Timestamp,
    ) -> Result<(), Vec<String>> {
        let registered = Registered::unseal(id, sealed, &self.subject_key);
        let registered = registered.ok_or_else(|| vec![SEALED_BY_ANOTHER.to_owned()])?;
        if !registered.enabled {
            return Ok(());
        }
        let said = |faults: Vec<Fault>| faults.iter().map(Fault::to_string).collect::<Vec<_>>();
        let client = registered.client(id, config, now).map_err(|faults| said(faults.0))?;
        // The identifier under which it was found counts; only a fault of ours could make them differ.
        if client.id != id {
            return Err(vec![format!("its block is that of {}", client.id)]);
        }
        if self.policies.contains_key(id) {
            return Err(vec![
                "a client with this id stands in the configuration, and that one counts".to_owned(),
            ]);
        }
        let mut findings = Findings::default();
        let keys = self.token_keys.at(now);
        let opened =
            client.open("client[0]", config, Some(&keys), &mut Files { findings: &mut findings, now });
        let opened = opened.filter(|_| findings.0.is_empty());
        let opened = opened.ok_or_else(|| {
            findings.0.into_iter().map(|f| format!("{}: {}", f.key, f.message)).collect::<Vec<_>>()
        })?;
        self.clients.register(opened).map_err(|error| vec![error.to_string()])?;
        self.policies.insert(id.to_owned(), client.policy(config));
        Ok(())
    }
}

/// Why a client cannot be read.
const SEALED_BY_ANOTHER: &str = "it was sealed under another subject key, or changed by somebody without it";

#[cfg(test)]
mod tests;
