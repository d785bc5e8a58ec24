//! TLS both ways: our server and our client, with a real certificate (tests/vectors/tls).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use axum::{Extension, Router};
use eidas_gateway::app::{self, Server};
use eidas_gateway::clock::Timestamp;
use eidas_gateway::config::Config;
use eidas_gateway::crypto::{Certificate, CertificateRequest, Curve, KeyKind, KeyUsage, PrivateKey};
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::oidc::client_certificate::ClientCertificate;
use eidas_gateway::outbound::{self, Allowed, FetchError, Fetcher, Limits};
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion, version};
use rustls_openssl::kx_group::{SECP256R1, SECP384R1, X25519};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/tls")
}

/// A configuration with this certificate and key for TLS.
fn config(certificate: &str, key: &str) -> (PathBuf, Config) {
    config_with(certificate, key, "")
}

fn config_with(certificate: &str, key: &str, more: &str) -> (PathBuf, Config) {
    let text = format!(
        "[server]
issuer = 'https://localhost'
tls = {{ certificate_file = '{certificate}', key_file = '{key}'{more} }}
[connector]
country = 'SE'
organization = {{ name = 'O', url = 'https://example.org' }}
support_contact = {{ email = 'a@example.org' }}
technical_contact = {{ email = 'a@example.org' }}
signing = {{ key_file = 'x', certificate_file = 'x' }}
encryption = [{{ key_file = 'x', certificate_file = 'x' }}]
[oidc]
signing_key = [{{ key_file = 'x', algorithm = 'RS256' }}]
[subject]
key_file = 'x'
"
    );
    let file = vectors().join("gateway.toml");
    let config = Config::read(&file, text, &vectors()).unwrap();
    (file, config)
}

/// A server that says hello, and its port.
async fn server() -> u16 {
    let (file, config) = config("server.pem", "server.key");
    let tls = app::tls(&file, &config).unwrap();
    let router = Router::new().route("/", get(|| async { "hello" }));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Server { router, tls, grace: Duration::ZERO };
    tokio::spawn(server.run(listener, std::future::pending()));
    port
}

/// A server that tells which certificate it was shown, and its port. It asks under the name `gateway.localhost`.
async fn asking() -> u16 {
    let more = ", client_certificate_host = 'gateway.localhost'";
    let (file, config) = config_with("server.pem", "server.key", more);
    assert_eq!(config.server.certificate_base().as_deref(), Some("https://gateway.localhost"));
    let tls = app::tls(&file, &config).unwrap();
    let shown = |certificate: Option<Extension<ClientCertificate>>| async move {
        certificate.map_or_else(|| "nothing".to_owned(), |Extension(certificate)| certificate.thumbprint())
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Server { router: Router::new().route("/", get(shown)), tls, grace: Duration::ZERO };
    tokio::spawn(server.run(listener, std::future::pending()));
    port
}

/// A certificate, and a key that it may not be of.
#[derive(Debug)]
struct Held(Arc<CertifiedKey>);

impl Held {
    fn new(certificate: &Certificate, key: &PrivateKey) -> Self {
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::from_pem_slice(key.to_pem().unwrap().expose()).unwrap();
        let key = rustls_openssl::default_provider().key_provider.load_private_key(key).unwrap();
        Self(Arc::new(CertifiedKey::new(chain, key)))
    }
}

impl ResolvesClientCert for Held {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// What the server says under this name to a client that holds a certificate, or none.
async fn told(
    port: u16,
    name: &'static str,
    held: Option<Held>,
    version: &'static SupportedProtocolVersion,
) -> io::Result<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(vectors().join("ca.pem")).unwrap()).unwrap();
    let client = ClientConfig::builder_with_provider(outbound::provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    let client = match held {
        Some(held) => client.with_client_cert_resolver(Arc::new(held)),
        None => client.with_no_client_auth(),
    };
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from(name).unwrap();
    let mut stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer.rsplit("\r\n").next().unwrap().to_owned())
}

fn client_certificate() -> (PrivateKey, Certificate) {
    let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    let request = CertificateRequest {
        common_name: "broker".to_owned(),
        organization: None,
        country: None,
        // Over long ago: what it says does not matter here.
        not_before: Timestamp::parse("2020-01-01T00:00:00Z").unwrap(),
        not_after: Timestamp::parse("2020-01-02T00:00:00Z").unwrap(),
        usage: KeyUsage::Signing,
    };
    let certificate = key.self_signed(&request, &SystemRandom).unwrap();
    (key, certificate)
}

#[tokio::test]
async fn clients_are_asked_for_a_certificate_under_its_own_name_only() {
    let port = asking().await;
    let (key, certificate) = client_certificate();
    let thumbprint = ClientCertificate::new(certificate.clone(), Vec::new()).thumbprint();
    for version in [&version::TLS12, &version::TLS13] {
        let held = || Some(Held::new(&certificate, &key));
        assert_eq!(told(port, "gateway.localhost", held(), version).await.unwrap(), thumbprint);
        assert_eq!(told(port, "localhost", held(), version).await.unwrap(), "nothing");
        assert_eq!(told(port, "gateway.localhost", None, version).await.unwrap(), "nothing");
    }
}

#[tokio::test]
async fn a_certificate_without_its_key_is_not_shown() {
    let port = asking().await;
    let ((_, certificate), (other, _)) = (client_certificate(), client_certificate());
    for version in [&version::TLS12, &version::TLS13] {
        assert!(
            told(port, "gateway.localhost", Some(Held::new(&certificate, &other)), version).await.is_err()
        );
    }
}

fn limits(ca_file: Option<PathBuf>) -> Limits {
    let allowed = Allowed { networks: Vec::new(), loopback: true };
    Limits { time: Duration::from_secs(10), size: 100, allowed, ca_file }
}

#[tokio::test]
async fn what_we_serve_by_tls_we_fetch_if_we_trust_its_authority() {
    let port = server().await;
    let trusting = Fetcher::new(limits(Some(vectors().join("ca.pem"))));
    assert_eq!(trusting.get(&format!("https://localhost:{port}/")).await, Ok(b"hello".to_vec()));
    // The certificate is not for this name.
    let other_name = trusting.get(&format!("https://other.localhost:{port}/")).await.unwrap_err();
    assert_eq!(other_name.code(), "connect_failed");
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_refused() {
    let port = server().await;
    // The server's own certificate is no authority.
    let distrusting = Fetcher::new(limits(Some(vectors().join("server.pem"))));
    let refused = distrusting.get(&format!("https://localhost:{port}/")).await.unwrap_err();
    assert!(matches!(refused, FetchError::Connect(_)), "{refused:?}");
}

/// Whether a client with only these curves and this version is served.
async fn is_served(
    port: u16,
    groups: Vec<&'static dyn rustls::crypto::SupportedKxGroup>,
    version: &'static SupportedProtocolVersion,
) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(vectors().join("ca.pem")).unwrap()).unwrap();
    let mut provider = rustls_openssl::default_provider();
    provider.kx_groups = groups;
    let client = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(client)).connect(name, stream).await.is_ok()
}

#[tokio::test]
async fn the_server_offers_what_eidas_lists_and_nothing_else() {
    let port = server().await;
    for version in [&version::TLS12, &version::TLS13] {
        assert!(is_served(port, vec![SECP256R1], version).await);
        assert!(is_served(port, vec![SECP384R1], version).await);
        // CRY-06: not on the list of curves.
        assert!(!is_served(port, vec![X25519], version).await);
    }
}

#[tokio::test]
async fn health_is_asked_over_tls_without_a_look_at_the_name() {
    let (_, mut config) = config("server.pem", "server.key");
    config.server.listen = ([127, 0, 0, 1], server().await).into();
    // This server says hello and knows no /healthz: that TLS worked is what its 404 tells.
    let told = app::health(&config.server, Duration::from_secs(30)).await;
    assert_eq!(told, Err(app::Unwell::Status(config.server.listen, "404 Not Found".to_owned())));
}

#[test]
fn a_certificate_that_cannot_be_served_is_named_by_its_key() {
    let rows = [
        ("ca.pem", "server.key", "server.tls.key_file", "key_mismatch"),
        ("nowhere.pem", "server.key", "server.tls.certificate_file", "file_unreadable"),
        ("README.md", "server.key", "server.tls.certificate_file", "bad_certificate"),
        ("server.pem", "server.pem", "server.tls.key_file", "bad_key"),
    ];
    for (certificate, key, at, code) in rows {
        let (file, config) = config(certificate, key);
        let faults = app::tls(&file, &config).unwrap_err().0;
        let found: Vec<_> = faults.iter().map(|fault| (fault.key.as_str(), fault.code)).collect();
        assert_eq!(found, [(at, code)], "{certificate} {key}");
    }
}
