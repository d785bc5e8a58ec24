//! Writing metadata.

use super::{
    ContactPerson, EntityDescriptor, IdpSsoDescriptor, KeyDescriptor, KeyUse, Organization, Role,
    RoleDescriptor, SigningMethod, SpSsoDescriptor,
};
use crate::saml::names::{ALG, DS, EIDAS, MD, MDATTR, NAME_FORMAT_URI, SAML2, XML};
use crate::xml::Element;

impl EntityDescriptor {
    /// Where the signature goes: it is the first child.
    pub const SIGNATURE_INDEX: usize = 0;

    /// As an element, not signed, in the order of the schema.
    #[must_use]
    pub fn to_element(&self) -> Element {
        Element::new(MD, "EntityDescriptor")
            .with_some("ID", self.id.as_deref())
            .with_some("cacheDuration", self.cache_duration.map(|d| format!("PT{}S", d.as_secs())))
            .with("entityID", self.entity_id.as_str())
            .with_some("validUntil", self.valid_until.map(|at| at.to_string()))
            .child_some(self.extensions())
            .child(self.role.to_element())
            .child_some(self.organization.as_ref().map(Organization::to_element))
            .children_from(self.contacts.iter().map(ContactPerson::to_element))
    }

    fn extensions(&self) -> Option<Element> {
        let sp_type = self.sp_type.as_ref().map(|text| leaf(EIDAS, "SPType", text));
        let attributes = (!self.entity_attributes.is_empty()).then(|| {
            Element::new(MDATTR, "EntityAttributes")
                .children_from(self.entity_attributes.iter().map(entity_attribute))
        });
        let digest = |uri: &String| Element::new(ALG, "DigestMethod").with("Algorithm", uri.as_str());
        let extensions = Element::new(MD, "Extensions")
            .child_some(sp_type)
            .child_some(attributes)
            .children_from(self.digest_methods.iter().map(digest))
            .children_from(self.signing_methods.iter().map(SigningMethod::to_element));
        extensions.elements().next().is_some().then(|| extensions.clone())
    }
}

fn leaf(namespace: crate::xml::Namespace, local: &str, text: &str) -> Element {
    Element::new(namespace, local).with_text(text)
}

fn entity_attribute((name, values): &(String, Vec<String>)) -> Element {
    Element::new(SAML2, "Attribute")
        .with("Name", name.as_str())
        .with("NameFormat", NAME_FORMAT_URI)
        .children_from(values.iter().map(|value| leaf(SAML2, "AttributeValue", value)))
}

impl SigningMethod {
    fn to_element(&self) -> Element {
        Element::new(ALG, "SigningMethod")
            .with("Algorithm", self.algorithm.as_str())
            .with_some("MaxKeySize", self.max_key_size.map(|bits| bits.to_string()))
            .with_some("MinKeySize", self.min_key_size.map(|bits| bits.to_string()))
    }
}

impl Role {
    fn to_element(&self) -> Element {
        match self {
            Self::Idp(idp) => idp.to_element(),
            Self::Sp(sp) => sp.to_element(),
        }
    }
}

impl IdpSsoDescriptor {
    fn to_element(&self) -> Element {
        let services = self.single_sign_on_services.iter().map(|service| {
            Element::new(MD, "SingleSignOnService")
                .with("Binding", service.binding.as_str())
                .with("Location", service.location.as_str())
        });
        let attributes = self.attributes.iter().map(|attribute| {
            Element::new(SAML2, "Attribute")
                .with_some("FriendlyName", attribute.friendly_name.as_deref())
                .with("Name", attribute.name.as_str())
                .with("NameFormat", NAME_FORMAT_URI)
        });
        let element = Element::new(MD, "IDPSSODescriptor").with_some(
            "WantAuthnRequestsSigned",
            self.want_authn_requests_signed.map(|flag| flag.to_string()),
        );
        self.common.write_to(element).children_from(services).children_from(attributes)
    }
}

impl SpSsoDescriptor {
    fn to_element(&self) -> Element {
        let services = self.assertion_consumer_services.iter().map(|service| {
            Element::new(MD, "AssertionConsumerService")
                .with("Binding", service.binding.as_str())
                .with("Location", service.location.as_str())
                .with("index", service.index.to_string())
                .with_some("isDefault", service.is_default.map(|flag| flag.to_string()))
        });
        let element = Element::new(MD, "SPSSODescriptor")
            .with_some("AuthnRequestsSigned", self.authn_requests_signed.map(|flag| flag.to_string()))
            .with_some("WantAssertionsSigned", self.want_assertions_signed.map(|flag| flag.to_string()));
        self.common.write_to(element).children_from(services)
    }
}

impl RoleDescriptor {
    fn write_to(&self, element: Element) -> Element {
        let country = self.node_country.as_ref();
        let country =
            country.map(|code| Element::new(MD, "Extensions").child(leaf(EIDAS, "NodeCountry", code)));
        element
            .with("protocolSupportEnumeration", self.protocols.join(" "))
            .child_some(country)
            .children_from(self.keys.iter().map(KeyDescriptor::to_element))
            .children_from(self.name_id_formats.iter().map(|format| leaf(MD, "NameIDFormat", format)))
    }
}

impl KeyDescriptor {
    fn to_element(&self) -> Element {
        let usage = self.usage.map(|usage| match usage {
            KeyUse::Signing => "signing",
            KeyUse::Encryption => "encryption",
        });
        let certificates = self.certificates.iter().map(|c| leaf(DS, "X509Certificate", &c.base64()));
        let data = Element::new(DS, "X509Data").children_from(certificates);
        let method = |uri: &String| Element::new(MD, "EncryptionMethod").with("Algorithm", uri.as_str());
        Element::new(MD, "KeyDescriptor")
            .with_some("use", usage)
            .child(Element::new(DS, "KeyInfo").child(data))
            .children_from(self.encryption_methods.iter().map(method))
    }
}

impl Organization {
    fn to_element(&self) -> Element {
        let named = |local, text: &str| leaf(MD, local, text).with_in(XML, "lang", self.language.as_str());
        Element::new(MD, "Organization")
            .child(named("OrganizationName", &self.name))
            .child(named("OrganizationDisplayName", &self.display_name))
            .child(named("OrganizationURL", &self.url))
    }
}

impl ContactPerson {
    fn to_element(&self) -> Element {
        let one = |local, text: &Option<String>| text.as_deref().map(|text| leaf(MD, local, text));
        Element::new(MD, "ContactPerson")
            .with("contactType", self.kind.as_str())
            .child_some(one("Company", &self.company))
            .child_some(one("GivenName", &self.given_name))
            .child_some(one("SurName", &self.surname))
            .children_from(self.emails.iter().map(|email| leaf(MD, "EmailAddress", email)))
            .children_from(self.telephones.iter().map(|number| leaf(MD, "TelephoneNumber", number)))
    }
}
