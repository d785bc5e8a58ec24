//! How the data of a person become OpenID Connect claims, and which of them a client gets.
//!
//! Two tables. One says, claim by claim, by which scopes it can be asked and from which eIDAS attributes it
//! is made; it decides what is asked of the country and what is released, so the two cannot differ. The
//! other is the mapping itself. Standard claims have ISO codes (`GR`), our own `eidas_*` claims keep the
//! spelling of eIDAS (`EL`). A claim that a client did not ask for does not leave this module.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::email;
use super::policy::ClientPolicy;
use super::subject::subject_type;
use crate::eidas::attribute::{Address, Attribute, Form, Name};
use crate::eidas::{Identity, LegalPerson, NaturalPerson, Person, SubjectKind};
use crate::oidc::AuthorizationRequest;
use crate::oidc::client::ClaimsInIdToken;
use crate::secret::Personal;

/// The claims of one login, by where the broker will find them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Released {
    /// What describes the login itself, and what was asked for in the ID token by the `claims` parameter; or
    /// all, for a client that looks nowhere else.
    pub(crate) id_token: Personal<Map<String, Value>>,
    /// Everything that was asked for.
    pub(crate) userinfo: Personal<Map<String, Value>>,
}

/// The optional attributes that a country is asked for: what the request wants and the client may have.
pub(crate) fn wanted_attributes(
    request: &AuthorizationRequest,
    policy: &ClientPolicy,
) -> BTreeSet<Attribute> {
    needed(request, policy)
        .flat_map(|row| row.optional.iter().copied())
        .filter(|attribute| attribute.kind() == policy.kind && policy.attributes.contains(attribute))
        .collect()
}

/// The attributes whose values will reach the client, for the country page.
pub(crate) fn released_attributes(request: &AuthorizationRequest, policy: &ClientPolicy) -> Vec<Attribute> {
    let optional = wanted_attributes(request, policy);
    let mandatory: BTreeSet<_> = needed(request, policy)
        .flat_map(|row| row.mandatory.iter().copied())
        .filter(|attribute| attribute.kind() == policy.kind)
        .collect();
    Attribute::of(policy.kind).filter(|a| optional.contains(a) || mandatory.contains(a)).collect()
}

/// The names of the claims that `request` asks for and `policy` does not forbid.
pub(crate) fn wanted_claims(request: &AuthorizationRequest, policy: &ClientPolicy) -> Vec<&'static str> {
    wanted(request, policy).map(|row| row.claim).collect()
}

/// The claims of `identity` that `request` asks for and `policy` allows.
pub(crate) fn release(
    identity: &Identity,
    request: &AuthorizationRequest,
    policy: &ClientPolicy,
    place: ClaimsInIdToken,
) -> Released {
    let mut all = of_person(&identity.subject.person);
    all.insert("eidas_country".to_owned(), identity.country.as_str().into());
    if let Some(representative) = &identity.subject.representative {
        let acting = representative_object(representative, policy.person_identifier);
        all.insert("eidas_representative".to_owned(), acting.into());
    }
    let mut about_login = Map::new();
    about_login.insert("eidas_loa".to_owned(), identity.level.uri().into());
    about_login.insert("eidas_subject_type".to_owned(), subject_type(&identity.subject).into());

    let (mut id_token, mut userinfo) = (about_login.clone(), about_login);
    for row in wanted(request, policy) {
        let Some(value) = all.remove(row.claim) else { continue };
        let mut given = Map::new();
        if row.claim == ADDRESS && policy.flat_address {
            given.extend(parts_of_address(&value));
        }
        given.insert(row.claim.to_owned(), value);
        if place == ClaimsInIdToken::All || request.claims.id_token.contains_key(row.claim) {
            id_token.extend(given.clone());
        }
        userinfo.extend(given);
    }
    Released { id_token: Personal::new(id_token), userinfo: Personal::new(userinfo) }
}

/// Whether `request` asks for an e-mail address, wherever it comes from.
pub(crate) fn wants_email(request: &AuthorizationRequest) -> bool {
    TABLE.iter().any(|row| is_about_email(row) && row.is_asked(request))
}

/// The claims of an address that is known to be the person's, or to lead nowhere else.
pub(crate) fn of_email(address: &email::EmailAddress) -> [(String, Value); 2] {
    [(EMAIL.to_owned(), address.expose().into()), (EMAIL_VERIFIED.to_owned(), true.into())]
}

/// The claims of `identity` that the eIDAS trust framework vouches for, as far as `policy` allows.
pub(super) fn vouched_for(identity: &Identity, policy: &ClientPolicy) -> Map<String, Value> {
    let mut all = of_person(&identity.subject.person);
    // How to reach a company is as little verified as how to reach a person.
    if let Some(Value::Object(legal)) = all.get_mut("eidas_legal") {
        legal.retain(|name, _| name != "phone_number" && name != "email");
    }
    let rows = TABLE.iter().filter(|row| row.is_vouched_for() && row.is_allowed(policy));
    rows.filter_map(|row| Some((row.claim.to_owned(), all.remove(row.claim)?))).collect()
}

/// The names of the claims that `verified_claims` can hold, for the discovery document.
pub fn supported_in_verified_claims() -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter(|row| row.is_vouched_for()).map(|row| row.claim)
}

/// Every claim that `identity` can become, for `response check`: what a client gets that asks for everything
/// and may have everything.
#[must_use]
pub fn all(identity: &Identity) -> Map<String, Value> {
    let mut all = of_person(&identity.subject.person);
    all.insert("eidas_country".to_owned(), identity.country.as_str().into());
    all.insert("eidas_loa".to_owned(), identity.level.uri().into());
    all.insert("eidas_subject_type".to_owned(), subject_type(&identity.subject).into());
    if let Some(representative) = &identity.subject.representative {
        all.insert("eidas_representative".to_owned(), representative_object(representative, true).into());
    }
    all
}

/// The claims that `address` also becomes for a client with `flat_address`.
pub const FLAT_ADDRESS: [&str; 5] = ["street_address", "locality", "region", "postal_code", "country"];

/// The parts of `address`, each a text, as claims of their own.
fn parts_of_address(address: &Value) -> impl Iterator<Item = (String, Value)> {
    let part = |name: &'static str| Some((name.to_owned(), address.get(name)?.clone()));
    FLAT_ADDRESS.into_iter().filter_map(part)
}

/// The names of every claim that can be released, for the discovery document.
pub fn supported() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|row| row.claim).chain(["eidas_loa", "eidas_subject_type"])
}

/// The scopes that mean something here beyond `openid`, for the discovery document.
pub fn supported_scopes() -> BTreeSet<&'static str> {
    TABLE.iter().flat_map(|row| row.scopes.iter().copied()).collect()
}

/// One claim: how it is asked for, and what it is made from.
struct Row {
    claim: &'static str,
    scopes: &'static [&'static str],
    mandatory: &'static [Attribute],
    optional: &'static [Attribute],
}

use Attribute::{
    BirthName, CountryOfBirth, CountryOfResidence, CurrentAddress, CurrentFamilyName, CurrentGivenName,
    DateOfBirth, EmailAddress, Eori, EuIdentifier, Gender, LegalEmailAddress, LegalName, LegalPersonAddress,
    LegalPersonIdentifier, LegalPhoneNumber, Lei, Nationality, PersonIdentifier, PhoneNumber, PlaceOfBirth,
    Seed, Sic, TaxReference, TownOfBirth, VatRegistrationNumber,
};

const ADDRESS: &str = "address";
/// All optional attributes that the client may have, for brokers that cannot send `claims`.
const EVERYTHING: &str = "eidas:attributes";
pub(crate) const EMAIL: &str = "email";
const EMAIL_VERIFIED: &str = "email_verified";
const NAMES: &[&str] = &["profile"];
const EIDAS: &[&str] = &["eidas", "profile"];
const IDENTIFIER: &[&str] = &["eidas", "eidas:identifier"];
const LEGAL: &[Attribute] = &[
    LegalPersonAddress,
    VatRegistrationNumber,
    TaxReference,
    EuIdentifier,
    Lei,
    Eori,
    Seed,
    Sic,
    LegalPhoneNumber,
    LegalEmailAddress,
];

#[rustfmt::skip]
const TABLE: &[Row] = &[
    Row { claim: "name",                          scopes: NAMES,                      mandatory: &[CurrentGivenName, CurrentFamilyName, LegalName], optional: &[] },
    Row { claim: "given_name",                    scopes: NAMES,                      mandatory: &[CurrentGivenName],      optional: &[] },
    Row { claim: "given_name_original",           scopes: NAMES,                      mandatory: &[CurrentGivenName],      optional: &[] },
    Row { claim: "family_name",                   scopes: NAMES,                      mandatory: &[CurrentFamilyName],     optional: &[] },
    Row { claim: "family_name_original",          scopes: NAMES,                      mandatory: &[CurrentFamilyName],     optional: &[] },
    Row { claim: "birthdate",                     scopes: NAMES,                      mandatory: &[DateOfBirth],           optional: &[] },
    Row { claim: "eidas_date_of_birth",           scopes: NAMES,                      mandatory: &[DateOfBirth],           optional: &[] },
    Row { claim: "eidas_legal_name",              scopes: EIDAS,                      mandatory: &[LegalName],             optional: &[] },
    Row { claim: "eidas_legal_name_original",     scopes: EIDAS,                      mandatory: &[LegalName],             optional: &[] },
    Row { claim: "eidas_country",                 scopes: EIDAS,                      mandatory: &[],                      optional: &[] },
    Row { claim: "eidas_representative",          scopes: EIDAS,                      mandatory: &[],                      optional: &[] },
    Row { claim: "eidas_person_identifier",       scopes: IDENTIFIER,                 mandatory: &[PersonIdentifier],      optional: &[] },
    Row { claim: "eidas_legal_person_identifier", scopes: IDENTIFIER,                 mandatory: &[LegalPersonIdentifier], optional: &[] },
    Row { claim: "eidas_birth_name",              scopes: &[EVERYTHING],              mandatory: &[], optional: &[BirthName] },
    Row { claim: "eidas_birth_name_original",     scopes: &[EVERYTHING],              mandatory: &[], optional: &[BirthName] },
    Row { claim: "place_of_birth",                scopes: &[EVERYTHING],              mandatory: &[], optional: &[PlaceOfBirth, TownOfBirth, CountryOfBirth] },
    Row { claim: "eidas_place_of_birth",          scopes: &[EVERYTHING],              mandatory: &[], optional: &[PlaceOfBirth] },
    Row { claim: "nationalities",                 scopes: &[EVERYTHING],              mandatory: &[], optional: &[Nationality] },
    Row { claim: "gender",                        scopes: &[EVERYTHING],              mandatory: &[], optional: &[Gender] },
    Row { claim: "address",                       scopes: &["address", EVERYTHING],   mandatory: &[], optional: &[CurrentAddress, CountryOfResidence] },
    Row { claim: "phone_number",                  scopes: &["phone", EVERYTHING],     mandatory: &[], optional: &[PhoneNumber] },
    Row { claim: "phone_number_verified",         scopes: &["phone", EVERYTHING],     mandatory: &[], optional: &[PhoneNumber] },
    Row { claim: "email",                         scopes: &["email", EVERYTHING],     mandatory: &[], optional: &[EmailAddress] },
    Row { claim: "email_verified",                scopes: &["email", EVERYTHING],     mandatory: &[], optional: &[EmailAddress] },
    Row { claim: "eidas_legal",                   scopes: &[EVERYTHING],              mandatory: &[], optional: LEGAL },
];

impl Row {
    fn attributes(&self) -> impl Iterator<Item = &'static Attribute> {
        self.mandatory.iter().chain(self.optional)
    }

    /// Whether `policy` lets the client have it from a country.
    fn is_allowed(&self, policy: &ClientPolicy) -> bool {
        let is_identifier = self.mandatory.iter().any(|a| a.form() == Form::Identifier);
        let is_ours = is_about_email(self) && !policy.email.is_country();
        (policy.person_identifier || !is_identifier) && !is_ours
    }

    /// Whether it is asked for, by scope or one by one.
    fn is_asked(&self, request: &AuthorizationRequest) -> bool {
        self.scopes.iter().any(|scope| request.scope.contains(*scope))
            || request.claims.any(self.claim).is_some()
    }

    /// Whether it is part of a data set of the eIDAS trust framework, of which the country says that it is
    /// right. Nobody says that of a telephone number or an e-mail address.
    fn is_vouched_for(&self) -> bool {
        let is_contact = |attribute: &Attribute| matches!(attribute, PhoneNumber | EmailAddress);
        self.attributes().next().is_some() && !self.attributes().all(is_contact)
    }
}

/// The rows that `request` asks for as plain claims, and that `policy` does not forbid.
fn wanted(request: &AuthorizationRequest, policy: &ClientPolicy) -> impl Iterator<Item = &'static Row> {
    TABLE.iter().filter(move |row| row.is_asked(request) && row.is_allowed(policy))
}

/// The rows that `request` asks for in any way, and that `policy` does not forbid.
fn needed(request: &AuthorizationRequest, policy: &ClientPolicy) -> impl Iterator<Item = &'static Row> {
    let verified = move |row: &Row| {
        policy.verified_claims && row.is_vouched_for() && request.claims.any_verified(row.claim)
    };
    TABLE.iter().filter(move |row| (row.is_asked(request) || verified(row)) && row.is_allowed(policy))
}

fn is_about_email(row: &Row) -> bool {
    row.claim == EMAIL || row.claim == EMAIL_VERIFIED
}

/// Every claim that `person` gives.
fn of_person(person: &Person) -> Map<String, Value> {
    match person {
        Person::Natural(person) => of_natural(person),
        Person::Legal(person) => of_legal(person),
    }
}

fn of_natural(person: &NaturalPerson) -> Map<String, Value> {
    let mut claims = Claims::default();
    claims.natural_minimum(person);
    let name = format!("{} {}", person.given_name.expose().latin, person.family_name.expose().latin);
    claims.put("name", name);
    claims.put("eidas_person_identifier", person.person_identifier.expose().as_str());
    claims.name("eidas_birth_name", person.birth_name.as_ref());
    claims.put_some("gender", person.gender.as_ref().map(|g| g.expose().as_str().to_ascii_lowercase()));
    let nationalities: Vec<_> = person.nationality.expose().iter().map(|country| country.iso()).collect();
    if !nationalities.is_empty() {
        claims.put("nationalities", json!(nationalities));
    }
    claims.place_of_birth(person);
    let residence = person.country_of_residence.as_ref().map(|country| country.expose().iso());
    let current = person.current_address.as_ref().map(Personal::expose);
    if current.is_some() || residence.is_some() {
        claims.put("address", address(current, residence));
    }
    claims.unverified("phone_number", "phone_number_verified", person.phone_number.as_ref());
    claims.unverified("email", "email_verified", person.email_address.as_ref());
    claims.0
}

fn of_legal(person: &LegalPerson) -> Map<String, Value> {
    let mut claims = Claims::default();
    claims.put("name", person.legal_name.expose().latin.as_str());
    claims.name("eidas_legal_name", Some(&person.legal_name));
    claims.put("eidas_legal_person_identifier", person.legal_person_identifier.expose().as_str());
    let mut more = Claims::default();
    let place = person.legal_person_address.as_ref();
    more.put_some("address", place.map(|place| address(Some(place.expose()), None)));
    for (name, value) in [
        ("vat_registration", &person.vat_registration_number),
        ("tax_reference", &person.tax_reference),
        ("eu_identifier", &person.eu_identifier),
        ("lei", &person.lei),
        ("eori", &person.eori),
        ("seed", &person.seed),
        ("sic", &person.sic),
        ("phone_number", &person.legal_phone_number),
        ("email", &person.legal_email_address),
    ] {
        more.put_some(name, value.as_ref().map(|value| value.expose().as_str()));
    }
    if !more.0.is_empty() {
        claims.put("eidas_legal", more.0);
    }
    claims.0
}

/// Who acted: the minimum data set, under the names that the claims of a subject have.
fn representative_object(person: &Person, with_identifier: bool) -> Map<String, Value> {
    let mut claims = Claims::default();
    match person {
        Person::Natural(person) => {
            claims.put("subject_type", SubjectKind::Natural.as_str());
            claims.natural_minimum(person);
            if with_identifier {
                claims.put("person_identifier", person.person_identifier.expose().as_str());
            }
        }
        Person::Legal(person) => {
            claims.put("subject_type", SubjectKind::Legal.as_str());
            claims.name("legal_name", Some(&person.legal_name));
            if with_identifier {
                claims.put("legal_person_identifier", person.legal_person_identifier.expose().as_str());
            }
        }
    }
    claims.0
}

/// Claims in the making.
#[derive(Default)]
struct Claims(Map<String, Value>);

impl Claims {
    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn put_some(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// The Latin form under `name`, the other one under `name` + `_original`: of which language that is
    /// nobody says, so it cannot be a language tag (OpenID Connect Core §5.2).
    fn name(&mut self, name: &str, value: Option<&Personal<Name>>) {
        let Some(value) = value.map(Personal::expose) else { return };
        self.put(name, value.latin.as_str());
        self.put_some(&format!("{name}_original"), value.original.as_deref());
    }

    /// The names and the date of birth, of which unknown parts are left out as OpenID Connect Core §5.1
    /// allows: a year alone, for there is no form for a year and a month.
    fn natural_minimum(&mut self, person: &NaturalPerson) {
        self.name("given_name", Some(&person.given_name));
        self.name("family_name", Some(&person.family_name));
        let birth = person.date_of_birth.expose();
        self.put("birthdate", birth.iso.clone().unwrap_or_else(|| format!("{:04}", birth.year)));
        self.put("eidas_date_of_birth", birth.text.as_str());
    }

    /// `place_of_birth` of OpenID Connect for Identity Assurance. The town is the narrower field; the free
    /// text takes its place only where there is none.
    fn place_of_birth(&mut self, person: &NaturalPerson) {
        let town = person.town_of_birth.as_ref().map(|town| town.expose().as_str());
        let free = person.place_of_birth.as_ref().map(|place| place.expose().as_str());
        let mut place = Claims::default();
        place.put_some("locality", town.or(free));
        place.put_some("country", person.country_of_birth.as_ref().map(|country| country.expose().iso()));
        if !place.0.is_empty() {
            self.put("place_of_birth", place.0);
        }
        self.put_some("eidas_place_of_birth", free.filter(|_| town.is_some()));
    }

    /// Nobody says that it was verified, so we say that it was not: brokers join accounts by e-mail.
    fn unverified(&mut self, name: &str, verified: &str, value: Option<&Personal<String>>) {
        if let Some(value) = value {
            self.put(name, value.expose().as_str());
            self.put(verified, false);
        }
    }
}

/// The `address` claim (OpenID Connect Core §5.1.1). The country of residence is a code and wins over the
/// uppermost administrative unit, which is text.
fn address(parts: Option<&Address>, residence: Option<&str>) -> Map<String, Value> {
    let none = Address::default();
    let parts = parts.unwrap_or(&none);
    let some = |part: &Option<String>| part.as_deref().filter(|text| !text.is_empty()).map(str::to_owned);
    let joined = |parts: Vec<Option<String>>, with: &str| {
        let present: Vec<_> = parts.into_iter().flatten().collect();
        (!present.is_empty()).then(|| present.join(with))
    };
    let first_line = joined(vec![some(&parts.thoroughfare), some(&parts.locator_designator)], " ");
    let more = [&parts.locator_name, &parts.po_box, &parts.cv_address_area].map(some);
    let street = joined([first_line].into_iter().chain(more).collect(), "\n");
    let country = residence.map(str::to_owned).or_else(|| some(&parts.admin_unit_first_line));
    let (code, town, region) = (&parts.post_code, &parts.post_name, &parts.admin_unit_second_line);
    let town_line = joined(vec![some(code), some(town)], " ");
    let formatted = joined(vec![street.clone(), town_line, some(region), country.clone()], "\n");
    let mut claims = Claims::default();
    claims.put_some("formatted", formatted);
    claims.put_some("street_address", street);
    claims.put_some("locality", some(town));
    claims.put_some("region", some(region));
    claims.put_some("postal_code", some(code));
    claims.put_some("country", country);
    claims.0
}
