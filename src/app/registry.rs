//! The clients in the database: as an operator manages them from the command line, and as running instances
//! take them over.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::ServeError;
use super::gateway::{audit, open_store};
use crate::audit::{Event, JsonLines, Sink};
use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::config::{Block, Config, Faults, NotOpened, Opened, Registered};
use crate::ids::SystemRandom;
use crate::secret::Secret;
use crate::store::{Added, Changed, Store, StoreError, StoredClient};

/// The clients of a deployment, with its database.
pub struct Registry {
    store: Arc<dyn Store>,
    config: Config,
    opened: Opened,
    audit: Arc<dyn Sink>,
}

/// A client in the database.
pub struct Known {
    /// Its `client_id`.
    pub id: String,
    /// What is kept of it; `None` if it cannot be read.
    pub registered: Option<Registered>,
    /// Why it is left out, if it is.
    pub left_out: Vec<String>,
}

/// Why a client is not changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The block is faulty.
    #[error(transparent)]
    Faulty(#[from] Faults),
    /// The client stands in the configuration.
    #[error("the client {0} stands in the configuration file: change it there")]
    Configured(String),
    /// The identifier belongs to a client in the database.
    #[error("there is a client {0} in the database; a client is never removed, and its id not used again")]
    Taken(String),
    /// There is no such client.
    #[error("there is no client {0}")]
    Unknown(String),
    /// The client cannot be read.
    #[error("the client {0} was sealed under another subject key, or changed by somebody without it")]
    Sealed(String),
    /// The client does not prove who it is with a secret.
    #[error("the client {0} has no secret")]
    NoSecret(String),
    /// Somebody else changed it at the same moment.
    #[error("somebody else has changed the client {0} at this moment; look at it and try again")]
    Overtaken(String),
    /// The database does not answer.
    #[error("the database: {0}")]
    Store(#[from] StoreError),
}

impl Registry {
    /// With the database that `config` names. Changes are told where the gateway tells its own, or on standard
    /// error.
    ///
    /// # Errors
    /// If the database, or the file for audit events, does not open.
    pub async fn open(config: Config, opened: Opened) -> Result<Self, ServeError> {
        let store = open_store(&config, &opened).await?;
        let audit: Arc<dyn Sink> = match &config.audit.file {
            Some(_) => audit(&config)?,
            None => Arc::new(JsonLines::new(io::stderr())),
        };
        Ok(Self { store, config, opened, audit })
    }

    /// The configuration, whose clients are not in the database.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Every client in the database, in the order of identifiers.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list(&self) -> Result<Vec<Known>, RegistryError> {
        let now = SystemClock.now();
        let clients = self.store.clients().await?;
        let known = clients.into_iter().map(|StoredClient { id, sealed, .. }| {
            let registered = Registered::unseal(&id, &sealed, &self.opened.subject_key);
            let left_out = self.opened.clone().join(&self.config, [(id.as_str(), sealed.as_slice())], now);
            let left_out = left_out.into_iter().flat_map(|not_opened| not_opened.reasons).collect();
            Known { id, registered, left_out }
        });
        Ok(known.collect())
    }

    /// One client in the database.
    ///
    /// # Errors
    /// If there is none with this identifier, or the database does not answer.
    pub async fn find(&self, id: &str) -> Result<Known, RegistryError> {
        let known = self.list().await?.into_iter().find(|known| known.id == id);
        known.ok_or_else(|| self.unknown(id))
    }

    /// Puts a client in: its identifier, and its secret, if it has one. Faults name `file`.
    ///
    /// # Errors
    /// [`RegistryError`]; nothing is changed then.
    pub async fn add(
        &self,
        file: &Path,
        block: Block,
    ) -> Result<(String, Option<Secret<String>>), RegistryError> {
        let now = SystemClock.now();
        let made = Registered::new(file, block, &self.config, &self.opened, now, &SystemRandom);
        let (id, registered, secret) = made?;
        if self.is_configured(&id) {
            return Err(RegistryError::Configured(id));
        }
        let sealed = registered.seal(&id, &self.opened.subject_key, &SystemRandom);
        match self.store.add_client(&id, &sealed).await? {
            Added::Added => self.audit.record(now, &Event::ClientAdded { client: &id }),
            Added::Taken => return Err(RegistryError::Taken(id)),
        }
        Ok((id, secret))
    }

    /// Enables or disables a client. Says whether that changed anything.
    ///
    /// # Errors
    /// [`RegistryError`]; nothing is changed then.
    pub async fn switch(&self, id: &str, enabled: bool) -> Result<bool, RegistryError> {
        let (stored, mut registered) = self.read(id).await?;
        if registered.enabled == enabled {
            return Ok(false);
        }
        let now = SystemClock.now();
        registered.enabled = enabled;
        registered.changed = now;
        let event =
            if enabled { Event::ClientEnabled { client: id } } else { Event::ClientDisabled { client: id } };
        self.write(&stored, &registered).await?;
        self.audit.record(now, &event);
        Ok(true)
    }

    /// Gives a client a new secret, with which the one before counts for `keep` more: the new one, and until
    /// when both count.
    ///
    /// # Errors
    /// [`RegistryError`]; nothing is changed then.
    pub async fn rotate(
        &self,
        id: &str,
        keep: Duration,
    ) -> Result<(Secret<String>, Option<Timestamp>), RegistryError> {
        let (stored, mut registered) = self.read(id).await?;
        let now = SystemClock.now();
        let secret = registered.rotate(keep, now, &SystemRandom);
        let secret = secret.ok_or_else(|| RegistryError::NoSecret(id.to_owned()))?;
        self.write(&stored, &registered).await?;
        let until = registered.before_until(now);
        let before_until = until.map(|until| until.to_string());
        self.audit.record(now, &Event::ClientSecretRotated { client: id, before_until });
        Ok((secret, until))
    }

    /// Removes the address that is kept for the person whom the client knows as `sub`. Says whether there was one.
    ///
    /// # Errors
    /// [`RegistryError`]; nothing is changed then.
    pub async fn forget(&self, id: &str, sub: &str) -> Result<bool, RegistryError> {
        let policy = match self.opened.policies.get(id) {
            Some(policy) => policy.clone(),
            None => self.read(id).await?.1.policy(id, &self.config, SystemClock.now())?,
        };
        let tag = self.opened.subject_key.mailbox(&policy.sector, sub).tag();
        Ok(self.store.drop_mailbox(&tag).await?)
    }

    /// Lets go of the database.
    pub async fn close(&self) {
        // What was to be written is written.
        let _ = self.store.close().await;
    }

    async fn read(&self, id: &str) -> Result<(StoredClient, Registered), RegistryError> {
        let stored = self.store.clients().await?.into_iter().find(|stored| stored.id == id);
        let stored = stored.ok_or_else(|| self.unknown(id))?;
        let registered = Registered::unseal(id, &stored.sealed, &self.opened.subject_key);
        let registered = registered.ok_or_else(|| RegistryError::Sealed(id.to_owned()))?;
        Ok((stored, registered))
    }

    async fn write(&self, stored: &StoredClient, registered: &Registered) -> Result<(), RegistryError> {
        let sealed = registered.seal(&stored.id, &self.opened.subject_key, &SystemRandom);
        match self.store.change_client(stored, &sealed).await? {
            Changed::Changed => Ok(()),
            Changed::Overtaken => Err(RegistryError::Overtaken(stored.id.clone())),
        }
    }

    fn unknown(&self, id: &str) -> RegistryError {
        let id = id.to_owned();
        if self.is_configured(&id) { RegistryError::Configured(id) } else { RegistryError::Unknown(id) }
    }

    fn is_configured(&self, id: &str) -> bool {
        self.config.client.iter().any(|client| client.id == id)
    }
}

/// The clients in the database as a running instance knows them.
#[derive(Default)]
pub(super) struct Followed {
    version: Option<u64>,
    clients: Vec<StoredClient>,
    /// When a secret ends, next.
    next_end: Option<Timestamp>,
}

impl Followed {
    /// Reads them.
    pub(super) async fn read(&mut self, store: &dyn Store) -> Result<(), StoreError> {
        // First: what is changed in between is seen the next time.
        let version = store.clients_version().await?;
        self.clients = store.clients().await?;
        self.version = Some(version);
        Ok(())
    }

    /// Whether what was joined last is no longer what counts.
    pub(super) async fn is_over(&mut self, store: &dyn Store, now: Timestamp) -> bool {
        if self.next_end.is_some_and(|end| end <= now) {
            return true;
        }
        // Whether the database answers is told elsewhere.
        let Ok(version) = store.clients_version().await else { return false };
        self.version != Some(version) && self.read(store).await.is_ok()
    }

    /// Takes the clients into what `config` has opened, and says who is left out.
    pub(super) fn join(&mut self, config: &Config, opened: &mut Opened, now: Timestamp) {
        let ends = self.clients.iter().filter_map(|client| {
            Registered::unseal(&client.id, &client.sealed, &opened.subject_key)?.before_until(now)
        });
        self.next_end = ends.min();
        for NotOpened { id, reasons } in opened.join(config, pairs(&self.clients), now) {
            tracing::error!(client = id, ?reasons, "a client in the database is left out");
        }
    }
}

/// As [`Opened::join`] takes them.
pub(super) fn pairs(clients: &[StoredClient]) -> impl Iterator<Item = (&str, &[u8])> {
    clients.iter().map(|client| (client.id.as_str(), client.sealed.as_slice()))
}
