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

/// What a claim is called where its value is shown to its owner. An unknown name stands for itself.
#[must_use]
pub fn claim(name: &str) -> &str {
    CLAIMS.iter().find(|(claim, _)| *claim == name).map_or(name, |(_, words)| words)
}

/// The claims in the order in which they are shown, and members of those that are objects.
pub(super) const CLAIMS: &[(&str, &str)] = &[
    ("name", "Name"),
    ("given_name", "Given name"),
    ("given_name_original", "Given name, as it is written"),
    ("family_name", "Family name"),
    ("family_name_original", "Family name, as it is written"),
    ("birthdate", "Date of birth"),
    ("eidas_date_of_birth", "Date of birth"),
    ("legal_name", "Organisation's name"),
    ("legal_name_original", "Organisation's name, as it is written"),
    ("eidas_legal_name", "Organisation's name"),
    ("eidas_legal_name_original", "Organisation's name, as it is written"),
    ("eidas_country", "Country"),
    ("eidas_representative", "Represented by"),
    ("subject_type", "Kind of person"),
    ("eidas_person_identifier", "Personal identifier"),
    ("person_identifier", "Personal identifier"),
    ("eidas_legal_person_identifier", "Organisation's identifier"),
    ("legal_person_identifier", "Organisation's identifier"),
    ("eidas_birth_name", "Name at birth"),
    ("eidas_birth_name_original", "Name at birth, as it is written"),
    ("place_of_birth", "Place of birth"),
    ("eidas_place_of_birth", "Place of birth"),
    ("nationalities", "Nationality"),
    ("gender", "Gender"),
    ("address", "Address"),
    ("phone_number", "Phone number"),
    ("phone_number_verified", "Phone number verified"),
    ("email", "Email address"),
    ("email_verified", "Email address verified"),
    ("eidas_legal", "About the organisation"),
    ("vat_registration", "VAT number"),
    ("tax_reference", "Tax reference"),
    ("eu_identifier", "European unique identifier (EUID)"),
    ("lei", "Legal entity identifier (LEI)"),
    ("eori", "EORI number"),
    ("seed", "Excise number (SEED)"),
    ("sic", "Standard industrial classification"),
    ("locality", "Town"),
    ("country", "Country"),
];

/// Claims that say how somebody logged in.
pub(super) const ABOUT_THE_LOGIN: &[&str] =
    &["acr", "amr", "auth_time", "eidas_loa", "eidas_subject_type", "txn"];

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
