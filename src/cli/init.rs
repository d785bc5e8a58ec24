//! `init`: a folder with a commented gateway.toml and everything it refers to. What it writes passes
//! `config check` and runs; what has to be changed for real use is said in the comments.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::keys::subject_secret;
use super::new_file::new_file;
use super::{Done, Failure, now, print};
use crate::crypto::jose::{JwsAlgorithm, JwsKey};
use crate::crypto::{CertificateRequest, Curve, KeyKind, KeyUsage, PrivateKey};
use crate::eidas::CountryCode;
use crate::ids::SystemRandom;
use crate::oidc::Issuer;
use crate::oidc::client::generate_secret;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder to write to. No file in it is ever overwritten.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The public address of the gateway. With https, the profile is `production`.
    #[arg(long, value_name = "URL", default_value = "http://localhost:8080", value_parser = issuer)]
    issuer: Issuer,
    /// The country that operates the gateway.
    #[arg(long, value_name = "CC", default_value = "XX")]
    country: CountryCode,
    /// The organization that operates the gateway.
    #[arg(long, value_name = "NAME", default_value = "Example organization")]
    organization: String,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let folder = &arguments.folder;
    let production = arguments.issuer.as_str().starts_with("https://");
    if production && arguments.country.is_test() {
        return Err(Failure(
            "with an https issuer, --country says which member state operates the gateway".to_owned(),
        ));
    }
    let config = folder.join("gateway.toml");
    let files = FILES.map(|(name, _)| folder.join(name));
    if let Some(there) = [&config].into_iter().chain(&files).find(|file| file.exists()) {
        return Err(Failure::new(
            &there.display().to_string(),
            "this file is there already; nothing was written",
        ));
    }
    let keys = folder.join("keys");
    std::fs::create_dir_all(&keys).map_err(|error| Failure::new(&keys.display().to_string(), error))?;
    let contents = contents(arguments)?;
    for (file, content) in files.iter().zip(contents) {
        new_file(file, &content)?;
    }
    new_file(&config, gateway_toml(arguments, production).as_bytes())?;
    print(&format!(
        "Written to {}. Next:\n  eidas-gateway config check --config {file}\n  eidas-gateway serve --config {file}\n\
         Keep a copy of keys/subject.key in a safe place: without it every account is lost.",
        folder.display(),
        file = config.display(),
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// What is made besides gateway.toml, and of which kind.
const FILES: [(&str, Make); 9] = [
    ("keys/signing.key", Make::Key(KeyUsage::Signing)),
    ("keys/signing.crt", Make::Certificate),
    ("keys/metadata.key", Make::Key(KeyUsage::Signing)),
    ("keys/metadata.crt", Make::Certificate),
    ("keys/encryption.key", Make::Key(KeyUsage::Encryption)),
    ("keys/encryption.crt", Make::Certificate),
    ("keys/token.key", Make::Token),
    ("keys/subject.key", Make::Subject),
    ("keys/example-broker.secret", Make::ClientSecret),
];

#[derive(Clone, Copy)]
enum Make {
    Key(KeyUsage),
    /// Of the key before it.
    Certificate,
    Token,
    Subject,
    ClientSecret,
}

/// The contents of [`FILES`], in their order.
fn contents(arguments: &Arguments) -> Result<Vec<Vec<u8>>, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new("no key could be made", error);
    let mut contents = Vec::new();
    let mut last_certificate = Vec::new();
    for (name, make) in FILES {
        contents.push(match make {
            Make::Key(usage) => {
                // RSA for encryption: every node of every version of the profile can encrypt for it.
                let kind =
                    if usage == KeyUsage::Encryption { KeyKind::Rsa(3072) } else { KeyKind::Ec(Curve::P256) };
                let key = PrivateKey::generate(kind).map_err(|error| failed(&error))?;
                let purpose =
                    Path::new(name).file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
                let request = CertificateRequest {
                    common_name: format!("eidas-gateway {purpose}"),
                    organization: Some(arguments.organization.clone()),
                    country: Some(arguments.country.iso().to_owned()),
                    not_before: now(),
                    not_after: now() + Duration::from_secs(86_400 * 730),
                    usage,
                };
                let certificate = key.self_signed(&request, &SystemRandom).map_err(|error| failed(&error))?;
                last_certificate = certificate.pem().into_bytes();
                key.to_pem().map_err(|error| failed(&error))?.expose().clone()
            }
            Make::Certificate => std::mem::take(&mut last_certificate),
            Make::Token => {
                JwsKey::generate_pem(JwsAlgorithm::RS256).map_err(|error| failed(&error))?.expose().clone()
            }
            Make::Subject => format!("{}\n", subject_secret()).into_bytes(),
            Make::ClientSecret => format!("{}\n", generate_secret(&SystemRandom).expose()).into_bytes(),
        });
    }
    Ok(contents)
}

fn issuer(text: &str) -> Result<Issuer, String> {
    Issuer::parse(text).map_err(|error| error.to_string())
}

fn gateway_toml(arguments: &Arguments, production: bool) -> String {
    let profile = if production { "production" } else { "test" };
    // A string of TOML: JSON escapes mean the same there.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    TEMPLATE
        .replace("@PROFILE@", profile)
        .replace("@LISTEN@", &quoted(&listen(arguments.issuer.as_str())))
        .replace("@ISSUER@", &quoted(arguments.issuer.as_str()))
        .replace("@COUNTRY@", arguments.country.as_str())
        .replace("@ORGANIZATION@", &quoted(&arguments.organization))
}

/// Where a gateway with this issuer listens: on the same port if the issuer is this machine by http.
fn listen(issuer: &str) -> String {
    let port =
        issuer.strip_prefix("http://").map(|host| host.rsplit_once(':').map_or("80", |(_, port)| port));
    format!("127.0.0.1:{}", port.unwrap_or("8080"))
}

const TEMPLATE: &str = include_str!("gateway.toml.template");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn the_template_is_a_configuration_whatever_the_organization_is_called() {
        for (issuer, country) in [("http://localhost:8080", "XX"), ("https://eidas.example.org", "EL")] {
            let arguments = Arguments {
                folder: PathBuf::from("x"),
                issuer: Issuer::parse(issuer).unwrap(),
                country: country.parse().unwrap(),
                organization: "Υπουργείο \"Α\\Β\"".to_owned(),
            };
            let text = gateway_toml(&arguments, issuer.starts_with("https"));
            let config = Config::read(Path::new("gateway.toml"), text, Path::new("x")).unwrap();
            assert_eq!(config.connector.organization.name, "Υπουργείο \"Α\\Β\"");
        }
    }
}
