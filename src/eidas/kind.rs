//! Whom a login is about, and for whom it is made.

use serde::{Deserialize, Serialize};

/// Whether the minimum data set of a natural or of a legal person is asked (Message Format 1.4 §2.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectKind {
    /// A human being.
    Natural,
    /// A company or another body.
    Legal,
}

impl SubjectKind {
    /// `natural` or `legal`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Natural => "natural",
            Self::Legal => "legal",
        }
    }
}

/// The sector of the relying party: `eidas:SPType` (Message Format 1.4 §4.1). A registered property of the
/// OIDC client, never a parameter of a request (Regulation (EU) 2015/1501 Art 5(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SpType {
    /// A public sector body.
    Public,
    /// Any other relying party.
    Private,
}

impl SpType {
    /// The text of the element: `public` or `private`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }

    /// Reads the text of the element, exactly as the schema's enumeration spells it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Public, Self::Private].into_iter().find(|kind| kind.as_str() == text)
    }
}
