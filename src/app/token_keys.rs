//! Changes the keys that sign tokens when their time is over, if `oidc.rotate_after_days` says how long that is:
//! makes the next key and writes into the rotation file when it takes its turn. What is due, and from when the
//! new key is used, is decided in `oidc::token_keys`; what was written is taken over like any other change.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::new_file::{new_file, replace_file};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, Faults, PlannedToken, Rotation};
use crate::crypto::jose::{JoseError, JwsAlgorithm, JwsKey};
use crate::oidc::token_keys::Due;

/// Why no change could be planned.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The configuration is faulty.
    #[error("{0}")]
    Configuration(Faults),
    /// A file cannot be written or read.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// The rotation file is faulty.
    #[error("{0}")]
    Rotation(String),
    /// No key could be made, or the file that has its name holds none.
    #[error("{0}: {1}")]
    Key(PathBuf, JoseError),
    /// The file that has the name of a new key holds one that is known already.
    #[error("{0} holds a key that is known already")]
    Known(PathBuf),
}

/// Plans the changes that are due at `now`, for the configuration in `file`. Without `oidc.rotate_after_days`
/// none is.
///
/// Several instances that share the files may do this at the same time: the name of a new key follows from the
/// day, and who finds it there takes it.
///
/// # Errors
/// [`RotateError`]; what is planned already stays so.
pub fn rotate_token_keys(file: &Path, now: Timestamp) -> Result<Vec<Due>, RotateError> {
    let text = std::fs::read_to_string(file).map_err(|error| RotateError::File(file.to_owned(), error))?;
    let base = file.parent().unwrap_or_else(|| Path::new(""));
    let config = Config::read(file, text, base).map_err(RotateError::Configuration)?;
    if config.oidc.rotate_after_days.is_none() {
        return Ok(Vec::new());
    }
    let (config, opened) = Config::load(file, now).map_err(RotateError::Configuration)?;
    let due = opened.token_keys.due(now);
    if due.is_empty() {
        return Ok(due);
    }
    let plan = &config.connector.rotation_file;
    let folder = plan.parent().unwrap_or_else(|| Path::new(""));
    let mut rotation = Rotation::load(plan).map_err(RotateError::Rotation)?;
    let states = opened.token_keys.states(now);
    for Due { algorithm, use_from } in &due {
        let day: String = now.to_string().chars().take(10).filter(char::is_ascii_digit).collect();
        let key_file = folder.join(format!("token-{}-{day}.key", algorithm.as_str()));
        let kid = make(&key_file, *algorithm)?;
        if states.iter().any(|state| state.kid == kid) {
            return Err(RotateError::Known(key_file));
        }
        rotation.token.push(PlannedToken {
            algorithm: (*algorithm).into(),
            key_file,
            publish_from: now,
            use_from: *use_from,
            keep_minutes: None,
        });
    }
    replace_file(plan, &rotation.text(folder)).map_err(|error| RotateError::File(plan.clone(), error))?;
    Ok(due)
}

/// Makes a key in `file`, or takes the one that is there. Gives its `kid`.
fn make(file: &Path, algorithm: JwsAlgorithm) -> Result<String, RotateError> {
    let unfit = |error| RotateError::Key(file.to_owned(), error);
    let unwritten = |error| RotateError::File(file.to_owned(), error);
    let pem = match std::fs::read(file) {
        Ok(pem) => pem,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let pem = JwsKey::generate_pem(algorithm).map_err(unfit)?;
            new_file(file, pem.expose()).map_err(unwritten)?;
            pem.expose().clone()
        }
        Err(error) => return Err(unwritten(error)),
    };
    Ok(JwsKey::from_pem(algorithm, &pem).map_err(unfit)?.kid().to_owned())
}

/// Plans what is due, for ever.
pub(super) async fn keep_rotating(file: PathBuf, clock: Arc<dyn Clock>) {
    let mut last_error: Option<String> = None;
    loop {
        let (file, now) = (file.clone(), clock.now());
        // A key of RSA takes a second to make.
        let planned = tokio::task::spawn_blocking(move || rotate_token_keys(&file, now)).await;
        let error = match planned {
            Ok(Ok(planned)) => {
                for Due { algorithm, use_from } in planned {
                    tracing::info!(algorithm = algorithm.as_str(), %use_from, "a new token key is planned");
                }
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = error.as_ref().filter(|error| last_error.as_ref() != Some(error)) {
            tracing::error!(error, "no new token key could be planned; `keys rotate token` does it by hand");
        }
        last_error = error;
        tokio::time::sleep(INTERVAL).await;
    }
}

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(600);
