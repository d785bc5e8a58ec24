//! The attributes of the eIDAS profile: one table, and the readers of their values beside it.
//!
//! Attributes are matched by `Name` alone. `FriendlyName`, `NameFormat` and `xsi:type` differ between
//! implementations and decide nothing (Attribute Profile 1.4 §2; peers differ as seen in 2026-11).

mod address;
mod date;
mod identifier;
mod name;
mod text;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::address::Address;
pub use self::date::DateOfBirth;
pub use self::identifier::{Identifier, IdentifierError};
pub use self::name::{Gender, Name};
pub(crate) use self::text::{ValueError, read_countries, read_country, read_text};

use super::kind::SubjectKind;

/// Expands the one table of attributes into the enum and its rows.
macro_rules! registry {
    ($($variant:ident $kind:ident $last:literal $friendly:literal $xsi:literal $presence:ident $form:ident $doc:literal)*) => {
        /// An attribute of the eIDAS profile.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum Attribute {
            $(#[doc = $doc] $variant,)*
        }

        impl Attribute {
            /// All attributes, in the order of the profile.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            const fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row {
                        kind: SubjectKind::$kind,
                        last: $last,
                        name: concat!(name_prefix!($kind), $last),
                        friendly_name: $friendly,
                        xsi_type: $xsi,
                        mandatory: matches!(Presence::$presence, Presence::Mandatory),
                        form: Form::$form,
                    },)*
                }
            }
        }
    };
}

macro_rules! name_prefix {
    (Natural) => {
        "http://eidas.europa.eu/attributes/naturalperson/"
    };
    (Legal) => {
        "http://eidas.europa.eu/attributes/legalperson/"
    };
}

// Attribute Profile 1.4 §2.2 and §2.3. Columns: variant, kind, last part of Name, FriendlyName, local name of
// xsi:type (as the CEF node 2.9 writes it where the profile has none), presence in the data set, form.
#[rustfmt::skip]
registry! {
    PersonIdentifier        Natural "PersonIdentifier"       "PersonIdentifier"       "PersonIdentifierType"       Mandatory Identifier "The person's identifier, unique in the issuing country."
    CurrentFamilyName       Natural "CurrentFamilyName"      "FamilyName"             "CurrentFamilyNameType"      Mandatory Name       "All current family names."
    CurrentGivenName        Natural "CurrentGivenName"       "FirstName"              "CurrentGivenNameType"       Mandatory Name       "All current first names."
    DateOfBirth             Natural "DateOfBirth"            "DateOfBirth"            "DateOfBirthType"            Mandatory Date       "Date of birth."
    BirthName               Natural "BirthName"              "BirthName"              "BirthNameType"              Optional  Name       "First and family names at birth, in one text."
    PlaceOfBirth            Natural "PlaceOfBirth"           "PlaceOfBirth"           "PlaceOfBirthType"           Optional  Text       "Place of birth, free text."
    CurrentAddress          Natural "CurrentAddress"         "CurrentAddress"         "CurrentAddressType"         Optional  Address    "Current address."
    Gender                  Natural "Gender"                 "Gender"                 "GenderType"                 Optional  Gender     "Gender."
    Nationality             Natural "Nationality"            "Nationality"            "NationalityType"            Optional  Countries  "Nationalities, one value each."
    CountryOfBirth          Natural "CountryOfBirth"         "CountryOfBirth"         "CountryOfBirthType"         Optional  Country    "Country of birth."
    TownOfBirth             Natural "TownOfBirth"            "TownOfBirth"            "TownOfBirthType"            Optional  Text       "Town of birth."
    CountryOfResidence      Natural "CountryOfResidence"     "CountryOfResidence"     "CountryOfResidenceType"     Optional  Country    "Country of the legal address."
    PhoneNumber             Natural "PhoneNumber"            "PhoneNumber"            "PhoneNumberType"            Optional  Text       "Telephone number (ITU-T E.164)."
    EmailAddress            Natural "EmailAddress"           "EmailAddress"           "EmailAddressType"           Optional  Text       "E-mail address; nobody says that it was verified."
    LegalPersonIdentifier   Legal   "LegalPersonIdentifier"  "LegalPersonIdentifier"  "LegalPersonIdentifierType"  Mandatory Identifier "The legal person's identifier, unique in the issuing country."
    LegalName               Legal   "LegalName"              "LegalName"              "LegalNameType"              Mandatory Name       "Current legal name."
    LegalPersonAddress      Legal   "LegalPersonAddress"     "LegalAddress"           "LegalPersonAddressType"     Optional  Address    "Registered or operating address."
    VatRegistrationNumber   Legal   "VATRegistrationNumber"  "VATRegistration"        "VATRegistrationNumberType"  Optional  Text       "VAT registration number."
    TaxReference            Legal   "TaxReference"           "TaxReference"           "TaxReferenceType"           Optional  Text       "Tax reference number."
    EuIdentifier            Legal   "D-2012-17-EUIdentifier" "D-2012-17-EUIdentifier" "D-2012-17-EUIdentifierType" Optional  Text       "Identifier of business registers (Directive 2012/17/EU)."
    Lei                     Legal   "LEI"                    "LEI"                    "LEIType"                    Optional  Text       "Legal Entity Identifier."
    Eori                    Legal   "EORI"                   "EORI"                   "EORIType"                   Optional  Text       "Economic Operator Registration and Identification."
    Seed                    Legal   "SEED"                   "SEED"                   "SEEDType"                   Optional  Text       "Excise number (System for Exchange of Excise Data)."
    Sic                     Legal   "SIC"                    "SIC"                    "SICType"                    Optional  Text       "Standard Industrial Classification."
    LegalPhoneNumber        Legal   "LegalPhoneNumber"       "LegalPhoneNumber"       "LegalPhoneNumberType"       Optional  Text       "Telephone number of the legal person."
    LegalEmailAddress       Legal   "LegalEmailAddress"      "LegalEmailAddress"      "LegalEmailAddressType"      Optional  Text       "E-mail address of the legal person."
}

/// How the values of an attribute are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// An address: base64 of an XML fragment (Attribute Profile 1.4 §2.2.9).
    Address,
    /// Country codes, several values allowed.
    Countries,
    /// One country code.
    Country,
    /// A date of birth.
    Date,
    /// `Male`, `Female` or `Unspecified`.
    Gender,
    /// An identifier `CC/CC/…` (Attribute Profile 1.4 §2.2.3).
    Identifier,
    /// A name, with its transliteration if it is not in Latin script (Attribute Profile 1.4 §2.4).
    Name,
    /// Text.
    Text,
}

/// One line of the table.
struct Row {
    kind: SubjectKind,
    last: &'static str,
    name: &'static str,
    friendly_name: &'static str,
    xsi_type: &'static str,
    mandatory: bool,
    form: Form,
}

enum Presence {
    Mandatory,
    Optional,
}

impl Attribute {
    /// The attributes that a request for this kind of person must ask: its minimum data set's mandatory part.
    pub fn mandatory(kind: SubjectKind) -> impl Iterator<Item = Self> {
        Self::of(kind).filter(|attribute| attribute.is_mandatory())
    }

    /// The attributes of this kind of person.
    pub fn of(kind: SubjectKind) -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(move |attribute| attribute.kind() == kind)
    }

    /// The URI in `saml2:Attribute/@Name`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The URI in `@Name` when the attribute is about a representative (Attribute Profile 1.4 §2.8).
    #[must_use]
    pub fn representative_name(self) -> String {
        let row = self.row();
        format!("{}representative/{}", prefix_of(row.kind), row.last)
    }

    /// `FriendlyName` in the profile, which is not always the last part of the name.
    #[must_use]
    pub fn friendly_name(self) -> &'static str {
        self.row().friendly_name
    }

    /// The local name of `xsi:type`; its namespace is the attribute's name without the last part.
    #[must_use]
    pub fn xsi_type(self) -> &'static str {
        self.row().xsi_type
    }

    /// Of which kind of person this says something.
    #[must_use]
    pub fn kind(self) -> SubjectKind {
        self.row().kind
    }

    /// Whether a data set without it is incomplete.
    #[must_use]
    pub fn is_mandatory(self) -> bool {
        self.row().mandatory
    }

    /// How its values are read.
    #[must_use]
    pub fn form(self) -> Form {
        self.row().form
    }
}

/// The attribute with this `Name`. Representative attributes have names of their own: [`Named`].
#[must_use]
pub fn by_name(uri: &str) -> Option<Attribute> {
    Attribute::ALL.iter().copied().find(|attribute| attribute.name() == uri)
}

/// The attribute with this `FriendlyName`. For configuration and command lines; never for messages.
#[must_use]
pub fn by_friendly_name(friendly: &str) -> Option<Attribute> {
    let called = |row: Row| row.friendly_name == friendly || row.last == friendly;
    Attribute::ALL.iter().copied().find(|attribute| called(attribute.row()))
}

/// What a `Name` in a response says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// About the person who is represented, or simply the person.
    Subject(Attribute),
    /// About the representative.
    Representative(Attribute),
    /// About a representative, but not a known attribute.
    UnknownRepresentative,
    /// Nothing we know.
    Unknown,
}

impl Named {
    /// Reads a `Name`.
    #[must_use]
    pub fn read(uri: &str) -> Self {
        if let Some(attribute) = by_name(uri) {
            return Self::Subject(attribute);
        }
        // One .NET library says LegalAddress here where the profile says LegalPersonAddress.
        if uri == "http://eidas.europa.eu/attributes/legalperson/representative/LegalAddress" {
            return Self::Representative(Attribute::LegalPersonAddress);
        }
        for kind in [SubjectKind::Natural, SubjectKind::Legal] {
            let last =
                uri.strip_prefix(prefix_of(kind)).and_then(|rest| rest.strip_prefix("representative/"));
            let known =
                last.and_then(|last| Attribute::of(kind).find(|attribute| attribute.row().last == last));
            if let Some(attribute) = known {
                return Self::Representative(attribute);
            }
        }
        if uri.contains("/representative/") { Self::UnknownRepresentative } else { Self::Unknown }
    }
}

/// What is not the name of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAnAttribute(String);

impl fmt::Display for NotAnAttribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not the name of an eIDAS attribute", self.0)
    }
}

impl std::error::Error for NotAnAttribute {}

impl TryFrom<String> for Attribute {
    type Error = NotAnAttribute;
    fn try_from(text: String) -> Result<Self, NotAnAttribute> {
        by_name(&text).or_else(|| by_friendly_name(&text)).ok_or(NotAnAttribute(text))
    }
}

impl From<Attribute> for String {
    fn from(attribute: Attribute) -> Self {
        attribute.name().to_owned()
    }
}

fn prefix_of(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Natural => name_prefix!(Natural),
        SubjectKind::Legal => name_prefix!(Legal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete() {
        assert_eq!(Attribute::of(SubjectKind::Natural).count(), 14);
        assert_eq!(Attribute::of(SubjectKind::Legal).count(), 12);
    }

    #[test]
    fn the_minimum_data_sets_are_those_of_the_regulation() {
        let natural: Vec<_> =
            Attribute::mandatory(SubjectKind::Natural).map(Attribute::friendly_name).collect();
        assert_eq!(natural, ["PersonIdentifier", "FamilyName", "FirstName", "DateOfBirth"]);
        let legal: Vec<_> = Attribute::mandatory(SubjectKind::Legal).map(Attribute::friendly_name).collect();
        assert_eq!(legal, ["LegalPersonIdentifier", "LegalName"]);
    }

    #[test]
    fn names_are_read_back() {
        for attribute in Attribute::ALL.iter().copied() {
            assert_eq!(Named::read(attribute.name()), Named::Subject(attribute));
            assert_eq!(Named::read(&attribute.representative_name()), Named::Representative(attribute));
        }
        assert_eq!(
            Attribute::CurrentGivenName.name(),
            "http://eidas.europa.eu/attributes/naturalperson/CurrentGivenName"
        );
        assert_eq!(
            Attribute::LegalName.representative_name(),
            "http://eidas.europa.eu/attributes/legalperson/representative/LegalName"
        );
    }

    #[test]
    fn an_unknown_representative_attribute_is_still_about_a_representative() {
        let name = "http://eidas.europa.eu/attributes/naturalperson/representative/ShoeSize";
        assert_eq!(Named::read(name), Named::UnknownRepresentative);
        // Another kind's attribute under the wrong prefix is none.
        let mixed = "http://eidas.europa.eu/attributes/legalperson/representative/DateOfBirth";
        assert_eq!(Named::read(mixed), Named::UnknownRepresentative);
        assert_eq!(Named::read("http://eidas.europa.eu/attributes/naturalperson/ShoeSize"), Named::Unknown);
        assert_eq!(
            Named::read("http://eidas.europa.eu/attributes/naturalperson/personidentifier"),
            Named::Unknown
        );
    }

    #[test]
    fn configuration_may_use_the_friendly_names() {
        let from = |text: &str| serde_json::from_value::<Attribute>(text.into());
        assert_eq!(from("FamilyName").unwrap(), Attribute::CurrentFamilyName);
        assert_eq!(from("CurrentFamilyName").unwrap(), Attribute::CurrentFamilyName);
        assert_eq!(from(Attribute::Lei.name()).unwrap(), Attribute::Lei);
        assert!(from("Surname").is_err());
    }
}
