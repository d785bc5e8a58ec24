//! Our own metadata.

use std::time::Duration;

use super::Connector;
use crate::clock::Timestamp;
use crate::crypto::KeyError;
use crate::ids::Random;

/// Our signed SP metadata.
///
/// # Errors
/// If our key cannot sign.
pub fn publish(
    connector: &Connector,
    valid_for: Duration,
    now: Timestamp,
    random: &dyn Random,
) -> Result<String, KeyError> {
    let _ = (connector, valid_for, now, random);
    Err(KeyError::Operation)
}
