//! Sealing: what is written to the store between two requests, readable only to whoever brings the key
//! material back (a handle, a code, an access token).
//!
//! AES-256-GCM under HKDF-SHA-256(key material, context). Form: version octet 1, 96-bit IV, ciphertext,
//! 128-bit tag. The context is bound into the key, so a box sealed for one purpose does not open for
//! another.

use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};

use super::hash::hkdf_sha256;
use crate::ids::{Random, octets};

const VERSION: u8 = 1;
const IV_OCTETS: usize = 12;
const TAG_OCTETS: usize = 16;

/// Seals `plaintext` under `key` for `context`.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "AES-256-GCM takes any plaintext with a key and an IV of the right size"
)]
pub fn seal(key: &[u8], context: &str, plaintext: &[u8], random: &dyn Random) -> Vec<u8> {
    let iv = octets::<IV_OCTETS>(random);
    let mut tag = [0; TAG_OCTETS];
    let key = hkdf_sha256(key, b"eidas-gateway seal 1", context.as_bytes());
    let cipher = Cipher::aes_256_gcm();
    let ciphertext = encrypt_aead(cipher, &key, Some(&iv), &[VERSION], plaintext, &mut tag)
        .expect("AES-256-GCM encrypts any plaintext");
    [&[VERSION][..], &iv, &ciphertext, &tag].concat()
}

/// Opens what [`seal`] made. `None` if the key, the context or the box is not the one.
#[must_use]
pub fn open(key: &[u8], context: &str, sealed: &[u8]) -> Option<Vec<u8>> {
    let (&version, rest) = sealed.split_first()?;
    if version != VERSION {
        return None;
    }
    let (iv, rest) = rest.split_at_checked(IV_OCTETS)?;
    let (ciphertext, tag) = rest.split_at_checked(rest.len().checked_sub(TAG_OCTETS)?)?;
    let key = hkdf_sha256(key, b"eidas-gateway seal 1", context.as_bytes());
    decrypt_aead(Cipher::aes_256_gcm(), &key, Some(iv), &[VERSION], ciphertext, tag).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::CountingRandom;

    #[test]
    fn a_box_opens_with_its_key_and_context_only() {
        let random = CountingRandom::default();
        let sealed = seal(b"the code", "code", b"Papadopoulou", &random);
        assert_eq!(open(b"the code", "code", &sealed).as_deref(), Some(&b"Papadopoulou"[..]));
        assert_eq!(open(b"another", "code", &sealed), None);
        assert_eq!(open(b"the code", "token", &sealed), None);
    }

    #[test]
    fn a_changed_or_short_box_does_not_open() {
        let sealed = seal(b"k", "c", b"text", &CountingRandom::default());
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert_eq!(open(b"k", "c", &changed), None, "octet {i}");
            assert_eq!(open(b"k", "c", &sealed[..i]), None, "length {i}");
        }
    }

    #[test]
    fn two_boxes_of_the_same_text_differ() {
        let random = CountingRandom::default();
        assert_ne!(seal(b"k", "c", b"text", &random), seal(b"k", "c", b"text", &random));
    }
}
