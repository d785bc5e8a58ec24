//! Every message survives writing and reading; what the schemas forbid is refused.

use std::sync::LazyLock;

use super::metadata::{
    ContactPerson, Endpoint, EntityDescriptor, IdpSsoDescriptor, IndexedEndpoint, KeyDescriptor, KeyUse,
    Organization, PublishedAttribute, Role, RoleDescriptor, SigningMethod, SpSsoDescriptor,
};
use super::*;
use crate::clock::Timestamp;
use crate::crypto::{CertificateRequest, Curve, KeyKind, KeyUsage, PrivateKey, SigningKey};
use crate::ids::SystemRandom;
use crate::xml::dsig::{self, ReferenceRule};
use crate::xml::{self, Document, Element, Limits, ShapeError, Verified};

static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
    let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    let request = CertificateRequest {
        common_name: "test".to_owned(),
        organization: None,
        country: None,
        not_before: at("2026-01-01T00:00:00Z"),
        not_after: at("2027-01-01T00:00:00Z"),
        usage: KeyUsage::Signing,
    };
    let certificate = key.self_signed(&request, &SystemRandom).unwrap();
    SigningKey::new(key, certificate, None).unwrap()
});

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// What arrives when `element` is signed, sent and verified.
fn sent(element: Element, signature: usize) -> Verified {
    let signed = dsig::sign(element, signature, &KEY, &[]).unwrap();
    let document = Document::parse(xml::write(&signed).as_bytes(), &Limits::METADATA).unwrap();
    let key = KEY.certificate().public_key().unwrap();
    dsig::verify(document.root(), &[key], ReferenceRule::OwnIdOrWhole).unwrap()
}

/// The same for a text.
fn sent_text(xml: &str) -> Verified {
    sent(Document::parse(xml.as_bytes(), &Limits::METADATA).unwrap().into_root(), 1)
}

fn response() -> Response {
    Response {
        id: "_r".to_owned(),
        version: "2.0".to_owned(),
        issue_instant: at("2026-11-21T09:15:02.113Z"),
        destination: some("https://connector.example.xa/acs"),
        in_response_to: some("_q"),
        consent: some("urn:oasis:names:tc:SAML:2.0:consent:unspecified"),
        issuer: Some(Issuer::entity("https://proxy.example.xb/metadata")),
        status: Status {
            code: names::status::RESPONDER.to_owned(),
            second: some(names::status::AUTHN_FAILED),
            message: some("003002 - Authentication Failed."),
        },
        assertions: Vec::new(),
        encrypted_assertions: Vec::new(),
    }
}

fn assertion() -> Assertion {
    let value = |text: &str, latin: Option<&str>| AttributeValue {
        latin_script: latin.map(str::to_owned),
        ..AttributeValue::new(text)
    };
    Assertion {
        id: "_a".to_owned(),
        version: "2.0".to_owned(),
        issue_instant: at("2026-11-21T09:15:02.113Z"),
        issuer: Some(Issuer::entity("https://proxy.example.xb/metadata")),
        subject: Some(Subject {
            name_id: Some(NameId {
                value: "x".to_owned(),
                format: some(names::NAMEID_PERSISTENT),
                name_qualifier: some("http://C-PEPS.gov.xx"),
            }),
            encrypted_id: false,
            confirmations: vec![SubjectConfirmation {
                method: names::BEARER.to_owned(),
                in_response_to: some("_q"),
                recipient: some("https://connector.example.xa/acs"),
                not_before: Some(at("2026-11-21T09:15:02Z")),
                not_on_or_after: Some(at("2026-11-21T09:20:02Z")),
            }],
        }),
        conditions: Some(Conditions {
            not_before: Some(at("2026-11-21T09:15:02Z")),
            not_on_or_after: Some(at("2026-11-21T09:20:02Z")),
            audience_restrictions: vec![vec!["a".to_owned(), "b".to_owned()], vec!["a".to_owned()]],
            one_time_use: true,
            proxy_restriction: true,
            unknown: false,
        }),
        authn_statements: vec![AuthnStatement {
            authn_instant: at("2026-11-21T09:15:01Z"),
            session_not_on_or_after: Some(at("2026-11-21T10:15:01Z")),
            class_refs: vec!["http://eidas.europa.eu/LoA/high".to_owned()],
        }],
        attribute_statements: vec![AttributeStatement {
            attributes: vec![Attribute {
                name: "urn:name".to_owned(),
                name_format: some(names::NAME_FORMAT_URI),
                friendly_name: some("Name"),
                values: vec![value(" Onasis & <son>\n", None), value("Ωνάσης", Some("false"))],
            }],
            encrypted: 0,
        }],
        other_statements: 0,
    }
}

#[test]
fn a_response_survives_sending() {
    assert_eq!(Response::read(&sent(response().to_element(), Response::SIGNATURE_INDEX)), Ok(response()));
}

#[test]
fn an_assertion_survives_sending() {
    assert_eq!(Assertion::read(&sent(assertion().to_element(), 1)), Ok(assertion()));
}

#[test]
fn the_mark_of_another_script_is_found_in_any_namespace() {
    let mut marked = assertion();
    let value = |namespace| AttributeValue {
        latin_script: some("false"),
        xsi_type: Some(XsiType { namespace, local: "CurrentFamilyNameType" }),
        ..AttributeValue::new("Ωνάσης")
    };
    marked.attribute_statements[0].attributes[0].values = vec![value(names::NATURAL), value(names::LEGAL)];
    let read = Assertion::read(&sent(marked.to_element(), 1)).unwrap();
    let values = &read.attribute_statements[0].attributes[0].values;
    assert!(values.iter().all(|value| value.latin_script.as_deref() == Some("false")));
    let text = xml::write(&marked.to_element()).replace("eidas-natural:LatinScript", "xsi:LatinScript");
    let read = Assertion::read(&sent_text(&text)).unwrap();
    assert_eq!(read.attribute_statements[0].attributes[0].values[0].latin_script, None);
}

#[test]
fn a_request_survives_sending() {
    let request = AuthnRequest {
        id: "_q".to_owned(),
        version: "2.0".to_owned(),
        issue_instant: at("2026-11-21T09:15:00Z"),
        destination: some("https://proxy.example.xb/sso"),
        consent: None,
        force_authn: Some(true),
        is_passive: Some(false),
        protocol_binding: some(names::HTTP_POST),
        assertion_consumer_service_url: some("https://connector.example.xa/acs"),
        provider_name: some("A \"quoted\" & <bracketed> name"),
        issuer: Some(Issuer { value: "https://connector.example.xa/metadata".to_owned(), format: None }),
        has_extensions: true,
        sp_type: some("public"),
        requested_attributes: Some(vec![RequestedAttribute {
            name: "urn:name".to_owned(),
            name_format: some(names::NAME_FORMAT_URI),
            friendly_name: some("Name"),
            is_required: Some(true),
        }]),
        unknown_extensions: Vec::new(),
        name_id_policy: Some(NameIdPolicy {
            format: some(names::NAMEID_UNSPECIFIED),
            allow_create: Some(true),
        }),
        requested_authn_context: Some(RequestedAuthnContext {
            comparison: some("minimum"),
            class_refs: vec!["http://eidas.europa.eu/LoA/low".to_owned()],
        }),
        requester_ids: vec!["https://rp.example.xa/".to_owned()],
    };
    let element = request.to_element();
    assert_eq!(AuthnRequest::read(&sent(element.clone(), AuthnRequest::SIGNATURE_INDEX)), Ok(request));
    let text = xml::write(&element);
    let stranger = text.replace("<eidas:SPType>", "<x/><eidas:SPType>");
    assert_eq!(AuthnRequest::read(&sent_text(&stranger)).unwrap().unknown_extensions, ["x"]);
    let flag = text.replace("ForceAuthn=\"true\"", "ForceAuthn=\"yes\"");
    assert_eq!(AuthnRequest::read(&sent_text(&flag)), Err(ReadError::Value("ForceAuthn")));
    let two = text.replace("<eidas:SPType>", "<eidas:SPType/><eidas:SPType>");
    let expected = ShapeError::Several { parent: "Extensions".to_owned(), child: "SPType" };
    assert_eq!(AuthnRequest::read(&sent_text(&two)), Err(ReadError::Shape(expected)));
}

fn entity(role: Role) -> EntityDescriptor {
    EntityDescriptor {
        id: some("_m"),
        entity_id: "https://example.xa/metadata".to_owned(),
        valid_until: Some(at("2026-11-22T00:00:00Z")),
        cache_duration: Some(std::time::Duration::from_secs(3600)),
        sp_type: some("public"),
        entity_attributes: vec![(
            names::PROTOCOL_VERSION.to_owned(),
            vec!["1.4".to_owned(), "1.3".to_owned()],
        )],
        digest_methods: vec!["http://www.w3.org/2001/04/xmlenc#sha256".to_owned()],
        signing_methods: vec![SigningMethod {
            algorithm: "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256".to_owned(),
            min_key_size: Some(256),
            max_key_size: Some(521),
        }],
        role,
        organization: Some(Organization {
            language: "de".to_owned(),
            name: "Beispiel".to_owned(),
            display_name: "Beispiel-Konnektor".to_owned(),
            url: "https://example.xa/".to_owned(),
        }),
        contacts: vec![ContactPerson {
            kind: "support".to_owned(),
            company: some("Example"),
            given_name: some("A"),
            surname: some("B"),
            emails: vec!["mailto:a@example.xa".to_owned()],
            telephones: vec!["+32 1".to_owned()],
        }],
    }
}

fn common() -> RoleDescriptor {
    RoleDescriptor {
        protocols: vec![names::PROTOCOL.to_owned()],
        node_country: some("XA"),
        keys: vec![
            KeyDescriptor {
                usage: Some(KeyUse::Signing),
                certificates: vec![KEY.certificate().clone()],
                encryption_methods: Vec::new(),
            },
            KeyDescriptor {
                usage: Some(KeyUse::Encryption),
                certificates: vec![KEY.certificate().clone()],
                encryption_methods: vec!["http://www.w3.org/2009/xmlenc11#aes256-gcm".to_owned()],
            },
            KeyDescriptor { usage: None, certificates: Vec::new(), encryption_methods: Vec::new() },
        ],
        name_id_formats: vec![names::NAMEID_PERSISTENT.to_owned()],
    }
}

fn idp() -> EntityDescriptor {
    entity(Role::Idp(IdpSsoDescriptor {
        want_authn_requests_signed: Some(true),
        common: common(),
        single_sign_on_services: vec![Endpoint {
            binding: names::HTTP_POST.to_owned(),
            location: "https://example.xa/sso".to_owned(),
        }],
        attributes: vec![PublishedAttribute { name: "urn:name".to_owned(), friendly_name: some("Name") }],
    }))
}

#[test]
fn metadata_of_both_roles_survives_sending() {
    let sp = entity(Role::Sp(SpSsoDescriptor {
        authn_requests_signed: Some(true),
        want_assertions_signed: Some(false),
        common: common(),
        assertion_consumer_services: vec![IndexedEndpoint {
            binding: names::HTTP_POST.to_owned(),
            location: "https://example.xa/acs".to_owned(),
            index: 0,
            is_default: Some(true),
        }],
    }));
    for entity in [idp(), sp] {
        let sent = sent(entity.to_element(), EntityDescriptor::SIGNATURE_INDEX);
        assert_eq!(EntityDescriptor::read(&sent, None), Ok(entity.clone()));
        assert_eq!(
            EntityDescriptor::read(&sent, Some("https://other.example/")),
            Err(ReadError::OtherEntity(entity.entity_id))
        );
    }
    // As the CEF node publishes it.
    let nameless = EntityDescriptor { id: None, ..idp() };
    assert_eq!(EntityDescriptor::read(&sent(nameless.to_element(), 0), None), Ok(nameless));
}

#[test]
fn metadata_that_is_not_what_it_should_be_is_refused() {
    let text = xml::write(&idp().to_element());
    let read = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        EntityDescriptor::read(&sent_text(&text.replace(from, to)), None).unwrap_err()
    };
    assert_eq!(read("use=\"signing\"", "use=\"both\""), ReadError::Value("use"));
    assert_eq!(read("2026-11-22T00:00:00.000Z", "tomorrow"), ReadError::Value("validUntil"));
    assert_eq!(read("PT3600S", "1 hour"), ReadError::Value("cacheDuration"));
    assert_eq!(read(&KEY.certificate().base64(), "AAAA"), ReadError::Value("X509Certificate"));
    assert_eq!(
        read("md:IDPSSODescriptor", "md:PDPDescriptor"),
        missing("EntityDescriptor", "IDPSSODescriptor")
    );
    assert_eq!(
        read("<eidas:NodeCountry>", "<eidas:NodeCountry><x/>"),
        ReadError::Shape(ShapeError::NotText("NodeCountry".to_owned()))
    );
}

fn missing(parent: &str, child: &'static str) -> ReadError {
    ReadError::Shape(ShapeError::Missing { parent: parent.to_owned(), child })
}

fn unexpected(parent: &str, child: &str) -> ReadError {
    ReadError::Unexpected { parent: parent.to_owned(), child: child.to_owned() }
}

#[test]
fn an_assertion_that_the_schema_forbids_is_refused() {
    let text = xml::write(&assertion().to_element());
    let read = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        Assertion::read(&sent_text(&text.replace(from, to))).unwrap_err()
    };
    let issuer = &text[text.find("<saml2:Issuer").unwrap()..text.find("<saml2:Subject>").unwrap()];
    assert_eq!(read("<saml2:Subject>", "<x/><saml2:Subject>"), unexpected("Assertion", "x"));
    assert_eq!(read("<saml2:Subject>", "text<saml2:Subject>"), ReadError::StrayText("Assertion".to_owned()));
    assert_eq!(read(issuer, "<saml2:Advice/>"), missing("Assertion", "Issuer"));
    assert_eq!(
        read("</saml2:Assertion>", "<saml2:Conditions/></saml2:Assertion>"),
        unexpected("Assertion", "Conditions")
    );
    assert_eq!(read("<saml2:OneTimeUse/>", "<x/>"), unexpected("Conditions", "x"));
    assert_eq!(
        read("<saml2:AuthnContext>", "<saml2:AuthnContext/><saml2:AuthnContext>"),
        ReadError::Shape(ShapeError::Several { parent: "AuthnStatement".to_owned(), child: "AuthnContext" })
    );
    assert_eq!(
        read("<saml2:AttributeValue>", "<saml2:AttributeValue><x/>"),
        ReadError::Shape(ShapeError::NotText("AttributeValue".to_owned()))
    );
    assert_eq!(
        read(" Name=\"urn:name\"", ""),
        ReadError::Shape(ShapeError::NoAttribute { parent: "Attribute".to_owned(), attribute: "Name" })
    );
    assert_eq!(read("AuthnInstant=\"2026", "AuthnInstant=\"x"), ReadError::Value("AuthnInstant"));
    assert_eq!(read("saml2:Assertion", "saml2:Evidence"), ReadError::Root("saml2:Assertion"));
}

#[test]
fn values_are_trimmed() {
    let text = xml::write(&response().to_element())
        .replace("https://proxy.example.xb/metadata", "\n  https://proxy.example.xb/metadata\t")
        .replace("Destination=\"", "Destination=\" ");
    let read = Response::read(&sent_text(&text)).unwrap();
    assert_eq!((read.issuer, read.destination), (response().issuer, response().destination));
}

#[test]
fn neither_names_nor_values_print() {
    let printed = format!("{:?}", assertion());
    assert!(!printed.contains("Onasis") && !printed.contains("value: \"x\""), "{printed}");
}
