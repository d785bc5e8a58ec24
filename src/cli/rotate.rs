//! `keys rotate`: makes a key, or takes one that was made elsewhere, and writes into the rotation file when
//! it takes the place of the present one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::new_file::{new_file, replace_file};
use super::{ConfigFile, Done, Failure, now, print};
use crate::clock::Timestamp;
use crate::config::{Config, Planned, Rotation};
use crate::crypto::jose::JwsAlgorithm;
use crate::crypto::turn::Stage;
use crate::crypto::{Certificate, CertificateRequest, Curve, KeyError, KeyKind, KeyUsage, PrivateKey};
use crate::eidas::CountryCode;
use crate::eidas::metadata::VALID_FOR;
use crate::eidas::rollover::{AHEAD, KEEP, KeyState, KeyUse, Rollover};
use crate::ids::SystemRandom;

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// Which key is changed.
    #[arg(value_enum, value_name = "USE")]
    usage: Use,
    #[command(flatten)]
    pub(super) file: ConfigFile,
    /// A private key that was made elsewhere, instead of a new one of the present kind.
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
    /// The certificate of that key, as an authority issued it. A token key has none.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(super) certificate: Option<PathBuf>,
    /// In how many hours the new key is used. Default: 48 for signing and token, 1 for encryption, 720 for
    /// metadata-signing.
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..=8760))]
    pub(super) after: Option<u32>,
    /// The present key has leaked: the next one is used at once, and the leaked one is no longer published.
    /// A change under way is brought forward. Logins fail until the other countries have fetched our
    /// metadata again, or the brokers our key set.
    #[arg(long, conflicts_with = "after")]
    pub(super) leaked: bool,
    /// With --leaked, for how many minutes the leaked encryption key still decrypts. Default: 15, for logins
    /// under way; 2880 as long as other countries may still encrypt for it.
    #[arg(long, value_name = "MINUTES", requires = "leaked", value_parser = clap::value_parser!(u32).range(0..=2880))]
    pub(super) keep: Option<u32>,
    /// For token, if there are keys for several: the algorithm of the key that is changed.
    #[arg(long, value_name = "ALGORITHM", value_parser = algorithm)]
    pub(super) algorithm: Option<JwsAlgorithm>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Use {
    /// The key that signs requests.
    Signing,
    /// The key that assertions are encrypted for.
    Encryption,
    /// The key that signs our metadata.
    MetadataSigning,
    /// The key that signs ID tokens.
    Token,
}

fn algorithm(name: &str) -> Result<JwsAlgorithm, String> {
    JwsAlgorithm::from_name(name).ok_or_else(|| "as RS256 or ES256".to_owned())
}

pub(super) fn run(arguments: &Rotate) -> Done {
    let usage = match arguments.usage {
        Use::Signing => KeyUse::Signing,
        Use::Encryption => KeyUse::Encryption,
        Use::MetadataSigning => KeyUse::MetadataSigning,
        Use::Token => return super::rotate_token::run(arguments),
    };
    if arguments.key.is_some() && arguments.certificate.is_none() {
        return Err(Failure("--key: its --certificate is needed".to_owned()));
    }
    if arguments.algorithm.is_some() {
        return Err(Failure("--algorithm: only token keys have one".to_owned()));
    }
    let at = now();
    let (config, opened) = arguments.file.load(at)?;
    let keep_minutes = keep_minutes(arguments, usage)?;
    let file = &config.connector.rotation_file;
    let folder = file.parent().unwrap_or_else(|| Path::new(""));
    let mut rotation = Rotation::load(file).map_err(Failure)?;
    let under_way = under_way(&opened.rollover, usage, at);
    let coming = rotation.of_mut(usage).iter_mut().find(|planned| planned.use_from > at);
    let told = match (under_way, coming) {
        // What peers know already is the best that can take the place of a leaked key.
        (Some(next), Some(coming)) if arguments.leaked && arguments.key.is_none() => {
            coming.publish_from = coming.publish_from.min(at);
            coming.use_from = at;
            coming.keep_minutes = keep_minutes;
            told(usage, coming, &next.certificate, at)
        }
        (Some(next), _) => return Err(refused(&next)),
        (None, _) => {
            let use_from = use_from(arguments, usage, at)?;
            let (key_file, certificate_file, certificate) = match (&arguments.key, &arguments.certificate) {
                (Some(key), Some(certificate)) => given(key, certificate)?,
                _ => make(&config, &opened.rollover, usage, folder, at)?,
            };
            let planned = Planned { key_file, certificate_file, publish_from: at, use_from, keep_minutes };
            let told = told(usage, &planned, &certificate, at);
            rotation.of_mut(usage).push(planned);
            told
        }
    };
    replace_file(file, &rotation.text(folder))?;
    // Proves that it fits: a fault here would stop the gateway at its next start.
    arguments.file.load(at)?;
    print(&told)?;
    Ok(ExitCode::SUCCESS)
}

/// The change of this key that is planned and not carried out yet.
fn under_way(rollover: &Rollover, usage: KeyUse, at: Timestamp) -> Option<KeyState> {
    let coming =
        |state: &KeyState| state.usage == usage && matches!(state.stage, Stage::Waiting | Stage::Next);
    rollover.states(at).into_iter().find(coming)
}

/// One change at a time: peers could not follow two.
fn refused(next: &KeyState) -> Failure {
    Failure(format!(
        "a change of the {} key is under way already: from {} the key with the certificate {} is used \
         (--leaked without --key uses it at once)",
        next.usage.as_str(),
        next.turn.use_from,
        next.certificate.fingerprint_hex()
    ))
}

/// How long a leaked key is still needed; `None` if it has not leaked. A leaked signing key is of use to nobody
/// but the thief.
fn keep_minutes(arguments: &Rotate, usage: KeyUse) -> Result<Option<u32>, Failure> {
    match (arguments.leaked, usage, arguments.keep) {
        (false, ..) => Ok(None),
        (true, KeyUse::Encryption, keep) => Ok(Some(keep.unwrap_or(15))),
        (true, _, None) => Ok(Some(0)),
        (true, _, Some(_)) => {
            Err(Failure("--keep: only an encryption key is kept after it leaked".to_owned()))
        }
    }
}

fn use_from(arguments: &Rotate, usage: KeyUse, at: Timestamp) -> Result<Timestamp, Failure> {
    if arguments.leaked {
        return Ok(at);
    }
    let after = arguments.after.map(|hours| Duration::from_secs(3600 * u64::from(hours)));
    let after = after.unwrap_or(match usage {
        KeyUse::Signing => AHEAD,
        KeyUse::Encryption => Duration::from_secs(3600),
        KeyUse::MetadataSigning => Duration::from_secs(3600 * 720),
    });
    if usage == KeyUse::Signing && after <= VALID_FOR {
        return Err(Failure(
            "--after: a signing key is published for more than 24 hours before it is used, since other \
             countries may keep our metadata for a day (--leaked if that cannot be waited for)"
                .to_owned(),
        ));
    }
    Ok(at + after)
}

/// A key that was made elsewhere. Whether it fits is found when the configuration is opened again.
fn given(key: &Path, certificate: &Path) -> Result<(PathBuf, PathBuf, Certificate), Failure> {
    let fault = |path: &Path, error: &dyn std::fmt::Display| Failure::new(&path.display().to_string(), error);
    let octets = std::fs::read(certificate).map_err(|error| fault(certificate, &error))?;
    let read =
        Certificate::from_pem(&octets).or_else(|_| Certificate::from_der(&octets).map(|one| vec![one]));
    let first = read.ok().and_then(|all| all.into_iter().next());
    let first = first.ok_or_else(|| fault(certificate, &"there is no certificate in it"))?;
    let absolute = |path: &Path| std::path::absolute(path).map_err(|error| fault(path, &error));
    Ok((absolute(key)?, absolute(certificate)?, first))
}

/// A new key of the kind of the present one, with a certificate for two years.
fn make(
    config: &Config,
    rollover: &Rollover,
    usage: KeyUse,
    folder: &Path,
    at: Timestamp,
) -> Result<(PathBuf, PathBuf, Certificate), Failure> {
    let failed = |error: KeyError| Failure::new("no key could be made", error);
    let states = rollover.states(at);
    let present = states.iter().find(|state| state.usage == usage && state.stage == Stage::Active);
    let kind = present.and_then(|state| state.certificate.key_kind()).unwrap_or(KeyKind::Ec(Curve::P256));
    let key = PrivateKey::generate(kind).map_err(failed)?;
    let request = CertificateRequest {
        common_name: format!("eidas-gateway {}", usage.as_str()),
        organization: Some(config.connector.organization.name.clone()),
        country: CountryCode::parse(&config.connector.country).map(|country| country.iso().to_owned()),
        not_before: at,
        not_after: at + Duration::from_secs(86_400 * 730),
        usage: if usage == KeyUse::Encryption { KeyUsage::Encryption } else { KeyUsage::Signing },
    };
    let certificate = key.self_signed(&request, &SystemRandom).map_err(failed)?;
    let stem = stamp(at);
    let path = |ending: &str| folder.join(format!("{}-{stem}.{ending}", usage.as_str()));
    std::fs::create_dir_all(folder).map_err(|error| Failure::new(&folder.display().to_string(), error))?;
    new_file(&path("key"), key.to_pem().map_err(failed)?.expose())?;
    new_file(&path("crt"), certificate.pem().as_bytes())?;
    Ok((path("key"), path("crt"), certificate))
}

/// An instant as a part of a file's name.
pub(super) fn stamp(at: Timestamp) -> String {
    at.to_string().chars().take_while(|c| *c != '.').filter(char::is_ascii_alphanumeric).collect()
}

/// What will happen when.
fn told(usage: KeyUse, planned: &Planned, certificate: &Certificate, at: Timestamp) -> String {
    let mut text = format!(
        "{}: sha256 {}, valid until {}\n",
        planned.certificate_file.display(),
        certificate.fingerprint_hex(),
        certificate.not_after()
    );
    let use_from = planned.use_from;
    if let Some(minutes) = planned.keep_minutes {
        let end = use_from + Duration::from_secs(60 * u64::from(minutes));
        let _ = match usage {
            KeyUse::Signing => writeln!(text, "  {use_from}  requests are signed with it; {GONE}"),
            KeyUse::Encryption => writeln!(
                text,
                "  {use_from}  our metadata shows it; {GONE}\n  {end}  the leaked one decrypts no more"
            ),
            KeyUse::MetadataSigning => writeln!(text, "  {use_from}  our metadata is signed with it"),
        };
        text.push_str(match usage {
            KeyUse::Signing | KeyUse::Encryption => {
                "Ask every country to fetch our metadata now: it may use what it has for a day, and until it has \
                 fetched the new one its logins fail.\n"
            }
            KeyUse::MetadataSigning => {
                "Tell every country to trust this certificate and to trust the leaked one no longer: until then \
                 whoever has the leaked key can publish in our name, and our own metadata is refused.\n"
            }
        });
        text.push_str("A running gateway notices within seconds.\n");
        return text;
    }
    let use_from = planned.use_from;
    let steps: &[(Timestamp, &str)] = match usage {
        KeyUse::Signing => &[
            (at, "our metadata shows it beside the present one"),
            (use_from, "requests are signed with it; the present one stays published"),
            (use_from + KEEP, "the present one is retired: its files can be deleted"),
        ],
        KeyUse::Encryption => &[
            (use_from, "our metadata shows it in the place of the present one, which still decrypts"),
            (use_from + KEEP, "the present one is retired: its files can be deleted"),
        ],
        KeyUse::MetadataSigning => &[
            (
                at,
                "send the certificate to every country; each of them has to trust it beside the present one",
            ),
            (use_from, "our metadata is signed with it; the present one is retired"),
        ],
    };
    for (when, what) in steps {
        let _ = writeln!(text, "  {when}  {what}");
    }
    text.push_str("A running gateway notices within seconds; the rest is done by the clock.\n");
    text
}

const GONE: &str = "the leaked one is published no more";
