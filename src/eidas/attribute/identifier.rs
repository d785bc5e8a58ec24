//! Identifiers of natural and legal persons: `ES/AT/02635542Y` (Attribute Profile 1.4 §2.2.3, §2.3.3).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::eidas::country::CountryCode;

/// An identifier that has the form of one. It is compared octet by octet: the third part is
/// case-sensitive in some countries, and no two spellings may meet in one account.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Identifier {
    text: String,
    issuing: CountryCode,
    destination: CountryCode,
}

/// Why a text is not an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Not three parts, or the first two are no country codes.
    #[error("the identifier does not begin with two country codes, as in ES/AT/…")]
    Prefix,
    /// Nothing after the country codes.
    #[error("the identifier has no third part")]
    Empty,
    /// More than 256 characters.
    #[error("the identifier has more than 256 characters")]
    TooLong,
    /// White space or a control character.
    #[error("the identifier holds white space or a control character")]
    Space,
}

impl Identifier {
    /// Reads an identifier. The third part can hold any character but white space, `/` included.
    ///
    /// # Errors
    /// What is wrong with it, without naming the identifier.
    pub fn parse(text: &str) -> Result<Self, IdentifierError> {
        let mut parts = text.splitn(3, '/');
        let mut country = || parts.next().and_then(CountryCode::parse).ok_or(IdentifierError::Prefix);
        let (issuing, destination) = (country()?, country()?);
        let unique = parts.next().ok_or(IdentifierError::Prefix)?;
        if unique.is_empty() {
            return Err(IdentifierError::Empty);
        }
        if text.chars().count() > 256 {
            return Err(IdentifierError::TooLong);
        }
        if unique.chars().any(|c| c.is_whitespace() || c.is_control() || is_invisible(c)) {
            return Err(IdentifierError::Space);
        }
        Ok(Self { text: text.to_owned(), issuing, destination })
    }

    /// The whole identifier, as sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The country that issued it.
    #[must_use]
    pub fn issuing(&self) -> CountryCode {
        self.issuing
    }

    /// The country for which it was issued.
    #[must_use]
    pub fn destination(&self) -> CountryCode {
        self.destination
    }
}

/// Characters that show as nothing make two identifiers look like one.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/[personal]", self.issuing, self.destination)
    }
}

impl TryFrom<String> for Identifier {
    type Error = IdentifierError;
    fn try_from(text: String) -> Result<Self, IdentifierError> {
        Self::parse(&text)
    }
}

impl From<Identifier> for String {
    fn from(identifier: Identifier) -> Self {
        identifier.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn identifiers_seen_in_the_field_are_read() {
        let seen = [
            "ES/AT/02635542Y",
            "AT/SE/Zk2ME2pjxwzQOjVeFGeqSIage34=",
            "XA/XB/Cph-!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~12345",
            "DE/XB/0123/45//67",
            "EL/XB/Ωνάσης-1906",
        ];
        for text in seen {
            let identifier = Identifier::parse(text).unwrap();
            assert_eq!(identifier.as_str(), text);
            assert_eq!(identifier.issuing().as_str(), &text[..2]);
        }
    }

    #[test]
    fn the_greek_alias_is_kept_as_sent() {
        let identifier = Identifier::parse("GR/XB/1").unwrap();
        assert_eq!((identifier.as_str(), identifier.issuing().as_str()), ("GR/XB/1", "EL"));
    }

    #[test]
    fn what_is_no_identifier_is_refused() {
        assert_eq!(Identifier::parse("02635542Y"), Err(IdentifierError::Prefix));
        assert_eq!(Identifier::parse("ES/02635542Y"), Err(IdentifierError::Prefix));
        assert_eq!(Identifier::parse("es/xa/A"), Err(IdentifierError::Prefix));
        assert_eq!(Identifier::parse("ES/AT/"), Err(IdentifierError::Empty));
        assert_eq!(Identifier::parse("ES/AT/1 2"), Err(IdentifierError::Space));
        assert_eq!(Identifier::parse("ES/AT/1\u{a0}2"), Err(IdentifierError::Space));
        assert_eq!(Identifier::parse("ES/AT/1\u{200b}2"), Err(IdentifierError::Space));
    }

    #[test]
    fn the_limit_is_256_characters_not_octets() {
        let of = |length: usize| Identifier::parse(&format!("ES/AT/{}", "Ω".repeat(length - 6)));
        assert!(of(256).is_ok());
        assert_eq!(of(257), Err(IdentifierError::TooLong));
    }

    #[test]
    fn it_does_not_print() {
        assert_eq!(format!("{:?}", Identifier::parse("ES/AT/02635542Y").unwrap()), "ES/AT/[personal]");
    }

    proptest! {
        #[test]
        fn any_punctuation_survives(unique in "[!-~¡-ÿΑ-ω]{1,250}") {
            let text = format!("XA/XB/{unique}");
            // U+00AD and U+00A0 are in the range of the second set; only the latter is white space.
            let expected = if unique.contains('\u{a0}') { Err(IdentifierError::Space) } else { Ok(text.clone()) };
            prop_assert_eq!(Identifier::parse(&text).map(String::from), expected);
        }

        #[test]
        fn any_text_is_read_as_it_is_or_refused(text in "\\PC*") {
            if let Ok(identifier) = Identifier::parse(&text) {
                prop_assert_eq!(identifier.as_str(), text);
            }
        }
    }
}
