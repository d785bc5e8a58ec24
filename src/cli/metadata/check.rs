//! `metadata check`: the verdict on metadata of nodes, and on the lists that say where it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};

use super::super::{ConfigFile, Failure, Verdict, block_on, now, sha256, time};
use crate::app;
use crate::clock::Timestamp;
use crate::config::Profile;
use crate::crypto::Certificate;
use crate::eidas::mdsl::{ListTrust, MetadataServiceList, SERVICE_LIST};
use crate::eidas::trust::{self, Answers, RevocationPolicy, VouchedBy, revocation};
use crate::eidas::{CountryCode, CountryTrust, TrustRefusal, TrustedNode};
use crate::outbound::{FetchError, Fetcher, Source, url_parts};
use crate::saml::names::MD;
use crate::xml::{Document, Limits};

#[derive(Debug, Args)]
pub(in super::super) struct Check {
    /// Files or https addresses of metadata, or of a MetadataServiceList. With a configuration, by default
    /// every list and every country in it.
    #[arg(value_name = "FILE|URL", required_unless_present = "config")]
    sources: Vec<String>,
    /// Take what vouches for each country from this configuration file.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["anchor", "sha256"])]
    config: Option<PathBuf>,
    /// A file with certificates that vouch for the metadata, instead of a configuration.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    anchor: Vec<PathBuf>,
    /// The SHA-256 of a document that is believed unsigned, instead of a configuration.
    #[arg(long, value_name = "HEX", value_parser = sha256, requires = "country", conflicts_with_all = ["config", "anchor"])]
    sha256: Option<[u8; 32]>,
    /// The country whose metadata this is. With a configuration: by default what the metadata says.
    #[arg(long, value_name = "CC")]
    country: Option<CountryCode>,
    /// Accept certificates that are signed with RSA PKCS#1 v1.5.
    #[arg(long, requires = "anchor")]
    accept_pkcs1_certificates: bool,
    /// Refuse a certificate of which nobody says whether it was revoked.
    #[arg(long, requires = "anchor")]
    hard_revocation: bool,
    /// Judge as of this time instead of now.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
}

pub(in super::super) fn check(arguments: &Check) -> Result<Verdict, Failure> {
    let mut judge = Judge::new(arguments)?;
    let mut documents = Vec::new();
    if arguments.sources.is_empty() {
        for (name, source) in judge.configured(arguments.country) {
            documents.push(judge.configured_source(&name, &source)?);
        }
    }
    for source in &arguments.sources {
        documents.push(judge.source(source, arguments.country)?);
    }
    let refused = documents.iter().find(|document| document["verdict"] == "refused");
    Ok(match refused {
        None => Verdict::accepted(json!({ "documents": documents })),
        Some(first) => Verdict::refused(
            json!({ "code": first["code"], "detail": first["detail"], "documents": documents }),
        ),
    })
}

/// Why there is no verdict but this: a code, and what exactly.
type Refused = (&'static str, String);

/// What vouches for which country, where its metadata is, and what was found out about revocation.
struct Judge {
    countries: Vec<(CountryTrust, Source)>,
    lists: Vec<(String, ListTrust, Source)>,
    read: BTreeMap<String, Result<MetadataServiceList, Refused>>,
    /// What vouches for a list that no configuration names.
    other_lists: ListTrust,
    answers: Answers,
    fetcher: Fetcher,
    at: Timestamp,
}

/// Something that a configuration names.
enum Configured {
    List(Source),
    Country(CountryTrust, Source),
}

impl Judge {
    fn new(arguments: &Check) -> Result<Self, Failure> {
        let at = arguments.at.unwrap_or_else(now);
        let (countries, lists, other_lists, fetcher) = match &arguments.config {
            Some(config) => {
                let (config, opened) = ConfigFile { config: config.clone() }.load(at)?;
                let others = anchors_of(&opened.lists);
                (opened.countries, opened.lists, others, app::fetcher(&config.outbound, config.profile))
            }
            None => {
                let (countries, lists) = by_hand(arguments)?;
                let fetcher = app::fetcher(&crate::config::Outbound::default(), Profile::Test);
                (countries, Vec::new(), lists, fetcher)
            }
        };
        let (read, answers) = (BTreeMap::new(), Answers::default());
        let mut judge = Self { countries, lists, read, other_lists, answers, fetcher, at };
        let mut claims = BTreeMap::new();
        for (name, trust, source) in judge.lists.clone() {
            let list = judge.list(&trust, &source)?;
            claims.extend(list.iter().flat_map(MetadataServiceList::claims));
            judge.read.insert(name, list);
        }
        let claims = Arc::new(claims);
        judge.countries.iter_mut().for_each(|(trust, _)| trust.claims = Arc::clone(&claims));
        Ok(judge)
    }

    fn configured(&self, country: Option<CountryCode>) -> Vec<(String, Configured)> {
        let wanted = |trust: &CountryTrust| country.is_none_or(|country| country == trust.country);
        let lists = self.lists.iter().filter(|_| country.is_none()).cloned();
        let countries = self.countries.iter().filter(|(trust, _)| wanted(trust)).cloned();
        lists
            .map(|(name, _, source)| (name, Configured::List(source)))
            .chain(
                countries
                    .map(|(trust, source)| (trust.country.to_string(), Configured::Country(trust, source))),
            )
            .collect()
    }

    /// The verdict on a list or a country as it is configured.
    fn configured_source(&mut self, name: &str, configured: &Configured) -> Result<Value, Failure> {
        match configured {
            Configured::List(source) => {
                let list = self.read.get(name);
                Ok(match list {
                    Some(Ok(list)) => describe_list(&source.to_string(), list),
                    Some(Err(refusal)) => refused(&source.to_string(), refusal),
                    None => refused(&source.to_string(), &("list_not_read", name.to_owned())),
                })
            }
            Configured::Country(trust, source) => {
                let (trust, source) = match self.effective(trust, source) {
                    Ok(found) => found,
                    Err(refusal) => return Ok(refused(&format!("{name}: {source}"), &refusal)),
                };
                let octets = match self.load(&source)? {
                    Ok(octets) => octets,
                    Err(refusal) => return Ok(refused(&source.to_string(), &refusal)),
                };
                self.node(&source.to_string(), &octets, &trust)
            }
        }
    }

    /// The verdict on a document named on the command line.
    fn source(&mut self, name: &str, country: Option<CountryCode>) -> Result<Value, Failure> {
        let source = match url_parts(name) {
            Some(_) => Source::Url(name.to_owned()),
            None => Source::File(name.into()),
        };
        let octets = match self.load(&source)? {
            Ok(octets) => octets,
            Err(refusal) => return Ok(refused(name, &refusal)),
        };
        let (kind, claimed) = glance(&octets);
        if kind == Kind::List {
            let list = MetadataServiceList::read(&octets, &self.list_trust(&source), self.at);
            return Ok(match list {
                Ok(list) => describe_list(name, &list),
                Err(refusal) => refused(name, &(refusal.code, refusal.detail)),
            });
        }
        if kind == Kind::Other {
            let detail = "the document is neither metadata nor a MetadataServiceList".to_owned();
            return Ok(refused(name, &("not_metadata", detail)));
        }
        let Some(country) = country.or(claimed) else {
            let detail = "the document names no NodeCountry; use --country".to_owned();
            return Ok(refused(name, &("country_unknown", detail)));
        };
        let Some((trust, configured)) = self.countries.iter().find(|(trust, _)| trust.country == country)
        else {
            let detail = format!("nothing is configured to vouch for {country}");
            return Ok(refused(name, &("country_not_configured", detail)));
        };
        match self.effective(trust, configured) {
            Ok((trust, _)) => self.node(name, &octets, &trust),
            Err(refusal) => Ok(refused(name, &refusal)),
        }
    }

    /// What a country's list adds to its trust, and where the metadata is then.
    fn effective(&self, trust: &CountryTrust, source: &Source) -> Result<(CountryTrust, Source), Refused> {
        let Source::Listed(name) = source else { return Ok((trust.clone(), source.clone())) };
        match self.read.get(name) {
            Some(Ok(list)) => {
                let (mut effective, url) =
                    list.resolve(trust).map_err(|refusal| (refusal.code, refusal.detail))?;
                effective.claims = Arc::clone(&trust.claims);
                Ok((effective, Source::Url(url)))
            }
            Some(Err(refusal)) => Err(refusal.clone()),
            None => Err(("list_not_read", name.clone())),
        }
    }

    /// Asks what must be asked of revocation, then judges.
    fn node(&mut self, name: &str, octets: &[u8], trust: &CountryTrust) -> Result<Value, Failure> {
        for question in revocation::questions(octets, trust, &self.answers, self.at) {
            let answer = block_on(self.fetcher.ask(&question.url, question.post.clone()))?;
            self.answers.add(&question, answer.map_err(|error| error.to_string()), self.at);
        }
        Ok(match trust::check_with(octets, trust, &self.answers, self.at) {
            Ok(node) => describe(name, &node),
            Err(TrustRefusal { code, detail }) => refused(name, &(code, detail)),
        })
    }

    fn list(
        &self,
        trust: &ListTrust,
        source: &Source,
    ) -> Result<Result<MetadataServiceList, Refused>, Failure> {
        let octets = self.load(source)?;
        Ok(octets.and_then(|octets| {
            MetadataServiceList::read(&octets, trust, self.at)
                .map_err(|refusal| (refusal.code, refusal.detail))
        }))
    }

    /// What vouches for a list on the command line: what is configured for this very file or address, or
    /// else what vouches for others.
    fn list_trust(&self, source: &Source) -> ListTrust {
        let same = |other: &Source| match (source, other) {
            (Source::File(a), Source::File(b)) => same_file(a, b),
            (a, b) => a == b,
        };
        let configured = self.lists.iter().find(|(_, _, other)| same(other)).map(|(_, trust, _)| trust);
        configured.unwrap_or(&self.other_lists).clone()
    }

    fn load(&self, source: &Source) -> Result<Result<Vec<u8>, Refused>, Failure> {
        let loaded = block_on(self.fetcher.load(source))?;
        Ok(loaded.map_err(|error: FetchError| (error.code(), error.to_string())))
    }
}

/// All anchors there are for lists.
fn anchors_of(lists: &[(String, ListTrust, Source)]) -> ListTrust {
    let mut all = Vec::new();
    let mut tolerant = false;
    for (_, trust, _) in lists {
        if let ListTrust::Signed { anchors, accept_pkcs1_certificates } = trust {
            all.extend(anchors.iter().cloned());
            tolerant |= accept_pkcs1_certificates;
        }
    }
    ListTrust::Signed { anchors: all, accept_pkcs1_certificates: tolerant }
}

/// What the command line names instead of a configuration: trust in a country, and in lists.
fn by_hand(arguments: &Check) -> Result<(Vec<(CountryTrust, Source)>, ListTrust), Failure> {
    let mut anchors = Vec::new();
    for file in &arguments.anchor {
        let fault = |why: String| Failure::new(&file.display().to_string(), why);
        let octets = std::fs::read(file).map_err(|error| fault(error.to_string()))?;
        let read =
            Certificate::from_pem(&octets).or_else(|_| Certificate::from_der(&octets).map(|one| vec![one]));
        anchors.extend(read.map_err(|error| fault(error.to_string()))?);
    }
    let tolerant = arguments.accept_pkcs1_certificates;
    let trust = arguments.country.map(|country| CountryTrust {
        accept_pkcs1_certificates: tolerant,
        pinned: arguments.sha256,
        revocation: match arguments.hard_revocation {
            true => RevocationPolicy::Hard,
            false => RevocationPolicy::Soft,
        },
        ..CountryTrust::new(country, anchors.clone())
    });
    let countries = trust.into_iter().map(|trust| (trust, Source::File(PathBuf::new()))).collect();
    Ok((countries, ListTrust::Signed { anchors, accept_pkcs1_certificates: tolerant }))
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

#[derive(PartialEq, Eq)]
enum Kind {
    Metadata,
    List,
    Other,
}

/// What the document says it is, and of which country: only to choose what it will be judged by. What cannot
/// be read is judged as metadata, and refused as such.
fn glance(octets: &[u8]) -> (Kind, Option<CountryCode>) {
    let Ok(document) = Document::parse(octets, &Limits::METADATA) else { return (Kind::Metadata, None) };
    let root = document.root();
    let kind = match () {
        () if root.is(SERVICE_LIST, "MetadataServiceList") => Kind::List,
        () if root.is(MD, "EntityDescriptor") || root.is(MD, "EntitiesDescriptor") => Kind::Metadata,
        () => Kind::Other,
    };
    let named = root.descendants().find(|element| element.local() == "NodeCountry");
    (kind, named.and_then(|element| CountryCode::parse(element.text().ok()?.trim())))
}

fn refused(name: &str, (code, detail): &Refused) -> Value {
    json!({ "source": name, "verdict": "refused", "code": code, "detail": detail })
}

fn describe(name: &str, node: &TrustedNode) -> Value {
    let certificate = |certificate: &Certificate| {
        json!({
            "subject": certificate.subject(),
            "sha256": certificate.fingerprint_hex(),
            "key": certificate.key_kind().map(|kind| kind.to_string()),
            "not_after": certificate.not_after().to_string(),
        })
    };
    json!({
        "source": name,
        "verdict": "accepted",
        "kind": "node",
        "country": node.country().as_str(),
        "entity_id": node.entity_id(),
        "valid_until": node.valid_until().to_string(),
        "vouched_by": match node.vouched_by() {
            VouchedBy::Path(_) => "anchor",
            VouchedBy::PinnedFile(_) => "pinned_file",
        },
        "signer": node.metadata_signer().map(certificate),
        "signing_certificates": node.signing_certificates().map(certificate).collect::<Vec<_>>(),
        "single_sign_on_service": node.sso_post(),
        "levels_of_assurance": node.loas().iter().map(|level| level.uri()).collect::<Vec<_>>(),
        "attributes": node.attributes().iter().map(|attribute| attribute.friendly_name()).collect::<Vec<_>>(),
        "protocol_versions": node.protocol_versions().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "application_identifier": node.application_identifier(),
        "requires_requester_id": node.requires_requester_id(),
        "warnings": node.warnings(),
    })
}

fn describe_list(name: &str, list: &MetadataServiceList) -> Value {
    let territory = |country: &CountryCode| {
        let services = list.proxy_services(*country).map(|(location, entity_id)| {
            json!({
                "metadata": location.url,
                "entity_id": entity_id,
                "certificates": location.certificates.iter().map(Certificate::fingerprint_hex).collect::<Vec<_>>(),
            })
        });
        (country.to_string(), services.collect::<Value>())
    };
    json!({
        "source": name,
        "verdict": "accepted",
        "kind": "list",
        "issuer": list.issuer_name,
        "issued": list.issue_date.map(|at| at.to_string()),
        "next_update": list.next_update.map(|at| at.to_string()),
        "countries": list.territories.iter().map(territory).collect::<serde_json::Map<_, _>>(),
    })
}
