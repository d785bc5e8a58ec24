//! Tells in time what will end: certificates of ours and of the countries, and metadata that nobody fetches.
//! Which of them, and how near the end is, is decided in `eidas`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::audit::{Event, Sink};
use crate::clock::{Clock, Timestamp};
use crate::crypto::Certificate;
use crate::crypto::turn::Stage;
use crate::eidas::trust::lifecycle::{self, Expiry, Nearness};
use crate::eidas::{CountryCode, Rollover, TrustedNode};
use crate::login::{Countries, Entry};
use crate::metrics::Metrics;
use crate::oidc::TokenKeys;
use crate::oidc::token_keys::TokenKeyState;

/// What is watched, as it is at each look.
pub trait Watched: Send + Sync {
    /// Our keys.
    fn rollover(&self) -> Arc<Rollover>;
    /// The keys that sign tokens.
    fn token_keys(&self) -> Arc<TokenKeys>;
    /// The countries.
    fn countries(&self) -> Arc<Countries>;
    /// What vouches for them.
    fn trusted(&self) -> Vec<Trusted>;
}

/// What vouches for a country.
#[derive(Clone, Debug)]
pub struct Trusted {
    /// The country.
    pub country: CountryCode,
    /// Its anchors.
    pub anchors: Vec<Certificate>,
    /// Whether its metadata is a file, which somebody has to replace by hand.
    pub by_hand: bool,
}

/// Looks at once and then every [`INTERVAL`], until dropped.
pub async fn watch_expiry(
    watched: Arc<dyn Watched>,
    metrics: Arc<Metrics>,
    audit: Arc<dyn Sink>,
    clock: Arc<dyn Clock>,
) {
    let mut alarms = Alarms::default();
    loop {
        let now = clock.now();
        alarms.look(watched.as_ref(), &metrics, audit.as_ref(), now);
        tokio::time::sleep(INTERVAL).await;
    }
}

/// What has been told, so that it is told once.
#[derive(Debug, Default)]
pub struct Alarms(BTreeMap<(String, &'static str, String), Nearness>);

impl Alarms {
    /// Tells what has come nearer to its end since the last look, and renews the metrics.
    pub fn look(&mut self, watched: &dyn Watched, metrics: &Metrics, audit: &dyn Sink, now: Timestamp) {
        let (rollover, countries, trusted) = (watched.rollover(), watched.countries(), watched.trusted());
        let token_keys = watched.token_keys();
        let overdue = token_keys.overdue(now).into_iter().map(|(key, end)| (OWN.to_owned(), over(&key, end)));
        let mut told = BTreeMap::new();
        for (owner, expiry) in found(&rollover, &countries, &trusted, now).into_iter().chain(overdue) {
            let key = (owner.clone(), expiry.role, expiry.certificate.clone());
            if self.0.get(&key).is_none_or(|before| *before < expiry.nearness) {
                tell(&owner, &expiry, audit, now);
            }
            told.insert(key, expiry.nearness);
        }
        self.0 = told;
        metrics.observe(&countries, ends(&rollover, &countries, &trusted, now), now);
        let told = |key: &TokenKeyState| matches!(key.stage, Stage::Active | Stage::Next);
        let states = token_keys.states(now).into_iter().filter(told);
        metrics.observe_token_keys(
            states.map(|key| (key.algorithm.as_str(), key.stage.as_str(), key.turn.use_from)),
        );
    }
}

/// Everything that ends within 60 days, with its owner.
fn found(
    rollover: &Rollover,
    countries: &Countries,
    trusted: &[Trusted],
    now: Timestamp,
) -> Vec<(String, Expiry)> {
    let ours = rollover.expiries(now).into_iter().map(|expiry| (OWN.to_owned(), expiry));
    let theirs = trusted.iter().flat_map(|trusted| {
        let node = node(countries, trusted.country);
        let mut expiries = lifecycle::expiries(node, &trusted.anchors, now);
        expiries.extend(node.filter(|_| trusted.by_hand).and_then(|node| Expiry::of_document(node, now)));
        expiries.into_iter().map(|expiry| (trusted.country.as_str().to_owned(), expiry))
    });
    ours.chain(theirs).collect()
}

/// A token key that should have been replaced.
fn over(key: &TokenKeyState, end: Timestamp) -> Expiry {
    let certificate = format!("{} {}", key.algorithm.as_str(), key.kid);
    Expiry { role: "token key", certificate, end, nearness: Nearness::Over }
}

fn tell(owner: &str, expiry: &Expiry, audit: &dyn Sink, now: Timestamp) {
    let Expiry { role, certificate, end, nearness } = expiry;
    tracing::warn!(owner, role, what = certificate, %end, nearness = nearness.as_str(), "this ends soon");
    let (end, nearness) = (end.to_string(), nearness.as_str());
    audit.record(now, &Event::Expires { owner, role, what: certificate, end, nearness });
}

/// The ends of all certificates, for the metrics.
fn ends<'a>(
    rollover: &Rollover,
    countries: &'a Countries,
    trusted: &'a [Trusted],
    now: Timestamp,
) -> Vec<(&'a str, &'static str, Timestamp)> {
    let mut ends: Vec<(&str, &str, Timestamp)> = rollover
        .states(now)
        .into_iter()
        .filter(|state| state.stage < Stage::Previous)
        .map(|state| (OWN, state.usage.as_str(), state.certificate.not_after()))
        .collect();
    for Trusted { country, anchors, .. } in trusted {
        let certificates = lifecycle::certificates(node(countries, *country), anchors);
        ends.extend(
            certificates.map(|(role, certificate)| (country.as_str(), role, certificate.not_after())),
        );
    }
    ends
}

fn node(countries: &Countries, country: CountryCode) -> Option<&TrustedNode> {
    countries.iter().find_map(|(other, entry)| match entry {
        Entry::Trusted(node) if other == country => Some(node.as_ref()),
        _ => None,
    })
}

/// The owner of what is ours.
const OWN: &str = "own";

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Memory;
    use crate::crypto::jose::{JwsAlgorithm, JwsKey};
    use crate::crypto::turn::Turn;
    use crate::crypto::{CertificateRequest, Curve, KeyKind, KeyUsage, PrivateKey};
    use crate::ids::SystemRandom;

    const DAY: Duration = Duration::from_secs(86_400);

    struct Anchored(Vec<Trusted>, Arc<Rollover>, Arc<TokenKeys>);

    impl Watched for Anchored {
        fn rollover(&self) -> Arc<Rollover> {
            self.1.clone()
        }
        fn token_keys(&self) -> Arc<TokenKeys> {
            self.2.clone()
        }
        fn countries(&self) -> Arc<Countries> {
            Arc::default()
        }
        fn trusted(&self) -> Vec<Trusted> {
            self.0.clone()
        }
    }

    fn now() -> Timestamp {
        Timestamp::from_unix(1_800_000_000)
    }

    fn pair(usage: KeyUsage, days: u32) -> (PrivateKey, Certificate) {
        let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
        let request = CertificateRequest {
            common_name: "C".to_owned(),
            organization: None,
            country: None,
            not_before: now() - DAY,
            not_after: now() + DAY * days,
            usage,
        };
        let certificate = key.self_signed(&request, &SystemRandom).unwrap();
        (key, certificate)
    }

    fn rollover() -> Arc<Rollover> {
        let signing = |days| {
            let (key, certificate) = pair(KeyUsage::Signing, days);
            crate::crypto::SigningKey::new(key, certificate, None).unwrap()
        };
        let (key, certificate) = pair(KeyUsage::Encryption, 1000);
        let connector = crate::eidas::Connector {
            entity_id: "https://us/metadata".to_owned(),
            acs_url: "https://us/acs".to_owned(),
            country: CountryCode::parse("XX").unwrap(),
            application_identifier: "a:b:c".to_owned(),
            provider_name: None,
            sp_type: None,
            organization: None,
            support: None,
            technical: None,
            signing: signing(100),
            extra_signing_certificates: Vec::new(),
            metadata_signing: signing(1000),
            metadata_chain: Vec::new(),
            decryption: vec![crate::crypto::DecryptionKey::new(key, certificate).unwrap()],
        };
        Arc::new(connector.into())
    }

    /// The second key is used from day 2 on, and its time is over on day 92.
    fn token_keys() -> Arc<TokenKeys> {
        let later = Turn { publish_from: now(), use_from: now() + DAY * 2, keep: None };
        let keys = [Turn::FIRST, later].map(|turn| (turn, JwsKey::generate(JwsAlgorithm::RS256).unwrap()));
        let keys = TokenKeys::new(keys.into(), Vec::new()).unwrap();
        Arc::new(keys.rotated_after(Some(DAY * 90)))
    }

    #[test]
    fn each_end_is_told_once_at_each_stage_and_shown_at_all_times() {
        let trusted = Trusted {
            country: CountryCode::parse("XB").unwrap(),
            anchors: vec![pair(KeyUsage::Authority, 75).1],
            by_hand: false,
        };
        let watched = Anchored(vec![trusted], rollover(), token_keys());
        let (metrics, audit, mut alarms) = (Metrics::default(), Memory::default(), Alarms::default());
        let mut told = Vec::new();
        for day in 0..110 {
            let before = audit.lines().len();
            for hour in [0, 9] {
                let at = now() + DAY * day + Duration::from_secs(3600 * hour);
                alarms.look(&watched, &metrics, &audit, at);
            }
            for line in audit.lines().iter().skip(before) {
                let event: serde_json::Value = serde_json::from_str(line).unwrap();
                let word = |name: &str| event[name].as_str().unwrap().to_owned();
                assert_eq!(word("event"), "expires");
                told.push(format!("{day} {} {} {}", word("owner"), word("role"), word("nearness")));
            }
        }
        let expected = [
            "15 XB trust anchor within 60 days",
            "40 own signing within 60 days",
            "45 XB trust anchor within 30 days",
            "68 XB trust anchor within 7 days",
            "70 own signing within 30 days",
            "75 XB trust anchor over",
            "92 own token key over",
            "93 own signing within 7 days",
            "100 own signing over",
        ];
        assert_eq!(told, expected);
        let end = (now() + DAY * 100).unix();
        let line = format!("certificate_not_after_seconds{{owner=\"own\",role=\"signing\"}} {end}\n");
        assert!(metrics.text().contains(&line), "{}", metrics.text());
        let from = (now() + DAY * 2).unix();
        let line = format!("token_key_used_from_seconds{{algorithm=\"RS256\",stage=\"active\"}} {from}\n");
        assert!(metrics.text().contains(&line), "{}", metrics.text());
    }
}
