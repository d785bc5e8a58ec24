//! Our own metadata: what every node in Europe reads to know us (Message Format 1.4 §2.1.1, §4; what the CEF
//! node 2.9 demands of a connector).

use std::time::Duration;

use super::connector::{Connector, Contact};
use crate::clock::Timestamp;
use crate::crypto::{Certificate, ContentAlgorithm, DigestAlgorithm, KeyError, SignatureAlgorithm};
use crate::ids::{self, Random};
use crate::saml::metadata::{
    ContactPerson, EntityDescriptor, IndexedEndpoint, KeyDescriptor, KeyUse, Organization, Role,
    RoleDescriptor, SigningMethod, SpSsoDescriptor,
};
use crate::saml::names;
use crate::xml::{self, dsig};

/// How long what we publish is valid: a day, as the CEF node does it.
pub const VALID_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// How long others may keep it before they ask again.
pub const CACHE_FOR: Duration = Duration::from_secs(60 * 60);

/// The versions of the eIDAS specifications that we speak.
pub const PROTOCOL_VERSIONS: [&str; 3] = ["1.4", "1.3", "1.2"];

/// Our signed metadata, valid from `now` for `valid_for`.
///
/// # Errors
/// If our key cannot sign.
pub fn publish(
    connector: &Connector,
    valid_for: Duration,
    now: Timestamp,
    random: &dyn Random,
) -> Result<String, KeyError> {
    let mut entity = describe(connector);
    entity.id = Some(ids::message_id(random));
    entity.valid_until = Some(now + valid_for);
    // Whoever caches it for that long has fresh metadata when keys change.
    entity.cache_duration = Some(CACHE_FOR.min(valid_for / 2));
    let signed = dsig::sign(
        entity.to_element(),
        EntityDescriptor::SIGNATURE_INDEX,
        &connector.metadata_signing,
        &connector.metadata_chain,
    )?;
    Ok(format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", xml::write(&signed)))
}

/// Ourselves, without identifier and validity.
fn describe(connector: &Connector) -> EntityDescriptor {
    EntityDescriptor {
        id: None,
        entity_id: connector.entity_id.clone(),
        valid_until: None,
        cache_duration: None,
        sp_type: connector.sp_type.map(|sp_type| sp_type.as_str().to_owned()),
        entity_attributes: vec![
            (names::PROTOCOL_VERSION.to_owned(), PROTOCOL_VERSIONS.map(str::to_owned).to_vec()),
            (names::APPLICATION_IDENTIFIER.to_owned(), vec![connector.application_identifier.clone()]),
        ],
        digest_methods: DigestAlgorithm::ALL.map(|digest| digest.uri().to_owned()).to_vec(),
        signing_methods: SignatureAlgorithm::ALL.map(signing_method).to_vec(),
        role: Role::Sp(role(connector)),
        organization: connector.organization.as_ref().map(|organization| Organization {
            language: organization.language.clone(),
            name: organization.name.clone(),
            display_name: organization.display_name.clone(),
            url: organization.url.clone(),
        }),
        contacts: [("support", &connector.support), ("technical", &connector.technical)]
            .into_iter()
            .filter_map(|(kind, contact)| contact.as_ref().map(|contact| contact_person(kind, contact)))
            .collect(),
    }
}

fn role(connector: &Connector) -> SpSsoDescriptor {
    let encryption = connector.decryption.first().map(|key| KeyDescriptor {
        usage: Some(KeyUse::Encryption),
        certificates: vec![key.certificate().clone()],
        // Algorithms for the content only: an RSA-OAEP named here without its parameters would mean SHA-1.
        encryption_methods: [
            ContentAlgorithm::Aes256Gcm,
            ContentAlgorithm::Aes192Gcm,
            ContentAlgorithm::Aes128Gcm,
        ]
        .map(|algorithm| algorithm.uri().to_owned())
        .to_vec(),
    });
    let signing = signing_certificates(connector).into_iter().map(|certificate| KeyDescriptor {
        usage: Some(KeyUse::Signing),
        certificates: vec![certificate],
        encryption_methods: Vec::new(),
    });
    SpSsoDescriptor {
        authn_requests_signed: Some(true),
        // The response is signed; a signature of the assertion is welcome, but most nodes make none.
        want_assertions_signed: Some(false),
        common: RoleDescriptor {
            protocols: vec![names::PROTOCOL.to_owned()],
            node_country: Some(connector.country.as_str().to_owned()),
            keys: signing.chain(encryption).collect(),
            name_id_formats: [names::NAMEID_PERSISTENT, names::NAMEID_TRANSIENT, names::NAMEID_UNSPECIFIED]
                .map(str::to_owned)
                .to_vec(),
        },
        assertion_consumer_services: vec![IndexedEndpoint {
            binding: names::HTTP_POST.to_owned(),
            location: connector.acs_url.clone(),
            index: 0,
            is_default: Some(true),
        }],
    }
}

/// Each key once: the CEF node stumbles over two certificates of one key.
fn signing_certificates(connector: &Connector) -> Vec<Certificate> {
    let mut certificates: Vec<Certificate> = vec![connector.signing.certificate().clone()];
    for certificate in &connector.extra_signing_certificates {
        if certificates.iter().all(|known| known.spki() != certificate.spki()) {
            certificates.push(certificate.clone());
        }
    }
    certificates
}

fn signing_method(algorithm: SignatureAlgorithm) -> SigningMethod {
    SigningMethod {
        algorithm: algorithm.uri().to_owned(),
        min_key_size: Some(algorithm.min_key_size()),
        max_key_size: None,
    }
}

fn contact_person(kind: &str, contact: &Contact) -> ContactPerson {
    ContactPerson {
        kind: kind.to_owned(),
        company: contact.company.clone(),
        given_name: contact.given_name.clone(),
        surname: contact.surname.clone(),
        // The schema wants a URI.
        emails: vec![format!("mailto:{}", contact.email.trim_start_matches("mailto:"))],
        telephones: contact.telephone.iter().cloned().collect(),
    }
}
