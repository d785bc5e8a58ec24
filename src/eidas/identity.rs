//! Whom a verified response is about. Everything personal is wrapped, so that nothing here prints.

use serde::{Deserialize, Serialize};

use super::attribute::{Address, DateOfBirth, Gender, Identifier, Name};
use super::country::CountryCode;
use super::kind::SubjectKind;
use super::loa::AssuranceLevel;
use crate::clock::Timestamp;
use crate::secret::Personal;

/// The result of a login in another member state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `ID` of the response.
    pub response_id: String,
    /// `ID` of the assertion.
    pub assertion_id: String,
    /// entityID of the node that made it.
    pub entity_id: String,
    /// The country of that node.
    pub country: CountryCode,
    /// The level of assurance that it states, checked against the request.
    pub level: AssuranceLevel,
    /// When the person authenticated.
    pub authn_instant: Timestamp,
    /// From when on the assertion must not be used (the earliest `NotOnOrAfter` in it).
    pub expires: Timestamp,
    /// The person, and who acted for them.
    pub subject: Subject,
    /// Names of attributes that were sent but not asked, not known, or not readable though optional.
    pub dropped: Vec<String>,
    /// Names of the country's quirks without which the answer would have been refused.
    pub tolerated: Vec<String>,
}

/// A person, and the representative if there is one (Attribute Profile 1.4 §2.8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The person the login is about: the represented one in a representation.
    pub person: Person,
    /// Who acted.
    pub representative: Option<Person>,
}

/// A natural or legal person with a complete minimum data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Person {
    /// A human being.
    Natural(Box<NaturalPerson>),
    /// A company or another body.
    Legal(Box<LegalPerson>),
}

impl Person {
    /// Which kind of person this is.
    #[must_use]
    pub fn kind(&self) -> SubjectKind {
        match self {
            Self::Natural(_) => SubjectKind::Natural,
            Self::Legal(_) => SubjectKind::Legal,
        }
    }

    /// The identifier, whichever kind of person it is.
    #[must_use]
    pub fn identifier(&self) -> &Personal<Identifier> {
        match self {
            Self::Natural(person) => &person.person_identifier,
            Self::Legal(person) => &person.legal_person_identifier,
        }
    }
}

/// A natural person (Attribute Profile 1.4 §2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NaturalPerson {
    /// `PersonIdentifier`
    pub person_identifier: Personal<Identifier>,
    /// `CurrentFamilyName`
    pub family_name: Personal<Name>,
    /// `CurrentGivenName`
    pub given_name: Personal<Name>,
    /// `DateOfBirth`
    pub date_of_birth: Personal<DateOfBirth>,
    /// `BirthName`: first and family names in one text that cannot be split.
    pub birth_name: Option<Personal<Name>>,
    /// `PlaceOfBirth`
    pub place_of_birth: Option<Personal<String>>,
    /// `CurrentAddress`
    pub current_address: Option<Personal<Address>>,
    /// `Gender`
    pub gender: Option<Personal<Gender>>,
    /// `Nationality`, in the order sent; empty if none was.
    pub nationality: Personal<Vec<CountryCode>>,
    /// `CountryOfBirth`
    pub country_of_birth: Option<Personal<CountryCode>>,
    /// `TownOfBirth`
    pub town_of_birth: Option<Personal<String>>,
    /// `CountryOfResidence`
    pub country_of_residence: Option<Personal<CountryCode>>,
    /// `PhoneNumber`
    pub phone_number: Option<Personal<String>>,
    /// `EmailAddress`. No node says that it verified it.
    pub email_address: Option<Personal<String>>,
}

/// A legal person (Attribute Profile 1.4 §2.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalPerson {
    /// `LegalPersonIdentifier`
    pub legal_person_identifier: Personal<Identifier>,
    /// `LegalName`
    pub legal_name: Personal<Name>,
    /// `LegalPersonAddress`
    pub legal_person_address: Option<Personal<Address>>,
    /// `VATRegistrationNumber`
    pub vat_registration_number: Option<Personal<String>>,
    /// `TaxReference`
    pub tax_reference: Option<Personal<String>>,
    /// `D-2012-17-EUIdentifier`
    pub eu_identifier: Option<Personal<String>>,
    /// `LEI`
    pub lei: Option<Personal<String>>,
    /// `EORI`
    pub eori: Option<Personal<String>>,
    /// `SEED`
    pub seed: Option<Personal<String>>,
    /// `SIC`
    pub sic: Option<Personal<String>>,
    /// `LegalPhoneNumber`
    pub legal_phone_number: Option<Personal<String>>,
    /// `LegalEmailAddress`
    pub legal_email_address: Option<Personal<String>>,
}
