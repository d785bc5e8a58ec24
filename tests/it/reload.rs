//! Changes of the configuration while the gateway runs. The gateway is stepped: nothing waits for a file to be
//! noticed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::http::StatusCode;
use eidas_gateway::app::Gateway;
use eidas_gateway::audit::Memory;
use eidas_gateway::clock::{Clock as _, SystemClock};
use eidas_gateway::config::Config;
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::jobs::Surroundings;
use eidas_gateway::store;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::lifecycle::Publisher;
use crate::support::get;

/// A gateway that is configured by files in a folder of its own.
struct Configured {
    file: PathBuf,
    gateway: Gateway,
    router: Router,
    audit: Arc<Memory>,
}

impl Configured {
    async fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reload").join(name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let init = Command::new(env!("CARGO_BIN_EXE_eidas-gateway"))
            .args(["init", folder.to_str().unwrap(), "--issuer", "http://localhost:8080"])
            .output();
        assert!(init.unwrap().status.success());
        let file = folder.join("gateway.toml");
        let (config, opened) = Config::load(&file, SystemClock.now() + Duration::from_secs(1)).unwrap();
        let audit = Arc::new(Memory::default());
        let with = Surroundings {
            store: store::open("sqlite::memory:").await.unwrap(),
            fetch: Arc::new(Publisher::default()),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            audit: audit.clone(),
        };
        let gateway = Gateway::start(with, file.clone(), config, opened).await.unwrap();
        let router = gateway.router();
        Self { file, gateway, router, audit }
    }

    /// Changes the configuration as an editor does.
    fn edit(&self, change: impl FnOnce(String) -> String) {
        let text = fs::read_to_string(&self.file).unwrap();
        fs::write(&self.file, change(text)).unwrap();
    }

    /// What the gateway says of a client that asks for nothing but to be known.
    async fn knows(&self, client: &str) -> bool {
        let path = format!("/authorize?client_id={client}&redirect_uri=https%3A%2F%2Fnew.example%2Fcb");
        let answer = self.router.clone().oneshot(get(&path)).await.unwrap();
        // A client that is known hears of its mistakes at its own address.
        answer.status() == StatusCode::SEE_OTHER
    }

    /// What was last told of the configuration.
    fn last_event(&self) -> Value {
        let lines = self.audit.lines();
        let line = lines.iter().rev().find(|line| line.contains("\"configuration_")).unwrap();
        serde_json::from_str(line).unwrap()
    }
}

const CLIENT: &str = "
[[client]]
id = \"new\"
name = \"New\"
sector = \"public\"
redirect_uris = [\"https://new.example/cb\"]
secret_hash = \"0000000000000000000000000000000000000000000000000000000000000000\"
";

#[tokio::test]
async fn a_changed_file_is_taken_over_and_a_faulty_one_changes_nothing() {
    let mut configured = Configured::new("client").await;
    configured.gateway.look_for_changes(false).await;
    assert_eq!(configured.audit.lines(), Vec::<String>::new());
    assert!(!configured.knows("new").await);

    configured.edit(|text| format!("{text}{CLIENT}"));
    configured.gateway.look_for_changes(false).await;
    assert!(configured.knows("new").await);
    let event = configured.last_event();
    assert_eq!((&event["event"], &event["needs_restart"]), (&json!("configuration_reloaded"), &json!([])));

    configured.edit(|text| text.replace("id = \"new\"", "id = \"newer\"\nmistake = true"));
    configured.gateway.look_for_changes(false).await;
    assert!(configured.knows("new").await && !configured.knows("newer").await);
    let event = configured.last_event();
    assert_eq!(event["event"], "configuration_refused");
    assert!(event["faults"].to_string().contains("mistake"), "{event}");
    // It is told once, not at every look.
    configured.gateway.look_for_changes(false).await;
    assert_eq!(configured.audit.lines().iter().filter(|line| line.contains("configuration_")).count(), 2);

    configured.edit(|text| text.replace("\nmistake = true", ""));
    configured.gateway.look_for_changes(false).await;
    assert!(!configured.knows("new").await && configured.knows("newer").await);

    // A file that is referred to before it is there.
    let (hash, file) = (CLIENT.lines().last().unwrap(), "secret_file = \"late.secret\"");
    configured.edit(|text| text.replace(hash, file));
    configured.gateway.look_for_changes(false).await;
    assert_eq!(configured.last_event()["event"], "configuration_refused");
    fs::write(
        configured.file.with_file_name("late.secret"),
        "a-secret-that-is-long-enough-to-be-one-of-a-client",
    )
    .unwrap();
    configured.gateway.look_for_changes(false).await;
    let event = configured.last_event();
    assert_eq!(event["event"], "configuration_reloaded", "{event}");
}

#[tokio::test]
async fn keys_are_exchanged_and_what_needs_a_restart_is_named() {
    let mut configured = Configured::new("keys").await;
    let jwks = async |configured: &Configured| {
        let answer = configured.router.clone().oneshot(get("/jwks")).await.unwrap();
        to_bytes(answer.into_body(), usize::MAX).await.unwrap()
    };
    let before = jwks(&configured).await;
    let folder = configured.file.parent().unwrap();
    let other = Configured::new("keys-of-another").await;
    let (from, to) = (other.file.parent().unwrap().join("keys"), folder.join("keys"));
    for key in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        fs::copy(&key, to.join(key.file_name().unwrap())).unwrap();
    }
    configured.edit(|text| text.replacen("[server]", "[server]\nshutdown_seconds = 7", 1));
    configured.gateway.look_for_changes(false).await;
    let event = configured.last_event();
    assert_eq!(event["needs_restart"], json!(["server.shutdown_seconds"]), "{event}");
    let after = jwks(&configured).await;
    assert!(before != after && after == jwks(&other).await);
    // On SIGHUP everything is read anew, changed or not.
    let lines = configured.audit.lines().len();
    configured.gateway.look_for_changes(true).await;
    assert_eq!(configured.audit.lines().len(), lines + 1);
}
