//! What is wrong, or soon will be, with a deployment, each finding with the page that says what to do. It looks
//! and changes nothing.

mod clock;
mod files;
mod logins;
mod online;
mod settings;

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::registry::pairs;
use super::tls;
use crate::clock::Timestamp;
use crate::config::{Config, NotOpened, Opened};
use crate::eidas::trust::{self, lifecycle};
use crate::eidas::{CountryTrust, TrustedNode};
use crate::oidc::TokenKeys;
use crate::outbound::Source;
use crate::store::{self, Document, DocumentState, Refresh, StoredClient};
use lifecycle::{Expiry, Nearness};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Logins will fail if nobody acts.
    Warning,
    /// Logins fail, or will within a week.
    Error,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable word for scripts.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
    /// The page that says what to do.
    pub page: &'static str,
}

/// Examines the deployment that the configuration at `path` describes, as of `now`; with `online`, also
/// whether its public addresses answer. The worst first.
pub async fn examine(path: &Path, online: bool, now: Timestamp) -> Vec<Finding> {
    let mut findings = Vec::new();
    let loaded = Config::load(path, now).and_then(|loaded| tls(path, &loaded.0).map(|_| loaded));
    match loaded {
        Ok((config, mut opened)) => {
            findings
                .extend(opened.rollover.expiries(now).iter().map(|expiry| ending("ours", OWN_KEYS, expiry)));
            findings.extend(token_keys(&opened.token_keys, now));
            findings.extend(files::examine(&config));
            findings.extend(database(&config, &mut opened, now).await);
            // Now with the clients in the database.
            findings.extend(settings::examine(&config, &opened));
            findings.extend(logins::examine(&config, now));
            if online {
                findings.extend(online::examine(&config, &opened, now).await);
            }
        }
        Err(faults) => findings.extend(faults.0.into_iter().map(|fault| Finding {
            severity: Severity::Error,
            code: fault.code,
            message: fault.to_string(),
            page: "docs/configuration.md",
        })),
    }
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    findings
}

/// Keys that sign tokens and whose time is over, or will be soon, without a change planned.
fn token_keys(keys: &TokenKeys, now: Timestamp) -> Vec<Finding> {
    let overdue = keys.overdue(now).into_iter().map(|(key, end)| {
        let name = key.algorithm.as_str();
        let message = format!("the time of the key for {name} was over at {end}, and no change is planned");
        (Severity::Warning, "token_key_overdue", message)
    });
    let overdue: Vec<_> = overdue.collect();
    let due = keys.due(now).into_iter().filter(|_| overdue.is_empty()).map(|due| {
        let name = due.algorithm.as_str();
        let message = format!(
            "the key for {name} is to be changed; the gateway plans it while it runs, if it may write the rotation file"
        );
        (Severity::Info, "token_key_due", message)
    });
    let due: Vec<_> = due.collect();
    let finding = |(severity, code, message)| Finding { severity, code, message, page: OWN_KEYS };
    overdue.into_iter().chain(due).map(finding).collect()
}

fn ending(owner: &str, page: &'static str, expiry: &Expiry) -> Finding {
    let Expiry { role, certificate, end, nearness } = expiry;
    Finding {
        severity: match nearness {
            Nearness::Days60 => Severity::Info,
            Nearness::Days30 => Severity::Warning,
            Nearness::Days7 | Nearness::Over => Severity::Error,
        },
        code: if *nearness == Nearness::Over { "expired" } else { "expires" },
        message: format!("{owner}: {role}: {certificate} ends at {end} ({})", nearness.as_str()),
        page,
    }
}

/// The database, and what it knows of the countries.
async fn database(config: &Config, opened: &mut Opened, now: Timestamp) -> Vec<Finding> {
    // Opening it would make it, with an owner that the gateway may not be; a folder that is missing is told already.
    if config.database.file().is_some_and(|file| !files::folder(&file).is_dir()) {
        return Vec::new();
    }
    if config.database.file().is_some_and(|file| !file.exists()) {
        let message = format!("{}: there is no database yet; the gateway makes it", config.database.shown());
        return vec![Finding { severity: Severity::Info, code: "no_database", message, page: DATABASE }];
    }
    match read(opened.database.expose()).await {
        Ok((documents, refreshes, clients)) => {
            let mut findings = Vec::new();
            for NotOpened { id, reasons } in opened.join(config, pairs(&clients), now) {
                let message = format!("the client {id} in the database is left out: {}", reasons.join("; "));
                findings.push(Finding {
                    severity: Severity::Error,
                    code: "client_left_out",
                    message,
                    page: IN_DATABASE,
                });
            }
            for (trust, source) in &opened.countries {
                let of = |source: &str| source == trust.country.as_str();
                let documents: Vec<_> = documents.iter().filter(|document| of(&document.source)).collect();
                let refresh = refreshes.iter().find(|refresh| of(&refresh.source));
                findings.extend(country(trust, source, &documents, refresh, now));
            }
            findings
        }
        Err(error) => {
            let message = format!("{}: {error}", config.database.shown());
            vec![Finding { severity: Severity::Error, code: "database_unusable", message, page: DATABASE }]
        }
    }
}

type InDatabase = (Vec<Document>, Vec<Refresh>, Vec<StoredClient>);

async fn read(url: &str) -> Result<InDatabase, store::StoreError> {
    let store = store::open(url).await?;
    store.check().await?;
    let known = (store.documents().await?, store.refreshes().await?, store.clients().await?);
    store.close().await?;
    Ok(known)
}

/// One country, as the database knows it.
fn country(
    trust: &CountryTrust,
    source: &Source,
    documents: &[&Document],
    refresh: Option<&Refresh>,
    now: Timestamp,
) -> Vec<Finding> {
    let name = trust.country.as_str();
    let mut findings = Vec::new();
    let mut found = |severity, code, message: String| {
        findings.push(Finding { severity, code, message: format!("{name}: {message}"), page: COUNTRIES });
    };
    let trusted = documents.iter().find(|document| document.state == DocumentState::Trusted);
    let why = refresh.and_then(|refresh| Some((refresh.code.as_deref()?, refresh.detail.as_deref()?)));
    let why = why.map_or_else(String::new, |(code, detail)| format!(": {code}: {detail}"));
    match trusted {
        Some(document) if document.valid_until <= now => {
            found(
                Severity::Error,
                "metadata_expired",
                format!("its metadata ended at {}{why}", document.valid_until),
            );
        }
        Some(document) if document.fetched > now + CLOCK => {
            let message = format!(
                "its metadata was fetched at {}, which is still to come: the clock is wrong, or was",
                document.fetched
            );
            found(Severity::Error, "clock", message);
        }
        Some(_) => {}
        None => found(Severity::Error, "no_trusted_metadata", format!("nobody can log in{why}")),
    }
    if let Some(refresh) = refresh.filter(|refresh| refresh.failures > 0 && trusted.is_some()) {
        let message = format!("its metadata could not be renewed {} times in a row{why}", refresh.failures);
        found(Severity::Warning, "refresh_fails", message);
    }
    if let Some(pending) = documents.iter().find(|document| document.state == DocumentState::Pending) {
        let message = format!("new metadata waits for approval: {}", pending.changes.join("; "));
        found(Severity::Warning, "approval_pending", message);
    }
    let node = trusted.and_then(|document| trust::check(&document.octets, trust, now).ok());
    findings.extend(endings(name, trust, source, node.as_ref(), now));
    findings
}

fn endings(
    name: &str,
    trust: &CountryTrust,
    source: &Source,
    node: Option<&TrustedNode>,
    now: Timestamp,
) -> Vec<Finding> {
    let by_hand = node.filter(|_| matches!(source, Source::File(_)));
    let document = by_hand.and_then(|node| Expiry::of_document(node, now));
    let certificates = lifecycle::expiries(node, &trust.anchors, now);
    certificates.iter().chain(&document).map(|expiry| ending(name, COUNTRIES, expiry)).collect()
}

/// How far a clock may have been corrected since a document was fetched.
const CLOCK: Duration = Duration::from_secs(300);

const OWN_KEYS: &str = "docs/operations.md#changing-keys";
const DATABASE: &str = "docs/operations.md#the-database";
const IN_DATABASE: &str = "docs/operations.md#clients-in-the-database";
const COUNTRIES: &str = "docs/metadata-exchange.md";
