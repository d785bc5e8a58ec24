//! Judging a Response: one ordered [table](RULES) of checks, SEC-01 to SEC-34, one small function each.
//! Whatever is refused names its row.
//!
//! A response passes through states, each of which exists only if the rows before it held: [`Inbound`] was
//! read, but nobody vouches for it; an envelope's signature verified; an assertion was decrypted from it; a
//! person was read out of that. Within a state the rows run in the order of the table.

mod assertion;
mod envelope;
mod inbound;
mod outcome;
mod person;
mod table;

pub use self::inbound::Inbound;
pub use self::outcome::{Declined, Meaning, Outcome};
pub use self::table::{RULES, Rule};

use self::assertion::Opened;
use self::envelope::Envelope;
use self::person::Statement;
use self::table::Check;
use super::connector::Connector;
use super::identity::Identity;
use super::quirk::Quirks;
use super::request::Pending;
use super::trust::TrustedNode;
use crate::clock::Timestamp;

/// Why a response is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule} {code}: {detail}")]
pub struct Refusal {
    /// The row of the table: `SEC-15`.
    pub rule: &'static str,
    /// A stable word for it: `destination_mismatch`.
    pub code: &'static str,
    /// What exactly was wrong. Nothing personal.
    pub detail: String,
}

/// What a response is judged by.
struct Context<'a> {
    connector: &'a Connector,
    node: &'a TrustedNode,
    /// The node's, or stricter ones to see which of them were needed.
    quirks: &'a Quirks,
    pending: &'a Pending,
    now: Timestamp,
}

/// Judges a response to the request `pending`, made by `node`, at `now`.
///
/// A refusal or success here is not yet the end: the store decides whether the request was still open and the
/// identifiers are new (SEC-17, SEC-32).
///
/// # Errors
/// [`Refusal`]: the first row that does not hold.
pub fn judge(
    inbound: Inbound,
    connector: &Connector,
    node: &TrustedNode,
    pending: &Pending,
    now: Timestamp,
) -> Result<Outcome, Refusal> {
    let context = Context { connector, node, quirks: node.quirks(), pending, now };
    let envelope = Envelope::verify(inbound, &context)?;
    run(|check| if let Check::Envelope(f) = check { f(&envelope, &context) } else { Ok(()) })?;
    if !envelope.is_success() {
        return Ok(Outcome::Declined(outcome::declined(&envelope, &context)));
    }
    run(|check| if let Check::Content(f) = check { f(&envelope, &context) } else { Ok(()) })?;

    let opened = Opened::decrypt(&envelope, &context)?;
    run(|check| if let Check::Assertion(f) = check { f(&opened, &context) } else { Ok(()) })?;

    let statement = Statement::sort(&opened.assertion);
    run(|check| if let Check::Person(f) = check { f(&statement, &context) } else { Ok(()) })?;
    let subject = statement.subject(&context).map_err(|fault| fault.under("SEC-29"))?;
    Ok(Outcome::Authenticated(Box::new(Identity {
        response_id: envelope.response.id.clone(),
        assertion_id: opened.assertion.id.clone(),
        entity_id: node.entity_id().to_owned(),
        country: node.country(),
        level: opened.level(&context).map_err(|fault| fault.under("SEC-27"))?,
        authn_instant: opened.authn_instant().map_err(|fault| fault.under("SEC-26"))?,
        expires: opened.expires().map_err(|fault| fault.under("SEC-25"))?,
        dropped: statement.dropped(&context),
        tolerated: tolerated(&opened, &statement, &context),
        subject,
    })))
}

/// The names of the tolerances without which this answer would have been refused, found by asking the same
/// checks once more.
fn tolerated(opened: &Opened, statement: &Statement<'_>, context: &Context<'_>) -> Vec<String> {
    let needed = |strict: &Quirks| {
        let strict = Context { quirks: strict, ..*context };
        let checks = run(|check| match check {
            Check::Assertion(f) => f(opened, &strict),
            Check::Person(f) => f(statement, &strict),
            _ => Ok(()),
        });
        checks.is_err() || opened.level(&strict).is_err()
    };
    let by_checks = context.quirks.tolerances().filter(|(_, strict)| needed(strict)).map(|(name, _)| name);
    opened
        .legacy_oaep
        .then_some(Quirks::LEGACY_OAEP)
        .into_iter()
        .chain(by_checks)
        .map(str::to_owned)
        .collect()
}

/// Runs the checks of one state in the order of the table.
fn run(apply: impl Fn(&Check) -> Verdict) -> Result<(), Refusal> {
    for rule in RULES {
        for check in rule.checks {
            apply(check).map_err(|fault| fault.under(rule.id))?;
        }
    }
    Ok(())
}

/// What a check says.
type Verdict = Result<(), Fault>;

/// A refusal that does not know its row yet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    code: &'static str,
    detail: String,
}

impl Fault {
    fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }

    fn under(self, rule: &'static str) -> Refusal {
        Refusal { rule, code: self.code, detail: self.detail }
    }
}

/// Holds, or is a fault.
fn ensure(holds: bool, code: &'static str, detail: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Fault::new(code, detail())) }
}

/// A protocol value out of a message, made safe to log: quoted and cut.
fn quoted(text: &str) -> String {
    format!("{:?}", text.chars().take(200).collect::<String>())
}
