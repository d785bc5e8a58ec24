//! The eIDAS profile of SAML: what we ask of a member state's node, what we accept from it, what we publish
//! about ourselves, and whom we trust. Requirements are cited by the clauses of the eIDAS SAML Message
//! Format, Attribute Profile, Cryptographic Requirements and Interoperability Architecture, version 1.4.
//!
//! Pure: bytes, time and randomness come in as arguments. What becomes of a person after that (claims,
//! `sub`, codes) is not decided here.

pub mod attribute;
mod connector;
mod country;
mod identity;
mod kind;
mod loa;
pub mod mdsl;
pub mod metadata;
pub mod quirk;
pub mod request;
pub mod response;
pub mod rollover;
pub mod trust;

pub use attribute::{Address, Attribute, DateOfBirth, Gender, Identifier, Name};
pub use connector::{Connector, ConnectorError, Contact, Organization};
pub use country::{CountryCode, NotACountryCode};
pub use identity::{Identity, LegalPerson, NaturalPerson, Person, Subject};
pub use kind::{SpType, SubjectKind};
pub use loa::{AssuranceLevel, Loa, LoaDemandError, RequestedLoa};
pub use quirk::Quirks;
pub use request::{Ask, OutgoingRequest, Pending, RequestRefusal};
pub use response::{Declined, Inbound, Meaning, Outcome, Refusal};
pub use rollover::Rollover;
pub use trust::{CountryTrust, TrustRefusal, TrustedNode, Unavailable};
