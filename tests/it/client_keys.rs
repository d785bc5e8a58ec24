//! Clients that publish their keys at an address of their own (`jwks_uri`), as Keycloak does.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use eidas_gateway::app::key_fetcher;
use eidas_gateway::clock::Clock as _;
use eidas_gateway::config::{Outbound, Profile};
use eidas_gateway::crypto::jose::{JwsAlgorithm, JwsKey};
use eidas_gateway::oidc::client::{AssertionAudience, AssertionKey};
use eidas_gateway::oidc::{ClientAuthentication, ClientKeys};
use eidas_gateway::outbound::{AddressRefused, FetchError};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{Answer, ISSUER, World, post};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Where the broker publishes its keys.
struct Publisher {
    answer: Arc<Mutex<Vec<u8>>>,
    asked: Arc<Mutex<usize>>,
    port: u16,
}

impl Publisher {
    async fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (answer, asked) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let (says, counts) = (Arc::clone(&answer), Arc::clone(&asked));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                *counts.lock().unwrap() += 1;
                let octets: Vec<u8> = says.lock().unwrap().clone();
                let _ = stream.write_all(&octets).await;
            }
        });
        Self { answer, asked, port }
    }

    fn says(&self, head: &str, body: &str) {
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        *self.answer.lock().unwrap() = answer.into_bytes();
    }

    fn publishes(&self, keys: &[&JwsKey], cache_control: &str) {
        let keys: Vec<_> = keys.iter().map(|key| key.public_jwk()).collect();
        self.says(&format!("200 OK\r\nCache-Control: {cache_control}"), &json!({ "keys": keys }).to_string());
    }

    fn asked(&self) -> usize {
        *self.asked.lock().unwrap()
    }

    /// A gateway whose client publishes here.
    async fn world(&self) -> World {
        let uri = format!("http://127.0.0.1:{}/realms/b/protocol/openid-connect/certs", self.port);
        world_of(&uri).await
    }
}

async fn world_of(uri: &str) -> World {
    World::with(|client, _| {
        let key = AssertionKey::Public { algorithm: JwsAlgorithm::ES256 };
        client.authentication = ClientAuthentication::Assertion { key, audience: AssertionAudience::Issuer };
        client.keys = Some(ClientKeys::Uri(uri.to_owned()));
    })
    .await
}

fn key() -> JwsKey {
    JwsKey::generate(JwsAlgorithm::ES256).unwrap()
}

/// Tries an unknown code with an assertion that `key` signs: `invalid_grant` says that the client is known.
async fn tries(world: &World, key: &JwsKey, jti: &str) -> String {
    let now = world.clock.now().unix();
    let claims = json!({ "iss": "broker", "sub": "broker", "aud": ISSUER, "jti": jti, "exp": now + 60 });
    let assertion = key.sign("JWT", claims.as_object().unwrap()).unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("redirect_uri", "https://broker.example/cb"),
        ("code", "unknown"),
        ("client_assertion_type", TYPE),
        ("client_assertion", &assertion),
    ];
    let answer: Answer = world.send(post("/token", &form)).await;
    answer.token_error().1
}

const KNOWN: &str = "invalid_grant";
const UNKNOWN: &str = "invalid_client";

#[tokio::test]
async fn keys_are_fetched_when_they_are_needed_and_kept_as_long_as_their_publisher_says() {
    let (publisher, key) = (Publisher::new().await, key());
    publisher.publishes(&[&key], "max-age=600");
    let world = publisher.world().await;
    assert_eq!(publisher.asked(), 0);
    assert_eq!(tries(&world, &key, "1").await, KNOWN);
    world.clock.advance(Duration::from_secs(599));
    assert_eq!(tries(&world, &key, "2").await, KNOWN);
    assert_eq!(publisher.asked(), 1);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(tries(&world, &key, "3").await, KNOWN);
    assert_eq!(publisher.asked(), 2);
}

#[tokio::test]
async fn keys_are_kept_for_five_minutes_at_least_and_a_day_at_most() {
    for (cache_control, seconds) in [("no-store", 300), ("max-age=5", 300), ("max-age=999999", 86_400)] {
        let (publisher, key) = (Publisher::new().await, key());
        publisher.publishes(&[&key], cache_control);
        let world = publisher.world().await;
        assert_eq!(tries(&world, &key, "1").await, KNOWN);
        world.clock.advance(Duration::from_secs(seconds - 1));
        assert_eq!(tries(&world, &key, "2").await, KNOWN);
        assert_eq!(publisher.asked(), 1, "{cache_control}");
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(tries(&world, &key, "3").await, KNOWN);
        assert_eq!(publisher.asked(), 2, "{cache_control}");
    }
}

#[tokio::test]
async fn an_unknown_key_is_looked_for_once_in_ten_seconds() {
    let (publisher, old, new) = (Publisher::new().await, key(), key());
    publisher.publishes(&[&old], "max-age=3600");
    let world = publisher.world().await;
    assert_eq!(tries(&world, &old, "1").await, KNOWN);
    // The client changes its key a moment later.
    publisher.publishes(&[&new], "max-age=3600");
    assert_eq!(tries(&world, &new, "2").await, UNKNOWN);
    assert_eq!(publisher.asked(), 1);
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(tries(&world, &new, "3").await, KNOWN);
    assert_eq!(publisher.asked(), 2);
    assert_eq!(tries(&world, &old, "4").await, UNKNOWN);
    // However often somebody else tries.
    let stranger = key();
    world.clock.advance(Duration::from_secs(10));
    for n in 0..20 {
        assert_eq!(tries(&world, &stranger, &format!("s{n}")).await, UNKNOWN);
    }
    assert_eq!(publisher.asked(), 3);
    assert_eq!(tries(&world, &new, "5").await, KNOWN);
}

#[tokio::test]
async fn the_last_good_set_counts_while_the_publisher_is_down() {
    let (publisher, known) = (Publisher::new().await, key());
    publisher.publishes(&[&known], "max-age=300");
    let world = publisher.world().await;
    assert_eq!(tries(&world, &known, "1").await, KNOWN);
    let mut private: Value = known.public_jwk().clone();
    private["d"] = "AAAA".into();
    let bad = [
        ("503 Service Unavailable", String::new()),
        ("302 Found\r\nLocation: https://rp.example/jwks", String::new()),
        ("200 OK", "<html>".to_owned()),
        ("200 OK", json!({ "keys": [private] }).to_string()),
        ("200 OK", json!({ "keys": [], "padding": "x".repeat(65_536) }).to_string()),
    ];
    for (n, (head, body)) in bad.iter().enumerate() {
        publisher.says(head, body);
        world.clock.advance(Duration::from_secs(300));
        assert_eq!(tries(&world, &known, &format!("b{n}")).await, KNOWN, "{head}");
        assert_eq!(publisher.asked(), 2 + n);
    }
    publisher.publishes(&[], "max-age=300");
    world.clock.advance(Duration::from_secs(300));
    assert_eq!(tries(&world, &known, "2").await, UNKNOWN);
}

#[tokio::test]
async fn the_last_good_set_counts_for_a_day_and_no_longer() {
    let (publisher, known) = (Publisher::new().await, key());
    publisher.publishes(&[&known], "max-age=300");
    let world = publisher.world().await;
    assert_eq!(tries(&world, &known, "1").await, KNOWN);
    publisher.says("503 Service Unavailable", "");
    world.clock.advance(Duration::from_secs(300 + 86_399));
    assert_eq!(tries(&world, &known, "2").await, KNOWN);
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(tries(&world, &known, "3").await, UNKNOWN);
    publisher.publishes(&[&known], "max-age=300");
    world.clock.advance(Duration::from_secs(10));
    assert_eq!(tries(&world, &known, "4").await, KNOWN);
}

/// Row "SSRF" of the table of best current practices.
#[tokio::test]
async fn keys_are_not_fetched_from_the_metadata_service_of_a_cloud() {
    let fetcher = key_fetcher(&Outbound::default(), Profile::Production);
    let private = AddressRefused::Private("169.254.169.254".parse().unwrap());
    let refused = fetcher.get_kept("https://169.254.169.254/latest/meta-data").await;
    assert_eq!(refused, Err(FetchError::Address(private)));
    let world = world_of("https://169.254.169.254/latest/meta-data").await;
    assert_eq!(tries(&world, &key(), "1").await, UNKNOWN);
}
