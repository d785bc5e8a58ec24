//! What a Proxy-Service checks on an AuthnRequest, as the CEF node 2.9 does it: one rule, one function, one
//! row in [`RULES`].
//!
//! The rules are written here once more on purpose, although `eidas::request` knows them too: this is the
//! other side, and it must not be wrong in the same way.

use std::collections::BTreeSet;

use super::Received;
use crate::eidas::SubjectKind;
use crate::eidas::attribute::{self, Attribute, Named};
use crate::node::connector::ConnectorMetadata;
use crate::node::{MemberState, metadata};
use crate::saml::names;
use crate::xml::Element;

/// A rule and what happens when it is broken.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) holds: fn(&Context<'_>) -> bool,
    pub(super) broken: Fate,
}

/// What becomes of a request: an error page or a failure response, with code and text.
#[derive(Clone, Copy)]
pub(super) enum Fate {
    Page(&'static str, &'static str),
    Response(&'static str, &'static str),
}

/// All that a rule may look at.
pub(super) struct Context<'a> {
    pub(super) request: &'a Element,
    pub(super) connector: &'a ConnectorMetadata,
    pub(super) node: &'a MemberState,
}

const INVALID_MESSAGE: Fate = Fate::Page("203007", "The SAML message is not valid");
const INVALID_LOA: Fate = Fate::Page("202015", "invalid value for Level of Assurance");

/// In the order in which they are asked.
pub(super) const RULES: &[Rule] = &[
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
pub(super) fn height(level: &str) -> Option<usize> {
    NOTIFIED.iter().position(|notified| *notified == level)
}

impl<'a> Context<'a> {
    /// What the request says, whether or not it holds.
    pub(super) fn received(&self, relay_state: &str) -> Received {
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
