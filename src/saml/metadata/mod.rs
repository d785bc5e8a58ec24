//! SAML 2.0 metadata as far as eIDAS uses it: one entity with one role, its keys, addresses and
//! capabilities. Reading is liberal about what eIDAS has no use for, strict about what it relies on; whom to
//! believe is decided in `eidas::trust`.

mod read;
mod write;

use std::time::Duration;

use crate::clock::Timestamp;
use crate::crypto::Certificate;

/// `md:EntityDescriptor` (SAML metadata §2.3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityDescriptor {
    /// `ID`. Nodes that have none sign with the reference `""`.
    pub id: Option<String>,
    /// `entityID`
    pub entity_id: String,
    /// `validUntil`: the earliest of the entity's, its role's and, in an aggregate, of all that enclose it.
    pub valid_until: Option<Timestamp>,
    /// `cacheDuration`
    pub cache_duration: Option<Duration>,
    /// `eidas:SPType` in the entity's extensions (Message Format 1.4 §4.1).
    pub sp_type: Option<String>,
    /// The entity attributes: names with their values.
    pub entity_attributes: Vec<(String, Vec<String>)>,
    /// `alg:DigestMethod/@Algorithm`
    pub digest_methods: Vec<String>,
    /// `alg:SigningMethod`
    pub signing_methods: Vec<SigningMethod>,
    /// The role.
    pub role: Role,
    /// `md:Organization`
    pub organization: Option<Organization>,
    /// `md:ContactPerson`
    pub contacts: Vec<ContactPerson>,
}

/// What an entity is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// `md:IDPSSODescriptor`: an eIDAS-Service.
    Idp(IdpSsoDescriptor),
    /// `md:SPSSODescriptor`: an eIDAS-Connector.
    Sp(SpSsoDescriptor),
}

/// `md:IDPSSODescriptor` (SAML metadata §2.4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdpSsoDescriptor {
    /// `WantAuthnRequestsSigned`
    pub want_authn_requests_signed: Option<bool>,
    /// What both roles have.
    pub common: RoleDescriptor,
    /// `md:SingleSignOnService`: binding and location.
    pub single_sign_on_services: Vec<Endpoint>,
    /// Names of the attributes published.
    pub attributes: Vec<PublishedAttribute>,
}

/// `md:SPSSODescriptor` (SAML metadata §2.4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpSsoDescriptor {
    /// `AuthnRequestsSigned`
    pub authn_requests_signed: Option<bool>,
    /// `WantAssertionsSigned`
    pub want_assertions_signed: Option<bool>,
    /// What both roles have.
    pub common: RoleDescriptor,
    /// `md:AssertionConsumerService`
    pub assertion_consumer_services: Vec<IndexedEndpoint>,
}

/// What both roles have (SAML metadata §2.4.1, §2.4.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleDescriptor {
    /// `protocolSupportEnumeration`
    pub protocols: Vec<String>,
    /// `eidas:NodeCountry` in the role's extensions (Message Format 1.4 §4.2).
    pub node_country: Option<String>,
    /// `md:KeyDescriptor`
    pub keys: Vec<KeyDescriptor>,
    /// `md:NameIDFormat`
    pub name_id_formats: Vec<String>,
}

/// `md:KeyDescriptor` (SAML metadata §2.4.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDescriptor {
    /// `use`. eIDAS demands it (MF §2.1.1), and a key without it is not used for anything.
    pub usage: Option<KeyUse>,
    /// `ds:X509Certificate`; the key is the first one's.
    pub certificates: Vec<Certificate>,
    /// `md:EncryptionMethod/@Algorithm`
    pub encryption_methods: Vec<String>,
}

/// `md:KeyDescriptor/@use`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// `signing`
    Signing,
    /// `encryption`
    Encryption,
}

/// `alg:SigningMethod`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningMethod {
    /// `Algorithm`
    pub algorithm: String,
    /// `MinKeySize` in bits
    pub min_key_size: Option<u32>,
    /// `MaxKeySize` in bits
    pub max_key_size: Option<u32>,
}

/// An address and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `Binding`
    pub binding: String,
    /// `Location`
    pub location: String,
}

/// An endpoint in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexedEndpoint {
    /// `Binding`
    pub binding: String,
    /// `Location`
    pub location: String,
    /// `index`
    pub index: u32,
    /// `isDefault`
    pub is_default: Option<bool>,
}

/// A `saml2:Attribute` without values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedAttribute {
    /// `Name`
    pub name: String,
    /// `FriendlyName`
    pub friendly_name: Option<String>,
}

/// `md:Organization` in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// `xml:lang`
    pub language: String,
    /// `OrganizationName`
    pub name: String,
    /// `OrganizationDisplayName`
    pub display_name: String,
    /// `OrganizationURL`
    pub url: String,
}

/// `md:ContactPerson`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContactPerson {
    /// `contactType`: `support` or `technical`
    pub kind: String,
    /// `Company`
    pub company: Option<String>,
    /// `GivenName`
    pub given_name: Option<String>,
    /// `SurName`
    pub surname: Option<String>,
    /// `EmailAddress`
    pub emails: Vec<String>,
    /// `TelephoneNumber`
    pub telephones: Vec<String>,
}

impl EntityDescriptor {
    /// The values of an entity attribute; none if it is not there.
    #[must_use]
    pub fn entity_attribute(&self, name: &str) -> Vec<&str> {
        let same_name = self.entity_attributes.iter().filter(|(n, _)| n == name);
        same_name.flat_map(|(_, values)| values.iter().map(String::as_str)).collect()
    }
}

impl RoleDescriptor {
    /// The certificates whose keys are declared for this use. The first of each descriptor counts, for further
    /// ones are material for chains.
    pub fn certificates(&self, usage: KeyUse) -> impl Iterator<Item = &Certificate> {
        let keys = self.keys.iter().filter(move |key| key.usage == Some(usage));
        keys.filter_map(|key| key.certificates.first())
    }
}
