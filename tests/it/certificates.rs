//! Clients that show a TLS certificate to the proxy in front of the gateway (RFC 8705): to prove who they are, and to
//! have their tokens bound to it.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use eidas_gateway::clock::Timestamp;
use eidas_gateway::crypto::name::{CertificateName, DistinguishedName};
use eidas_gateway::crypto::{Certificate, CertificateRequest, Curve, KeyKind, KeyUsage, PrivateKey};
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::oidc::client::BoundTokens;
use eidas_gateway::oidc::client_certificate::ClientCertificate;
use eidas_gateway::oidc::tls_client_auth::Expected;
use eidas_gateway::oidc::{ClientAuthentication, ClientKeys};
use serde_json::json;

use crate::support::{Answer, Browser, REDIRECT, VERIFIER, World, get, post};

static MINE: LazyLock<Certificate> = LazyLock::new(certificate);
static OTHER: LazyLock<Certificate> = LazyLock::new(certificate);

static ROOT: LazyLock<(PrivateKey, Certificate)> = LazyLock::new(|| {
    let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    let certificate = key.self_signed(&request("root", KeyUsage::Authority), &SystemRandom).unwrap();
    (key, certificate)
});
static MIDDLE: LazyLock<(PrivateKey, Certificate)> =
    LazyLock::new(|| issued(&ROOT, "middle", KeyUsage::Authority));
static CERTIFIED: LazyLock<Certificate> = LazyLock::new(|| issued(&MIDDLE, "broker", KeyUsage::Signing).1);

const PROXY: &str = "10.0.0.1:4711";
const ANYBODY: &str = "10.0.0.2:4711";

fn request(name: &str, usage: KeyUsage) -> CertificateRequest {
    CertificateRequest {
        common_name: name.to_owned(),
        organization: None,
        country: None,
        not_before: Timestamp::parse("2026-11-21T00:00:00Z").unwrap(),
        not_after: Timestamp::parse("2026-11-22T00:00:00Z").unwrap(),
        usage,
    }
}

fn certificate() -> Certificate {
    let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    key.self_signed(&request("broker", KeyUsage::Signing), &SystemRandom).unwrap()
}

fn issued(by: &(PrivateKey, Certificate), name: &str, usage: KeyUsage) -> (PrivateKey, Certificate) {
    let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    let certificate = by.0.issue(&by.1, &key, &request(name, usage), &SystemRandom).unwrap();
    (key, certificate)
}

/// A client that the authority [`ROOT`] vouches for, by way of [`MIDDLE`].
async fn certified(name: &str) -> World {
    World::with(|client, _| {
        let name = CertificateName::Subject(DistinguishedName::parse(name).unwrap());
        let expected = Expected { name, authorities: vec![ROOT.1.clone()] };
        client.authentication = ClientAuthentication::Tls(Box::new(expected));
    })
    .await
}

async fn world() -> World {
    World::with(|client, _| {
        client.authentication = ClientAuthentication::SelfSignedTls;
        client.keys =
            Some(ClientKeys::Inline(Arc::new(json!({ "keys": [{ "kty": "EC", "x5c": [MINE.base64()] }] }))));
        client.bound_tokens = BoundTokens::Mtls;
    })
    .await
}

/// A request that `peer` forwards with these certificates in its header.
fn by(mut request: Request<Body>, peer: &str, certificates: &[&Certificate]) -> Request<Body> {
    let peer: SocketAddr = peer.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    for certificate in certificates {
        let value = format!(":{}:", certificate.base64()).parse().unwrap();
        request.headers_mut().append("client-cert", value);
    }
    request
}

async fn redeem(world: &World, code: &str, peer: &str, certificates: &[&Certificate]) -> Answer {
    world.send(by(redemption(code), peer, certificates)).await
}

fn redemption(code: &str) -> Request<Body> {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "broker"),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("code", code),
    ];
    post("/token", &form)
}

/// The same with a chain in the proxy's second header.
async fn redeem_with_chain(world: &World, code: &str, own: &Certificate, chain: &Certificate) -> Answer {
    let mut request = by(redemption(code), PROXY, &[own]);
    request.headers_mut().insert("client-cert-chain", format!(":{}:", chain.base64()).parse().unwrap());
    world.send(request).await
}

async fn userinfo(world: &World, token: &str, peer: &str, certificates: &[&Certificate]) -> Answer {
    let mut request = get("/userinfo");
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    world.send(by(request, peer, certificates)).await
}

#[tokio::test]
async fn a_client_is_known_by_its_certificate_and_its_tokens_are_bound_to_it() {
    let world = world().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let tokens = redeem(&world, &code, PROXY, &[&MINE]).await;
    assert_eq!((tokens.status, &tokens.json()["token_type"]), (StatusCode::OK, &json!("Bearer")));
    let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(userinfo(&world, &token, PROXY, &[&MINE]).await.status, StatusCode::OK);
    let asked = post("/introspect", &[("client_id", "broker"), ("token", &token)]);
    let told = world.send(by(asked, PROXY, &[&MINE])).await.json();
    assert_eq!(told["cnf"]["x5t#S256"].as_str().map(str::len), Some(43));
    let discovery = world.send(get("/.well-known/openid-configuration")).await.json();
    assert_eq!(discovery["tls_client_certificate_bound_access_tokens"], true);
    let alias = &discovery["mtls_endpoint_aliases"]["token_endpoint"];
    assert_eq!(alias, "https://mtls.gateway.example/token");
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_certificate_is_of_no_use_without_it() {
    let world = world().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let tokens = redeem(&world, &code, PROXY, &[&MINE]).await;
    let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    for (peer, certificates) in [(PROXY, &[][..]), (PROXY, &[&*OTHER]), (ANYBODY, &[&*MINE])] {
        let refused = userinfo(&world, &token, peer, certificates).await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
        assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""));
    }
    assert_eq!(userinfo(&world, &token, PROXY, &[&MINE]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_header_of_anybody_but_the_proxy_is_ignored() {
    let world = world().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let silent = "the client does not authenticate";
    let failed = "client authentication failed";
    for (peer, certificates, description) in [
        (ANYBODY, &[&*MINE][..], silent),
        (PROXY, &[], silent),
        // A proxy that adds its own header to one that the client sent.
        (PROXY, &[&MINE, &OTHER], silent),
        (PROXY, &[&OTHER], failed),
    ] {
        let refused = redeem(&world, &code, peer, certificates).await;
        assert_eq!(refused.token_error(), (401, "invalid_client".to_owned()));
        assert_eq!(refused.json()["error_description"], description);
    }
    // A certificate that has ended.
    world.clock.advance(Duration::from_secs(13 * 3600));
    let refused = redeem(&world, &code, PROXY, &[&MINE]).await;
    assert_eq!(refused.token_error(), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn a_client_whose_tokens_are_to_be_bound_must_show_a_certificate() {
    let world = World::with(|client, _| client.bound_tokens = BoundTokens::Mtls).await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let refused = world.token(&code).await;
    assert_eq!(refused.token_error(), (400, "invalid_request".to_owned()));
    let description = "a client certificate is needed, to which the token is bound";
    assert_eq!(refused.json()["error_description"], description);
}

#[tokio::test]
async fn a_client_is_known_by_the_name_that_an_authority_gave_it() {
    let world = certified("CN=broker").await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let chain = "no authority of this client vouches for the certificate: none of them issued it";
    for (own, middle, description) in [
        // Nobody vouches for what is in the middle.
        (&*CERTIFIED, &*OTHER, chain),
        (&*MINE, &MIDDLE.1, chain),
        (&issued(&MIDDLE, "neighbour", KeyUsage::Signing).1, &MIDDLE.1, "the certificate has another name"),
    ] {
        let refused = redeem_with_chain(&world, &code, own, middle).await;
        assert_eq!(refused.token_error(), (401, "invalid_client".to_owned()));
        assert_eq!(refused.json()["error_description"], description);
    }
    let refused = redeem(&world, &code, ANYBODY, &[&CERTIFIED]).await;
    assert_eq!(refused.json()["error_description"], "the client does not authenticate");
    let tokens = redeem_with_chain(&world, &code, &CERTIFIED, &MIDDLE.1).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
}

#[tokio::test]
async fn a_certificate_that_was_shown_to_us_needs_no_proxy_and_no_header_counts_beside_it() {
    let world = world().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let shown = |certificate: &Certificate, beside: &Certificate| {
        let mut request = by(redemption(&code), PROXY, &[beside]);
        request.extensions_mut().insert(ClientCertificate::new(certificate.clone(), Vec::new()));
        request
    };
    let refused = world.send(shown(&OTHER, &MINE)).await;
    assert_eq!(refused.token_error(), (401, "invalid_client".to_owned()));
    let tokens = world.send(shown(&MINE, &OTHER)).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
}
