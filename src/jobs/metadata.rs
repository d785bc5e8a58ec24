//! Keeps the countries' metadata fresh: loads it, has it judged, publishes what came out.
//!
//! A document that is not trusted never replaces one that is: the old one serves until it expires. A
//! country that fails does not hold up the others. Whom to trust is decided in `eidas::trust`; whether a
//! node may still be used is asked at each use.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::{Clock, Timestamp};
use crate::eidas::{CountryCode, CountryTrust, TrustedNode, trust};
use crate::ids::{self, Random};
use crate::login::{Countries, Entry};
use crate::outbound::{Fetcher, Source};

/// The countries and where their metadata is.
pub struct Metadata {
    /// What vouches for each country's metadata, and where it is.
    pub countries: Vec<(CountryTrust, Source)>,
    /// Fetches it.
    pub fetcher: Arc<Fetcher>,
    /// Tells when it is due.
    pub clock: Arc<dyn Clock>,
    /// Spreads the fetches.
    pub random: Arc<dyn Random>,
}

impl Metadata {
    /// The countries as they are before anything was loaded: known, but out of reach.
    #[must_use]
    pub fn before_loading(&self) -> Countries {
        let entry = |trust: &CountryTrust| (trust.country, Entry::Untrusted("not loaded yet".to_owned()));
        Countries::new(self.countries.iter().map(|(trust, _)| entry(trust)))
    }

    /// Loads and refreshes for ever, and publishes every change to `published`.
    pub async fn run(self, published: watch::Sender<Arc<Countries>>) {
        let mut running = JoinSet::new();
        let published = Arc::new(published);
        for (trust, source) in self.countries {
            let job = Country {
                trust,
                source,
                fetcher: self.fetcher.clone(),
                clock: self.clock.clone(),
                random: self.random.clone(),
            };
            running.spawn(job.run(published.clone()));
        }
        running.join_all().await;
    }
}

/// The refresh of one country.
struct Country {
    trust: CountryTrust,
    source: Source,
    fetcher: Arc<Fetcher>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

impl Country {
    async fn run(self, published: Arc<watch::Sender<Arc<Countries>>>) {
        let mut failures = 0;
        loop {
            let loaded = load(&self.fetcher, &self.trust, &self.source, self.clock.as_ref()).await;
            let wait = match &loaded {
                Ok(node) => {
                    failures = 0;
                    refresh_after(node.cache_duration(), node.valid_until(), self.clock.now())
                }
                Err(_) => {
                    failures += 1;
                    retry_after(failures)
                }
            };
            publish(&published, self.trust.country, entry(&self.trust, loaded), self.clock.now());
            tokio::time::sleep(jittered(wait, self.random.as_ref())).await;
        }
    }
}

async fn load(
    fetcher: &Fetcher,
    trust: &CountryTrust,
    source: &Source,
    clock: &dyn Clock,
) -> Result<TrustedNode, String> {
    let octets =
        fetcher.load(source).await.map_err(|error| format!("{source}: {}: {error}", error.code()))?;
    trust::check(&octets, trust, clock.now()).map_err(|refusal| format!("{source}: {refusal}"))
}

/// What is told of a country, in the log and to the citizen.
fn entry(trust: &CountryTrust, loaded: Result<TrustedNode, String>) -> Entry {
    let country = trust.country;
    match loaded {
        Ok(node) => {
            tracing::info!(%country, node = node.entity_id(), valid_until = %node.valid_until(), "metadata loaded");
            for warning in node.warnings() {
                tracing::warn!(%country, %warning, "metadata has a flaw");
            }
            Entry::Trusted(Arc::new(node))
        }
        Err(reason) => {
            tracing::warn!(%country, %reason, "metadata cannot be used");
            Entry::Untrusted(reason)
        }
    }
}

/// Puts `entry` in place of the country's present one, unless that is still good and the new one is not.
fn publish(published: &watch::Sender<Arc<Countries>>, country: CountryCode, entry: Entry, now: Timestamp) {
    published.send_modify(|countries| {
        let mut entries: BTreeMap<_, _> =
            countries.iter().map(|(country, entry)| (country, entry.clone())).collect();
        let still_good = matches!(entries.get(&country), Some(Entry::Trusted(node)) if node.usable_at(now));
        if matches!(entry, Entry::Trusted(_)) || !still_good {
            entries.insert(country, entry);
            *countries = Arc::new(Countries::new(entries));
        }
    });
}

/// When good metadata is due again: as its publisher says, at the latest when half of its life is over
/// (eIDAS Interoperability Architecture 1.4 §6.4.1 leaves it to us), between a minute and a day.
fn refresh_after(cache: Option<Duration>, valid_until: Timestamp, now: Timestamp) -> Duration {
    let half = valid_until.since(now) / 2;
    cache.unwrap_or(DEFAULT).min(half).clamp(SHORTEST, LONGEST)
}

/// When to try again after `failures` in a row: after one minute, then twice as long each time up to an hour.
fn retry_after(failures: u32) -> Duration {
    SHORTEST.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(10))).min(DEFAULT)
}

/// Up to a tenth less, so that not all countries are fetched at the same moment, and no instance with
/// another.
fn jittered(wait: Duration, random: &dyn Random) -> Duration {
    let [draw] = ids::octets::<1>(random);
    wait - wait / 10 * u32::from(draw) / 255
}

const SHORTEST: Duration = Duration::from_secs(60);
const DEFAULT: Duration = Duration::from_secs(60 * 60);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::clock::FixedClock;
    use crate::crypto::Certificate;

    use crate::ids::CountingRandom;
    use crate::outbound::{Allowed, Limits};

    const HOUR: Duration = Duration::from_secs(3600);
    const MINUTE: Duration = Duration::from_secs(60);

    /// When the CEF node's messages were recorded; its metadata is valid for ten years from then.
    fn recorded() -> Timestamp {
        Timestamp::parse("2026-11-21T17:56:38Z").unwrap()
    }

    /// One country whose metadata is in order, one whose metadata is missing, one that an anchor of another
    /// country would have to vouch for.
    fn metadata() -> Metadata {
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/cef-2.9");
        let anchor = std::fs::read(vectors.join("keys/proxy-sig-ec.crt")).unwrap();
        let country = |code: &str, file: &str| {
            let anchors = Certificate::from_pem(&anchor).unwrap();
            let trust = CountryTrust::new(code.parse().unwrap(), anchors);
            (trust, Source::File(vectors.join("p-ec_c-ec_enc-rsa3072").join(file)))
        };
        let (time, allowed) = (MINUTE, Allowed::default());
        Metadata {
            countries: vec![
                country("XA", "proxy-metadata.xml"),
                country("XC", "nowhere.xml"),
                country("XD", "proxy-metadata.xml"),
            ],
            fetcher: Arc::new(Fetcher::new(Limits { time, size: 1 << 20, allowed, ca_file: None })),
            clock: Arc::new(FixedClock::new(recorded())),
            random: Arc::new(CountingRandom::default()),
        }
    }

    fn state(countries: &Countries) -> Vec<(String, Result<String, String>)> {
        let entry = |(country, entry): (CountryCode, &Entry)| {
            let state = match entry {
                Entry::Trusted(node) => Ok(node.entity_id().to_owned()),
                Entry::Untrusted(reason) => Err(reason.clone()),
            };
            (country.to_string(), state)
        };
        countries.iter().map(entry).collect()
    }

    const NODE: &str = "http://localhost:8080/EidasNodeProxy/ServiceMetadata";

    #[tokio::test]
    async fn a_country_that_fails_does_not_stop_the_others() {
        let metadata = metadata();
        let before = state(&metadata.before_loading());
        assert!(before.iter().all(|(_, state)| state == &Err("not loaded yet".to_owned())));

        let (publish, mut published) = watch::channel(Arc::new(metadata.before_loading()));
        let running = tokio::spawn(metadata.run(publish));
        let loaded = published.wait_for(|countries| {
            state(countries).iter().all(|(_, state)| state != &Err("not loaded yet".to_owned()))
        });
        let loaded = state(&loaded.await.unwrap().clone());
        running.abort();
        let [(_, xa), (_, xc), (_, xd)] = loaded.as_slice() else { panic!("{loaded:?}") };
        assert_eq!(xa.as_deref(), Ok(NODE));
        assert!(xc.as_ref().unwrap_err().contains("nowhere.xml: file_unreadable"), "{xc:?}");
        assert!(xd.as_ref().unwrap_err().contains("country_mismatch"), "{xd:?}");
    }

    #[tokio::test]
    async fn good_metadata_serves_until_it_expires_whatever_comes_after_it() {
        let metadata = metadata();
        let (trust, source) = &metadata.countries[0];
        let good = load(&metadata.fetcher, trust, source, metadata.clock.as_ref()).await.unwrap();
        let (end, xa) = (good.valid_until(), trust.country);
        let (sender, _receiver) = watch::channel(Arc::new(metadata.before_loading()));
        let now_is = |entry: Entry, now| {
            publish(&sender, xa, entry, now);
            state(&sender.borrow())[0].1.clone()
        };
        let bad = || Entry::Untrusted("bad".to_owned());
        assert_eq!(now_is(bad(), recorded()), Err("bad".to_owned()));
        assert_eq!(now_is(Entry::Trusted(Arc::new(good)), recorded()), Ok(NODE.to_owned()));
        assert_eq!(now_is(bad(), end - Duration::from_millis(1)), Ok(NODE.to_owned()));
        assert_eq!(now_is(bad(), end), Err("bad".to_owned()));
    }

    #[test]
    fn metadata_is_due_as_its_publisher_says_or_when_half_its_life_is_over() {
        let now = Timestamp::from_unix(1_800_000_000);
        let rows = [
            (None, now + HOUR * 24, HOUR),
            (Some(HOUR * 3), now + HOUR * 24, HOUR * 3),
            (Some(HOUR * 3), now + HOUR, HOUR / 2),
            (Some(Duration::ZERO), now + HOUR, MINUTE),
            (None, now, MINUTE),
            (None, now - HOUR, MINUTE),
            (Some(HOUR * 1000), now + HOUR * 9000, HOUR * 24),
        ];
        for (cache, valid_until, expected) in rows {
            assert_eq!(refresh_after(cache, valid_until, now), expected, "{cache:?} {valid_until}");
        }
    }

    #[test]
    fn failures_are_tried_again_ever_more_slowly() {
        let waits = [1, 2, 3, 7, 8, 1000].map(retry_after);
        assert_eq!(waits, [MINUTE, MINUTE * 2, MINUTE * 4, HOUR, HOUR, HOUR].map(|w| w.min(HOUR)));
    }

    #[test]
    fn no_two_countries_are_due_at_the_same_moment() {
        let random = CountingRandom::default();
        let waits: std::collections::BTreeSet<_> = (0..20).map(|_| jittered(HOUR, &random)).collect();
        assert!(waits.len() > 15);
        assert!(waits.iter().all(|wait| (HOUR * 9 / 10..=HOUR).contains(wait)));
    }
}
