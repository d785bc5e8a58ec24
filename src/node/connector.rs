//! What a node reads in a connector's metadata (CEF node 2.9; reference: what its engine demanded when it
//! was given seventy-four hand-made variants).

use crate::clock::Timestamp;
use crate::crypto::{Certificate, PublicKey};
use crate::saml::names;
use crate::xml::dsig::{self, ReferenceRule};
use crate::xml::{Document, Element, Limits};

/// A connector's metadata, verified.
#[derive(Clone, Debug)]
pub struct ConnectorMetadata {
    /// `entityID`, which is also the Issuer of its requests.
    pub entity_id: String,
    /// `NodeCountry`: the second part of the identifiers it gets.
    pub country: String,
    /// `SPType`, if it stands here and not in the requests.
    pub sp_type: Option<String>,
    /// The highest version of the profile it speaks; 1.4 if it does not say.
    pub protocol_version: String,
    /// The default AssertionConsumerService.
    pub acs: String,
    /// The certificates of its requests.
    pub signing: Vec<Certificate>,
    /// The certificate that assertions are encrypted for.
    pub encryption: Certificate,
    /// End of validity.
    pub valid_until: Option<Timestamp>,
}

/// Why a connector's metadata is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectorFault {
    /// It cannot be fetched.
    #[error("the metadata cannot be loaded: {0}")]
    Absent(String),
    /// `validUntil` has passed.
    #[error("the metadata has expired")]
    Expired,
    /// It is not XML, or its signature does not verify with the trusted certificates.
    #[error("the signature of the metadata does not hold: {0}")]
    Signature(String),
    /// Something that a node needs is not there.
    #[error("the metadata has no usable {0}")]
    Lacks(&'static str),
}

impl ConnectorMetadata {
    /// Reads and verifies metadata. `trusted` are the certificates that the connector was enrolled with.
    ///
    /// # Errors
    /// The first fault found.
    pub fn read(octets: &[u8], trusted: &[Certificate], now: Timestamp) -> Result<Self, ConnectorFault> {
        let document = Document::parse(octets, &Limits::METADATA);
        let document = document.map_err(|error| ConnectorFault::Signature(error.to_string()))?;
        let keys: Vec<PublicKey> = trusted.iter().filter_map(|c| c.public_key().ok()).collect();
        let verified = dsig::verify(document.root(), &keys, ReferenceRule::OwnIdOrWhole);
        let verified = verified.map_err(|error| ConnectorFault::Signature(error.to_string()))?;
        read(verified.element(), now)
    }
}

fn read(entity: &Element, now: Timestamp) -> Result<ConnectorMetadata, ConnectorFault> {
    use ConnectorFault::Lacks;
    let valid_until =
        entity.attribute("validUntil").map(|text| Timestamp::parse(text).ok_or(Lacks("validUntil")));
    let valid_until = valid_until.transpose()?;
    if valid_until.is_some_and(|until| until <= now) {
        return Err(ConnectorFault::Expired);
    }
    let role = entity.only_child(names::MD, "SPSSODescriptor").map_err(|_| Lacks("SPSSODescriptor"))?;
    let country = within(role, "NodeCountry").ok_or(Lacks("NodeCountry"))?;
    let acs = role.children(names::MD, "AssertionConsumerService");
    let acs = acs
        .filter(|acs| acs.attribute("Binding") == Some(names::HTTP_POST))
        .find(|acs| acs.attribute("isDefault") == Some("true"))
        .and_then(|acs| acs.attribute("Location"));
    Ok(ConnectorMetadata {
        entity_id: entity.attribute("entityID").ok_or(Lacks("entityID"))?.to_owned(),
        country,
        sp_type: within(entity, "SPType"),
        protocol_version: highest_version(entity),
        acs: acs.ok_or(Lacks("default AssertionConsumerService"))?.to_owned(),
        signing: certificates(role, "signing"),
        encryption: certificates(role, "encryption")
            .into_iter()
            .next()
            .ok_or(Lacks("encryption certificate"))?,
        valid_until,
    })
}

/// The text of an eIDAS extension of an element.
fn within(parent: &Element, name: &'static str) -> Option<String> {
    let extensions = parent.optional_child(names::MD, "Extensions").ok().flatten()?;
    let element = extensions.optional_child(names::EIDAS, name).ok().flatten()?;
    element.text().ok().map(|text| text.trim().to_owned())
}

/// The certificates of the KeyDescriptors with this `use`; the CEF node ignores those without one.
fn certificates(role: &Element, usage: &str) -> Vec<Certificate> {
    let keys = role.children(names::MD, "KeyDescriptor").filter(|key| key.attribute("use") == Some(usage));
    let certificates = keys.flat_map(Element::descendants).filter(|e| e.is(names::DS, "X509Certificate"));
    certificates.filter_map(|c| Certificate::from_base64(c.text().ok()?).ok()).collect()
}

fn highest_version(entity: &Element) -> String {
    let attributes = entity.descendants().filter(|e| e.is(names::SAML2, "Attribute"));
    let versions = attributes.filter(|a| a.attribute("Name") == Some(names::PROTOCOL_VERSION));
    let values = versions.flat_map(|a| a.children(names::SAML2, "AttributeValue"));
    let highest = values.filter_map(|v| v.text().ok()).map(str::trim).max();
    highest.unwrap_or("1.4").to_owned()
}
