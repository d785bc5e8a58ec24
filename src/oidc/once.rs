//! The word by which a signed message of a client counts once: the same for assertions, request objects and DPoP
//! proofs, and never the same word for two of them.

use crate::clock::Timestamp;
use crate::crypto::hash;

/// A word that may be used once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// SHA-256 of what kind of message it is, whose, and its `jti`.
    pub hash: [u8; 32],
    /// How long it must be remembered: afterwards the message has expired.
    pub until: Timestamp,
}

impl Once {
    /// The word of a message of this kind, with the identifier `jti`, by `whose` client or key.
    pub(super) fn of(kind: &str, whose: &str, jti: &str, until: Timestamp) -> Self {
        let word = format!("{kind}\u{1f}{whose}\u{1f}{jti}");
        Self { hash: hash::sha256(word.as_bytes()), until }
    }
}
