//! TLS toward browsers and brokers, with the same cryptography as toward nodes.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{Acceptor, NoServerSessionStorage};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use crate::config::{Config, Faults};
use crate::oidc::client_certificate::ClientCertificate;
use crate::outbound::provider;

/// How a server ends TLS.
#[derive(Clone, Debug)]
pub struct Tls {
    settings: Arc<ServerConfig>,
    /// Under this name, and no other, clients are asked for a certificate: browsers show such a question to people.
    asking: Option<(String, Arc<ServerConfig>)>,
}

impl Tls {
    /// Speaks TLS on `stream`, and tells which certificate was shown, if one was: whoever is there has its key. What
    /// the certificate says is not looked at.
    pub(super) async fn accept<S>(&self, stream: S) -> io::Result<(TlsStream<S>, Option<ClientCertificate>)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let started = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        let settings = self.settings_for(started.client_hello().server_name());
        let stream = started.into_stream(settings).await?;
        let shown = stream.get_ref().1.peer_certificates();
        let shown =
            shown.and_then(|chain| ClientCertificate::from_handshake(chain.iter().map(AsRef::as_ref)));
        Ok((stream, shown))
    }

    fn settings_for(&self, name: Option<&str>) -> Arc<ServerConfig> {
        match (&self.asking, name) {
            (Some((host, asking)), Some(name)) if name.eq_ignore_ascii_case(host) => Arc::clone(asking),
            _ => Arc::clone(&self.settings),
        }
    }
}

/// How the server ends TLS; `None` if the configuration leaves that to a proxy.
///
/// # Errors
/// What is wrong with the certificate or the key, at its place in `file`.
pub fn tls(file: &Path, config: &Config) -> Result<Option<Tls>, Faults> {
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
        .map_err(|error| fault("key_file", "bad_key", error.to_string()))?;
    let asking = settings.clone().with_client_cert_verifier(Arc::new(AnyCertificate(provider())));
    let settings = settings.with_no_client_auth().with_single_cert(chain.clone(), key.clone_key());
    let mut settings = settings.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => fault("key_file", "key_mismatch", error.to_string()),
        _ => fault("key_file", "bad_key", error.to_string()),
    })?;
    settings.alpn_protocols = vec![b"http/1.1".to_vec()];
    let asking = match &set.client_certificate_host {
        None => None,
        Some(host) => {
            let asking = asking.with_single_cert(chain, key);
            let mut asking = asking.map_err(|error| fault("key_file", "bad_key", error.to_string()))?;
            asking.alpn_protocols.clone_from(&settings.alpn_protocols);
            // So that with each connection the key is shown anew.
            asking.session_storage = Arc::new(NoServerSessionStorage {});
            asking.send_tls13_tickets = 0;
            Some((host.clone(), Arc::new(asking)))
        }
    };
    Ok(Some(Tls { settings: Arc::new(settings), asking }))
}

/// Takes any certificate or none, if the key is shown: who it is, the registration of a client decides.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
