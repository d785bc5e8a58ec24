//! What a response that is in order can say.

use super::{Context, Envelope};
use crate::eidas::country::CountryCode;
use crate::eidas::identity::Identity;
use crate::saml::Status;
use crate::saml::names::status as code;

/// What a response says.
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

/// What a failure means.
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

pub(super) fn declined(envelope: &Envelope, context: &Context<'_>) -> Declined {
    let Status { code, second, message } = &envelope.response.status;
    let log = |text: &String| text.chars().filter(|c| !c.is_control()).take(200).collect();
    Declined {
        response_id: envelope.response.id.clone(),
        entity_id: context.node.entity_id().to_owned(),
        country: context.node.country(),
        top: code.clone(),
        second: second.clone(),
        message: message.as_ref().map(log),
        meaning: meaning(code, second.as_deref()),
    }
}

/// The nodes disagree on the top-level code for the same thing, so the second level decides first. The text
/// of the message decides nothing.
fn meaning(top: &str, second: Option<&str>) -> Meaning {
    match (top, second) {
        (_, Some(code::AUTHN_FAILED)) => Meaning::Cancelled,
        (_, Some(code::REQUEST_DENIED)) => Meaning::Denied,
        (_, Some(code::NO_AUTHN_CONTEXT)) => Meaning::NoAuthnContext,
        (_, Some(code::INVALID_ATTR | code::INVALID_NAMEID_POLICY | code::REQUEST_UNSUPPORTED))
        | (code::REQUESTER | code::VERSION_MISMATCH, _) => Meaning::OurFault,
        _ => Meaning::NodeFault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_meaning() {
        let cases = [
            (code::RESPONDER, Some(code::AUTHN_FAILED), Meaning::Cancelled),
            (code::REQUESTER, Some(code::AUTHN_FAILED), Meaning::Cancelled),
            (code::RESPONDER, Some(code::REQUEST_DENIED), Meaning::Denied),
            (code::REQUESTER, Some(code::REQUEST_DENIED), Meaning::Denied),
            (code::RESPONDER, Some(code::NO_AUTHN_CONTEXT), Meaning::NoAuthnContext),
            (code::REQUESTER, Some(code::INVALID_NAMEID_POLICY), Meaning::OurFault),
            (code::REQUESTER, Some(code::INVALID_ATTR), Meaning::OurFault),
            (code::REQUESTER, Some(code::REQUEST_UNSUPPORTED), Meaning::OurFault),
            (code::REQUESTER, None, Meaning::OurFault),
            (code::VERSION_MISMATCH, None, Meaning::OurFault),
            (code::RESPONDER, None, Meaning::NodeFault),
            (code::RESPONDER, Some("urn:x"), Meaning::NodeFault),
            ("urn:x", None, Meaning::NodeFault),
        ];
        for (top, second, expected) in cases {
            assert_eq!(meaning(top, second), expected, "{top} {second:?}");
        }
    }
}
