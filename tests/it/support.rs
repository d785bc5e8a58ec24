//! A gateway with a database in memory, the node of the simulated member state XB, a broker, and browsers
//! with cookies. No socket and no sleep: the clock is moved by hand.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use eidas_gateway::audit::Memory;
use eidas_gateway::clock::{Clock as _, FixedClock, Timestamp};
use eidas_gateway::crypto::hash::sha256;
use eidas_gateway::crypto::jose::{self, JwsAlgorithm, JwsKey};
use eidas_gateway::crypto::{
    CertificateRequest, Curve, DecryptionKey, KeyKind, KeyUsage, PrivateKey, SigningKey,
};
use eidas_gateway::eidas::attribute::Attribute;
use eidas_gateway::eidas::trust::CountryTrust;
use eidas_gateway::eidas::{Connector, CountryCode, SpType};
use eidas_gateway::ids::{CountingRandom, SystemRandom};
use eidas_gateway::login::{ClientPolicy, Countries, Entry, SubjectKey};
use eidas_gateway::node::{CITIZENS, ConnectorMetadata, Failure, MemberState, Misbehaviour, Received};
use eidas_gateway::oidc::client::SecretHash;
use eidas_gateway::oidc::{Client, Clients, Issuer, RedirectUri, SigningKeys, TokenKeys, form};
use eidas_gateway::outbound::{Allowed, Fetcher, Limits, Mailer};
use eidas_gateway::store;
use eidas_gateway::web::{self, CertificateHeader, HeaderForm, KeySources, Parts, Services};
use serde_json::{Map, Value};
use tower::ServiceExt as _;

pub(crate) const ISSUER: &str = "https://gateway.example";
pub(crate) const REDIRECT: &str = "https://broker.example/cb";
pub(crate) const SECRET: &str = "broker-secret";
/// Of the client `neighbour`, which is registered everywhere and does nothing by itself.
pub(crate) const NEIGHBOUR_SECRET: &str = "neighbour-secret";
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const STATE: &str = "the-state";
pub(crate) const NONCE: &str = "the-nonce";

/// Keys are made once for all tests.
struct Keys {
    connector: Connector,
    token: JwsKey,
    node: MemberState,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let (signing, signing_certificate) = key(KeyUsage::Signing);
    let (metadata, metadata_certificate) = key(KeyUsage::Signing);
    let (decryption, decryption_certificate) = key(KeyUsage::Encryption);
    let connector = Connector {
        entity_id: format!("{ISSUER}/saml/metadata"),
        acs_url: format!("{ISSUER}/saml/acs"),
        country: CountryCode::parse("XX").unwrap(),
        application_identifier: "eidas-gateway:test:1".to_owned(),
        provider_name: Some("Test".to_owned()),
        sp_type: None,
        organization: None,
        support: None,
        technical: None,
        signing: SigningKey::new(signing, signing_certificate, None).unwrap(),
        extra_signing_certificates: Vec::new(),
        metadata_signing: SigningKey::new(metadata, metadata_certificate, None).unwrap(),
        metadata_chain: Vec::new(),
        decryption: vec![DecryptionKey::new(decryption, decryption_certificate).unwrap()],
    };
    let node = MemberState::xb("https://xb.example", start(), &CountingRandom::default()).unwrap();
    let node = MemberState { requires_requester_id: false, ..node };
    Keys { connector, token: JwsKey::generate(JwsAlgorithm::RS256).unwrap(), node }
});

fn key(usage: KeyUsage) -> (PrivateKey, eidas_gateway::crypto::Certificate) {
    let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    let request = CertificateRequest {
        common_name: "Connector".to_owned(),
        organization: None,
        country: Some("XX".to_owned()),
        not_before: Timestamp::parse("2026-01-01T00:00:00Z").unwrap(),
        not_after: Timestamp::parse("2036-01-01T00:00:00Z").unwrap(),
        usage,
    };
    let certificate = key.self_signed(&request, &SystemRandom).unwrap();
    (key, certificate)
}

pub(crate) fn start() -> Timestamp {
    Timestamp::parse("2026-11-21T12:00:00Z").unwrap()
}

/// Everything that takes part in a login.
pub(crate) struct World {
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) audit: Arc<Memory>,
    pub(crate) services: Arc<Services>,
    router: Router,
    node: Mutex<MemberState>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_, _| {}).await
    }

    /// A world whose one client is changed by `change`.
    pub(crate) async fn with(change: impl FnOnce(&mut Client, &mut ClientPolicy)) -> Self {
        Self::build("sqlite::memory:", change).await
    }

    pub(crate) async fn build(url: &str, change: impl FnOnce(&mut Client, &mut ClientPolicy)) -> Self {
        Self::with_mail(url, None, change).await
    }

    /// The same with a mail server.
    pub(crate) async fn with_mail(
        url: &str,
        mailer: Option<Arc<Mailer>>,
        change: impl FnOnce(&mut Client, &mut ClientPolicy),
    ) -> Self {
        Self::build_with(url, SigningKeys::new(vec![KEYS.token.clone()]).unwrap(), mailer, change).await
    }

    /// A world whose tokens are signed with these keys.
    pub(crate) async fn with_keys(
        signing_keys: SigningKeys,
        change: impl FnOnce(&mut Client, &mut ClientPolicy),
    ) -> Self {
        Self::build_with("sqlite::memory:", signing_keys, None, change).await
    }

    async fn build_with(
        url: &str,
        signing_keys: SigningKeys,
        mailer: Option<Arc<Mailer>>,
        change: impl FnOnce(&mut Client, &mut ClientPolicy),
    ) -> Self {
        let redirect = vec![RedirectUri::register(REDIRECT).unwrap()];
        let mut client = Client::new("broker", SecretHash::of(SECRET), redirect);
        client.scopes.extend(["eidas:identifier", "eidas:attributes", "email"].map(str::to_owned));
        let mut policy = ClientPolicy::new("Town Hall", "sector", SpType::Public);
        policy.attributes = Attribute::ALL.iter().copied().collect();
        policy.person_identifier = true;
        change(&mut client, &mut policy);
        let redirect = vec![RedirectUri::register("https://neighbour.example/cb").unwrap()];
        let neighbour = Client::new("neighbour", SecretHash::of(NEIGHBOUR_SECRET), redirect);
        let neighbours_policy = ClientPolicy::new("Neighbour", "neighbour", SpType::Public);
        let policies = [("broker", policy), ("neighbour", neighbours_policy)];
        let clients = Clients::new([client, neighbour]).unwrap();
        let policies = policies.map(|(id, policy)| (id.to_owned(), policy)).into();
        Self::of(url, clients, policies, signing_keys.into(), mailer).await
    }

    /// A world with these clients, what eIDAS means to them, these keys that sign tokens, and a mail
    /// server.
    pub(crate) async fn of(
        url: &str,
        clients: Clients,
        policies: BTreeMap<String, ClientPolicy>,
        token_keys: TokenKeys,
        mailer: Option<Arc<Mailer>>,
    ) -> Self {
        let keys = &*KEYS;
        let clock = Arc::new(FixedClock::new(start()));
        let audit = Arc::new(Memory::default());
        let countries = countries(&trust(), start());
        let services = Arc::new(Services::new(Parts {
            issuer: Issuer::parse(ISSUER).unwrap(),
            clients,
            policies,
            connector: keys.connector.clone().into(),
            countries,
            token_keys,
            subject_key: SubjectKey::new(1, [7; 32]),
            mailer,
            store: store::open(url).await.unwrap(),
            clock: clock.clone(),
            random: Arc::new(SystemRandom),
            audit: audit.clone(),
            key_sources: KeySources::new(Fetcher::new(Limits {
                time: Duration::from_secs(5),
                size: 64 * 1024,
                allowed: Allowed { networks: Vec::new(), loopback: true },
                ca_file: None,
            })),
            certificate_header: Some(CertificateHeader {
                name: "client-cert".to_owned(),
                form: HeaderForm::Rfc9440,
                proxies: vec!["10.0.0.1".parse().unwrap()],
            }),
            certificate_base: Some("https://mtls.gateway.example".to_owned()),
        }));
        let router = web::router(Arc::clone(&services));
        Self { clock, audit, services, router, node: Mutex::new(keys.node.clone()) }
    }

    /// The node as it is now.
    pub(crate) fn node(&self) -> MemberState {
        self.node.lock().unwrap().clone()
    }

    /// From now on the node is another one, which may have another key.
    pub(crate) fn set_node(&self, node: MemberState) {
        *self.node.lock().unwrap() = node;
    }

    /// Ourselves, as at the start.
    pub(crate) fn connector() -> Connector {
        KEYS.connector.clone()
    }

    /// The key that signs tokens at the start.
    pub(crate) fn token_key() -> JwsKey {
        KEYS.token.clone()
    }

    /// Has the gateway load the node's metadata of this moment.
    pub(crate) fn refresh(&self) {
        self.services.set_countries(countries(&trust(), self.clock.now()));
    }

    /// One HTTP exchange.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.into()).unwrap() }
    }

    /// What the node makes of the form that the browser brought, once somebody has decided there.
    pub(crate) async fn node_answers(&self, departure: &Answer, decision: Decision) -> Vec<(String, String)> {
        let metadata = self.send(get("/saml/metadata")).await.body;
        self.node_answers_by(&metadata, departure, decision)
    }

    /// The same for a node that knows the gateway by this metadata.
    pub(crate) fn node_answers_by(
        &self,
        metadata: &str,
        departure: &Answer,
        decision: Decision,
    ) -> Vec<(String, String)> {
        let trusted = [KEYS.connector.metadata_signing.certificate().clone()];
        let now = self.clock.now();
        let connector = ConnectorMetadata::read(metadata.as_bytes(), &trusted, now).unwrap();
        let relay_state = departure.field("RelayState");
        let (document, _) = self.node().issuer_of(&departure.field("SAMLRequest")).unwrap();
        let received = self.node().receive(&document, Some(&relay_state), &connector).unwrap();
        let xml = self.respond(&received, decision);
        vec![
            ("SAMLResponse".to_owned(), STANDARD.encode(xml)),
            ("RelayState".to_owned(), received.relay_state.clone()),
        ]
    }

    fn respond(&self, received: &Received, decision: Decision) -> String {
        let now = self.clock.now();
        let citizen = |id: &str| CITIZENS.iter().find(|citizen| citizen.id == id).unwrap();
        match decision {
            Decision::Citizen(id) => self.node().answer(received, citizen(id), None, now, &SystemRandom),
            Decision::Wrong(how) => {
                let id = if how == Misbehaviour::Level { "low" } else { "plain" };
                self.node().answer(received, citizen(id), Some(how), now, &SystemRandom)
            }
            Decision::Fail(failure) => self.node().fail(received, failure, now, &SystemRandom),
        }
        .unwrap()
    }

    /// The broker redeems a code.
    pub(crate) async fn token(&self, code: &str) -> Answer {
        self.token_with(&[("code", code)], SECRET).await
    }

    /// The same with other parameters and another secret.
    pub(crate) async fn token_with(&self, parameters: &[(&str, &str)], secret: &str) -> Answer {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        form.retain(|(name, _)| !parameters.iter().any(|(other, _)| other == name));
        form.extend_from_slice(parameters);
        let basic = STANDARD.encode(format!("broker:{secret}"));
        let mut request = post("/token", &form);
        request.headers_mut().insert(header::AUTHORIZATION, format!("Basic {basic}").parse().unwrap());
        self.send(request).await
    }

    pub(crate) async fn userinfo(&self, access_token: &str) -> Answer {
        let mut request = get("/userinfo");
        let value = format!("Bearer {access_token}").parse().unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, value);
        self.send(request).await
    }

    /// The claims of an ID token, verified with the published keys.
    pub(crate) async fn id_token(&self, token: &str) -> Map<String, Value> {
        let jwks = self.send(get("/jwks")).await.json();
        jose::verify(token, &jwks, &[JwsAlgorithm::RS256]).unwrap()
    }

    /// The audit's events, by name.
    pub(crate) fn events(&self) -> Vec<Value> {
        self.audit.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub(crate) fn event_names(&self) -> Vec<String> {
        self.events().iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
    }

    /// The last refusal: its code and rule.
    pub(crate) fn last_refusal(&self) -> (String, String) {
        let events = self.events();
        let refusal = events.iter().rev().find(|event| event["event"] == "refuse").unwrap();
        let word = |name: &str| refusal[name].as_str().unwrap_or_default().to_owned();
        (word("code"), word("rule"))
    }
}

/// What vouches for the node's metadata.
fn trust() -> CountryTrust {
    let node = &KEYS.node;
    CountryTrust::new(node.country, vec![node.signing.certificate().clone()])
}

/// The node as its metadata of `now` says, and a country without any.
fn countries(trust: &CountryTrust, now: Timestamp) -> Countries {
    let metadata = KEYS.node.metadata(now, &SystemRandom).unwrap();
    let node = eidas_gateway::eidas::trust::check(metadata.as_bytes(), trust, now).unwrap();
    Countries::new([
        (trust.country, Entry::Trusted(Arc::new(node))),
        (CountryCode::parse("XC").unwrap(), Entry::Untrusted("no metadata".to_owned())),
    ])
}

/// What happens at the node.
#[derive(Clone, Copy)]
pub(crate) enum Decision {
    /// This citizen logs in.
    Citizen(&'static str),
    /// The node reports a failure.
    Fail(Failure),
    /// The node misbehaves.
    Wrong(Misbehaviour),
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        self.header("location")
    }

    /// A parameter of the address that the answer redirects to.
    pub(crate) fn redirect_parameter(&self, name: &str) -> Option<String> {
        parameter(self.location(), name)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Status and error code of a refused token request.
    pub(crate) fn token_error(&self) -> (u16, String) {
        assert_eq!(self.header("cache-control"), "no-store");
        (self.status.as_u16(), self.json()["error"].as_str().unwrap().to_owned())
    }

    /// The value of a hidden field.
    pub(crate) fn field(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&start).unwrap_or_else(|| panic!("{name} in {}", self.body));
        unescape(rest.split_once('"').unwrap().0)
    }

    /// The text of the element with an id.
    pub(crate) fn text(&self, id: &str) -> String {
        let (_, rest) =
            self.body.split_once(&format!("id=\"{id}\">")).unwrap_or_else(|| panic!("{id}: {}", self.body));
        unescape(rest.split_once('<').unwrap().0)
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.body.contains(&format!("id=\"{id}\""))
    }
}

pub(crate) fn parameter(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    form::parse(query).unwrap().into_iter().find(|(n, _)| n == name).map(|(_, value)| value)
}

pub(crate) fn unescape(text: &str) -> String {
    let mut text = text.to_owned();
    for (escaped, plain) in [
        ("&#38;", "&"),
        ("&amp;", "&"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x2f;", "/"),
    ] {
        text = text.replace(escaped, plain);
    }
    text
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

pub(crate) fn post(path: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let body = form::with_query("", fields);
    let body = body.trim_start_matches('?').to_owned();
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .unwrap()
}

/// The node's form, as a browser brings it.
pub(crate) fn form_of(fields: &[(String, String)]) -> Request<Body> {
    let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let mut request = post("/saml/acs", &fields);
    request.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    request
}

/// A browser: it keeps cookies and follows the rules that Chromium has for them.
pub(crate) struct Browser<'a> {
    pub(crate) world: &'a World,
    pub(crate) cookies: Mutex<BTreeMap<String, String>>,
    /// Every answer with its path, for tests that look at all of them.
    pub(crate) seen: Mutex<Vec<(String, StatusCode, HeaderMap)>>,
}

impl<'a> Browser<'a> {
    pub(crate) fn new(world: &'a World) -> Self {
        Self { world, cookies: Mutex::default(), seen: Mutex::default() }
    }

    pub(crate) async fn send(&self, mut request: Request<Body>, with_cookies: bool) -> Answer {
        if with_cookies {
            let cookies =
                self.cookies.lock().unwrap().iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>();
            if !cookies.is_empty() {
                request.headers_mut().insert(header::COOKIE, cookies.join("; ").parse().unwrap());
            }
        }
        let path = request.uri().path().to_owned();
        let answer = self.world.send(request).await;
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, rest) = cookie.split_once('=').unwrap();
            let (value, attributes) = rest.split_once(';').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            if attributes.contains("Max-Age=0") {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        self.seen.lock().unwrap().push((path, answer.status, answer.headers.clone()));
        answer
    }

    /// Opens an address of the gateway, as after a click or a redirect to GET.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(get(path), true).await
    }

    /// Sends a form of the gateway's own page.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut request = post(path, fields);
        request.headers_mut().insert("sec-fetch-site", "same-origin".parse().unwrap());
        self.send(request, true).await
    }

    /// Sends the node's form: from another site, so Lax cookies stay at home.
    pub(crate) async fn post_from_node(&self, fields: &[(String, String)]) -> Answer {
        self.send(form_of(fields), false).await
    }

    /// Steps 1 and 2: from the broker's request to the country page. Gives its path and the page.
    pub(crate) async fn start(&self, more: &[(&str, &str)]) -> (String, Answer) {
        let answer = self.get(&authorize(more)).await;
        let path = answer.location().to_owned();
        let page = self.get(&path).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        (path, page)
    }

    /// Steps 1 to 4.
    pub(crate) async fn depart(&self, more: &[(&str, &str)]) -> Answer {
        let (path, page) = self.start(more).await;
        let token = page.field("token");
        let departure = self.post(&format!("{path}/country"), &[("token", &token), ("country", "XB")]).await;
        assert_eq!(departure.status, StatusCode::OK, "{}", departure.body);
        departure
    }

    /// Steps 1 to 8: the answer of the assertion consumer service.
    pub(crate) async fn come_back(&self, more: &[(&str, &str)], decision: Decision) -> Answer {
        let departure = self.depart(more).await;
        let form = self.world.node_answers(&departure, decision).await;
        self.post_from_node(&form).await
    }

    /// Steps 1 to 9: the code.
    pub(crate) async fn code(&self, more: &[(&str, &str)], citizen: &'static str) -> String {
        let returned = self.come_back(more, Decision::Citizen(citizen)).await;
        let released = self.get(returned.location()).await;
        assert!(released.location().starts_with(REDIRECT), "{}", released.location());
        assert_eq!(released.redirect_parameter("state").as_deref(), Some(STATE));
        assert_eq!(released.redirect_parameter("iss").as_deref(), Some(ISSUER));
        released.redirect_parameter("code").unwrap()
    }
}

/// The broker's authorization request; `more` replaces parameters of the same name.
pub(crate) fn authorize(more: &[(&str, &str)]) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(sha256(VERIFIER.as_bytes()));
    let mut parameters = vec![
        ("client_id", "broker"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid profile eidas"),
        ("state", STATE),
        ("nonce", NONCE),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    parameters.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    parameters.extend_from_slice(more);
    form::with_query("/authorize", &parameters)
}

/// What `tracing` writes while it is captured, at every level.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Captures what this thread logs, until the guard goes.
    pub(crate) fn capture(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
