//! A request arrives at a Proxy-Service: octets become a document, the connector's key vouches for it, all
//! [`rules`] are asked. A broken rule has one of two fates: an error page at the node from which nothing
//! ever comes back, or a signed failure response (CEF node 2.9).

mod rules;

use self::rules::{Context, Fate, RULES, Rule, height};
use super::MemberState;
use super::connector::ConnectorMetadata;
use super::response::Failure;
use crate::crypto::{Certificate, PublicKey};
use crate::eidas::attribute::Attribute;
use crate::saml::names;
use crate::xml::dsig::{self, ReferenceRule};
use crate::xml::{Document, Limits, decode_base64};

/// A request that passed all rules.
#[derive(Clone, Debug)]
pub struct Received {
    /// `ID`, which the response quotes.
    pub id: String,
    /// The connector's entityID.
    pub connector: String,
    /// `NodeCountry` of the connector.
    pub country: String,
    /// Where the response goes.
    pub acs: String,
    /// Whom it is encrypted for.
    pub encryption: Certificate,
    /// `RelayState` as it came; the CEF node sends an empty one back if there was none.
    pub relay_state: String,
    /// `ProviderName`.
    pub provider_name: Option<String>,
    /// What is asked.
    pub attributes: Vec<Attribute>,
    /// `Comparison`: `minimum` or `exact`.
    pub comparison: String,
    /// The levels of assurance listed.
    pub levels: Vec<String>,
    /// The format of the NameID.
    pub name_id_format: String,
}

/// What becomes of a request that breaks a rule.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// An error page, and the pending login at the connector never ends.
    Page(Fault),
    /// A signed failure response to the connector.
    Response(Failure, Box<Received>),
}

/// What is wrong, in the CEF node's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The name of the rule, for the page and for tests.
    pub rule: &'static str,
    /// Six digits (`eidasErrors.properties` of the CEF node).
    pub code: &'static str,
    /// The sentence that goes with the code.
    pub text: &'static str,
}

impl MemberState {
    /// The Issuer of a request that nobody has verified yet: the address to fetch the connector's metadata
    /// from.
    ///
    /// # Errors
    /// The page of a message that cannot be read.
    pub fn issuer_of(&self, saml_request: &str) -> Result<(Document, String), Fault> {
        let octets =
            decode_base64(saml_request).ok_or(fault("base64", "202002", "Invalid SAML Request token."))?;
        if octets.len() > MAX_OCTETS {
            return Err(fault("size", "202002", "Invalid SAML Request token."));
        }
        let document = Document::parse(&octets, &Limits::MESSAGE);
        let document = document
            .map_err(|_| fault("xml", "203013", "BAD XML : DOCTYPE is not permitted in configuration"))?;
        let root = document.root();
        if !root.is(names::SAML2P, "AuthnRequest") {
            return Err(fault(
                "message",
                "202018",
                "The message protocol is not recognized or not supported",
            ));
        }
        let issuer = root.only_child(names::SAML2, "Issuer").ok().and_then(|issuer| issuer.text().ok());
        let issuer =
            issuer.ok_or(fault("issuer", "203007", "The SAML message is not valid"))?.trim().to_owned();
        Ok((document, issuer))
    }

    /// Verifies a request and puts it through all rules.
    ///
    /// # Errors
    /// The fate of the first rule that does not hold.
    pub fn receive(
        &self,
        document: &Document,
        relay_state: Option<&str>,
        connector: &ConnectorMetadata,
    ) -> Result<Received, Refusal> {
        let page = |rule, code, text| Refusal::Page(fault(rule, code, text));
        if relay_state.is_some_and(|state| state.len() > MAX_RELAY_STATE) {
            return Err(page("relay_state", "200009", "Invalid Relay State."));
        }
        let keys: Vec<PublicKey> = connector.signing.iter().filter_map(|c| c.public_key().ok()).collect();
        let verified = dsig::verify(document.root(), &keys, ReferenceRule::OwnId);
        let verified =
            verified.map_err(|_| page("signature", "203015", "The signing algorithm is not allowed"))?;
        let context = Context { request: verified.element(), connector, node: self };
        let received = context.received(relay_state.unwrap_or_default());
        match RULES.iter().find(|rule| !(rule.holds)(&context)) {
            None => Ok(received),
            Some(Rule { name, broken: Fate::Page(code, text), .. }) => Err(page(name, code, text)),
            Some(Rule { broken: Fate::Response(code, text), .. }) => {
                Err(Refusal::Response(Failure::bad_request(code, text), Box::new(received)))
            }
        }
    }
}

impl Received {
    /// Whether a citizen with an eID of this level may be let through.
    pub(super) fn is_met_by(&self, level: &str) -> bool {
        match self.comparison.as_str() {
            "minimum" => {
                let asked = self.levels.iter().find_map(|asked| height(asked));
                height(level).zip(asked).is_some_and(|(has, asked)| has >= asked)
            }
            _ => self.levels.iter().any(|asked| asked == level),
        }
    }
}

fn fault(rule: &'static str, code: &'static str, text: &'static str) -> Fault {
    Fault { rule, code, text }
}

/// `EidasParameterKeys`, SAMLRequest: 131072 octets.
const MAX_OCTETS: usize = 131_072;
/// SAML bindings §3.5.3.
const MAX_RELAY_STATE: usize = 80;
