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

/// Makes that cryptography the one of the process, for a library that asks there.
pub(super) fn install_provider() {
    // Whoever comes second finds it done.
    let _ = CryptoProvider::install_default(provider().as_ref().clone());
}

/// The certification authorities in `ca_file`, as DER; at least one.
pub(super) fn authorities(ca_file: &Path) -> Result<Vec<Vec<u8>>, TlsFault> {
    let unreadable = |error: &dyn std::fmt::Display| TlsFault::CaFile(ca_file.to_owned(), error.to_string());
    let text = std::fs::read(ca_file).map_err(|error| unreadable(&error))?;
    let mut authorities = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        // A system's bundle may hold something that webpki cannot read; what it can read counts.
        if RootCertStore::empty().add(certificate.clone()).is_ok() {
            authorities.push(certificate.to_vec());
        }
    }
    if authorities.is_empty() {
        return Err(TlsFault::NoAuthority(ca_file.to_owned()));
    }
    Ok(authorities)
}

/// Settings of a client that trusts the certification authorities in `ca_file`.
pub(crate) fn client(ca_file: &Path) -> Result<ClientConfig, TlsFault> {
    let mut roots = RootCertStore::empty();
    for authority in authorities(ca_file)? {
        let _ = roots.add(authority.into());
    }
    let settings = |error: rustls::Error| TlsFault::Settings(error.to_string());
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    Ok(builder.map_err(settings)?.with_root_certificates(roots).with_no_client_auth())
}
