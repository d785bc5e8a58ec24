//! Numbers for a monitoring system, in the text format of OpenMetrics: how logins end, and what will end.
//!
//! Counters are fed by the audit: [`Counted`] is a sink that counts an event and passes it on, so there is no
//! second list of what happens. No label can hold anything about a person, and each has a bounded number of
//! values: codes of the failure table, countries of the configuration, names of steps
//! and of quirks.
//! docs/operations.md lists them all.

use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::audit::{Event, Sink};
use crate::clock::Timestamp;
use crate::login::{Countries, Entry};

/// Every metric: its name, its labels, and what it tells.
pub const METRICS: [(&str, &str, &str); 9] = [
    ("eidas_gateway_steps_total", "step", "Steps of logins that were done"),
    (
        "eidas_gateway_answers_total",
        "country, outcome",
        "Answers of member states that were verified: `authenticated`, or the code with which they decline",
    ),
    ("eidas_gateway_refusals_total", "step, country, code", "Refusals, by the code of the failure table"),
    (
        "eidas_gateway_metadata_failures_total",
        "country, code",
        "Refreshes of metadata that failed, by the code of the refusal",
    ),
    (
        "eidas_gateway_tolerated_total",
        "country, quirk",
        "Answers that would have been refused without a quirk of the country",
    ),
    ("eidas_gateway_country_usable", "country", "Whether citizens of the country can log in now: 1 or 0"),
    (
        "eidas_gateway_metadata_valid_until_seconds",
        "country",
        "End of the trusted metadata, in seconds since 1970",
    ),
    (
        "eidas_gateway_certificate_not_after_seconds",
        "owner, role",
        "End of the certificate that ends first, in seconds since 1970; the owner is `own` or a country",
    ),
    (
        "eidas_gateway_token_key_used_from_seconds",
        "algorithm, stage",
        "From when the key that signs tokens is used (`active`), and from when the next one is (`next`), in seconds \
         since 1970; 0 is not known",
    ),
];

/// The metrics of one process.
pub struct Metrics {
    registry: Registry,
    steps: Family<Step, Counter>,
    answers: Family<Answer, Counter>,
    refusals: Family<Refusal, Counter>,
    failures: Family<Failure, Counter>,
    tolerated: Family<Tolerated, Counter>,
    gauges: Mutex<()>,
    usable: Family<Country, Gauge>,
    valid_until: Family<Country, Gauge>,
    not_after: Family<Certificate, Gauge>,
    token_keys: Family<TokenKey, Gauge>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Step {
    step: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answer {
    country: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    step: &'static str,
    country: String,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Failure {
    country: String,
    code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Tolerated {
    country: String,
    quirk: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Country {
    country: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TokenKey {
    algorithm: &'static str,
    stage: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Certificate {
    owner: String,
    role: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            steps: Family::default(),
            answers: Family::default(),
            refusals: Family::default(),
            failures: Family::default(),
            tolerated: Family::default(),
            gauges: Mutex::default(),
            usable: Family::default(),
            valid_until: Family::default(),
            not_after: Family::default(),
            token_keys: Family::default(),
        };
        let [steps, answers, refusals, failures, tolerated, usable, valid_until, not_after, token_keys] =
            METRICS.map(|(name, _, help)| {
                // The library writes these two endings itself.
                (name.trim_end_matches("_total"), help)
            });
        let registry = &mut metrics.registry;
        registry.register(steps.0, steps.1, metrics.steps.clone());
        registry.register(answers.0, answers.1, metrics.answers.clone());
        registry.register(refusals.0, refusals.1, metrics.refusals.clone());
        registry.register(failures.0, failures.1, metrics.failures.clone());
        registry.register(tolerated.0, tolerated.1, metrics.tolerated.clone());
        registry.register(usable.0, usable.1, metrics.usable.clone());
        registry.register(valid_until.0, valid_until.1, metrics.valid_until.clone());
        registry.register(not_after.0, not_after.1, metrics.not_after.clone());
        registry.register(token_keys.0, token_keys.1, metrics.token_keys.clone());
        metrics
    }
}

impl Metrics {
    /// All of them, in the text format of OpenMetrics 1.0.
    #[must_use]
    pub fn text(&self) -> String {
        let _whole = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut page, &self.registry);
        page
    }

    /// Notes what is trusted at `now`, and which certificates there are: owner, role and end.
    pub fn observe<'a>(
        &self,
        countries: &Countries,
        certificates: impl IntoIterator<Item = (&'a str, &'static str, Timestamp)>,
        now: Timestamp,
    ) {
        let _whole = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        self.usable.clear();
        self.valid_until.clear();
        self.not_after.clear();
        for (country, entry) in countries.iter() {
            let label = Country { country: country.as_str().to_owned() };
            let node = if let Entry::Trusted(node) = entry { Some(node) } else { None };
            let usable = node.is_some_and(|node| node.usable_at(now));
            self.usable.get_or_create(&label).set(i64::from(usable));
            if let Some(node) = node {
                self.valid_until.get_or_create(&label).set(node.valid_until().unix());
            }
        }
        for (owner, role, end) in certificates {
            let gauge = self.not_after.get_or_create_owned(&Certificate { owner: owner.to_owned(), role });
            let known = gauge.get();
            if known == 0 || end.unix() < known {
                gauge.set(end.unix());
            }
        }
    }

    /// Notes from when the keys that sign tokens, now and next, are used: algorithm, stage, and that instant.
    pub fn observe_token_keys(
        &self,
        keys: impl IntoIterator<Item = (&'static str, &'static str, Timestamp)>,
    ) {
        let _whole = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        self.token_keys.clear();
        for (algorithm, stage, used_from) in keys {
            self.token_keys.get_or_create(&TokenKey { algorithm, stage }).set(used_from.unix());
        }
    }

    fn count(&self, event: &Event<'_>) {
        if let Some((step, _)) = event.step() {
            self.steps.get_or_create(&Step { step }).inc();
        }
        let answer = |country: &str, outcome| {
            self.answers.get_or_create(&Answer { country: country.to_owned(), outcome }).inc();
        };
        match event {
            Event::Verify { country, tolerated, .. } => {
                answer(country, "authenticated");
                for quirk in tolerated {
                    let (country, quirk) = ((*country).to_owned(), (*quirk).to_owned());
                    self.tolerated.get_or_create(&Tolerated { country, quirk }).inc();
                }
            }
            Event::Decline { country, code, .. } => answer(country, code),
            Event::Refuse(refusal) => {
                let (step, code) = (refusal.step, refusal.code);
                let country = refusal.country.unwrap_or_default().to_owned();
                self.refusals.get_or_create(&Refusal { step, country, code }).inc();
            }
            Event::MetadataRefused { country, code, .. } => {
                let (country, code) = ((*country).to_owned(), (*code).to_owned());
                self.failures.get_or_create(&Failure { country, code }).inc();
            }
            _ => {}
        }
    }
}

/// A sink that counts what it passes on.
pub struct Counted {
    metrics: Arc<Metrics>,
    next: Arc<dyn Sink>,
}

impl Counted {
    /// Counts in `metrics` what goes to `next`.
    #[must_use]
    pub fn new(metrics: Arc<Metrics>, next: Arc<dyn Sink>) -> Self {
        Self { metrics, next }
    }
}

impl Sink for Counted {
    fn record(&self, at: Timestamp, event: &Event<'_>) {
        self.metrics.count(event);
        self.next.record(at, event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{self, Memory};
    use crate::eidas::CountryCode;
    use crate::login;

    fn now() -> Timestamp {
        Timestamp::from_unix(1_800_000_000)
    }

    #[test]
    fn events_are_counted_and_passed_on() {
        let (metrics, memory) = (Arc::new(Metrics::default()), Arc::new(Memory::default()));
        let counted = Counted::new(metrics.clone(), memory.clone());
        counted.record(now(), &Event::Release { login: "L", client: "c" });
        counted.record(now(), &Event::Release { login: "M", client: "c" });
        let refusal = audit::Refusal {
            country: Some("XB"),
            ..audit::Refusal::new("verify", login::Failure::WrongBrowser)
        };
        counted.record(now(), &Event::Refuse(refusal));
        let decline = Event::Decline {
            login: "L",
            client: "c",
            country: "XB",
            node: "n",
            request_id: "r",
            response_id: "s",
            status: ["a", "b"],
            code: "EG-2201",
        };
        counted.record(now(), &decline);
        let verified = Event::Verify {
            login: "L",
            client: "c",
            country: "XB",
            node: "n",
            request_id: "r",
            response_id: "s",
            assertion_id: "a",
            loa: "high",
            released: Vec::new(),
            dropped: Vec::new(),
            tolerated: vec!["partial_dates"],
        };
        counted.record(now(), &verified);
        assert_eq!(memory.lines().len(), 5);
        let text = metrics.text();
        for line in [
            "eidas_gateway_steps_total{step=\"release\"} 2",
            "eidas_gateway_answers_total{country=\"XB\",outcome=\"EG-2201\"} 1",
            "eidas_gateway_answers_total{country=\"XB\",outcome=\"authenticated\"} 1",
            "eidas_gateway_tolerated_total{country=\"XB\",quirk=\"partial_dates\"} 1",
            "eidas_gateway_refusals_total{step=\"verify\",country=\"XB\",code=\"EG-3003\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
        // Whose login, and whose client, is nobody's business here.
        assert!(!text.contains("\"L\"") && !text.contains("\"c\""), "{text}");
    }

    #[test]
    fn what_ends_is_shown_and_what_is_gone_is_not() {
        let metrics = Metrics::default();
        let country = CountryCode::parse("XB").unwrap();
        let countries = Countries::new([(country, Entry::Untrusted("no".to_owned()))]);
        let ends = [("own", "signing", now() + std::time::Duration::from_secs(9)), ("own", "signing", now())];
        metrics.observe(&countries, ends, now());
        let text = metrics.text();
        assert!(text.contains("eidas_gateway_country_usable{country=\"XB\"} 0\n"), "{text}");
        let line = "eidas_gateway_certificate_not_after_seconds{owner=\"own\",role=\"signing\"} 1800000000\n";
        assert!(text.contains(line), "{text}");
        metrics.observe(&Countries::default(), [], now());
        assert!(!metrics.text().contains("XB"), "{}", metrics.text());
    }

    #[test]
    fn the_table_names_what_is_shown() {
        let metrics = Metrics::default();
        metrics.count(&Event::Release { login: "L", client: "c" });
        metrics.count(&Event::Refuse(audit::Refusal::new("verify", login::Failure::WrongBrowser)));
        metrics.count(&Event::MetadataRefused { country: "XB", url: "u", code: "expired", failures: 1 });
        let country = CountryCode::parse("XB").unwrap();
        let countries = Countries::new([(country, Entry::Untrusted("no".to_owned()))]);
        metrics.observe(&countries, [("own", "signing", now())], now());
        metrics.observe_token_keys([("RS256", "active", now())]);
        let text = metrics.text();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, labels) = line.split_once('{').unwrap();
            let row = METRICS.iter().find(|(known, ..)| *known == name);
            let (_, names, help) = row.unwrap_or_else(|| panic!("{name} is in no row"));
            for label in names.split(", ") {
                assert!(labels.contains(&format!("{label}=\"")), "{line}");
            }
            let family = name.trim_end_matches("_total");
            assert!(text.contains(&format!("# HELP {family} {help}.\n")), "{name} in {text}");
        }
        assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), 6);
    }
}
