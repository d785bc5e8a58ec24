//! Whom we trust, what we publish, what we ask.

use std::time::Duration;

use eidas_gateway::crypto::{
    Certificate, CertificateRequest, Curve, KeyKind, KeyUsage, PrivateKey, SigningKey,
};
use eidas_gateway::eidas::attribute::Attribute as Eidas;
use eidas_gateway::eidas::quirk::{NameIdPolicyRule, ProviderNameRule, RequesterIdRule};
use eidas_gateway::eidas::{
    Ask, Connector, Contact, CountryTrust, Loa, LoaDemandError, Organization, Quirks, RequestRefusal,
    RequestedLoa, SpType, SubjectKind, TrustedNode, Unavailable, metadata as ours, request, trust,
};
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::saml::metadata::{EntityDescriptor, KeyUse, Role};
use eidas_gateway::saml::{AuthnRequest, names};
use eidas_gateway::xml::dsig::{self, ReferenceRule};

use crate::stage::{
    ACS, KEYS, NODE, US, ask, country, entity, metadata, node_with, now, parse, role, signed, signed_by,
    trust_in_node, us,
};

// ---- Trust ----------------------------------------------------------------------------------------------

#[track_caller]
fn refused(change: impl FnOnce(&mut EntityDescriptor), code: &str) {
    assert_eq!(metadata(change).unwrap_err().code, code);
}

fn check(xml: &str, change: impl FnOnce(&mut CountryTrust)) -> Result<TrustedNode, &'static str> {
    let mut trust = trust_in_node();
    change(&mut trust);
    trust::check(xml.as_bytes(), &trust, now()).map_err(|refusal| refusal.code)
}

#[test]
fn a_node_is_trusted_for_the_country_of_its_anchor_only() {
    assert_eq!(metadata(|_| ()).unwrap().country(), country("XB"));
    refused(|entity| role(entity).common.node_country = Some("XC".to_owned()), "country_mismatch");
    refused(|entity| role(entity).common.node_country = None, "country_missing");
    refused(|entity| role(entity).common.node_country = Some("xb".to_owned()), "country_malformed");
    let other = check(&signed(&entity()), |trust| trust.country = country("XC"));
    assert_eq!(other.unwrap_err(), "country_mismatch");
}

#[test]
fn metadata_that_no_anchor_vouches_for_is_refused() {
    let xml = signed(&entity());
    assert_eq!(check(&xml, |trust| trust.anchors.clear()).unwrap_err(), "no_anchor");
    let other = |trust: &mut CountryTrust| trust.anchors = vec![KEYS.other_node.certificate().clone()];
    assert_eq!(check(&xml, other).unwrap_err(), "signer_unknown");
    // A stranger signs and brings the anchor's certificate along.
    let stolen = KEYS.node_metadata.certificate().base64();
    let foreign = signed_by(&entity(), &KEYS.stranger);
    assert_eq!(check(&foreign, |_| ()).unwrap_err(), "signer_unknown");
    let named = foreign.replace(&KEYS.stranger.certificate().base64(), &stolen);
    assert_eq!(check(&named, |_| ()).unwrap_err(), "metadata_signature");
    let (start, end) = (xml.find("<ds:KeyInfo>").unwrap(), xml.find("</ds:KeyInfo>").unwrap() + 13);
    assert_eq!(check(&format!("{}{}", &xml[..start], &xml[end..]), |_| ()).unwrap_err(), "signer_missing");
    assert_eq!(check(&xml.replace("/sso\"", "/evil\""), |_| ()).unwrap_err(), "metadata_signature");
    assert_eq!(
        check(&eidas_gateway::xml::write(&entity().to_element()), |_| ()).unwrap_err(),
        "metadata_signature"
    );
    assert_eq!(check("<!DOCTYPE a><a/>", |_| ()).unwrap_err(), "metadata_malformed");
}

#[test]
fn another_certificate_of_the_pinned_key_is_the_pinned_key() {
    let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    let certificate =
        |name: &str| key.self_signed(&request_for(name, KeyUsage::Signing), &SystemRandom).unwrap();
    let (old, new) = (certificate("old"), certificate("new"));
    let xml = signed_by(&entity(), &SigningKey::new(key.clone(), new, None).unwrap());
    assert!(check(&xml, |trust| trust.anchors = vec![old]).is_ok());
}

fn request_for(name: &str, usage: KeyUsage) -> CertificateRequest {
    CertificateRequest {
        common_name: name.to_owned(),
        organization: None,
        country: None,
        not_before: now() - Duration::from_secs(3600),
        not_after: now() + Duration::from_secs(3600),
        usage,
    }
}

/// An authority, one between, and a signer; the requests can be changed.
fn chain(change: impl Fn(&mut CertificateRequest)) -> ([Certificate; 3], PrivateKey) {
    let keys: Vec<_> = (0..3).map(|_| PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap()).collect();
    let request = |name: &str, usage| {
        let mut request = request_for(name, usage);
        change(&mut request);
        request
    };
    let root = keys[0].self_signed(&request("root", KeyUsage::Authority), &SystemRandom).unwrap();
    let middle =
        keys[0].issue(&root, &keys[1], &request("middle", KeyUsage::Authority), &SystemRandom).unwrap();
    let signer =
        keys[1].issue(&middle, &keys[2], &request("signer", KeyUsage::Signing), &SystemRandom).unwrap();
    ([root, middle, signer], keys[2].clone())
}

fn signed_with_chain(key: PrivateKey, certificates: &[Certificate]) -> String {
    let (signer, rest) = certificates.split_first().unwrap();
    let key = SigningKey::new(key, signer.clone(), None).unwrap();
    eidas_gateway::xml::write(&dsig::sign(entity().to_element(), 0, &key, rest).unwrap())
}

#[test]
fn an_authority_vouches_for_whom_it_issued() {
    let ([root, middle, signer], key) = chain(|_| ());
    let xml = signed_with_chain(key.clone(), &[signer.clone(), middle.clone()]);
    assert!(check(&xml, |trust| trust.anchors = vec![root.clone()]).is_ok());
    assert!(check(&xml, |trust| trust.anchors = vec![middle.clone()]).is_ok());
    // Without the link between them there is no path.
    let alone = signed_with_chain(key, &[signer.clone()]);
    assert_eq!(check(&alone, |trust| trust.anchors = vec![root]).unwrap_err(), "signer_unknown");
    assert!(check(&alone, |trust| trust.anchors = vec![middle]).is_ok());
    assert!(check(&alone, |trust| trust.anchors = vec![signer]).is_ok());
}

#[test]
fn a_certificate_that_is_no_authority_vouches_for_nobody() {
    let ([root, _, signer], key) = chain(|request| {
        if request.common_name == "middle" {
            request.usage = KeyUsage::Signing;
        }
    });
    let ([_, middle, _], _) = chain(|_| ());
    let xml = signed_with_chain(key, &[signer, middle]);
    assert!(matches!(check(&xml, |trust| trust.anchors = vec![root]), Err("signer_path" | "signer_unknown")));
}

#[test]
fn an_expired_link_breaks_the_path() {
    for name in ["root", "middle", "signer"] {
        let ([root, middle, signer], key) = chain(|request| {
            if request.common_name == name {
                request.not_after = now() - Duration::from_secs(60);
            }
        });
        let xml = signed_with_chain(key, &[signer, middle]);
        let refused = check(&xml, |trust| trust.anchors = vec![root]);
        assert_eq!(refused.unwrap_err(), "certificate_expired", "{name}");
    }
}

#[test]
fn metadata_must_say_until_when_and_mean_it() {
    refused(|entity| entity.valid_until = None, "valid_until_missing");
    refused(|entity| entity.valid_until = Some(now()), "metadata_expired");
    let node = metadata(|_| ()).unwrap();
    assert!(node.usable_at(now()) && !node.usable_at(node.valid_until()));
}

#[test]
fn metadata_without_what_we_need_is_refused() {
    refused(
        |entity| role(entity).common.protocols = vec!["urn:oasis:names:tc:SAML:1.1:protocol".to_owned()],
        "protocol",
    );
    refused(|entity| role(entity).single_sign_on_services.clear(), "no_post_binding");
    refused(
        |entity| role(entity).single_sign_on_services[0].binding = names::HTTP_REDIRECT.to_owned(),
        "no_post_binding",
    );
    refused(
        |entity| role(entity).single_sign_on_services[0].location = "http://proxy.example/sso".to_owned(),
        "sso_not_https",
    );
    for trick in ["http://localhost.example/sso", "http://localhost@evil.example/sso", "javascript:alert(1)"]
    {
        refused(
            |entity| role(entity).single_sign_on_services[0].location = trick.to_owned(),
            "sso_not_https",
        );
    }
    refused(|entity| entity.entity_attributes[1].1 = vec!["test".to_owned()], "no_level");
    let sp = ours::publish(
        &Connector { metadata_signing: KEYS.node_metadata.clone(), ..us() },
        ours::VALID_FOR,
        now(),
        &SystemRandom,
    );
    assert_eq!(check(&sp.unwrap(), |_| ()).unwrap_err(), "not_a_service");
}

#[test]
fn only_keys_declared_for_signing_sign() {
    refused(
        |entity| role(entity).common.keys.retain(|key| key.usage == Some(KeyUse::Encryption)),
        "no_signing_key",
    );
    // A key without a use is a key for nothing: it must not become one for everything.
    refused(|entity| role(entity).common.keys[0].usage = None, "no_signing_key");
    let node = metadata(|_| ()).unwrap();
    let certificates: Vec<_> = node.signing_certificates().collect();
    assert_eq!(certificates, [KEYS.node.certificate()]);
}

#[test]
fn a_weak_key_is_left_out() {
    let pem = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/weak/rsa-2048.crt")).unwrap();
    let weak = Certificate::from_pem(&pem).unwrap().remove(0);
    refused(|entity| role(entity).common.keys[0].certificates = vec![weak.clone()], "no_signing_key");
    let beside = |entity: &mut EntityDescriptor| {
        let mut second = role(entity).common.keys[0].clone();
        second.certificates = vec![weak.clone()];
        role(entity).common.keys.push(second);
    };
    let node = metadata(beside).unwrap();
    assert_eq!(node.signing_certificates().count(), 1);
    assert!(node.warnings().iter().any(|warning| warning.contains("2048")), "{:?}", node.warnings());
    // As the signer of metadata it is refused even when pinned.
    let xml = signed(&entity()).replace(&KEYS.node_metadata.certificate().base64(), &weak.base64());
    assert_eq!(check(&xml, |trust| trust.anchors = vec![weak]).unwrap_err(), "signer_key");
}

#[test]
fn one_entity_of_an_aggregate_is_chosen_by_its_name() {
    let entities = |entities: &[EntityDescriptor], until: &str| {
        let inner: String = entities.iter().map(|e| eidas_gateway::xml::write(&e.to_element())).collect();
        let xml = format!(
            "<md:EntitiesDescriptor xmlns:md=\"{}\" ID=\"_all\" validUntil=\"{until}\">{inner}</md:EntitiesDescriptor>",
            names::MD.uri
        );
        eidas_gateway::xml::write(&dsig::sign(parse(&xml), 0, &KEYS.node_metadata, &[]).unwrap())
    };
    let tomorrow = "2026-11-22T00:00:00Z";
    let named = |id: &str| {
        let mut entity = entity();
        entity.id = Some(format!("_{}", id.len()));
        entity.entity_id = id.to_owned();
        entity.valid_until = None;
        entity
    };
    let wanted = |trust: &mut CountryTrust| trust.entity_id = Some(NODE.to_owned());
    let two = entities(&[named("https://other.example.xb/"), named(NODE)], tomorrow);
    let node = check(&two, wanted).unwrap();
    assert_eq!(
        (node.entity_id(), node.valid_until().to_string().as_str()),
        (NODE, "2026-11-22T00:00:00.000Z")
    );
    assert_eq!(check(&two, |_| ()).unwrap_err(), "metadata_structure");
    let one = entities(&[named(NODE)], tomorrow);
    assert!(check(&one, |_| ()).is_ok());
    assert_eq!(
        check(&entities(&[named(NODE)], "2026-11-21T00:00:00Z"), |_| ()).unwrap_err(),
        "metadata_expired"
    );
    let mut twin = named(NODE);
    twin.id = Some("_twin".to_owned());
    assert_eq!(check(&entities(&[named(NODE), twin], tomorrow), wanted).unwrap_err(), "metadata_structure");
}

// ---- What we publish ------------------------------------------------------------------------------------

fn published(connector: &Connector) -> (String, EntityDescriptor) {
    let xml = ours::publish(connector, ours::VALID_FOR, now(), &SystemRandom).unwrap();
    let key = KEYS.our_metadata.certificate().public_key().unwrap();
    let verified = dsig::verify(&parse(&xml), &[key], ReferenceRule::OwnId).unwrap();
    let entity = EntityDescriptor::read(&verified, Some(US)).unwrap();
    (xml, entity)
}

/// Row by row what the CEF node demands of a connector's metadata, and what the profile does.
#[test]
fn our_metadata_passes_every_row() {
    let contact = |email: &str| Contact {
        company: Some("Example".to_owned()),
        given_name: None,
        surname: None,
        email: email.to_owned(),
        telephone: None,
    };
    let connector = Connector {
        organization: Some(Organization {
            name: "Example".to_owned(),
            display_name: "Example eIDAS Connector".to_owned(),
            url: "https://example.xa/".to_owned(),
            language: "en".to_owned(),
        }),
        support: Some(contact("support@example.xa")),
        technical: Some(contact("tech@example.xa")),
        extra_signing_certificates: vec![KEYS.us.certificate().clone(), KEYS.stranger.certificate().clone()],
        ..us()
    };
    let (xml, entity) = published(&connector);
    assert_eq!(entity.entity_id, US);
    assert!(entity.id.is_some());
    assert_eq!(entity.valid_until, Some(now() + Duration::from_secs(86_400)));
    assert_eq!(entity.cache_duration, Some(Duration::from_secs(3600)));
    assert_eq!(entity.sp_type, None);
    assert_eq!(entity.entity_attribute(names::PROTOCOL_VERSION), ["1.4", "1.3", "1.2"]);
    assert_eq!(entity.entity_attribute(names::APPLICATION_IDENTIFIER), ["example:eidas-gateway:0.1.0"]);
    assert_eq!(entity.digest_methods.len(), 3);
    assert_eq!(entity.signing_methods.len(), 6);
    let Role::Sp(sp) = &entity.role else { panic!("a connector") };
    assert_eq!((sp.authn_requests_signed, sp.want_assertions_signed), (Some(true), Some(false)));
    assert_eq!(sp.common.protocols, [names::PROTOCOL]);
    assert_eq!(sp.common.node_country.as_deref(), Some("XA"));
    // Two certificates of one key make the CEF node stumble: the doubled one is left out.
    let signing: Vec<_> = sp.common.certificates(KeyUse::Signing).collect();
    assert_eq!(signing, [KEYS.us.certificate(), KEYS.stranger.certificate()]);
    let encryption: Vec<_> = sp.common.certificates(KeyUse::Encryption).collect();
    assert_eq!(encryption, [KEYS.our_encryption.certificate()]);
    assert!(sp.common.keys.iter().all(|key| key.usage.is_some()));
    assert!(
        sp.common.keys[2]
            .encryption_methods
            .contains(&"http://www.w3.org/2009/xmlenc11#aes256-gcm".to_owned())
    );
    assert_eq!(sp.common.name_id_formats.len(), 3);
    let [acs] = sp.assertion_consumer_services.as_slice() else { panic!("one ACS") };
    assert_eq!((acs.location.as_str(), acs.binding.as_str()), (ACS, names::HTTP_POST));
    assert_eq!((acs.index, acs.is_default), (0, Some(true)));
    assert_eq!(entity.organization.unwrap().display_name, "Example eIDAS Connector");
    let contacts: Vec<_> = entity.contacts.iter().map(|c| (c.kind.as_str(), c.emails[0].as_str())).collect();
    assert_eq!(contacts, [("support", "mailto:support@example.xa"), ("technical", "mailto:tech@example.xa")]);
    // The order of the schema.
    let order = [
        "<ds:Signature",
        "<md:Extensions",
        "<mdattr:EntityAttributes",
        "<alg:DigestMethod",
        "<md:SPSSODescriptor",
        "<eidas:NodeCountry",
        "<md:KeyDescriptor",
        "<md:NameIDFormat",
        "<md:AssertionConsumerService",
        "<md:Organization",
        "<md:ContactPerson",
    ];
    let places: Vec<_> = order.iter().map(|tag| xml.find(tag).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(!xml.contains("SingleLogoutService"));
}

#[test]
fn the_sector_stands_in_metadata_or_in_requests_never_in_both() {
    let public = Connector { sp_type: Some(SpType::Public), ..us() };
    assert_eq!(published(&public).1.sp_type.as_deref(), Some("public"));
    assert_eq!(built(&public, &node_with(|_| ()), &ask()).sp_type, None);
    assert_eq!(built(&us(), &node_with(|_| ()), &ask()).sp_type.as_deref(), Some("public"));
    let private = Ask { sp_type: SpType::Private, ..ask() };
    assert_eq!(
        refusal(&public, &node_with(|_| ()), &private),
        RequestRefusal::SpType { metadata: SpType::Public, client: SpType::Private }
    );
}

#[test]
fn a_connector_with_one_key_for_two_purposes_does_not_run() {
    assert_eq!(us().check(), Ok(()));
    let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    let certificate = key.self_signed(&request_for("both", KeyUsage::Signing), &SystemRandom).unwrap();
    let both = Connector {
        signing: SigningKey::new(key.clone(), certificate.clone(), None).unwrap(),
        decryption: vec![eidas_gateway::crypto::DecryptionKey::new(key, certificate).unwrap()],
        ..us()
    };
    assert!(both.check().is_err());
    assert!(Connector { decryption: Vec::new(), ..us() }.check().is_err());
}

// ---- What we ask ----------------------------------------------------------------------------------------

fn built(connector: &Connector, node: &TrustedNode, ask: &Ask) -> AuthnRequest {
    let outgoing = request::build(connector, node, ask, &SystemRandom, now()).unwrap();
    assert_eq!(outgoing.destination, "https://proxy.eidas.example.xb/sso");
    let octets = eidas_gateway::saml::binding::decode_post(&outgoing.saml_request).unwrap();
    assert_eq!(octets, outgoing.xml.as_bytes());
    let key = connector.signing.certificate().public_key().unwrap();
    let verified = dsig::verify(&parse(&outgoing.xml), &[key], ReferenceRule::OwnId).unwrap();
    AuthnRequest::read(&verified).unwrap()
}

fn refusal(connector: &Connector, node: &TrustedNode, ask: &Ask) -> RequestRefusal {
    request::build(connector, node, ask, &SystemRandom, now()).unwrap_err()
}

fn with_quirks(change: impl FnOnce(&mut Quirks)) -> TrustedNode {
    node_with(|trust| change(&mut trust.quirks))
}

/// Everything that the CEF engine was seen to refuse (probes of its proxy) is as it wants it.
#[test]
fn our_request_passes_every_probe() {
    let request = built(&us(), &node_with(|_| ()), &ask());
    assert_eq!(request.version, "2.0");
    assert_eq!(request.issue_instant, now());
    assert_eq!(request.destination.as_deref(), Some("https://proxy.eidas.example.xb/sso"));
    assert_eq!((request.force_authn, request.is_passive), (Some(true), Some(false)));
    assert_eq!(
        (request.protocol_binding, request.assertion_consumer_service_url, request.consent),
        (None, None, None)
    );
    let issuer = request.issuer.unwrap();
    assert_eq!((issuer.value.as_str(), issuer.format.as_deref()), (US, Some(names::NAMEID_ENTITY)));
    assert!(request.unknown_extensions.is_empty());
    let context = request.requested_authn_context.unwrap();
    assert_eq!(
        (context.comparison.as_deref(), context.class_refs),
        (Some("minimum"), vec![Loa::Substantial.uri().to_owned()])
    );
    for asked in request.requested_attributes.unwrap() {
        let attribute = eidas_gateway::eidas::attribute::by_name(&asked.name).unwrap();
        assert_eq!(asked.is_required, Some(attribute.is_mandatory()), "{}", asked.name);
        assert_eq!(asked.name_format.as_deref(), Some(names::NAME_FORMAT_URI));
        assert_eq!(attribute.kind(), SubjectKind::Natural);
    }
    let policy = request.name_id_policy.unwrap();
    assert_eq!(
        (policy.format.as_deref(), policy.allow_create),
        (Some(names::NAMEID_UNSPECIFIED), Some(true))
    );
    assert_eq!(request.requester_ids, ["https://rp.example.xa/"]);
    assert_eq!(request.provider_name.as_deref(), Some("Example"));
}

#[test]
fn only_what_the_country_publishes_is_asked() {
    let node =
        metadata(|entity| role(entity).attributes.retain(|a| a.name != Eidas::PlaceOfBirth.name())).unwrap();
    let outgoing = request::build(&us(), &node, &ask(), &SystemRandom, now()).unwrap();
    assert!(!outgoing.xml.contains("PlaceOfBirth"));
    assert!(!outgoing.pending.attributes.contains(&Eidas::PlaceOfBirth));
    assert!(outgoing.pending.attributes.contains(&Eidas::Gender));
    let node =
        metadata(|entity| role(entity).attributes.retain(|a| a.name != Eidas::DateOfBirth.name())).unwrap();
    let expected = Unavailable::MinimumDataSet {
        country: country("XB"),
        kind: SubjectKind::Natural,
        missing: "DateOfBirth",
    };
    assert_eq!(refusal(&us(), &node, &ask()), RequestRefusal::Unavailable(expected));
}

#[test]
fn natural_and_legal_attributes_are_never_mixed() {
    let mixed = Ask { attributes: [Eidas::Lei].into(), ..ask() };
    assert_eq!(refusal(&us(), &node_with(|_| ()), &mixed), RequestRefusal::MixedKinds("LEI"));
    let legal = Ask { kind: SubjectKind::Legal, attributes: [Eidas::Lei].into(), ..ask() };
    let names: Vec<_> = built(&us(), &node_with(|_| ()), &legal).requested_attributes.unwrap();
    let names: Vec<_> = names.iter().filter_map(|asked| asked.friendly_name.as_deref()).collect();
    assert_eq!(names, ["LegalPersonIdentifier", "LegalName", "LEI"]);
}

#[test]
fn a_level_that_the_country_cannot_reach_is_not_asked() {
    let node =
        metadata(|entity| entity.entity_attributes[1].1 = vec![Loa::Substantial.uri().to_owned()]).unwrap();
    assert!(node.can_serve(&Ask { loa: RequestedLoa::Minimum(Loa::Low), ..ask() }).is_ok());
    let high = Ask { loa: RequestedLoa::Minimum(Loa::High), ..ask() };
    assert_eq!(node.can_serve(&high), Err(Unavailable::Loa(country("XB"))));
    let exact = Ask { loa: RequestedLoa::Exact(vec![Loa::High.uri().to_owned()]), ..ask() };
    assert_eq!(refusal(&us(), &node_with(|_| ()), &exact), RequestRefusal::Loa(LoaDemandError::OnlyNotified));
    let silent = metadata(|entity| drop(entity.entity_attributes.remove(1))).unwrap();
    assert!(silent.can_serve(&high).is_ok());
}

#[test]
fn an_unusable_node_is_not_asked() {
    let node = node_with(|_| ());
    let late = request::build(&us(), &node, &ask(), &SystemRandom, node.valid_until()).unwrap_err();
    assert_eq!(late, RequestRefusal::Unavailable(Unavailable::Expired(country("XB"))));
    let old = metadata(|entity| entity.entity_attributes[0].1 = vec!["1.0".to_owned()]).unwrap();
    assert_eq!(old.can_serve(&ask()), Err(Unavailable::ProtocolVersion(country("XB"))));
    let newer = metadata(|entity| entity.entity_attributes[0].1 = vec!["1.4.1".to_owned()]).unwrap();
    assert_eq!(newer.can_serve(&ask()), Ok(()));
}

#[test]
fn the_requester_is_named_as_the_country_wants_it() {
    let demanding = |change: fn(&mut Quirks)| {
        let mut entity = entity();
        let category = vec![names::CATEGORY_REQUESTER_ID.to_owned()];
        entity.entity_attributes.push((names::ENTITY_CATEGORY.to_owned(), category));
        let mut trust = trust_in_node();
        change(&mut trust.quirks);
        trust::check(signed(&entity).as_bytes(), &trust, now()).unwrap()
    };
    let private = Ask { sp_type: SpType::Private, ..ask() };
    let nameless = Ask { requester_id: None, ..private.clone() };
    assert_eq!(built(&us(), &demanding(|_| ()), &private).requester_ids, ["https://rp.example.xa/"]);
    assert_eq!(demanding(|_| ()).can_serve(&nameless), Err(Unavailable::RequesterId(country("XB"))));
    assert_eq!(demanding(|_| ()).can_serve(&Ask { sp_type: SpType::Public, ..nameless }), Ok(()));
    // A switch must not silently override what the country demands.
    let skip = demanding(|quirks| quirks.skip_scoping = true);
    assert_eq!(skip.can_serve(&private), Err(Unavailable::RequesterIdUnsendable(country("XB"))));
    let skip = with_quirks(|quirks| quirks.skip_scoping = true);
    assert!(built(&us(), &skip, &private).requester_ids.is_empty());
    let on_demand = with_quirks(|quirks| quirks.requester_id = RequesterIdRule::OnDemand);
    assert!(built(&us(), &on_demand, &private).requester_ids.is_empty());
    for bad in ["shop", "", ":x", "https://rp.example.xa/a b"] {
        let ask = Ask { requester_id: Some(bad.to_owned()), ..ask() };
        assert_eq!(refusal(&us(), &node_with(|_| ()), &ask), RequestRefusal::RequesterId, "{bad:?}");
    }
}

#[test]
fn name_and_format_follow_the_country_s_quirks() {
    let quirk = |change: fn(&mut Quirks)| built(&us(), &with_quirks(change), &ask());
    assert_eq!(quirk(|quirks| quirks.provider_name = ProviderNameRule::Never).provider_name, None);
    assert_eq!(
        quirk(|quirks| quirks.provider_name = ProviderNameRule::UnlessRequesterId).provider_name,
        None
    );
    assert_eq!(quirk(|quirks| quirks.name_id_policy = NameIdPolicyRule::Omit).name_id_policy, None);
    let persistent =
        quirk(|quirks| quirks.name_id_policy = NameIdPolicyRule::Persistent).name_id_policy.unwrap();
    assert_eq!(persistent.format.as_deref(), Some(names::NAMEID_PERSISTENT));
    // A format that the node does not publish is not asked for.
    let node =
        metadata(|entity| role(entity).common.name_id_formats = vec![names::NAMEID_TRANSIENT.to_owned()])
            .unwrap();
    assert_eq!(built(&us(), &node, &ask()).name_id_policy, None);
    for bad in ["", " ", &"x".repeat(129), "a\nb"] {
        let ask = Ask { provider_name: Some(bad.to_owned()), ..ask() };
        assert_eq!(refusal(&us(), &node_with(|_| ()), &ask), RequestRefusal::ProviderName, "{bad:?}");
    }
    let escaped = Ask { provider_name: Some("A & <B> \"C\"".to_owned()), ..ask() };
    assert_eq!(built(&us(), &node_with(|_| ()), &escaped).provider_name.as_deref(), Some("A & <B> \"C\""));
}

#[test]
fn what_is_kept_of_a_request_holds_nothing_personal_and_survives_json() {
    let pending = request::build(&us(), &node_with(|_| ()), &ask(), &SystemRandom, now()).unwrap().pending;
    let json = serde_json::to_string(&pending).unwrap();
    assert_eq!(serde_json::from_str::<request::Pending>(&json).unwrap(), pending);
}
