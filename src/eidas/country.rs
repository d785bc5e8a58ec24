//! Countries as eIDAS writes them: ISO 3166-1 alpha-2, but `EL` for Greece, `EU` for the institutions of
//! the Union, and `XA`..`XZ` (user-assigned in ISO 3166) for tests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A country code of two capital letters (Message Format 1.4 §5.2, Attribute Profile 1.4 §2.2.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CountryCode([u8; 2]);

/// What is not a country code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a country code is two capital letters, as in EL")]
pub struct NotACountryCode;

impl CountryCode {
    /// Reads two capital letters. Old data writes `GR` for Greece: it is read as `EL`.
    /// Small letters are refused, so that no two spellings of one identifier exist.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match <[u8; 2]>::try_from(text.as_bytes()) {
            Ok([b'G', b'R']) => Some(Self(*b"EL")),
            Ok(letters) if letters.iter().all(u8::is_ascii_uppercase) => Some(Self(letters)),
            _ => None,
        }
    }

    /// The code as eIDAS writes it (`EL` for Greece).
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The code as ISO 3166-1 writes it (`GR` for Greece), for standard OIDC claims.
    #[must_use]
    pub fn iso(&self) -> &str {
        match &self.0 {
            b"EL" => "GR",
            _ => self.as_str(),
        }
    }

    /// Whether this is one of the codes that no country has: `XA` to `XZ`.
    #[must_use]
    pub fn is_test(self) -> bool {
        let [first, _] = self.0;
        first == b'X'
    }

    /// The country's short name in English; for a code without an entry here, a neutral phrase.
    #[must_use]
    pub fn english_name(self) -> &'static str {
        self.row().map_or("another country", |(_, english, _)| english)
    }

    /// The country's name in its own official languages, for the country page.
    #[must_use]
    pub fn native_name(self) -> &'static str {
        self.row().map_or("another country", |(_, _, native)| native)
    }

    /// All countries that take part in eIDAS: the Union, the EEA, and the institutions (`EU`).
    pub fn participants() -> impl Iterator<Item = Self> {
        COUNTRIES.iter().filter_map(|(code, _, _)| Self::parse(code)).filter(|code| !code.is_test())
    }

    fn row(self) -> Option<&'static (&'static str, &'static str, &'static str)> {
        COUNTRIES.iter().find(|(code, _, _)| *code == self.as_str())
    }
}

impl FromStr for CountryCode {
    type Err = NotACountryCode;
    fn from_str(text: &str) -> Result<Self, NotACountryCode> {
        Self::parse(text).ok_or(NotACountryCode)
    }
}

impl TryFrom<String> for CountryCode {
    type Error = NotACountryCode;
    fn try_from(text: String) -> Result<Self, NotACountryCode> {
        text.parse()
    }
}

impl From<CountryCode> for String {
    fn from(code: CountryCode) -> Self {
        code.as_str().to_owned()
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Code, English name, name in the country's official languages.
#[rustfmt::skip]
static COUNTRIES: &[(&str, &str, &str)] = &[
    ("AT", "Austria", "Österreich"),
    ("BE", "Belgium", "België / Belgique / Belgien"),
    ("BG", "Bulgaria", "България"),
    ("CY", "Cyprus", "Κύπρος / Kıbrıs"),
    ("CZ", "Czechia", "Česko"),
    ("DE", "Germany", "Deutschland"),
    ("DK", "Denmark", "Danmark"),
    ("EE", "Estonia", "Eesti"),
    ("EL", "Greece", "Ελλάδα"),
    ("ES", "Spain", "España"),
    ("EU", "Institutions of the European Union", "European Union"),
    ("FI", "Finland", "Suomi / Finland"),
    ("FR", "France", "France"),
    ("HR", "Croatia", "Hrvatska"),
    ("HU", "Hungary", "Magyarország"),
    ("IE", "Ireland", "Éire / Ireland"),
    ("IS", "Iceland", "Ísland"),
    ("IT", "Italy", "Italia"),
    ("LI", "Liechtenstein", "Liechtenstein"),
    ("LT", "Lithuania", "Lietuva"),
    ("LU", "Luxembourg", "Lëtzebuerg / Luxembourg / Luxemburg"),
    ("LV", "Latvia", "Latvija"),
    ("MT", "Malta", "Malta"),
    ("NL", "Netherlands", "Nederland"),
    ("NO", "Norway", "Norge / Noreg"),
    ("PL", "Poland", "Polska"),
    ("PT", "Portugal", "Portugal"),
    ("RO", "Romania", "România"),
    ("SE", "Sweden", "Sverige"),
    ("SI", "Slovenia", "Slovenija"),
    ("SK", "Slovakia", "Slovensko"),
    ("XA", "Test country XA", "Test country XA"),
    ("XB", "Test country XB", "Test country XB"),
    ("XC", "Test country XC", "Test country XC"),
    ("XD", "Test country XD", "Test country XD"),
    ("XE", "Test country XE", "Test country XE"),
    ("XF", "Test country XF", "Test country XF"),
    ("XG", "Test country XG", "Test country XG"),
    ("XH", "Test country XH", "Test country XH"),
    ("XI", "Test country XI", "Test country XI"),
    ("XJ", "Test country XJ", "Test country XJ"),
    ("XK", "Test country XK", "Test country XK"),
    ("XL", "Test country XL", "Test country XL"),
    ("XM", "Test country XM", "Test country XM"),
    ("XN", "Test country XN", "Test country XN"),
    ("XO", "Test country XO", "Test country XO"),
    ("XP", "Test country XP", "Test country XP"),
    ("XQ", "Test country XQ", "Test country XQ"),
    ("XR", "Test country XR", "Test country XR"),
    ("XS", "Test country XS", "Test country XS"),
    ("XT", "Test country XT", "Test country XT"),
    ("XU", "Test country XU", "Test country XU"),
    ("XV", "Test country XV", "Test country XV"),
    ("XW", "Test country XW", "Test country XW"),
    ("XX", "Test country XX", "Test country XX"),
    ("XY", "Test country XY", "Test country XY"),
    ("XZ", "Test country XZ", "Test country XZ"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greece_has_one_code_inside_and_the_iso_code_outside() {
        let greece = CountryCode::parse("EL").unwrap();
        assert_eq!(CountryCode::parse("GR"), Some(greece));
        assert_eq!((greece.as_str(), greece.iso()), ("EL", "GR"));
        assert_eq!(greece.english_name(), "Greece");
    }

    #[test]
    fn what_is_not_two_capital_letters_is_refused() {
        for text in ["", "E", "ESP", "es", "Es", "E1", "É", "XÄ", " ES", "ES "] {
            assert_eq!(CountryCode::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert!(COUNTRIES.is_sorted_by_key(|(code, _, _)| *code));
        // 27 member states, 3 more of the EEA, and the institutions.
        assert_eq!(CountryCode::participants().count(), 31);
        assert_eq!(COUNTRIES.iter().filter(|(code, _, _)| code.starts_with('X')).count(), 26);
    }

    #[test]
    fn it_is_a_string_in_json() {
        let greece: CountryCode = serde_json::from_str("\"GR\"").unwrap();
        assert_eq!(serde_json::to_string(&greece).unwrap(), "\"EL\"");
        assert!(serde_json::from_str::<CountryCode>("\"el\"").is_err());
    }
}
