//! The other reason to believe a document: the operator compared this very file and wrote down its digest.
//!
//! Metadata of middleware is unsigned by specification (Interoperability Architecture 1.4 §6.3, §6.5). A
//! [`Pinned`] document is no [`Verified`] one: no message can be read from it, only what asks for either
//! proof, by [`Proof`].

use super::{Document, Element, Limits, ParseError, Verified};
use crate::crypto::hash;

/// A document whose octets have the SHA-256 that the operator configured. Only [`Pinned::parse`] makes one.
///
/// It is not enough for a message, which must be signed:
///
/// ```compile_fail
/// use eidas_gateway::{saml::Response, xml::{Limits, Pinned}};
/// let pinned = Pinned::parse(b"<Response/>", &Limits::MESSAGE, &[0; 32]).unwrap();
/// let forged = Response::read(&pinned);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    element: Element,
}

/// Why octets are not the pinned document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// Another document.
    #[error("the file has the SHA-256 {found}, which is not the one configured")]
    Digest {
        /// SHA-256 of what is there, in hexadecimal.
        found: String,
    },
    /// The right octets, but no XML that is read here.
    #[error(transparent)]
    Parse(#[from] ParseError),
}

impl Pinned {
    /// Parses `octets` if their SHA-256 is `expected`.
    ///
    /// # Errors
    /// [`PinError`]; octets with another digest are not even parsed.
    pub fn parse(octets: &[u8], limits: &Limits, expected: &[u8; 32]) -> Result<Self, PinError> {
        let found = hash::sha256(octets);
        if !hash::equal(&found, expected) {
            return Err(PinError::Digest { found: hash::hex(&found) });
        }
        Ok(Self { element: Document::parse(octets, limits)?.into_root() })
    }
}

/// Either proof: a trusted key signed it, or the operator pinned it. Nothing else can be one.
pub trait Proof: sealed::Sealed {
    /// The element that the proof is about.
    fn proven(&self) -> &Element;
}

impl Proof for Verified {
    fn proven(&self) -> &Element {
        self.element()
    }
}

impl Proof for Pinned {
    fn proven(&self) -> &Element {
        &self.element
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Verified {}
    impl Sealed for super::Pinned {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_octets_that_were_pinned_count() {
        let octets = b"<a/>";
        let digest = hash::sha256(octets);
        let pinned = Pinned::parse(octets, &Limits::METADATA, &digest).unwrap();
        assert_eq!(pinned.proven().local(), "a");
        let found = digest.iter().map(|b| format!("{b:02x}")).collect();
        let refused = Pinned::parse(octets, &Limits::METADATA, &[0; 32]);
        assert_eq!(refused, Err(PinError::Digest { found }));
        let broken = b"<a>";
        let refused = Pinned::parse(broken, &Limits::METADATA, &hash::sha256(broken));
        assert!(matches!(refused, Err(PinError::Parse(_))));
    }
}
