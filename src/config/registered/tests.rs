//! Clients in the database, next to those of a configuration.

use super::*;
use crate::config::tests::{base, now};
use crate::ids::SystemRandom;
use crate::oidc::ClientAuthentication;

const GOOD: &str = "[[client]]\nid = \"kc\"\nname = \"Keycloak\"\nsector = \"public\"\n\
    redirect_uris = [\"https://kc.example.org/cb\"]\n";
const DAY: Duration = Duration::from_secs(86_400);

type Made = (String, Registered, Option<Secret<String>>);

fn registered(text: &str) -> Result<Made, Vec<(usize, String, &'static str)>> {
    let (config, opened) = base();
    let block = Block::new(text.to_owned());
    let made = Registered::new(Path::new("kc.toml"), block, &config, &opened, now(), &SystemRandom);
    made.map_err(|faults| faults.0.into_iter().map(|fault| (fault.line, fault.key, fault.code)).collect())
}

/// Which of the secrets open the client at `at`, after it went through the database.
fn count(kept: &Registered, at: Timestamp, secrets: &[&Secret<String>]) -> Vec<bool> {
    let (config, mut opened) = base();
    let sealed = kept.seal("kc", &opened.subject_key, &SystemRandom);
    assert_eq!(opened.join(&config, [("kc", sealed.as_slice())], at), []);
    let client = opened.clients.lookup("kc").unwrap();
    let ClientAuthentication::Secret { hash, .. } = &client.authentication else { panic!("{client:?}") };
    secrets.iter().map(|secret| hash.is_of(secret.expose())).collect()
}

#[test]
fn a_client_gets_a_secret_that_opens_it() {
    let (id, kept, secret) = registered(GOOD).unwrap();
    assert_eq!((id.as_str(), kept.enabled, kept.has_secret()), ("kc", true, true));
    let (secret, other) = (secret.unwrap(), Secret::new("other".to_owned()));
    assert_eq!(count(&kept, now(), &[&secret, &other]), [true, false]);
}

#[test]
fn a_former_secret_counts_until_its_time_is_over() {
    let (_, mut kept, first) = registered(GOOD).unwrap();
    let first = first.unwrap();
    let second = kept.rotate(DAY, now(), &SystemRandom).unwrap();
    assert_eq!(kept.before_until(now()), Some(now() + DAY));
    assert_eq!(count(&kept, now() + (DAY - Duration::from_secs(1)), &[&first, &second]), [true, true]);
    assert_eq!(count(&kept, now() + DAY, &[&first, &second]), [false, true]);
    assert_eq!(kept.before_until(now() + DAY), None);
    // At most two: the one before the former ends.
    let third = kept.rotate(DAY, now(), &SystemRandom).unwrap();
    assert_eq!(count(&kept, now(), &[&first, &second, &third]), [false, true, true]);
    let fourth = kept.rotate(Duration::ZERO, now(), &SystemRandom).unwrap();
    assert_eq!(count(&kept, now(), &[&third, &fourth]), [false, true]);
}

#[test]
fn a_client_that_signs_with_its_secret_has_the_former_one_too() {
    let text = format!("{GOOD}authentication = \"client_secret_jwt\"\n");
    let (_, mut kept, _) = registered(&text).unwrap();
    kept.rotate(DAY, now(), &SystemRandom).unwrap();
    let (config, mut opened) = base();
    let sealed = kept.seal("kc", &opened.subject_key, &SystemRandom);
    assert_eq!(opened.join(&config, [("kc", sealed.as_slice())], now()), []);
    let client = opened.clients.lookup("kc").unwrap();
    let ClientAuthentication::Assertion { key: crate::oidc::client::AssertionKey::Secret(secrets), .. } =
        &client.authentication
    else {
        panic!("{client:?}")
    };
    assert_eq!(secrets.len(), 2);
}

#[test]
fn a_client_without_a_secret_gets_none() {
    let (_, mut kept, secret) = registered(&format!("{GOOD}authentication = \"none\"\n")).unwrap();
    assert!(secret.is_none() && !kept.has_secret());
    assert!(kept.rotate(DAY, now(), &SystemRandom).is_none() && !kept.has_secret());
}

#[test]
fn a_preset_is_laid_under_the_block() {
    let (config, mut opened) = base();
    let (id, kept, _) = registered(&format!("{GOOD}preset = \"auth0\"\n")).unwrap();
    let sealed = kept.seal(&id, &opened.subject_key, &SystemRandom);
    assert_eq!(opened.join(&config, [(id.as_str(), sealed.as_slice())], now()), []);
    assert_eq!(
        opened.clients.lookup("kc").unwrap().claims_in_id_token,
        crate::oidc::client::ClaimsInIdToken::All
    );
    assert!(opened.policies.contains_key("kc") && opened.clients.lookup("broker").is_some());
}

#[test]
fn faults_of_a_block_are_named_by_line_and_key() {
    for (text, line, key, code) in [
        (format!("{GOOD}mistake = 1\n"), 6, "client[0].mistake", "unknown_key"),
        (format!("{GOOD}secret_file = \"kc.secret\"\n"), 6, "client[0].secret_file", "contradiction"),
        (
            format!("{GOOD}jwks_file = \"kc.jwks\"\nid_token_encryption_alg = \"ECDH-ES\"\n"),
            6,
            "client[0].jwks_file",
            "contradiction",
        ),
        (
            format!(
                "{GOOD}authentication = \"tls_client_auth\"\ntls_client_auth_san_dns = \"kc.example.org\"\n\
                 tls_client_auth_ca_files = [\"ca.pem\"]\n"
            ),
            6,
            "client[0].authentication",
            "contradiction",
        ),
        (
            format!("{GOOD}tls_client_auth_ca_files = [\"ca.pem\"]\n"),
            6,
            "client[0].tls_client_auth_ca_files",
            "contradiction",
        ),
        (format!("{GOOD}bound_tokens = \"mtls\"\n"), 6, "client[0].bound_tokens", "contradiction"),
        (GOOD.replace("https://kc", "http://kc"), 5, "client[0].redirect_uris[0]", "bad_redirect_uri"),
        (format!("{GOOD}id_token_alg = \"ES256\"\n"), 6, "client[0].id_token_alg", "missing_signing_key"),
        (format!("{GOOD}email_source = \"collect\"\n"), 6, "client[0].email_source", "missing_section"),
        (GOOD.replace("\"kc\"", "\"k c\""), 2, "client[0].id", "bad_value"),
        (format!("{GOOD}{GOOD}"), 1, "client", "missing_key"),
        (String::new(), 1, "client", "missing_key"),
        (format!("[server]\n{GOOD}"), 1, "server", "unknown_key"),
    ] {
        let faults = registered(&text).unwrap_err();
        assert_eq!(faults.first(), Some(&(line, key.to_owned(), code)), "{text}: {faults:?}");
    }
}

#[test]
fn options_make_the_block_that_a_file_would_have() {
    let words = [("id", "kc"), ("name", "Key \"cloak\""), ("sector", "public")];
    let block = Block::of(&words, &[("redirect_uris", &["https://kc.example.org/cb".to_owned()])]);
    let (id, kept, _) = registered(block.as_str()).unwrap();
    assert_eq!((id.as_str(), &kept.block), ("kc", &block));
}

#[test]
fn a_client_that_is_disabled_or_faulty_is_left_out_and_the_others_are_not() {
    let (config, mut opened) = base();
    let key = &opened.subject_key.clone();
    let seal = |id: &str, text: &str, enabled| {
        let (_, kept, _) = registered(text).unwrap();
        Registered { enabled, ..kept }.seal(id, key, &SystemRandom)
    };
    let mut changed = seal("changed", GOOD, true);
    changed[20] ^= 1;
    let clients = [
        // What was sealed for one identifier is nothing under another.
        ("moved", seal("kc", GOOD, true)),
        ("renamed", seal("renamed", GOOD, true)),
        ("changed", changed),
        ("broker", seal("broker", &GOOD.replace("\"kc\"", "\"broker\""), true)),
        ("off", seal("off", &GOOD.replace("\"kc\"", "\"off\""), false)),
        ("kc", seal("kc", GOOD, true)),
    ];
    let left_out = opened.join(&config, clients.iter().map(|(id, sealed)| (*id, sealed.as_slice())), now());
    let left_out: Vec<_> = left_out.iter().map(|one| (one.id.as_str(), one.reasons.as_slice())).collect();
    let another = [SEALED_BY_ANOTHER.to_owned()];
    assert_eq!(
        left_out,
        [
            ("moved", &another[..]),
            ("renamed", &["its block is that of kc".to_owned()]),
            ("changed", &another[..]),
            (
                "broker",
                &["a client with this id stands in the configuration, and that one counts".to_owned()]
            ),
        ]
    );
    let known: std::collections::BTreeSet<_> =
        opened.clients.iter().map(|client| client.id.as_str()).collect();
    assert_eq!(known, ["broker", "kc"].into());
    assert_eq!(opened.policies.len(), 2);
}

#[test]
fn what_the_database_is_given_shows_neither_the_secret_nor_the_block() {
    let (_, opened) = base();
    let (_, kept, secret) = registered(GOOD).unwrap();
    let sealed = kept.seal("kc", &opened.subject_key, &SystemRandom);
    let holds = |text: &str| sealed.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!holds(secret.unwrap().expose()) && !holds("https://kc.example.org"));
    assert!(!format!("{kept:?}").contains("secret: Some(\""));
    assert!(Registered::unseal("kc", &sealed, &SubjectKey::new(1, [9; 32])).is_none());
}
