//! Broken configurations, each with one thing wrong: file, line and key are named, and nothing starts.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use super::*;
use crate::crypto::jose::{JwsAlgorithm, JwsKey};
use crate::crypto::{CertificateRequest, Curve, KeyKind, KeyUsage, PrivateKey};
use crate::ids::CountingRandom;

/// Line by line, so that a test can change one line and expect the fault there.
const BASE: &[&str] = &[
    /* 1 */ "profile = \"production\"",
    /* 2 */ "[server]",
    /* 3 */ "issuer = \"https://eidas.example.org\"",
    /* 4 */ "[connector]",
    /* 5 */ "country = \"EL\"",
    /* 6 */ "organization = { name = \"O\", url = \"https://www.example.org\" }",
    /* 7 */ "support_contact = { email = \"a@example.org\" }",
    /* 8 */ "technical_contact = { email = \"b@example.org\" }",
    /* 9 */ "[connector.signing]",
    /* 10 */ "key_file = \"signing.key\"",
    /* 11 */ "certificate_file = \"signing.crt\"",
    /* 12 */ "[[connector.encryption]]",
    /* 13 */ "key_file = \"encryption.key\"",
    /* 14 */ "certificate_file = \"encryption.crt\"",
    /* 15 */ "[[oidc.signing_key]]",
    /* 16 */ "key_file = \"token.key\"",
    /* 17 */ "algorithm = \"RS256\"",
    /* 18 */ "[subject]",
    /* 19 */ "key_file = \"subject.key\"",
    /* 20 */ "[[country]]",
    /* 21 */ "code = \"SE\"",
    /* 22 */ "metadata_url = \"https://node.example.se/metadata\"",
    /* 23 */ "anchor_files = [\"signing.crt\"]",
    /* 24 */ "[[client]]",
    /* 25 */ "id = \"broker\"",
    /* 26 */ "name = \"Broker\"",
    /* 27 */ "secret_file = \"broker.secret\"",
    /* 28 */ "redirect_uris = [\"https://broker.example.org/cb\"]",
    /* 29 */ "sector = \"public\"",
];

pub(super) fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T12:00:00Z").unwrap()
}

/// A folder with every file that [`BASE`] names and some that are unfit; made once for all tests.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("eidas-gateway-config-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let write = |name: &str, content: &[u8]| fs::write(folder.join(name), content).unwrap();
        let pair = |name: &str, kind, usage, end: &str| {
            let key = PrivateKey::generate(kind).unwrap();
            let request = CertificateRequest {
                common_name: name.to_owned(),
                organization: None,
                country: None,
                not_before: now() - Duration::from_secs(86_400),
                not_after: Timestamp::parse(end).unwrap(),
                usage,
            };
            let certificate = key.self_signed(&request, &CountingRandom::default()).unwrap();
            write(&format!("{name}.key"), key.to_pem().unwrap().expose());
            write(&format!("{name}.crt"), certificate.pem().as_bytes());
        };
        let (p256, later) = (KeyKind::Ec(Curve::P256), "2030-01-01T00:00:00Z");
        pair("signing", p256, KeyUsage::Signing, later);
        pair("encryption", p256, KeyUsage::Encryption, later);
        pair("expired", p256, KeyUsage::Signing, "2026-11-21T11:00:00Z");
        pair("authority", p256, KeyUsage::Authority, later);
        pair("rsa2048", KeyKind::Rsa(2048), KeyUsage::Signing, later);
        write("token.key", JwsKey::generate_pem(JwsAlgorithm::RS256).unwrap().expose());
        write("subject.key", "0123456789abcdef".repeat(4).as_bytes());
        write("short.key", b"0123456789abcdef");
        write("broker.secret", b"q3vJ8dXcW2mNfB7tR5yK1zLh\n");
        write("weak.secret", b"password\n");
        let client = JwsKey::generate(JwsAlgorithm::ES256).unwrap();
        let jwks = serde_json::json!({ "keys": [client.public_jwk()] });
        write("broker.jwks", jwks.to_string().as_bytes());
        write("long.secret", b"q3vJ8dXcW2mNfB7tR5yK1zLhq3vJ8dXcW2mNfB7tR5yK1zLh\n");
        write("rubbish", b"-----BEGIN RUBBISH-----\n");
        folder
    })
}

/// [`BASE`] with lines replaced, numbered from 1.
fn text(changes: &[(usize, &str)]) -> String {
    let mut lines: Vec<_> = BASE.to_vec();
    for (number, line) in changes {
        lines[number - 1] = line;
    }
    lines.join("\n")
}

/// [`BASE`], opened.
pub(super) fn base() -> (Config, Opened) {
    static BASE: OnceLock<(Config, Opened)> = OnceLock::new();
    let open = || {
        let file = folder().join("opened.toml");
        fs::write(&file, text(&[])).unwrap();
        Config::load(&file, now()).unwrap()
    };
    BASE.get_or_init(open).clone()
}

/// Line, key and code of each fault.
fn faults(name: &str, text: &str) -> Vec<(usize, String, &'static str)> {
    let file = folder().join(format!("{name}.toml"));
    fs::write(&file, text).unwrap();
    match Config::load(&file, now()) {
        Ok(_) => Vec::new(),
        Err(Faults(faults)) => {
            assert!(faults.iter().all(|fault| fault.file == file));
            faults.into_iter().map(|fault| (fault.line, fault.key, fault.code)).collect()
        }
    }
}

#[test]
fn the_configuration_that_the_tests_break_is_in_order() {
    assert_eq!(faults("base", &text(&[])), []);
}

#[test]
fn a_mail_server_and_where_e_mail_comes_from_are_checked() {
    let smtp = |changes: &str| {
        let base = "[smtp]\nhost = \"mail.example.org\"\nfrom = \"Login <login@example.org>\"";
        let mut lines: Vec<String> = base.lines().map(str::to_owned).collect();
        for change in changes.lines() {
            let key = change.split(" =").next().unwrap();
            lines.retain(|line| !line.starts_with(&format!("{key} =")));
            lines.push(change.to_owned());
        }
        lines.join("\n") + "\n[[country]]"
    };
    let client = |option: &str| format!("sector = \"public\"\n{option}");
    let collect = client("email_source = \"collect\"");
    assert_eq!(faults("smtp", &text(&[(20, &smtp("")), (29, &collect)])), []);
    let good = "username = \"login\"\npassword_file = \"weak.secret\"\nsecurity = \"starttls\"\nport = 2525";
    assert_eq!(faults("smtp", &text(&[(20, &smtp(good))])), []);
    let local = "host = \"localhost\"\nsecurity = \"none\"";
    assert_eq!(faults("smtp", &text(&[(20, &smtp(local))])), []);
    let alias = client("email_source = \"alias\"\nemail_alias_domain = \"eid.example.org\"");
    assert_eq!(faults("alias", &text(&[(29, &alias)])), []);

    let of_smtp = |changes: &str| {
        let faults = faults("smtp_bad", &text(&[(20, &smtp(changes))]));
        faults.into_iter().map(|(_, key, code)| (key, code)).collect::<Vec<_>>()
    };
    for (changes, key, code) in [
        ("host = \"\"", "smtp.host", "bad_value"),
        ("host = \"mail.example.org:25\\nx\"", "smtp.host", "bad_value"),
        ("security = \"none\"", "smtp.security", "tls_required"),
        ("from = \"nobody\"", "smtp.from", "bad_value"),
        ("from = \"a@b.org\\r\\nBcc: c@d.org\"", "smtp.from", "bad_value"),
        ("username = \"login\"", "smtp.username", "missing_key"),
        ("password_file = \"weak.secret\"", "smtp.password_file", "missing_key"),
        ("username = \"login\"\npassword_file = \"none\"", "smtp.password_file", "file_missing"),
        ("timeout_seconds = 0", "smtp.timeout_seconds", "out_of_range"),
    ] {
        assert_eq!(of_smtp(changes), [(key.to_owned(), code)], "{changes}");
    }
    let of_client = |option: &str| {
        let faults = faults("email_bad", &text(&[(29, &client(option))]));
        faults.into_iter().map(|(_, key, code)| (key, code)).collect::<Vec<_>>()
    };
    for (option, key, code) in [
        ("email_source = \"collect\"", "client[0].email_source", "missing_section"),
        ("email_source = \"alias\"", "client[0].email_alias_domain", "missing_key"),
        ("email_alias_domain = \"eid.example.org\"", "client[0].email_alias_domain", "contradiction"),
        (
            "email_source = \"alias\"\nemail_alias_domain = \"Eid@example\"",
            "client[0].email_alias_domain",
            "bad_value",
        ),
        (
            "email_source = \"alias\"\nemail_alias_domain = \"eid.example.org\"\nsub = \"raw\"\nallow_person_identifier = true",
            "client[0].email_source",
            "contradiction",
        ),
    ] {
        assert_eq!(of_client(option), [(key.to_owned(), code)], "{option}");
    }
}

#[test]
fn a_client_may_sign_instead_of_sending_a_secret() {
    let keys = "authentication = \"private_key_jwt\"\nassertion_alg = \"ES256\"\njwks_file = \"broker.jwks\"";
    assert_eq!(faults("jwks_file", &text(&[(27, keys)])), []);
    let jwks = fs::read_to_string(folder().join("broker.jwks")).unwrap();
    let keys = format!("authentication = \"private_key_jwt\"\nassertion_alg = \"ES256\"\njwks = '{jwks}'");
    assert_eq!(faults("jwks", &text(&[(27, &keys)])), []);
    let keys = "authentication = \"private_key_jwt\"\nassertion_alg = \"ES256\"\njwks_uri = \"https://rp.example/jwks\"";
    assert_eq!(faults("jwks_uri", &text(&[(27, keys)])), []);
    let encrypted = "secret_file = \"broker.secret\"\nid_token_encryption_alg = \"ECDH-ES\"\n\
        userinfo = \"signed_and_encrypted\"\nuserinfo_encryption_alg = \"RSA-OAEP-256\"\n\
        userinfo_encryption_enc = \"A128GCM\"\njwks_uri = \"https://rp.example/jwks\"";
    assert_eq!(faults("encrypted", &text(&[(27, encrypted)])), []);
    let secret = "authentication = \"client_secret_jwt\"\nsecret_file = \"long.secret\"";
    assert_eq!(faults("secret_jwt", &text(&[(27, secret)])), []);
    // What is missing is named at the block.
    let missing = |key: &str| vec![(24, key.to_owned(), "missing_key")];
    let no_keys = "authentication = \"private_key_jwt\"\nassertion_alg = \"ES256\"";
    assert_eq!(faults("jwt_no_keys", &text(&[(27, no_keys)])), missing("client[0].jwks_file"));
    let encrypted = "secret_file = \"broker.secret\"\nid_token_encryption_alg = \"ECDH-ES\"";
    assert_eq!(faults("encrypted_no_keys", &text(&[(27, encrypted)])), missing("client[0].jwks_file"));
    let no_alg = "secret_file = \"broker.secret\"\nuserinfo = \"encrypted\"";
    assert_eq!(
        faults("userinfo_no_alg", &text(&[(27, no_alg)])),
        missing("client[0].userinfo_encryption_alg")
    );
    let no_alg = "authentication = \"private_key_jwt\"\njwks_file = \"broker.jwks\"";
    assert_eq!(faults("jwt_no_alg", &text(&[(27, no_alg)])), missing("client[0].assertion_alg"));
}

#[test]
fn one_thing_wrong_is_named_with_its_line_and_key() {
    #[rustfmt::skip]
    let rows: &[(&str, usize, &str, &str, &str)] = &[
        // name, line, what stands there instead, key, code
        ("profile", 1, "profile = \"prod\"", "profile", "unknown_value"),
        ("unknown_key", 3, "issuer = \"https://eidas.example.org\"\nisuer = 1", "server.isuer", "unknown_key"),
        ("wrong_type", 3, "issuer = 7", "server.issuer", "wrong_type"),
        ("http_issuer", 3, "issuer = \"http://eidas.example.org\"", "server.issuer", "https_required"),
        ("http_localhost", 3, "issuer = \"http://localhost:8080\"", "server.issuer", "https_required"),
        ("issuer_path", 3, "issuer = \"https://eidas.example.org/\"", "server.issuer", "bad_url"),
        ("country_code", 5, "country = \"Greece\"", "connector.country", "unknown_country"),
        ("own_test_country", 5, "country = \"XX\"", "connector.country", "test_country"),
        ("contact", 7, "support_contact = { email = \"a\" }", "connector.support_contact.email", "bad_email"),
        ("no_key", 10, "key_file = \"nowhere.key\"", "connector.signing.key_file", "file_missing"),
        ("bad_key", 10, "key_file = \"rubbish\"", "connector.signing.key_file", "bad_key"),
        ("other_key", 10, "key_file = \"encryption.key\"", "connector.signing.key_file", "key_mismatch"),
        ("bad_pem", 11, "certificate_file = \"rubbish\"", "connector.signing.certificate_file", "bad_certificate"),
        ("digest", 11, "certificate_file = \"signing.crt\"\ndigest = \"md5\"", "connector.signing.digest", "unknown_value"),
        ("token_missing", 16, "key_file = \"nowhere\"", "oidc.signing_key[0].key_file", "file_missing"),
        ("token_wrong", 16, "key_file = \"signing.key\"", "oidc.signing_key[0].key_file", "bad_key"),
        ("token_none", 17, "algorithm = \"none\"", "oidc.signing_key[0].algorithm", "unknown_value"),
        ("subject_short", 19, "key_file = \"short.key\"", "subject.key_file", "bad_secret"),
        ("no_such_country", 21, "code = \"US\"", "country[0].code", "unknown_country"),
        ("test_country", 21, "code = \"XA\"", "country[0].code", "test_country"),
        ("http_metadata", 22, "metadata_url = \"http://node.example.se/\"", "country[0].metadata_url", "https_required"),
        ("no_metadata_file", 22, "metadata_file = \"nowhere.xml\"", "country[0].metadata_file", "file_missing"),
        ("no_anchor", 23, "anchor_files = []", "country[0].anchor_files", "missing_key"),
        ("anchor_missing", 23, "anchor_files = [\"signing.crt\", \"x.pem\"]", "country[0].anchor_files[1]", "file_missing"),
        ("pin_odd", 23, "trust = \"pinned_file\"\nmetadata_sha256 = \"12\"", "country[0].metadata_sha256", "bad_value"),
        ("pin_unused", 23, "anchor_files = [\"signing.crt\"]\nmetadata_sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"", "country[0].metadata_sha256", "contradiction"),
        ("trust", 23, "anchor_files = [\"signing.crt\"]\ntrust = \"blind\"", "country[0].trust", "unknown_value"),
        ("revocation", 23, "anchor_files = [\"signing.crt\"]\nrevocation = \"never\"", "country[0].revocation", "unknown_value"),
        ("unknown_list", 22, "list = \"nordic\"", "country[0].list", "unknown_list"),
        ("list_nowhere", 23, "anchor_files = [\"signing.crt\"]\n[[metadata_list]]\nname = \"a\"\nfile = \"nowhere.xml\"", "metadata_list[0].file", "file_missing"),
        ("list_unsigned", 23, "anchor_files = [\"signing.crt\"]\n[[metadata_list]]\nname = \"a\"\nurl = \"https://list.example/\"\nanchor_files = []", "metadata_list[0].anchor_files", "missing_key"),
        ("skew", 23, "anchor_files = [\"signing.crt\"]\nquirks = { clock_skew = 301 }", "country[0].quirks.clock_skew", "out_of_range"),
        ("quirk", 23, "anchor_files = [\"signing.crt\"]\nquirks = { no_signature = true }", "country[0].quirks.no_signature", "unknown_key"),
        ("token_short", 14, "certificate_file = \"encryption.crt\"\n[oidc]\naccess_token_seconds = 29", "oidc.access_token_seconds", "out_of_range"),
        ("token_long", 14, "certificate_file = \"encryption.crt\"\n[oidc]\naccess_token_seconds = 301", "oidc.access_token_seconds", "out_of_range"),
        ("client_id", 25, "id = \"a b\"", "client[0].id", "bad_value"),
        ("secret_weak", 27, "secret_file = \"weak.secret\"", "client[0].secret_file", "weak_secret"),
        ("secret_hash", 27, "secret_hash = \"abc\"", "client[0].secret_hash", "bad_value"),
        ("jwt_secret", 27, "authentication = \"client_secret_jwt\"\nsecret_file = \"broker.secret\"", "client[0].secret_file", "weak_secret"),
        ("jwt_bad_keys", 27, "authentication = \"private_key_jwt\"\nassertion_alg = \"PS256\"\njwks_file = \"rubbish\"", "client[0].jwks_file", "bad_jwks"),
        ("jwt_inline_keys", 27, "authentication = \"private_key_jwt\"\nassertion_alg = \"PS256\"\njwks = \"{}\"", "client[0].jwks", "bad_jwks"),
        ("jwt_other_alg", 27, "authentication = \"private_key_jwt\"\nassertion_alg = \"PS256\"\njwks_file = \"broker.jwks\"", "client[0].jwks_file", "bad_jwks"),
        ("jwt_alg_hs", 27, "authentication = \"private_key_jwt\"\njwks_file = \"broker.jwks\"\nassertion_alg = \"HS256\"", "client[0].assertion_alg", "unknown_value"),
        ("jwt_and_secret", 27, "authentication = \"private_key_jwt\"\nassertion_alg = \"ES256\"\njwks_file = \"broker.jwks\"\nsecret_file = \"broker.secret\"", "client[0].secret_file", "contradiction"),
        ("encrypted_unfit_keys", 27, "secret_file = \"broker.secret\"\njwks_file = \"broker.jwks\"\nid_token_encryption_alg = \"ECDH-ES\"", "client[0].id_token_encryption_alg", "bad_jwks"),
        ("encrypted_sha1", 27, "secret_file = \"broker.secret\"\nid_token_encryption_alg = \"RSA-OAEP\"", "client[0].id_token_encryption_alg", "unknown_value"),
        ("encrypted_cbc", 27, "secret_file = \"broker.secret\"\nid_token_encryption_enc = \"A128CBC-HS256\"", "client[0].id_token_encryption_enc", "unknown_value"),
        ("enc_without_alg", 27, "secret_file = \"broker.secret\"\nid_token_encryption_enc = \"A128GCM\"", "client[0].id_token_encryption_enc", "contradiction"),
        ("userinfo_unused_alg", 27, "secret_file = \"broker.secret\"\njwks_uri = \"https://rp.example/jwks\"\nuserinfo = \"signed\"\nuserinfo_encryption_alg = \"ECDH-ES\"", "client[0].userinfo_encryption_alg", "contradiction"),
        ("userinfo_word", 27, "secret_file = \"broker.secret\"\nuserinfo = \"jws\"", "client[0].userinfo", "unknown_value"),
        ("keys_for_nothing", 27, "secret_file = \"broker.secret\"\njwks_file = \"broker.jwks\"", "client[0].jwks_file", "contradiction"),
        ("alg_for_nothing", 27, "secret_file = \"broker.secret\"\nassertion_alg = \"ES256\"", "client[0].assertion_alg", "contradiction"),
        ("audience_for_nothing", 27, "secret_file = \"broker.secret\"\nassertion_audience = \"endpoint\"", "client[0].assertion_audience", "contradiction"),
        ("keys_by_http", 27, "authentication = \"private_key_jwt\"\nassertion_alg = \"ES256\"\njwks_uri = \"http://rp.example/jwks\"", "client[0].jwks_uri", "https_required"),
        ("keys_twice", 27, "authentication = \"private_key_jwt\"\nassertion_alg = \"ES256\"\njwks_file = \"broker.jwks\"\njwks_uri = \"https://rp.example/jwks\"", "client[0].jwks_uri", "contradiction"),
        ("public_secret", 27, "authentication = \"none\"\nsecret_file = \"broker.secret\"", "client[0].secret_file", "contradiction"),
        ("public_pkce", 27, "authentication = \"none\"\nrequire_pkce = false", "client[0].require_pkce", "contradiction"),
        ("bound", 27, "secret_file = \"broker.secret\"\nbound_tokens = \"tls\"", "client[0].bound_tokens", "unknown_value"),
        ("tls_nowhere", 27, "jwks_file = \"broker.jwks\"\nauthentication = \"self_signed_tls_client_auth\"", "client[0].authentication", "contradiction"),
        ("bound_nowhere", 27, "secret_file = \"broker.secret\"\nbound_tokens = \"mtls\"", "client[0].bound_tokens", "contradiction"),
        ("tls_auth_nowhere", 27, "tls_client_auth_san_ip = \"::1\"\ntls_client_auth_ca_files = [\"authority.crt\"]\nauthentication = \"tls_client_auth\"", "client[0].authentication", "contradiction"),
        ("tls_for_nothing", 27, "secret_file = \"broker.secret\"\ntls_client_auth_san_dns = \"a.example\"", "client[0].tls_client_auth_san_dns", "contradiction"),
        ("tls_files_for_nothing", 27, "secret_file = \"broker.secret\"\ntls_client_auth_ca_files = [\"authority.crt\"]", "client[0].tls_client_auth_ca_files", "contradiction"),
        ("asking_name", 3, "issuer = \"https://eidas.example.org\"\ntls = { certificate_file = \"signing.crt\", key_file = \"signing.key\", client_certificate_host = \"https://m.example\" }", "server.tls.client_certificate_host", "bad_value"),
        ("asking_everybody", 3, "issuer = \"https://eidas.example.org\"\ntls = { certificate_file = \"signing.crt\", key_file = \"signing.key\", client_certificate_host = \"Eidas.Example.Org\" }", "server.tls.client_certificate_host", "contradiction"),
        ("asking_twice", 3, "issuer = \"https://eidas.example.org\"\nclient_certificate.proxies = [\"10.0.0.1\"]\ntls = { certificate_file = \"signing.crt\", key_file = \"signing.key\", client_certificate_host = \"m.example\" }", "server.tls.client_certificate_host", "contradiction"),
        ("proxies", 3, "issuer = \"https://eidas.example.org\"\nclient_certificate = { proxies = [] }", "server.client_certificate.proxies", "missing_key"),
        ("redirect", 28, "redirect_uris = [\"http://broker.example.org/cb\"]", "client[0].redirect_uris[0]", "bad_redirect_uri"),
        ("attribute", 29, "sector = \"public\"\nattributes = [\"ShoeSize\"]", "client[0].attributes[0]", "unknown_attribute"),
        ("sector_id", 29, "sector = \"public\"\nsector_id = \"*\"", "client[0].sector_id", "bad_value"),
        ("legal_attribute", 29, "sector = \"public\"\nattributes = [\"LEI\"]", "client[0].attributes[0]", "contradiction"),
        ("raw_sub", 29, "sector = \"public\"\nsub = \"raw\"", "client[0].sub", "contradiction"),
        ("algorithm", 29, "sector = \"public\"\nid_token_alg = \"ES256\"", "client[0].id_token_alg", "missing_signing_key"),
        ("request_alg", 29, "sector = \"public\"\nrequire_request_object = true", "client[0].require_request_object", "contradiction"),
        ("request_other_keys", 29, "sector = \"public\"\nrequest_object_alg = \"PS256\"\njwks_file = \"broker.jwks\"", "client[0].jwks_file", "bad_jwks"),
        ("answer_alg", 29, "sector = \"public\"\nauthorization_response_alg = \"ES256\"", "client[0].authorization_response_alg", "missing_signing_key"),
        ("acr_word", 29, "sector = \"public\"\nacr_words = { low = \"a b\" }", "client[0].acr_words.low", "bad_value"),
        ("acr_other", 29, "sector = \"public\"\nacr_words = { low = \"high\" }", "client[0].acr_words.low", "contradiction"),
        ("acr_twice", 29, "sector = \"public\"\nacr_words = { low = \"1\", high = \"1\" }", "client[0].acr_words.high", "contradiction"),
        ("preset_key", 27, "jwks_file = \"broker.jwks\"\npreset = \"strict\"", "client[0].id_token_alg", "missing_signing_key"),
        ("loa", 29, "sector = \"public\"\nmin_loa = \"medium\"", "client[0].min_loa", "unknown_value"),
        ("database", 1, "database.url = \"mysql://db\"", "database.url", "bad_database_url"),
    ];
    for (name, line, change, key, code) in rows {
        let at = line + change.matches('\n').count();
        assert_eq!(faults(name, &text(&[(*line, change)])), [(at, (*key).to_owned(), *code)], "{name}");
    }
}

#[test]
fn clients_can_show_certificates_under_a_name_of_its_own() {
    let tls = "tls = { certificate_file = \"signing.crt\", key_file = \"signing.key\", client_certificate_host = \"m.example\" }";
    let base = |issuer: &str| {
        let text = text(&[
            (3, &format!("issuer = \"{issuer}\"\n{tls}")),
            (27, "secret_file = \"broker.secret\"\nbound_tokens = \"mtls\""),
        ]);
        assert_eq!(faults("asking", &text), []);
        Config::read(Path::new("x.toml"), text, folder()).unwrap().server.certificate_base()
    };
    assert_eq!(base("https://eidas.example.org").as_deref(), Some("https://m.example"));
    assert_eq!(base("https://eidas.example.org:8443").as_deref(), Some("https://m.example:8443"));
}

#[test]
fn a_certificate_of_a_client_has_one_name_and_an_authority() {
    let behind_a_proxy =
        "issuer = \"https://eidas.example.org\"\nclient_certificate.proxies = [\"10.0.0.1\"]";
    let of = |name: &str, option: &str| {
        let mut client = format!("{option}\nauthentication = \"tls_client_auth\"");
        if !option.contains("ca_files") {
            client += "\ntls_client_auth_ca_files = [\"authority.crt\"]";
        }
        let found = faults(name, &text(&[(3, behind_a_proxy), (27, &client)]));
        found
            .into_iter()
            .map(|(line, key, code)| (line, key.replace("client[0].tls_client_auth_", ""), code))
            .collect::<Vec<_>>()
    };
    for good in [
        "tls_client_auth_subject_dn = \"CN=broker,O=Example,C=SE\"",
        "tls_client_auth_san_dns = \"broker.example.org\"",
        "tls_client_auth_san_uri = \"urn:example:broker\"",
        "tls_client_auth_san_ip = \"2001:db8::1\"",
        "tls_client_auth_san_email = \"it@example.org\"",
    ] {
        assert_eq!(of("tls_good", good), [], "{good}");
    }
    for (option, key) in [
        ("tls_client_auth_subject_dn = \"CN=broker, O=Example\"", "subject_dn"),
        ("tls_client_auth_subject_dn = \"\"", "subject_dn"),
        ("tls_client_auth_san_dns = \"*.example.org\"", "san_dns"),
        ("tls_client_auth_san_uri = \"broker\"", "san_uri"),
        ("tls_client_auth_san_ip = \"10.0.0.0/8\"", "san_ip"),
        ("tls_client_auth_san_email = \"example.org\"", "san_email"),
    ] {
        assert_eq!(of("tls_bad", option), [(28, key.to_owned(), "bad_value")], "{option}");
    }
    let none = [(25, "subject_dn".to_owned(), "missing_key")];
    assert_eq!(of("tls_no_name", "require_nonce = true"), none);
    let two = "tls_client_auth_san_dns = \"a.example\"\ntls_client_auth_san_ip = \"10.0.0.1\"";
    assert_eq!(of("tls_two_names", two), [(29, "san_ip".to_owned(), "contradiction")]);
    let files = |files: &str| {
        format!("tls_client_auth_san_dns = \"a.example\"\ntls_client_auth_ca_files = [{files}]")
    };
    assert_eq!(of("tls_no_ca", &files("")), [(29, "ca_files".to_owned(), "missing_key")]);
    let nowhere = of("tls_ca_nowhere", &files("\"nowhere.crt\""));
    assert_eq!(nowhere, [(29, "ca_files[0]".to_owned(), "file_missing")]);
    let no_authority = of("tls_no_authority", &files("\"authority.crt\", \"signing.crt\""));
    assert_eq!(no_authority, [(29, "ca_files[1]".to_owned(), "bad_certificate")]);
    let secret = "tls_client_auth_san_dns = \"a.example\"\nsecret_file = \"broker.secret\"";
    assert_eq!(of("tls_secret", secret), [(29, "client[0].secret_file".to_owned(), "contradiction")]);
}

#[test]
fn a_value_that_a_preset_sets_names_the_preset() {
    let file = folder().join("preset.toml");
    fs::write(&file, text(&[(27, "jwks_file = \"broker.jwks\"\npreset = \"strict\"")])).unwrap();
    let Err(Faults(faults)) = Config::load(&file, now()) else { panic!() };
    let message = "there is no [[oidc.signing_key]] for ES256 (the preset `strict` sets it)";
    assert_eq!((faults.len(), faults[0].line, faults[0].message.as_str()), (1, 28, message));
}

#[test]
fn what_concerns_more_than_one_line_is_named_at_the_key_to_change() {
    let signing = |name: &str| {
        let (key, certificate) =
            (format!("key_file = \"{name}.key\""), format!("certificate_file = \"{name}.crt\""));
        text(&[(10, &key), (11, &certificate)])
    };
    let at = |line, key: &str, code| vec![(line, key.to_owned(), code)];
    assert_eq!(faults("weak", &signing("rsa2048")), at(10, "connector.signing.key_file", "weak_key"));
    let expired = at(11, "connector.signing.certificate_file", "certificate_not_valid");
    assert_eq!(faults("expired", &signing("expired")), expired);
    // One key for both purposes (eIDAS Cryptographic Requirements §3.5.2).
    let shared = at(12, "connector.encryption", "unfit_keys");
    assert_eq!(faults("shared", &signing("encryption")), shared);

    let twice = [&text(&[]), "[[client]]", &BASE[24..].join("\n")].map(|part| part.to_owned()).join("\n");
    assert_eq!(faults("twice", &twice), at(31, "client[1].id", "duplicate"));
    let twice = text(&[(24, &format!("{}\n[[client]]", BASE[19..23].join("\n")))]);
    assert_eq!(faults("country_twice", &twice), at(25, "country[1].code", "duplicate"));
    assert_eq!(
        faults("sp_type", &text(&[(5, "country = \"EL\"\nsp_type = \"private\"")])),
        at(30, "client[0].sector", "contradiction")
    );
    assert_eq!(
        faults("check_value", &text(&[(19, "key_file = \"subject.key\"\ncheck_value = \"0\"")])),
        at(20, "subject.check_value", "wrong_key")
    );
    let unpinned = text(&[(23, "trust = \"pinned_file\"")]);
    assert_eq!(faults("unpinned", &unpinned), at(20, "country[0].metadata_sha256", "missing_key"));
    let both = text(&[(22, "metadata_url = \"https://n.example/\"\nmetadata_file = \"signing.crt\"")]);
    assert_eq!(faults("both", &both), at(23, "country[0].metadata_file", "contradiction"));
}

#[test]
fn all_faults_are_named_at_once_in_the_order_of_the_file() {
    let broken = text(&[
        (3, "issuer = \"http://eidas.example.org\""),
        (10, "key_file = \"nowhere.key\""),
        (16, "key_file = \"nowhere.key\""),
        (22, "metadata_url = 5"),
        (27, "secret_file = \"weak.secret\"\nfoo = 1"),
    ]);
    let found: Vec<_> = faults("many", &broken).into_iter().map(|(line, _, code)| (line, code)).collect();
    let expected = [
        (3, "https_required"),
        (10, "file_missing"),
        (16, "file_missing"),
        (22, "wrong_type"),
        (27, "weak_secret"),
        (28, "unknown_key"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn sections_that_are_missing_are_named_and_a_missing_file_too() {
    let missing: Vec<_> = faults("empty", "").into_iter().map(|(_, key, code)| (key, code)).collect();
    let expected = ["connector", "oidc", "server", "subject"].map(|key| (key.to_owned(), "missing_key"));
    assert_eq!(missing, expected);
    let nowhere = folder().join("nowhere.toml");
    let Err(Faults(faults)) = Config::load(&nowhere, now()) else { panic!() };
    assert_eq!((faults.len(), faults[0].code, &faults[0].file), (1, "file_missing", &nowhere));
}

#[test]
fn a_test_profile_allows_localhost_and_test_countries() {
    let changes = [
        (1, "profile = \"test\""),
        (3, "issuer = \"http://gateway.localhost:8080\""),
        (5, "country = \"XX\""),
        (21, "code = \"XA\""),
    ];
    assert_eq!(faults("test", &text(&changes)), []);
}

#[test]
fn what_is_shown_is_a_configuration_that_means_the_same_and_holds_no_secret() {
    let hash = "0123456789abcdef".repeat(4);
    let text =
        text(&[(27, &format!("preset = \"entra\"\nemail_source = \"none\"\nsecret_hash = \"{hash}\""))]);
    let config = Config::read(Path::new("x.toml"), text, Path::new("/etc/x")).unwrap();
    let shown = config.show();
    assert!(!shown.contains(&hash));
    let again = shown.replace("********", &hash);
    let again = Config::read(Path::new("x.toml"), again, Path::new("/elsewhere")).unwrap();
    assert_eq!(again.show(), shown);
    assert_eq!(again.connector.signing.key_file, Path::new("/etc/x/signing.key"));
    assert_eq!(again.database.url, "sqlite:/etc/x/gateway.db");
    // What a preset sets is shown too.
    assert!(
        shown.contains("preset = \"entra\"") && shown.contains("authentication = \"client_secret_post\"")
    );
}
