//! Judging a Response: an ordered table of rules, one function each, in the order of the checks SEC-01 to
//! SEC-34. Whatever is refused names its row.

use super::Connector;
use super::country::CountryCode;
use super::identity::Identity;
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

/// What a response that is in order says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody was authenticated.
    Authenticated(Box<Identity>),
    /// Nobody was.
    Declined(Declined),
}

/// A failure that the node reported. No assertion was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declined {
    /// `ID` of the response.
    pub response_id: String,
    /// entityID of the node.
    pub entity_id: String,
    /// The country asked.
    pub country: CountryCode,
    /// The top-level status code.
    pub top: String,
    /// The second-level status code.
    pub second: Option<String>,
    /// `StatusMessage`, for the log alone: control characters removed, cut to 200 characters.
    pub message: Option<String>,
    /// What it means for us.
    pub meaning: Meaning,
}

/// What a failure means (status codes as the nodes use them).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The person gave up or could not be authenticated.
    Cancelled,
    /// The node or the person refused: terms of access, missing consent.
    Denied,
    /// The level of assurance could not be reached.
    NoAuthnContext,
    /// The node did not like our request: our fault, or its metadata has changed.
    OurFault,
    /// Anything else.
    NodeFault,
}

/// A response that was read, but not verified.
#[derive(Debug)]
pub struct Inbound {
    in_response_to: Option<String>,
    issuer: Option<String>,
}

impl Inbound {
    /// Reads the form field: SEC-02 to SEC-06.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn read(saml_response: &str) -> Result<Self, Refusal> {
        let _ = saml_response;
        Err(Refusal { rule: "SEC-06", code: "in_the_making", detail: String::new() })
    }

    /// `InResponseTo`, not verified: a hint for finding the pending request.
    #[must_use]
    pub fn in_response_to(&self) -> Option<&str> {
        self.in_response_to.as_deref()
    }

    /// `Issuer`, not verified: for the log.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }
}

/// Judges a response.
///
/// # Errors
/// [`Refusal`].
pub fn judge(
    inbound: Inbound,
    connector: &Connector,
    node: &TrustedNode,
    pending: &Pending,
    now: Timestamp,
) -> Result<Outcome, Refusal> {
    let _ = (inbound, connector, node, pending, now);
    Err(Refusal { rule: "SEC-07", code: "in_the_making", detail: String::new() })
}
