//! XML encryption, one closed profile: AES-GCM content; RSA-OAEP key transport or ECDH-ES key agreement
//! with ConcatKDF and AES key wrap (eIDAS Cryptographic Requirements §3.2).
//!
//! Everything is read and held against the allow-lists before any key is touched. From there on, all that
//! can go wrong is one error, reached by the same steps.

mod agreement;
mod decrypt;
mod encrypt;

pub use decrypt::{DecryptionError, DecryptionPolicy, decrypt};
pub use encrypt::{EncryptionOptions, KdfInfo, encrypt, encrypt_with_sibling_key};

/// `Type` of encrypted data that replaces one element.
const TYPE_ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";
/// Elliptic-curve Diffie-Hellman, ephemeral-static (XML Encryption 1.1 §5.6.4).
const ECDH_ES: &str = "http://www.w3.org/2009/xmlenc11#ECDH-ES";
/// The key derivation function (XML Encryption 1.1 §5.4.1).
const CONCAT_KDF: &str = "http://www.w3.org/2009/xmlenc11#ConcatKDF";

#[cfg(test)]
mod tests;
