//! Small clients that behave as the brokers do for which there are presets, one file each. They drive a gateway
//! whose configuration is nothing but the preset and what no preset can know, and say what that broker would make of
//! it. Each also meets a gateway with the opposite setting, and fails there as the broker does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::{fs, process};

use axum::http::{HeaderValue, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use eidas_gateway::config::Config;
use eidas_gateway::crypto::hash::sha256;
use eidas_gateway::crypto::jose::{self, JwsAlgorithm, JwsKey};
use eidas_gateway::crypto::{CertificateRequest, Curve, KeyKind, KeyUsage, PrivateKey};
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::oidc::form;
use eidas_gateway::outbound::Mailer;
use serde_json::{Map, Value, json};

use crate::copied::client_block;
use crate::support::{Answer, Browser, Decision, ISSUER, REDIRECT, VERIFIER, World, get, post, start};

mod auth0;
mod authentik;
mod django;
mod entra;
mod fapi2;
mod keycloak;
mod okta;
mod strict;
mod zitadel;

/// Everything that the person has, as the scopes name it.
const SCOPE: &str = "openid profile eidas";

const SECRET: &str = "q3vJ8dXcW2mNfB7tR5yK1zLhq3vJ8dXcW2mNfB7tR5yK1zLh";

/// The files that a configuration refers to, made once for all tests, and the key that a client signs with.
struct Files {
    folder: PathBuf,
    client: BTreeMap<&'static str, JwsKey>,
}

static FILES: LazyLock<Files> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("eidas-gateway-brokers-{}", process::id()));
    fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, content: &[u8]| fs::write(folder.join(name), content).unwrap();
    for (name, usage) in [("signing", KeyUsage::Signing), ("encryption", KeyUsage::Encryption)] {
        let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
        let request = CertificateRequest {
            common_name: name.to_owned(),
            organization: None,
            country: None,
            not_before: start(),
            not_after: start() + std::time::Duration::from_secs(86_400 * 365),
            usage,
        };
        let certificate = key.self_signed(&request, &SystemRandom).unwrap();
        write(&format!("{name}.key"), key.to_pem().unwrap().expose());
        write(&format!("{name}.crt"), certificate.pem().as_bytes());
    }
    for algorithm in [JwsAlgorithm::RS256, JwsAlgorithm::PS256, JwsAlgorithm::ES256] {
        let name = format!("token-{}.key", algorithm.as_str());
        write(&name, JwsKey::generate_pem(algorithm).unwrap().expose());
    }
    write("subject.key", "0123456789abcdef".repeat(4).as_bytes());
    // The last two as the documents name them.
    fs::create_dir_all(folder.join("keys")).unwrap();
    for name in ["broker.secret", "keys/authentik.secret", "keys/entra.secret"] {
        write(name, SECRET.as_bytes());
    }
    let keys = [JwsAlgorithm::PS256, JwsAlgorithm::ES256]
        .map(|algorithm| (algorithm.as_str(), JwsKey::generate(algorithm).unwrap()));
    for (name, key) in &keys {
        write(&format!("{name}.jwks"), json!({ "keys": [key.public_jwk()] }).to_string().as_bytes());
    }
    Files { folder, client: keys.into() }
});

/// A gateway that knows one client, `broker`, by its preset, what no preset can know, and `own`.
async fn gateway(preset: &str, own: &str) -> World {
    gateway_with_mail(preset, own, None).await
}

/// The same with a mail server.
async fn gateway_with_mail(preset: &str, own: &str, mailer: Option<Arc<Mailer>>) -> World {
    let client = format!(
        "[[client]]\nid = \"broker\"\nname = \"Broker\"\npreset = \"{preset}\"\nsector = \"public\"\n\
         redirect_uris = [\"{REDIRECT}\"]\n{own}\n"
    );
    opened(&client, mailer).await
}

/// A gateway that knows the client of a document's block, as somebody would copy it; `own` stands in place of
/// options of the same name.
async fn gateway_as_documented(path: &str, own: &str, mailer: Option<Arc<Mailer>>) -> World {
    let name = |line: &str| line.split_once(" = ").map(|(name, _)| name.to_owned());
    let replaced: Vec<_> = own.lines().filter_map(name).collect();
    let block = client_block(path);
    let kept = block.lines().filter(|line| !name(line).is_some_and(|name| replaced.contains(&name)));
    let client: String = kept.chain(own.lines()).map(|line| format!("{line}\n")).collect();
    opened(&client, mailer).await
}

/// The gateway of a configuration with one client.
async fn opened(client: &str, mailer: Option<Arc<Mailer>>) -> World {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let file = FILES.folder.join(format!("{}.toml", MADE.fetch_add(1, Ordering::Relaxed)));
    fs::write(&file, format!("{HEAD}{client}")).unwrap();
    let (_, opened) = Config::load(&file, start()).unwrap();
    World::of("sqlite::memory:", opened.clients, opened.policies, opened.token_keys, mailer).await
}

/// The same for a client with a secret.
async fn gateway_with_secret(preset: &str, own: &str) -> World {
    gateway(preset, &format!("secret_file = \"broker.secret\"\n{own}")).await
}

const HEAD: &str = r#"[server]
issuer = "https://gateway.example"
[connector]
country = "EL"
organization = { name = "Example Agency", url = "https://www.example.org/" }
support_contact = { email = "support@example.org" }
technical_contact = { email = "eidas@example.org" }
signing = { key_file = "signing.key", certificate_file = "signing.crt" }
encryption = [{ key_file = "encryption.key", certificate_file = "encryption.crt" }]
[oidc]
signing_key = [
  { key_file = "token-RS256.key", algorithm = "RS256" },
  { key_file = "token-PS256.key", algorithm = "PS256" },
  { key_file = "token-ES256.key", algorithm = "ES256" },
]
[subject]
key_file = "subject.key"
[smtp]
host = "mail.example.org"
from = "login@example.org"
"#;

/// What a broker makes of it: an account, or why there is none.
type Outcome<T> = Result<T, String>;

fn refuse<T>(why: &str) -> Outcome<T> {
    Err(why.to_owned())
}

/// What a broker was told about itself when it was registered.
#[derive(Clone, Copy)]
struct Registered<'a> {
    id: &'a str,
    redirect: &'a str,
}

const BROKER: Registered<'static> = Registered { id: "broker", redirect: REDIRECT };

/// A person is sent to the gateway with a request, logs in at home and comes back: the parameters of the broker's
/// callback. Without a way back, the gateway's page is an error.
async fn visit(world: &World, request: &[(&str, &str)]) -> Outcome<BTreeMap<String, String>> {
    visit_as(world, BROKER, request, "plain").await
}

/// The same for another client, and another person.
async fn visit_as(
    world: &World,
    client: Registered<'_>,
    request: &[(&str, &str)],
    citizen: &'static str,
) -> Outcome<BTreeMap<String, String>> {
    let browser = Browser::new(world);
    let begun = browser.get(&form::with_query("/authorize", request)).await;
    if begun.status != StatusCode::SEE_OTHER {
        return Err(format!("the gateway shows a page: {}", begun.status));
    }
    if begun.location().starts_with(client.redirect) {
        return callback(&begun, client);
    }
    let path = begun.location().to_owned();
    let token = browser.get(&path).await.field("token");
    let departure = browser.post(&format!("{path}/country"), &[("token", &token), ("country", "XB")]).await;
    let answer = world.node_answers(&departure, Decision::Citizen(citizen)).await;
    let returned = browser.post_from_node(&answer).await;
    let released = browser.get(returned.location()).await;
    if released.status != StatusCode::SEE_OTHER {
        return Err(format!(
            "the person is asked {}",
            if released.has("email") { "for an address" } else { "" }
        ));
    }
    callback(&released, client)
}

/// What the broker is sent by GET: no broker but Auth0's front channel takes a form.
fn callback(answer: &Answer, client: Registered<'_>) -> Outcome<BTreeMap<String, String>> {
    let Some((to, query)) = answer.location().split_once('?') else { return refuse("no query") };
    if to != client.redirect {
        return Err(format!("sent to {to}"));
    }
    Ok(form::parse(query).unwrap().into_iter().collect())
}

/// The code of a callback that has one.
fn code(callback: &BTreeMap<String, String>) -> Outcome<&str> {
    match (callback.get("error"), callback.get("code")) {
        (None, Some(code)) => Ok(code),
        (error, _) => Err(error.cloned().unwrap_or_default()),
    }
}

/// How a client proves who it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    /// In the header, not escaped: most brokers do not, and our identifiers and secrets need none.
    Basic,
    Post,
}

/// The token request of a client with a secret.
async fn redeem(world: &World, code: &str, proof: Proof, pkce: bool) -> Outcome<Value> {
    redeem_as(world, BROKER, code, proof, pkce).await
}

async fn redeem_as(
    world: &World,
    client: Registered<'_>,
    code: &str,
    proof: Proof,
    pkce: bool,
) -> Outcome<Value> {
    let grant = "authorization_code";
    let mut fields = vec![("grant_type", grant), ("code", code), ("redirect_uri", client.redirect)];
    if pkce {
        fields.push(("code_verifier", VERIFIER));
    }
    if proof == Proof::Post {
        fields.extend([("client_id", client.id), ("client_secret", SECRET)]);
    }
    let mut request = post(&endpoint(world, "token_endpoint").await, &fields);
    if proof == Proof::Basic {
        let credentials = STANDARD.encode(format!("{}:{SECRET}", client.id));
        request.headers_mut().insert(header::AUTHORIZATION, format!("Basic {credentials}").parse().unwrap());
    }
    let answer = world.send(request).await;
    if answer.status == StatusCode::OK { Ok(answer.json()) } else { refuse(word(&answer.json(), "error")) }
}

/// Userinfo, by the scheme that the broker uses.
async fn userinfo(world: &World, scheme: &str, tokens: &Value) -> Answer {
    let mut request = get(&endpoint(world, "userinfo_endpoint").await);
    let value = format!("{scheme} {}", word(tokens, "access_token"));
    request.headers_mut().insert(header::AUTHORIZATION, value.parse().unwrap());
    world.send(request).await
}

async fn discovery(world: &World) -> Value {
    world.send(get("/.well-known/openid-configuration")).await.json()
}

/// The path of an endpoint.
async fn endpoint(world: &World, name: &str) -> String {
    let discovery = discovery(world).await;
    word(&discovery, name).strip_prefix(ISSUER).unwrap().to_owned()
}

async fn jwks(world: &World) -> Value {
    world.send(get(&endpoint(world, "jwks_uri").await)).await.json()
}

/// The claims of an ID token that verifies, with what every client checks: issuer and audience.
fn id_token(tokens: &Value, jwks: &Value, allowed: &[JwsAlgorithm]) -> Outcome<Map<String, Value>> {
    id_token_for(BROKER, tokens, jwks, allowed)
}

fn id_token_for(
    client: Registered<'_>,
    tokens: &Value,
    jwks: &Value,
    allowed: &[JwsAlgorithm],
) -> Outcome<Map<String, Value>> {
    let claims = jose::verify(word(tokens, "id_token"), jwks, allowed).map_err(|error| error.to_string())?;
    match (claims.get("iss"), claims.get("aud")) {
        (Some(issuer), Some(audience)) if issuer == ISSUER && audience == client.id => Ok(claims),
        _ => refuse("iss or aud"),
    }
}

/// The header of a token, unverified.
fn token_header(tokens: &Value) -> Value {
    let header = word(tokens, "id_token").split('.').next().unwrap_or_default();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(sha256(VERIFIER.as_bytes()))
}

/// A member that is a text, or nothing.
fn word<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap_or_default()
}

/// A JWT by which the client proves who it is, to the issuer.
fn client_assertion(algorithm: &str, now: i64) -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let id = MADE.fetch_add(1, Ordering::Relaxed).to_string();
    let claims = json!({
        "iss": "broker", "sub": "broker", "aud": ISSUER, "jti": id, "iat": now, "exp": now + 60,
    });
    FILES.client[algorithm].sign("JWT", claims.as_object().unwrap()).unwrap()
}

/// A proof that the client has its key (RFC 9449 §4.2).
fn dpop(method: &str, path: &str, now: i64, token: Option<&str>) -> HeaderValue {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let key = &FILES.client["ES256"];
    let header = json!({ "typ": "dpop+jwt", "jwk": key.public_jwk() });
    let mut claims = json!({
        "jti": MADE.fetch_add(1, Ordering::Relaxed).to_string(),
        "htm": method, "htu": format!("{ISSUER}{path}"), "iat": now,
    });
    if let Some(token) = token {
        claims["ath"] = URL_SAFE_NO_PAD.encode(sha256(token.as_bytes())).into();
    }
    let proof = key.sign_under(header.as_object().unwrap(), claims.as_object().unwrap()).unwrap();
    proof.parse().unwrap()
}

/// The file of presets: what is tested here is all of it.
#[test]
fn every_preset_has_its_broker() {
    let presets =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/presets.toml")).unwrap();
    for name in presets.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']')) {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/brokers/{name}.rs"));
        assert!(file.exists(), "{name}");
    }
}
