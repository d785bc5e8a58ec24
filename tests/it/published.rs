//! What we publish about ourselves.

use std::time::Duration;

use eidas_gateway::crypto::{Curve, DecryptionKey, KeyKind, KeyUsage, PrivateKey, SigningKey};
use eidas_gateway::eidas::{Connector, Contact, Organization, SpType, metadata as ours};
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::saml::metadata::{EntityDescriptor, KeyUse, Role};
use eidas_gateway::saml::names;
use eidas_gateway::xml::dsig::{self, ReferenceRule};

use crate::stage::{ACS, KEYS, US, certificate_of, now, parse, us};

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
fn a_connector_with_one_key_for_two_purposes_does_not_run() {
    assert_eq!(us().check(), Ok(()));
    let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    let certificate = key.self_signed(&certificate_of("both", KeyUsage::Signing), &SystemRandom).unwrap();
    let both = Connector {
        signing: SigningKey::new(key.clone(), certificate.clone(), None).unwrap(),
        decryption: vec![DecryptionKey::new(key, certificate).unwrap()],
        ..us()
    };
    assert!(both.check().is_err());
    assert!(Connector { decryption: Vec::new(), ..us() }.check().is_err());
}

#[test]
fn the_sector_is_published_if_all_clients_are_of_one() {
    let public = Connector { sp_type: Some(SpType::Public), ..us() };
    assert_eq!(published(&public).1.sp_type.as_deref(), Some("public"));
    assert_eq!(published(&us()).1.sp_type, None);
}
