//! Whom we trust: metadata that an anchor of the node's own country vouches for.

use std::time::Duration;

use eidas_gateway::crypto::{
    Certificate, CertificateRequest, Curve, KeyKind, KeyUsage, PrivateKey, SigningKey,
};
use eidas_gateway::eidas::{Connector, CountryTrust, TrustedNode, metadata as ours, trust};
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::saml::metadata::{EntityDescriptor, KeyUse};
use eidas_gateway::saml::names;
use eidas_gateway::xml::{self, dsig};

use crate::stage::{
    KEYS, NODE, certificate_of, country, entity, metadata, now, parse, role, signed, signed_by,
    trust_in_node, us,
};

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
    assert_eq!(check(&xml::write(&entity().to_element()), |_| ()).unwrap_err(), "metadata_signature");
    assert_eq!(check("<!DOCTYPE a><a/>", |_| ()).unwrap_err(), "metadata_malformed");
}

#[test]
fn another_certificate_of_the_pinned_key_is_the_pinned_key() {
    let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    let certificate =
        |name: &str| key.self_signed(&certificate_of(name, KeyUsage::Signing), &SystemRandom).unwrap();
    let (old, new) = (certificate("old"), certificate("new"));
    let xml = signed_by(&entity(), &SigningKey::new(key.clone(), new, None).unwrap());
    assert!(check(&xml, |trust| trust.anchors = vec![old]).is_ok());
}

/// An authority, one between, and a signer; the requests can be changed.
fn chain(change: impl Fn(&mut CertificateRequest)) -> ([Certificate; 3], PrivateKey) {
    let keys: Vec<_> = (0..3).map(|_| PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap()).collect();
    let request = |name: &str, usage| {
        let mut request = certificate_of(name, usage);
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
    xml::write(&dsig::sign(entity().to_element(), 0, &key, rest).unwrap())
}

#[test]
fn an_authority_vouches_for_whom_it_issued() {
    let ([root, middle, signer], key) = chain(|_| ());
    let xml = signed_with_chain(key.clone(), &[signer.clone(), middle.clone()]);
    assert!(check(&xml, |trust| trust.anchors = vec![root.clone()]).is_ok());
    assert!(check(&xml, |trust| trust.anchors = vec![middle.clone()]).is_ok());
    // Without the link between them there is no path.
    let alone = signed_with_chain(key, std::slice::from_ref(&signer));
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
    // The role can end before the entity does.
    let role_ends = |until: &str| {
        let role = format!("<md:IDPSSODescriptor validUntil=\"{until}\" ");
        let xml = xml::write(&entity().to_element()).replace("<md:IDPSSODescriptor ", &role);
        xml::write(&dsig::sign(parse(&xml), 0, &KEYS.node_metadata, &[]).unwrap())
    };
    let soon = check(&role_ends("2026-11-21T10:00:00Z"), |_| ()).unwrap();
    assert_eq!(soon.valid_until().to_string(), "2026-11-21T10:00:00.000Z");
    assert_eq!(check(&role_ends("2026-11-21T09:00:00Z"), |_| ()).unwrap_err(), "metadata_expired");
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
    refused(|entity| role(entity).common.keys[0].usage = None, "key_without_use");
    let node = metadata(|_| ()).unwrap();
    let certificates: Vec<_> = node.signing_certificates().collect();
    assert_eq!(certificates, [KEYS.node.certificate()]);
}

#[test]
fn a_weak_key_is_left_out() {
    let pem = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/weak/rsa-2048.crt")).unwrap();
    let weak = Certificate::from_pem(&pem).unwrap().remove(0);
    refused(|entity| role(entity).common.keys[0].certificates = vec![weak.clone()], "key_size");
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
        let inner: String = entities.iter().map(|e| xml::write(&e.to_element())).collect();
        let xml = format!(
            "<md:EntitiesDescriptor xmlns:md=\"{}\" ID=\"_all\" validUntil=\"{until}\">{inner}</md:EntitiesDescriptor>",
            names::MD.uri
        );
        xml::write(&dsig::sign(parse(&xml), 0, &KEYS.node_metadata, &[]).unwrap())
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
    assert_eq!(check(&two, |_| ()).unwrap_err(), "entity_not_chosen");
    let stranger = |trust: &mut CountryTrust| trust.entity_id = Some("https://nobody.example/".to_owned());
    assert_eq!(check(&two, stranger).unwrap_err(), "entity_missing");
    let one = entities(&[named(NODE)], tomorrow);
    assert!(check(&one, |_| ()).is_ok());
    assert_eq!(
        check(&entities(&[named(NODE)], "2026-11-21T00:00:00Z"), |_| ()).unwrap_err(),
        "metadata_expired"
    );
    let mut twin = named(NODE);
    twin.id = Some("_twin".to_owned());
    assert_eq!(check(&entities(&[named(NODE), twin], tomorrow), wanted).unwrap_err(), "entity_duplicate");
}
