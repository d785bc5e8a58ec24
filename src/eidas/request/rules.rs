//! The rules of the request, one function each (Message Format 1.4 §2.3.2, §2.4.1, §4.1; what the CEF node
//! 2.9 refuses, as observed).

use std::collections::BTreeSet;

use super::{Ask, RequestRefusal};
use crate::eidas::Connector;
use crate::eidas::attribute::Attribute;
use crate::eidas::kind::SpType;
use crate::eidas::loa::RequestedLoa;
use crate::eidas::quirk::{NameIdPolicyRule, ProviderNameRule, RequesterIdRule};
use crate::eidas::trust::TrustedNode;
use crate::saml::names::{NAME_FORMAT_URI, NAMEID_PERSISTENT, NAMEID_TRANSIENT, NAMEID_UNSPECIFIED};
use crate::saml::{NameIdPolicy, RequestedAttribute, RequestedAuthnContext};

/// The sector stands in the request or in our metadata, never in both (§4.1).
pub(super) fn sp_type(connector: &Connector, ask: &Ask) -> Result<Option<SpType>, RequestRefusal> {
    match connector.sp_type {
        None => Ok(Some(ask.sp_type)),
        Some(metadata) if metadata == ask.sp_type => Ok(None),
        Some(metadata) => Err(RequestRefusal::SpType { metadata, client: ask.sp_type }),
    }
}

/// All mandatory attributes of the kind, none of the other kind, and of the optional ones those that the
/// country publishes (§2.3.2). [`TrustedNode::can_serve`] has seen to it that it publishes the mandatory ones.
pub(super) fn attributes(node: &TrustedNode, ask: &Ask) -> Result<BTreeSet<Attribute>, RequestRefusal> {
    if let Some(stranger) = ask.attributes.iter().find(|attribute| attribute.kind() != ask.kind) {
        return Err(RequestRefusal::MixedKinds(stranger.friendly_name()));
    }
    let optional = ask.attributes.intersection(node.attributes()).copied();
    Ok(Attribute::mandatory(ask.kind).chain(optional).collect())
}

/// `isRequired` must be what the profile says of the attribute, or the node refuses the whole request.
pub(super) fn requested_attribute(attribute: Attribute) -> RequestedAttribute {
    RequestedAttribute {
        name: attribute.name().to_owned(),
        name_format: Some(NAME_FORMAT_URI.to_owned()),
        friendly_name: Some(attribute.friendly_name().to_owned()),
        is_required: Some(attribute.is_mandatory()),
    }
}

/// Exactly one context: a minimum, or an exact list (§2.4.1).
pub(super) fn authn_context(loa: &RequestedLoa) -> Result<RequestedAuthnContext, RequestRefusal> {
    loa.check()?;
    Ok(RequestedAuthnContext { comparison: Some(loa.comparison().to_owned()), class_refs: loa.class_refs() })
}

/// Who the relying party is (§2.4.1). That a demanded one can be sent was checked in
/// [`TrustedNode::can_serve`].
pub(super) fn requester_id(node: &TrustedNode, ask: &Ask) -> Result<Option<String>, RequestRefusal> {
    let Some(id) = &ask.requester_id else { return Ok(None) };
    let demanded = node.requires_requester_id() && ask.sp_type == SpType::Private;
    let wanted = match node.quirks().requester_id {
        RequesterIdRule::Always => true,
        RequesterIdRule::OnDemand => demanded,
    };
    if !wanted || node.quirks().skip_scoping {
        return Ok(None);
    }
    let uri = id.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
            && !rest.is_empty()
    });
    if !uri || id.len() > 1024 || !id.chars().all(|c| c.is_ascii_graphic()) {
        return Err(RequestRefusal::RequesterId);
    }
    Ok(Some(id.clone()))
}

/// The name for the country's pages. It comes from the client's registration, never from a request.
pub(super) fn provider_name(
    connector: &Connector,
    node: &TrustedNode,
    ask: &Ask,
    has_requester_id: bool,
) -> Result<Option<String>, RequestRefusal> {
    let wanted = match node.quirks().provider_name {
        ProviderNameRule::Always => true,
        ProviderNameRule::UnlessRequesterId => !has_requester_id,
        ProviderNameRule::Never => false,
    };
    let name = ask.provider_name.as_ref().or(connector.provider_name.as_ref());
    let Some(name) = name.filter(|_| wanted) else { return Ok(None) };
    if name.trim().is_empty() || name.chars().count() > 128 || name.chars().any(char::is_control) {
        return Err(RequestRefusal::ProviderName);
    }
    Ok(Some(name.clone()))
}

/// The format of a NameID that we never look at: whatever the node takes.
pub(super) fn name_id_policy(node: &TrustedNode) -> Option<NameIdPolicy> {
    let format = match node.quirks().name_id_policy {
        NameIdPolicyRule::Omit => None,
        NameIdPolicyRule::Unspecified => node.takes_unspecified().then_some(NAMEID_UNSPECIFIED),
        NameIdPolicyRule::Persistent => Some(NAMEID_PERSISTENT),
        NameIdPolicyRule::Transient => Some(NAMEID_TRANSIENT),
    };
    format.map(|format| NameIdPolicy { format: Some(format.to_owned()), allow_create: Some(true) })
}
