//! Names in one or two scripts, and gender.

use serde::{Deserialize, Serialize};

use super::text::{ValueError, clean, latin_script, read_text};
use crate::saml::AttributeValue;

/// A name, and its original form where that is not in Latin script (Attribute Profile 1.4 §2.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    /// The form to show. It is in Latin script, unless the node sent the name in another script only.
    pub latin: String,
    /// The form marked as not being in Latin script.
    pub original: Option<String>,
}

impl Name {
    /// Reads one value, or a pair of a Latin and another form in any order.
    pub(crate) fn read(values: &[AttributeValue]) -> Result<Option<Self>, ValueError> {
        let (mut latin, mut original) = (None, None);
        for value in values {
            let Some(text) = clean(&value.text)? else { continue };
            let place = if latin_script(value) { &mut latin } else { &mut original };
            if place.replace(text.to_owned()).is_some() {
                return Err(ValueError::SameScript);
            }
        }
        Ok(latin.or_else(|| original.clone()).map(|latin| Self { latin, original }))
    }
}

/// Gender, as the profile enumerates it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Gender {
    /// `Male`
    Male,
    /// `Female`
    Female,
    /// `Unspecified`
    Unspecified,
}

impl Gender {
    /// The profile's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Male => "Male",
            Self::Female => "Female",
            Self::Unspecified => "Unspecified",
        }
    }

    /// Reads the word in any case, as the CEF node does.
    pub(crate) fn read(values: &[AttributeValue]) -> Result<Option<Self>, ValueError> {
        let Some(text) = read_text(values)? else { return Ok(None) };
        [Self::Male, Self::Female, Self::Unspecified]
            .into_iter()
            .find(|gender| gender.as_str().eq_ignore_ascii_case(&text))
            .map(Some)
            .ok_or(ValueError::Form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latin(text: &str) -> AttributeValue {
        AttributeValue::new(text)
    }

    fn other(text: &str) -> AttributeValue {
        AttributeValue { latin_script: Some(" false".to_owned()), ..AttributeValue::new(text) }
    }

    #[test]
    fn a_pair_is_read_in_any_order() {
        let pair = Name { latin: "Onasis".to_owned(), original: Some("Ωνάσης".to_owned()) };
        assert_eq!(Name::read(&[latin(" Onasis "), other("Ωνάσης")]), Ok(Some(pair.clone())));
        assert_eq!(Name::read(&[other("Ωνάσης"), latin("Onasis")]), Ok(Some(pair)));
    }

    #[test]
    fn a_name_in_another_script_alone_is_shown_as_it_is() {
        let name = Name::read(&[other("Ωνάσης")]).unwrap().unwrap();
        assert_eq!(name, Name { latin: "Ωνάσης".to_owned(), original: Some("Ωνάσης".to_owned()) });
    }

    #[test]
    fn two_values_of_one_script_are_refused() {
        assert_eq!(Name::read(&[latin("A"), latin("B")]), Err(ValueError::SameScript));
        assert_eq!(Name::read(&[other("Α"), other("Β"), latin("A")]), Err(ValueError::SameScript));
        assert_eq!(Name::read(&[latin("")]), Ok(None));
    }

    #[test]
    fn gender_is_read_in_any_case() {
        assert_eq!(Gender::read(&[latin(" unspecified ")]), Ok(Some(Gender::Unspecified)));
        assert_eq!(Gender::read(&[latin("FEMALE")]), Ok(Some(Gender::Female)));
        assert_eq!(Gender::read(&[latin("F")]), Err(ValueError::Form));
    }
}
