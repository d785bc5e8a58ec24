//! Clients in the database: the commands, and a running gateway that takes over what they do. The gateway is
//! stepped: nothing waits for a look at the database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eidas_gateway::app::Gateway;
use eidas_gateway::audit::Memory;
use eidas_gateway::clock::{Clock as _, FixedClock, SystemClock};
use eidas_gateway::config::Config;
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::jobs::Surroundings;
use eidas_gateway::store;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::fresh_postgres::Fresh;
use crate::lifecycle::Publisher;
use crate::support::{get, post};

/// A gateway with a database that commands can reach.
struct Deployment {
    folder: PathBuf,
    gateway: Gateway,
    router: Router,
    clock: Arc<FixedClock>,
}

impl Deployment {
    /// `database`: its address; without one, a file.
    async fn new(name: &str, database: Option<&str>) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let program = env!("CARGO_BIN_EXE_eidas-gateway");
        let init = Command::new(program).args(["init", folder.to_str().unwrap()]).output().unwrap();
        assert!(init.status.success());
        let file = folder.join("gateway.toml");
        if let Some(url) = database {
            let text = fs::read_to_string(&file).unwrap();
            assert!(text.contains("sqlite:gateway.db"));
            fs::write(&file, text.replace("sqlite:gateway.db", url)).unwrap();
        }
        let clock = Arc::new(FixedClock::new(SystemClock.now() + Duration::from_secs(1)));
        let (config, opened) = Config::load(&file, clock.now()).unwrap();
        let with = Surroundings {
            store: store::open(opened.database.expose()).await.unwrap(),
            fetch: Arc::new(Publisher::default()),
            clock: clock.clone(),
            random: Arc::new(SystemRandom),
            audit: Arc::new(Memory::default()),
        };
        let gateway = Gateway::start(with, file, config, opened).await.unwrap();
        let router = gateway.router();
        Self { folder, gateway, router, clock }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let config = self.folder.join("gateway.toml");
        let program = env!("CARGO_BIN_EXE_eidas-gateway");
        let arguments = [&["clients"], arguments, &["--config", config.to_str().unwrap()]].concat();
        Command::new(program).args(arguments).output().unwrap()
    }

    /// What a command prints as JSON, and the audit events that it tells.
    fn json(&self, arguments: &[&str]) -> (Value, Vec<Value>) {
        let output = self.run(&[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        (serde_json::from_slice(&output.stdout).unwrap(), events(&output))
    }

    fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()));
        String::from_utf8(output.stderr).unwrap()
    }

    /// Whether the gateway takes the client's secret: then it is the code that it does not know.
    async fn takes(&self, id: &str, secret: &str) -> bool {
        let form = [("grant_type", "authorization_code"), ("code", "x"), ("redirect_uri", REDIRECT)];
        let mut request = post("/token", &form);
        let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
        request.headers_mut().insert(header::AUTHORIZATION, basic.parse().unwrap());
        match self.router.clone().oneshot(request).await.unwrap().status() {
            StatusCode::BAD_REQUEST => true,
            StatusCode::UNAUTHORIZED => false,
            other => panic!("{other}"),
        }
    }

    /// Whether the gateway sends somebody back to the client's own address.
    async fn knows(&self, id: &str) -> bool {
        let path = format!("/authorize?client_id={id}&redirect_uri=https%3A%2F%2Fkc.example%2Fcb");
        let answer = self.router.clone().oneshot(get(&path)).await.unwrap();
        answer.status() == StatusCode::SEE_OTHER
    }
}

fn events(output: &Output) -> Vec<Value> {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

const REDIRECT: &str = "https://kc.example/cb";
const OPTIONS: &[&str] = &[
    "add",
    "--id",
    "kc",
    "--name",
    "Keycloak",
    "--sector",
    "public",
    "--preset",
    "keycloak",
    "--redirect-uri",
    REDIRECT,
];

#[tokio::test]
async fn a_running_gateway_follows_what_happens_to_a_client_in_a_file() {
    follows(Deployment::new("follows", None).await).await;
}

#[tokio::test]
async fn a_running_gateway_follows_what_happens_to_a_client_on_a_server() {
    let test = "a_running_gateway_follows_what_happens_to_a_client_on_a_server";
    let Some(fresh) = Fresh::new(test).await else { return };
    follows(Deployment::new("follows-server", Some(&fresh.url())).await).await;
}

async fn follows(mut deployment: Deployment) {
    assert!(!deployment.knows("kc").await);
    let (added, events) = deployment.json(OPTIONS);
    let first = added["client_secret"].as_str().unwrap().to_owned();
    assert_eq!((added["client_id"].as_str(), first.len()), (Some("kc"), 43));
    assert_eq!((&events[0]["event"], &events[0]["client"]), (&"client_added".into(), &"kc".into()));
    assert!(!deployment.knows("kc").await);
    deployment.gateway.look_for_changes(false).await;
    assert!(deployment.knows("kc").await && deployment.takes("kc", &first).await);
    assert!(!deployment.takes("kc", "another-secret").await);

    // Both secrets count for an hour; nothing else happens in between.
    let (rotated, events) = deployment.json(&["rotate-secret", "kc", "--keep-old-for", "1h"]);
    let second = rotated["client_secret"].as_str().unwrap().to_owned();
    assert_eq!(events[0]["event"], "client_secret_rotated");
    assert_eq!(events[0]["before_until"], rotated["former_secret_until"]);
    deployment.gateway.look_for_changes(false).await;
    assert!(deployment.takes("kc", &first).await && deployment.takes("kc", &second).await);
    deployment.clock.advance(Duration::from_secs(3700));
    deployment.gateway.look_for_changes(false).await;
    assert!(!deployment.takes("kc", &first).await && deployment.takes("kc", &second).await);

    // At once, while the configuration is faulty.
    let file = deployment.folder.join("gateway.toml");
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{good}\nmistake = 1\n")).unwrap();
    deployment.gateway.look_for_changes(false).await;
    fs::write(&file, &good).unwrap();
    assert!(deployment.run(&["disable", "kc"]).status.success());
    fs::write(&file, format!("{good}\nmistake = 1\n")).unwrap();
    deployment.gateway.look_for_changes(true).await;
    deployment.gateway.look_for_changes(false).await;
    assert!(!deployment.knows("kc").await && !deployment.takes("kc", &second).await);
    fs::write(&file, &good).unwrap();
    let enabled = deployment.run(&["enable", "kc"]);
    assert_eq!(self::events(&enabled)[0]["event"], "client_enabled");
    deployment.gateway.look_for_changes(true).await;
    assert!(deployment.knows("kc").await && deployment.takes("kc", &second).await);
}

#[tokio::test]
async fn clients_are_listed_and_shown_without_their_secrets() {
    let deployment = Deployment::new("listed", None).await;
    let (added, _) = deployment.json(OPTIONS);
    let secret = added["client_secret"].as_str().unwrap();
    let (listed, events) = deployment.json(&["list"]);
    let clients = listed["clients"].as_array().unwrap();
    let last = clients.last().unwrap();
    assert_eq!(
        (&last["id"], &last["source"], &last["enabled"]),
        (&"kc".into(), &"database".into(), &true.into())
    );
    assert_eq!((&last["left_out"], events.len()), (&Value::Array(Vec::new()), 0));
    let (shown, _) = deployment.json(&["show", "kc"]);
    assert!(shown["block"].as_str().unwrap().contains("preset = \"keycloak\""));
    for arguments in [&["list"][..], &["show", "kc"], &["show", "kc", "--json"]] {
        let output = deployment.run(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains("kc") && !text.contains(secret), "{text}");
    }
    // Nor does the file hold it.
    for file in ["gateway.db", "gateway.db-wal"] {
        let octets = fs::read(deployment.folder.join(file)).unwrap_or_default();
        assert!(!octets.windows(secret.len()).any(|window| window == secret.as_bytes()), "{file}");
    }
}

#[tokio::test]
async fn what_cannot_be_done_to_a_client_is_said() {
    let deployment = Deployment::new("refused", None).await;
    let file = deployment.folder.join("gateway.toml");
    let text = fs::read_to_string(&file).unwrap();
    let client = "[[client]]\nid = \"mine\"\nname = \"Mine\"\nsector = \"public\"\n\
        redirect_uris = [\"https://mine.example/cb\"]\nauthentication = \"none\"\n";
    fs::write(&file, format!("{text}\n{client}")).unwrap();
    let block = deployment.folder.join("block.toml");
    let add = |text: &str| {
        fs::write(&block, text).unwrap();
        deployment.refusal(&["add", block.to_str().unwrap()])
    };
    let configured = "the client mine stands in the configuration file: change it there\n";
    assert_eq!(add(client), configured);
    assert_eq!(deployment.refusal(&["disable", "mine"]), configured);
    let faulty = add(&client.replace("https", "http"));
    assert!(faulty.contains("block.toml:5:18: client[0].redirect_uris[0]: "), "{faulty}");
    assert_eq!(deployment.refusal(&["show", "nobody"]), "there is no client nobody\n");
    deployment.json(OPTIONS);
    let taken = deployment.refusal(OPTIONS);
    assert!(taken.starts_with("there is a client kc in the database"), "{taken}");
    // A public client has nothing to rotate.
    fs::write(&block, client.replace("mine", "app")).unwrap();
    let (added, _) = deployment.json(&["add", block.to_str().unwrap()]);
    assert_eq!((&added["client_id"], &added["client_secret"]), (&"app".into(), &Value::Null));
    assert_eq!(deployment.refusal(&["rotate-secret", "app"]), "the client app has no secret\n");
    // The configuration that takes an id later has it; the doctor tells.
    fs::write(&file, format!("{text}\n{}", client.replace("mine", "kc"))).unwrap();
    let (listed, _) = deployment.json(&["list"]);
    let reasons = listed["clients"].as_array().unwrap().last().unwrap()["left_out"].to_string();
    assert!(reasons.contains("stands in the configuration"), "{listed}");
}
