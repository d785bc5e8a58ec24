//! `keys rotate token`: makes a key that signs tokens, or takes one that was made elsewhere, and writes into the
//! rotation file when it takes the place of the present one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use super::new_file::{new_file, replace_file};
use super::rotate::{Rotate, stamp};
use super::{Done, Failure, now, print};
use crate::clock::Timestamp;
use crate::config::{PlannedToken, Rotation};
use crate::crypto::jose::{JoseError, JwsAlgorithm, JwsKey};
use crate::crypto::turn::Stage;
use crate::oidc::token_keys::{AHEAD, KEEP, KNOWN, TokenKeyState};

pub(super) fn run(arguments: &Rotate) -> Done {
    let at = now();
    let (config, opened) = arguments.file.load(at)?;
    if arguments.certificate.is_some() || arguments.keep.is_some() {
        return Err(Failure("a token key has no --certificate, and a leaked one is not kept".to_owned()));
    }
    let states = opened.token_keys.states(at);
    let algorithm = algorithm(arguments, &states)?;
    let file = &config.connector.rotation_file;
    let folder = file.parent().unwrap_or_else(|| Path::new(""));
    let mut rotation = Rotation::load(file).map_err(Failure)?;
    let coming = |state: &&TokenKeyState| {
        state.algorithm == algorithm && matches!(state.stage, Stage::Waiting | Stage::Next)
    };
    let planned = rotation.token.iter_mut();
    let planned =
        planned.filter(|key| JwsAlgorithm::from(key.algorithm) == algorithm).find(|key| key.use_from > at);
    let told = match (states.iter().find(coming), planned) {
        // What brokers know already is the best that can take the place of a leaked key.
        (Some(next), Some(planned)) if arguments.leaked && arguments.key.is_none() => {
            planned.publish_from = planned.publish_from.min(at);
            planned.use_from = at;
            planned.keep_minutes = Some(0);
            told(planned, &next.kid)
        }
        (Some(next), _) => return Err(refused(next)),
        (None, _) => {
            let use_from = use_from(arguments, at)?;
            let (key_file, kid) = match &arguments.key {
                Some(key) => given(key, algorithm)?,
                None => make(algorithm, folder, at)?,
            };
            let keep_minutes = arguments.leaked.then_some(0);
            let algorithm = algorithm.into();
            let planned = PlannedToken { algorithm, key_file, publish_from: at, use_from, keep_minutes };
            let told = told(&planned, &kid);
            rotation.token.push(planned);
            told
        }
    };
    replace_file(file, &rotation.text(folder))?;
    // Proves that it fits: a fault here would stop the gateway at its next start.
    arguments.file.load(at)?;
    print(&told)?;
    Ok(ExitCode::SUCCESS)
}

/// The algorithm whose key is changed: what was said, or the only one there is.
fn algorithm(arguments: &Rotate, states: &[TokenKeyState]) -> Result<JwsAlgorithm, Failure> {
    let mut algorithms: Vec<JwsAlgorithm> = states.iter().map(|state| state.algorithm).collect();
    algorithms.dedup();
    let known: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
    match (arguments.algorithm, algorithms.as_slice()) {
        (Some(wanted), _) if algorithms.contains(&wanted) => Ok(wanted),
        (None, [only]) => Ok(*only),
        _ => Err(Failure(format!("--algorithm: there are keys for {}", known.join(", ")))),
    }
}

/// One change at a time: a second would take the time that the first needs.
fn refused(next: &TokenKeyState) -> Failure {
    Failure(format!(
        "a change of the key for {} is under way already: from {} the key with the kid {} is used \
         (--leaked without --key uses it at once)",
        next.algorithm.as_str(),
        next.turn.use_from,
        next.kid
    ))
}

fn use_from(arguments: &Rotate, at: Timestamp) -> Result<Timestamp, Failure> {
    if arguments.leaked {
        return Ok(at);
    }
    let after = arguments.after.map_or(AHEAD, |hours| Duration::from_secs(3600 * u64::from(hours)));
    if after < KNOWN {
        return Err(Failure(
            "--after: a token key is published for at least 25 hours before it is used, since brokers may keep \
             the key set for a day (--leaked if that cannot be waited for)"
                .to_owned(),
        ));
    }
    Ok(at + after)
}

/// A key that was made elsewhere.
fn given(key: &Path, algorithm: JwsAlgorithm) -> Result<(PathBuf, String), Failure> {
    let fault = |error: &dyn std::fmt::Display| Failure::new(&key.display().to_string(), error);
    let octets = std::fs::read(key).map_err(|error| fault(&error))?;
    let read = JwsKey::from_pem(algorithm, &octets).map_err(|error| fault(&error))?;
    Ok((std::path::absolute(key).map_err(|error| fault(&error))?, read.kid().to_owned()))
}

fn make(algorithm: JwsAlgorithm, folder: &Path, at: Timestamp) -> Result<(PathBuf, String), Failure> {
    let unmade = |error: JoseError| Failure::new("no key could be made", error);
    let pem = JwsKey::generate_pem(algorithm).map_err(unmade)?;
    let kid = JwsKey::from_pem(algorithm, pem.expose()).map_err(unmade)?.kid().to_owned();
    let path = folder.join(format!("token-{}-{}.key", algorithm.as_str(), stamp(at)));
    std::fs::create_dir_all(folder).map_err(|error| Failure::new(&folder.display().to_string(), error))?;
    new_file(&path, pem.expose())?;
    Ok((path, kid))
}

/// What will happen when.
fn told(planned: &PlannedToken, kid: &str) -> String {
    let algorithm = JwsAlgorithm::from(planned.algorithm).as_str();
    let mut text = format!("{}: a key for {algorithm}, kid {kid}\n", planned.key_file.display());
    let use_from = planned.use_from;
    if planned.keep_minutes.is_some() {
        let _ =
            writeln!(text, "  {use_from}  tokens are signed with it; the leaked one is published no more");
        text.push_str(
            "Have every broker fetch /jwks now: until it has, it believes what the thief signs, and may refuse \
             what we sign.\nA running gateway notices within seconds.\n",
        );
        return text;
    }
    for (when, what) in [
        (planned.publish_from, "/jwks shows it beside the present one"),
        (use_from, "tokens are signed with it; the present one stays published"),
        (use_from + KEEP, "the present one is retired: its file can be deleted"),
    ] {
        let _ = writeln!(text, "  {when}  {what}");
    }
    text.push_str("A running gateway notices within seconds; the rest is done by the clock.\n");
    text
}
