//! The TLS certificate that a client showed to the proxy in front of us, which tells us of it in a header.
//!
//! The header counts if it comes from a proxy that is trusted, by its address. From anybody else it is as if it
//! were not there.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};

use crate::oidc::client_certificate::ClientCertificate;
use crate::outbound::Network;

/// Who tells us of certificates, and how.
#[derive(Clone, Debug)]
pub struct CertificateHeader {
    /// The name of the header.
    pub name: String,
    /// How the certificate is written in it.
    pub form: HeaderForm,
    /// The addresses of the proxies that are believed.
    pub proxies: Vec<Network>,
}

/// How a certificate is written in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderForm {
    /// As RFC 9440 has it.
    Rfc9440,
    /// In PEM, percent-encoded.
    EscapedPem,
}

impl CertificateHeader {
    /// The certificate that the client showed, if there is one header and a trusted proxy sent it.
    pub(super) fn read(&self, request: &Request) -> Option<ClientCertificate> {
        let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
        self.proxies.iter().find(|proxy| proxy.contains(peer.ip()))?;
        let mut values = request.headers().get_all(&self.name).into_iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let value = value.to_str().ok()?;
        match self.form {
            HeaderForm::Rfc9440 => {
                let chain = request.headers().get_all(CHAIN);
                // What is not text is not a list of certificates.
                let chain = chain.iter().map(|value| value.to_str().unwrap_or_default());
                Some(ClientCertificate::from_rfc9440(value)?.with_rfc9440_chain(chain))
            }
            HeaderForm::EscapedPem => ClientCertificate::from_escaped_pem(value),
        }
    }
}

/// The header with the certificates of authorities (RFC 9440 §2.2). Whoever forged it could add nothing but
/// certificates that an authority has signed.
const CHAIN: &str = "client-cert-chain";
