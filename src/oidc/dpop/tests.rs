use std::sync::LazyLock;

use serde_json::json;

use super::*;
use crate::crypto::jose::JwsKey;
use crate::oidc::test_support::now;

static KEY: LazyLock<JwsKey> = LazyLock::new(|| JwsKey::generate(JwsAlgorithm::ES256).unwrap());
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

fn addresses() -> Vec<String> {
    vec!["https://eidas.example.org/token".to_owned()]
}

/// A good proof with changes to its header and claims; `null` takes a member out.
fn proof(header: &Value, claims: &Value) -> String {
    let mut jwk = KEY.public_jwk().clone();
    let _ = jwk.as_object_mut().unwrap().remove("kid");
    let mut all = [
        json!({ "typ": "dpop+jwt", "jwk": jwk }),
        json!({ "jti": "j-1", "htm": "POST", "htu": "https://eidas.example.org/token", "iat": now().unix() }),
    ];
    for (good, changes) in all.iter_mut().zip([header, claims]) {
        let good = good.as_object_mut().unwrap();
        good.extend(changes.as_object().unwrap().clone());
        good.retain(|_, value| !value.is_null());
    }
    KEY.sign_under(all[0].as_object().unwrap(), all[1].as_object().unwrap()).unwrap()
}

fn run(proof: &str, access_token: Option<&str>) -> Result<Proof, Fault> {
    let addresses = addresses();
    judge(proof, &Sent { method: "POST", addresses: &addresses, access_token, now: now() })
}

fn claimed(claims: &Value) -> Result<Proof, Fault> {
    run(&proof(&json!({}), claims), None)
}

#[test]
fn a_good_proof_is_a_key_and_a_word_to_be_used_once() {
    let good = claimed(&json!({})).unwrap();
    assert_eq!(good.thumbprint, KEY.kid());
    assert_eq!(good.once.until, now() + Duration::from_secs(61));
    assert_ne!(claimed(&json!({"jti": "j-2"})).unwrap().once.hash, good.once.hash);
}

#[test]
fn every_algorithm_of_the_list_counts_and_no_other() {
    for algorithm in JwsAlgorithm::ALL {
        let key = JwsKey::generate(algorithm).unwrap();
        let header = json!({ "typ": "dpop+jwt", "jwk": key.public_jwk() });
        let claims = json!({ "jti": "j", "htm": "POST", "htu": addresses()[0], "iat": now().unix() });
        let proof = key.sign_under(header.as_object().unwrap(), claims.as_object().unwrap()).unwrap();
        let expected =
            if algorithm == JwsAlgorithm::RS256 { Err(Fault::Algorithm) } else { Ok(key.kid().to_owned()) };
        assert_eq!(run(&proof, None).map(|proof| proof.thumbprint), expected, "{algorithm:?}");
    }
}

#[test]
fn one_thing_wrong_in_the_header_is_named() {
    let mut private = KEY.public_jwk().clone();
    private["d"] = "AAAA".into();
    let other = JwsKey::generate(JwsAlgorithm::ES256).unwrap().public_jwk().clone();
    let rsa = JwsKey::generate(JwsAlgorithm::PS256).unwrap().public_jwk().clone();
    let rows = [
        (json!({"typ": null}), Fault::Type),
        (json!({"typ": "JWT"}), Fault::Type),
        (json!({"jwk": null}), Fault::Key),
        (json!({"jwk": {"kty": "oct", "k": "AAAA"}}), Fault::Key),
        (json!({"jwk": private}), Fault::Key),
        (json!({"jwk": rsa}), Fault::Key),
        (json!({"jwk": other}), Fault::Signature),
    ];
    for (header, fault) in rows {
        assert_eq!(run(&proof(&header, &json!({})), None), Err(fault), "{header}");
    }
    // `alg` is the signer's, so these are put together by hand.
    let good = proof(&json!({}), &json!({}));
    let (_, rest) = good.split_once('.').unwrap();
    for alg in ["none", "HS256", "ES256K"] {
        let header = json!({ "typ": "dpop+jwt", "alg": alg, "jwk": KEY.public_jwk() });
        let wrong = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()));
        assert_eq!(run(&wrong, None), Err(Fault::Algorithm), "{alg}");
    }
    for jwk in [json!("x"), json!(null), json!([KEY.public_jwk()])] {
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk });
        let wrong = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()));
        assert_eq!(run(&wrong, None), Err(Fault::Key), "{jwk}");
    }
    for rubbish in ["", ".", "a.b.c", &"x".repeat(9000), &format!("{good}{}", "x".repeat(9000))] {
        assert_eq!(run(rubbish, None), Err(Fault::Malformed));
    }
    let (signed, _) = good.rsplit_once('.').unwrap();
    assert_eq!(run(&format!("{signed}.AAAA"), None), Err(Fault::Signature));
    assert_eq!(run(signed, None), Err(Fault::Signature));
}

#[test]
fn one_thing_wrong_in_the_claims_is_named() {
    let seconds = now().unix();
    let rows = [
        (json!({"htm": null}), Fault::Method),
        (json!({"htm": "GET"}), Fault::Method),
        (json!({"htm": "post"}), Fault::Method),
        (json!({"htu": null}), Fault::Address),
        (json!({"htu": "https://eidas.example.org/userinfo"}), Fault::Address),
        (json!({"htu": "https://eidas.example.org/token/"}), Fault::Address),
        (json!({"htu": "http://eidas.example.org/token"}), Fault::Address),
        (json!({"htu": "https://eidas.example.org:8443/token"}), Fault::Address),
        (json!({"htu": "/token"}), Fault::Address),
        (json!({"iat": null}), Fault::TimeMissing),
        (json!({"iat": "now"}), Fault::Time),
        (json!({"iat": seconds - 61}), Fault::Old),
        (json!({"iat": seconds + 11}), Fault::Early),
        (json!({"nbf": seconds + 11}), Fault::Early),
        (json!({"exp": seconds - 10}), Fault::Expired),
        (json!({"exp": -1}), Fault::Time),
        (json!({"jti": null}), Fault::Identifier),
        (json!({"jti": ""}), Fault::Identifier),
        (json!({"jti": "x".repeat(256)}), Fault::Identifier),
    ];
    for (claims, fault) in rows {
        assert_eq!(claimed(&claims), Err(fault), "{claims}");
    }
}

#[test]
fn clocks_may_be_ten_seconds_apart_and_a_proof_lives_a_minute() {
    let seconds = now().unix();
    for claims in [
        json!({"iat": seconds - 60}),
        json!({"iat": seconds + 10}),
        json!({"nbf": seconds + 10}),
        json!({"exp": seconds - 9}),
    ] {
        assert!(claimed(&claims).is_ok(), "{claims}");
    }
}

#[test]
fn query_fragment_case_and_the_usual_port_make_no_other_address() {
    for address in [
        "https://eidas.example.org/token?a=b",
        "https://eidas.example.org/token#f",
        "HTTPS://EIDAS.example.org/token",
        "https://eidas.example.org:443/token",
    ] {
        assert!(claimed(&json!({ "htu": address })).is_ok(), "{address}");
    }
}

#[test]
fn with_a_token_the_proof_belongs_to_it() {
    // The token and its hash in RFC 9449 §7.1.
    let ath = "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo";
    let with = |ath: Value| run(&proof(&json!({}), &json!({ "ath": ath })), Some(TOKEN)).map(|_| ());
    assert_eq!(with(ath.into()), Ok(()));
    assert_eq!(with(Value::Null), Err(Fault::Token));
    assert_eq!(with(ath.to_lowercase().into()), Err(Fault::Token));
    assert_eq!(run(&proof(&json!({}), &json!({ "ath": "other" })), None).map(|_| ()), Ok(()));
}

#[test]
fn the_thumbprint_is_that_of_rfc_9449_6_1() {
    let jwk = json!({
        "kty": "EC", "crv": "P-256",
        "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
        "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
    });
    assert_eq!(jose::thumbprint(&jwk).as_deref(), Some("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"));
    assert!(is_thumbprint("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I") && !is_thumbprint("0ZcO"));
}
