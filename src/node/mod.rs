//! The other side of the street, for `demo` and tests: a simulated member state (an eIDAS Proxy-Service
//! that behaves like the CEF eIDAS-Node 2.9) and a demo relying party.
//!
//! It is written against the profile from the node's side and reads and builds its messages itself, so that
//! the gateway is not tested by its own builders. The deciding parts are pure (bytes, time and randomness
//! in; documents out); [`member_state`] and [`relying_party`](relying_party::relying_party) put them behind
//! HTTP. Nothing of this is reachable from `serve`.

mod attributes;
mod citizens;
mod connector;
mod http;
mod metadata;
mod pages;
mod request;
mod response;
mod wire;

pub mod relying_party;

use crate::clock::Timestamp;
use crate::crypto::{Curve, DigestAlgorithm, KeyError, KeyKind, PrivateKey, SignatureAlgorithm, SigningKey};
use crate::eidas::CountryCode;
use crate::ids::Random;

pub use citizens::{CITIZENS, Citizen};
pub use connector::{ConnectorFault, ConnectorMetadata};
pub use http::{Neighbour, member_state};
pub use request::{Fault, Received, Refusal};
pub use response::{Failure, Misbehaviour};
pub use wire::{Answer, Call, InProcess, Wire};

/// A simulated member state: where it lives, its key and its habits.
#[derive(Clone)]
pub struct MemberState {
    /// The country its metadata names.
    pub country: CountryCode,
    /// The country's name for its own pages.
    pub name: String,
    /// Its address without a slash at the end, such as `http://xa.node.localhost:8080`.
    pub base: String,
    /// The key of messages and metadata.
    pub signing: SigningKey,
    /// How its metadata is signed.
    pub metadata_form: MetadataForm,
    /// Whether it asks private relying parties for a RequesterID (`requester.id.flag` of the CEF node).
    pub requires_requester_id: bool,
}

/// How metadata refers to itself in its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetadataForm {
    /// No `ID`, `Reference URI=""`: what the CEF node publishes.
    Whole,
    /// `ID` and `Reference URI="#…"`: what most others publish.
    WithId,
}

impl MemberState {
    /// The country `XA`: RSA-3072 with PSS, metadata as the CEF node writes it.
    ///
    /// # Errors
    /// [`KeyError`], if a key cannot be made.
    pub fn xa(base: &str, now: Timestamp, random: &dyn Random) -> Result<Self, KeyError> {
        let algorithm = SignatureAlgorithm::RsaPss(DigestAlgorithm::Sha256);
        let key = PrivateKey::generate(KeyKind::Rsa(3072))?;
        Self::new("XA", "Alpinia", base, key, algorithm, MetadataForm::Whole, now, random)
    }

    /// The country `XB`: ECDSA on P-256, metadata with an ID, RequesterID wanted of private parties.
    ///
    /// # Errors
    /// [`KeyError`], if a key cannot be made.
    pub fn xb(base: &str, now: Timestamp, random: &dyn Random) -> Result<Self, KeyError> {
        let algorithm = SignatureAlgorithm::Ecdsa(DigestAlgorithm::Sha256);
        let key = PrivateKey::generate(KeyKind::Ec(Curve::P256))?;
        let country = Self::new("XB", "Borealia", base, key, algorithm, MetadataForm::WithId, now, random)?;
        Ok(Self { requires_requester_id: true, ..country })
    }
}

#[cfg(test)]
mod tests;
