//! Claims and subjects of whole persons.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Value, json};

use super::claims::{all, release, released_attributes, wanted_attributes};
use super::policy::ClientPolicy;
use super::subject::{SubjectError, SubjectKey, SubjectMode, subject_type};
use crate::clock::Timestamp;
use crate::crypto::jose::{JwsAlgorithm, JwsKey};
use crate::eidas::attribute::{Address, Attribute, DateOfBirth, Gender, Identifier, Name};
use crate::eidas::{
    AssuranceLevel, CountryCode, Identity, LegalPerson, Loa, NaturalPerson, Person, SpType, Subject,
    SubjectKind,
};
use crate::oidc::client::ClaimsInIdToken;
use crate::oidc::{
    AuthorizationRequest, Client, Issuer, Provider, RedirectUri, SigningKeys, authorize, client::SecretHash,
};
use crate::secret::Personal;

fn country(code: &str) -> CountryCode {
    CountryCode::parse(code).unwrap()
}

fn identifier(text: &str) -> Personal<Identifier> {
    Personal::new(Identifier::parse(text).unwrap())
}

fn name(latin: &str, original: Option<&str>) -> Personal<Name> {
    Personal::new(Name { latin: latin.to_owned(), original: original.map(str::to_owned) })
}

fn text(text: &str) -> Option<Personal<String>> {
    Some(Personal::new(text.to_owned()))
}

fn greek() -> NaturalPerson {
    NaturalPerson {
        person_identifier: identifier("EL/DE/abc-1"),
        family_name: name("Papadopoulou", Some("Παπαδοπούλου")),
        given_name: name("Eleni", Some("Ελένη")),
        date_of_birth: Personal::new(DateOfBirth::parse("1964-00-00", true).unwrap()),
        birth_name: Some(name("Eleni Nikolaou", None)),
        place_of_birth: text("Maternity ward, Patras"),
        current_address: Some(Personal::new(Address {
            po_box: Some("PO 7".to_owned()),
            locator_designator: Some("12".to_owned()),
            thoroughfare: Some("Ermou".to_owned()),
            post_name: Some("Athens".to_owned()),
            post_code: Some("105 63".to_owned()),
            admin_unit_first_line: Some("Greece".to_owned()),
            admin_unit_second_line: Some("Attica".to_owned()),
            ..Address::default()
        })),
        gender: Some(Personal::new(Gender::Female)),
        nationality: Personal::new(vec![country("EL"), country("CY")]),
        country_of_birth: Some(Personal::new(country("EL"))),
        town_of_birth: text("Patras"),
        country_of_residence: Some(Personal::new(country("EL"))),
        phone_number: text("+302101234567"),
        email_address: text("eleni@example.org"),
    }
}

fn company() -> LegalPerson {
    LegalPerson {
        legal_person_identifier: identifier("EL/DE/company-9"),
        legal_name: name("Acropolis Ltd", Some("Ακρόπολις ΕΠΕ")),
        legal_person_address: None,
        vat_registration_number: text("EL123456789"),
        tax_reference: None,
        eu_identifier: None,
        lei: text("5493001KJTIIGC8Y1R12"),
        eori: None,
        seed: None,
        sic: None,
        legal_phone_number: None,
        legal_email_address: None,
    }
}

fn identity(person: Person, representative: Option<Person>) -> Identity {
    Identity {
        response_id: "_response".to_owned(),
        assertion_id: "_assertion".to_owned(),
        entity_id: "https://node.example".to_owned(),
        country: country("EL"),
        level: AssuranceLevel::Notified(Loa::High),
        authn_instant: Timestamp::from_unix(1_000),
        expires: Timestamp::from_unix(2_000),
        subject: Subject { person, representative },
        dropped: Vec::new(),
        tolerated: Vec::new(),
    }
}

fn natural(person: NaturalPerson) -> Person {
    Person::Natural(Box::new(person))
}

fn legal(person: LegalPerson) -> Person {
    Person::Legal(Box::new(person))
}

/// A policy that allows everything.
fn generous(kind: SubjectKind) -> ClientPolicy {
    ClientPolicy {
        kind,
        representation: true,
        attributes: Attribute::ALL.iter().copied().collect(),
        person_identifier: true,
        ..ClientPolicy::new("Service", "sector", SpType::Public)
    }
}

static KEYS: LazyLock<SigningKeys> =
    LazyLock::new(|| SigningKeys::new(vec![JwsKey::generate(JwsAlgorithm::RS256).unwrap()]).unwrap());

pub(super) fn request(scope: &str, claims: Option<Value>) -> AuthorizationRequest {
    let redirect = "https://broker.example/cb";
    let mut client =
        Client::new("broker", SecretHash::of("secret"), vec![RedirectUri::register(redirect).unwrap()]);
    client.require_pkce = false;
    client.scopes = scope.split(' ').map(str::to_owned).collect();
    let mut parameters = vec![
        ("client_id", "broker".to_owned()),
        ("redirect_uri", redirect.to_owned()),
        ("response_type", "code".to_owned()),
        ("scope", scope.to_owned()),
    ];
    parameters.extend(claims.map(|claims| ("claims", claims.to_string())));
    let parameters: Vec<_> = parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let issuer = Issuer::parse("https://op.example").unwrap();
    let blinding = key().blinding();
    let provider = Provider { issuer: &issuer, keys: KEYS.clone(), blinding: &blinding };
    authorize::check(&parameters, &client, &provider).unwrap()
}

fn userinfo(identity: &Identity, request: &AuthorizationRequest, policy: &ClientPolicy) -> Value {
    Value::Object(release(identity, request, policy, ClaimsInIdToken::Minimal).userinfo.into_inner())
}

#[test]
fn every_attribute_of_a_natural_person_becomes_its_claim() {
    let request = request("openid profile eidas eidas:attributes", None);
    let claims = userinfo(&identity(natural(greek()), None), &request, &generous(SubjectKind::Natural));
    let expected = json!({
        "name": "Eleni Papadopoulou",
        "given_name": "Eleni",
        "given_name_original": "Ελένη",
        "family_name": "Papadopoulou",
        "family_name_original": "Παπαδοπούλου",
        "birthdate": "1964",
        "eidas_date_of_birth": "1964-00-00",
        "eidas_country": "EL",
        "eidas_loa": "http://eidas.europa.eu/LoA/high",
        "eidas_subject_type": "natural",
        "eidas_person_identifier": "EL/DE/abc-1",
        "eidas_birth_name": "Eleni Nikolaou",
        "place_of_birth": { "locality": "Patras", "country": "GR" },
        "eidas_place_of_birth": "Maternity ward, Patras",
        "nationalities": ["GR", "CY"],
        "gender": "female",
        "address": {
            "formatted": "Ermou 12\nPO 7\n105 63 Athens\nAttica\nGR",
            "street_address": "Ermou 12\nPO 7",
            "locality": "Athens",
            "region": "Attica",
            "postal_code": "105 63",
            "country": "GR",
        },
        "phone_number": "+302101234567",
        "phone_number_verified": false,
        "email": "eleni@example.org",
        "email_verified": false,
    });
    assert_eq!(claims, expected);
}

#[test]
fn a_whole_date_and_a_place_without_a_town_stand_as_they_are() {
    let person = NaturalPerson {
        date_of_birth: Personal::new(DateOfBirth::parse("1964-02-29", false).unwrap()),
        town_of_birth: None,
        country_of_birth: None,
        ..greek()
    };
    let request = request("openid profile eidas:attributes", None);
    let claims = userinfo(&identity(natural(person), None), &request, &generous(SubjectKind::Natural));
    assert_eq!(claims["birthdate"], "1964-02-29");
    assert_eq!(claims["place_of_birth"], json!({ "locality": "Maternity ward, Patras" }));
    assert_eq!(claims.get("eidas_place_of_birth"), None);
}

#[test]
fn a_legal_person_has_no_names_of_a_natural_one() {
    let request = request("openid profile eidas eidas:attributes", None);
    let claims = userinfo(&identity(legal(company()), None), &request, &generous(SubjectKind::Legal));
    let expected = json!({
        "name": "Acropolis Ltd",
        "eidas_legal_name": "Acropolis Ltd",
        "eidas_legal_name_original": "Ακρόπολις ΕΠΕ",
        "eidas_legal_person_identifier": "EL/DE/company-9",
        "eidas_country": "EL",
        "eidas_loa": "http://eidas.europa.eu/LoA/high",
        "eidas_subject_type": "legal",
        "eidas_legal": { "vat_registration": "EL123456789", "lei": "5493001KJTIIGC8Y1R12" },
    });
    assert_eq!(claims, expected);
}

#[test]
fn who_acts_for_a_company_is_an_object_of_its_own() {
    let request = request("openid profile", None);
    let identity = identity(legal(company()), Some(natural(greek())));
    let mut policy = generous(SubjectKind::Legal);
    policy.person_identifier = false;
    let claims = userinfo(&identity, &request, &policy);
    assert_eq!(claims["eidas_subject_type"], "representative");
    let expected = json!({
        "subject_type": "natural",
        "given_name": "Eleni",
        "given_name_original": "Ελένη",
        "family_name": "Papadopoulou",
        "family_name_original": "Παπαδοπούλου",
        "birthdate": "1964",
        "eidas_date_of_birth": "1964-00-00",
    });
    assert_eq!(claims["eidas_representative"], expected);
    policy.person_identifier = true;
    let claims = userinfo(&identity, &request, &policy);
    assert_eq!(claims["eidas_representative"]["person_identifier"], "EL/DE/abc-1");
    // Whoever judges a recorded response sees all of it.
    assert_eq!(all(&identity)["eidas_representative"], claims["eidas_representative"]);
}

#[test]
fn nothing_is_released_that_was_not_asked_for() {
    let request = request("openid", None);
    let claims = userinfo(&identity(natural(greek()), None), &request, &generous(SubjectKind::Natural));
    let about_login =
        json!({ "eidas_loa": "http://eidas.europa.eu/LoA/high", "eidas_subject_type": "natural" });
    assert_eq!(claims, about_login);
}

#[test]
fn the_identifier_needs_the_clients_permission() {
    let request = request(
        "openid eidas eidas:identifier",
        Some(json!({"userinfo": {"eidas_person_identifier": null}})),
    );
    let mut policy = generous(SubjectKind::Natural);
    policy.person_identifier = false;
    let claims = userinfo(&identity(natural(greek()), None), &request, &policy);
    assert_eq!(claims.get("eidas_person_identifier"), None);
    assert_eq!(claims["eidas_country"], "EL");
}

#[test]
fn the_id_token_holds_what_was_asked_there_or_all() {
    let request = request("openid profile", Some(json!({"id_token": {"birthdate": {"essential": true}}})));
    let identity = identity(natural(greek()), None);
    let policy = generous(SubjectKind::Natural);
    let minimal = release(&identity, &request, &policy, ClaimsInIdToken::Minimal);
    let names: BTreeSet<_> = minimal.id_token.expose().keys().map(String::as_str).collect();
    assert_eq!(names, ["birthdate", "eidas_loa", "eidas_subject_type"].into());
    let all = release(&identity, &request, &policy, ClaimsInIdToken::All);
    assert_eq!(all.id_token, all.userinfo);
    assert_eq!(all.userinfo, minimal.userinfo);
}

#[test]
fn a_flat_address_stands_beside_the_object_and_is_asked_for_like_it() {
    let who = identity(natural(greek()), None);
    let flat = ClientPolicy { flat_address: true, ..generous(SubjectKind::Natural) };
    let claims = userinfo(&who, &request("openid address", None), &flat);
    let parts = json!({
        "street_address": "Ermou 12\nPO 7",
        "locality": "Athens",
        "region": "Attica",
        "postal_code": "105 63",
        "country": "GR",
    });
    for (name, value) in parts.as_object().unwrap() {
        assert_eq!((&claims[name], &claims["address"][name]), (value, value));
    }
    assert_eq!(claims.get("formatted"), None);
    // In the ID token only if `address` is asked for there, and not at all if it is not asked for.
    let asked = request("openid", Some(json!({"id_token": {"address": null}})));
    let released = release(&who, &asked, &flat, ClaimsInIdToken::Minimal);
    assert_eq!(released.id_token.expose()["locality"], "Athens");
    let not_asked = userinfo(&who, &request("openid profile", None), &flat);
    for policy in [&flat, &generous(SubjectKind::Natural)] {
        let claims = userinfo(&who, &request("openid profile", None), policy);
        assert_eq!(claims, not_asked);
        assert_eq!(claims.get("locality"), None);
    }
    let usual = userinfo(&who, &request("openid address", None), &generous(SubjectKind::Natural));
    assert_eq!((usual.get("locality"), &usual["address"]), (None, &claims["address"]));
    // Parts that a country does not send are left out, not empty.
    let poor = NaturalPerson { current_address: None, ..greek() };
    let claims = userinfo(&identity(natural(poor), None), &request("openid address", None), &flat);
    assert_eq!((&claims["country"], claims.get("locality")), (&json!("GR"), None));
}

/// Keycloak casts these to a string, and the login fails if they are something else; `address` is an object of
/// strings to it.
#[test]
fn every_claim_that_keycloak_casts_to_a_string_is_one() {
    const CAST: [&str; 17] = [
        "sub",
        "acr",
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "email",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "phone_number",
    ];
    const BOOLEAN: [&str; 2] = ["email_verified", "phone_number_verified"];
    let flat = super::claims::FLAT_ADDRESS;
    for (kind, person) in [(SubjectKind::Natural, natural(greek())), (SubjectKind::Legal, legal(company()))] {
        let policy = ClientPolicy { flat_address: true, ..generous(kind) };
        let who = identity(person, Some(natural(greek())));
        let asked = request("openid profile eidas email phone address eidas:attributes", None);
        let claims = userinfo(&who, &asked, &policy);
        for (name, value) in claims.as_object().unwrap() {
            if CAST.contains(&name.as_str())
                || flat.contains(&name.as_str())
                || name.starts_with("eidas_date")
            {
                assert!(value.is_string(), "{name}");
            }
            assert_eq!(value.is_boolean(), BOOLEAN.contains(&name.as_str()), "{name}");
            assert!(!value.is_null() && !value.is_number(), "{name}");
            assert!(!name.contains('.'), "{name}");
        }
        if let Some(address) = claims.get("address") {
            assert!(address.as_object().unwrap().values().all(Value::is_string));
        }
    }
}

#[test]
fn a_country_is_asked_for_what_will_be_released_and_allowed() {
    let mut policy = ClientPolicy::new("Service", "sector", SpType::Public);
    let request =
        request("openid profile email", Some(json!({"userinfo": {"gender": null, "address": null}})));
    assert_eq!(wanted_attributes(&request, &policy), BTreeSet::new());
    policy.attributes = [Attribute::Gender, Attribute::EmailAddress, Attribute::Nationality].into();
    assert_eq!(wanted_attributes(&request, &policy), [Attribute::Gender, Attribute::EmailAddress].into());
    let released: Vec<_> = released_attributes(&request, &policy).iter().map(|a| a.friendly_name()).collect();
    assert_eq!(released, ["FamilyName", "FirstName", "DateOfBirth", "Gender", "EmailAddress"]);
    // A natural person's attributes are not asked of a legal person (Message Format 1.4 §2.3.2).
    policy.kind = SubjectKind::Legal;
    assert_eq!(wanted_attributes(&request, &policy), BTreeSet::new());
}

fn key() -> SubjectKey {
    SubjectKey::new(1, std::array::from_fn(|n| u8::try_from(n).unwrap()))
}

fn sub(mode: SubjectMode, sector: &str, subject: &Subject) -> String {
    key().derive(mode, sector, subject).unwrap()
}

fn subject(id: &str) -> Subject {
    let person = natural(NaturalPerson { person_identifier: identifier(id), ..greek() });
    Subject { person, representative: None }
}

/// The expected values were made with Python's hmac module over the documented octets. If one of them
/// changes, every account at every broker is lost.
#[test]
fn a_sub_never_changes() {
    let person = subject("ES/DE/02635542Y");
    assert_eq!(sub(SubjectMode::Pairwise, "sector", &person), "y-ZH3cm8D4lWQGAVIlmAn0qd_6PJmy8kf1bsCMpxI1U");
    assert_eq!(sub(SubjectMode::Shared, "sector", &person), "iCxYJur8afPf25BJucYLbMijJdMLaJRy46rtYnYAJo0");
    let company = Subject { person: legal(company()), representative: None };
    assert_eq!(sub(SubjectMode::Pairwise, "sector", &company), "xaf-oxhaWSkF670vAigfEJqgk37-HyWc0z8dK_3lels");
    let acting = Subject { person: legal(self::company()), representative: Some(natural(greek())) };
    assert_eq!(sub(SubjectMode::Pairwise, "sector", &acting), "xErB_HbQ3iqnuGnRMvb3vpmsrJgJsrvBuhcN0WSZU1E");
    assert_eq!(key().check_value(), "9d8f3f597aafc7ec");
}

#[test]
fn different_people_kinds_and_sectors_never_share_a_sub() {
    let one = subject("ES/DE/a");
    let acting = Subject { representative: Some(natural(greek())), ..one.clone() };
    let as_company = LegalPerson { legal_person_identifier: identifier("ES/DE/a"), ..company() };
    let as_company = Subject { person: legal(as_company), representative: None };
    let acting_for_company = Subject { representative: Some(natural(greek())), ..as_company.clone() };
    let subs = [
        sub(SubjectMode::Pairwise, "sector", &one),
        sub(SubjectMode::Pairwise, "other", &one),
        sub(SubjectMode::Shared, "sector", &one),
        sub(SubjectMode::Pairwise, "sector", &subject("ES/DE/A")),
        sub(SubjectMode::Pairwise, "sector", &as_company),
        sub(SubjectMode::Pairwise, "sector", &acting),
        sub(SubjectMode::Pairwise, "sector", &acting_for_company),
        SubjectKey::new(2, [7; 32]).derive(SubjectMode::Pairwise, "sector", &one).unwrap(),
    ];
    assert_eq!(subs.iter().collect::<BTreeSet<_>>().len(), subs.len());
    assert!(subs.iter().all(|sub| sub.len() == 43));
    assert_eq!(subject_type(&acting), "representative");
}

#[test]
fn a_raw_sub_is_the_identifier_or_an_error() {
    assert_eq!(sub(SubjectMode::Raw, "s", &subject("ES/DE/a/#")), "ES/DE/a/#");
    assert_eq!(sub(SubjectMode::Raw, "s", &subject("ES/DE/a%/#")), "ES/DE/a%25/#");
    // Not the sub of NO/DE/å, which an identifier in escapes would otherwise be.
    assert_eq!(sub(SubjectMode::Raw, "s", &subject("NO/DE/%C3%A5")), "NO/DE/%25C3%25A5");
    assert_eq!(sub(SubjectMode::Raw, "s", &subject("NO/DE/å%")), "NO/DE/%C3%A5%25");
    let long = subject(&format!("ES/DE/{}", "x".repeat(250)));
    assert_eq!(key().derive(SubjectMode::Raw, "s", &long), Err(SubjectError::RawTooLong));
    let acting = Subject { representative: Some(natural(greek())), ..subject("ES/DE/a") };
    assert_eq!(key().derive(SubjectMode::Raw, "s", &acting), Err(SubjectError::RawRepresentative));
}
