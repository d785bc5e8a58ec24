//! XML for one narrow profile: a hardened parser front, one tree, exclusive canonicalisation, enveloped
//! XML signatures, XML encryption, a writer.
//!
//! What was verified is a type. [`Document`] is what arrived; [`Verified`] is what a trusted key signed,
//! rebuilt from the very octets whose digest matched. Everything above this module reads messages from
//! [`Verified`] only; metadata alone may be [`Pinned`] instead. Nothing here knows SAML, fetches anything, or looks at a certificate's trust.

mod c14n;
pub mod dsig;
pub mod enc;
mod parse;
mod pinned;
mod tree;
mod verified;
mod write;

pub use c14n::canonicalize;
pub use parse::{Document, Limits, ParseError};
pub use pinned::{PinError, Pinned, Proof};
pub use tree::{Attribute, Element, Namespace, Node, ShapeError};
pub use verified::Verified;
pub use write::write;

/// XML Signature (`http://www.w3.org/2000/09/xmldsig#`).
pub const DS: Namespace = Namespace { uri: "http://www.w3.org/2000/09/xmldsig#", prefix: "ds" };
/// XML Signature 1.1 (`http://www.w3.org/2009/xmldsig11#`).
pub const DSIG11: Namespace = Namespace { uri: "http://www.w3.org/2009/xmldsig11#", prefix: "dsig11" };
/// Exclusive XML Canonicalization, for `InclusiveNamespaces`.
pub const EC: Namespace = Namespace { uri: "http://www.w3.org/2001/10/xml-exc-c14n#", prefix: "ec" };
/// XML Encryption (`http://www.w3.org/2001/04/xmlenc#`).
pub const XENC: Namespace = Namespace { uri: "http://www.w3.org/2001/04/xmlenc#", prefix: "xenc" };
/// XML Encryption 1.1 (`http://www.w3.org/2009/xmlenc11#`).
pub const XENC11: Namespace = Namespace { uri: "http://www.w3.org/2009/xmlenc11#", prefix: "xenc11" };

/// Decodes base64 as `xs:base64Binary` allows it: white space anywhere, padding required.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    let mut compact = Vec::with_capacity(text.len());
    // Line by line: whole lines are copied at once.
    for line in text.split([' ', '\t', '\r', '\n']) {
        compact.extend_from_slice(line.as_bytes());
    }
    base64::engine::general_purpose::STANDARD.decode(compact).ok()
}

/// Encodes base64 on one line.
pub(crate) fn encode_base64(octets: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(octets)
}
