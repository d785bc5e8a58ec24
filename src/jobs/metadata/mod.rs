//! Keeps the countries' metadata fresh: fetches it when it is due, has it judged, remembers it in the store
//! and publishes what came out.
//!
//! A document that is not trusted never replaces one that is: that one serves until it expires, and no
//! longer. What is in the store is judged again by whoever reads it, so a start needs no network, a
//! restart with other anchors believes nobody by habit, and several instances see one state. A country that
//! fails does not hold up the others.
//!
//! Whom to trust, what a change is and when to look again are decided in `eidas::trust`; whether a node may
//! still be used is asked at each use. Time and waiting are given from outside: [`Keeper::tick`] does what
//! is due at the present of its clock.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

mod fetch;
mod refresh;

pub use fetch::Fetch;

use crate::audit::Sink;
use crate::clock::{Clock, Timestamp};
use crate::eidas::mdsl::{ListTrust, MetadataServiceList};
use crate::eidas::trust::revocation::Answers;
use crate::eidas::trust::{CountryTrust, lifecycle};
use crate::eidas::{CountryCode, TrustedNode};
use crate::ids::{self, Random};
use crate::login::{Countries, Entry};
use crate::outbound::Source;
use crate::store::{Document, Store};

/// What the keeper works with.
#[derive(Clone)]
pub struct Surroundings {
    /// Where documents are kept.
    pub store: Arc<dyn Store>,
    /// Fetches them.
    pub fetch: Arc<dyn Fetch>,
    /// Tells when they are due.
    pub clock: Arc<dyn Clock>,
    /// Spreads the fetches.
    pub random: Arc<dyn Random>,
    /// Hears of every change.
    pub audit: Arc<dyn Sink>,
}

/// Whose metadata is to be had where, and what vouches for it.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The countries.
    pub countries: Vec<(CountryTrust, Source)>,
    /// The MetadataServiceLists, by the names that countries refer to.
    pub lists: Vec<(String, ListTrust, Source)>,
}

/// Keeps all countries' metadata.
pub struct Keeper {
    with: Surroundings,
    published: watch::Sender<Arc<Countries>>,
    state: Mutex<State>,
}

/// What is known, and when to look again.
#[derive(Default)]
struct State {
    /// By country code, or `list:` and a name, as in the store.
    kept: BTreeMap<String, Kept>,
    /// Grows with each change of the configuration: what was begun under another one is not used.
    generation: u64,
    /// The store's version that is known.
    version: Option<u64>,
    /// What certification authorities say of metadata signers.
    answers: Answers,
    /// Whether the last word of the store was that it is out of order.
    store_failed: bool,
}

/// One source.
#[derive(Clone)]
struct Kept {
    what: What,
    source: Source,
    /// The last good document, as in the store.
    document: Option<Document>,
    /// What it says, if it is believed now.
    good: Option<Good>,
    /// Why nothing is believed, if nothing is.
    reason: String,
    failures: u32,
    due: Timestamp,
    /// The last refresh out of turn.
    out_of_band: Option<Timestamp>,
    /// Held while it is refreshed.
    busy: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone)]
enum What {
    Country(CountryTrust),
    List(ListTrust),
}

/// What a trusted document says.
#[derive(Clone)]
enum Good {
    Node(Arc<TrustedNode>),
    List(Arc<MetadataServiceList>),
}

impl Keeper {
    /// A keeper of nothing; [`Self::configure`] tells it whose metadata to keep.
    #[must_use]
    pub fn new(with: Surroundings) -> Arc<Self> {
        let (published, _) = watch::channel(Arc::new(Countries::default()));
        Arc::new(Self { with, published, state: Mutex::default() })
    }

    /// The countries as they are now, and as they will be.
    #[must_use]
    pub fn countries(&self) -> watch::Receiver<Arc<Countries>> {
        self.published.subscribe()
    }

    /// Keeps the metadata of `sources` from now on. What is known of them, or in the store, is judged at once
    /// by what vouches for them now; then all are due.
    pub async fn configure(&self, sources: Sources) {
        let now = self.with.clock.now();
        let countries = sources.countries.into_iter();
        let countries = countries.map(|(trust, at)| (trust.country.to_string(), What::Country(trust), at));
        let lists = sources.lists.into_iter();
        let lists = lists.map(|(name, trust, at)| (list_key(&name), What::List(trust), at));
        let known = {
            let mut state = self.state();
            let mut old = std::mem::take(&mut state.kept);
            for (key, what, source) in lists.chain(countries) {
                let kept = Kept::new(what, source, old.remove(&key), now);
                state.kept.insert(key, kept);
            }
            state.generation += 1;
            state.version = None;
            state.kept.values().filter_map(|kept| kept.document.clone()).collect::<Vec<_>>()
        };
        self.take_over_all(known).await;
        self.sync().await;
        self.publish();
    }

    /// Does what is due: forgets what has expired, takes over what other instances or a person brought into
    /// the store, and refreshes.
    pub async fn tick(self: &Arc<Self>) {
        self.expire().await;
        self.sync().await;
        self.publish();
        // Lists first: they say where the countries' metadata is.
        for lists in [true, false] {
            let mut running = JoinSet::new();
            for key in self.due(lists) {
                let keeper = Arc::clone(self);
                running.spawn(async move { keeper.refresh(&key).await });
            }
            running.join_all().await;
        }
    }

    /// Ticks for ever.
    pub async fn run(self: Arc<Self>) {
        loop {
            self.tick().await;
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Refreshes `country` out of turn, because a response bore a key that its metadata does not hold; at most
    /// once in [`lifecycle::OUT_OF_BAND`]. Who comes while another waits for the answer shares it.
    pub async fn refresh_out_of_band(self: Arc<Self>, country: CountryCode) {
        let key = country.to_string();
        let now = self.with.clock.now();
        let Some(busy) = self.state().kept.get(&key).map(|kept| Arc::clone(&kept.busy)) else { return };
        let busy = busy.lock().await;
        let recently = |last: Timestamp| now < last + lifecycle::OUT_OF_BAND;
        {
            let mut state = self.state();
            let Some(kept) = state.kept.get_mut(&key) else { return };
            if kept.out_of_band.is_some_and(recently) {
                return;
            }
            kept.out_of_band = Some(now);
        }
        self.refresh_alone(&key).await;
        drop(busy);
    }

    async fn refresh(self: &Arc<Self>, key: &str) {
        let Some(busy) = self.state().kept.get(key).map(|kept| Arc::clone(&kept.busy)) else { return };
        let _alone = busy.lock().await;
        self.refresh_alone(key).await;
    }

    /// The sources that are due.
    fn due(&self, lists: bool) -> Vec<String> {
        let now = self.with.clock.now();
        let state = self.state();
        let due = state
            .kept
            .iter()
            .filter(|(_, kept)| kept.due <= now && matches!(kept.what, What::List(_)) == lists);
        due.map(|(key, _)| key.clone()).collect()
    }

    /// Publishes the countries as they are.
    fn publish(&self) {
        let entries: Vec<_> = {
            let state = self.state();
            let entry = |kept: &Kept| match (&kept.what, &kept.good) {
                (What::Country(trust), Some(Good::Node(node))) => {
                    Some((trust.country, Entry::Trusted(Arc::clone(node))))
                }
                (What::Country(trust), _) => Some((trust.country, Entry::Untrusted(kept.reason.clone()))),
                (What::List(_), _) => None,
            };
            state.kept.values().filter_map(entry).collect()
        };
        self.published.send_if_modified(|countries| {
            let same = countries.iter().count() == entries.len()
                && countries.iter().zip(&entries).all(|(old, new)| is_same(old, new));
            if !same {
                *countries = Arc::new(Countries::new(entries));
            }
            !same
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn jitter(&self) -> u8 {
        let [draw] = ids::octets::<1>(self.with.random.as_ref());
        draw
    }
}

fn is_same(old: (CountryCode, &Entry), new: &(CountryCode, Entry)) -> bool {
    old.0 == new.0
        && match (old.1, &new.1) {
            (Entry::Trusted(old), Entry::Trusted(new)) => Arc::ptr_eq(old, new),
            (Entry::Untrusted(old), Entry::Untrusted(new)) => old == new,
            _ => false,
        }
}

impl Kept {
    /// What is kept of a source; of what was known of it, the document, which is not believed yet.
    fn new(what: What, source: Source, old: Option<Self>, now: Timestamp) -> Self {
        let (document, out_of_band, busy) = match old {
            Some(old) => (old.document, old.out_of_band, old.busy),
            None => (None, None, Arc::default()),
        };
        let reason = "not loaded yet".to_owned();
        Self { what, source, document, good: None, reason, failures: 0, due: now, out_of_band, busy }
    }
}

impl Good {
    /// From when on it must not be used. A list that names no `NextUpdate` is kept for a week at most.
    fn valid_until(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::Node(node) => node.valid_until(),
            Self::List(list) => list.next_update.unwrap_or(now + LIST_LIFETIME),
        }
    }

    fn next_refresh(&self, now: Timestamp, jitter: u8) -> Duration {
        match self {
            Self::Node(node) => lifecycle::next_refresh(node, now, jitter),
            Self::List(_) => lifecycle::refresh_within(None, self.valid_until(now), now, jitter),
        }
    }
}

/// A list, as it is called in the store and in events.
fn list_key(name: &str) -> String {
    format!("list:{name}")
}

/// Work under way that may be waited for.
pub(super) type Waiting<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How often the keeper looks whether something is due, or has changed in the store.
const INTERVAL: Duration = Duration::from_secs(2);

const LIST_LIFETIME: Duration = Duration::from_secs(7 * 86_400);
