//! The keys that clients publish at an address of their own (`jwks_uri`): fetched when they are first needed, and
//! again when they are no longer fresh or when somebody signs with a key that is not among them.
//!
//! A client waits for its own address only. While that does not answer, the last good set counts, for a day more: a
//! key that its owner has withdrawn must not live on because somebody keeps us from hearing of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::oidc::client::{ClientKeys, read_keys};
use crate::outbound::{Fetcher, Kept};

/// All addresses at which clients publish keys, and what was found there.
#[derive(Debug)]
pub struct KeySources {
    fetcher: Fetcher,
    sources: Mutex<HashMap<String, Arc<KeySource>>>,
}

/// One address.
#[derive(Debug, Default)]
struct KeySource {
    known: Mutex<Known>,
    turn: tokio::sync::Mutex<()>,
}

/// What is known of one address.
#[derive(Clone, Debug, Default)]
struct Known {
    keys: Option<Arc<Value>>,
    fresh_until: Option<Timestamp>,
    tried: Option<Timestamp>,
}

impl KeySources {
    /// Nothing is fetched yet; what will be is fetched by `fetcher`, within its limits.
    #[must_use]
    pub fn new(fetcher: Fetcher) -> Arc<Self> {
        Arc::new(Self { fetcher, sources: Mutex::default() })
    }

    /// A client's keys.
    pub(super) async fn of(self: &Arc<Self>, keys: &ClientKeys, now: Timestamp) -> Option<Arc<Value>> {
        match keys {
            ClientKeys::Inline(keys) => Some(Arc::clone(keys)),
            ClientKeys::Uri(uri) => self.at(uri, now, false).await,
        }
    }

    /// A client's keys, fetched anew unless that was tried a moment ago; nothing if they are in the configuration.
    pub(super) async fn afresh(self: &Arc<Self>, keys: &ClientKeys, now: Timestamp) -> Option<Arc<Value>> {
        match keys {
            ClientKeys::Inline(_) => None,
            ClientKeys::Uri(uri) => self.at(uri, now, true).await,
        }
    }

    async fn at(self: &Arc<Self>, uri: &str, now: Timestamp, afresh: bool) -> Option<Arc<Value>> {
        let source = self.source(uri);
        let known = source.known();
        if known.was_tried_at(now) || !afresh && known.is_fresh_at(now) {
            return known.keys;
        }
        // Who leaves does not take the fetch along: it is under way for all who wait.
        let (sources, uri) = (Arc::clone(self), uri.to_owned());
        let fetched = tokio::spawn(async move { sources.refresh(&source, &uri, now).await });
        fetched.await.unwrap_or(known.keys)
    }

    /// One fetch at a time for each address, whose outcome counts for all who wait for it.
    async fn refresh(&self, source: &KeySource, uri: &str, now: Timestamp) -> Option<Arc<Value>> {
        let _turn = source.turn.lock().await;
        let mut known = source.known();
        if known.was_tried_at(now) {
            return known.keys;
        }
        known.tried = Some(now);
        match self.fetch(uri).await {
            Ok((keys, fresh_for)) => {
                known.keys = Some(Arc::new(keys));
                known.fresh_until = Some(now + fresh_for);
            }
            Err(error) => {
                tracing::warn!(uri, error, "the keys of a client could not be fetched");
                if known.fresh_until.is_some_and(|until| now >= until + AT_MOST) {
                    known.keys = None;
                }
            }
        }
        *source.known.lock().unwrap_or_else(PoisonError::into_inner) = known.clone();
        known.keys
    }

    async fn fetch(&self, uri: &str) -> Result<(Value, Duration), String> {
        let Kept { octets, fresh_for } =
            self.fetcher.get_kept(uri).await.map_err(|error| error.to_string())?;
        let keys = read_keys(&octets).map_err(|fault| fault.to_string())?;
        Ok((keys, fresh_for.unwrap_or(USUALLY).clamp(AT_LEAST, AT_MOST)))
    }

    fn source(&self, uri: &str) -> Arc<KeySource> {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sources.entry(uri.to_owned()).or_default())
    }
}

impl KeySource {
    fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Known {
    fn is_fresh_at(&self, now: Timestamp) -> bool {
        self.fresh_until.is_some_and(|until| now < until)
    }

    fn was_tried_at(&self, now: Timestamp) -> bool {
        self.tried.is_some_and(|tried| now < tried + PAUSE)
    }
}

/// Between two attempts, so that nobody can have a client's address called at will.
const PAUSE: Duration = Duration::from_secs(10);
/// How long a set is fresh whose publisher says nothing.
const USUALLY: Duration = Duration::from_secs(3600);
const AT_LEAST: Duration = Duration::from_secs(300);
/// How long a set may be fresh, and how long it counts after that while there is no newer one.
const AT_MOST: Duration = Duration::from_secs(86_400);
