//! `[smtp]`: the mail server that takes one-time codes to people.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Config;
use super::fault::Findings;
use super::files::Files;
use crate::outbound::{MailSecurity, MailServer, is_local_host, is_sender};

/// The mail server that takes one-time codes to people whose e-mail address a client demands
/// (`email_source = "collect"`).
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Smtp {
    /// The name of the server, which its certificate must bear.
    pub host: String,
    /// Its port. Default: 465 for `tls`, 587 for `starttls`, 25 for `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// What protects the connection.
    #[serde(default)]
    pub security: Security,
    /// The sender, as `login@example.org` or `Login <login@example.org>`.
    pub from: String,
    /// The user name, if the server asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// File with the password; white space at its end does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Seconds that the server may take for one letter, from the connection to its last answer. The person
    /// waits for it.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u64,
}

/// What protects the connection to a mail server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// TLS from the start (RFC 8314).
    #[default]
    Tls,
    /// TLS after STARTTLS; without it nothing is sent.
    StartTls,
    /// Nothing. Only for a server on this machine.
    None,
}

impl Smtp {
    pub(crate) fn check(&self, findings: &mut Findings) {
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':');
        if self.host.is_empty() || !self.host.bytes().all(is_name) {
            findings.add("smtp.host", "bad_value", "the name of a server, without a port");
        }
        if self.security == Security::None && !is_local_host(&self.host) {
            let message = "security = \"none\" is possible for a server on this machine only";
            findings.add("smtp.security", "tls_required", message);
        }
        if !is_sender(&self.from) {
            let message = "a sender is written as login@example.org or Login <login@example.org>";
            findings.add("smtp.from", "bad_value", message);
        }
        match (&self.username, &self.password_file) {
            (Some(_), None) => {
                findings.add("smtp.username", "missing_key", "password_file is needed as well")
            }
            (None, Some(_)) => {
                findings.add("smtp.password_file", "missing_key", "username is needed as well")
            }
            _ => {}
        }
        if !(1..=60).contains(&self.timeout_seconds) {
            findings.add("smtp.timeout_seconds", "out_of_range", "1 to 60 seconds");
        }
    }
}

impl Config {
    /// The mail server, if there is one.
    pub(super) fn open_smtp(&self, files: &mut Files<'_>) -> Option<MailServer> {
        let set = self.smtp.as_ref()?;
        let credentials = match (&set.username, &set.password_file) {
            (Some(user), Some(file)) => Some((user.clone(), files.password("smtp.password_file", file)?)),
            _ => None,
        };
        let (security, port) = match set.security {
            Security::Tls => (MailSecurity::Tls, 465),
            Security::StartTls => (MailSecurity::StartTls, 587),
            Security::None => (MailSecurity::None, 25),
        };
        Some(MailServer {
            host: set.host.clone(),
            port: set.port.unwrap_or(port),
            security,
            credentials,
            from: set.from.clone(),
            time: Duration::from_secs(set.timeout_seconds),
            ca_file: self.outbound.ca_file.clone(),
        })
    }
}

fn default_timeout() -> u64 {
    10
}
