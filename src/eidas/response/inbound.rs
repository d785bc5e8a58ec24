//! What arrived, read but vouched for by nobody: SEC-02 to SEC-06.

use super::{Fault, Refusal};
use crate::saml::binding::{self, BindingError};
use crate::saml::names::SAML2;
use crate::saml::{self, ReadError};
use crate::xml::{Document, Element, Limits, ParseError};

/// A response that has the structure of one. It can be [judged](super::judge), and it can say which request it
/// claims to answer; nothing else can be read from it.
#[derive(Debug)]
pub struct Inbound {
    pub(super) root: Element,
}

impl Inbound {
    /// Reads the form field `SAMLResponse`.
    ///
    /// # Errors
    /// [`Refusal`] of SEC-02 to SEC-06.
    pub fn read(saml_response: &str) -> Result<Self, Refusal> {
        let octets = binding::decode_post(saml_response).map_err(|error| {
            let code = match error {
                BindingError::TooLong => "too_long",
                BindingError::NotBase64 => "not_base64",
            };
            Fault::new(code, error.to_string()).under("SEC-02")
        })?;
        Self::parse(&octets)
    }

    /// Reads a response that is not in base64, as it lies in a file.
    ///
    /// # Errors
    /// [`Refusal`] of SEC-02 to SEC-06.
    pub fn parse(octets: &[u8]) -> Result<Self, Refusal> {
        let root = Document::parse(octets, &Limits::MESSAGE).map_err(|error| unparsable(&error))?.into_root();
        saml::check_response(&root).map_err(|error| malformed(&error))?;
        Ok(Self { root })
    }

    /// `InResponseTo`: a hint, not verified, for finding the request that is judged by.
    #[must_use]
    pub fn in_response_to(&self) -> Option<&str> {
        self.root.attribute("InResponseTo").map(str::trim)
    }

    /// `Issuer`, not verified: for the log.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.root.children(SAML2, "Issuer").next()?.text().ok().map(str::trim)
    }
}

fn unparsable(error: &ParseError) -> Refusal {
    let (rule, code) = match error {
        ParseError::TooLarge(_) => ("SEC-02", "too_long"),
        ParseError::Doctype => ("SEC-03", "doctype"),
        ParseError::ProcessingInstruction => ("SEC-03", "processing_instruction"),
        ParseError::TooDeep(_) => ("SEC-04", "too_deep"),
        ParseError::TooManyAttributes(_) => ("SEC-04", "too_many_attributes"),
        ParseError::TooManyNodes => ("SEC-04", "too_many_nodes"),
        ParseError::Encoding => ("SEC-05", "encoding"),
        ParseError::Malformed(_) => ("SEC-06", "not_well_formed"),
    };
    Fault::new(code, error.to_string()).under(rule)
}

fn malformed(error: &ReadError) -> Refusal {
    let code = match error {
        ReadError::Root(_) => "not_a_response",
        _ => "structure",
    };
    Fault::new(code, error.to_string()).under("SEC-06")
}
