//! The node's own metadata, in the form in which the CEF node 2.9 publishes it.

use std::time::Duration;

use super::{MemberState, MetadataForm};
use crate::clock::Timestamp;
use crate::crypto::{
    CertificateRequest, DigestAlgorithm, KeyError, KeyUsage, PrivateKey, SignatureAlgorithm, SigningKey,
};
use crate::eidas::{Attribute, CountryCode};
use crate::ids::{Random, message_id};
use crate::saml::names;
use crate::xml::{self, Element, dsig};

/// The levels of assurance that the node publishes.
pub(super) const LEVELS: [&str; 4] = [
    "http://eidas.europa.eu/LoA/low",
    "http://eidas.europa.eu/LoA/substantial",
    "http://eidas.europa.eu/LoA/high",
    "http://eidas.europa.eu/NotNotified/LoA/substantial",
];

impl MemberState {
    #[expect(clippy::too_many_arguments, reason = "private, and each country names all of them once")]
    pub(super) fn new(
        code: &str,
        name: &str,
        base: &str,
        key: PrivateKey,
        algorithm: SignatureAlgorithm,
        metadata_form: MetadataForm,
        now: Timestamp,
        random: &dyn Random,
    ) -> Result<Self, KeyError> {
        let request = CertificateRequest {
            common_name: format!("{name} Proxy-Service"),
            organization: Some(format!("Digital Identity Office of {name}")),
            country: Some(code.to_owned()),
            not_before: now - DAY,
            not_after: now + DAY * 3650,
            usage: KeyUsage::Signing,
        };
        let certificate = key.self_signed(&request, random)?;
        Ok(Self {
            country: CountryCode::parse(code).ok_or(KeyError::Operation)?,
            name: name.to_owned(),
            base: base.to_owned(),
            signing: SigningKey::new(key, certificate, Some(algorithm))?,
            metadata_form,
            requires_requester_id: false,
        })
    }

    /// The entityID, which is the address of the metadata.
    #[must_use]
    pub fn entity_id(&self) -> String {
        format!("{}/metadata", self.base)
    }

    /// The SingleSignOnService with the POST binding.
    #[must_use]
    pub fn sso(&self) -> String {
        format!("{}/sso", self.base)
    }

    /// The signed metadata, valid for a day from `now`.
    ///
    /// # Errors
    /// [`KeyError`], if it cannot be signed.
    pub fn metadata(&self, now: Timestamp, random: &dyn Random) -> Result<String, KeyError> {
        let id = match self.metadata_form {
            MetadataForm::Whole => None,
            MetadataForm::WithId => Some(message_id(random)),
        };
        let entity = Element::new(names::MD, "EntityDescriptor")
            .with_some("ID", id)
            .with("entityID", self.entity_id())
            .with("validUntil", (now + DAY).to_string())
            .child(self.extensions())
            .child(self.role())
            .child(self.organization())
            .child(contact("support", &self.name))
            .child(contact("technical", &self.name));
        let entity = dsig::sign(entity, 0, &self.signing, &[])?;
        Ok(format!("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>{}", xml::write(&entity)))
    }

    fn extensions(&self) -> Element {
        let application = format!("eidas-gateway:simulated-node:{}", env!("CARGO_PKG_VERSION"));
        let attributes = Element::new(names::MDATTR, "EntityAttributes")
            .child(entity_attribute(names::PROTOCOL_VERSION, &["1.4", "1.3", "1.2"]))
            .child(entity_attribute(names::APPLICATION_IDENTIFIER, &[&application]))
            .child(entity_attribute(names::ASSURANCE_CERTIFICATION, &LEVELS));
        let attributes = match self.requires_requester_id {
            true => {
                attributes.child(entity_attribute(names::ENTITY_CATEGORY, &[names::CATEGORY_REQUESTER_ID]))
            }
            false => attributes,
        };
        let digests = DigestAlgorithm::ALL.map(|digest| digest.uri());
        let signatures = SignatureAlgorithm::ALL.map(|signature| signature.uri());
        Element::new(names::MD, "Extensions")
            .child(attributes)
            .children_from(digests.map(|uri| Element::new(names::ALG, "DigestMethod").with("Algorithm", uri)))
            .children_from(
                signatures.map(|uri| Element::new(names::ALG, "SigningMethod").with("Algorithm", uri)),
            )
    }

    fn role(&self) -> Element {
        let country = Element::new(names::EIDAS, "NodeCountry").with_text(self.country.as_str());
        let formats = [names::NAMEID_PERSISTENT, names::NAMEID_TRANSIENT, names::NAMEID_UNSPECIFIED];
        let service = |binding: &str| {
            Element::new(names::MD, "SingleSignOnService")
                .with("Binding", binding)
                .with("Location", self.sso())
        };
        Element::new(names::MD, "IDPSSODescriptor")
            .with("WantAuthnRequestsSigned", "true")
            .with("protocolSupportEnumeration", names::PROTOCOL)
            .child(Element::new(names::MD, "Extensions").child(country))
            .child(self.key_descriptor())
            .children_from(formats.map(|format| Element::new(names::MD, "NameIDFormat").with_text(format)))
            .child(service(names::HTTP_REDIRECT))
            .child(service(names::HTTP_POST))
            .children_from(Attribute::ALL.iter().copied().map(supported))
    }

    fn key_descriptor(&self) -> Element {
        let certificate =
            Element::new(names::DS, "X509Certificate").with_text(self.signing.certificate().base64());
        let data = Element::new(names::DS, "X509Data").child(certificate);
        Element::new(names::MD, "KeyDescriptor")
            .with("use", "signing")
            .child(Element::new(names::DS, "KeyInfo").child(data))
    }

    fn organization(&self) -> Element {
        let text = |name, text: &str| {
            Element::new(names::MD, name).with_in(names::XML, "lang", "en").with_text(text)
        };
        Element::new(names::MD, "Organization")
            .child(text("OrganizationName", &format!("Digital Identity Office of {}", self.name)))
            .child(text("OrganizationDisplayName", &self.name))
            .child(text("OrganizationURL", &self.base))
    }
}

fn supported(attribute: Attribute) -> Element {
    Element::new(names::SAML2, "Attribute")
        .with("FriendlyName", attribute.friendly_name())
        .with("Name", attribute.name())
        .with("NameFormat", names::NAME_FORMAT_URI)
}

fn entity_attribute(name: &str, values: &[&str]) -> Element {
    Element::new(names::SAML2, "Attribute")
        .with("Name", name)
        .with("NameFormat", names::NAME_FORMAT_URI)
        .children_from(values.iter().map(|value| {
            Element::new(names::SAML2, "AttributeValue")
                .declaring(names::XS)
                .with_in(names::XSI, "type", format!("{}:string", names::XS.prefix))
                .with_text(*value)
        }))
}

fn contact(kind: &str, company: &str) -> Element {
    let text = |name, text: &str| Element::new(names::MD, name).with_text(text);
    Element::new(names::MD, "ContactPerson")
        .with("contactType", kind)
        .child(text("Company", company))
        .child(text("GivenName", "Service"))
        .child(text("SurName", "Desk"))
        .child(text("EmailAddress", "eid@node.example"))
        .child(text("TelephoneNumber", "+99900000000"))
}

const DAY: Duration = Duration::from_secs(86_400);
