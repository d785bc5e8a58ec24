//! Hashes, MACs, key derivation, comparison in constant time.

use std::fmt::Write as _;

use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

use super::DigestAlgorithm;

impl DigestAlgorithm {
    /// The hash of `data`.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "SHA-2 is always there: OpenSSL is linked statically with its default provider"
    )]
    pub fn digest(self, data: &[u8]) -> Vec<u8> {
        openssl::hash::hash(self.openssl(), data).expect("SHA-2 hashes any input").to_vec()
    }
}

/// SHA-256.
#[must_use]
pub fn sha256(data: &[u8]) -> [u8; 32] {
    openssl::sha::sha256(data)
}

/// HMAC-SHA-256 (RFC 2104).
#[must_use]
#[expect(clippy::expect_used, reason = "HMAC takes a key of any length and any input")]
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    let key = PKey::hmac(key).expect("any octets are an HMAC key");
    let mut signer = Signer::new(MessageDigest::sha256(), &key).expect("HMAC-SHA-256 is always there");
    let mut mac = [0; 32];
    signer.sign_oneshot(&mut mac, data).expect("the buffer holds 32 octets");
    mac
}

/// HKDF-SHA-256 with 32 octets of output (RFC 5869): extract, then one round of expand.
#[must_use]
pub fn hkdf_sha256(ikm: &[u8], salt: &[u8], info: &[u8]) -> [u8; 32] {
    let prk = hmac_sha256(salt, ikm);
    let mut block = Vec::with_capacity(info.len() + 1);
    block.extend_from_slice(info);
    block.push(1);
    hmac_sha256(&prk, &block)
}

/// Octets in lower-case hexadecimal, as digests are shown.
#[must_use]
pub fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::with_capacity(2 * octets.len()), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// Whether two strings of octets are the same, in time that depends on their lengths only.
#[must_use]
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && openssl::memcmp::eq(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn octets(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn hexadecimal_has_two_digits_for_each_octet() {
        assert_eq!(hex(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
        assert_eq!(hex(&[]), "");
    }

    #[test]
    fn hmac_gives_the_value_of_rfc_4231_case_2() {
        let mac = hmac_sha256(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(mac.to_vec(), octets("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
    }

    #[test]
    fn hkdf_gives_the_first_block_of_rfc_5869_case_1() {
        let ikm = [0x0b; 22];
        let okm = hkdf_sha256(&ikm, &octets("000102030405060708090a0b0c"), &octets("f0f1f2f3f4f5f6f7f8f9"));
        assert_eq!(okm.to_vec(), octets("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"));
    }

    #[test]
    fn comparison_sees_length_and_content() {
        assert!(equal(b"", b"") && equal(b"abc", b"abc"));
        assert!(!equal(b"abc", b"abd") && !equal(b"abc", b"ab") && !equal(b"", b"a"));
    }
}
