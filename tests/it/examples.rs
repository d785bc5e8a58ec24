//! The composed examples of tests/vectors/examples, each with every part that the profile knows: signed with a
//! key of ours, they are read.

use eidas_gateway::saml::metadata::{EntityDescriptor, KeyUse, Role};
use eidas_gateway::saml::{Assertion, AuthnRequest, Response};
use eidas_gateway::xml::dsig::{self, ReferenceRule};
use eidas_gateway::xml::{self, Verified};

use crate::stage::{KEYS, parse};

/// An example whose signature is replaced by one that verifies.
fn example(name: &str, signature: usize) -> Verified {
    let path = format!("{}/tests/vectors/examples/{name}.xml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let unsigned = match (text.find("<ds:Signature>"), text.find("</ds:Signature>")) {
        (Some(start), Some(end)) => format!("{}{}", &text[..start], &text[end + 15..]),
        _ => text,
    };
    let filled = unsigned.replace(
        "<ds:X509Certificate>AAAA</ds:X509Certificate>",
        &format!("<ds:X509Certificate>{}</ds:X509Certificate>", KEYS.us.certificate().base64()),
    );
    let signed = dsig::sign(parse(&filled), signature, &KEYS.node, &[]).unwrap();
    let key = KEYS.node.certificate().public_key().unwrap();
    dsig::verify(&parse(&xml::write(&signed)), &[key], ReferenceRule::OwnId).unwrap()
}

#[test]
fn the_request_is_read() {
    let request = AuthnRequest::read(&example("authnrequest", 2)).unwrap();
    assert_eq!(request.sp_type.as_deref(), Some("private"));
    assert_eq!(request.requested_attributes.unwrap().len(), 6);
    assert_eq!(
        request.requested_authn_context.unwrap().class_refs,
        ["http://eidas.europa.eu/LoA/substantial"]
    );
    assert_eq!(request.requester_ids, ["https://rp.example.xa/shop"]);
}

#[test]
fn the_response_is_read() {
    let response = Response::read(&example("response", 2)).unwrap();
    assert_eq!(response.in_response_to.as_deref(), Some("_8f1c2a5e0b7d4c6f9a3e2d1c0b9a8f7e"));
    assert_eq!(response.issuer.unwrap().value, "https://proxy.eidas.example.xb/ServiceMetadata");
    assert_eq!((response.assertions.len(), response.encrypted_assertions.len()), (0, 1));
}

#[test]
fn the_assertion_is_read() {
    let assertion = Assertion::read(&example("assertion", 2)).unwrap();
    assert_eq!(assertion.authn_statements[0].class_refs, ["http://eidas.europa.eu/LoA/high"]);
    assert_eq!(
        assertion.conditions.unwrap().audience_restrictions,
        [["https://connector.example.xa/eidas/metadata"]]
    );
    let names: Vec<_> = assertion.attribute_statements[0]
        .attributes
        .iter()
        .map(|a| a.friendly_name.clone().unwrap())
        .collect();
    assert_eq!(names.first().map(String::as_str), Some("PersonIdentifier"));
}

#[test]
fn the_metadata_is_read() {
    let entity = EntityDescriptor::read(&example("connector-metadata", 0), None).unwrap();
    assert_eq!(entity.entity_id, "https://connector.example.xa/eidas/metadata");
    assert_eq!(entity.cache_duration, Some(std::time::Duration::from_secs(3600)));
    let Role::Sp(sp) = entity.role else { panic!("a connector") };
    assert_eq!(sp.common.node_country.as_deref(), Some("XA"));
    assert_eq!(sp.common.certificates(KeyUse::Encryption).collect::<Vec<_>>(), [KEYS.us.certificate()]);
}
