//! What a Proxy-Service checks on an AuthnRequest, as the CEF node 2.9 does it: one rule, one function, one
//! row in [`RULES`]. A broken rule has one of two fates: an error page at the node from which nothing ever
//! comes back, or a signed failure response.
//!
//! The rules are written here once more on purpose, although `eidas::request` knows them too: this is the
//! other side, and it must not be wrong in the same way.

use std::collections::BTreeSet;

use super::connector::ConnectorMetadata;
use super::response::Failure;
use super::{MemberState, metadata};
use crate::crypto::{Certificate, PublicKey};
use crate::eidas::SubjectKind;
use crate::eidas::attribute::{self, Attribute, Named};
use crate::saml::names;
use crate::xml::dsig::{self, ReferenceRule};
use crate::xml::{Document, Element, Limits, decode_base64};

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

/// A rule and what happens when it is broken.
struct Rule {
    name: &'static str,
    holds: fn(&Context<'_>) -> bool,
    broken: Fate,
}

/// What becomes of a request: an error page or a failure response, with code and text.
#[derive(Clone, Copy)]
enum Fate {
    Page(&'static str, &'static str),
    Response(&'static str, &'static str),
}

/// All that a rule may look at.
struct Context<'a> {
    request: &'a Element,
    connector: &'a ConnectorMetadata,
    node: &'a MemberState,
}

const INVALID_MESSAGE: Fate = Fate::Page("203007", "The SAML message is not valid");
const INVALID_LOA: Fate = Fate::Page("202015", "invalid value for Level of Assurance");

/// In the order in which they are asked.
const RULES: &[Rule] = &[
    Rule { name: "version", holds: version_is_2_0, broken: INVALID_MESSAGE },
    Rule { name: "id", holds: has_an_id, broken: INVALID_MESSAGE },
    Rule { name: "issue_instant", holds: has_an_issue_instant, broken: INVALID_MESSAGE },
    Rule {
        name: "destination",
        holds: destination_is_here,
        broken: Fate::Page("203002", "Invalid configuration."),
    },
    Rule { name: "force_authn", holds: force_authn_is_true, broken: INVALID_MESSAGE },
    Rule { name: "is_passive", holds: is_passive_is_not_true, broken: INVALID_MESSAGE },
    Rule { name: "consent", holds: consent_is_known, broken: INVALID_MESSAGE },
    Rule {
        name: "protocol_binding",
        holds: binding_is_post,
        broken: Fate::Page("003003", "Invalid Protocol Binding"),
    },
    Rule {
        name: "acs_url",
        holds: acs_is_the_default,
        broken: Fate::Page("202002", "Invalid SAML Request token."),
    },
    Rule { name: "issuer_format", holds: issuer_is_an_entity, broken: INVALID_MESSAGE },
    Rule { name: "extensions", holds: extensions_are_known, broken: INVALID_MESSAGE },
    Rule { name: "sp_type_value", holds: sp_type_is_known, broken: INVALID_MESSAGE },
    Rule {
        name: "sp_type_twice",
        holds: sp_type_is_not_twice,
        broken: Fate::Page("202016", "SPType not consistent"),
    },
    Rule {
        name: "sp_type_missing",
        holds: sp_type_is_somewhere,
        broken: Fate::Page("202017", "mandatory SPType not found"),
    },
    Rule {
        name: "representative",
        holds: no_representative_is_asked,
        broken: Fate::Page("203024", "Representative attribute found in Request."),
    },
    Rule { name: "is_required", holds: is_required_is_right, broken: Fate::Page("203001", "Generic Error.") },
    Rule { name: "loa_syntax", holds: levels_are_well_formed, broken: INVALID_LOA },
    Rule { name: "both_kinds", holds: kinds_are_not_mixed, broken: INVALID_MESSAGE },
    Rule { name: "name_id_policy", holds: name_id_format_is_known, broken: INVALID_MESSAGE },
    Rule {
        name: "attributes",
        holds: something_is_asked,
        broken: Fate::Response("202005", "Invalid Attribute List."),
    },
    Rule {
        name: "minimum_data_set",
        holds: a_minimum_data_set_is_asked,
        broken: Fate::Page("203021", "incomplete attribute set"),
    },
    Rule {
        name: "loa_published",
        holds: a_level_is_published,
        broken: Fate::Response("202015", "invalid value for Level of Assurance"),
    },
    Rule {
        name: "requester_id",
        holds: requester_is_named,
        broken: Fate::Response("202020", "The RequesterID is missing."),
    },
];

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

fn fault(rule: &'static str, code: &'static str, text: &'static str) -> Fault {
    Fault { rule, code, text }
}

fn version_is_2_0(context: &Context<'_>) -> bool {
    context.request.attribute("Version") == Some("2.0")
}

fn has_an_id(context: &Context<'_>) -> bool {
    context.request.attribute("ID").is_some_and(|id| !id.is_empty())
}

/// Present, but of any age: the CEF node looks no closer (probes of 2020 and 2040 were accepted).
fn has_an_issue_instant(context: &Context<'_>) -> bool {
    context.request.attribute("IssueInstant").and_then(crate::clock::Timestamp::parse).is_some()
}

fn destination_is_here(context: &Context<'_>) -> bool {
    let here = context.node.sso();
    context.request.attribute("Destination").is_some_and(|there| there.eq_ignore_ascii_case(&here))
}

fn force_authn_is_true(context: &Context<'_>) -> bool {
    context.request.attribute("ForceAuthn") == Some("true")
}

fn is_passive_is_not_true(context: &Context<'_>) -> bool {
    matches!(context.request.attribute("IsPassive"), None | Some("false"))
}

fn consent_is_known(context: &Context<'_>) -> bool {
    const KNOWN: [&str; 7] = [
        "obtained",
        "prior",
        "current-implicit",
        "current-explicit",
        "unspecified",
        "unavailable",
        "inapplicable",
    ];
    let Some(consent) = context.request.attribute("Consent") else { return true };
    let last = consent.strip_prefix("urn:oasis:names:tc:SAML:2.0:consent:");
    last.is_some_and(|last| KNOWN.contains(&last))
}

fn binding_is_post(context: &Context<'_>) -> bool {
    matches!(context.request.attribute("ProtocolBinding"), None | Some(names::HTTP_POST))
}

fn acs_is_the_default(context: &Context<'_>) -> bool {
    let acs = context.request.attribute("AssertionConsumerServiceURL");
    acs.is_none_or(|acs| acs == context.connector.acs)
}

fn issuer_is_an_entity(context: &Context<'_>) -> bool {
    let issuer = context.request.only_child(names::SAML2, "Issuer");
    issuer.is_ok_and(|issuer| matches!(issuer.attribute("Format"), None | Some(names::NAMEID_ENTITY)))
}

fn extensions_are_known(context: &Context<'_>) -> bool {
    let Some(extensions) = context.extensions() else { return false };
    extensions.elements().all(|e| e.is(names::EIDAS, "SPType") || e.is(names::EIDAS, "RequestedAttributes"))
}

fn sp_type_is_known(context: &Context<'_>) -> bool {
    context.sp_types().all(|text| matches!(text, "public" | "private"))
}

fn sp_type_is_not_twice(context: &Context<'_>) -> bool {
    context.sp_types().count() + usize::from(context.connector.sp_type.is_some()) <= 1
}

fn sp_type_is_somewhere(context: &Context<'_>) -> bool {
    context.sp_type().is_some()
}

fn no_representative_is_asked(context: &Context<'_>) -> bool {
    let asked = context.requested().filter_map(|asked| asked.attribute("Name"));
    asked.map(Named::read).all(|name| matches!(name, Named::Subject(_) | Named::Unknown))
}

/// An absent `isRequired` counts as `false` (probes 22 and 23).
fn is_required_is_right(context: &Context<'_>) -> bool {
    context.requested().all(|asked| {
        let Some(attribute) = asked.attribute("Name").and_then(attribute::by_name) else { return true };
        match asked.attribute("isRequired") {
            Some("true" | "1") => attribute.is_mandatory(),
            None | Some("false" | "0") => !attribute.is_mandatory(),
            Some(_) => false,
        }
    })
}

fn levels_are_well_formed(context: &Context<'_>) -> bool {
    let Some(asked) = context.authn_context() else { return false };
    let levels = context.levels();
    let notified: Vec<usize> = levels.iter().filter_map(|level| height(level)).collect();
    let others = levels.iter().filter(|level| height(level).is_none());
    if others.clone().any(|level| level.starts_with("http://eidas.europa.eu/LoA/")) {
        return false;
    }
    match asked.attribute("Comparison") {
        Some("minimum") => levels.len() == 1 && notified.len() == 1,
        None | Some("exact") => {
            let unique: BTreeSet<_> = levels.iter().collect();
            let lowest = notified.iter().min();
            let all_higher = lowest.is_none_or(|lowest| notified.len() == NOTIFIED.len() - lowest);
            unique.len() == levels.len() && others.count() > 0 && all_higher
        }
        Some(_) => false,
    }
}

/// A request for both kinds of person was allowed up to version 1.3 only.
fn kinds_are_not_mixed(context: &Context<'_>) -> bool {
    let kinds: BTreeSet<_> = context.attributes().into_iter().map(Attribute::kind).collect();
    kinds.len() <= 1 || matches!(context.connector.protocol_version.as_str(), "1.2" | "1.3")
}

fn name_id_format_is_known(context: &Context<'_>) -> bool {
    const KNOWN: [&str; 3] = [names::NAMEID_PERSISTENT, names::NAMEID_TRANSIENT, names::NAMEID_UNSPECIFIED];
    context.name_id_format().is_none_or(|format| KNOWN.contains(&format))
}

fn something_is_asked(context: &Context<'_>) -> bool {
    !context.attributes().is_empty()
}

fn a_minimum_data_set_is_asked(context: &Context<'_>) -> bool {
    let asked = context.attributes();
    let complete = |kind| Attribute::mandatory(kind).all(|attribute| asked.contains(&attribute));
    complete(SubjectKind::Natural) || complete(SubjectKind::Legal)
}

fn a_level_is_published(context: &Context<'_>) -> bool {
    let asked = context.levels();
    metadata::LEVELS.iter().any(|published| {
        asked.iter().any(|asked| match (height(asked), height(published)) {
            (Some(asked), Some(published)) => published >= asked,
            (None, None) => asked == published,
            _ => false,
        })
    })
}

fn requester_is_named(context: &Context<'_>) -> bool {
    let scoping = context.request.optional_child(names::SAML2P, "Scoping").ok().flatten();
    let requester = scoping.and_then(|s| s.children(names::SAML2P, "RequesterID").next());
    let requester = requester.and_then(|r| r.text().ok());
    let needed = context.node.requires_requester_id && context.sp_type() == Some("private");
    match requester {
        Some(requester) => !requester.is_empty() && requester.chars().count() <= 1024,
        None => !needed,
    }
}

/// The notified levels from low to high.
const NOTIFIED: [&str; 3] = [
    "http://eidas.europa.eu/LoA/low",
    "http://eidas.europa.eu/LoA/substantial",
    "http://eidas.europa.eu/LoA/high",
];

/// How high a notified level is; `None` for one that is not notified.
fn height(level: &str) -> Option<usize> {
    NOTIFIED.iter().position(|notified| *notified == level)
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

impl<'a> Context<'a> {
    fn received(&self, relay_state: &str) -> Received {
        Received {
            id: self.request.attribute("ID").unwrap_or_default().to_owned(),
            connector: self.connector.entity_id.clone(),
            country: self.connector.country.clone(),
            acs: self.connector.acs.clone(),
            encryption: self.connector.encryption.clone(),
            relay_state: relay_state.to_owned(),
            provider_name: self.request.attribute("ProviderName").map(str::to_owned),
            attributes: self.attributes(),
            comparison: self.comparison().to_owned(),
            levels: self.levels(),
            name_id_format: self.name_id_format().unwrap_or(names::NAMEID_UNSPECIFIED).to_owned(),
        }
    }

    fn extensions(&self) -> Option<&'a Element> {
        self.request.optional_child(names::SAML2P, "Extensions").ok().flatten()
    }

    fn sp_types(&self) -> impl Iterator<Item = &'a str> {
        let found = self.extensions().into_iter().flat_map(|e| e.children(names::EIDAS, "SPType"));
        found.map(|e| e.text().unwrap_or_default())
    }

    fn sp_type(&self) -> Option<&'a str> {
        self.sp_types().next().or(self.connector.sp_type.as_deref())
    }

    fn requested(&self) -> impl Iterator<Item = &'a Element> {
        let lists =
            self.extensions().into_iter().flat_map(|e| e.children(names::EIDAS, "RequestedAttributes"));
        lists.flat_map(|list| list.children(names::EIDAS, "RequestedAttribute"))
    }

    /// Unknown names are dropped without a word, as the CEF node does.
    fn attributes(&self) -> Vec<Attribute> {
        self.requested().filter_map(|asked| attribute::by_name(asked.attribute("Name")?)).collect()
    }

    fn authn_context(&self) -> Option<&'a Element> {
        self.request.optional_child(names::SAML2P, "RequestedAuthnContext").ok().flatten()
    }

    fn comparison(&self) -> &'a str {
        self.authn_context().and_then(|asked| asked.attribute("Comparison")).unwrap_or("exact")
    }

    fn levels(&self) -> Vec<String> {
        let refs = self.authn_context().into_iter();
        let refs = refs.flat_map(|asked| asked.children(names::SAML2, "AuthnContextClassRef"));
        refs.filter_map(|level| level.text().ok()).map(|level| level.trim().to_owned()).collect()
    }

    fn name_id_format(&self) -> Option<&'a str> {
        let policy = self.request.optional_child(names::SAML2P, "NameIDPolicy").ok().flatten()?;
        policy.attribute("Format")
    }
}

/// `EidasParameterKeys`, SAMLRequest: 131072 octets.
const MAX_OCTETS: usize = 131_072;
/// SAML bindings §3.5.3.
const MAX_RELAY_STATE: usize = 80;
