//! `saml2p:AuthnRequest` (SAML core §3.4.1) with the eIDAS extensions (Message Format 1.4 §2.3.2, §4).

use super::names::{EIDAS, SAML2, SAML2P};
use super::shape::{self, EXTENSIONS, ISSUER, Occurs, Step};
use super::{Issuer, ReadError};
use crate::clock::Timestamp;
use crate::xml::{Element, Verified};

/// A request to authenticate somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthnRequest {
    /// `ID`
    pub id: String,
    /// `Version`
    pub version: String,
    /// `IssueInstant`
    pub issue_instant: Timestamp,
    /// `Destination`
    pub destination: Option<String>,
    /// `Consent`
    pub consent: Option<String>,
    /// `ForceAuthn`
    pub force_authn: Option<bool>,
    /// `IsPassive`
    pub is_passive: Option<bool>,
    /// `ProtocolBinding`
    pub protocol_binding: Option<String>,
    /// `AssertionConsumerServiceURL`
    pub assertion_consumer_service_url: Option<String>,
    /// `ProviderName`
    pub provider_name: Option<String>,
    /// `Issuer`
    pub issuer: Option<Issuer>,
    /// Whether there are `Extensions`, which eIDAS demands. Without them nothing of the next three is written.
    pub has_extensions: bool,
    /// `eidas:SPType`
    pub sp_type: Option<String>,
    /// `eidas:RequestedAttributes`
    pub requested_attributes: Option<Vec<RequestedAttribute>>,
    /// Local names of other extensions. eIDAS nodes refuse them. Not written.
    pub unknown_extensions: Vec<String>,
    /// `NameIDPolicy`
    pub name_id_policy: Option<NameIdPolicy>,
    /// `RequestedAuthnContext`
    pub requested_authn_context: Option<RequestedAuthnContext>,
    /// `Scoping/RequesterID`
    pub requester_ids: Vec<String>,
}

/// `eidas:RequestedAttribute` (Message Format 1.4 §5.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedAttribute {
    /// `Name`
    pub name: String,
    /// `NameFormat`
    pub name_format: Option<String>,
    /// `FriendlyName`
    pub friendly_name: Option<String>,
    /// `isRequired`
    pub is_required: Option<bool>,
}

/// `saml2p:NameIDPolicy` (SAML core §3.4.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameIdPolicy {
    /// `Format`
    pub format: Option<String>,
    /// `AllowCreate`
    pub allow_create: Option<bool>,
}

/// `saml2p:RequestedAuthnContext` (SAML core §3.3.2.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestedAuthnContext {
    /// `Comparison`; absent means exact.
    pub comparison: Option<String>,
    /// The `AuthnContextClassRef` values.
    pub class_refs: Vec<String>,
}

impl AuthnRequest {
    /// Where the signature goes: after the Issuer.
    pub const SIGNATURE_INDEX: usize = 1;

    /// Reads a request whose signature was verified.
    ///
    /// # Errors
    /// [`ReadError`] where the SAML schema is not kept.
    pub fn read(source: &Verified) -> Result<Self, ReadError> {
        let element = source.element();
        if !element.is(SAML2P, "AuthnRequest") {
            return Err(ReadError::Root("saml2p:AuthnRequest"));
        }
        shape::sequence(
            element,
            &[
                ISSUER,
                EXTENSIONS,
                Step(Occurs::Optional, &[(SAML2, "Subject")]),
                Step(Occurs::Optional, &[(SAML2P, "NameIDPolicy")]),
                Step(Occurs::Optional, &[(SAML2, "Conditions")]),
                Step(Occurs::Optional, &[(SAML2P, "RequestedAuthnContext")]),
                Step(Occurs::Optional, &[(SAML2P, "Scoping")]),
            ],
        )?;
        let extensions = element.optional_child(SAML2P, "Extensions")?;
        let context = element.optional_child(SAML2P, "RequestedAuthnContext")?;
        let policy = element.optional_child(SAML2P, "NameIDPolicy")?;
        let extension = |local| extensions.map_or(Ok(None), |e| e.optional_child(EIDAS, local));
        Ok(Self {
            id: shape::required(element, "ID")?,
            version: shape::required(element, "Version")?,
            issue_instant: shape::required_instant(element, "IssueInstant")?,
            destination: shape::attribute(element, "Destination"),
            consent: shape::attribute(element, "Consent"),
            force_authn: shape::boolean(element, "ForceAuthn")?,
            is_passive: shape::boolean(element, "IsPassive")?,
            protocol_binding: shape::attribute(element, "ProtocolBinding"),
            assertion_consumer_service_url: shape::attribute(element, "AssertionConsumerServiceURL"),
            provider_name: shape::attribute(element, "ProviderName"),
            issuer: Issuer::of(element)?,
            has_extensions: extensions.is_some(),
            sp_type: extension("SPType")?.map(shape::text).transpose()?,
            requested_attributes: extension("RequestedAttributes")?.map(requested_attributes).transpose()?,
            unknown_extensions: extensions.map(unknown_extensions).unwrap_or_default(),
            name_id_policy: policy.map(NameIdPolicy::from_element).transpose()?,
            requested_authn_context: context.map(RequestedAuthnContext::from_element).transpose()?,
            requester_ids: requester_ids(element)?,
        })
    }

    /// As an element, not signed.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let flag = |value: Option<bool>| value.map(|value| value.to_string());
        Element::new(SAML2P, "AuthnRequest")
            .with_some("AssertionConsumerServiceURL", self.assertion_consumer_service_url.as_deref())
            .with_some("Consent", self.consent.as_deref())
            .with_some("Destination", self.destination.as_deref())
            .with_some("ForceAuthn", flag(self.force_authn))
            .with("ID", self.id.as_str())
            .with_some("IsPassive", flag(self.is_passive))
            .with("IssueInstant", self.issue_instant.to_string())
            .with_some("ProtocolBinding", self.protocol_binding.as_deref())
            .with_some("ProviderName", self.provider_name.as_deref())
            .with("Version", self.version.as_str())
            .child_some(self.issuer.as_ref().map(Issuer::to_element))
            .child_some(self.has_extensions.then(|| self.extensions()))
            .child_some(self.name_id_policy.as_ref().map(NameIdPolicy::to_element))
            .child_some(self.requested_authn_context.as_ref().map(RequestedAuthnContext::to_element))
            .child_some((!self.requester_ids.is_empty()).then(|| self.scoping()))
    }

    fn extensions(&self) -> Element {
        let sp_type = |value: &String| Element::new(EIDAS, "SPType").with_text(value.as_str());
        let attributes = |list: &Vec<RequestedAttribute>| {
            Element::new(EIDAS, "RequestedAttributes")
                .children_from(list.iter().map(RequestedAttribute::to_element))
        };
        Element::new(SAML2P, "Extensions")
            .child_some(self.sp_type.as_ref().map(sp_type))
            .child_some(self.requested_attributes.as_ref().map(attributes))
    }

    fn scoping(&self) -> Element {
        let id = |id: &String| Element::new(SAML2P, "RequesterID").with_text(id.as_str());
        Element::new(SAML2P, "Scoping").children_from(self.requester_ids.iter().map(id))
    }
}

fn unknown_extensions(extensions: &Element) -> Vec<String> {
    let known = |e: &&Element| e.is(EIDAS, "SPType") || e.is(EIDAS, "RequestedAttributes");
    extensions.elements().filter(|e| !known(e)).map(|e| e.local().to_owned()).collect()
}

fn requested_attributes(element: &Element) -> Result<Vec<RequestedAttribute>, ReadError> {
    shape::sequence(element, &[Step(Occurs::Any, &[(EIDAS, "RequestedAttribute")])])?;
    element.children(EIDAS, "RequestedAttribute").map(RequestedAttribute::from_element).collect()
}

fn requester_ids(request: &Element) -> Result<Vec<String>, ReadError> {
    let Some(scoping) = request.optional_child(SAML2P, "Scoping")? else { return Ok(Vec::new()) };
    shape::sequence(
        scoping,
        &[Step(Occurs::Optional, &[(SAML2P, "IDPList")]), Step(Occurs::Any, &[(SAML2P, "RequesterID")])],
    )?;
    scoping.children(SAML2P, "RequesterID").map(shape::text).collect()
}

impl RequestedAttribute {
    fn from_element(element: &Element) -> Result<Self, ReadError> {
        Ok(Self {
            name: shape::required(element, "Name")?,
            name_format: shape::attribute(element, "NameFormat"),
            friendly_name: shape::attribute(element, "FriendlyName"),
            is_required: shape::boolean(element, "isRequired")?,
        })
    }

    fn to_element(&self) -> Element {
        Element::new(EIDAS, "RequestedAttribute")
            .with_some("FriendlyName", self.friendly_name.as_deref())
            .with("Name", self.name.as_str())
            .with_some("NameFormat", self.name_format.as_deref())
            .with_some("isRequired", self.is_required.map(|value| value.to_string()))
    }
}

impl NameIdPolicy {
    fn from_element(element: &Element) -> Result<Self, ReadError> {
        Ok(Self {
            format: shape::attribute(element, "Format"),
            allow_create: shape::boolean(element, "AllowCreate")?,
        })
    }

    fn to_element(&self) -> Element {
        Element::new(SAML2P, "NameIDPolicy")
            .with_some("AllowCreate", self.allow_create.map(|value| value.to_string()))
            .with_some("Format", self.format.as_deref())
    }
}

impl RequestedAuthnContext {
    fn from_element(element: &Element) -> Result<Self, ReadError> {
        shape::sequence(
            element,
            &[Step(Occurs::Any, &[(SAML2, "AuthnContextClassRef"), (SAML2, "AuthnContextDeclRef")])],
        )?;
        let class_refs = element.children(SAML2, "AuthnContextClassRef");
        Ok(Self {
            comparison: shape::attribute(element, "Comparison"),
            class_refs: class_refs.map(shape::text).collect::<Result<_, _>>()?,
        })
    }

    fn to_element(&self) -> Element {
        let class_ref = |uri: &String| Element::new(SAML2, "AuthnContextClassRef").with_text(uri.as_str());
        Element::new(SAML2P, "RequestedAuthnContext")
            .with_some("Comparison", self.comparison.as_deref())
            .children_from(self.class_refs.iter().map(class_ref))
    }
}
