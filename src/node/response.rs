//! What a Proxy-Service sends back: a signed Response around an encrypted assertion, or a signed failure
//! (CEF node 2.9; reference messages in tests/vectors/cef-2.9).

use std::time::Duration;

use super::attributes;
use super::citizens::Citizen;
use super::{MemberState, Received};
use crate::clock::Timestamp;
use crate::crypto::KeyError;
use crate::ids::{Random, message_id};
use crate::saml::names::{self, status};
use crate::xml::enc::{self, EncryptionOptions};
use crate::xml::{self, Element, dsig};

/// A failure, in SAML's codes and the CEF node's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The top-level status code.
    pub top: &'static str,
    /// The second-level status code.
    pub second: Option<&'static str>,
    /// Six digits.
    pub code: &'static str,
    /// The sentence that goes with the code.
    pub text: &'static str,
}

impl Failure {
    /// The citizen gave up, or could not log in.
    pub const CANCELLED: Self = Self::citizen(status::AUTHN_FAILED, "003002", "Authentication Failed.");
    /// The citizen did not consent to handing over the data.
    pub const DENIED: Self = Self::citizen(status::REQUEST_DENIED, "202012", "Citizen consent not given.");
    /// Something broke at the node.
    pub const TECHNICAL: Self =
        Self { top: status::RESPONDER, second: None, code: "203001", text: "Generic Error." };
    /// The eID means of the citizen does not reach the level asked for.
    pub const LEVEL: Self =
        Self::citizen(status::AUTHN_FAILED, "202019", "Incorrect Level of Assurance in IdP response");
    /// The citizen has not all that must be sent, such as a natural person asked for a legal person's data.
    pub const ATTRIBUTES: Self =
        Self::citizen(status::INVALID_ATTR, "202010", "Mandatory Attribute not found.");

    /// The request cannot be served, for a reason that the connector must hear.
    pub(super) const fn bad_request(code: &'static str, text: &'static str) -> Self {
        Self { top: status::REQUESTER, second: None, code, text }
    }

    const fn citizen(second: &'static str, code: &'static str, text: &'static str) -> Self {
        Self { top: status::RESPONDER, second: Some(second), code, text }
    }
}

/// What a node that is broken or not honest might send. A gateway must refuse each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// For another audience.
    Audience,
    /// Made an hour ago.
    Expired,
    /// With a lower level of assurance than was asked.
    Level,
    /// The assertion is not encrypted.
    Plain,
    /// For another destination.
    Destination,
    /// Changed after it was signed.
    Tampered,
}

impl Misbehaviour {
    /// All, with the word that names each in forms and a sentence.
    pub const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Audience, "audience", "An assertion for another audience"),
        (Self::Destination, "destination", "A response for another destination"),
        (Self::Expired, "expired", "A response that was made an hour ago"),
        (Self::Level, "level", "A lower level of assurance than was asked for"),
        (Self::Plain, "plain", "An assertion that is not encrypted"),
        (Self::Tampered, "tampered", "A response that was changed after signing"),
    ];

    /// Reads the word of a form.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name, _)| *name == word).map(|(kind, _, _)| *kind)
    }
}

impl MemberState {
    /// The Response for a citizen who has logged in: XML, to be posted to `received.acs`. It is a failure
    /// if the citizen's level or attributes do not do.
    ///
    /// # Errors
    /// [`KeyError`], if it cannot be signed or encrypted.
    pub fn answer(
        &self,
        received: &Received,
        citizen: &Citizen,
        misbehaviour: Option<Misbehaviour>,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<String, KeyError> {
        if misbehaviour != Some(Misbehaviour::Level) && !received.is_met_by(citizen.level) {
            return self.fail(received, Failure::LEVEL, now, random);
        }
        let has = |attribute| citizen.subject.iter().any(|(name, _)| *name == attribute);
        if !received.attributes.iter().filter(|a| a.is_mandatory()).all(|attribute| has(*attribute)) {
            return self.fail(received, Failure::ATTRIBUTES, now, random);
        }
        let now = if misbehaviour == Some(Misbehaviour::Expired) { now - HOUR } else { now };
        let assertion = self.assertion(received, citizen, misbehaviour, now, random);
        let content = match misbehaviour {
            Some(Misbehaviour::Plain) => assertion,
            _ => self.encrypt(&assertion, received, random)?,
        };
        let status = Element::new(names::SAML2P, "Status")
            .child(Element::new(names::SAML2P, "StatusCode").with("Value", status::SUCCESS))
            .child(Element::new(names::SAML2P, "StatusMessage").with_text(status::SUCCESS));
        let destination = match misbehaviour {
            Some(Misbehaviour::Destination) => "https://elsewhere.example/acs",
            _ => &received.acs,
        };
        let response = self.response(received, destination, now, random).child(status).child(content);
        let signed = xml::write(&dsig::sign(response, AFTER_ISSUER, &self.signing, &[])?);
        Ok(match misbehaviour {
            Some(Misbehaviour::Tampered) => signed.replacen(status::SUCCESS, status::REQUESTER, 1),
            _ => signed,
        })
    }

    /// A failure response: no assertion, signed.
    ///
    /// # Errors
    /// [`KeyError`], if it cannot be signed.
    pub fn fail(
        &self,
        received: &Received,
        failure: Failure,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<String, KeyError> {
        let second = failure.second.map(|code| Element::new(names::SAML2P, "StatusCode").with("Value", code));
        let top = Element::new(names::SAML2P, "StatusCode").with("Value", failure.top).child_some(second);
        let message = format!("{} - {}", failure.code, failure.text);
        let status = Element::new(names::SAML2P, "Status")
            .child(top)
            .child(Element::new(names::SAML2P, "StatusMessage").with_text(message));
        let response = self.response(received, &received.acs, now, random).child(status);
        Ok(xml::write(&dsig::sign(response, AFTER_ISSUER, &self.signing, &[])?))
    }

    fn response(&self, received: &Received, to: &str, now: Timestamp, random: &dyn Random) -> Element {
        Element::new(names::SAML2P, "Response")
            .with("Consent", "urn:oasis:names:tc:SAML:2.0:consent:unspecified")
            .with("Destination", to)
            .with("ID", message_id(random))
            .with("InResponseTo", &received.id)
            .with("IssueInstant", now.to_string())
            .with("Version", "2.0")
            .child(self.issuer())
    }

    fn issuer(&self) -> Element {
        Element::new(names::SAML2, "Issuer").with("Format", names::NAMEID_ENTITY).with_text(self.entity_id())
    }

    fn encrypt(
        &self,
        assertion: &Element,
        received: &Received,
        random: &dyn Random,
    ) -> Result<Element, KeyError> {
        let data = enc::encrypt(assertion, &received.encryption, &EncryptionOptions::default(), random)?;
        Ok(Element::new(names::SAML2, "EncryptedAssertion").child(data))
    }

    fn assertion(
        &self,
        received: &Received,
        citizen: &Citizen,
        misbehaviour: Option<Misbehaviour>,
        now: Timestamp,
        random: &dyn Random,
    ) -> Element {
        let audience = match misbehaviour {
            Some(Misbehaviour::Audience) => "https://elsewhere.example/metadata",
            _ => &received.connector,
        };
        let asked = &received.attributes;
        let attributes = attributes::statement(citizen, asked, self.country, &received.country);
        Element::new(names::SAML2, "Assertion")
            .with("ID", message_id(random))
            .with("IssueInstant", now.to_string())
            .with("Version", "2.0")
            .child(self.issuer())
            .child(subject(received, now, random))
            .child(conditions(audience, now))
            .child(authn_statement(citizen.level, now))
            .child(Element::new(names::SAML2, "AttributeStatement").children_from(attributes))
    }
}

/// The NameID is random: it is not the PersonIdentifier, and nobody may use it as one.
fn subject(received: &Received, now: Timestamp, random: &dyn Random) -> Element {
    let name_id = Element::new(names::SAML2, "NameID")
        .with("Format", &received.name_id_format)
        .with_text(crate::ids::handle(random));
    let data = Element::new(names::SAML2, "SubjectConfirmationData")
        .with("InResponseTo", &received.id)
        .with("NotOnOrAfter", (now + FIVE_MINUTES).to_string())
        .with("Recipient", &received.acs);
    let confirmation =
        Element::new(names::SAML2, "SubjectConfirmation").with("Method", names::BEARER).child(data);
    Element::new(names::SAML2, "Subject").child(name_id).child(confirmation)
}

fn conditions(audience: &str, now: Timestamp) -> Element {
    let audience = Element::new(names::SAML2, "Audience").with_text(audience);
    Element::new(names::SAML2, "Conditions")
        .with("NotBefore", now.to_string())
        .with("NotOnOrAfter", (now + FIVE_MINUTES).to_string())
        .child(Element::new(names::SAML2, "AudienceRestriction").child(audience))
}

/// With the empty `AuthnContextDecl` that the CEF node always writes.
fn authn_statement(level: &str, now: Timestamp) -> Element {
    let context = Element::new(names::SAML2, "AuthnContext")
        .child(Element::new(names::SAML2, "AuthnContextClassRef").with_text(level))
        .child(Element::new(names::SAML2, "AuthnContextDecl"));
    Element::new(names::SAML2, "AuthnStatement").with("AuthnInstant", now.to_string()).child(context)
}

const FIVE_MINUTES: Duration = Duration::from_secs(300);
const HOUR: Duration = Duration::from_secs(3600);
/// The schema wants the signature right after the Issuer, which is the first child.
const AFTER_ISSUER: usize = 1;
