//! `saml2p:Response` (SAML core §3.3.3).

use super::ReadError;
use super::names::{SAML2, SAML2P};
use super::shape::{self, EXTENSIONS, ISSUER, Occurs, Step};
use crate::clock::Timestamp;
use crate::xml::{Element, Verified};

/// The envelope of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// `ID`
    pub id: String,
    /// `Version`
    pub version: String,
    /// `IssueInstant`
    pub issue_instant: Timestamp,
    /// `Destination`
    pub destination: Option<String>,
    /// `InResponseTo`
    pub in_response_to: Option<String>,
    /// `Consent`
    pub consent: Option<String>,
    /// `Issuer`
    pub issuer: Option<Issuer>,
    /// `Status`
    pub status: Status,
    /// The `saml2:Assertion` elements. eIDAS allows none.
    pub assertions: Vec<Element>,
    /// The `saml2:EncryptedAssertion` elements.
    pub encrypted_assertions: Vec<Element>,
}

/// `saml2:Issuer` (SAML core §2.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The entityID.
    pub value: String,
    /// `Format`; absent means entity.
    pub format: Option<String>,
}

/// `saml2p:Status` (SAML core §3.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The top-level code.
    pub code: String,
    /// The second-level code.
    pub second: Option<String>,
    /// `StatusMessage`: free text.
    pub message: Option<String>,
}

impl Response {
    /// Reads a response whose signature was verified.
    ///
    /// # Errors
    /// [`ReadError`] where the SAML schema is not kept.
    pub fn read(source: &Verified) -> Result<Self, ReadError> {
        Self::from_element(source.element())
    }

    pub(super) fn from_element(element: &Element) -> Result<Self, ReadError> {
        if !element.is(SAML2P, "Response") {
            return Err(ReadError::Root("saml2p:Response"));
        }
        shape::sequence(
            element,
            &[
                ISSUER,
                EXTENSIONS,
                Step(Occurs::Once, &[(SAML2P, "Status")]),
                Step(Occurs::Any, &[(SAML2, "Assertion"), (SAML2, "EncryptedAssertion")]),
            ],
        )?;
        Ok(Self {
            id: shape::required(element, "ID")?,
            version: shape::required(element, "Version")?,
            issue_instant: shape::required_instant(element, "IssueInstant")?,
            destination: shape::attribute(element, "Destination"),
            in_response_to: shape::attribute(element, "InResponseTo"),
            consent: shape::attribute(element, "Consent"),
            issuer: Issuer::of(element)?,
            status: Status::from_element(element.only_child(SAML2P, "Status")?)?,
            assertions: element.children(SAML2, "Assertion").cloned().collect(),
            encrypted_assertions: element.children(SAML2, "EncryptedAssertion").cloned().collect(),
        })
    }

    /// As an element, not signed. The signature goes after the Issuer, at child index
    /// [`Self::SIGNATURE_INDEX`].
    #[must_use]
    pub fn to_element(&self) -> Element {
        Element::new(SAML2P, "Response")
            .with_some("Consent", self.consent.as_deref())
            .with_some("Destination", self.destination.as_deref())
            .with("ID", self.id.as_str())
            .with_some("InResponseTo", self.in_response_to.as_deref())
            .with("IssueInstant", self.issue_instant.to_string())
            .with("Version", self.version.as_str())
            .child_some(self.issuer.as_ref().map(Issuer::to_element))
            .child(self.status.to_element())
            .children_from(self.assertions.iter().cloned())
            .children_from(self.encrypted_assertions.iter().cloned())
    }

    /// Where the signature goes.
    pub const SIGNATURE_INDEX: usize = 1;
}

impl Issuer {
    /// An entityID, with the format that says so.
    pub fn entity(value: impl Into<String>) -> Self {
        Self { value: value.into(), format: Some(super::names::NAMEID_ENTITY.to_owned()) }
    }

    /// The Issuer of a message.
    pub(super) fn of(parent: &Element) -> Result<Option<Self>, ReadError> {
        let Some(element) = parent.optional_child(SAML2, "Issuer")? else { return Ok(None) };
        Ok(Some(Self { value: shape::text(element)?, format: shape::attribute(element, "Format") }))
    }

    pub(super) fn to_element(&self) -> Element {
        Element::new(SAML2, "Issuer")
            .with_some("Format", self.format.as_deref())
            .with_text(self.value.as_str())
    }
}

impl Status {
    /// A status with one or two codes and no message.
    pub fn new(code: impl Into<String>, second: Option<&str>) -> Self {
        Self { code: code.into(), second: second.map(str::to_owned), message: None }
    }

    fn from_element(element: &Element) -> Result<Self, ReadError> {
        shape::sequence(
            element,
            &[
                Step(Occurs::Once, &[(SAML2P, "StatusCode")]),
                Step(Occurs::Optional, &[(SAML2P, "StatusMessage")]),
                Step(Occurs::Optional, &[(SAML2P, "StatusDetail")]),
            ],
        )?;
        let code = element.only_child(SAML2P, "StatusCode")?;
        shape::sequence(code, &[Step(Occurs::Optional, &[(SAML2P, "StatusCode")])])?;
        let second = code.optional_child(SAML2P, "StatusCode")?;
        let message = element.optional_child(SAML2P, "StatusMessage")?;
        Ok(Self {
            code: shape::required(code, "Value")?,
            second: second.map(|second| shape::required(second, "Value")).transpose()?,
            message: message.map(shape::text).transpose()?,
        })
    }

    fn to_element(&self) -> Element {
        let code = |value: &str| Element::new(SAML2P, "StatusCode").with("Value", value);
        let message = |text: &String| Element::new(SAML2P, "StatusMessage").with_text(text.as_str());
        Element::new(SAML2P, "Status")
            .child(code(&self.code).child_some(self.second.as_deref().map(code)))
            .child_some(self.message.as_ref().map(message))
    }
}
