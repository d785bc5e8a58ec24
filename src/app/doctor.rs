//! What is wrong, or soon will be, with a deployment, each finding with the page that says what to do. It looks
//! and changes nothing.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::registry::pairs;
use super::{fetcher, key_fetcher, tls};
use crate::clock::Timestamp;
use crate::config::{Config, NotOpened, Opened};
use crate::eidas::trust::{self, lifecycle};
use crate::eidas::{CountryTrust, TrustedNode};
use crate::oidc::client::read_keys;
use crate::oidc::{ClientKeys, Clients, TokenKeys};
use crate::outbound::{Fetcher, MailError, MailServer, Mailer, Source};
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
            findings.extend(database(&config, &mut opened, now).await);
            if online {
                let fetcher = fetcher(&config.outbound, config.profile);
                if let Some(server) = opened.mail_server.clone() {
                    findings.extend(mail(server).await);
                }
                findings.extend(published(&config, &fetcher).await);
                let fetcher = key_fetcher(&config.outbound, config.profile);
                findings.extend(client_keys(&opened.clients, &fetcher).await);
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
    // Opening it would make it, with an owner that the gateway may not be.
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

/// Whether the mail server takes our connection, and our user and password. No mail is sent.
async fn mail(server: MailServer) -> Option<Finding> {
    let mailer = Mailer::new(server);
    let error = mailer.check().await.err()?;
    let page = if matches!(error, MailError::Settings(_)) { OUTBOUND } else { MAIL };
    let message = format!("{}: {error}", mailer.address());
    Some(Finding { severity: Severity::Error, code: "mail_server", message, page })
}

/// Whether brokers and member states find what we publish.
async fn published(config: &Config, fetcher: &Fetcher) -> Vec<Finding> {
    let issuer = &config.server.issuer;
    let discovery = format!("{issuer}/.well-known/openid-configuration");
    let mut findings = Vec::new();
    let mut found = |code, message| {
        findings.push(Finding { severity: Severity::Error, code, message, page: REACHABLE });
    };
    match fetcher.get(&discovery).await {
        Err(error) => found("issuer_unreachable", format!("{discovery}: {error}")),
        Ok(octets) => {
            let said = serde_json::from_slice::<serde_json::Value>(&octets).ok();
            let said = said.as_ref().and_then(|document| document.get("issuer")?.as_str());
            if said != Some(issuer) {
                found(
                    "wrong_issuer",
                    format!("{discovery} does not name the issuer {issuer}: who answers there?"),
                );
            }
        }
    }
    let metadata = config.entity_id();
    match fetcher.get(&metadata).await {
        Err(error) => found("metadata_unreachable", format!("{metadata}: {error}")),
        Ok(octets) if !String::from_utf8_lossy(&octets).contains(&format!("entityID=\"{metadata}\"")) => {
            found("wrong_metadata", format!("{metadata} is not our metadata: who answers there?"));
        }
        Ok(_) => {}
    }
    findings
}

/// Whether the keys that clients publish can be fetched.
async fn client_keys(clients: &Clients, fetcher: &Fetcher) -> Vec<Finding> {
    let mut findings = Vec::new();
    for client in clients.iter() {
        let Some(ClientKeys::Uri(uri)) = &client.keys else { continue };
        let fetched = fetcher.get(uri).await.map_err(|error| error.to_string());
        let read = fetched.and_then(|octets| read_keys(&octets).map_err(|fault| fault.to_string()));
        if let Err(why) = read {
            let message = format!("client {}: its keys cannot be fetched from {uri}: {why}", client.id);
            let (severity, code) = (Severity::Error, "client_keys_unreachable");
            findings.push(Finding { severity, code, message, page: CLIENTS });
        }
    }
    findings
}

/// How far a clock may have been corrected since a document was fetched.
const CLOCK: Duration = Duration::from_secs(300);

const OWN_KEYS: &str = "docs/operations.md#changing-keys";
const DATABASE: &str = "docs/operations.md#the-database";
const CLIENTS: &str = "docs/configuration.md#client";
const IN_DATABASE: &str = "docs/operations.md#clients-in-the-database";
const COUNTRIES: &str = "docs/metadata-exchange.md";
const MAIL: &str = "docs/operations.md#e-mail-addresses";
const OUTBOUND: &str = "docs/configuration.md#outbound";
const REACHABLE: &str = "docs/operations.md#tls-and-the-reverse-proxy";
