//! SEC-01 to SEC-34 of the response table: for each row a document that breaks that row alone, and the exact
//! row and code that refuse it. Rows that are decided at the edge have their tests there: SEC-01, the web half
//! of SEC-13, SEC-17, SEC-32, SEC-33 and SEC-34.

mod assertion;
mod envelope;
mod person;

use std::time::Duration;

use eidas_gateway::crypto::{DigestAlgorithm, KeyTransport};
use eidas_gateway::eidas::attribute::Attribute as Eidas;
use eidas_gateway::eidas::response::RULES;
use eidas_gateway::eidas::{
    Ask, AssuranceLevel, Inbound, Loa, Meaning, Outcome, Person, RequestedLoa, Subject, SubjectKind,
    TrustedNode,
};
use eidas_gateway::saml::names::status;
use eidas_gateway::saml::{AttributeValue, Status, binding};
use eidas_gateway::xml;

use crate::stage::{
    ACS, KEYS, Play, ask, attribute, entity, legal_person, metadata, named, natural_person,
    natural_representative, now, representative, signed, trust_in_node,
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
