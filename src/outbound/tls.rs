//! TLS by rustls over OpenSSL, as eIDAS wants it (Cryptographic Requirements §2): 1.2 and 1.3, forward
//! secrecy, AEAD, and none but the NIST curves that its list names and rustls has.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_openssl::kx_group::{SECP256R1, SECP384R1, SECP521R1};

/// Why TLS cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// The file of certification authorities cannot be read.
    #[error("cannot read the certification authorities in {0}: {1}")]
    CaFile(PathBuf, String),
    /// No certificate is in it.
    #[error("there is no certification authority in {0}")]
    NoAuthority(PathBuf),
    /// The library refuses the settings.
    #[error("TLS cannot be set up: {0}")]
    Settings(String),
}

/// The cryptography of TLS, both ways: what Cryptographic Requirements 1.4 §2 recommends, of the suites those
/// with AEAD, of the groups the NIST curves.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    let mut provider = rustls_openssl::default_provider();
    provider.kx_groups = vec![SECP256R1, SECP384R1, SECP521R1];
    Arc::new(provider)
}

/// Settings of a client that trusts the certification authorities in `ca_file`.
pub(crate) fn client(ca_file: &Path) -> Result<ClientConfig, TlsFault> {
    let mut roots = RootCertStore::empty();
    let unreadable = |error: &dyn std::fmt::Display| TlsFault::CaFile(ca_file.to_owned(), error.to_string());
    let text = std::fs::read(ca_file).map_err(|error| unreadable(&error))?;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        // A system's bundle may hold something that webpki cannot read; what it can read counts.
        let _ = roots.add(certificate);
    }
    if roots.is_empty() {
        return Err(TlsFault::NoAuthority(ca_file.to_owned()));
    }
    let settings = |error: rustls::Error| TlsFault::Settings(error.to_string());
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    Ok(builder.map_err(settings)?.with_root_certificates(roots).with_no_client_auth())
}
