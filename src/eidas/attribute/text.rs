//! What all attribute values have in common: they are text, trimmed, of bounded length, and without
//! characters that do harm further on (Attribute Profile 1.4 §2; attack class "attribute injection").

use crate::eidas::country::CountryCode;
use crate::saml::AttributeValue;

/// Why a value cannot be used. It says nothing of the value itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ValueError {
    #[error("a value holds a control character")]
    ControlCharacter,
    #[error("a value is longer than {MAX_LENGTH} characters")]
    TooLong,
    #[error("there are several values where one is allowed")]
    Several,
    #[error("there are two values for the same script")]
    SameScript,
    #[error("a value is not of the attribute's form")]
    Form,
}

/// A value without the white space of XML around it; any other stays, lest two identifiers become one. An
/// empty value is as good as none (Message Format 1.4 §2.3.3 forbids it; German cards without a birth name
/// produce it).
pub(crate) fn clean(text: &str) -> Result<Option<&str>, ValueError> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if text.chars().any(is_harmful) {
        return Err(ValueError::ControlCharacter);
    }
    if text.chars().count() > MAX_LENGTH {
        return Err(ValueError::TooLong);
    }
    Ok((!text.trim().is_empty()).then_some(text))
}

/// The one value of an attribute that has one.
pub(crate) fn read_text(values: &[AttributeValue]) -> Result<Option<String>, ValueError> {
    let mut found = None;
    for value in values {
        let Some(text) = clean(&value.text)? else { continue };
        if found.replace(text.to_owned()).is_some() {
            return Err(ValueError::Several);
        }
    }
    Ok(found)
}

/// A country code; `GR` is read as `EL`.
pub(crate) fn read_country(values: &[AttributeValue]) -> Result<Option<CountryCode>, ValueError> {
    read_text(values)?.map(|text| CountryCode::parse(&text).ok_or(ValueError::Form)).transpose()
}

/// Country codes, each once, in the order sent.
pub(crate) fn read_countries(values: &[AttributeValue]) -> Result<Vec<CountryCode>, ValueError> {
    let mut countries = Vec::new();
    for value in values {
        let Some(text) = clean(&value.text)? else { continue };
        let country = CountryCode::parse(text).ok_or(ValueError::Form)?;
        if !countries.contains(&country) {
            countries.push(country);
        }
    }
    Ok(countries)
}

/// Whether a value is in Latin script: so unless it is marked otherwise.
pub(crate) fn latin_script(value: &AttributeValue) -> bool {
    !value.latin_script.as_deref().is_some_and(|mark| matches!(mark.trim(), "false" | "0"))
}

/// C0, DEL, C1, the separators that start a new line, and the marks that turn the direction of text:
/// none belongs into a name, and each misleads a reader of logs or pages.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// Longer than any name or place, and short enough for every page and claim.
const MAX_LENGTH: usize = 8192;

#[cfg(test)]
mod tests {
    use super::*;

    fn values(texts: &[&str]) -> Vec<AttributeValue> {
        texts.iter().map(|text| AttributeValue::new(*text)).collect()
    }

    #[test]
    fn values_are_trimmed_and_empty_ones_are_absent() {
        assert_eq!(read_text(&values(&["\n  Izmir \t"])), Ok(Some("Izmir".to_owned())));
        assert_eq!(read_text(&values(&["", "  ", "\u{a0}"])), Ok(None));
        assert_eq!(read_text(&values(&[" Izmir\u{a0}\n"])), Ok(Some("Izmir\u{a0}".to_owned())));
        assert_eq!(read_text(&values(&["", "Izmir"])), Ok(Some("Izmir".to_owned())));
        assert_eq!(read_text(&values(&["Izmir", "Smyrna"])), Err(ValueError::Several));
    }

    #[test]
    fn control_and_direction_characters_are_refused() {
        for harmful in ["a\u{0}b", "a\nb", "a\u{7f}b", "a\u{85}b", "a\u{202e}b", "a\u{2028}b"] {
            assert_eq!(clean(harmful), Err(ValueError::ControlCharacter), "{harmful:?}");
        }
        assert_eq!(clean(&"ä".repeat(8192)).unwrap().unwrap().chars().count(), 8192);
        assert_eq!(clean(&"ä".repeat(8193)), Err(ValueError::TooLong));
    }

    #[test]
    fn several_nationalities_are_kept_in_order() {
        let read = read_countries(&values(&["GR", " CY ", "EL"])).unwrap();
        assert_eq!(read.iter().map(ToString::to_string).collect::<Vec<_>>(), ["EL", "CY"]);
        assert_eq!(read_countries(&values(&["Greek"])), Err(ValueError::Form));
        assert_eq!(read_country(&values(&["DE", "AT"])), Err(ValueError::Several));
    }
}
