//! TLS both ways: our server and our client, with a real certificate (tests/vectors/tls).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use eidas_gateway::app::{self, Server};
use eidas_gateway::config::Config;
use eidas_gateway::outbound::{Allowed, FetchError, Fetcher, Limits};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use rustls_openssl::kx_group::{SECP256R1, SECP384R1, X25519};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/tls")
}

/// A configuration with this certificate and key for TLS.
fn config(certificate: &str, key: &str) -> (PathBuf, Config) {
    let text = format!(
        "[server]
issuer = 'https://localhost'
tls = {{ certificate_file = '{certificate}', key_file = '{key}' }}
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
