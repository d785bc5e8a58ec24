//! `metadata publish` and `metadata check`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{ConfigFile, Done, Failure, Verdict, block_on, now, print, time};
use crate::app;
use crate::clock::Timestamp;
use crate::config::Profile;
use crate::crypto::Certificate;
use crate::eidas::{self, CountryCode, CountryTrust, TrustedNode, trust};
use crate::ids::SystemRandom;
use crate::outbound::{Fetcher, Source, url_parts};
use crate::xml::{Document, Limits};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print our own signed metadata.
    Publish(ConfigFile),
    /// Judge the metadata of nodes: signature, chain, country, expiry, levels of assurance, attributes.
    Check(Check),
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Files or https addresses of metadata.
    #[arg(required = true, value_name = "FILE|URL")]
    sources: Vec<String>,
    /// Take what vouches for each country from this configuration file.
    #[arg(long, value_name = "FILE", required_unless_present_all = ["anchor", "country"])]
    config: Option<PathBuf>,
    /// A file with certificates that vouch for the metadata, instead of a configuration.
    #[arg(long, value_name = "FILE", requires = "country", conflicts_with = "config")]
    anchor: Vec<PathBuf>,
    /// The country whose metadata this is. With a configuration: by default what the metadata says.
    #[arg(long, value_name = "CC")]
    country: Option<CountryCode>,
    /// Accept certificates that are signed with RSA PKCS#1 v1.5.
    #[arg(long, requires = "anchor")]
    accept_pkcs1_certificates: bool,
    /// Judge as of this time instead of now.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
}

pub(super) fn run(command: &Command) -> Done {
    match command {
        Command::Publish(file) => publish(file),
        Command::Check(arguments) => {
            check(arguments).unwrap_or_else(|failure| Verdict::not_judged(&failure)).print()
        }
    }
}

fn publish(file: &ConfigFile) -> Done {
    let (_, opened) = file.load(now())?;
    let metadata = eidas::metadata::publish(&opened.connector, LIFE, now(), &SystemRandom);
    print(&metadata.map_err(|error| Failure::new("the metadata cannot be signed", error))?)?;
    Ok(ExitCode::SUCCESS)
}

fn check(arguments: &Check) -> Result<Verdict, Failure> {
    let at = arguments.at.unwrap_or_else(now);
    let (trusted, fetcher) = trusted(arguments, at)?;
    let mut documents = Vec::new();
    for source in &arguments.sources {
        documents.push(judge(source, arguments.country, &trusted, &fetcher, at)?);
    }
    let refused = documents.iter().find(|document| document["verdict"] == "refused");
    Ok(match refused {
        None => Verdict::accepted(json!({ "documents": documents })),
        Some(first) => Verdict::refused(
            json!({ "code": first["code"], "detail": first["detail"], "documents": documents }),
        ),
    })
}

/// What vouches for which country, and the client that fetches.
fn trusted(arguments: &Check, at: Timestamp) -> Result<(Vec<CountryTrust>, Fetcher), Failure> {
    if let Some(config) = &arguments.config {
        let (config, opened) = ConfigFile { config: config.clone() }.load(at)?;
        let trusted = opened.countries.into_iter().map(|(trust, _)| trust).collect();
        return Ok((trusted, app::fetcher(&config.outbound, config.profile)));
    }
    let mut anchors = Vec::new();
    for file in &arguments.anchor {
        let fault = |why: String| Failure::new(&file.display().to_string(), why);
        let octets = std::fs::read(file).map_err(|error| fault(error.to_string()))?;
        let read =
            Certificate::from_pem(&octets).or_else(|_| Certificate::from_der(&octets).map(|one| vec![one]));
        anchors.extend(read.map_err(|error| fault(error.to_string()))?);
    }
    let trust = arguments.country.map(|country| CountryTrust {
        accept_pkcs1_certificates: arguments.accept_pkcs1_certificates,
        ..CountryTrust::new(country, anchors)
    });
    let fetcher = app::fetcher(&crate::config::Outbound::default(), Profile::Test);
    Ok((trust.into_iter().collect(), fetcher))
}

/// The verdict on one document.
fn judge(
    name: &str,
    country: Option<CountryCode>,
    trusted: &[CountryTrust],
    fetcher: &Fetcher,
    at: Timestamp,
) -> Result<Value, Failure> {
    let source = match url_parts(name) {
        Some(_) => Source::Url(name.to_owned()),
        None => Source::File(name.into()),
    };
    let refused = |code: &str, detail: String| json!({ "source": name, "verdict": "refused", "code": code, "detail": detail });
    let octets = match block_on(fetcher.load(&source))? {
        Ok(octets) => octets,
        Err(error) => return Ok(refused(error.code(), error.to_string())),
    };
    let Some(country) = country.or_else(|| claimed_country(&octets)) else {
        return Ok(refused("country_unknown", "the document names no NodeCountry; use --country".to_owned()));
    };
    let Some(trust) = trusted.iter().find(|trust| trust.country == country) else {
        return Ok(refused(
            "country_not_configured",
            format!("nothing is configured to vouch for {country}"),
        ));
    };
    Ok(match trust::check(&octets, trust, at) {
        Ok(node) => describe(name, &node),
        Err(refusal) => refused(refusal.code, refusal.detail),
    })
}

/// The country that the document says it is of: only to choose what it will be judged by.
fn claimed_country(octets: &[u8]) -> Option<CountryCode> {
    let document = Document::parse(octets, &Limits::METADATA).ok()?;
    let named = document.root().descendants().find(|element| element.local() == "NodeCountry")?;
    CountryCode::parse(named.text().ok()?.trim())
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
        "country": node.country().as_str(),
        "entity_id": node.entity_id(),
        "valid_until": node.valid_until().to_string(),
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

/// As long as the metadata that the running gateway publishes.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
