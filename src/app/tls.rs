//! TLS toward browsers and brokers, with the same cryptography as toward nodes.

use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::{Config, Faults};
use crate::outbound::provider;

/// The settings of a server that ends TLS; `None` if the configuration leaves that to a proxy.
///
/// # Errors
/// What is wrong with the certificate or the key, at its place in `file`.
pub fn tls(file: &Path, config: &Config) -> Result<Option<Arc<ServerConfig>>, Faults> {
    let Some(set) = &config.server.tls else { return Ok(None) };
    let fault =
        |key: &str, code, message: String| Faults::one(file, &format!("server.tls.{key}"), code, message);

    let chain = std::fs::read(&set.certificate_file);
    let chain = chain.map_err(|error| fault("certificate_file", "file_unreadable", error.to_string()))?;
    let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<Vec<_>, _>>();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| {
        fault("certificate_file", "bad_certificate", "the file holds no certificate in PEM".to_owned())
    })?;
    let key = std::fs::read(&set.key_file);
    let key = key.map_err(|error| fault("key_file", "file_unreadable", error.to_string()))?;
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|_| fault("key_file", "bad_key", "the file holds no private key in PEM".to_owned()))?;

    let settings = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| fault("key_file", "bad_key", error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key);
    let mut settings = settings.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => fault("key_file", "key_mismatch", error.to_string()),
        _ => fault("key_file", "bad_key", error.to_string()),
    })?;
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(Arc::new(settings)))
}
