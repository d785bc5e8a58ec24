//! The modules of the conformance plans `oidcc-config` and `oidcc-basic` that are a whole login, by a relying party that
//! is not ours: the `openidconnect` crate discovers the provider, verifies ID tokens and asks userinfo. Each test has
//! the name of its module; the other modules stand where what they look at is tested (docs/conformance.md).

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use eidas_gateway::config::Config;
use eidas_gateway::crypto::jose::{JwsAlgorithm, JwsKey};
use eidas_gateway::oidc::client::SecretPlace;
use eidas_gateway::oidc::{ClientAuthentication, SigningKeys};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreIdTokenClaims, CoreProviderMetadata,
    CoreResponseType, CoreTokenResponse, CoreUserInfoClaims,
};
use openidconnect::{
    AccessTokenHash, AuthType, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse as _,
};
use serde_json::{Value, json};

use crate::support::{Answer, Browser, Decision, ISSUER, REDIRECT, SECRET, World, get, parameter};

type Rp = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

type Exchange<'w> = Pin<Box<dyn Future<Output = Result<HttpResponse, Infallible>> + 'w>>;

/// How the relying party reaches the provider.
fn http<'w>(world: &'w World) -> impl Fn(HttpRequest) -> Exchange<'w> {
    move |request| {
        Box::pin(async move {
            let answer = world.send(request.map(Body::from)).await;
            let mut response = HttpResponse::new(answer.body.into_bytes());
            *response.status_mut() = answer.status;
            *response.headers_mut() = answer.headers;
            Ok(response)
        })
    }
}

async fn discovered(world: &World) -> CoreProviderMetadata {
    let issuer = IssuerUrl::new(ISSUER.to_owned()).unwrap();
    CoreProviderMetadata::discover_async(issuer, &http(world)).await.unwrap()
}

/// The relying party of a world, as it finds the provider.
async fn relying_party(world: &World) -> Rp {
    let secret = ClientSecret::new(SECRET.to_owned());
    CoreClient::from_provider_metadata(
        discovered(world).await,
        ClientId::new("broker".to_owned()),
        Some(secret),
    )
    .set_redirect_uri(RedirectUrl::new(REDIRECT.to_owned()).unwrap())
}

/// A request that is on its way.
struct Asked {
    /// Path and query at the provider.
    path: String,
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

fn ask(rp: &Rp, scopes: &str) -> Asked {
    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow: AuthenticationFlow<CoreResponseType> = CoreAuthenticationFlow::AuthorizationCode;
    let mut request = rp.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
    for scope in scopes.split(' ').filter(|scope| !scope.is_empty()) {
        request = request.add_scope(Scope::new(scope.to_owned()));
    }
    let (url, state, nonce) = request.set_pkce_challenge(challenge).url();
    let path = url.as_str().strip_prefix(ISSUER).unwrap().to_owned();
    Asked { path, state, nonce, verifier }
}

/// What the citizen's browser sees from the redirect to the country page on, to the redirect to the relying party.
async fn on_from(browser: &Browser<'_>, asked: &Answer) -> Answer {
    let path = asked.location().to_owned();
    let page = browser.get(&path).await;
    let fields = [("token", page.field("token")), ("country", "XB".to_owned())];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let departure = browser.post(&format!("{path}/country"), &fields).await;
    let form = browser.world.node_answers(&departure, Decision::Citizen("plain")).await;
    let returned = browser.post_from_node(&form).await;
    browser.get(returned.location()).await
}

/// The whole login; gives the tokens and the nonce that their ID token must have.
async fn login(world: &World, rp: &Rp, asked: Asked) -> (CoreTokenResponse, Nonce) {
    let browser = Browser::new(world);
    let released = on_from(&browser, &browser.get(&asked.path).await).await;
    assert_eq!(released.redirect_parameter("state").as_ref(), Some(asked.state.secret()));
    assert_eq!(released.redirect_parameter("iss").as_deref(), Some(ISSUER));
    let code = AuthorizationCode::new(released.redirect_parameter("code").unwrap());
    (redeem(world, rp, code, asked.verifier).await, asked.nonce)
}

async fn redeem(
    world: &World,
    rp: &Rp,
    code: AuthorizationCode,
    verifier: PkceCodeVerifier,
) -> CoreTokenResponse {
    rp.exchange_code(code).unwrap().set_pkce_verifier(verifier).request_async(&http(world)).await.unwrap()
}

/// The claims of an ID token that the relying party accepts: signature, issuer, audience, times, nonce, `at_hash`.
fn verified<'t>(
    world: &World,
    rp: &Rp,
    tokens: &'t CoreTokenResponse,
    nonce: &Nonce,
) -> &'t CoreIdTokenClaims {
    use eidas_gateway::clock::Clock as _;
    let now = world.clock.now().to_string();
    let verifier = rp.id_token_verifier().set_time_fn(move || now.parse().unwrap());
    let id_token = tokens.id_token().unwrap();
    let claims = id_token.claims(&verifier, nonce).unwrap();
    let algorithm = id_token.signing_alg().unwrap();
    let key = id_token.signing_key(&verifier).unwrap();
    let hash = AccessTokenHash::from_token(tokens.access_token(), algorithm, key).unwrap();
    assert_eq!(claims.access_token_hash(), Some(&hash));
    claims
}

async fn userinfo(
    world: &World,
    rp: &Rp,
    tokens: &CoreTokenResponse,
    claims: &CoreIdTokenClaims,
) -> CoreUserInfoClaims {
    let subject = Some(claims.subject().clone());
    let request = rp.user_info(tokens.access_token().clone(), subject).unwrap();
    request.require_signed_response(false).request_async(&http(world)).await.unwrap()
}

#[tokio::test]
async fn oidcc_discovery_endpoint_verification() {
    let world = World::new().await;
    let answer = world.send(get("/.well-known/openid-configuration")).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    let document = answer.json();
    assert_eq!(document["issuer"], ISSUER);
    for (name, value) in document.as_object().unwrap() {
        if name.ends_with("_endpoint") || name.ends_with("_uri") {
            assert!(value.as_str().unwrap().starts_with("https://gateway.example/"), "{name}: {value}");
        }
    }
    let has = |name: &str, value: &str| document[name].as_array().unwrap().contains(&json!(value));
    assert!(has("id_token_signing_alg_values_supported", "RS256"));
    assert!(!has("id_token_signing_alg_values_supported", "none"));
    assert!(has("response_types_supported", "code") && has("subject_types_supported", "pairwise"));
    assert!(has("scopes_supported", "openid") && has("claims_supported", "sub"));

    let keys = world.send(get("/jwks")).await.json()["keys"].as_array().unwrap().clone();
    let mut kids: Vec<_> = keys.iter().map(|key| key["kid"].as_str().unwrap()).collect();
    kids.sort_unstable();
    kids.dedup();
    assert_eq!(kids.len(), keys.len());
    for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
        assert!(keys.iter().all(|key| key.get(private).is_none()), "{private}");
    }
    // The relying party reads it too, and the keys with it.
    assert_eq!(discovered(&world).await.jwks().keys().len(), keys.len());
}

#[tokio::test]
async fn oidcc_server() {
    let world = World::new().await;
    let rp = relying_party(&world).await;
    let (tokens, nonce) = login(&world, &rp, ask(&rp, "")).await;
    let claims = verified(&world, &rp, &tokens, &nonce);
    assert_eq!(claims.audiences().iter().map(|audience| audience.as_str()).collect::<Vec<_>>(), ["broker"]);
    assert!(claims.auth_time().unwrap() <= claims.issue_time());
    let person = userinfo(&world, &rp, &tokens, claims).await;
    assert_eq!(person.subject(), claims.subject());
}

#[tokio::test]
async fn oidcc_server_client_secret_post() {
    let world = World::with(|client, _| {
        if let ClientAuthentication::Secret { place, .. } = &mut client.authentication {
            *place = SecretPlace::Post;
        }
    })
    .await;
    let rp = relying_party(&world).await.set_auth_type(AuthType::RequestBody);
    let (tokens, nonce) = login(&world, &rp, ask(&rp, "")).await;
    verified(&world, &rp, &tokens, &nonce);
    // In the header it is another method, which this client did not register.
    let rp = rp.set_auth_type(AuthType::BasicAuth);
    let code = AuthorizationCode::new("whatever".to_owned());
    let refused = rp.exchange_code(code).unwrap().request_async(&http(&world)).await.unwrap_err();
    assert!(format!("{refused:?}").contains("error: invalid_client"), "{refused:?}");
}

#[tokio::test]
async fn oidcc_response_type_missing() {
    let world = World::new().await;
    let rp = relying_party(&world).await;
    let path = ask(&rp, "").path.replace("response_type=code&", "");
    let refused = Browser::new(&world).get(&path).await;
    assert_eq!(refused.redirect_parameter("error").as_deref(), Some("invalid_request"));
    assert!(refused.redirect_parameter("state").is_some());
}

#[tokio::test]
async fn oidcc_idtoken_signature() {
    // RS256 unless the client is registered for another one; each has its own key, found by its kid.
    let algorithms = [JwsAlgorithm::RS256, JwsAlgorithm::PS256, JwsAlgorithm::ES256, JwsAlgorithm::ES384];
    let keys = algorithms.map(|algorithm| JwsKey::generate(algorithm).unwrap());
    let keys = SigningKeys::new(keys.into()).unwrap();
    for algorithm in algorithms {
        let world = World::with_keys(keys.clone(), |client, _| client.id_token_alg = algorithm).await;
        let rp = relying_party(&world).await;
        let (tokens, nonce) = login(&world, &rp, ask(&rp, "")).await;
        let claims = verified(&world, &rp, &tokens, &nonce);
        assert_eq!(claims.issuer().as_str(), ISSUER);
        let header = tokens.id_token().unwrap().to_string();
        let header: Value = serde_json::from_slice(&decoded(header.split('.').next().unwrap())).unwrap();
        assert_eq!(header["alg"], algorithm.as_str());
    }
}

fn decoded(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[tokio::test]
async fn oidcc_ensure_request_without_nonce_succeeds_for_code_flow() {
    let world = World::new().await;
    let rp = relying_party(&world).await;
    let asked = ask(&rp, "");
    let path: Vec<_> = asked.path.split('&').filter(|parameter| !parameter.starts_with("nonce=")).collect();
    let (tokens, _) = login(&world, &rp, Asked { path: path.join("&"), ..asked }).await;
    let id_token = world.id_token(&tokens.id_token().unwrap().to_string()).await;
    assert!(!id_token.contains_key("nonce"));
}

#[tokio::test]
async fn oidcc_scope_profile() {
    let world = World::new().await;
    let rp = relying_party(&world).await;
    let (tokens, nonce) = login(&world, &rp, ask(&rp, "profile")).await;
    let claims = verified(&world, &rp, &tokens, &nonce);
    let person = userinfo(&world, &rp, &tokens, claims).await;
    let text =
        |claim: Option<&openidconnect::LocalizedClaim<_>>| claim.and_then(|claim| claim.get(None)).cloned();
    assert_eq!(person.given_name().and_then(|name| name.get(None)).unwrap().as_str(), "Astrid");
    assert_eq!(person.family_name().and_then(|name| name.get(None)).unwrap().as_str(), "Lindqvist");
    assert_eq!(text(person.name()).unwrap().as_str(), "Astrid Lindqvist");
    assert_eq!(person.birthdate().unwrap().as_str(), "1977-03-12");
}

/// The scopes that eIDAS has attributes for, but for a client that may have none of them: no error, and no claim.
async fn scope_without_attributes(scope: &str, claims: &[&str]) {
    let world = World::with(|client, policy| {
        client.scopes.extend(["address", "email", "phone"].map(str::to_owned));
        policy.attributes.clear();
    })
    .await;
    let rp = relying_party(&world).await;
    let (tokens, nonce) = login(&world, &rp, ask(&rp, scope)).await;
    verified(&world, &rp, &tokens, &nonce);
    let person = world.userinfo(tokens.access_token().secret()).await.json();
    for claim in claims {
        assert!(person.get(claim).is_none(), "{claim}: {person}");
    }
}

#[tokio::test]
async fn oidcc_scope_email() {
    scope_without_attributes("email", &["email", "email_verified"]).await;
}

#[tokio::test]
async fn oidcc_scope_address() {
    scope_without_attributes("address", &["address"]).await;
}

#[tokio::test]
async fn oidcc_scope_phone() {
    scope_without_attributes("phone", &["phone_number", "phone_number_verified"]).await;
}

#[tokio::test]
async fn oidcc_scope_all() {
    let world = World::with(|client, _| client.scopes.extend(["address", "phone"].map(str::to_owned))).await;
    let rp = relying_party(&world).await;
    let (tokens, nonce) = login(&world, &rp, ask(&rp, "profile email address phone")).await;
    let claims = verified(&world, &rp, &tokens, &nonce);
    let person = userinfo(&world, &rp, &tokens, claims).await;
    // Types are what a relying party trips over; whether a country sends an attribute is its own affair.
    assert_eq!(person.given_name().and_then(|name| name.get(None)).unwrap().as_str(), "Astrid");
    let _: Option<&CoreGenderClaim> = person.gender();
}

#[tokio::test]
async fn oidcc_alternate_happy_flow() {
    // Neither the order of parameters nor that of scopes means anything.
    let world = World::new().await;
    let rp = relying_party(&world).await;
    let asked = ask(&rp, "profile eidas");
    let (endpoint, query) = asked.path.split_once('?').unwrap();
    let mut parameters: Vec<_> = query.split('&').collect();
    parameters.sort_unstable_by(|one, other| other.cmp(one));
    let query = parameters.join("&").replace("openid+profile+eidas", "eidas+profile+openid");
    let path = format!("{endpoint}?{query}");
    let (tokens, nonce) = login(&world, &rp, Asked { path, ..asked }).await;
    verified(&world, &rp, &tokens, &nonce);
}

#[tokio::test]
async fn oidcc_ensure_registered_redirect_uri() {
    let world = World::new().await;
    let rp =
        relying_party(&world).await.set_redirect_uri(RedirectUrl::new(format!("{REDIRECT}/other")).unwrap());
    let page = Browser::new(&world).get(&ask(&rp, "").path).await;
    assert_eq!((page.status, page.text("code").as_str()), (StatusCode::BAD_REQUEST, "EG-1001"));
    assert_eq!(page.header("location"), "");
}

#[tokio::test]
async fn oidcc_ensure_post_request_succeeds() {
    // From another site, as a relying party's form is: no cookie of ours comes along.
    let world = World::new().await;
    let rp = relying_party(&world).await;
    let asked = ask(&rp, "");
    let (endpoint, query) = asked.path.split_once('?').unwrap();
    let browser = Browser::new(&world);
    let request = Request::post(endpoint)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "cross-site")
        .body(Body::from(query.to_owned()))
        .unwrap();
    let begun = browser.send(request, false).await;
    let released = on_from(&browser, &begun).await;
    let code = AuthorizationCode::new(released.redirect_parameter("code").unwrap());
    let tokens = redeem(&world, &rp, code, asked.verifier).await;
    verified(&world, &rp, &tokens, &asked.nonce);
}

#[tokio::test]
async fn oidcc_ensure_request_with_valid_pkce_succeeds() {
    // With PKCE left to the client, one that uses it is held to it, and one that does not logs in as well.
    let world = World::with(|client, _| client.require_pkce = false).await;
    let rp = relying_party(&world).await;
    let (tokens, nonce) = login(&world, &rp, ask(&rp, "")).await;
    verified(&world, &rp, &tokens, &nonce);

    let asked = ask(&rp, "");
    let without: Vec<_> =
        asked.path.split('&').filter(|parameter| !parameter.starts_with("code_challenge")).collect();
    let browser = Browser::new(&world);
    let released = on_from(&browser, &browser.get(&without.join("&")).await).await;
    let code = AuthorizationCode::new(parameter(released.location(), "code").unwrap());
    let tokens = rp.exchange_code(code).unwrap().request_async(&http(&world)).await.unwrap();
    verified(&world, &rp, &tokens, &asked.nonce);
}

/// What docs/conformance.md has somebody put behind their configuration.
fn of_the_suite(name: &str) -> String {
    let text =
        std::fs::read_to_string(format!("{}/tests/conformance/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let digest = "0".repeat(64);
    ["@CLIENT_1@", "@CLIENT_2@", "@CLIENT_POST@", "@CLIENT_EKYC@"]
        .iter()
        .fold(text, |text, mark| text.replace(mark, &digest))
}

#[test]
fn the_configuration_for_the_real_suite_is_accepted() {
    let start = "profile = 'test'
[server]
issuer = 'https://eidas.localhost:8443'
[connector]
country = 'XX'
organization = { name = 'O', url = 'https://example.org' }
support_contact = { email = 'a@example.org' }
technical_contact = { email = 'a@example.org' }
signing = { key_file = 'x', certificate_file = 'x' }
encryption = [{ key_file = 'x', certificate_file = 'x' }]
[oidc]
signing_key = [{ key_file = 'x', algorithm = 'RS256' }, { key_file = 'y', algorithm = 'PS256' }]
[subject]
key_file = 'x'
";
    let file = std::path::Path::new("gateway.toml");
    let text = start.to_owned() + &of_the_suite("gateway.toml");
    let config = Config::read(file, text, std::path::Path::new(".")).unwrap();
    let ids: Vec<_> = config.client.iter().map(|client| client.id.as_str()).collect();

    let suite: Value = serde_json::from_str(&of_the_suite("suite.json")).unwrap();
    for client in ["client", "client2", "client_secret_post"] {
        assert!(ids.contains(&suite[client]["client_id"].as_str().unwrap()), "{client}");
    }
    let issuer = suite["server"]["discoveryUrl"].as_str().unwrap();
    assert_eq!(issuer, format!("{}/.well-known/openid-configuration", config.server.issuer));
    let alias = format!("/test/a/{}/callback", suite["alias"].as_str().unwrap());
    assert!(config.client.iter().all(|client| client.redirect_uris[0].contains(&alias)));
}
