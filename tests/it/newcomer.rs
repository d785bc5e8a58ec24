//! What goes wrong first, and what is said about it: each row of "When it does not work" in docs/getting-started.md.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use axum::http::StatusCode;
use eidas_gateway::clock::{Clock as _, SystemClock};
use eidas_gateway::oidc::client::{ClientAuthentication, SecretHash, SecretPlace};
use serde_json::{Value, json};

use crate::cli::{check, folder, gateway, initialised, text};
use crate::support::{Browser, Decision, Log, REDIRECT, SECRET, World, authorize, get, post};

/// What the log says while `work` is done.
async fn logged<T>(work: impl Future<Output = T>) -> (T, String) {
    let log = Log::default();
    let _guard = log.capture();
    let done = work.await;
    (done, log.text())
}

#[tokio::test]
async fn a_wrong_redirect_uri_is_shown_beside_the_registered_ones_in_the_log_alone() {
    let world = World::new().await;
    let wrong = authorize(&[("redirect_uri", "https://broker.example/cb/?name=Anna")]);
    let (page, log) = logged(world.send(get(&wrong))).await;
    let expected =
        format!("https://broker.example/cb/?… was sent; redirect_uris of the client broker: {REDIRECT}");
    assert!(log.contains(&expected) && !log.contains("Anna"), "{log}");
    assert_eq!((page.status, page.text("code")), (StatusCode::BAD_REQUEST, "EG-1001".to_owned()));
    assert!(log.contains(&page.text("reference")), "{log}");
    assert!(!page.body.contains("broker.example") && !page.body.contains("registered ones"), "{}", page.body);
}

#[tokio::test]
async fn an_unknown_client_is_named_in_the_log_alone() {
    let world = World::new().await;
    let (page, log) = logged(world.send(get(&authorize(&[("client_id", "brokr")])))).await;
    assert!(log.contains("client_id brokr was sent, and no [[client]] block has it as its id"), "{log}");
    assert!(!page.body.contains("brokr"), "{}", page.body);
}

#[tokio::test]
async fn a_wrong_client_secret_is_told_from_a_wrong_way_of_sending_it_in_the_log_alone() {
    let set = |place| {
        World::with(move |client, _| {
            client.authentication = ClientAuthentication::Secret { place, hash: SecretHash::of(SECRET) };
        })
    };
    let form = |id: &'static str, secret: &'static str| {
        post("/token", &[("client_id", id), ("client_secret", secret)])
    };
    let rows = [
        (
            SecretPlace::Any,
            form("broker", "wrong"),
            "the secret is not the one of `secret_file` or `secret_hash`",
        ),
        (SecretPlace::Any, form("brokr", SECRET), "no [[client]] block has this id"),
        (
            SecretPlace::Basic,
            form("broker", SECRET),
            "the secret is right, but came in the form; its `authentication` is client_secret_basic",
        ),
    ];
    for (place, request, expected) in rows {
        let world = set(place).await;
        let (refused, log) = logged(world.send(request)).await;
        let answer = json!({"error": "invalid_client", "error_description": "client authentication failed"});
        assert_eq!((refused.status, refused.json()), (StatusCode::UNAUTHORIZED, answer));
        assert!(log.contains(&format!("client authentication failed: {expected}")), "{log}");
        assert!(log.contains("client=\"broker\"") != expected.contains("this id"), "{log}");
        assert!(!log.contains(SECRET) && !log.contains("wrong"), "{log}");
    }
}

#[tokio::test]
async fn a_broker_without_pkce_or_openid_is_told_what_to_switch_on() {
    let world = World::new().await;
    let rows = [
        (
            &[("code_challenge", ""), ("code_challenge_method", "")][..],
            "EG-1002",
            "code_challenge is missing: switch on PKCE with S256",
        ),
        (&[("scope", "profile")], "EG-1002", "scope must contain openid: let the client ask for it"),
    ];
    for (change, code, expected) in rows {
        let (sent, log) = logged(world.send(get(&authorize(change)))).await;
        let description = sent.redirect_parameter("error_description").unwrap();
        assert!(description.ends_with(expected), "{description}");
        assert!(log.contains(code) && log.contains(expected), "{log}");
    }
}

#[tokio::test]
async fn a_clock_that_is_off_is_told_by_both_times() {
    let world = World::new().await;
    let now = world.clock.now();
    for (off, rule) in [(-600, "issued_in_the_future"), (600, "issued_too_long_ago")] {
        world.clock.set(now);
        let browser = Browser::new(&world);
        let departure = browser.depart(&[]).await;
        let form = world.node_answers(&departure, Decision::Citizen("plain")).await;
        let second = Duration::from_secs(600);
        world.clock.set(if off < 0 { now - second } else { now + second });
        let here = world.clock.now();
        let (_, log) = logged(browser.post_from_node(&form)).await;
        assert!(log.contains(rule), "{log}");
        assert!(log.contains(&format!("it is {here}: compare the clocks")), "{log}");
    }
}

/// What a command says on standard error, and its exit code.
fn complaint(arguments: &[&str]) -> (Option<i32>, String) {
    let output = gateway(arguments);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_command_that_is_none_or_none_at_all_says_where_to_begin() {
    let (code, said) = complaint(&[]);
    assert_eq!(code, Some(2));
    assert!(said.contains("eidas-gateway init DIR, then docs/getting-started.md"), "{said}");
    let (code, said) = complaint(&["serv"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("'serve'"), "{said}");
}

#[test]
fn a_configuration_that_is_not_there_says_how_to_make_one() {
    let folder = folder("nothing");
    let file = folder.join("gateway.toml");
    let expected = format!(
        "{}:1:1: there is no such file; `eidas-gateway init DIR` makes one, and --config says where it is \
         [file_missing]\n    docs/configuration.md\n",
        file.display()
    );
    assert_eq!(complaint(&["serve", "--config", text(&file)]), (Some(1), expected));
    let (code, said) = complaint(&["serve", "--config", text(&folder)]);
    let expected = format!("this is a folder; the file in it is meant: --config {}", file.display());
    assert_eq!(code, Some(1));
    assert!(said.contains(&expected), "{said}");
}

/// The faults that `config check` finds after `change`: key, code and message.
fn faults(name: &str, change: impl FnOnce(&Path, String) -> String) -> Vec<[String; 3]> {
    let folder = initialised(name, 8080);
    let config = folder.join("gateway.toml");
    let changed = change(&folder, fs::read_to_string(&config).unwrap());
    fs::write(&config, changed).unwrap();
    let (_, verdict) = check(&["config", "check", "--config", text(&config)]);
    let words =
        |fault: &Value| ["key", "code", "message"].map(|name| fault[name].as_str().unwrap().to_owned());
    verdict["faults"].as_array().unwrap().iter().map(words).collect()
}

#[test]
fn a_fault_of_the_configuration_names_the_key_and_what_it_takes() {
    let secret = |folder: &Path| folder.join("keys/example-broker.secret");
    let found = faults("empty-secret", |folder, config| {
        fs::write(secret(folder), "\n").unwrap();
        config
    });
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!([&*found[0][0], &*found[0][1]], ["client[0].secret_file", "bad_secret"]);
    assert!(
        found[0][2].ends_with("example-broker.secret is empty; it must hold at least 22 random characters")
    );

    let found = faults("near", |_, config| config.replace("min_loa", "min_lao"));
    assert_eq!(
        found[0],
        ["client[0].min_lao", "unknown_key", "unknown field `min_lao`; did you mean `min_loa`?"]
    );

    let found =
        faults("http", |_, config| config.replace("http://localhost:8080", "http://eidas.example.org"));
    assert_eq!(found[0][..2], ["server.issuer", "https_required"]);

    let country = "[[country]]\ncode = \"SE\"\nmetadata_url = \"https://node.example.se/metadata\"\n";
    let found = faults("anchor", |_, config| config + country);
    let expected = "without an anchor nothing can be trusted; anchor_files names the certificate that the \
                    country's operator has given you";
    assert_eq!(found, [["country[0].anchor_files", "missing_key", expected]]);
}

#[test]
fn a_database_whose_folder_is_missing_is_said_by_serve_and_by_the_doctor() {
    let folder = initialised("no-folder", 0);
    let config = folder.join("gateway.toml");
    let changed = fs::read_to_string(&config).unwrap().replace("sqlite:gateway.db", "sqlite:none/gateway.db");
    fs::write(&config, changed).unwrap();
    let (code, said) = complaint(&["serve", "--config", text(&config)]);
    assert_eq!(code, Some(1));
    assert!(said.contains("none/gateway.db: there is no such folder; make it (database.url)"), "{said}");
    let (_, found) = check(&["doctor", "--json", "--config", text(&config)]);
    let expected =
        format!("there is no folder {}; make it, or change database.url", folder.join("none").display());
    let finding = json!({"severity": "error", "code": "no_database_folder", "message": expected,
        "page": "docs/operations.md#the-database"});
    assert_eq!(found["findings"][0], finding);
}

/// The findings of the doctor, as `code: message`.
fn findings(config: &Path, more: &[&str]) -> Vec<String> {
    let (_, found) = check(&[&["doctor", "--json", "--config", text(config)], more].concat());
    let line = |finding: &Value| {
        [finding["code"].as_str().unwrap(), finding["message"].as_str().unwrap()].join(": ")
    };
    found["findings"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn the_doctor_sees_what_is_allowed_and_seldom_meant() {
    let folder = initialised("seldom", 8080);
    let config = folder.join("gateway.toml");
    let changed = fs::read_to_string(&config)
        .unwrap()
        .replace("preset = \"keycloak\"", "require_pkce = false\npreset = \"keycloak\"");
    fs::write(&config, changed).unwrap();
    let found = findings(&config, &[]);
    let value = "subject.check_value is not set: a wrong key file would give everybody a new account; for this one it is ";
    for expected in [
        "no_country: there is no [[country]], so nobody can log in",
        "http_issuer: server.issuer is http://localhost:8080: without https only browsers on this machine get anywhere",
        "pkce_not_required: client example-broker: require_pkce = false; switch PKCE on at the broker if it has a switch",
    ] {
        assert!(found.iter().any(|line| line == expected), "{expected}: {found:?}");
    }
    // What it says can be copied, and then it is content.
    let said = found.iter().find_map(|line| line.strip_prefix(&format!("no_check_value: {value}"))).unwrap();
    let changed = fs::read_to_string(&config)
        .unwrap()
        .replace("# check_value = \"\"", &format!("check_value = {said}"));
    fs::write(&config, changed).unwrap();
    assert!(!findings(&config, &[]).iter().any(|line| line.contains("check_value")));
}

#[test]
#[cfg(unix)]
fn the_doctor_sees_secrets_that_everybody_may_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = initialised("open", 8080);
    let (config, key, keys) =
        (folder.join("gateway.toml"), folder.join("keys/subject.key"), folder.join("keys"));
    let open = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let expected = format!(
        "secret_readable: {0} can be read by every account of this machine: chmod o= {0}",
        key.display()
    );
    for (of_key, of_folder, told) in [(0o644, 0o755, true), (0o640, 0o755, false), (0o644, 0o700, false)] {
        open(&key, of_key);
        open(&keys, of_folder);
        let found = findings(&config, &[]);
        assert_eq!(found.contains(&expected), told, "{of_key:o} {of_folder:o} {found:?}");
        assert_eq!(found.iter().any(|line| line.starts_with("secret_readable")), told);
    }
}

#[test]
fn the_doctor_sees_a_country_that_nobody_comes_back_from() {
    let folder = initialised("silent", 8080);
    let config = folder.join("gateway.toml");
    let changed = fs::read_to_string(&config).unwrap() + "\n[audit]\nfile = \"audit.log\"\n";
    fs::write(&config, changed).unwrap();
    let at = SystemClock.now() - Duration::from_secs(3600);
    let line = |n: u8| json!({"at": at.to_string(), "event": "depart", "country": "SE", "client": "broker", "request_id": format!("_{n}")});
    fs::write(folder.join("audit.log"), format!("{}\n{}\n{}\n", line(1), line(2), line(3))).unwrap();
    let expected = "no_answers: SE: 3 people left for it within a day, and nobody came back, not even with an error: \
                    ask its operator whether http://localhost:8080/saml/metadata is on the node's whitelist";
    assert!(findings(&config, &[]).iter().any(|line| line == expected));
}

#[test]
fn the_doctor_sees_who_else_answers_and_that_the_clocks_are_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // Somebody else, a minute and a half behind; ends with the tests.
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let body = "{\"issuer\":\"http://inside:8080\"}";
            let date = (SystemClock.now() - Duration::from_secs(90)).http_date();
            let length = body.len();
            let head = format!(
                "HTTP/1.1 200 OK\r\nDate: {date}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all((head + body).as_bytes());
        }
    });
    let folder = initialised("apart", port);
    let found = findings(&folder.join("gateway.toml"), &["--online"]);
    let expected = format!(
        "wrong_issuer: http://localhost:{port}/.well-known/openid-configuration does not name the issuer \
         http://localhost:{port}, but the issuer http://inside:8080: who answers there?"
    );
    assert!(found.contains(&expected), "{found:?}");
    let apart = found.iter().find(|line| line.starts_with("clocks_apart: our clock is 9")).unwrap();
    assert!(
        apart.contains(&format!("seconds ahead of that of http://localhost:{port}, which says")),
        "{apart}"
    );
}
