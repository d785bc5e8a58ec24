//! `keys list` and `keys generate`. `keys rotate` has a file of its own.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::new_file::new_file;
use super::rotate::Rotate;
use super::{ConfigFile, Done, Failure, now, print};
use crate::crypto::hash::hex;
use crate::crypto::jose::{JwsAlgorithm, JwsKey};
use crate::crypto::turn::{Stage, Turn};
use crate::crypto::{Certificate, CertificateRequest, Curve, KeyError, KeyKind, KeyUsage, PrivateKey};
use crate::ids::{self, SystemRandom};
use crate::oidc::client::generate_secret;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the keys of a configuration: use, kind, expiry, fingerprint.
    List(ConfigFile),
    /// Make a key, and its certificate where it needs one.
    Generate(Generate),
    /// Plan the change to a new key, and say what will happen when.
    Rotate(Rotate),
}

#[derive(Debug, Args)]
pub(super) struct Generate {
    /// What the key is for.
    #[arg(long = "for", value_enum)]
    purpose: Purpose,
    /// The kind of key. Default: P-256 for SAML, RSA-3072 for tokens (RS256).
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// The file to write the private key or secret to. It must not exist.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The file to write the certificate to. It must not exist.
    #[arg(long, value_name = "FILE", required_if_eq_any = [
        ("purpose", "signing"), ("purpose", "metadata"), ("purpose", "encryption"),
    ])]
    certificate: Option<PathBuf>,
    /// The name in the certificate (CN).
    #[arg(long, default_value = "eidas-gateway")]
    common_name: String,
    /// The organization in the certificate (O).
    #[arg(long)]
    organization: Option<String>,
    /// The country in the certificate (C).
    #[arg(long)]
    country: Option<String>,
    /// For how many days the certificate is valid.
    #[arg(long, default_value_t = 730, value_parser = clap::value_parser!(u32).range(1..=7300))]
    days: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Purpose {
    /// SAML requests.
    Signing,
    /// Our metadata.
    Metadata,
    /// Assertions that are sent to us.
    Encryption,
    /// ID tokens.
    Token,
    /// `sub`: a secret, not a key pair.
    Subject,
    /// A client's secret.
    ClientSecret,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
    /// The curve P-256.
    P256,
    /// The curve P-384.
    P384,
    /// The curve P-521.
    P521,
    /// The curve brainpoolP256r1.
    BrainpoolP256r1,
    /// The curve brainpoolP384r1.
    BrainpoolP384r1,
    /// The curve brainpoolP512r1.
    BrainpoolP512r1,
    /// Ed25519, for tokens only.
    Ed25519,
}

pub(super) fn run(command: &Command) -> Done {
    match command {
        Command::List(file) => list(file),
        Command::Generate(arguments) => generate(arguments),
        Command::Rotate(arguments) => super::rotate::run(arguments),
    }
}

fn list(file: &ConfigFile) -> Done {
    let (_, opened) = file.load(now())?;
    let mut lines = String::new();
    let mut line = |purpose: &str, stage: &str, certificate: &Certificate| {
        let kind = certificate.key_kind().map_or_else(|| "unknown kind".to_owned(), |kind| kind.to_string());
        let (until, fingerprint) = (certificate.not_after(), certificate.fingerprint_hex());
        let _ = writeln!(lines, "{purpose:<18} {kind:<18} {stage:<36} until {until}  sha256 {fingerprint}");
    };
    let at = now();
    let states = opened.rollover.states(at);
    for state in &states {
        line(state.usage.as_str(), &stage_of(state.stage, state.turn), &state.certificate);
    }
    let connector = &opened.connector;
    let listed = |one: &Certificate| states.iter().any(|state| state.certificate == *one);
    for certificate in connector.extra_signing_certificates.iter().filter(|one| !listed(one)) {
        line("signing", "published", certificate);
    }
    for key in connector.decryption.iter().filter(|key| !listed(key.certificate())) {
        line("encryption", "still decrypts", key.certificate());
    }
    let mut line = |algorithm: JwsAlgorithm, stage: &str, kid: &str| {
        let _ = writeln!(lines, "{:<18} {:<18} {stage:<36} kid {kid}", "token", algorithm.as_str());
    };
    let tokens = opened.token_keys.states(at);
    for state in &tokens {
        line(state.algorithm, &stage_of(state.stage, state.turn), &state.kid);
    }
    for key in opened.token_keys.at(at).all() {
        if !tokens.iter().any(|state| state.kid == key.kid()) {
            line(key.algorithm(), "published", key.kid());
        }
    }
    let (version, check) = (opened.subject_key.version(), opened.subject_key.check_value());
    let _ = writeln!(lines, "{:<18} {:<18} check_value {check}", "subject", format!("version {version}"));
    print(&lines)?;
    Ok(ExitCode::SUCCESS)
}

fn stage_of(stage: Stage, turn: Turn) -> String {
    match stage {
        Stage::Waiting | Stage::Next => format!("{}, from {}", stage.as_str(), turn.use_from),
        _ => stage.as_str().to_owned(),
    }
}

fn generate(arguments: &Generate) -> Done {
    let failed = |error: KeyError| Failure::new("no key could be made", error);
    let mut told = String::new();
    let usage = match arguments.purpose {
        Purpose::Signing | Purpose::Metadata => KeyUsage::Signing,
        Purpose::Encryption => KeyUsage::Encryption,
        Purpose::Token => {
            let algorithm = token_algorithm(arguments.kind)?;
            let unmade = |error| Failure::new("no key could be made", error);
            let pem = JwsKey::generate_pem(algorithm).map_err(unmade)?;
            let kid = JwsKey::from_pem(algorithm, pem.expose()).map_err(unmade)?.kid().to_owned();
            new_file(&arguments.key, pem.expose())?;
            let _ =
                writeln!(told, "{}: a key for {}, kid {kid}", arguments.key.display(), algorithm.as_str());
            print(&told)?;
            return Ok(ExitCode::SUCCESS);
        }
        Purpose::Subject => return secret(arguments, &subject_secret()),
        Purpose::ClientSecret => return secret(arguments, generate_secret(&SystemRandom).expose()),
    };
    let certificate_file =
        arguments.certificate.as_ref().ok_or_else(|| Failure("--certificate is needed".into()))?;
    let key = PrivateKey::generate(key_kind(arguments.kind)?).map_err(failed)?;
    let request = CertificateRequest {
        common_name: arguments.common_name.clone(),
        organization: arguments.organization.clone(),
        country: arguments.country.clone(),
        not_before: now(),
        not_after: now() + Duration::from_secs(86_400 * u64::from(arguments.days)),
        usage,
    };
    let certificate = key.self_signed(&request, &SystemRandom).map_err(failed)?;
    new_file(&arguments.key, key.to_pem().map_err(failed)?.expose())?;
    new_file(certificate_file, certificate.pem().as_bytes())?;
    let _ = writeln!(told, "{}: a private key, {}", arguments.key.display(), key.kind());
    let _ = writeln!(
        told,
        "{}: its certificate, valid until {}, sha256 {}",
        certificate_file.display(),
        certificate.not_after(),
        certificate.fingerprint_hex()
    );
    print(&told)?;
    Ok(ExitCode::SUCCESS)
}

fn secret(arguments: &Generate, secret: &str) -> Done {
    new_file(&arguments.key, format!("{secret}\n").as_bytes())?;
    print(&format!("{}: a secret of 256 bits", arguments.key.display()))?;
    Ok(ExitCode::SUCCESS)
}

/// 256 random bits in hexadecimal.
pub(super) fn subject_secret() -> String {
    hex(&ids::octets::<32>(&SystemRandom))
}

fn key_kind(kind: Option<Kind>) -> Result<KeyKind, Failure> {
    Ok(match kind.unwrap_or(Kind::P256) {
        Kind::Rsa3072 => KeyKind::Rsa(3072),
        Kind::Rsa4096 => KeyKind::Rsa(4096),
        Kind::P256 => KeyKind::Ec(Curve::P256),
        Kind::P384 => KeyKind::Ec(Curve::P384),
        Kind::P521 => KeyKind::Ec(Curve::P521),
        Kind::BrainpoolP256r1 => KeyKind::Ec(Curve::BrainpoolP256r1),
        Kind::BrainpoolP384r1 => KeyKind::Ec(Curve::BrainpoolP384r1),
        Kind::BrainpoolP512r1 => KeyKind::Ec(Curve::BrainpoolP512r1),
        Kind::Ed25519 => return Err(Failure("eIDAS has no Ed25519; it is for tokens only".to_owned())),
    })
}

fn token_algorithm(kind: Option<Kind>) -> Result<JwsAlgorithm, Failure> {
    Ok(match kind.unwrap_or(Kind::Rsa3072) {
        Kind::Rsa3072 => JwsAlgorithm::RS256,
        Kind::P256 => JwsAlgorithm::ES256,
        Kind::P384 => JwsAlgorithm::ES384,
        Kind::P521 => JwsAlgorithm::ES512,
        Kind::Ed25519 => JwsAlgorithm::EdDSA,
        Kind::Rsa4096 | Kind::BrainpoolP256r1 | Kind::BrainpoolP384r1 | Kind::BrainpoolP512r1 => {
            return Err(Failure("a token key is of kind rsa3072, p256, p384, p521 or ed25519".to_owned()));
        }
    })
}
