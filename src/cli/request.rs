//! `request build`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{ConfigFile, Done, Failure, block_on, now, print, time};
use crate::app;
use crate::clock::Timestamp;
use crate::eidas::{self, Ask, CountryCode, Loa, RequestedLoa, trust};
use crate::ids::SystemRandom;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print the AuthnRequest that would be sent to a country on behalf of a client. It is not sent.
    Build(Build),
}

#[derive(Debug, Args)]
pub(super) struct Build {
    #[command(flatten)]
    file: ConfigFile,
    /// The country to ask.
    #[arg(long, value_name = "CC")]
    country: CountryCode,
    /// The client to ask for.
    #[arg(long, value_name = "ID")]
    client: String,
    /// The level of assurance to ask for, if it is higher than the client's own minimum: low, substantial or
    /// high.
    #[arg(long, value_parser = level)]
    loa: Option<Loa>,
    /// The time to write into the request, instead of now.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
    /// Print the form field `SAMLRequest` (base64) instead of XML.
    #[arg(long)]
    form: bool,
}

pub(super) fn run(command: &Command) -> Done {
    let Command::Build(arguments) = command;
    let at = arguments.at.unwrap_or_else(now);
    let (config, opened) = arguments.file.load(at)?;
    let unknown = |what: &str, name: &str| Failure(format!("there is no {what} {name} in the configuration"));
    let policy =
        opened.policies.get(&arguments.client).ok_or_else(|| unknown("client", &arguments.client))?;
    let country = opened.countries.iter().find(|(trust, _)| trust.country == arguments.country);
    let (trusted, source) = country.ok_or_else(|| unknown("country", arguments.country.as_str()))?;

    let fetcher = app::fetcher(&config.outbound, config.profile);
    let metadata = block_on(fetcher.load(source))?;
    let metadata = metadata.map_err(|error| Failure::new(&source.to_string(), error))?;
    let node = trust::check(&metadata, trusted, at);
    let node = node.map_err(|refusal| Failure::new(&source.to_string(), refusal))?;
    let loa = arguments.loa.map_or(policy.min_loa, |asked| asked.max(policy.min_loa));
    let ask = Ask {
        sp_type: policy.sp_type,
        requester_id: policy.requester_id.clone(),
        kind: policy.kind,
        loa: if policy.accept_non_notified {
            RequestedLoa::with_non_notified(loa)
        } else {
            RequestedLoa::Minimum(loa)
        },
        attributes: policy.attributes.clone(),
        provider_name: policy.provider_name.clone(),
        representation: policy.representation,
    };
    let request = eidas::request::build(&opened.connector, &node, &ask, &SystemRandom, at);
    let request = request.map_err(|refusal| Failure::new("no request can be built", refusal))?;
    print(if arguments.form { &request.saml_request } else { &request.xml })?;
    Ok(ExitCode::SUCCESS)
}

fn level(text: &str) -> Result<Loa, String> {
    Loa::from_short(text).ok_or_else(|| "one of low, substantial, high".to_owned())
}
