//! The node judged by requests that break one rule each, and by the roads its answers take.

use std::sync::Arc;

use super::*;
use crate::clock::FixedClock;
use crate::crypto::{Certificate, CertificateRequest, DecryptionKey, KeyUsage};
use crate::ids::CountingRandom;
use crate::saml::names;
use crate::xml::dsig::{self, ReferenceRule};
use crate::xml::enc::{self, DecryptionPolicy};
use crate::xml::{self, Document, Element, Limits, Verified, encode_base64};

const NOW: &str = "2026-11-21T12:00:00.000Z";
const BASE: &str = "http://xb.node.localhost:8080";
const CONNECTOR: &str = "http://gateway.localhost:8080/saml/metadata";
const ACS: &str = "http://gateway.localhost:8080/saml/acs";

fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}

fn key(kind: KeyKind, usage: KeyUsage) -> (PrivateKey, Certificate) {
    let key = PrivateKey::generate(kind).unwrap();
    let request = CertificateRequest {
        common_name: "Connector".into(),
        organization: None,
        country: Some("XX".into()),
        not_before: Timestamp::parse("2026-01-01T00:00:00Z").unwrap(),
        not_after: Timestamp::parse("2036-01-01T00:00:00Z").unwrap(),
        usage,
    };
    let certificate = key.self_signed(&request, &CountingRandom::default()).unwrap();
    (key, certificate)
}

/// A connector that is not the gateway's: metadata, requests and the key to read answers with.
struct Peer {
    signing: SigningKey,
    decryption: DecryptionKey,
}

impl Peer {
    fn new() -> Self {
        let (private, certificate) = key(KeyKind::Ec(Curve::P256), KeyUsage::Signing);
        let (enc, enc_certificate) = key(KeyKind::Ec(Curve::P384), KeyUsage::Encryption);
        Self {
            signing: SigningKey::new(private, certificate, None).unwrap(),
            decryption: DecryptionKey::new(enc, enc_certificate).unwrap(),
        }
    }

    fn metadata(&self) -> ConnectorMetadata {
        ConnectorMetadata {
            entity_id: CONNECTOR.into(),
            country: "XX".into(),
            sp_type: None,
            protocol_version: "1.4".into(),
            acs: ACS.into(),
            signing: vec![self.signing.certificate().clone()],
            encryption: self.decryption.certificate().clone(),
            valid_until: None,
        }
    }

    fn document(&self, request: Element) -> Document {
        let signed = dsig::sign(request, 1, &self.signing, &[]).unwrap();
        Document::parse(xml::write(&signed).as_bytes(), &Limits::MESSAGE).unwrap()
    }

    fn judge(&self, request: Element) -> Result<Received, Refusal> {
        self.judge_with(request, &self.metadata())
    }

    fn judge_with(&self, request: Element, metadata: &ConnectorMetadata) -> Result<Received, Refusal> {
        node().receive(&self.document(request), Some("relay"), metadata)
    }

    fn open(&self, node: &MemberState, response: &str) -> (Verified, Option<Verified>) {
        let document = Document::parse(response.as_bytes(), &Limits::MESSAGE).unwrap();
        let trusted = [node.signing.certificate().public_key().unwrap()];
        let response = dsig::verify(document.root(), &trusted, ReferenceRule::OwnId).unwrap();
        let encrypted = response.child(names::SAML2, "EncryptedAssertion");
        let keys = [self.decryption.clone()];
        let assertion = encrypted.map(|e| enc::decrypt(&e, &keys, &DecryptionPolicy::default()).unwrap());
        (response, assertion)
    }
}

fn node() -> MemberState {
    MemberState::xb(BASE, now(), &CountingRandom::default()).unwrap()
}

/// The parts of a request, so that a test can change one.
struct Parts {
    attributes: Vec<(&'static str, String)>,
    issuer: Element,
    extensions: Option<Element>,
    name_id_policy: Option<Element>,
    authn_context: Option<Element>,
    scoping: Option<Element>,
}

fn parts() -> Parts {
    let requested =
        Attribute::mandatory(SubjectKind::Natural).map(|attribute| asked(attribute.name(), Some("true")));
    Parts {
        attributes: vec![
            ("ID", "_r1".into()),
            ("Version", "2.0".into()),
            ("IssueInstant", NOW.into()),
            ("Destination", format!("{BASE}/sso")),
            ("ForceAuthn", "true".into()),
            ("IsPassive", "false".into()),
        ],
        issuer: Element::new(names::SAML2, "Issuer").with_text(CONNECTOR),
        extensions: Some(extensions(&["public"], requested.collect())),
        name_id_policy: None,
        authn_context: Some(levels(Some("minimum"), &["http://eidas.europa.eu/LoA/substantial"])),
        scoping: None,
    }
}

fn asked(name: &str, required: Option<&str>) -> Element {
    Element::new(names::EIDAS, "RequestedAttribute")
        .with("Name", name)
        .with("NameFormat", names::NAME_FORMAT_URI)
        .with_some("isRequired", required)
}

fn extensions(sp_types: &[&str], requested: Vec<Element>) -> Element {
    Element::new(names::SAML2P, "Extensions")
        .children_from(sp_types.iter().map(|kind| Element::new(names::EIDAS, "SPType").with_text(*kind)))
        .child(Element::new(names::EIDAS, "RequestedAttributes").children_from(requested))
}

fn levels(comparison: Option<&str>, levels: &[&str]) -> Element {
    Element::new(names::SAML2P, "RequestedAuthnContext").with_some("Comparison", comparison).children_from(
        levels.iter().map(|l| Element::new(names::SAML2, "AuthnContextClassRef").with_text(*l)),
    )
}

impl Parts {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.attributes.retain(|(known, _)| *known != name);
        self.attributes.push((name, value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.attributes.retain(|(known, _)| *known != name);
        self
    }

    fn asking(self, requested: Vec<Element>) -> Self {
        Self { extensions: Some(extensions(&["public"], requested)), ..self }
    }

    fn at(self, comparison: Option<&str>, wanted: &[&str]) -> Self {
        Self { authn_context: Some(levels(comparison, wanted)), ..self }
    }

    fn element(self) -> Element {
        let root = Element::new(names::SAML2P, "AuthnRequest");
        let root = self.attributes.into_iter().fold(root, |root, (name, value)| root.with(name, value));
        root.child(self.issuer)
            .child_some(self.extensions)
            .child_some(self.name_id_policy)
            .child_some(self.authn_context)
            .child_some(self.scoping)
    }
}

use crate::eidas::{Attribute, SubjectKind};

fn rule_of(result: Result<Received, Refusal>) -> (String, &'static str) {
    match result {
        Ok(_) => ("accepted".into(), ""),
        Err(Refusal::Page(fault)) => (fault.rule.into(), fault.code),
        Err(Refusal::Response(failure, _)) => ("response".into(), failure.code),
    }
}

fn natural() -> Vec<Element> {
    Attribute::mandatory(SubjectKind::Natural).map(|a| asked(a.name(), Some("true"))).collect()
}

fn legal() -> Vec<Element> {
    Attribute::mandatory(SubjectKind::Legal).map(|a| asked(a.name(), Some("true"))).collect()
}

#[test]
fn a_request_in_order_is_received() {
    let received = Peer::new().judge(parts().element()).unwrap();
    assert_eq!((received.id.as_str(), received.acs.as_str()), ("_r1", ACS));
    assert_eq!(received.relay_state, "relay");
    assert_eq!(received.attributes.len(), 4);
    assert_eq!(received.comparison, "minimum");
}

#[test]
fn variants_that_the_cef_node_accepts_are_received() {
    let optional = |required| {
        let mut list = natural();
        list.push(asked(Attribute::Gender.name(), required));
        parts().asking(list)
    };
    let mut unknown = natural();
    unknown.push(asked("urn:unknown", Some("true")));
    let not_notified = "http://eidas.europa.eu/NotNotified/LoA/substantial";
    let accepted = [
        parts().without("IsPassive"),
        parts().with("IssueInstant", "2020-01-01T00:00:00Z"),
        parts().with("ProtocolBinding", names::HTTP_POST),
        parts().with("AssertionConsumerServiceURL", ACS),
        parts().with("Consent", "urn:oasis:names:tc:SAML:2.0:consent:prior"),
        optional(None),
        optional(Some("false")),
        parts().asking(unknown),
        parts().asking(legal()),
        parts().at(Some("exact"), &[not_notified]),
        parts().at(
            None,
            &[not_notified, "http://eidas.europa.eu/LoA/substantial", "http://eidas.europa.eu/LoA/high"],
        ),
    ];
    let peer = Peer::new();
    for (number, parts) in accepted.into_iter().enumerate() {
        assert_eq!(rule_of(peer.judge(parts.element())).0, "accepted", "variant {number}");
    }
}

#[test]
fn each_rule_has_a_request_that_breaks_it_alone() {
    let mut representative = natural();
    representative.push(asked(&Attribute::LegalName.representative_name(), Some("false")));
    let mut mixed = natural();
    mixed.extend(legal());
    let mut gender = natural();
    gender.push(asked(Attribute::Gender.name(), Some("true")));
    let policy = Element::new(names::SAML2P, "NameIDPolicy").with("Format", "urn:x");
    let issuer = Element::new(names::SAML2, "Issuer").with("Format", "urn:x").with_text(CONNECTOR);
    let foreign = extensions(&["public"], natural()).child(Element::new(names::MD, "Extensions"));
    let private = extensions(&["private"], natural());
    let (low, high) = ("http://eidas.europa.eu/LoA/low", "http://eidas.europa.eu/LoA/high");
    let other = "http://eidas.europa.eu/NotNotified/LoA/low";
    let broken = [
        (parts().with("Version", "1.1"), "version", "203007"),
        (parts().with("IssueInstant", "today"), "issue_instant", "203007"),
        (parts().with("Destination", "http://elsewhere.example/sso"), "destination", "203002"),
        (parts().without("Destination"), "destination", "203002"),
        (parts().without("ForceAuthn"), "force_authn", "203007"),
        (parts().with("ForceAuthn", "false"), "force_authn", "203007"),
        (parts().with("IsPassive", "true"), "is_passive", "203007"),
        (parts().with("Consent", "urn:x"), "consent", "203007"),
        (parts().with("ProtocolBinding", names::HTTP_REDIRECT), "protocol_binding", "003003"),
        (parts().with("AssertionConsumerServiceURL", "http://elsewhere.example/"), "acs_url", "202002"),
        (Parts { issuer, ..parts() }, "issuer_format", "203007"),
        (Parts { extensions: None, ..parts() }, "extensions", "203007"),
        (Parts { extensions: Some(foreign), ..parts() }, "extensions", "203007"),
        (
            Parts { extensions: Some(extensions(&["Public"], natural())), ..parts() },
            "sp_type_value",
            "203007",
        ),
        (
            Parts { extensions: Some(extensions(&["public", "public"], natural())), ..parts() },
            "sp_type_twice",
            "202016",
        ),
        (Parts { extensions: Some(extensions(&[], natural())), ..parts() }, "sp_type_missing", "202017"),
        (parts().asking(representative), "representative", "203024"),
        (parts().asking(gender), "is_required", "203001"),
        (parts().asking(natural().into_iter().skip(1).collect()), "minimum_data_set", "203021"),
        (parts().asking(Vec::new()), "response", "202005"),
        (parts().asking(mixed), "both_kinds", "203007"),
        (Parts { authn_context: None, ..parts() }, "loa_syntax", "202015"),
        (parts().at(Some("minimum"), &[low, high]), "loa_syntax", "202015"),
        (parts().at(Some("minimum"), &[other]), "loa_syntax", "202015"),
        (parts().at(Some("exact"), &[high]), "loa_syntax", "202015"),
        (parts().at(Some("exact"), &[other, low]), "loa_syntax", "202015"),
        (parts().at(Some("exact"), &[other, other]), "loa_syntax", "202015"),
        (parts().at(Some("better"), &[high]), "loa_syntax", "202015"),
        (parts().at(Some("exact"), &["http://eidas.europa.eu/LoA/NotNotified/low"]), "loa_syntax", "202015"),
        (parts().at(Some("exact"), &["http://example.org/loa"]), "response", "202015"),
        (Parts { name_id_policy: Some(policy), ..parts() }, "name_id_policy", "203007"),
        (Parts { extensions: Some(private), ..parts() }, "response", "202020"),
    ];
    let peer = Peer::new();
    for (number, (parts, rule, code)) in broken.into_iter().enumerate() {
        assert_eq!(rule_of(peer.judge(parts.element())), (rule.to_owned(), code), "variant {number}");
    }
}

#[test]
fn what_is_not_signed_by_the_connector_is_refused() {
    let (peer, stranger) = (Peer::new(), Peer::new());
    let result = stranger.judge_with(parts().element(), &peer.metadata());
    assert_eq!(rule_of(result), ("signature".into(), "203015"));
    let unsigned = Document::parse(xml::write(&parts().element()).as_bytes(), &Limits::MESSAGE).unwrap();
    let result = node().receive(&unsigned, None, &peer.metadata());
    assert_eq!(rule_of(result), ("signature".into(), "203015"));
}

#[test]
fn sp_type_may_stand_in_metadata_instead() {
    let peer = Peer::new();
    let metadata = ConnectorMetadata { sp_type: Some("public".into()), ..peer.metadata() };
    let without = Parts { extensions: Some(extensions(&[], natural())), ..parts() };
    assert_eq!(rule_of(peer.judge_with(without.element(), &metadata)).0, "accepted");
    assert_eq!(rule_of(peer.judge_with(parts().element(), &metadata)).0, "sp_type_twice");
}

#[test]
fn octets_that_are_no_request_get_a_page() {
    let node = node();
    let rule = |octets: &[u8]| node.issuer_of(&encode_base64(octets)).map(|_| ()).unwrap_err().rule;
    assert_eq!(node.issuer_of("%%%").unwrap_err().rule, "base64");
    assert_eq!(rule(&vec![b' '; 131_073]), "size");
    assert_eq!(rule(b"<!DOCTYPE x><x/>"), "xml");
    assert_eq!(rule(b"<x/>"), "message");
    let empty = xml::write(&Element::new(names::SAML2P, "AuthnRequest"));
    assert_eq!(rule(empty.as_bytes()), "issuer");
}

#[test]
fn a_citizen_is_sent_back_signed_and_encrypted_with_what_was_asked() {
    let (peer, node) = (Peer::new(), node());
    let received = peer.judge(parts().element()).unwrap();
    let greek = citizens::citizen("greek").unwrap();
    let random = CountingRandom::default();
    let response = node.answer(&received, greek, None, now(), &random).unwrap();
    let (response, assertion) = peer.open(&node, &response);
    assert_eq!(response.element().attribute("Destination"), Some(ACS));
    assert_eq!(response.element().attribute("InResponseTo"), Some("_r1"));
    let assertion = assertion.unwrap();
    let values: Vec<_> = assertion
        .element()
        .descendants()
        .filter(|e| e.is(names::SAML2, "AttributeValue"))
        .map(|e| e.text().unwrap().to_owned())
        .collect();
    let expected = ["XB/XX/AK-184229", "Papadopoulou", "Παπαδοπούλου", "Eleni", "Ελένη", "1984-02-29"];
    assert_eq!(values, expected);
}

#[test]
fn a_representative_is_sent_unasked() {
    let (peer, node) = (Peer::new(), node());
    let received = peer.judge(parts().asking(legal()).element()).unwrap();
    let director = citizens::citizen("director").unwrap();
    let random = CountingRandom::default();
    let (_, assertion) = peer.open(&node, &node.answer(&received, director, None, now(), &random).unwrap());
    let names: Vec<_> = assertion
        .unwrap()
        .element()
        .descendants()
        .filter(|e| e.is(names::SAML2, "Attribute"))
        .map(|e| e.attribute("FriendlyName").unwrap().to_owned())
        .collect();
    let expected = [
        "LegalPersonIdentifier",
        "LegalName",
        "RepresentativePersonIdentifier",
        "RepresentativeFamilyName",
        "RepresentativeFirstName",
        "RepresentativeDateOfBirth",
    ];
    assert_eq!(names, expected);
}

/// The codes and the message of a failure response, which holds no assertion.
fn status_of(peer: &Peer, node: &MemberState, response: &str) -> (Vec<String>, String) {
    let (response, assertion) = peer.open(node, response);
    assert!(assertion.is_none());
    let status = response.element().only_child(names::SAML2P, "Status").unwrap();
    let codes =
        status.descendants().filter_map(|e| e.attribute("Value")).map(|code| code.to_owned()).collect();
    let message = status.only_child(names::SAML2P, "StatusMessage").unwrap().text().unwrap().to_owned();
    (codes, message)
}

#[test]
fn failures_carry_the_codes_of_the_cef_node() {
    let (peer, node) = (Peer::new(), node());
    let received = peer.judge(parts().element()).unwrap();
    let random = CountingRandom::default();
    let fail = |failure| {
        let (codes, message) =
            status_of(&peer, &node, &node.fail(&received, failure, now(), &random).unwrap());
        let last = codes.iter().map(|code| code.rsplit(':').next().unwrap().to_owned());
        (last.collect::<Vec<_>>().join("/"), message)
    };
    let expected = |codes: &str, message: &str| (codes.to_owned(), message.to_owned());
    assert_eq!(
        fail(Failure::CANCELLED),
        expected("Responder/AuthnFailed", "003002 - Authentication Failed.")
    );
    assert_eq!(
        fail(Failure::DENIED),
        expected("Responder/RequestDenied", "202012 - Citizen consent not given.")
    );
    assert_eq!(fail(Failure::TECHNICAL), expected("Responder", "203001 - Generic Error."));
}

#[test]
fn a_level_below_the_one_asked_is_a_failure_of_the_node() {
    let (peer, node) = (Peer::new(), node());
    let received = peer.judge(parts().element()).unwrap();
    let random = CountingRandom::default();
    for (id, code) in [("low", "202019"), ("not-notified", "202019"), ("company", "202010")] {
        let citizen = citizens::citizen(id).unwrap();
        let (_, message) =
            status_of(&peer, &node, &node.answer(&received, citizen, None, now(), &random).unwrap());
        assert!(message.starts_with(code), "{id}: {message}");
    }
}

#[test]
fn metadata_verifies_in_both_forms() {
    let random = CountingRandom::default();
    let xa = MemberState::xa("http://xa.node.localhost:8080", now(), &random).unwrap();
    for (node, id) in [(xa, false), (node(), true)] {
        let xml = node.metadata(now(), &random).unwrap();
        let document = Document::parse(xml.as_bytes(), &Limits::METADATA).unwrap();
        assert_eq!(document.root().attribute("ID").is_some(), id);
        assert_eq!(xml.contains("<ds:Reference URI=\"\">"), !id);
        let trusted = [node.signing.certificate().public_key().unwrap()];
        let entity = dsig::verify(document.root(), &trusted, ReferenceRule::OwnIdOrWhole).unwrap();
        assert_eq!(entity.element().attribute("entityID"), Some(node.entity_id().as_str()));
    }
}

#[tokio::test]
async fn over_http_a_request_is_answered_once() {
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt as _;

    let peer = Peer::new();
    let metadata = connector_metadata(&peer);
    let gateway = axum::Router::new().route("/saml/metadata", axum::routing::get(async move || metadata));
    let neighbour =
        Neighbour { entity_id: CONNECTOR.into(), trusted: vec![peer.signing.certificate().clone()] };
    let clock = Arc::new(FixedClock::new(now()));
    let app = member_state(
        node(),
        neighbour,
        Arc::new(InProcess(gateway)),
        clock,
        Arc::new(CountingRandom::default()),
    );
    let post = async |path: &str, body: String| {
        let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        let response = app.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    let signed = dsig::sign(parts().element(), 1, &peer.signing, &[]).unwrap();
    let request = encode_base64(xml::write(&signed).as_bytes()).replace('+', "%2B").replace('=', "%3D");

    let (status, html) = post("/sso", format!("SAMLRequest={request}&RelayState=r")).await;
    assert_eq!(status, 200);
    assert!(html.contains(r#"id="citizen-plain""#), "{html}");
    let token = html.split(r#"name="request" value=""#).nth(1).unwrap().split('"').next().unwrap().to_owned();

    let (_, html) = post("/authenticate", format!("request={token}&citizen=plain")).await;
    assert!(html.contains(&format!(r#"action="{ACS}""#)) && html.contains(r#"name="RelayState" value="r""#));
    let (status, html) = post("/authenticate", format!("request={token}&citizen=plain")).await;
    assert!(status == 200 && html.contains("203012"), "the session is over");
    let (status, html) = post("/sso", format!("SAMLRequest={request}")).await;
    assert!(status == 200 && html.contains("200006"), "a replay gets a page, with status 200");
    let (status, html) = post("/sso", "SAMLRequest=AAAA".into()).await;
    assert!(status == 200 && html.contains("203013"), "{html}");
}

/// The peer's metadata as it would publish it, with what the node reads.
fn connector_metadata(peer: &Peer) -> String {
    let descriptor = |usage: &str, certificate: &Certificate| {
        let certificate = Element::new(names::DS, "X509Certificate").with_text(certificate.base64());
        let info =
            Element::new(names::DS, "KeyInfo").child(Element::new(names::DS, "X509Data").child(certificate));
        Element::new(names::MD, "KeyDescriptor").with("use", usage).child(info)
    };
    let country = Element::new(names::EIDAS, "NodeCountry").with_text("XX");
    let acs = Element::new(names::MD, "AssertionConsumerService")
        .with("Binding", names::HTTP_POST)
        .with("Location", ACS)
        .with("index", "0")
        .with("isDefault", "true");
    let role = Element::new(names::MD, "SPSSODescriptor")
        .with("protocolSupportEnumeration", names::PROTOCOL)
        .child(Element::new(names::MD, "Extensions").child(country))
        .child(descriptor("signing", peer.signing.certificate()))
        .child(descriptor("encryption", peer.decryption.certificate()))
        .child(acs);
    let entity = Element::new(names::MD, "EntityDescriptor")
        .with("ID", "_m1")
        .with("entityID", CONNECTOR)
        .with("validUntil", "2026-11-22T12:00:00Z")
        .child(role);
    xml::write(&dsig::sign(entity, 0, &peer.signing, &[]).unwrap())
}

#[test]
fn metadata_that_a_node_cannot_use_is_refused() {
    let peer = Peer::new();
    let trusted = [peer.signing.certificate().clone()];
    let xml = connector_metadata(&peer);
    let read = |at: &str| ConnectorMetadata::read(xml.as_bytes(), &trusted, Timestamp::parse(at).unwrap());
    let metadata = read(NOW).unwrap();
    assert_eq!((metadata.country.as_str(), metadata.acs.as_str()), ("XX", ACS));
    assert_eq!(metadata.protocol_version, "1.4");
    assert_eq!(read("2026-11-22T12:00:00Z").unwrap_err(), ConnectorFault::Expired);
    let stranger = [Peer::new().signing.certificate().clone()];
    let refused = ConnectorMetadata::read(xml.as_bytes(), &stranger, now()).unwrap_err();
    assert!(matches!(refused, ConnectorFault::Signature(_)), "{refused:?}");
}

/// The gateway itself, with RSA throughout, as it would stand in this demo.
fn gateway(sp_type: Option<crate::eidas::SpType>) -> crate::eidas::Connector {
    let (signing, certificate) = key(KeyKind::Rsa(3072), KeyUsage::Signing);
    let signing = SigningKey::new(signing, certificate, None).unwrap();
    let (decryption, certificate) = key(KeyKind::Rsa(3072), KeyUsage::Encryption);
    crate::eidas::Connector {
        entity_id: CONNECTOR.into(),
        acs_url: ACS.into(),
        country: CountryCode::parse("XX").unwrap(),
        application_identifier: "eidas-gateway:test:0".into(),
        provider_name: Some("Gateway".into()),
        sp_type,
        organization: None,
        support: None,
        technical: None,
        signing: signing.clone(),
        extra_signing_certificates: Vec::new(),
        metadata_signing: signing,
        metadata_chain: Vec::new(),
        decryption: vec![DecryptionKey::new(decryption, certificate).unwrap()],
    }
}

#[test]
fn what_the_gateway_sends_passes_every_rule_in_both_countries() {
    use crate::eidas::{Ask, CountryTrust, Loa, RequestedLoa, SpType, metadata, request, trust};
    let random = CountingRandom::default();
    let xa = MemberState::xa("http://xa.node.localhost:8080", now(), &random).unwrap();
    for (node, sp_type, declared) in [
        (xa, SpType::Public, None),
        (node(), SpType::Private, None),
        (node(), SpType::Public, Some(SpType::Public)),
    ] {
        let gateway = gateway(declared);
        let ours =
            metadata::publish(&gateway, std::time::Duration::from_secs(86_400), now(), &random).unwrap();
        let trusted = [gateway.metadata_signing.certificate().clone()];
        let ours = ConnectorMetadata::read(ours.as_bytes(), &trusted, now()).unwrap();
        let country = CountryTrust {
            entity_id: Some(node.entity_id()),
            ..CountryTrust::new(node.country, vec![node.signing.certificate().clone()])
        };
        let theirs = node.metadata(now(), &random).unwrap();
        let theirs = trust::check(theirs.as_bytes(), &country, now()).unwrap();
        for kind in [SubjectKind::Natural, SubjectKind::Legal] {
            for loa in [RequestedLoa::Minimum(Loa::High), RequestedLoa::with_non_notified(Loa::Substantial)] {
                let ask = Ask {
                    sp_type,
                    requester_id: Some("https://shop.example".into()),
                    kind,
                    loa,
                    attributes: Attribute::ALL.iter().copied().filter(|a| a.kind() == kind).collect(),
                    provider_name: Some("Shop".into()),
                    representation: true,
                };
                let sent = request::build(&gateway, &theirs, &ask, &random, now()).unwrap();
                assert_eq!(sent.destination, node.sso());
                let (document, issuer) = node.issuer_of(&sent.saml_request).unwrap();
                assert_eq!(issuer, CONNECTOR);
                let received = node.receive(&document, None, &ours);
                let received = received.unwrap_or_else(|refusal| panic!("{kind:?}: {refusal:?}"));
                assert_eq!(received.id, sent.pending.request_id);
                assert!(received.attributes.iter().all(|a| sent.pending.attributes.contains(a)));
            }
        }
    }
}

/// The connector of the European Commission's own engine: its metadata is read, and its request fails at
/// nothing but the address, which is another node's.
#[test]
fn the_cef_connector_is_understood() {
    macro_rules! vector {
        ($path:literal) => {
            include_bytes!(concat!("../../tests/vectors/cef-2.9/", $path)).as_slice()
        };
    }
    let sets = [
        (
            vector!("p-rsa_c-rsa_enc-rsa3072/connector-metadata.xml"),
            vector!("p-rsa_c-rsa_enc-rsa3072/authnrequest.xml"),
            vector!("keys/conn-sig-rsa.crt"),
        ),
        (
            vector!("p-ec_c-ec_enc-ecP384/connector-metadata.xml"),
            vector!("p-ec_c-ec_enc-ecP384/authnrequest.xml"),
            vector!("keys/conn-sig-ec.crt"),
        ),
    ];
    for (metadata, request, certificate) in sets {
        let connector =
            ConnectorMetadata::read(metadata, &Certificate::from_pem(certificate).unwrap(), now());
        let connector = connector.unwrap();
        assert_eq!((connector.acs.as_str(), connector.country.as_str()), ("http://localhost:9000/acs", "XB"));
        let (document, issuer) = node().issuer_of(&encode_base64(request)).unwrap();
        assert_eq!(issuer, "http://localhost:9000/metadata");
        assert_eq!(rule_of(node().receive(&document, None, &connector)), ("destination".into(), "203002"));
    }
}
