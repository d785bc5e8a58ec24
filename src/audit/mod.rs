//! The record of what was exchanged with whom: one typed event per step of a login, written as one JSON
//! line. It lets an operator reconstruct a message exchange by node, message identifiers and time
//! (Implementing Regulation (EU) 2015/1501 Art 9(3)) and nothing about the person (Art 6(2)).
//!
//! Events hold names and identifiers of messages, nodes and clients, and the *names* of attributes. There is
//! no field that could hold a value of an attribute, an eIDAS identifier, a `sub`, a code or a token.
//! docs/audit.md lists the fields; they are a contract with those who read the file.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use serde::{Serialize, Serializer};

use crate::clock::Timestamp;
use crate::login::failure::{Failure, Fault};
use crate::login::step;

/// What happened. The names are those of the ten steps of a login (docs/architecture.md).
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<'a> {
    /// Step 1: the broker's request was accepted and a login began.
    Request {
        /// The login, in our own words; joins the events of one login.
        login: &'a str,
        /// The broker's `client_id`.
        client: &'a str,
        /// The scopes asked for.
        scope: Vec<&'a str>,
        /// The level of assurance that will be asked of the country.
        loa: String,
    },
    /// Steps 2 to 4: the citizen chose a country, and the AuthnRequest for its node was handed to the browser.
    Depart {
        /// The login.
        login: &'a str,
        /// The broker's `client_id`.
        client: &'a str,
        /// The country's eIDAS code.
        country: &'a str,
        /// The node's entityID.
        node: &'a str,
        /// The AuthnRequest's ID.
        request_id: &'a str,
        /// The level of assurance asked for.
        loa: String,
        /// The names of the attributes asked for.
        attributes: Vec<&'a str>,
    },
    /// Steps 6 to 8: the node's answer arrived, was verified, and became claims.
    Verify {
        /// The login.
        login: &'a str,
        /// The broker's `client_id`.
        client: &'a str,
        /// The country's eIDAS code.
        country: &'a str,
        /// The node's entityID.
        node: &'a str,
        /// The ID of the AuthnRequest that was answered.
        request_id: &'a str,
        /// The Response's ID.
        response_id: &'a str,
        /// The assertion's ID.
        assertion_id: &'a str,
        /// The level of assurance that the node states.
        loa: &'a str,
        /// The names of the claims that the client will get.
        released: Vec<&'a str>,
        /// The names of the attributes that came unasked and were dropped.
        dropped: Vec<&'a str>,
        /// The names of the country's quirks without which the answer would have been refused.
        tolerated: Vec<&'a str>,
    },
    /// Step 6: the node's signed answer says that there is no authentication.
    Decline {
        /// The login.
        login: &'a str,
        /// The broker's `client_id`.
        client: &'a str,
        /// The country's eIDAS code.
        country: &'a str,
        /// The node's entityID.
        node: &'a str,
        /// The ID of the AuthnRequest that was answered.
        request_id: &'a str,
        /// The Response's ID.
        response_id: &'a str,
        /// The first and second status code.
        status: [&'a str; 2],
        /// The row of the failure table.
        code: &'static str,
    },
    /// Between steps 8 and 9: a one-time code was handed to the mail server, for an address that the person named.
    EmailSent {
        /// The login.
        login: &'a str,
        /// The broker's `client_id`.
        client: &'a str,
    },
    /// Between steps 8 and 9: the person entered the code, and the address is kept from now on.
    EmailVerified {
        /// The login.
        login: &'a str,
        /// The broker's `client_id`.
        client: &'a str,
    },
    /// Between steps 8 and 9: a code was not taken, or none was sent because there were too many.
    EmailRefused {
        /// The login.
        login: &'a str,
        /// The broker's `client_id`.
        client: &'a str,
        /// `wrong`, `exhausted`, `expired`, `none_sent`; or `too_soon`, `too_many`.
        why: &'static str,
    },
    /// Between steps 8 and 9: the citizen saw what will be released, and went on.
    Consent {
        /// The login.
        login: &'a str,
        /// The broker's `client_id`.
        client: &'a str,
        /// `notice` or `consent`.
        kind: &'static str,
        /// The names of the claims that were shown.
        released: Vec<&'a str>,
    },
    /// Step 9: the browser that began the login took the code back to the broker.
    Release {
        /// The login.
        login: &'a str,
        /// The broker's `client_id`.
        client: &'a str,
    },
    /// In the place of steps 1 to 9: a session answered the broker's request, and the person was not asked.
    Resume {
        /// A fresh name, as for a login; joins what follows.
        login: &'a str,
        /// The broker's `client_id`.
        client: &'a str,
        /// The login with which the session began.
        began: &'a str,
    },
    /// A logout: a client asked for it, and showed a token of ours or the person agreed.
    Logout {
        /// The `client_id`, if it is known.
        #[serde(skip_serializing_if = "Option::is_none")]
        client: Option<&'a str>,
        /// Whether the person was asked.
        confirmed: bool,
        /// How many sessions ended.
        ended: usize,
    },
    /// Step 10: the broker redeemed the code.
    Redeem {
        /// The login.
        login: &'a str,
        /// The broker's `client_id`.
        client: &'a str,
        /// The `txn` claim: the ID of the Response behind it.
        response_id: Option<&'a str>,
    },
    /// Step 10: the broker read userinfo.
    Userinfo {
        /// The login.
        login: &'a str,
        /// The broker's `client_id`.
        client: &'a str,
    },
    /// After step 10: the broker asked whether an access token is still good.
    Introspect {
        /// The login, if the token is good and the broker's own.
        #[serde(skip_serializing_if = "Option::is_none")]
        login: Option<&'a str>,
        /// The broker's `client_id`.
        client: &'a str,
        /// What it was told.
        active: bool,
    },
    /// After step 9 or 10: the broker ended a code or an access token before its time.
    Revoke {
        /// The login.
        login: &'a str,
        /// The broker's `client_id`.
        client: &'a str,
        /// `access_token` or `code`.
        what: Revoked,
    },
    /// A certificate, or metadata that is replaced by hand, ends soon. Told once 60, 30 and 7 days before the
    /// end and once at the end; again after a start of the gateway.
    Expires {
        /// `own`, or the country's eIDAS code.
        owner: &'a str,
        /// What it is for.
        role: &'static str,
        /// Which one: subject and SHA-256, or the node's entityID.
        what: &'a str,
        /// When it ends.
        end: String,
        /// `within 60 days`, `within 30 days`, `within 7 days` or `over`.
        nearness: &'static str,
    },
    /// A country's metadata was fetched and found good, and says nothing new about whom to believe.
    MetadataFetched {
        /// The country's eIDAS code, or `list:` and the name of a MetadataServiceList.
        country: &'a str,
        /// Where it came from.
        url: &'a str,
        /// The document's SHA-256.
        sha256: &'a str,
        /// Until when it is valid.
        valid_until: String,
    },
    /// A country's metadata was fetched and took the place of one that says something else.
    MetadataReplaced {
        /// The country's eIDAS code, or `list:` and the name of a MetadataServiceList.
        country: &'a str,
        /// Where it came from.
        url: &'a str,
        /// The document's SHA-256.
        sha256: &'a str,
        /// Until when it is valid.
        valid_until: String,
        /// What is different, in sentences.
        changes: Vec<String>,
    },
    /// A country's metadata changes whom is believed, and waits until a person approves it.
    MetadataPending {
        /// The country's eIDAS code.
        country: &'a str,
        /// The document's SHA-256.
        sha256: &'a str,
        /// What it would change, in sentences.
        changes: Vec<String>,
    },
    /// A document that a person approved is in use now.
    MetadataApproved {
        /// The country's eIDAS code.
        country: &'a str,
        /// The document's SHA-256.
        sha256: &'a str,
    },
    /// A country's metadata could not be had, or is not trusted. What was trusted before still is.
    MetadataRefused {
        /// The country's eIDAS code, or `list:` and the name of a MetadataServiceList.
        country: &'a str,
        /// Where it was to come from.
        url: &'a str,
        /// Why, in one word (docs/errors.md).
        code: &'a str,
        /// How many attempts have failed since the last success.
        failures: u32,
    },
    /// The last good metadata of a country has reached the end of its validity; it is used no more.
    MetadataExpired {
        /// The country's eIDAS code, or `list:` and the name of a MetadataServiceList.
        country: &'a str,
    },
    /// New metadata lapses before the one whose place it took, although it says something else: an old
    /// document may have been played back.
    MetadataRollback {
        /// The country's eIDAS code.
        country: &'a str,
        /// Until when the one before was valid.
        from: String,
        /// Until when the new one is.
        to: String,
    },
    /// A client was put into the database.
    ClientAdded {
        /// Its `client_id`.
        client: &'a str,
    },
    /// A client in the database was disabled: it is as if it were not there.
    ClientDisabled {
        /// Its `client_id`.
        client: &'a str,
    },
    /// A client in the database is used again.
    ClientEnabled {
        /// Its `client_id`.
        client: &'a str,
    },
    /// A client in the database got a new secret.
    ClientSecretRotated {
        /// Its `client_id`.
        client: &'a str,
        /// Until when the secret before counts as well.
        #[serde(skip_serializing_if = "Option::is_none")]
        before_until: Option<String>,
    },
    /// A changed configuration, or a changed file that it refers to, is in use now.
    ConfigurationReloaded {
        /// What changed, but will be used after a restart only.
        needs_restart: Vec<&'static str>,
    },
    /// A changed configuration is faulty; the one before stays in use.
    ConfigurationRefused {
        /// Its faults, each with its file and line.
        faults: Vec<String>,
    },
    /// Something was refused, or ended a login.
    Refuse(Refusal<'a>),
}

impl Event<'_> {
    /// The step that is done and the login it belongs to, for the log. Refusals have a line of their own there.
    #[must_use]
    pub fn step(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Request { login, .. } => Some((step::REQUEST, login)),
            Self::Depart { login, .. } => Some((step::DEPART, login)),
            Self::Verify { login, .. } | Self::Decline { login, .. } => Some((step::VERIFY, login)),
            Self::EmailSent { login, .. }
            | Self::EmailVerified { login, .. }
            | Self::EmailRefused { login, .. }
            | Self::Consent { login, .. }
            | Self::Resume { login, .. }
            | Self::Release { login, .. } => Some((step::RELEASE, login)),
            Self::Redeem { login, .. } | Self::Userinfo { login, .. } | Self::Revoke { login, .. } => {
                Some((step::REDEEM, login))
            }
            // The rest belong to no login, or have a line of their own.
            _ => None,
        }
    }
}

/// What a broker can end before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Revoked {
    /// An access token.
    AccessToken,
    /// An authorization code.
    Code,
}

/// A refusal, with all that is known of the login at that point.
#[derive(Clone, Debug, Serialize)]
pub struct Refusal<'a> {
    /// The step in which it happened.
    pub step: &'static str,
    /// The row of the failure table (docs/errors.md).
    pub code: &'static str,
    /// Whose fault that row says it is.
    pub fault: Fault,
    /// The reference number that the person was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<&'a str>,
    /// The rule of the response table, or of the OpenID Provider's rules, and its own word for the fact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<&'a str>,
    /// The broker's `client_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<&'a str>,
    /// The country's eIDAS code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<&'a str>,
    /// The node's entityID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<&'a str>,
    /// The AuthnRequest's ID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<&'a str>,
}

impl Refusal<'_> {
    /// A refusal in `step` of which nothing else is known yet.
    #[must_use]
    pub fn new(step: &'static str, failure: Failure) -> Self {
        let row = failure.row();
        Self {
            step,
            code: row.code,
            fault: row.fault,
            reference: None,
            rule: None,
            login: None,
            client: None,
            country: None,
            node: None,
            request_id: None,
        }
    }
}

/// Where events go.
pub trait Sink: Send + Sync {
    /// Records `event`, which happened at `at`.
    fn record(&self, at: Timestamp, event: &Event<'_>);
}

/// A sink that writes one JSON object per line, each with one write.
pub struct JsonLines<W: Write + Send>(Mutex<W>);

impl<W: Write + Send> JsonLines<W> {
    /// Writes to `output`: a file opened for appending, or standard output.
    pub fn new(output: W) -> Self {
        Self(Mutex::new(output))
    }
}

impl<W: Write + Send> Sink for JsonLines<W> {
    fn record(&self, at: Timestamp, event: &Event<'_>) {
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = output.write_all(line(at, event).as_bytes()).and_then(|()| output.flush()) {
            tracing::error!(%error, "an audit event could not be written");
        }
    }
}

/// A sink that keeps the lines in memory. For tests and the demo.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Vec<String>>);

impl Memory {
    /// The lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sink for Memory {
    fn record(&self, at: Timestamp, event: &Event<'_>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line(at, event));
    }
}

/// One line, with its line feed.
fn line(at: Timestamp, event: &Event<'_>) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        #[serde(serialize_with = "in_words")]
        at: Timestamp,
        #[serde(flatten)]
        event: &'a Event<'a>,
    }
    // Strings, lists and numbers always serialise.
    let mut line = serde_json::to_string(&Line { at, event }).unwrap_or_default();
    line.push('\n');
    line
}

fn in_words<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_of_json() {
        let at = Timestamp::parse("2026-11-21T09:15:02.113Z").unwrap();
        let lines = JsonLines::new(Vec::new());
        lines.record(at, &Event::Release { login: "L", client: "keycloak" });
        let refusal = Refusal { login: Some("L\n"), ..Refusal::new("release", Failure::WrongBrowser) };
        lines.record(at, &Event::Refuse(refusal));
        let written = String::from_utf8(lines.0.into_inner().unwrap()).unwrap();
        let expected = concat!(
            r#"{"at":"2026-11-21T09:15:02.113Z","event":"release","login":"L","client":"keycloak"}"#,
            "\n",
            r#"{"at":"2026-11-21T09:15:02.113Z","event":"refuse","step":"release","code":"EG-3003","fault":"citizen","login":"L\n"}"#,
            "\n"
        );
        assert_eq!(written, expected);
    }
}
