//! The whole login over HTTP against the gateway as a process of its own: what it costs, how fast it is up,
//! how much memory it keeps. The member state and the browser run here, in another process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use eidas_gateway::clock::{Clock, SystemClock};
use eidas_gateway::crypto::jose::{JwsAlgorithm, JwsKey};
use eidas_gateway::crypto::{
    Certificate, CertificateRequest, Curve, KeyKind, KeyUsage, PrivateKey, SigningKey, hash,
};
use eidas_gateway::eidas::CountryCode;
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::node::{CITIZENS, ConnectorMetadata, MemberState, MetadataForm};
use openssl::base64::encode_block;
use openssl::pkey::PKey;

use crate::cpu;
use crate::http::{Answer, Client, encode, field};
use crate::operations::sign_cost;

const LOGINS: u32 = 1000;
const SECRET: &str = "a-secret-of-the-bench-that-nobody-else-uses-0123456789";
const VERIFIER: &str = "a-verifier-of-the-bench-that-is-long-enough-0123456789";
const REDIRECT: &str = "https://broker.example/callback";

struct Suite {
    name: &'static str,
    kind: KeyKind,
    token: JwsAlgorithm,
    /// The goal: a multiple of the raw operations, or CPU milliseconds.
    goal: Goal,
}

enum Goal {
    TimesRaw(f64),
    Millis(f64),
}

/// Runs both suites and prints their figures.
pub(crate) fn run() {
    for suite in [
        Suite {
            name: "RSA-3072 throughout, RS256",
            kind: KeyKind::Rsa(3072),
            token: JwsAlgorithm::RS256,
            goal: Goal::TimesRaw(1.5),
        },
        Suite {
            name: "P-256 throughout, ES256",
            kind: KeyKind::Ec(Curve::P256),
            token: JwsAlgorithm::ES256,
            goal: Goal::Millis(1.0),
        },
    ] {
        measure(&suite);
    }
}

fn measure(suite: &Suite) {
    let folder = std::env::temp_dir().join(format!("eidas-gateway-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let host = format!("localhost:{}", free_port());
    let party = set_up(suite, &folder, &host);

    // The first start makes the database, which waits for the disk; the second is what an operator sees.
    let (first, gateway, _) = start(&folder, &host);
    drop(gateway);
    let (up, gateway, mut client) = start(&folder, &host);

    let metadata = client.get("/saml/metadata", &[]).body;
    let connector = ConnectorMetadata::read(
        metadata.as_bytes(),
        std::slice::from_ref(&party.connector),
        SystemClock.now(),
    )
    .unwrap();
    // Listening comes first; the country's metadata is loaded beside it.
    let started = Instant::now();
    while party.authorize(&mut client).header("set-cookie").is_none() {
        assert!(started.elapsed() < Duration::from_secs(10), "the country was not loaded");
        std::thread::sleep(Duration::from_millis(1));
    }
    (0..50).for_each(|_| party.log_in(&mut client, &connector));
    let from = cpu::process(gateway.0.id());
    let clock = Instant::now();
    (0..LOGINS).for_each(|_| party.log_in(&mut client, &connector));
    let wall = clock.elapsed();
    let millis = (cpu::process(gateway.0.id()) - from) as f64 / f64::from(LOGINS) / 1e6;
    let abreast = abreast(gateway.0.id(), &party, &mut client, &connector);
    let resident = cpu::resident_kib(gateway.0.id());

    // The three private-key operations of a login: sign the request, unwrap the content key, sign the token.
    let raw = 3.0 * sign_cost(&PKey::private_key_from_pem(&party.raw_key).unwrap()) / 1000.0;
    println!("\nWhole login, {}", suite.name);
    let busy = abreast.iter().map(|(_, micros)| micros).sum::<f64>() / 1000.0;
    println!("  three raw private operations  {raw:>8.3} ms");
    for (what, millis) in [("one at a time", millis), ("fifty abreast", busy)] {
        print!("  CPU per login, {what}  {millis:>8.3} ms   {:>6.2} times raw", millis / raw);
        match suite.goal {
            Goal::TimesRaw(goal) => println!("   goal: at most {goal}"),
            Goal::Millis(goal) => println!("   goal: at most {goal} ms"),
        }
    }
    for (step, micros) in abreast.iter().filter(|(step, _)| !step.is_empty()) {
        println!("    {step:<26}{micros:>8.0} us");
    }
    println!(
        "  wall clock, one after another {:>8.3} ms   (member state and browser included)",
        wall.as_secs_f64() * 1000.0 / f64::from(LOGINS)
    );
    println!("  start to first discovery      {:>8.1} ms   goal: under 30", up.as_secs_f64() * 1000.0);
    println!("  the same, making the database {:>8.1} ms", first.as_secs_f64() * 1000.0);
    println!("  resident after {LOGINS} logins    {:>8.1} MB   goal: under 40", resident as f64 / 1024.0);
    drop(gateway);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// Starts the gateway and waits for its first answer.
fn start(folder: &Path, host: &str) -> (Duration, Gateway, Client) {
    let started = Instant::now();
    let gateway = Gateway::start(&folder.join("gateway.toml"));
    loop {
        if let Some(mut client) = Client::connect(host)
            && client.get("/.well-known/openid-configuration", &[]).status == 200
        {
            return (started.elapsed(), gateway, client);
        }
        assert!(started.elapsed() < Duration::from_secs(10), "the gateway did not start");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// Everybody else: the member state, the broker, and the browser between them.
struct Party {
    node: MemberState,
    connector: Certificate,
    raw_key: Vec<u8>,
}

impl Party {
    /// The broker's request, which leads to the country page.
    fn authorize(&self, client: &mut Client) -> Answer {
        let authorize = format!(
            "/authorize?client_id=bench&response_type=code&scope=openid%20profile&redirect_uri={}&state=s&nonce=n\
             &code_challenge={}&code_challenge_method=S256",
            encode(REDIRECT),
            base64_url(&hash::sha256(VERIFIER.as_bytes()))
        );
        client.get(&authorize, &[])
    }

    /// One login from end to end.
    fn log_in(&self, client: &mut Client, connector: &ConnectorMetadata) {
        let mut visit = Visit::default();
        for (_, step) in STEPS {
            step(self, client, connector, &mut visit);
        }
    }

    fn begin(&self, client: &mut Client, _: &ConnectorMetadata, visit: &mut Visit) {
        let begun = self.authorize(client);
        visit.cookie = cookie_of(&begun);
        visit.next = path_of(begun.header("location").unwrap());
    }

    fn choose(&self, client: &mut Client, _: &ConnectorMetadata, visit: &mut Visit) {
        let page = client.get(&visit.next, &[("Cookie", &visit.cookie)]);
        assert_eq!(page.status, 200, "{}", page.body);
        let (_, action) = page.body.split_once("<form method=\"post\" action=\"").expect("the country form");
        visit.next = path_of(action.split('"').next().unwrap());
        visit.token = field(&page.body, "token");
    }

    fn depart(&self, client: &mut Client, _: &ConnectorMetadata, visit: &mut Visit) {
        let own = [("Cookie", visit.cookie.as_str()), ("Sec-Fetch-Site", "same-origin")];
        let post = client.post(&visit.next, &own, &[("country", "XA"), ("token", &visit.token)]);
        assert_eq!(post.status, 200, "{}", post.body);
        visit.relay_state = field(&post.body, "RelayState");
        visit.message = field(&post.body, "SAMLRequest");
    }

    /// The member state's part; no request to the gateway.
    fn authenticate(&self, _: &mut Client, connector: &ConnectorMetadata, visit: &mut Visit) {
        let (document, _) = self.node.issuer_of(&visit.message).expect("a request");
        let received =
            self.node.receive(&document, Some(&visit.relay_state), connector).expect("a good request");
        let now = SystemClock.now();
        let response = self.node.answer(&received, &CITIZENS[0], None, now, &SystemRandom).unwrap();
        visit.message = encode_block(response.as_bytes());
    }

    fn come_back(&self, client: &mut Client, _: &ConnectorMetadata, visit: &mut Visit) {
        let form = [("SAMLResponse", visit.message.as_str()), ("RelayState", visit.relay_state.as_str())];
        let back = client.post("/saml/acs", &[("Sec-Fetch-Site", "cross-site")], &form);
        assert_eq!(back.status, 303, "{}", back.body);
        visit.next = path_of(back.header("location").unwrap());
    }

    fn release(&self, client: &mut Client, _: &ConnectorMetadata, visit: &mut Visit) {
        let released = client.get(&visit.next, &[("Cookie", &visit.cookie)]);
        let location = released.header("location").expect("a redirect to the broker");
        let (_, code) = location.split_once("code=").expect("a code");
        visit.token = code.split('&').next().unwrap().to_owned();
    }

    fn redeem(&self, client: &mut Client, _: &ConnectorMetadata, visit: &mut Visit) {
        let basic = format!("Basic {}", encode_block(format!("bench:{SECRET}").as_bytes()));
        let form = [
            ("grant_type", "authorization_code"),
            ("code", visit.token.as_str()),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let token = client.post("/token", &[("Authorization", &basic)], &form);
        assert_eq!(token.status, 200, "{}", token.body);
        let token: serde_json::Value = serde_json::from_str(&token.body).unwrap();
        visit.token = token["access_token"].as_str().unwrap().to_owned();
    }

    fn ask(&self, client: &mut Client, _: &ConnectorMetadata, visit: &mut Visit) {
        let bearer = format!("Bearer {}", visit.token);
        let info = client.get("/userinfo", &[("Authorization", &bearer)]);
        assert_eq!(info.status, 200, "{}", info.body);
        assert!(info.body.contains("Lindqvist"), "{}", info.body);
    }
}

/// One login under way, as browser, broker and member state know it.
#[derive(Default)]
struct Visit {
    cookie: String,
    next: String,
    token: String,
    relay_state: String,
    message: String,
}

type Step = fn(&Party, &mut Client, &ConnectorMetadata, &mut Visit);

/// A login in order. The member state's part is the one that is no request to the gateway.
const STEPS: [(&str, Step); 8] = [
    ("GET /authorize", Party::begin),
    ("GET /login", Party::choose),
    ("POST /login/country", Party::depart),
    ("", Party::authenticate),
    ("POST /saml/acs", Party::come_back),
    ("GET /continue", Party::release),
    ("POST /token", Party::redeem),
    ("GET /userinfo", Party::ask),
];

/// Logins of which each step is taken for all before the next one: a busy gateway, whose code stays in the
/// processor's caches. Gives the gateway's CPU for each step of one login, in microseconds.
fn abreast(
    pid: u32,
    party: &Party,
    client: &mut Client,
    connector: &ConnectorMetadata,
) -> Vec<(&'static str, f64)> {
    const ABREAST: u32 = 50;
    let mut spent = [0; STEPS.len()];
    for _ in 0..LOGINS / ABREAST {
        let mut visits: Vec<Visit> = (0..ABREAST).map(|_| Visit::default()).collect();
        for (sum, (_, step)) in spent.iter_mut().zip(STEPS) {
            let from = cpu::process(pid);
            visits.iter_mut().for_each(|visit| step(party, client, connector, visit));
            *sum += cpu::process(pid) - from;
        }
    }
    let micros = |nanos: u64| nanos as f64 / f64::from(LOGINS) / 1000.0;
    STEPS.iter().zip(spent).map(|((name, _), nanos)| (*name, micros(nanos))).collect()
}

/// Writes keys, metadata and configuration.
fn set_up(suite: &Suite, folder: &Path, host: &str) -> Party {
    let write = |name: &str, content: &[u8]| std::fs::write(folder.join(name), content).unwrap();
    let pair = |name: &str, usage: KeyUsage| {
        let key = PrivateKey::generate(suite.kind).unwrap();
        let certificate = key.self_signed(&request(name, usage), &SystemRandom).unwrap();
        write(&format!("{name}.key"), key.to_pem().unwrap().expose());
        write(&format!("{name}.crt"), certificate.pem().as_bytes());
        (key, certificate)
    };
    let (signing, connector) = pair("signing", KeyUsage::Signing);
    pair("encryption", KeyUsage::Encryption);
    let (node_key, node_certificate) = pair("node", KeyUsage::Signing);
    write("token.key", JwsKey::generate_pem(suite.token).unwrap().expose());
    // OpenID Connect Core §15.1 makes RS256 mandatory to offer; the bench's client uses its own algorithm.
    write("rs256.key", JwsKey::generate_pem(JwsAlgorithm::RS256).unwrap().expose());
    write("subject.key", "42".repeat(32).as_bytes());
    write("client.secret", SECRET.as_bytes());
    let node = MemberState {
        country: CountryCode::parse("XA").unwrap(),
        name: "Bench".to_owned(),
        base: "http://xa.node.localhost:9".to_owned(),
        signing: SigningKey::new(node_key, node_certificate, None).unwrap(),
        metadata_form: MetadataForm::Whole,
        requires_requester_id: false,
    };
    write("node.xml", node.metadata(SystemClock.now(), &SystemRandom).unwrap().as_bytes());
    write("gateway.toml", configuration(suite, host).as_bytes());
    Party { node, connector, raw_key: signing.to_pem().unwrap().expose().clone() }
}

fn configuration(suite: &Suite, host: &str) -> String {
    let algorithm = suite.token.as_str();
    let second = match suite.token {
        JwsAlgorithm::RS256 => "",
        _ => "[[oidc.signing_key]]\nkey_file = \"rs256.key\"\nalgorithm = \"RS256\"\n",
    };
    format!(
        r#"profile = "test"
[server]
issuer = "http://{host}"
listen = "{listen}"
[database]
url = "sqlite:gateway.db"
[connector]
country = "XX"
organization = {{ name = "Bench", url = "https://bench.example" }}
support_contact = {{ email = "a@bench.example" }}
technical_contact = {{ email = "a@bench.example" }}
signing = {{ key_file = "signing.key", certificate_file = "signing.crt" }}
[[connector.encryption]]
key_file = "encryption.key"
certificate_file = "encryption.crt"
[oidc]
[[oidc.signing_key]]
key_file = "token.key"
algorithm = "{algorithm}"
{second}[subject]
key_file = "subject.key"
[logging]
level = "info"
[[country]]
code = "XA"
metadata_file = "node.xml"
anchor_files = ["node.crt"]
[[client]]
id = "bench"
name = "Bench"
secret_file = "client.secret"
redirect_uris = ["{REDIRECT}"]
sector = "public"
id_token_alg = "{algorithm}"
"#,
        listen = host.replace("localhost", "127.0.0.1"),
    )
}

fn request(name: &str, usage: KeyUsage) -> CertificateRequest {
    let now = SystemClock.now();
    CertificateRequest {
        common_name: name.to_owned(),
        organization: None,
        country: None,
        not_before: now - Duration::from_secs(60),
        not_after: now + Duration::from_secs(86_400),
        usage,
    }
}

/// The gateway, ended when dropped.
struct Gateway(Child);

impl Gateway {
    fn start(config: &PathBuf) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_eidas-gateway"))
            .args(["serve", "--config"])
            .arg(config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the gateway can be started");
        Self(child)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn cookie_of(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").expect("a cookie");
    cookie.split(';').next().unwrap_or_default().to_owned()
}

/// The path and query of an address of the gateway.
fn path_of(address: &str) -> String {
    let path = match address.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => address,
    };
    path.replace("&amp;", "&").replace("&#38;", "&")
}

fn base64_url(octets: &[u8]) -> String {
    encode_block(octets).replace('+', "-").replace('/', "_").replace('=', "")
}
