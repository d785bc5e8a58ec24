//! The countries' metadata as an operator sees and moves it from the command line: what is trusted, what a
//! refresh would change, a refresh now, an approval. A running gateway takes over what happens here, since
//! it looks into the same database.

use std::io;
use std::sync::Arc;

use super::{ServeError, fetcher};
use crate::audit::{JsonLines, Memory, Sink};
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::config::{Config, Opened};
use crate::eidas::CountryCode;
use crate::eidas::trust::lifecycle::{self, Change};
use crate::ids::SystemRandom;
use crate::jobs::{Keeper, Sources, Surroundings};
use crate::login::{Countries, Entry};
use crate::store::{self, Document, DocumentState, Refresh, Store, StoreError};

/// The countries of a deployment, with its database.
pub struct Overview {
    store: Arc<dyn Store>,
    config: Config,
    sources: Sources,
}

/// What is known of one country.
pub struct Known {
    /// The country.
    pub country: CountryCode,
    /// Its node, or why nobody is trusted.
    pub entry: Entry,
    /// How the last refresh went.
    pub refresh: Option<Refresh>,
    /// The document that waits for approval.
    pub pending: Option<Document>,
}

/// What a refresh would do to one country.
pub enum Difference {
    /// What is fetched now would be trusted; these are the changes, none if there is nothing new.
    Changes(Vec<Change>),
    /// Nothing is trusted until now, and what is fetched now would be: the node's entityID.
    New(String),
    /// What is fetched now would not be trusted, and why.
    Refused(String),
}

impl Overview {
    /// Of the countries named in `only`, or of all.
    ///
    /// # Errors
    /// If the database does not open.
    pub async fn open(config: Config, opened: Opened, only: &[CountryCode]) -> Result<Self, ServeError> {
        let store = super::gateway::open_store(&config, &opened).await?;
        let mut countries = opened.countries;
        countries.retain(|(trust, _)| only.is_empty() || only.contains(&trust.country));
        Ok(Self { store, config, sources: Sources { countries, lists: opened.lists } })
    }

    /// What is known of each country.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn list(&self) -> Result<Vec<Known>, StoreError> {
        let (documents, refreshes) = (self.store.documents().await?, self.store.refreshes().await?);
        let countries = self.trusted_now().await;
        let known = countries.iter().map(|(country, entry)| {
            let of = |source: &str| source == country.as_str();
            let pending =
                |document: &&Document| of(&document.source) && document.state == DocumentState::Pending;
            Known {
                country,
                entry: entry.clone(),
                refresh: refreshes.iter().find(|refresh| of(&refresh.source)).cloned(),
                pending: documents.iter().find(pending).cloned(),
            }
        });
        Ok(known.collect())
    }

    /// Fetches and judges now, into the database.
    ///
    /// # Errors
    /// If the file for audit events cannot be opened.
    pub async fn refresh(&self) -> Result<(), ServeError> {
        let audit: Arc<dyn Sink> = match &self.config.audit.file {
            Some(_) => super::gateway::audit(&self.config)?,
            None => Arc::new(JsonLines::new(io::stderr())),
        };
        let keeper = Keeper::new(self.surroundings(Arc::clone(&self.store), audit));
        keeper.configure(self.sources.clone()).await;
        keeper.tick().await;
        Ok(())
    }

    /// Fetches and judges now, and compares with what is trusted; nothing is changed.
    ///
    /// # Errors
    /// If there is no memory for a second database.
    pub async fn diff(&self) -> Result<Vec<(CountryCode, Difference)>, StoreError> {
        let now = SystemClock.now();
        let aside = self.surroundings(store::open("sqlite::memory:").await?, Arc::new(Memory::default()));
        let keeper = Keeper::new(aside);
        keeper.configure(self.sources.clone()).await;
        keeper.tick().await;
        let (old, new) = (self.trusted_now().await, Arc::clone(&keeper.countries().borrow()));
        let difference = |(country, entry): (CountryCode, &Entry)| {
            let difference = match (old.node(country, now), entry) {
                (_, Entry::Untrusted(reason)) => Difference::Refused(reason.clone()),
                (Ok(old), Entry::Trusted(new)) => Difference::Changes(lifecycle::changes(old, new)),
                (Err(_), Entry::Trusted(new)) => Difference::New(new.entity_id().to_owned()),
            };
            (country, difference)
        };
        Ok(new.iter().map(difference).collect())
    }

    /// Approves the document of `country` that waits, and gives it back; `None` if none waits.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn approve(
        &self,
        country: CountryCode,
        now: Timestamp,
    ) -> Result<Option<Document>, StoreError> {
        let documents = self.store.documents().await?;
        let waits = |document: &Document| {
            document.source == country.as_str() && document.state == DocumentState::Pending
        };
        let Some(document) = documents.into_iter().find(waits) else { return Ok(None) };
        self.store.approve(&document.source, &document.sha256, now).await?;
        Ok(Some(document))
    }

    /// What the database holds, judged by what vouches for it now.
    async fn trusted_now(&self) -> Arc<Countries> {
        let keeper = Keeper::new(self.surroundings(Arc::clone(&self.store), Arc::new(Memory::default())));
        keeper.configure(self.sources.clone()).await;
        Arc::clone(&keeper.countries().borrow())
    }

    fn surroundings(&self, store: Arc<dyn Store>, audit: Arc<dyn Sink>) -> Surroundings {
        let fetch = Arc::new(fetcher(&self.config.outbound, self.config.profile));
        Surroundings { store, fetch, clock: Arc::new(SystemClock), random: Arc::new(SystemRandom), audit }
    }
}
