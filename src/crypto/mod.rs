//! Keys, certificates as facts, algorithm allow-lists, signing and unwrapping, sealing, JOSE.
//!
//! The only module that speaks to OpenSSL. What is not on a list of [`algorithm`] cannot be named, and
//! a key that is too weak cannot become a [`PublicKey`]. Nothing here knows XML, SAML or trust: a
//! certificate is a set of facts until `eidas::trust` says otherwise.

pub mod algorithm;
mod certificate;
pub mod hash;
mod issue;
pub mod jose;
pub mod jwe;
mod key;
pub(crate) mod keywrap;
pub mod name;
pub mod path;
pub mod revocation;
pub mod seal;
pub mod turn;

pub use algorithm::{
    ContentAlgorithm, Curve, DigestAlgorithm, KeyKind, KeyTransport, KeyWrapAlgorithm, SignatureAlgorithm,
};
pub use certificate::{Certificate, CertificateError, KeyUsage};
pub use issue::CertificateRequest;
pub use key::{DecryptionKey, KeyError, PrivateKey, PublicKey, SignatureInvalid, SigningKey};
