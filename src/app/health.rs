//! Asks the gateway of this machine whether it is well: for containers and supervisors, which have no other
//! HTTP client at hand.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::Server;
use crate::outbound::provider;

/// Why the gateway is not well, or cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwell {
    /// Nothing listens, or it broke off.
    #[error("cannot reach {0}: {1}")]
    Unreachable(SocketAddr, String),
    /// No answer in time.
    #[error("{0} did not answer within {1} seconds")]
    Late(SocketAddr, u64),
    /// It answers that it is not well: its database cannot be written to.
    #[error("{0} answers {1}")]
    Status(SocketAddr, String),
}

/// Asks `/healthz` of the gateway that `server` describes, on this machine.
///
/// # Errors
/// [`Unwell`] says why.
pub async fn health(server: &Server, patience: Duration) -> Result<(), Unwell> {
    let address = reachable(server.listen);
    let unreachable = |error: io::Error| Unwell::Unreachable(address, error.to_string());
    let asked = timeout(patience, ask(server, address)).await;
    let status = asked.map_err(|_| Unwell::Late(address, patience.as_secs()))?.map_err(unreachable)?;
    match status.as_str() {
        "200 OK" => Ok(()),
        _ => Err(Unwell::Status(address, status)),
    }
}

/// Where a listener can be reached from its own machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(server: &Server, address: SocketAddr) -> io::Result<String> {
    let stream = TcpStream::connect(address).await?;
    if server.tls.is_none() {
        return status(stream).await;
    }
    let settings = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Ourselves(provider())))
        .with_no_client_auth();
    let name = ServerName::IpAddress(address.ip().into());
    status(TlsConnector::from(Arc::new(settings)).connect(name, stream).await?).await
}

/// The status of the answer, as in `200 OK`.
async fn status(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<String> {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    stream.take(MOST).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let line = answer.lines().next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
    line.map(str::to_owned).ok_or_else(|| io::Error::other("the answer is not HTTP"))
}

/// Octets of an answer that are read.
const MOST: u64 = 16 * 1024;

/// Takes any certificate: the connection never leaves this machine, carries no secret, and the certificate
/// names a public host that is not asked here.
#[derive(Debug)]
struct Ourselves(Arc<CryptoProvider>);

impl ServerCertVerifier for Ourselves {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
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

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn told(answer: &'static str) -> Result<(), Unwell> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).await.unwrap();
            assert!(request[..read].starts_with(b"GET /healthz HTTP/1.1\r\n"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        let asked = health(&at(listen), Duration::from_secs(30)).await;
        server.await.unwrap();
        asked
    }

    fn at(listen: SocketAddr) -> Server {
        let text = format!("issuer = \"http://localhost\"\nlisten = \"{listen}\"");
        toml::from_str(&text).unwrap()
    }

    #[tokio::test]
    async fn only_200_is_well() {
        assert_eq!(told("HTTP/1.1 200 OK\r\n\r\nok").await, Ok(()));
        let unwell = told("HTTP/1.1 503 Service Unavailable\r\n\r\n").await.unwrap_err();
        assert!(
            matches!(&unwell, Unwell::Status(_, status) if status == "503 Service Unavailable"),
            "{unwell}"
        );
        let unwell = told("SSH-2.0-x\r\n").await.unwrap_err();
        assert!(unwell.to_string().ends_with("the answer is not HTTP"), "{unwell}");
    }

    #[tokio::test]
    async fn nobody_there_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listen = listener.local_addr().unwrap();
        let late = health(&at(listen), Duration::ZERO).await;
        assert_eq!(late, Err(Unwell::Late(listen, 0)));
        drop(listener);
        let gone = health(&at(listen), Duration::from_secs(30)).await.unwrap_err();
        assert!(matches!(gone, Unwell::Unreachable(..)), "{gone}");
    }

    #[test]
    fn a_listener_on_all_addresses_is_asked_on_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8443", "[::1]:8443"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
