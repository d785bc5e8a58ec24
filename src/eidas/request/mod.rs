//! The AuthnRequest to a member state's node. A node answers a request it dislikes with a page of its own
//! and no response ever, so everything that it would refuse is refused here, before the citizen leaves.

mod rules;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Connector;
use super::attribute::Attribute;
use super::country::CountryCode;
use super::kind::{SpType, SubjectKind};
use super::loa::{LoaDemandError, RequestedLoa};
use super::trust::{TrustedNode, Unavailable};
use crate::clock::Timestamp;
use crate::ids::{self, Random};
use crate::saml::{AuthnRequest, Issuer, binding};
use crate::xml::{self, dsig};

/// What a relying party wants to know, and who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The relying party's sector.
    pub sp_type: SpType,
    /// A URI for the relying party (Message Format 1.4 §2.4.1), at most 1024 characters.
    pub requester_id: Option<String>,
    /// The kind of person.
    pub kind: SubjectKind,
    /// The level of assurance.
    pub loa: RequestedLoa,
    /// Optional attributes wanted. The mandatory ones of the kind are always asked; those that the country
    /// does not publish are left out.
    pub attributes: BTreeSet<Attribute>,
    /// The relying party's name, for the country's pages; at most 128 characters.
    pub provider_name: Option<String>,
    /// Whether a representative may act for the person.
    pub representation: bool,
}

/// A request ready to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingRequest {
    /// The address to post to.
    pub destination: String,
    /// The signed AuthnRequest.
    pub xml: String,
    /// The same in base64: the form field `SAMLRequest`.
    pub saml_request: String,
    /// What to keep until the response comes.
    pub pending: Pending,
}

/// What the response to a request is judged by. It holds nothing personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// `ID` of the request.
    pub request_id: String,
    /// The country asked.
    pub country: CountryCode,
    /// entityID of the node asked.
    pub entity_id: String,
    /// The level of assurance asked.
    pub loa: RequestedLoa,
    /// The kind of person asked.
    pub kind: SubjectKind,
    /// The attributes asked, mandatory ones included.
    pub attributes: BTreeSet<Attribute>,
    /// Whether a representative may act for the person.
    pub representation: bool,
    /// `IssueInstant` of the request.
    pub issued_at: Timestamp,
    /// Where the response has to arrive.
    pub acs_url: String,
}

/// Why no request can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestRefusal {
    /// The country cannot serve it.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The level of assurance cannot be asked so.
    #[error(transparent)]
    Loa(#[from] LoaDemandError),
    /// An attribute of the other kind of person is wanted (Message Format 1.4 §2.3.2).
    #[error("{0} is not an attribute of the kind of person asked")]
    MixedKinds(&'static str),
    /// The relying party's sector contradicts the one in our metadata.
    #[error("our metadata says that all relying parties are {metadata}, this one is {client}", metadata = .metadata.as_str(), client = .client.as_str())]
    SpType {
        /// The sector in metadata.
        metadata: SpType,
        /// The client's sector.
        client: SpType,
    },
    /// The RequesterID is not a URI of at most 1024 characters.
    #[error("the RequesterID is not a URI of at most 1024 characters")]
    RequesterId,
    /// The ProviderName is empty, longer than 128 characters, or holds control characters.
    #[error("the ProviderName is empty, longer than 128 characters, or holds control characters")]
    ProviderName,
    /// Our key cannot sign.
    #[error("the request could not be signed")]
    Signing,
}

/// Builds and signs a request.
///
/// # Errors
/// [`RequestRefusal`]: the first rule that says no.
pub fn build(
    connector: &Connector,
    node: &TrustedNode,
    ask: &Ask,
    random: &dyn Random,
    now: Timestamp,
) -> Result<OutgoingRequest, RequestRefusal> {
    if !node.usable_at(now) {
        return Err(Unavailable::Expired(node.country()).into());
    }
    node.can_serve(ask)?;
    let attributes = rules::attributes(node, ask)?;
    let requester_id = rules::requester_id(node, ask)?;
    let request = AuthnRequest {
        id: ids::message_id(random),
        version: "2.0".to_owned(),
        issue_instant: now,
        destination: Some(node.sso_post().to_owned()),
        consent: None,
        force_authn: Some(true),
        is_passive: Some(false),
        // The node compares these with our metadata if they are sent, and some refuse them as such (§2.4.1).
        protocol_binding: None,
        assertion_consumer_service_url: None,
        provider_name: rules::provider_name(connector, node, ask, requester_id.is_some())?,
        issuer: Some(Issuer::entity(connector.entity_id.as_str())),
        has_extensions: true,
        sp_type: rules::sp_type(connector, ask)?.map(|sp_type| sp_type.as_str().to_owned()),
        requested_attributes: Some(attributes.iter().copied().map(rules::requested_attribute).collect()),
        unknown_extensions: Vec::new(),
        name_id_policy: rules::name_id_policy(node),
        requested_authn_context: Some(rules::authn_context(&ask.loa)?),
        requester_ids: requester_id.into_iter().collect(),
    };
    let pending = Pending {
        request_id: request.id.clone(),
        country: node.country(),
        entity_id: node.entity_id().to_owned(),
        loa: ask.loa.clone(),
        kind: ask.kind,
        attributes,
        representation: ask.representation,
        issued_at: now,
        acs_url: connector.acs_url.clone(),
    };
    let signed = dsig::sign(request.to_element(), AuthnRequest::SIGNATURE_INDEX, &connector.signing, &[]);
    let xml = xml::write(&signed.map_err(|_| RequestRefusal::Signing)?);
    Ok(OutgoingRequest {
        destination: node.sso_post().to_owned(),
        saml_request: binding::encode_post(&xml),
        xml,
        pending,
    })
}
