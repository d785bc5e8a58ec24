//! What is allowed, and yet seldom meant.

use super::{Finding, Severity};
use crate::config::{Config, Opened, Profile};
use crate::oidc::RedirectUri;

/// Reads it off the configuration, and off the clients wherever they are kept.
pub(super) fn examine(config: &Config, opened: &Opened) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut found = |severity, code, page, message: String| {
        findings.push(Finding { severity, code, message, page });
    };
    let issuer = &config.server.issuer;
    if issuer.starts_with("http://") {
        let message =
            format!("server.issuer is {issuer}: without https only browsers on this machine get anywhere");
        found(Severity::Info, "http_issuer", REACHABLE, message);
    }
    if config.country.is_empty() {
        let message = "there is no [[country]], so nobody can log in".to_owned();
        found(Severity::Warning, "no_country", "docs/metadata-exchange.md", message);
    }
    let mut clients: Vec<_> = opened.clients.iter().collect();
    clients.sort_by_key(|client| &client.id);
    if clients.is_empty() {
        let message = "there is no client, so nobody can ask for a login".to_owned();
        found(Severity::Warning, "no_client", "docs/brokers/README.md", message);
    }
    if config.subject.check_value.is_none() {
        let value = opened.subject_key.check_value();
        let message = format!(
            "subject.check_value is not set: a wrong key file would give everybody a new account; for this one it is {value:?}"
        );
        found(Severity::Info, "no_check_value", "docs/operations.md#keys", message);
    }
    for client in &clients {
        let id = &client.id;
        if !client.must_use_pkce() {
            let message =
                format!("client {id}: require_pkce = false; switch PKCE on at the broker if it has a switch");
            found(Severity::Info, "pkce_not_required", CLIENTS, message);
        }
        let plain =
            client.redirect_uris.iter().map(RedirectUri::as_str).filter(|uri| uri.starts_with("http://"));
        for uri in plain.filter(|_| config.profile == Profile::Production) {
            let message =
                format!("client {id}: {uri} is reached by browsers on the client's own machine only");
            found(Severity::Warning, "http_redirect_uri", CLIENTS, message);
        }
    }
    findings
}

const CLIENTS: &str = "docs/configuration.md#client";
const REACHABLE: &str = "docs/operations.md#tls-and-the-reverse-proxy";
