//! The command line from outside: the program is run, its output and exit code are what is tested.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use eidas_gateway::clock::{Clock as _, SystemClock, Timestamp};
use eidas_gateway::config::Config;
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::node::MemberState;
use serde_json::{Value, json};

pub(crate) fn gateway(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eidas-gateway"));
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Runs a `check` command: its exit code and the one JSON object that it prints.
pub(crate) fn check(arguments: &[&str]) -> (i32, Value) {
    let output = gateway(arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    let verdict = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{arguments:?}: {text}{complaint}"));
    (output.status.code().unwrap(), verdict)
}

/// A new, empty folder.
pub(crate) fn folder(name: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli").join(format!("{name}-{count}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A key for RS256, made once.
fn token_key() -> &'static [u8] {
    static KEY: OnceLock<Vec<u8>> = OnceLock::new();
    KEY.get_or_init(|| {
        let file = folder("token").join("token.key");
        let made = gateway(&["keys", "generate", "--for", "token", "--key", text(&file)]);
        assert!(made.status.success());
        fs::read(file).unwrap()
    })
}

/// A set of messages recorded from the CEF node (tests/vectors/cef-2.9), and a gateway.toml for its keys.
pub(crate) struct Recorded {
    pub(crate) messages: PathBuf,
    pub(crate) config: PathBuf,
}

impl Recorded {
    fn new(set: &str, proxy: &str, connector: &str, encryption: &str) -> Self {
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/cef-2.9");
        let (keys, messages) = (vectors.join("keys"), vectors.join(set));
        let folder = folder(&format!("recorded-{set}"));
        fs::write(folder.join("subject.key"), "00".repeat(32)).unwrap();
        fs::write(folder.join("token.key"), token_key()).unwrap();
        let pair = |name: &str| {
            let keys = keys.display();
            format!("key_file = '{keys}/{name}.pk8'\ncertificate_file = '{keys}/{name}.crt'")
        };
        let config = format!(
            "profile = 'test'
[server]
issuer = 'http://localhost:9000'
[connector]
country = 'XB'
entity_id = 'http://localhost:9000/metadata'
acs_url = 'http://localhost:9000/acs'
organization = {{ name = 'Rig', url = 'http://localhost:9000' }}
support_contact = {{ email = 'rig@example.org' }}
technical_contact = {{ email = 'rig@example.org' }}
[connector.signing]
{signing}
[[connector.encryption]]
{encryption}
[[oidc.signing_key]]
key_file = 'token.key'
algorithm = 'RS256'
[subject]
key_file = 'subject.key'
[[country]]
code = 'XA'
metadata_file = '{messages}/proxy-metadata.xml'
anchor_files = ['{keys}/{proxy}.crt']
[[client]]
id = 'broker'
name = 'Broker'
secret_hash = '{hash}'
redirect_uris = ['https://broker.example.org/cb']
sector = 'public'
",
            signing = pair(connector),
            encryption = pair(encryption),
            messages = messages.display(),
            keys = keys.display(),
            hash = "00".repeat(32),
        );
        let file = folder.join("gateway.toml");
        fs::write(&file, config).unwrap();
        Self { messages, config: file }
    }

    pub(crate) fn ec() -> Self {
        Self::new("p-ec_c-ec_enc-rsa3072", "proxy-sig-ec", "conn-sig-ec", "conn-enc-rsa")
    }

    fn message(&self, name: &str) -> String {
        text(&self.messages.join(name)).to_owned()
    }

    /// `response check` of `response` against the recorded request, `seconds` after it was issued.
    fn judge(&self, response: &str, seconds: i64, more: &[&str]) -> (i32, Value) {
        let xml = fs::read_to_string(self.messages.join(response)).unwrap();
        let issued = xml.split("IssueInstant=\"").nth(1).unwrap().split('"').next().unwrap();
        let at = Timestamp::parse(issued).unwrap();
        let at = Timestamp::from_millis(at.millis() + seconds * 1000).to_string();
        let response = self.message(response);
        let mut arguments =
            vec!["response", "check", "--config", text(&self.config), "--response", &response, "--at", &at];
        arguments.extend(more);
        check(&arguments)
    }

    fn judge_with_request(&self, response: &str, seconds: i64) -> (i32, Value) {
        let request = self.message("authnrequest.xml");
        self.judge(response, seconds, &["--request", &request])
    }
}

#[test]
fn recorded_responses_become_claims_as_of_their_own_time() {
    let sets = [
        ("p-ec_c-ec_enc-rsa3072", "proxy-sig-ec", "conn-sig-ec", "conn-enc-rsa"),
        ("p-rsa_c-rsa_enc-rsa3072", "proxy-sig-rsa", "conn-sig-rsa", "conn-enc-rsa"),
        ("p-ec_c-ec_enc-ecP384", "proxy-sig-ec", "conn-sig-ec", "conn-enc-ec"),
    ];
    for (set, proxy, connector, encryption) in sets {
        let recorded = Recorded::new(set, proxy, connector, encryption);
        let (code, verdict) = recorded.judge_with_request("response.xml", 0);
        assert_eq!(
            (code, &verdict["verdict"], &verdict["outcome"]),
            (0, &json!("accepted"), &json!("authenticated")),
            "{set}: {verdict}"
        );
        assert_eq!(verdict["country"], "XA");
        assert_eq!(verdict["loa"], "http://eidas.europa.eu/LoA/high", "{verdict}");
        assert_eq!(verdict["judged_against_request"], true);
        let claims = verdict["claims"].as_object().unwrap();
        for claim in ["given_name", "family_name", "birthdate", "eidas_person_identifier", "eidas_country"] {
            assert!(claims.contains_key(claim), "{set}: {claim} in {verdict}");
        }
    }
}

#[test]
fn a_recorded_response_is_refused_when_its_time_is_over_or_has_not_come() {
    let recorded = Recorded::ec();
    let refused = |seconds| {
        let (code, verdict) = recorded.judge_with_request("response.xml", seconds);
        assert_eq!((code, verdict["verdict"].as_str()), (1, Some("refused")), "{seconds}: {verdict}");
        (verdict["rule"].clone(), verdict["code"].clone())
    };
    let accepted = |seconds| recorded.judge_with_request("response.xml", seconds).0 == 0;
    // The message is good for five minutes, and clocks may differ by one.
    assert!(accepted(-60) && accepted(359));
    assert_eq!(refused(-61), (json!("SEC-16"), json!("issued_in_the_future")));
    assert_eq!(refused(361), (json!("SEC-16"), json!("issued_too_long_ago")));
}

#[test]
fn a_recorded_failure_is_in_order_and_says_that_nobody_was_authenticated() {
    let (code, verdict) = Recorded::ec().judge_with_request("response-failure.xml", 0);
    assert_eq!(
        (code, &verdict["outcome"], &verdict["meaning"]),
        (0, &json!("declined"), &json!("cancelled"))
    );
    assert_eq!(verdict["second_status"], "urn:oasis:names:tc:SAML:2.0:status:AuthnFailed");
    assert!(verdict.get("claims").is_none());
}

#[test]
fn a_response_may_be_the_form_field_and_is_judged_without_its_request_too() {
    use base64::Engine as _;
    let recorded = Recorded::ec();
    let xml = fs::read(recorded.message("response.xml")).unwrap();
    let field = folder("form").join("field");
    fs::write(&field, base64::engine::general_purpose::STANDARD.encode(xml)).unwrap();
    let (code, verdict) = check(&[
        "response",
        "check",
        "--config",
        text(&recorded.config),
        "--response",
        text(&field),
        "--at",
        "2026-11-21T17:56:39Z",
    ]);
    assert_eq!((code, &verdict["judged_against_request"]), (0, &json!(false)), "{verdict}");
}

#[test]
fn what_breaks_a_recorded_response_is_named_by_its_rule() {
    let recorded = Recorded::ec();
    let xml = fs::read_to_string(recorded.message("response.xml")).unwrap();
    let folder = folder("broken");
    let judged = |name: &str, xml: &str| {
        let file = folder.join(name);
        fs::write(&file, xml).unwrap();
        let (code, verdict) = check(&[
            "response",
            "check",
            "--config",
            text(&recorded.config),
            "--response",
            text(&file),
            "--request",
            &recorded.message("authnrequest.xml"),
            "--at",
            "2026-11-21T17:56:39Z",
        ]);
        assert_eq!((code, verdict["verdict"].as_str()), (1, Some("refused")), "{name}: {verdict}");
        (verdict["rule"].as_str().map(str::to_owned), verdict["code"].as_str().unwrap().to_owned())
    };
    let rule = |rule: &str, code: &str| (Some(rule.to_owned()), code.to_owned());
    let changed = judged("changed", &xml.replace("consent:unspecified", "consent:obtained"));
    assert_eq!(changed, rule("SEC-12", "content_changed"));
    let stranger = judged("stranger", &xml.replace("EidasNodeProxy/ServiceMetadata", "Other"));
    assert_eq!(stranger, rule("SEC-14", "issuer_not_trusted"));
    assert_eq!(judged("nothing", "").1, "not_well_formed");
}

#[test]
fn a_request_that_we_did_not_sign_is_not_judged_against() {
    let recorded = Recorded::ec();
    let request = fs::read_to_string(recorded.message("authnrequest.xml")).unwrap();
    let forged = folder("forged").join("request.xml");
    fs::write(&forged, request.replace("LoA/substantial", "LoA/low")).unwrap();
    let (code, verdict) = recorded.judge("response.xml", 0, &["--request", text(&forged)]);
    assert_eq!((code, &verdict["code"]), (1, &json!("not_judged")));
}

#[test]
fn metadata_is_judged_by_the_anchors_of_its_own_country() {
    let recorded = Recorded::ec();
    let config = text(&recorded.config);
    let (node, other) = (recorded.message("proxy-metadata.xml"), recorded.message("connector-metadata.xml"));
    let (code, verdict) = check(&["metadata", "check", "--config", config, &node]);
    let document = &verdict["documents"][0];
    assert_eq!((code, &document["country"]), (0, &json!("XA")), "{verdict}");
    assert_eq!(document["levels_of_assurance"].as_array().unwrap().len(), 3);
    assert_eq!(document["application_identifier"], "eIDAS-ref:2.9.0");

    let (code, verdict) = check(&["metadata", "check", "--config", config, &node, &other]);
    assert_eq!((code, &verdict["code"]), (1, &json!("country_not_configured")));
    assert_eq!(verdict["documents"][0]["verdict"], "accepted");

    let keys = recorded.messages.parent().unwrap().join("keys");
    let anchor = |name: &str| text(&keys.join(name)).to_owned();
    let with = |anchor: &str, country: &str| {
        check(&["metadata", "check", "--anchor", anchor, "--country", country, &node]).0
    };
    assert_eq!(with(&anchor("proxy-sig-ec.crt"), "XA"), 0);
    assert_eq!(with(&anchor("proxy-sig-rsa.crt"), "XA"), 1);
    assert_eq!(with(&anchor("proxy-sig-ec.crt"), "XB"), 1);
    let expired = ["metadata", "check", "--config", config, "--at", "2036-11-19T00:00:00Z", &node];
    // By then our own certificates have expired as well, and nothing is judged by such a configuration.
    assert_eq!(check(&expired).1["code"], "not_judged");
}

#[test]
fn a_request_is_built_and_metadata_is_published() {
    let recorded = Recorded::ec();
    let config = text(&recorded.config);
    let built = gateway(&["request", "build", "--config", config, "--country", "XA", "--client", "broker"]);
    let xml = String::from_utf8(built.stdout).unwrap();
    assert!(built.status.success() && xml.starts_with("<saml2p:AuthnRequest "), "{xml}");
    assert!(xml.contains("http://eidas.europa.eu/LoA/substantial"));
    let published = gateway(&["metadata", "publish", "--config", config]);
    let xml = String::from_utf8(published.stdout).unwrap();
    assert!(
        published.status.success() && xml.contains("entityID=\"http://localhost:9000/metadata\""),
        "{xml}"
    );
    let unknown = gateway(&["request", "build", "--config", config, "--country", "SE", "--client", "broker"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert_eq!(String::from_utf8(unknown.stderr).unwrap(), "there is no country SE in the configuration\n");
}

/// A port of this machine that is free for now.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// `init` in a new folder, for a gateway on `port`.
pub(crate) fn initialised(name: &str, port: u16) -> PathBuf {
    let folder = folder(name);
    let issuer = format!("http://localhost:{port}");
    let made =
        gateway(&["init", text(&folder), "--issuer", &issuer, "--organization", "Test \"organization\""]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
}

#[test]
fn init_writes_what_passes_the_check_and_nothing_over_what_is_there() {
    let folder = initialised("init", 8080);
    let config = folder.join("gateway.toml");
    assert_eq!(
        check(&["config", "check", "--config", text(&config)]),
        (0, json!({"verdict": "accepted", "faults": []}))
    );

    let secrets: Vec<_> =
        fs::read_dir(folder.join("keys")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(secrets.len(), 9);
    #[cfg(unix)]
    for file in secrets.iter().chain([&config]) {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }

    let before = fs::read(&config).unwrap();
    let again = gateway(&["init", text(&folder)]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8(again.stderr).unwrap().contains("gateway.toml: this file is there already"));
    assert_eq!(fs::read(&config).unwrap(), before);
}

#[test]
fn a_faulty_configuration_names_file_line_and_key_and_does_not_start() {
    let folder = initialised("faulty", free_port());
    let config = folder.join("gateway.toml");
    let sound = fs::read_to_string(&config).unwrap();
    let broken = sound
        .replace("sector = \"public\"", "sector = \"semi-public\"")
        .replace("keys/token.key", "keys/tokn.key");
    fs::write(&config, &broken).unwrap();
    let line = |key: &str| broken.lines().position(|line| line.contains(key)).unwrap() + 1;

    let (code, verdict) = check(&["config", "check", "--config", text(&config)]);
    let faults: Vec<_> = verdict["faults"].as_array().unwrap().iter().collect();
    assert_eq!((code, faults.len()), (1, 2), "{verdict}");
    let expected = [
        ("oidc.signing_key[0].key_file", "file_missing", line("tokn.key")),
        ("client[0].sector", "unknown_value", line("semi-public")),
    ];
    for (fault, (key, code, line)) in faults.iter().zip(expected) {
        assert_eq!(fault["file"], text(&config));
        assert_eq!(
            (&fault["key"], &fault["code"], &fault["line"]),
            (&json!(key), &json!(code), &json!(line))
        );
    }
    let served = gateway(&["serve", "--config", text(&config)]);
    let complaint = String::from_utf8(served.stderr).unwrap();
    assert_eq!((served.status.code(), complaint.lines().count()), (Some(1), 3), "{complaint}");
    assert!(complaint.ends_with("\n    docs/configuration.md\n"), "{complaint}");
    assert!(complaint.starts_with(&format!("{}:{}:", config.display(), line("tokn.key"))), "{complaint}");
}

#[test]
fn a_port_that_is_taken_or_a_database_that_is_none_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let folder = initialised("database", port);
    let config = folder.join("gateway.toml");
    let complaint = || {
        let served = gateway(&["serve", "--config", text(&config)]);
        assert_eq!(served.status.code(), Some(1));
        String::from_utf8(served.stderr).unwrap()
    };
    let expected = format!(
        "cannot serve: cannot listen on 127.0.0.1:{port}: Address already in use (os error 98); another program \
         listens there: end it, or change server.listen\n    docs/operations.md#install-and-start\n"
    );
    assert_eq!(complaint(), expected);
    drop(taken);
    fs::write(
        folder.join("gateway.db"),
        "no database, but a text that is longer than a header of SQLite is long, which is a hundred octets",
    )
    .unwrap();
    let said = complaint();
    assert!(said.contains("gateway.db") && said.contains("corrupt"), "{said}");
    assert!(said.ends_with(" (database.url)\n    docs/operations.md#the-database\n"), "{said}");
}

#[test]
#[cfg(unix)]
fn serve_answers_and_stops_when_it_is_told_to() {
    use std::io::{Read as _, Write as _};
    let port = free_port();
    let folder = initialised("serve", port);
    let log = fs::File::create(folder.join("log")).unwrap();
    let mut running = Command::new(env!("CARGO_BIN_EXE_eidas-gateway"))
        .args(["serve", "--config", text(&folder.join("gateway.toml"))])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut connection = loop {
        match std::net::TcpStream::connect(("127.0.0.1", port)) {
            Ok(connection) => break connection,
            Err(_) => assert_eq!(running.try_wait().unwrap(), None, "it ended before it answered"),
        }
    };
    let request = format!(
        "GET /.well-known/openid-configuration HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(&format!("\"issuer\":\"http://localhost:{port}\"")), "{answer}");

    let told = Command::new("kill").args(["-TERM", &running.id().to_string()]).status().unwrap();
    assert!(told.success());
    assert_eq!(running.wait().unwrap().code(), Some(0));
    let log = fs::read_to_string(folder.join("log")).unwrap();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["level"].is_string() && line["timestamp"].is_string(), "{line}");
    }
    assert!(log.contains("\"listening\"") && log.contains("\"stopped\""), "{log}");
}

#[test]
fn keys_are_made_once_and_listed() {
    let folder = initialised("keys", 8080);
    let (key, certificate) = (folder.join("new.key"), folder.join("new.crt"));
    let arguments = [
        "keys",
        "generate",
        "--for",
        "signing",
        "--kind",
        "brainpool-p384r1",
        "--key",
        text(&key),
        "--certificate",
        text(&certificate),
        "--country",
        "SE",
    ];
    assert!(gateway(&arguments).status.success());
    assert!(fs::read_to_string(&certificate).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(gateway(&arguments).status.code(), Some(1));
    let no_certificate = ["keys", "generate", "--for", "signing", "--key", text(&key)];
    assert_eq!(gateway(&no_certificate).status.code(), Some(2));

    let config = folder.join("gateway.toml");
    let text_of = fs::read_to_string(&config).unwrap();
    fs::write(&config, text_of.replace("keys/signing.key", "new.key").replace("keys/signing.crt", "new.crt"))
        .unwrap();
    let listed = gateway(&["keys", "list", "--config", text(&config)]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    let rows: Vec<_> =
        listed.lines().map(|line| line.split_whitespace().take(3).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(
        rows,
        [
            "signing EC brainpoolP384r1",
            "encryption RSA 3072",
            "metadata-signing EC P-256",
            "token RS256 active",
            "subject version 1"
        ]
    );
}

#[test]
fn keys_are_rotated_by_plan_and_the_old_files_can_go_when_they_are_retired() {
    let folder = initialised("rotate", 8080);
    let config = folder.join("gateway.toml");
    let run = |arguments: &[&str]| {
        let output = gateway(&[&["keys"], arguments, &["--config", text(&config)]].concat());
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    };
    for usage in ["signing", "encryption", "metadata-signing"] {
        let (code, said) = run(&["rotate", usage]);
        assert_eq!(code, 0, "{said}");
        let (code, said) = run(&["rotate", usage]);
        assert!(code == 1 && said.contains("is under way already"), "{said}");
    }
    let (code, said) = run(&["rotate", "signing", "--after", "24"]);
    assert!(code == 1 && said.contains("under way"), "{said}");
    let (_, listed) = run(&["list"]);
    let rows: Vec<_> = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    let stages: Vec<_> = rows.iter().take(6).map(|row| format!("{} {}", row[0], row[3])).collect();
    let expected = [
        "signing active",
        "signing next,",
        "encryption active",
        "encryption next,",
        "metadata-signing active",
        "metadata-signing next,",
    ];
    assert_eq!(stages, expected, "{listed}");

    let planned = SystemClock.now();
    let at = |hours: u64| {
        Config::load(&config, planned + Duration::from_secs(3600 * hours)).map(|(_, opened)| opened)
    };
    let (now, later, last) =
        (at(0).unwrap().connector, at(48).unwrap().connector, at(721).unwrap().connector);
    assert_ne!(now.signing.certificate(), later.signing.certificate());
    assert_ne!(now.decryption[0].certificate(), later.decryption[0].certificate());
    assert_eq!(later.decryption[1].certificate(), now.decryption[0].certificate());
    assert_eq!(now.metadata_signing.certificate(), later.metadata_signing.certificate());
    assert_ne!(now.metadata_signing.certificate(), last.metadata_signing.certificate());
    assert_eq!((last.decryption.len(), last.extra_signing_certificates.len()), (1, 0));

    for name in ["signing", "encryption", "metadata"] {
        fs::remove_file(folder.join(format!("keys/{name}.key"))).unwrap();
        fs::remove_file(folder.join(format!("keys/{name}.crt"))).unwrap();
    }
    let faults = at(0).unwrap_err().0;
    assert!(faults.iter().all(|fault| fault.code == "file_missing"), "{faults:?}");
    assert!(at(721).is_ok());

    fs::write(folder.join("keys/rotation.toml"), "[[signing]]\nkey_file = 3").unwrap();
    assert_eq!(at(0).unwrap_err().0[0].code, "bad_rotation");
}

#[test]
fn a_leaked_key_is_replaced_at_once_by_the_next_one_if_there_is_one() {
    let folder = initialised("leaked", 8080);
    let config = folder.join("gateway.toml");
    let run = |arguments: &[&str]| {
        let output = gateway(&[&["keys"], arguments, &["--config", text(&config)]].concat());
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    };
    let ours = |minutes: u64| {
        let at = SystemClock.now() + Duration::from_secs(60 * minutes);
        Config::load(&config, at).unwrap().1.connector
    };
    let first = ours(0);
    // A change is under way, and the present key leaks: the next one is used now, and no third is made.
    let (code, said) = run(&["rotate", "signing"]);
    assert_eq!(code, 0, "{said}");
    let next = ours(0).extra_signing_certificates;
    let (code, said) = run(&["rotate", "signing", "--leaked"]);
    assert!(code == 0 && said.contains("the leaked one is published no more"), "{said}");
    assert!(said.contains("Ask every country to fetch our metadata now"), "{said}");
    let after = ours(0);
    assert_eq!((after.signing.certificate(), next.len()), (&next[0], 1));
    assert_eq!(after.extra_signing_certificates, []);

    // Without one under way a key is made. The leaked one decrypts as long as was said.
    let (code, said) = run(&["rotate", "encryption", "--leaked", "--keep", "30"]);
    assert!(code == 0 && said.contains("decrypts no more"), "{said}");
    let after = ours(0).decryption;
    assert_ne!(after[0].certificate(), first.decryption[0].certificate());
    assert_eq!(after[1].certificate(), first.decryption[0].certificate());
    assert_eq!((ours(28).decryption.len(), ours(31).decryption.len()), (2, 1));
    let (_, listed) = run(&["list"]);
    assert!(!listed.contains(&first.signing.certificate().fingerprint_hex()), "{listed}");

    for refused in [
        &["rotate", "signing", "--leaked", "--keep", "5"][..],
        &["rotate", "encryption", "--keep", "5"],
        &["rotate", "encryption", "--leaked", "--keep", "2881"],
    ] {
        let (code, said) = run(refused);
        assert!(code != 0 && said.contains("--keep"), "{refused:?}: {said}");
    }
}

#[test]
fn token_keys_are_rotated_by_plan_and_by_the_clock() {
    let folder = initialised("rotate_token", 8080);
    let config = folder.join("gateway.toml");
    let run = |arguments: &[&str]| {
        let output = gateway(&[&["keys"], arguments, &["--config", text(&config)]].concat());
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(said).unwrap())
    };
    let kids = |hours: u64| {
        let at = SystemClock.now() + Duration::from_secs(3600 * hours);
        let keys = Config::load(&config, at).unwrap().1.token_keys.at(at);
        keys.all().iter().map(|key| key.kid().to_owned()).collect::<Vec<_>>()
    };
    let first = kids(0);
    for refused in [
        &["rotate", "token", "--after", "24"][..],
        &["rotate", "token", "--algorithm", "ES256"],
        &["rotate", "token", "--leaked", "--keep", "5"],
        &["rotate", "signing", "--algorithm", "RS256"],
        &["rotate", "signing", "--key", "keys/signing.key"],
    ] {
        let (code, said) = run(refused);
        assert_eq!(code, 1, "{refused:?}: {said}");
    }
    assert_eq!(kids(0), first);
    let (code, said) = run(&["rotate", "token"]);
    assert!(code == 0 && said.contains("/jwks shows it beside the present one"), "{said}");
    let (code, said) = run(&["rotate", "token", "--algorithm", "RS256"]);
    assert!(code == 1 && said.contains("is under way already"), "{said}");
    let both = kids(0);
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    assert_eq!(kids(49), [both[1].clone(), both[0].clone()]);
    assert_eq!(kids(48 + 26), both[1..]);
    let (_, listed) = run(&["list"]);
    let rows = listed.lines().filter(|line| line.starts_with("token"));
    let rows: Vec<_> = rows.map(|row| row.split_whitespace().nth(2).unwrap()).collect();
    assert_eq!(rows, ["active", "next,"], "{listed}");

    // It leaks: the next one is used at once.
    let (code, said) = run(&["rotate", "token", "--leaked"]);
    assert!(code == 0 && said.contains("the leaked one is published no more"), "{said}");
    assert_eq!(kids(0), both[1..]);

    // By the clock: 30 days later a key is planned, once, and used when the time of the present one is over.
    let plan = |hours: u64| {
        let now = SystemClock.now() + Duration::from_secs(3600 * hours);
        eidas_gateway::app::rotate_token_keys(&config, now).unwrap().len()
    };
    assert_eq!(plan(24 * 400), 0);
    let written = fs::read_to_string(&config).unwrap();
    fs::write(&config, written.replace("[oidc]", "[oidc]\nrotate_after_days = 30")).unwrap();
    let day = 24;
    assert_eq!((plan(27 * day), kids(27 * day).len()), (0, 1));
    assert_eq!((plan(28 * day), kids(28 * day + 1).len()), (1, 2));
    assert_eq!(plan(28 * day), 0);
    assert_eq!((kids(30 * day - 1)[0].clone(), kids(30 * day + 1)[0] == both[1]), (both[1].clone(), false));
    // Another instance that was as quick takes the same key.
    let rotation = folder.join("keys/rotation.toml");
    let planned = kids(31 * day);
    let text = fs::read_to_string(&rotation).unwrap();
    fs::write(&rotation, text.rsplit_once("[[token]]").unwrap().0).unwrap();
    assert_eq!((plan(28 * day), kids(31 * day)), (1, planned));
    // A faulty plan is a fault of the configuration.
    fs::write(&rotation, text.replace("RS256", "ES256")).unwrap();
    assert_eq!(Config::load(&config, SystemClock.now()).unwrap_err().0[0].code, "bad_rotation");
}

#[test]
fn the_doctor_names_each_finding_and_the_page_that_helps() {
    let folder = initialised("doctor", 8080);
    let config = folder.join("gateway.toml");
    let examine = || check(&["doctor", "--json", "--config", text(&config)]);
    let codes = |findings: &Value| -> Vec<String> {
        let findings = findings["findings"].as_array().unwrap();
        findings
            .iter()
            .map(|f| [f["severity"].as_str().unwrap(), f["code"].as_str().unwrap()].join(" "))
            .collect()
    };
    let (code, found) = examine();
    let new = ["warning no_country", "info no_database", "info http_issuer", "info no_check_value"];
    assert_eq!((code, codes(&found)), (1, new.map(str::to_owned).to_vec()));
    assert!(!folder.join("gateway.db").exists());

    // Our certificates, made to end in 45, 20 and 3 days.
    for (name, days, severity) in
        [("signing", 45, "info"), ("encryption", 20, "warning"), ("metadata", 3, "error")]
    {
        for ending in ["key", "crt"] {
            fs::remove_file(folder.join(format!("keys/{name}.{ending}"))).unwrap();
        }
        let path = |ending: &str| folder.join(format!("keys/{name}.{ending}")).to_str().unwrap().to_owned();
        let (key, certificate, days) = (path("key"), path("crt"), days.to_string());
        let made = gateway(&[
            "keys",
            "generate",
            "--for",
            name,
            "--key",
            &key,
            "--certificate",
            &certificate,
            "--days",
            &days,
        ]);
        assert!(made.status.success());
        let (_, found) = examine();
        assert!(codes(&found).contains(&format!("{severity} expires")), "{found}");
    }
    let (code, found) = examine();
    let mut expected = vec!["error expires", "warning expires", "warning no_country", "info expires"];
    expected.extend(&new[1..]);
    assert_eq!((code, codes(&found)), (1, expected.into_iter().map(str::to_owned).collect()));
    assert_eq!(found["findings"][0]["page"], "docs/operations.md#changing-keys");

    fs::write(folder.join("gateway.db"), "this is no database, and long enough to be none").unwrap();
    assert!(codes(&examine().1).contains(&"error database_unusable".to_owned()));
    fs::remove_file(folder.join("keys/signing.key")).unwrap();
    let (code, found) = examine();
    assert_eq!((code, codes(&found)), (1, vec!["error file_missing".to_owned()]));
}

#[test]
fn the_doctor_tells_when_the_keys_of_a_client_cannot_be_fetched() {
    let folder = initialised("doctor-keys", 8080);
    let config = folder.join("gateway.toml");
    let block = "
[[client]]
id = \"signs\"
name = \"Signs\"
authentication = \"private_key_jwt\"
assertion_alg = \"ES256\"
jwks_uri = \"https://169.254.169.254/jwks\"
redirect_uris = [\"https://signs.example/cb\"]
sector = \"public\"
";
    fs::write(&config, fs::read_to_string(&config).unwrap() + block).unwrap();
    let (_, found) = check(&["doctor", "--online", "--json", "--config", text(&config)]);
    let findings = found["findings"].as_array().unwrap();
    let of_client = findings.iter().find(|finding| finding["code"] == "client_keys_unreachable").unwrap();
    let expected = "client signs: its keys cannot be fetched from https://169.254.169.254/jwks: \
                    169.254.169.254 is a private address";
    assert_eq!((&of_client["severity"], &of_client["message"]), (&json!("error"), &json!(expected)));
}

#[test]
fn an_operator_sees_what_is_trusted_and_approves_what_changes_it() {
    let folder = initialised("trusted", 8080);
    let config = folder.join("gateway.toml");
    let now = SystemClock.now();
    let node = |base: &str| MemberState::xb(base, now, &SystemRandom).unwrap();
    let (first, second) = (node("https://first.example"), node("https://second.example"));
    let publish = |node: &MemberState| {
        fs::write(folder.join("xb.xml"), node.metadata(now, &SystemRandom).unwrap()).unwrap();
    };
    let anchors = [&first, &second].map(|node| node.signing.certificate().pem()).concat();
    fs::write(folder.join("xb.pem"), anchors).unwrap();
    let block = "\n[[country]]\ncode = \"XB\"\nmetadata_file = \"xb.xml\"\nanchor_files = [\"xb.pem\"]\nreview = true\n";
    fs::write(&config, fs::read_to_string(&config).unwrap() + block).unwrap();
    publish(&first);
    let metadata = |arguments: &[&str]| {
        check(&[&["metadata"], arguments, &["--json", "--config", text(&config)]].concat())
    };
    let country = |arguments: &[&str]| metadata(arguments).1["countries"][0].clone();

    assert_eq!(country(&["list"])["trusted"], false);
    assert_eq!(country(&["diff"])["new"], "https://first.example/metadata");
    assert_eq!(country(&["list"])["trusted"], false);
    assert_eq!(country(&["refresh", "XB"])["trusted"], true);
    let listed = country(&["list", "XB"]);
    assert_eq!(listed["entity_id"], "https://first.example/metadata");
    assert_eq!(
        (&listed["failures"], &listed["error"], &listed["pending"]),
        (&json!(0), &Value::Null, &Value::Null)
    );
    assert_eq!(country(&["diff"])["changes"], json!([]));

    publish(&second);
    let changes = country(&["diff"])["changes"].clone();
    let trust = changes.as_array().unwrap().iter().filter(|change| change["trust"] == true).count();
    assert!(trust >= 3, "{changes}");
    assert!(changes[0]["change"].as_str().unwrap().contains("https://second.example/metadata"), "{changes}");
    let waiting = country(&["refresh"]);
    assert_eq!(waiting["entity_id"], "https://first.example/metadata");
    let sha256 = waiting["pending"]["sha256"].as_str().unwrap().to_owned();
    let approve = |more: &[&str]| {
        let output = gateway(&[&["metadata", "approve", "XB", "--config", text(&config)], more].concat());
        (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    assert!(
        check(&["doctor", "--json", "--config", text(&config)]).1.to_string().contains("approval_pending")
    );
    assert_eq!(
        approve(&["--sha256", "00"]),
        (1, format!("what waits for approval has the SHA-256 {sha256}\n"))
    );
    let (code, said) = approve(&["--sha256", &sha256]);
    assert!(code == 0 && said.contains("citizens would be sent to https://second.example"), "{said}");
    assert_eq!(country(&["refresh"])["entity_id"], "https://second.example/metadata");
    assert_eq!(approve(&[]), (1, "nothing of XB waits for approval\n".to_owned()));

    fs::write(folder.join("xb.xml"), "<nothing/>").unwrap();
    let (code, refused) = metadata(&["diff"]);
    assert_eq!((code, &refused["countries"][0]["verdict"]), (1, &json!("refused")));
    let (code, kept) = metadata(&["refresh"]);
    assert_eq!((code, &kept["countries"][0]["entity_id"]), (1, &json!("https://second.example/metadata")));
    assert_eq!(kept["countries"][0]["failures"], 1);
    let unknown = gateway(&["metadata", "list", "SE", "--config", text(&config)]);
    assert_eq!(unknown.status.code(), Some(1));
}

#[test]
fn what_cannot_be_understood_exits_with_2() {
    for arguments in [
        &["frobnicate"][..],
        &[],
        &["response", "check"],
        &["metadata", "check", "x.xml"],
        &["response", "check", "--response", "x", "--at", "yesterday"],
        &["request", "build", "--country", "Sweden", "--client", "x"],
    ] {
        assert_eq!(gateway(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
