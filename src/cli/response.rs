//! `response check`: judges a recorded response offline, as of a given time, by the same rules as the
//! running gateway.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{ConfigFile, Done, Failure, Verdict, now, time};
use crate::clock::Timestamp;
use crate::eidas::attribute::{self, Attribute};
use crate::eidas::response::{Inbound, Outcome, judge};
use crate::eidas::{
    AssuranceLevel, Connector, CountryTrust, Loa, Meaning, Pending, RequestedLoa, SubjectKind, TrustedNode,
    trust,
};
use crate::login::claims;
use crate::outbound::Source;
use crate::saml::{AuthnRequest, binding};
use crate::xml::dsig::{self, ReferenceRule};
use crate::xml::{Document, Limits};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Judge a recorded response: print the rule that refuses it, or the claims.
    Check(Check),
}

#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    file: ConfigFile,
    /// The response: XML, or the form field `SAMLResponse` (base64).
    #[arg(long, value_name = "FILE")]
    response: PathBuf,
    /// The request that was sent, as XML or base64, signed by us. Without it the response is judged as if
    /// any level of assurance and any set of attributes had been asked for.
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
    /// The metadata of the node, instead of the file or address in the configuration.
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
    /// Judge as of this time instead of now.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
    /// A representative was allowed to act for the person.
    #[arg(long)]
    representation: bool,
}

pub(super) fn run(command: &Command) -> Done {
    let Command::Check(arguments) = command;
    let at = arguments.at.unwrap_or_else(now);
    match verdict(arguments, at) {
        Ok(Ok(details)) => Verdict::accepted(details).print(),
        Ok(Err(verdict)) => verdict.print(),
        Err(failure) => Verdict::not_judged(&failure).print(),
    }
}

/// What the response is worth; the outer error is about the command, not about the response.
fn verdict(arguments: &Check, at: Timestamp) -> Result<Result<Value, Verdict>, Failure> {
    let (_, opened) = arguments.file.load(at)?;
    let response = &form_field(&arguments.response)?;
    let request = arguments.request.as_deref().map(read).transpose()?;
    let inbound = match Inbound::read(response) {
        Ok(inbound) => inbound,
        Err(refusal) => return Ok(Err(Verdict::by_rule(refusal.rule, refusal.code, &refusal.detail))),
    };
    let issuer = inbound.issuer().unwrap_or_default().to_owned();
    let node = match node_of(&issuer, arguments, &opened.countries, at)? {
        Ok(node) => node,
        Err(verdict) => return Ok(Err(verdict)),
    };
    let connector = &opened.connector;
    let judged = match &request {
        Some(request) => {
            let pending = sent(request, connector, &node, arguments.representation);
            let pending = pending.map_err(|why| Failure::new("--request is not a request of ours", why))?;
            judge(inbound, connector, &node, &pending, at)
        }
        None => {
            let natural = anything(&inbound, SubjectKind::Natural, connector, &node, at);
            let legal = anything(&inbound, SubjectKind::Legal, connector, &node, at);
            judge(inbound, connector, &node, &natural, at).or_else(|refusal| {
                let again = Inbound::read(response).map_err(|_| refusal.clone())?;
                judge(again, connector, &node, &legal, at).map_err(|_| refusal)
            })
        }
    };
    Ok(match judged {
        Ok(outcome) => Ok(describe(&outcome, &node, request.is_some())),
        Err(refusal) => Err(Verdict::by_rule(refusal.rule, refusal.code, &refusal.detail)),
    })
}

/// The trusted node whose entityID is `issuer`.
fn node_of(
    issuer: &str,
    arguments: &Check,
    countries: &[(CountryTrust, Source)],
    at: Timestamp,
) -> Result<Result<TrustedNode, Verdict>, Failure> {
    let mut refusals = Vec::new();
    for (trusted, source) in countries {
        let metadata = match (&arguments.metadata, source) {
            (Some(file), _) | (None, Source::File(file)) => read(file)?,
            // This command works offline.
            (None, other) => {
                refusals.push(format!("{}: {other} is not fetched; use --metadata FILE", trusted.country));
                continue;
            }
        };
        match trust::check(&metadata, trusted, at) {
            Ok(node) if node.entity_id() == issuer => return Ok(Ok(node)),
            Ok(node) => refusals.push(format!("{}: {} is not the issuer", trusted.country, node.entity_id())),
            Err(refusal) => refusals.push(format!("{}: {refusal}", trusted.country)),
        }
    }
    let detail = format!("no trusted metadata for the issuer: {}", refusals.join("; "));
    Ok(Err(Verdict::by_rule("SEC-14", "issuer_not_trusted", &detail)))
}

/// What the gateway would have kept of the request that it sent.
fn sent(
    request: &[u8],
    connector: &Connector,
    node: &TrustedNode,
    representation: bool,
) -> Result<Pending, String> {
    let xml = if is_xml(request) { request.to_vec() } else { decode(request)? };
    let document = Document::parse(&xml, &Limits::MESSAGE).map_err(|error| error.to_string())?;
    let certificates =
        [connector.signing.certificate()].into_iter().chain(&connector.extra_signing_certificates);
    let keys: Vec<_> = certificates.filter_map(|certificate| certificate.public_key().ok()).collect();
    let verified =
        dsig::verify(document.root(), &keys, ReferenceRule::OwnId).map_err(|error| error.to_string())?;
    let request = AuthnRequest::read(&verified).map_err(|error| error.to_string())?;
    let asked = request.requested_attributes.unwrap_or_default();
    let attributes: BTreeSet<_> = asked.iter().filter_map(|asked| attribute::by_name(&asked.name)).collect();
    let context = request.requested_authn_context;
    let (comparison, levels) =
        context.map(|context| (context.comparison, context.class_refs)).unwrap_or_default();
    Ok(Pending {
        request_id: request.id,
        country: node.country(),
        entity_id: node.entity_id().to_owned(),
        loa: demanded(comparison.as_deref(), levels)?,
        kind: kind(&attributes),
        attributes,
        representation,
        issued_at: request.issue_instant,
        acs_url: connector.acs_url.clone(),
    })
}

fn demanded(comparison: Option<&str>, levels: Vec<String>) -> Result<RequestedLoa, String> {
    match comparison {
        None | Some("exact") => Ok(RequestedLoa::Exact(levels)),
        Some("minimum") => {
            let lowest = levels.iter().filter_map(|uri| Loa::from_uri(uri)).min();
            lowest.map(RequestedLoa::Minimum).ok_or_else(|| "it asks for no level of assurance".to_owned())
        }
        Some(other) => Err(format!("it compares levels of assurance by `{other}`")),
    }
}

/// Legal if an attribute of a legal person is mandatory in it; representatives are not asked for.
fn kind(attributes: &BTreeSet<Attribute>) -> SubjectKind {
    if attributes.iter().any(|attribute| attribute.kind() == SubjectKind::Legal && attribute.is_mandatory()) {
        SubjectKind::Legal
    } else {
        SubjectKind::Natural
    }
}

/// A request that the response fits, as far as a request can be made up.
fn anything(
    inbound: &Inbound,
    kind: SubjectKind,
    connector: &Connector,
    node: &TrustedNode,
    at: Timestamp,
) -> Pending {
    let mut levels: Vec<_> = node.loas().iter().map(AssuranceLevel::uri).map(str::to_owned).collect();
    levels.extend(Loa::ALL.map(|level| level.uri().to_owned()));
    Pending {
        request_id: inbound.in_response_to().unwrap_or_default().to_owned(),
        country: node.country(),
        entity_id: node.entity_id().to_owned(),
        loa: RequestedLoa::Exact(levels),
        kind,
        attributes: Attribute::ALL.iter().copied().filter(|attribute| attribute.kind() == kind).collect(),
        representation: true,
        // Nobody knows when it was asked; a login takes a quarter of an hour at most.
        issued_at: at - Duration::from_mins(15),
        acs_url: connector.acs_url.clone(),
    }
}

fn describe(outcome: &Outcome, node: &TrustedNode, against_request: bool) -> Value {
    let mut details = json!({
        "judged_against_request": against_request,
        "country": node.country().as_str(),
        "node": node.entity_id(),
    });
    let more = match outcome {
        Outcome::Authenticated(identity) => json!({
            "outcome": "authenticated",
            "response_id": identity.response_id,
            "assertion_id": identity.assertion_id,
            "loa": identity.level.uri(),
            "dropped_attributes": identity.dropped,
            "tolerated": identity.tolerated,
            "claims": claims::all(identity),
        }),
        Outcome::Declined(declined) => json!({
            "outcome": "declined",
            "response_id": declined.response_id,
            "status": declined.top,
            "second_status": declined.second,
            "status_message": declined.message,
            "meaning": match declined.meaning {
                Meaning::Cancelled => "cancelled",
                Meaning::Denied => "denied",
                Meaning::NoAuthnContext => "no_authn_context",
                Meaning::OurFault => "our_fault",
                Meaning::NodeFault => "node_fault",
            },
        }),
    };
    if let (Value::Object(details), Value::Object(more)) = (&mut details, more) {
        details.extend(more);
    }
    details
}

/// The content of a message's file as the form field that it came in.
fn form_field(path: &Path) -> Result<String, Failure> {
    let octets = read(path)?;
    let text = String::from_utf8(octets).map_err(|error| Failure::new(&path.display().to_string(), error))?;
    Ok(if is_xml(text.as_bytes()) { binding::encode_post(&text) } else { text.trim().to_owned() })
}

fn decode(field: &[u8]) -> Result<Vec<u8>, String> {
    let text = std::str::from_utf8(field).map_err(|error| error.to_string())?;
    binding::decode_post(text.trim()).map_err(|error| error.to_string())
}

fn is_xml(octets: &[u8]) -> bool {
    octets.trim_ascii_start().starts_with(b"<")
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| Failure::new(&path.display().to_string(), error))
}
