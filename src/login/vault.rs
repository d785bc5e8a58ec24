//! What is kept between two requests is sealed under a word that only the other side holds: the handle in
//! the browser, then the code, then the access token. The store sees the hash of the word and a ciphertext,
//! so a copy of the database says nothing about anybody (D11).

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::crypto::{hash, seal};
use crate::ids::Random;

/// Under which kind of word something is sealed. What was sealed for one does not open for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// From the answer of the node to `/continue`.
    Handle,
    /// From one page of a login to the next.
    Interlude,
    /// From `/continue` to the token endpoint.
    Code,
    /// From the token endpoint to userinfo.
    AccessToken,
    /// From one login to the next, for a client that has sessions.
    Session,
    /// From the endpoint for pushed requests to `/authorize`.
    PushedRequest,
}

impl Purpose {
    fn context(self) -> &'static str {
        match self {
            Self::Handle => "outcome under handle",
            Self::Interlude => "paused login under handle",
            Self::Code => "grant under code",
            Self::AccessToken => "grant under access token",
            Self::Session => "answer under session",
            Self::PushedRequest => "pushed request under reference",
        }
    }
}

/// What the store keeps of a handle, code, access token or cookie: SHA-256.
#[must_use]
pub fn digest(word: &str) -> [u8; 32] {
    hash::sha256(word.as_bytes())
}

/// The anti-forgery token of the browser that holds `cookie`. It is derived, so nothing needs to be stored,
/// and the cookie cannot be found from it.
#[must_use]
pub fn form_token(cookie: &str) -> String {
    use base64::Engine as _;
    let mac = hash::hmac_sha256(cookie.as_bytes(), b"eidas-gateway form token 1");
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(mac)
}

/// Whether two words are the same, in time that does not tell where they differ.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    hash::equal(a.as_bytes(), b.as_bytes())
}

/// The same for what [`digest`] gives.
#[must_use]
pub fn same_hash(a: &[u8; 32], b: &[u8; 32]) -> bool {
    hash::equal(a, b)
}

/// Seals `value` under `word`.
pub fn seal<T: Serialize>(word: &str, purpose: Purpose, value: &T, random: &dyn Random) -> Vec<u8> {
    // Our own types: maps have string keys, so there is nothing that JSON cannot hold.
    let plain = serde_json::to_vec(value).unwrap_or_default();
    seal::seal(word.as_bytes(), purpose.context(), &plain, random)
}

/// Opens what [`seal()`] made of a `T`. `None` if the word, the purpose or the box is not the one.
#[must_use]
pub fn open<T: DeserializeOwned>(word: &str, purpose: Purpose, sealed: &[u8]) -> Option<T> {
    let plain = seal::open(word.as_bytes(), purpose.context(), sealed)?;
    serde_json::from_slice(&plain).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::CountingRandom;

    #[test]
    fn a_box_opens_for_its_word_and_purpose_only() {
        let sealed = seal("code", Purpose::Code, &"Papadopoulou", &CountingRandom::default());
        assert!(!String::from_utf8_lossy(&sealed).contains("Papadopoulou"));
        assert_eq!(open::<String>("code", Purpose::Code, &sealed).as_deref(), Some("Papadopoulou"));
        assert_eq!(open::<String>("code", Purpose::AccessToken, &sealed), None);
        assert_eq!(open::<String>("cods", Purpose::Code, &sealed), None);
    }
}
