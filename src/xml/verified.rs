//! Proof that an element was signed by a trusted key.

use super::{Element, Namespace};

/// An element that a trusted key vouches for. Only [`dsig::verify`](super::dsig::verify) makes one, from
/// the canonical octets whose digest matched, and [`enc::decrypt`](super::enc::decrypt), from what such
/// an element held encrypted.
///
/// Nobody else can:
///
/// ```compile_fail
/// use eidas_gateway::xml::{Document, Limits, Verified};
/// let document = Document::parse(b"<Response/>", &Limits::MESSAGE).unwrap();
/// let forged = Verified { element: document.root().clone() };
/// ```
///
/// What can be done with a document that merely parses is to read it as such:
///
/// ```
/// use eidas_gateway::xml::{Document, Limits};
/// let document = Document::parse(b"<Response/>", &Limits::MESSAGE).unwrap();
/// assert_eq!(document.root().local(), "Response");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    element: Element,
}

impl Verified {
    /// The element.
    #[must_use]
    pub fn element(&self) -> &Element {
        &self.element
    }

    /// The first child `{namespace}local`: a part of what is verified is verified.
    #[must_use]
    pub fn child(&self, namespace: Namespace, local: &'static str) -> Option<Self> {
        self.element.children(namespace, local).next().map(|element| Self { element: element.clone() })
    }

    /// All children `{namespace}local`.
    pub fn children(&self, namespace: Namespace, local: &'static str) -> impl Iterator<Item = Self> {
        self.element.children(namespace, local).map(|element| Self { element: element.clone() })
    }

    /// The proof itself: for [`dsig`](super::dsig) and [`enc`](super::enc).
    pub(super) fn vouch(element: Element) -> Self {
        Self { element }
    }
}
