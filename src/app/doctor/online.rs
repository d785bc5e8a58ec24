//! What can be asked over the net: whether others find what we publish, whether we find what they publish, and
//! whether clocks agree.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::{Finding, Severity, clock};
use crate::app::{fetcher, key_fetcher};
use crate::clock::Timestamp;
use crate::config::{Config, Opened};
use crate::oidc::client::read_keys;
use crate::oidc::{ClientKeys, Clients};
use crate::outbound::{Fetcher, MailError, MailServer, Mailer, Source, url_parts};

/// Everything of it; the time was `now` when this began.
pub(super) async fn examine(config: &Config, opened: &Opened, now: Timestamp) -> Vec<Finding> {
    let began = Instant::now();
    let ours = || now + began.elapsed();
    let mut findings = Vec::new();
    if let Some(server) = opened.mail_server.clone() {
        findings.extend(mail(server).await);
    }
    let documents = fetcher(&config.outbound, config.profile);
    findings.extend(published(config, &documents, ours).await);
    findings.extend(clocks(&opened.countries, &documents, ours).await);
    let keys = key_fetcher(&config.outbound, config.profile);
    findings.extend(client_keys(&opened.clients, &keys).await);
    findings
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
async fn published(config: &Config, fetcher: &Fetcher, ours: impl Fn() -> Timestamp) -> Vec<Finding> {
    let issuer = &config.server.issuer;
    let discovery = format!("{issuer}/.well-known/openid-configuration");
    let mut findings = Vec::new();
    match fetcher.get_dated(&discovery).await {
        Err(error) => findings.push(unfit("issuer_unreachable", format!("{discovery}: {error}"))),
        Ok((octets, date)) => {
            let said = serde_json::from_slice::<serde_json::Value>(&octets).ok();
            let said = said.as_ref().and_then(|document| document.get("issuer")?.as_str());
            if said != Some(issuer) {
                let named =
                    said.map_or_else(|| "no issuer".to_owned(), |said| format!("the issuer {said:.200}"));
                let message =
                    format!("{discovery} does not name the issuer {issuer}, but {named}: who answers there?");
                findings.push(unfit("wrong_issuer", message));
            }
            findings.extend(date.and_then(|date| clock::apart(issuer, date, ours())));
        }
    }
    let metadata = config.entity_id();
    match fetcher.get(&metadata).await {
        Err(error) => findings.push(unfit("metadata_unreachable", format!("{metadata}: {error}"))),
        Ok(octets) if !String::from_utf8_lossy(&octets).contains(&format!("entityID=\"{metadata}\"")) => {
            let message = format!("{metadata} is not our metadata: who answers there?");
            findings.push(unfit("wrong_metadata", message));
        }
        Ok(_) => {}
    }
    findings
}

fn unfit(code: &'static str, message: String) -> Finding {
    Finding { severity: Severity::Error, code, message, page: REACHABLE }
}

/// The clocks of the hosts that publish the countries' metadata. A host that does not answer is told of elsewhere,
/// when its metadata is refreshed.
async fn clocks<T>(
    countries: &[(T, Source)],
    fetcher: &Fetcher,
    ours: impl Fn() -> Timestamp,
) -> Vec<Finding> {
    let mut hosts = BTreeSet::new();
    let mut findings = Vec::new();
    for (_, source) in countries {
        let Source::Url(url) = source else { continue };
        let Some(host) = url_parts(url).map(|parts| parts.host) else { continue };
        if hosts.insert(host)
            && let Ok((_, Some(date))) = fetcher.get_dated(url).await
        {
            findings.extend(clock::apart(host, date, ours()));
        }
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

const CLIENTS: &str = "docs/configuration.md#client";
const MAIL: &str = "docs/operations.md#e-mail-addresses";
const OUTBOUND: &str = "docs/configuration.md#outbound";
const REACHABLE: &str = "docs/operations.md#tls-and-the-reverse-proxy";
