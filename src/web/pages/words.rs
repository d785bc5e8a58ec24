//! Plain words for what the specifications name: attributes and levels of assurance.

/// What an attribute is called on the country page, by its eIDAS friendly name (Attribute Profile §2.2,
/// §2.3). An unknown name stands for itself.
#[must_use]
pub fn attribute(friendly_name: &str) -> &str {
    match friendly_name {
        "PersonIdentifier" => "Personal identifier",
        "FamilyName" => "Family name",
        "FirstName" => "First name",
        "DateOfBirth" => "Date of birth",
        "BirthName" => "Name at birth",
        "PlaceOfBirth" => "Place of birth",
        "CurrentAddress" => "Current address",
        "Gender" => "Gender",
        "Nationality" => "Nationality",
        "CountryOfBirth" => "Country of birth",
        "TownOfBirth" => "Town of birth",
        "CountryOfResidence" => "Country of residence",
        "PhoneNumber" => "Phone number",
        "EmailAddress" => "Email address",
        "LegalPersonIdentifier" => "Organisation's identifier",
        "LegalName" => "Organisation's name",
        "LegalAddress" => "Organisation's address",
        "VATRegistration" => "VAT number",
        "TaxReference" => "Tax reference",
        "D-2012-17-EUIdentifier" => "European unique identifier (EUID)",
        "LEI" => "Legal entity identifier (LEI)",
        "EORI" => "EORI number",
        "SEED" => "Excise number (SEED)",
        "SIC" => "Standard industrial classification",
        "LegalPhoneNumber" => "Organisation's phone number",
        "LegalEmailAddress" => "Organisation's email address",
        other => other,
    }
}

/// The name of a level of assurance given as `low`, `substantial` or `high`; anything else stands for itself.
pub(super) fn level_name(level: &str) -> &str {
    match level {
        "low" => "Low",
        "substantial" => "Substantial",
        "high" => "High",
        other => other,
    }
}

/// What a level means to a person (Implementing Regulation (EU) 2015/1502, in everyday words).
pub(super) fn level_meaning(level: &str) -> &'static str {
    match level {
        "low" => "A simple login, such as a password, is enough.",
        "substantial" => "A login with two factors, such as an app or a code card, is needed.",
        "high" => "A strong eID is needed, such as an identity card with a chip.",
        _ => "A particular kind of eID is needed.",
    }
}
