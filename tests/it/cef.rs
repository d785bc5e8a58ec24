//! Real input: messages recorded from the SAML engine of the European Commission's eIDAS-Node 2.9.0
//! (tests/vectors/cef-2.9, origin in its README). Everything must verify, decrypt and be read, judged with the
//! clock at the recording.

use std::collections::BTreeSet;
use std::path::PathBuf;

use eidas_gateway::clock::Timestamp;
use eidas_gateway::crypto::{Certificate, DecryptionKey, PrivateKey, SigningKey};
use eidas_gateway::eidas::attribute::{self, Attribute};
use eidas_gateway::eidas::response::judge;
use eidas_gateway::eidas::trust::{self, ProtocolVersion};
use eidas_gateway::eidas::{
    Address, AssuranceLevel, Connector, CountryCode, CountryTrust, Gender, Identity, Inbound, Loa, Meaning,
    Name, Outcome, Pending, Person, RequestedLoa, SubjectKind, TrustedNode,
};
use eidas_gateway::saml::metadata::{EntityDescriptor, KeyUse, Role};
use eidas_gateway::saml::names::SAML2;
use eidas_gateway::saml::{AuthnRequest, binding};
use eidas_gateway::xml::dsig::{self, ReferenceRule};
use eidas_gateway::xml::enc::{self, DecryptionPolicy};
use eidas_gateway::xml::{Document, Limits, canonicalize};

/// One recording: its folder, and the keys of both sides.
struct Set {
    folder: &'static str,
    proxy: &'static str,
    connector: &'static str,
    encryption: &'static str,
}

const SETS: [Set; 3] = [
    Set {
        folder: "p-ec_c-ec_enc-rsa3072",
        proxy: "proxy-sig-ec",
        connector: "conn-sig-ec",
        encryption: "conn-enc-rsa",
    },
    Set {
        folder: "p-rsa_c-rsa_enc-rsa3072",
        proxy: "proxy-sig-rsa",
        connector: "conn-sig-rsa",
        encryption: "conn-enc-rsa",
    },
    Set {
        folder: "p-ec_c-ec_enc-ecP384",
        proxy: "proxy-sig-ec",
        connector: "conn-sig-ec",
        encryption: "conn-enc-ec",
    },
];

const PROXY: &str = "http://localhost:8080/EidasNodeProxy/ServiceMetadata";
const US: &str = "http://localhost:9000/metadata";
const ACS: &str = "http://localhost:9000/acs";

fn vectors() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "vectors", "cef-2.9"].iter().collect()
}

fn certificate(name: &str) -> Certificate {
    let pem = std::fs::read(vectors().join(format!("keys/{name}.crt"))).unwrap();
    Certificate::from_pem(&pem).unwrap().remove(0)
}

fn private_key(name: &str) -> PrivateKey {
    PrivateKey::from_pkcs8_der(&std::fs::read(vectors().join(format!("keys/{name}.pk8"))).unwrap()).unwrap()
}

impl Set {
    fn file(&self, name: &str) -> Vec<u8> {
        std::fs::read(vectors().join(self.folder).join(name)).unwrap()
    }

    fn document(&self, name: &str) -> Document {
        Document::parse(&self.file(name), &Limits::METADATA).unwrap()
    }

    fn instant(&self, name: &str) -> Timestamp {
        Timestamp::parse(self.document(name).root().attribute("IssueInstant").unwrap()).unwrap()
    }

    fn trust(&self) -> CountryTrust {
        CountryTrust {
            entity_id: Some(PROXY.to_owned()),
            ..CountryTrust::new(CountryCode::parse("XA").unwrap(), vec![certificate(self.proxy)])
        }
    }

    fn node(&self) -> TrustedNode {
        trust::check(&self.file("proxy-metadata.xml"), &self.trust(), self.instant("response.xml")).unwrap()
    }

    fn decryption(&self) -> DecryptionKey {
        DecryptionKey::new(private_key(self.encryption), certificate(self.encryption)).unwrap()
    }

    fn us(&self) -> Connector {
        let signing =
            SigningKey::new(private_key(self.connector), certificate(self.connector), None).unwrap();
        // The right key is not the first one: all of ours are tried.
        let other = if self.encryption == "conn-enc-bp" { "conn-enc-rsa" } else { "conn-enc-bp" };
        let other = DecryptionKey::new(private_key(other), certificate(other)).unwrap();
        Connector {
            entity_id: US.to_owned(),
            acs_url: ACS.to_owned(),
            country: CountryCode::parse("XB").unwrap(),
            application_identifier: "test".to_owned(),
            provider_name: None,
            sp_type: None,
            organization: None,
            support: None,
            technical: None,
            metadata_signing: signing.clone(),
            signing,
            extra_signing_certificates: Vec::new(),
            metadata_chain: Vec::new(),
            decryption: vec![other, self.decryption()],
        }
    }

    /// The request as we would have stored it, read from what was recorded.
    fn pending(&self) -> Pending {
        let request = self.request();
        let asked = request.requested_attributes.unwrap();
        Pending {
            request_id: request.id,
            country: CountryCode::parse("XA").unwrap(),
            entity_id: PROXY.to_owned(),
            loa: RequestedLoa::Minimum(Loa::Substantial),
            kind: SubjectKind::Natural,
            attributes: asked.iter().map(|asked| attribute::by_name(&asked.name).unwrap()).collect(),
            representation: false,
            issued_at: request.issue_instant,
            acs_url: ACS.to_owned(),
        }
    }

    fn request(&self) -> AuthnRequest {
        let key = certificate(self.connector).public_key().unwrap();
        let verified =
            dsig::verify(self.document("authnrequest.xml").root(), &[key], ReferenceRule::OwnId).unwrap();
        AuthnRequest::read(&verified).unwrap()
    }

    fn judge(&self, response: &str) -> Outcome {
        let field = binding::encode_post(std::str::from_utf8(&self.file(response)).unwrap());
        let inbound = Inbound::read(&field).unwrap();
        assert_eq!(inbound.in_response_to(), Some(self.pending().request_id.as_str()));
        assert_eq!(inbound.issuer(), Some(PROXY));
        judge(inbound, &self.us(), &self.node(), &self.pending(), self.instant(response)).unwrap()
    }

    fn identity(&self) -> Identity {
        match self.judge("response.xml") {
            Outcome::Authenticated(identity) => *identity,
            Outcome::Declined(declined) => panic!("{}: {declined:?}", self.folder),
        }
    }
}

#[test]
fn the_proxy_s_metadata_is_trusted_for_its_country() {
    for set in SETS {
        let node = set.node();
        assert_eq!(node.country().as_str(), "XA", "{}", set.folder);
        assert_eq!(node.entity_id(), PROXY);
        assert_eq!(node.sso_post(), "http://localhost:8080/EidasNodeProxy/ColleagueRequest");
        assert_eq!(node.signing_certificates().collect::<Vec<_>>(), [&certificate(set.proxy)]);
        let levels: Vec<_> = Loa::ALL.into_iter().map(AssuranceLevel::Notified).collect();
        assert_eq!(node.loas(), levels);
        // It publishes all natural and legal attributes of 1.4.
        let published: BTreeSet<Attribute> = Attribute::ALL.iter().copied().collect();
        assert_eq!(*node.attributes(), published);
        assert_eq!(node.protocol_versions().first(), Some(&ProtocolVersion { major: 1, minor: 4 }));
        assert_eq!(node.application_identifier(), Some("eIDAS-ref:2.9.0"));
        assert!(!node.requires_requester_id());
        assert_eq!(node.valid_until().to_string().get(..4), Some("2036"));
    }
}

#[test]
fn the_proxy_s_metadata_is_not_trusted_otherwise() {
    let set = &SETS[0];
    let at = set.instant("response.xml");
    let refused =
        |trust: CountryTrust, at| trust::check(&set.file("proxy-metadata.xml"), &trust, at).unwrap_err().code;
    let other_country = CountryTrust { country: CountryCode::parse("XB").unwrap(), ..set.trust() };
    assert_eq!(refused(other_country, at), "country_mismatch");
    let other_anchor = CountryTrust { anchors: vec![certificate("proxy-sig-rsa")], ..set.trust() };
    assert_eq!(refused(other_anchor, at), "signer_unknown");
    let other_entity = CountryTrust { entity_id: Some(US.to_owned()), ..set.trust() };
    assert_eq!(refused(other_entity, at), "entity_mismatch");
    assert_eq!(
        refused(set.trust(), Timestamp::parse("2037-01-01T00:00:00Z").unwrap()),
        "certificate_expired"
    );
}

#[test]
fn the_connector_s_metadata_and_request_verify() {
    for set in SETS {
        let key = certificate(set.connector).public_key().unwrap();
        let document = set.document("connector-metadata.xml");
        let verified = dsig::verify(document.root(), &[key], ReferenceRule::OwnIdOrWhole).unwrap();
        let entity = EntityDescriptor::read(&verified, Some(US)).unwrap();
        let Role::Sp(sp) = &entity.role else { panic!("{}: a connector", set.folder) };
        assert_eq!(sp.common.node_country.as_deref(), Some("XB"));
        assert_eq!(
            sp.common.certificates(KeyUse::Encryption).collect::<Vec<_>>(),
            [&certificate(set.encryption)]
        );
        assert_eq!(sp.assertion_consumer_services.len(), 2);
        assert_eq!(sp.assertion_consumer_services[0].location, ACS);

        let request = set.request();
        assert_eq!(request.sp_type.as_deref(), Some("public"));
        assert_eq!(request.force_authn, Some(true));
        assert_eq!(request.is_passive, Some(false));
        assert_eq!(request.issuer.unwrap().value, US);
        let asked = request.requested_attributes.unwrap();
        let required: Vec<_> = asked
            .iter()
            .filter(|a| a.is_required == Some(true))
            .filter_map(|a| a.friendly_name.as_deref())
            .collect();
        assert_eq!(required, ["PersonIdentifier", "FamilyName", "FirstName", "DateOfBirth"]);
    }
}

#[test]
fn the_decrypted_assertion_is_the_recorded_one() {
    for set in SETS {
        let key = certificate(set.proxy).public_key().unwrap();
        let response =
            dsig::verify(set.document("response.xml").root(), &[key], ReferenceRule::OwnId).unwrap();
        let encrypted = response.child(SAML2, "EncryptedAssertion").unwrap();
        let assertion = enc::decrypt(&encrypted, &[set.decryption()], &DecryptionPolicy::default()).unwrap();
        let recorded = set.document("assertion-decrypted.xml");
        let octets = |element| String::from_utf8(canonicalize(element, &[], &[])).unwrap();
        assert_eq!(octets(assertion.element()), octets(recorded.root()), "{}", set.folder);
    }
}

#[test]
fn the_response_becomes_this_person() {
    for set in SETS {
        let identity = set.identity();
        assert_eq!(identity.response_id, set.document("response.xml").root().attribute("ID").unwrap());
        assert_eq!(
            identity.assertion_id,
            set.document("assertion-decrypted.xml").root().attribute("ID").unwrap()
        );
        assert_eq!(identity.entity_id, PROXY);
        assert_eq!(identity.country.as_str(), "XA");
        assert_eq!(identity.level, AssuranceLevel::Notified(Loa::High));
        assert_eq!(identity.authn_instant, set.instant("response.xml"));
        assert_eq!(identity.expires, set.instant("response.xml") + std::time::Duration::from_secs(300));
        assert_eq!(identity.dropped, Vec::<String>::new());
        assert_eq!(identity.subject.representative, None);
        let Person::Natural(person) = &identity.subject.person else { panic!("a natural person") };
        assert_eq!(
            person.person_identifier.expose().as_str(),
            "XA/XB/Cph-!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~12345"
        );
        let family = Name { latin: "Onasis".to_owned(), original: Some("Ωνάσης".to_owned()) };
        assert_eq!(*person.family_name.expose(), family);
        let given = Name {
            latin: "Aristotelis & <son>".to_owned(),
            original: Some("Αριστοτέλης".to_owned()),
        };
        assert_eq!(*person.given_name.expose(), given);
        assert_eq!(person.date_of_birth.expose().iso.as_deref(), Some("1906-01-20"));
        assert_eq!(person.gender.as_ref().map(|gender| *gender.expose()), Some(Gender::Unspecified));
        assert_eq!(person.place_of_birth.as_ref().map(|place| place.expose().as_str()), Some("Izmir"));
        let address = Address {
            po_box: Some("1234".to_owned()),
            locator_designator: Some("28".to_owned()),
            locator_name: Some("DIGIT building".to_owned()),
            cv_address_area: Some("Etterbeek".to_owned()),
            thoroughfare: Some("Rue Belliard".to_owned()),
            post_name: Some("ETTERBEEK CHASSE".to_owned()),
            admin_unit_first_line: Some("BE".to_owned()),
            admin_unit_second_line: Some("ETTERBEEK".to_owned()),
            post_code: Some("1040".to_owned()),
        };
        assert_eq!(person.current_address.as_ref().map(|address| address.expose()), Some(&address));
        assert_eq!(person.birth_name, None);
        assert!(person.nationality.expose().is_empty());
        assert_eq!(person.country_of_birth, None);
        assert_eq!(person.town_of_birth, None);
        assert_eq!(person.country_of_residence, None);
        assert_eq!(person.phone_number, None);
        assert_eq!(person.email_address, None);
    }
}

#[test]
fn a_person_survives_json_and_does_not_print() {
    let identity = SETS[0].identity();
    let json = serde_json::to_string(&identity).unwrap();
    assert_eq!(serde_json::from_str::<Identity>(&json).unwrap(), identity);
    let printed = format!("{identity:?}");
    for personal in ["Onasis", "Ωνάσης", "1906", "Izmir", "Belliard", "12345"] {
        assert!(!printed.contains(personal), "{personal}");
    }
}

#[test]
fn the_failure_response_is_a_cancelled_login() {
    for set in SETS {
        let Outcome::Declined(declined) = set.judge("response-failure.xml") else { panic!("{}", set.folder) };
        assert_eq!(declined.meaning, Meaning::Cancelled);
        assert_eq!(declined.top, "urn:oasis:names:tc:SAML:2.0:status:Responder");
        assert_eq!(declined.second.as_deref(), Some("urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"));
        assert_eq!(declined.message.as_deref(), Some("003002 - Authentication Failed."));
        assert_eq!(declined.country.as_str(), "XA");
        assert_eq!(declined.entity_id, PROXY);
    }
}

#[test]
fn five_minutes_later_the_recording_is_too_old() {
    for set in SETS {
        let at = set.instant("response.xml") + std::time::Duration::from_secs(361);
        let inbound = Inbound::parse(&set.file("response.xml")).unwrap();
        let refusal = judge(inbound, &set.us(), &set.node(), &set.pending(), at).unwrap_err();
        assert_eq!((refusal.rule, refusal.code), ("SEC-16", "issued_too_long_ago"));
    }
}

#[test]
fn what_was_asked_less_is_told_less() {
    let set = &SETS[0];
    let pending =
        Pending { attributes: Attribute::mandatory(SubjectKind::Natural).collect(), ..set.pending() };
    let inbound = Inbound::parse(&set.file("response.xml")).unwrap();
    let outcome = judge(inbound, &set.us(), &set.node(), &pending, set.instant("response.xml")).unwrap();
    let Outcome::Authenticated(identity) = outcome else { panic!() };
    let Person::Natural(person) = &identity.subject.person else { panic!() };
    assert_eq!((&person.gender, &person.current_address, &person.place_of_birth), (&None, &None, &None));
    let mut dropped = identity.dropped.clone();
    dropped.sort();
    let expected =
        [Attribute::CurrentAddress, Attribute::Gender, Attribute::PlaceOfBirth].map(Attribute::name);
    assert_eq!(dropped, expected);
}
