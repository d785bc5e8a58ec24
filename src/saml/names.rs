//! Namespaces and URIs of SAML 2.0 and of the eIDAS extensions to it, as their specifications spell them.

use crate::xml::Namespace;
pub use crate::xml::{DS, XENC};

/// `urn:oasis:names:tc:SAML:2.0:protocol` (SAML core §3).
pub const SAML2P: Namespace = Namespace { uri: "urn:oasis:names:tc:SAML:2.0:protocol", prefix: "saml2p" };
/// `urn:oasis:names:tc:SAML:2.0:assertion` (SAML core §2).
pub const SAML2: Namespace = Namespace { uri: "urn:oasis:names:tc:SAML:2.0:assertion", prefix: "saml2" };
/// `urn:oasis:names:tc:SAML:2.0:metadata` (SAML metadata §2).
pub const MD: Namespace = Namespace { uri: "urn:oasis:names:tc:SAML:2.0:metadata", prefix: "md" };
/// SAML metadata profile for algorithm support.
pub const ALG: Namespace = Namespace { uri: "urn:oasis:names:tc:SAML:metadata:algsupport", prefix: "alg" };
/// SAML metadata extension for entity attributes.
pub const MDATTR: Namespace =
    Namespace { uri: "urn:oasis:names:tc:SAML:metadata:attribute", prefix: "mdattr" };
/// XML Schema instance.
pub const XSI: Namespace = Namespace { uri: "http://www.w3.org/2001/XMLSchema-instance", prefix: "xsi" };
/// XML Schema.
pub const XS: Namespace = Namespace { uri: "http://www.w3.org/2001/XMLSchema", prefix: "xs" };
/// The namespace of `xml:lang`.
pub const XML: Namespace = Namespace { uri: "http://www.w3.org/XML/1998/namespace", prefix: "xml" };
/// The eIDAS extensions: SPType, NodeCountry, RequestedAttributes (Message Format 1.4 §5).
pub const EIDAS: Namespace = Namespace { uri: "http://eidas.europa.eu/saml-extensions", prefix: "eidas" };
/// Attributes of natural persons (Attribute Profile 1.4 §2.2).
pub const NATURAL: Namespace =
    Namespace { uri: "http://eidas.europa.eu/attributes/naturalperson", prefix: "eidas-natural" };
/// Attributes of legal persons (Attribute Profile 1.4 §2.3).
pub const LEGAL: Namespace =
    Namespace { uri: "http://eidas.europa.eu/attributes/legalperson", prefix: "eidas-legal" };

/// The only protocol (SAML metadata §2.4.1).
pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// The only binding for responses (SAML bindings §3.5).
pub const HTTP_POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
/// SAML bindings §3.4. Read in metadata, never used.
pub const HTTP_REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
/// The only method of subject confirmation (SAML profiles §3.3).
pub const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
/// The format of attribute names.
pub const NAME_FORMAT_URI: &str = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri";
/// The format of an Issuer that is an entityID.
pub const NAMEID_ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";
/// NameID format.
pub const NAMEID_PERSISTENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent";
/// NameID format.
pub const NAMEID_TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
/// NameID format. The `1.1` is right.
pub const NAMEID_UNSPECIFIED: &str = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified";

/// Entity attribute: versions of the eIDAS set (Message Format 1.4 §3.3).
pub const PROTOCOL_VERSION: &str = "http://eidas.europa.eu/entity-attributes/protocol-version";
/// Entity attribute: vendor, software and version.
pub const APPLICATION_IDENTIFIER: &str = "http://eidas.europa.eu/entity-attributes/application-identifier";
/// Entity attribute: levels of assurance (SAML identity assurance profiles).
pub const ASSURANCE_CERTIFICATION: &str = "urn:oasis:names:tc:SAML:attribute:assurance-certification";
/// Entity attribute: entity categories.
pub const ENTITY_CATEGORY: &str = "http://macedir.org/entity-category";
/// The entity category of nodes that demand a RequesterID of private relying parties (Message Format 1.4 §3.4).
pub const CATEGORY_REQUESTER_ID: &str = "http://eidas.europa.eu/entity-attributes/termsofaccess/requesterid";

/// Status codes (SAML core §3.2.2.2).
pub mod status {
    /// The request succeeded.
    pub const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
    /// The fault lies with the requester.
    pub const REQUESTER: &str = "urn:oasis:names:tc:SAML:2.0:status:Requester";
    /// The fault lies with the responder.
    pub const RESPONDER: &str = "urn:oasis:names:tc:SAML:2.0:status:Responder";
    /// The version of the request was not understood.
    pub const VERSION_MISMATCH: &str = "urn:oasis:names:tc:SAML:2.0:status:VersionMismatch";
    /// Second level: the person could not be authenticated, or gave up.
    pub const AUTHN_FAILED: &str = "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed";
    /// Second level: an attribute was not as expected.
    pub const INVALID_ATTR: &str = "urn:oasis:names:tc:SAML:2.0:status:InvalidAttrNameOrValue";
    /// Second level: the NameIDPolicy cannot be met.
    pub const INVALID_NAMEID_POLICY: &str = "urn:oasis:names:tc:SAML:2.0:status:InvalidNameIDPolicy";
    /// Second level: the level of assurance cannot be met.
    pub const NO_AUTHN_CONTEXT: &str = "urn:oasis:names:tc:SAML:2.0:status:NoAuthnContext";
    /// Second level: refused, for example without consent.
    pub const REQUEST_DENIED: &str = "urn:oasis:names:tc:SAML:2.0:status:RequestDenied";
    /// Second level: not supported.
    pub const REQUEST_UNSUPPORTED: &str = "urn:oasis:names:tc:SAML:2.0:status:RequestUnsupported";
}
