//! A client as the FAPI 2.0 Security Profile wants it: pushed requests, a signed assertion, tokens that are bound
//! to a key by DPoP. The tests bear the names of the modules of the conformance plan
//! `fapi2-security-profile-final-test-plan`; the client signs with josekit alone.

mod flow;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use eidas_gateway::clock::Clock as _;
use eidas_gateway::crypto::hash::sha256;
use eidas_gateway::crypto::jose::JwsAlgorithm;
use eidas_gateway::oidc::client::{AssertionAudience, AssertionKey, BoundTokens};
use eidas_gateway::oidc::{Client, ClientAuthentication, ClientKeys, form};
use josekit::jwk::Jwk;
use josekit::jws::alg::ecdsa::EcdsaJwsAlgorithm::Es256;
use josekit::jws::alg::rsassa::RsassaJwsAlgorithm::Rs256;
use josekit::jws::alg::rsassa_pss::RsassaPssJwsAlgorithm::Ps256;
use josekit::jws::{self, JwsHeader};
use serde_json::{Map, Value, json};

use crate::support::{Answer, Browser, ISSUER, REDIRECT, VERIFIER, World, authorize, get, post};

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The client's keys: for assertions, and two for proofs.
static ASSERTION_KEY: LazyLock<Jwk> = LazyLock::new(|| {
    let mut key = Ps256.generate_key_pair(2048).unwrap().to_jwk_key_pair();
    key.set_key_id("assertion");
    key
});
static KEY: LazyLock<Jwk> = LazyLock::new(proof_key);
static OTHER_KEY: LazyLock<Jwk> = LazyLock::new(proof_key);

fn proof_key() -> Jwk {
    Es256.generate_key_pair().unwrap().to_jwk_key_pair()
}

/// Every JWT has an identifier of its own, unless a test says otherwise.
fn jti() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("jti-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn fapi2(client: &mut Client) {
    let key = AssertionKey::Public { algorithm: JwsAlgorithm::PS256 };
    client.authentication = ClientAuthentication::Assertion { key, audience: AssertionAudience::Issuer };
    let mut key = ASSERTION_KEY.to_public_key().unwrap();
    key.set_key_id("assertion");
    client.keys = Some(ClientKeys::Inline(Arc::new(json!({ "keys": [key] }))));
    client.bound_tokens = BoundTokens::Dpop;
    client.require_par = true;
}

async fn world() -> World {
    World::with(|client, _| fapi2(client)).await
}

fn merge(good: Value, changes: &Value) -> Map<String, Value> {
    let mut good = good.as_object().unwrap().clone();
    good.extend(changes.as_object().unwrap().clone());
    good.retain(|_, value| !value.is_null());
    good
}

/// A client assertion with changes; `null` takes a claim out.
fn assertion(world: &World, changes: &Value) -> String {
    let now = world.clock.now().unix();
    let good =
        json!({ "iss": "broker", "sub": "broker", "aud": ISSUER, "jti": jti(), "iat": now, "exp": now + 60 });
    let mut header = JwsHeader::new();
    header.set_key_id("assertion");
    let payload = serde_json::to_vec(&merge(good, changes)).unwrap();
    jws::serialize_compact(&payload, &header, &Ps256.signer_from_jwk(&ASSERTION_KEY).unwrap()).unwrap()
}

/// A request with a proof: what is changed in its header and its claims, and by which key it is signed.
struct Proof<'a> {
    key: &'a Jwk,
    header: Value,
    claims: Value,
}

impl Default for Proof<'_> {
    fn default() -> Self {
        Self { key: &KEY, header: json!({}), claims: json!({}) }
    }
}

impl Proof<'_> {
    fn claims(claims: Value) -> Self {
        Self { claims, ..Self::default() }
    }

    fn of(key: &'static Jwk) -> Self {
        Self { key, ..Self::default() }
    }

    fn sign(&self, world: &World, method: &str, path: &str, token: Option<&str>) -> String {
        let claims = json!({
            "jti": jti(), "htm": method, "htu": format!("{ISSUER}{path}"), "iat": world.clock.now().unix(),
            "ath": token.map(|token| URL_SAFE_NO_PAD.encode(sha256(token.as_bytes()))),
        });
        let header = json!({ "typ": "dpop+jwt", "jwk": self.key.to_public_key().unwrap() });
        let header = JwsHeader::from_map(merge(header, &self.header)).unwrap();
        let payload = serde_json::to_vec(&merge(claims, &self.claims)).unwrap();
        jws::serialize_compact(&payload, &header, &Es256.signer_from_jwk(self.key).unwrap()).unwrap()
    }
}

fn with_proofs(mut request: Request<Body>, proofs: &[String]) -> Request<Body> {
    for proof in proofs {
        request.headers_mut().append("dpop", proof.parse().unwrap());
    }
    request
}

/// Pushes a request with these parameters besides, and perhaps a proof.
async fn push(world: &World, more: &[(&str, &str)], proof: Option<Proof<'_>>) -> Answer {
    push_as(world, more, proof, &assertion(world, &json!({}))).await
}

async fn push_as(world: &World, more: &[(&str, &str)], proof: Option<Proof<'_>>, by: &str) -> Answer {
    let address = authorize(more);
    let pairs = form::parse(address.split_once('?').unwrap().1).unwrap();
    let mut pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    pairs.extend([("client_assertion_type", TYPE), ("client_assertion", by)]);
    let proofs: Vec<_> = proof.iter().map(|proof| proof.sign(world, "POST", "/par", None)).collect();
    world.send(with_proofs(post("/par", &pairs), &proofs)).await
}

async fn code(world: &World, more: &[(&str, &str)], proof: Option<Proof<'_>>) -> String {
    let pushed = push(world, more, proof).await;
    assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.body);
    let uri = pushed.json()["request_uri"].as_str().unwrap().to_owned();
    Browser::new(world).code(&[("request_uri", &uri)], "plain").await
}

/// Redeems a code with these proofs.
async fn redeem_with(world: &World, code: &str, proofs: &[String]) -> Answer {
    let by = assertion(world, &json!({}));
    let form = [
        ("grant_type", "authorization_code"),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("code", code),
        ("client_assertion_type", TYPE),
        ("client_assertion", &by),
    ];
    world.send(with_proofs(post("/token", &form), proofs)).await
}

async fn redeem(world: &World, code: &str, proof: Proof<'_>) -> Answer {
    redeem_with(world, code, &[proof.sign(world, "POST", "/token", None)]).await
}

async fn access_token(world: &World) -> String {
    let tokens = redeem(world, &code(world, &[], None).await, Proof::default()).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
    tokens.json()["access_token"].as_str().unwrap().to_owned()
}

async fn userinfo_with(world: &World, token: &str, scheme: &str, proofs: &[String]) -> Answer {
    let mut request = get("/userinfo");
    request.headers_mut().insert("authorization", format!("{scheme} {token}").parse().unwrap());
    world.send(with_proofs(request, proofs)).await
}

async fn userinfo(world: &World, token: &str, proof: Proof<'_>) -> Answer {
    userinfo_with(world, token, "DPoP", &[proof.sign(world, "GET", "/userinfo", Some(token))]).await
}

fn refused_at_token(answer: &Answer, error: &str, description: &str) {
    assert_eq!(answer.token_error(), (400, error.to_owned()), "{}", answer.body);
    assert_eq!(answer.json()["error_description"], description);
}

fn refused_at_userinfo(answer: &Answer, error: &str, description: &str) {
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::UNAUTHORIZED, ""));
    let expected = format!(
        "DPoP realm=\"userinfo\", error=\"{error}\", error_description=\"{description}\", \
         algs=\"PS256 ES256 ES384 ES512 EdDSA\""
    );
    assert_eq!(answer.header("www-authenticate"), expected);
}

#[tokio::test]
async fn fapi2_security_profile_final_happy_flow() {
    let world = world().await;
    let tokens = redeem(&world, &code(&world, &[], None).await, Proof::default()).await;
    assert_eq!((tokens.status, &tokens.json()["token_type"]), (StatusCode::OK, &json!("DPoP")));
    let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    let claims = userinfo(&world, &token, Proof::default()).await;
    assert_eq!(claims.status, StatusCode::OK);
    let id_token = world.id_token(tokens.json()["id_token"].as_str().unwrap()).await;
    assert_eq!(claims.json()["sub"], id_token["sub"]);
    // Whoever introspects is told of the key.
    let by = assertion(&world, &json!({}));
    let asked = [("token", token.as_str()), ("client_assertion_type", TYPE), ("client_assertion", &by)];
    let told = world.send(post("/introspect", &asked)).await.json();
    assert_eq!((&told["token_type"], &told["cnf"]), (&json!("DPoP"), &json!({ "jkt": thumbprint(&KEY) })));
    let discovery = world.send(get("/.well-known/openid-configuration")).await.json();
    let algorithms = json!(["PS256", "ES256", "ES384", "ES512", "EdDSA"]);
    assert_eq!(discovery["dpop_signing_alg_values_supported"], algorithms);
}

#[tokio::test]
async fn fapi2_security_profile_final_access_token_type_header_case_sensitivity() {
    let world = world().await;
    let token = access_token(&world).await;
    for scheme in ["dpop", "DPOP", "dPoP"] {
        let proof = Proof::default().sign(&world, "GET", "/userinfo", Some(&token));
        assert_eq!(userinfo_with(&world, &token, scheme, &[proof]).await.status, StatusCode::OK, "{scheme}");
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_check_dpop_proof_nbf_exp() {
    let world = world().await;
    let now = world.clock.now().unix();
    let token = access_token(&world).await;
    for claims in [json!({"nbf": now, "exp": now + 60}), json!({"nbf": now + 8}), json!({"nbf": now - 60})] {
        assert_eq!(userinfo(&world, &token, Proof::claims(claims)).await.status, StatusCode::OK);
    }
    let code = code(&world, &[], None).await;
    for (claims, description) in [
        (json!({"exp": now - 60}), "the DPoP proof has expired"),
        (json!({"nbf": now + 61}), "the DPoP proof is not valid yet"),
    ] {
        let refused = redeem(&world, &code, Proof::claims(claims.clone())).await;
        refused_at_token(&refused, "invalid_dpop_proof", description);
        let refused = userinfo(&world, &token, Proof::claims(claims)).await;
        refused_at_userinfo(&refused, "invalid_dpop_proof", description);
    }
    assert_eq!(redeem(&world, &code, Proof::default()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn fapi2_security_profile_final_check_dpop_proof_iat_window() {
    let world = world().await;
    let now = world.clock.now().unix();
    for near in [-10, 10] {
        let code = code(&world, &[], None).await;
        let tokens = redeem(&world, &code, Proof::claims(json!({ "iat": now + near }))).await;
        assert_eq!(tokens.status, StatusCode::OK, "{near}");
    }
    let code = code(&world, &[], None).await;
    for (far, description) in [(-61, "the DPoP proof is too old"), (61, "the DPoP proof is not valid yet")] {
        let refused = redeem(&world, &code, Proof::claims(json!({ "iat": now + far }))).await;
        refused_at_token(&refused, "invalid_dpop_proof", description);
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_dpop_negative_tests() {
    let world = world().await;
    let token = access_token(&world).await;
    let code = code(&world, &[], None).await;
    let jwk = |key: &Jwk| serde_json::to_value(key).unwrap();
    let header = |header| Proof { header, ..Proof::default() };
    let rows = [
        (header(json!({"typ": null})), "typ of the DPoP proof is not dpop+jwt"),
        (header(json!({"typ": "JWT"})), "typ of the DPoP proof is not dpop+jwt"),
        (header(json!({"jwk": null})), "jwk of the DPoP proof is not a public key"),
        (header(json!({"jwk": jwk(&KEY)})), "jwk of the DPoP proof is not a public key"),
        (
            header(json!({"jwk": jwk(&OTHER_KEY.to_public_key().unwrap())})),
            "the signature of the DPoP proof does not verify",
        ),
        (Proof::claims(json!({"htm": "PUT"})), "htm of the DPoP proof is not the method of the request"),
        (Proof::claims(json!({"htm": null})), "htm of the DPoP proof is not the method of the request"),
        (
            Proof::claims(json!({"htu": "https://other.example/token"})),
            "htu of the DPoP proof is not the address of the request",
        ),
        (Proof::claims(json!({"htu": null})), "htu of the DPoP proof is not the address of the request"),
        (Proof::claims(json!({"iat": null})), "iat of the DPoP proof is missing"),
        (Proof::claims(json!({"jti": null})), "jti of the DPoP proof must have 1 to 255 octets"),
    ];
    for (proof, description) in rows {
        let again = Proof { key: proof.key, header: proof.header.clone(), claims: proof.claims.clone() };
        refused_at_token(&redeem(&world, &code, proof).await, "invalid_dpop_proof", description);
        refused_at_userinfo(&userinfo(&world, &token, again).await, "invalid_dpop_proof", description);
    }
    // Of another token, of none, and of another key.
    let ath = "ath of the DPoP proof does not belong to the access token";
    for other in [Some("another"), None] {
        let proof = Proof::default().sign(&world, "GET", "/userinfo", other);
        let refused = userinfo_with(&world, &token, "DPoP", &[proof]).await;
        refused_at_userinfo(&refused, "invalid_dpop_proof", ath);
    }
    let refused = userinfo(&world, &token, Proof::of(&OTHER_KEY)).await;
    refused_at_userinfo(&refused, "invalid_dpop_proof", "the DPoP proof is of another key");
    // Several, one that is no JWT, and an algorithm off the list.
    let good = || Proof::default().sign(&world, "POST", "/token", None);
    let several = redeem_with(&world, &code, &[good(), good()]).await;
    refused_at_token(&several, "invalid_dpop_proof", "there is more than one DPoP proof");
    let rubbish = redeem_with(&world, &code, &["rubbish".to_owned()]).await;
    refused_at_token(&rubbish, "invalid_dpop_proof", "the DPoP proof is malformed");
    let (_, rest) = good().split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    for alg in ["none", "HS256", "RS256"] {
        let header = json!({ "typ": "dpop+jwt", "alg": alg, "jwk": jwk(&KEY.to_public_key().unwrap()) });
        let wrong = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()));
        let refused = redeem_with(&world, &code, &[wrong]).await;
        refused_at_token(&refused, "invalid_dpop_proof", "alg of the DPoP proof is not supported");
    }
    // None of them cost the code.
    assert_eq!(redeem(&world, &code, Proof::default()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_proof_counts_once_on_all_instances() {
    let folder = std::env::temp_dir().join(format!("eidas-gateway-dpop-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let url = format!("sqlite://{}/proofs.db", folder.display());
    let one = World::build(&url, |client, _| fapi2(client)).await;
    let two = World::build(&url, |client, _| fapi2(client)).await;
    let token = access_token(&one).await;
    let proof = [Proof::default().sign(&one, "GET", "/userinfo", Some(&token))];
    assert_eq!(userinfo_with(&one, &token, "DPoP", &proof).await.status, StatusCode::OK);
    for world in [&one, &two] {
        let again = userinfo_with(world, &token, "DPoP", &proof).await;
        refused_at_userinfo(&again, "invalid_dpop_proof", "the DPoP proof was used before");
    }
    let proof = [Proof::default().sign(&one, "POST", "/token", None)];
    let (first, second) = (code(&one, &[], None).await, code(&one, &[], None).await);
    assert_eq!(redeem_with(&one, &first, &proof).await.status, StatusCode::OK);
    let again = redeem_with(&two, &second, &proof).await;
    refused_at_token(&again, "invalid_dpop_proof", "the DPoP proof was used before");
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_holder_of_key_required() {
    let world = world().await;
    let code = code(&world, &[], None).await;
    let refused = redeem_with(&world, &code, &[]).await;
    refused_at_token(&refused, "invalid_dpop_proof", "a DPoP proof is needed");
    let tokens = redeem(&world, &code, Proof::default()).await;
    let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    // A stolen token is of no use: neither by itself, nor in a form, nor with a proof of the thief's.
    let description = "the access token is bound to a key and needs a DPoP proof";
    refused_at_userinfo(&world.userinfo(&token).await, "invalid_token", description);
    let in_a_form = world.send(post("/userinfo", &[("access_token", &token)])).await;
    refused_at_userinfo(&in_a_form, "invalid_token", description);
    let bare = userinfo_with(&world, &token, "DPoP", &[]).await;
    refused_at_userinfo(&bare, "invalid_dpop_proof", "a DPoP proof is needed");
    let stolen = userinfo(&world, &token, Proof::of(&OTHER_KEY)).await;
    refused_at_userinfo(&stolen, "invalid_dpop_proof", "the DPoP proof is of another key");
    assert_eq!(userinfo(&world, &token, Proof::default()).await.status, StatusCode::OK);
}

fn thumbprint(key: &Jwk) -> String {
    let part = |name: &str| key.parameter(name).unwrap().as_str().unwrap().to_owned();
    let text = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, part("x"), part("y"));
    URL_SAFE_NO_PAD.encode(sha256(text.as_bytes()))
}

#[tokio::test]
async fn fapi2_security_profile_final_dpop_jkt_binding_success() {
    let world = world().await;
    let jkt = thumbprint(&KEY);
    // By the parameter, by a proof at PAR, and by both.
    for (more, proof) in [
        (&[("dpop_jkt", jkt.as_str())][..], None),
        (&[], Some(Proof::default())),
        (&[("dpop_jkt", &jkt)], Some(Proof::default())),
    ] {
        let bound = code(&world, more, proof).await;
        assert_eq!(redeem(&world, &bound, Proof::default()).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_mismatched_dpop_jkt_in_par() {
    let world = world().await;
    let jkt = thumbprint(&KEY);
    let refused = push(&world, &[("dpop_jkt", &jkt)], Some(Proof::of(&OTHER_KEY))).await;
    refused_at_token(&refused, "invalid_dpop_proof", "the DPoP proof is of another key than dpop_jkt");
    let refused = push(&world, &[("dpop_jkt", "short")], None).await;
    refused_at_token(&refused, "invalid_request", "dpop_jkt is no SHA-256 thumbprint");
    let refused = push(&world, &[], Some(Proof::claims(json!({"htm": "GET"})))).await;
    let description = "htm of the DPoP proof is not the method of the request";
    refused_at_token(&refused, "invalid_dpop_proof", description);
}

#[tokio::test]
async fn fapi2_security_profile_final_mismatched_dpop_jkt_at_token_endpoint() {
    let world = world().await;
    let jkt = thumbprint(&KEY);
    for (more, proof) in [(&[("dpop_jkt", jkt.as_str())][..], None), (&[], Some(Proof::default()))] {
        let bound = code(&world, more, proof).await;
        let refused = redeem(&world, &bound, Proof::of(&OTHER_KEY)).await;
        refused_at_token(&refused, "invalid_grant", "the code is bound to another key");
    }
}

/// Pushes a request with an assertion that is not in order.
async fn assertion_is_refused(changes: Value, description: &str) {
    let world = world().await;
    let refused = push_as(&world, &[], None, &assertion(&world, &changes)).await;
    assert_eq!(refused.token_error(), (401, "invalid_client".to_owned()), "{changes}");
    assert_eq!(refused.json()["error_description"], description, "{changes}");
}

const WRONG_AUDIENCE: &str = "aud of the client assertion is not the one that is expected";

#[tokio::test]
async fn fapi2_security_profile_final_ensure_client_assertion_in_token_endpoint() {
    let world = world().await;
    let missing = push_as(&world, &[], None, "").await;
    assert_eq!(missing.token_error(), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_signed_client_assertion_with_rs256_fails() {
    let world = world().await;
    let now = world.clock.now().unix();
    let claims = json!({ "iss": "broker", "sub": "broker", "aud": ISSUER, "jti": jti(), "exp": now + 60 });
    let mut header = JwsHeader::new();
    header.set_key_id("assertion");
    let mut key = ASSERTION_KEY.clone();
    key.set_algorithm("RS256");
    let signer = Rs256.signer_from_jwk(&key).unwrap();
    let by = jws::serialize_compact(&serde_json::to_vec(&claims).unwrap(), &header, &signer).unwrap();
    let refused = push_as(&world, &[], None, &by).await;
    assert_eq!(refused.token_error(), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_client_assertion_with_exp_is_5_minutes_in_past_fails() {
    let now = World::new().await.clock.now().unix();
    let expected = "the client assertion has expired 300 seconds ago: compare the clocks";
    assertion_is_refused(json!({ "iat": now - 360, "exp": now - 300 }), expected).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_client_assertion_with_wrong_aud_fails() {
    assertion_is_refused(json!({ "aud": "https://other.example" }), WRONG_AUDIENCE).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_ensure_client_assertion_with_no_sub_fails() {
    // Without `sub` it is nobody's.
    assertion_is_refused(json!({ "sub": null }), "the client assertion names no client as its sub").await;
}

#[tokio::test]
async fn fapi2_security_profile_final_par_audience_as_array_fails() {
    assertion_is_refused(json!({ "aud": [ISSUER] }), WRONG_AUDIENCE).await;
    assertion_is_refused(json!({ "aud": [ISSUER, format!("{ISSUER}/par")] }), WRONG_AUDIENCE).await;
}

#[tokio::test]
async fn fapi2_security_profile_final_par_endpoint_or_token_endpoint_as_audience_fails() {
    for path in ["/par", "/token"] {
        assertion_is_refused(json!({ "aud": format!("{ISSUER}{path}") }), WRONG_AUDIENCE).await;
    }
}

#[tokio::test]
async fn fapi2_security_profile_final_client_assertion_nbf_8_seconds_in_the_future_and_60() {
    let world = world().await;
    let now = world.clock.now().unix();
    let pushed = push_as(&world, &[], None, &assertion(&world, &json!({ "nbf": now + 8 }))).await;
    assert_eq!(pushed.status, StatusCode::CREATED);
    let expected = "the client assertion is not valid yet, but in 61 seconds: compare the clocks";
    assertion_is_refused(json!({ "nbf": now + 61 }), expected).await;
}

/// A client whose tokens are not bound is left alone: what it sends in a header nobody asked for does not count.
#[tokio::test]
async fn a_client_that_is_not_set_to_dpop_gets_bearer_tokens_whatever_it_sends() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[("dpop_jkt", "anything")], "plain").await;
    let tokens = world.token(&code).await;
    assert_eq!(tokens.json()["token_type"], "Bearer");
    let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    let as_dpop = userinfo(&world, &token, Proof::default()).await;
    assert_eq!(as_dpop.status, StatusCode::UNAUTHORIZED);
    assert!(as_dpop.header("www-authenticate").contains("invalid_token"));
    assert_eq!(world.userinfo(&token).await.status, StatusCode::OK);
}

/// Public clients: an app that cannot keep a secret.
mod public {
    use super::*;

    async fn world() -> World {
        World::with(|client, _| {
            client.authentication = ClientAuthentication::Public;
            // Even where somebody has switched it off.
            client.require_pkce = false;
        })
        .await
    }

    async fn redeem(world: &World, code: &str, more: &[(&str, &str)]) -> Answer {
        let mut form = vec![("grant_type", "authorization_code"), ("redirect_uri", REDIRECT), ("code", code)];
        form.extend_from_slice(more);
        world.send(post("/token", &form)).await
    }

    #[tokio::test]
    async fn a_public_client_redeems_with_its_verifier_alone() {
        let world = world().await;
        let code = Browser::new(&world).code(&[], "plain").await;
        let known = [("client_id", "broker"), ("code_verifier", VERIFIER)];
        let tokens = redeem(&world, &code, &known).await;
        assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
        let discovery = world.send(get("/.well-known/openid-configuration")).await.json();
        for (endpoint, offered) in [("token", true), ("revocation", true), ("introspection", false)] {
            let methods = discovery[format!("{endpoint}_endpoint_auth_methods_supported")].clone();
            assert_eq!(methods.as_array().unwrap().contains(&json!("none")), offered, "{endpoint}");
        }
        let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
        let asked = [("client_id", "broker"), ("token", token.as_str())];
        let refused = world.send(post("/introspect", &asked)).await;
        assert_eq!(refused.token_error(), (401, "invalid_client".to_owned()));
        assert_eq!(world.send(post("/revoke", &asked)).await.status, StatusCode::OK);
        assert_eq!(world.userinfo(&token).await.status, StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn pkce_is_required_of_a_public_client_whatever_else_is_said() {
        let world = world().await;
        let without = [("code_challenge", ""), ("code_challenge_method", "")];
        let refused = Browser::new(&world).get(&authorize(&without)).await;
        assert_eq!(refused.redirect_parameter("error").as_deref(), Some("invalid_request"));
        let code = Browser::new(&world).code(&[], "plain").await;
        let refused = redeem(&world, &code, &[("client_id", "broker")]).await;
        refused_at_token(&refused, "invalid_grant", "code_verifier is missing");
    }

    #[tokio::test]
    async fn a_public_client_proves_nothing_and_cannot_pretend_to() {
        let world = world().await;
        let code = Browser::new(&world).code(&[], "plain").await;
        for pretended in [("client_secret", "x"), ("client_id", "other")] {
            let mut form = vec![("client_id", "broker"), ("code_verifier", VERIFIER)];
            form.retain(|(name, _)| *name != pretended.0);
            form.push(pretended);
            assert_eq!(redeem(&world, &code, &form).await.token_error().1, "invalid_client");
        }
        // And a client with a secret cannot be taken for a public one.
        let world = World::new().await;
        let code = Browser::new(&world).code(&[], "plain").await;
        let form = [("client_id", "broker"), ("code_verifier", VERIFIER)];
        assert_eq!(redeem(&world, &code, &form).await.token_error(), (401, "invalid_client".to_owned()));
    }
}
