//! Client assertions (RFC 7523 §2.2, OpenID Connect Core §9): a JWT by which a client proves who it is, signed
//! with a key of its own (`private_key_jwt`) or with its secret (`client_secret_jwt`).
//!
//! The algorithm is the one that the client is registered with, whatever the header says. That a JWT counts
//! once is for the store to decide: what comes out here is the word that must not have been seen before.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::client::{AssertionAudience, AssertionKey};
use super::numeric_date;
use super::once::Once;
use super::{Client, Issuer, discovery::path};
use crate::clock::Timestamp;
use crate::crypto::jose::{self, JoseError};

/// The value of `client_assertion_type` (RFC 7523 §2.2).
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Why an assertion proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not a JWT that one of the client's keys signed with the registered algorithm.
    #[error("client authentication failed")]
    Signature,
    /// It names a key that is not in the client's set; the client may have a newer one.
    #[error("client authentication failed")]
    UnknownKey,
    /// `iss` is not the client.
    #[error("iss of the client assertion is not the client_id")]
    Issuer,
    /// `sub` is not the client.
    #[error("sub of the client assertion is not the client_id")]
    Subject,
    /// `aud` does not name us as this client has to.
    #[error("aud of the client assertion is not the one that is expected")]
    Audience,
    /// No `exp`, or not a number.
    #[error("exp of the client assertion is missing")]
    ExpiryMissing,
    /// `exp` is past.
    #[error("the client assertion has expired {0} seconds ago: compare the clocks")]
    Expired(i64),
    /// `exp` is so far away that the assertion would have to be remembered for too long.
    #[error("exp of the client assertion is more than an hour away")]
    ExpiryFar,
    /// `nbf` or `iat` lies in the future.
    #[error("the client assertion is not valid yet, but in {0} seconds: compare the clocks")]
    Early(i64),
    /// `iat` is more than an hour old.
    #[error("the client assertion was issued more than an hour ago")]
    Old,
    /// A time is not a number.
    #[error("a time in the client assertion is not a number")]
    Time,
    /// No `jti`, or one that is too long.
    #[error("jti of the client assertion must have 1 to 255 octets")]
    Identifier,
}

/// The client that an assertion claims to come from. Not verified: it only says whose keys to look at.
pub(super) fn claimed_client(assertion: &str) -> Option<String> {
    let payload = assertion.split('.').nth(1).filter(|_| assertion.len() <= MAX_LENGTH)?;
    let claims: Map<String, Value> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    claims.get("sub").and_then(Value::as_str).map(str::to_owned)
}

/// Runs the table over an assertion that claims to be from `client`, whose public keys are `keys`.
///
/// # Errors
/// The first rule that it breaks.
pub(super) fn judge(
    assertion: &str,
    client: &Client,
    key: &AssertionKey,
    keys: Option<&Value>,
    audience: AssertionAudience,
    issuer: &Issuer,
    now: Timestamp,
) -> Result<Once, Fault> {
    let verified = match (key, keys) {
        (AssertionKey::Secret(secrets), _) => {
            let mut verified =
                secrets.iter().map(|secret| jose::verify_hs256(assertion, secret.expose().as_bytes()));
            verified.find(Result::is_ok).unwrap_or(Err(JoseError::Signature))
        }
        (AssertionKey::Public { algorithm }, Some(keys)) => jose::verify(assertion, keys, &[*algorithm]),
        (AssertionKey::Public { .. }, None) => Err(JoseError::UnknownKey),
    };
    let claims = verified.map_err(|error| match error {
        JoseError::UnknownKey => Fault::UnknownKey,
        _ => Fault::Signature,
    })?;
    let judged = Judged { claims: &claims, client, audience, issuer, now: now.unix() };
    RULES.iter().try_for_each(|rule| rule(&judged))?;
    let (Some(jti), Some(exp)) = (judged.text("jti"), judged.time("exp")?) else {
        return Err(Fault::Identifier);
    };
    let until = Timestamp::from_unix(exp) + Duration::from_secs(LEEWAY.unsigned_abs());
    Ok(Once::of("client assertion", &client.id, jti, until))
}

/// An assertion whose signature holds, and what it is measured by.
struct Judged<'a> {
    claims: &'a Map<String, Value>,
    client: &'a Client,
    audience: AssertionAudience,
    issuer: &'a Issuer,
    /// In seconds.
    now: i64,
}

impl Judged<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    /// In seconds.
    fn time(&self, name: &str) -> Result<Option<i64>, Fault> {
        numeric_date::read(self.claims, name).map_err(|_| Fault::Time)
    }
}

type Rule = fn(&Judged<'_>) -> Result<(), Fault>;

const RULES: &[Rule] = &[
    issuer_is_the_client,
    subject_is_the_client,
    audience_is_us,
    it_expires_soon,
    it_is_valid_already,
    it_was_issued_lately,
    it_has_an_identifier,
];

fn issuer_is_the_client(judged: &Judged<'_>) -> Result<(), Fault> {
    if judged.text("iss") == Some(&judged.client.id) { Ok(()) } else { Err(Fault::Issuer) }
}

fn subject_is_the_client(judged: &Judged<'_>) -> Result<(), Fault> {
    if judged.text("sub") == Some(&judged.client.id) { Ok(()) } else { Err(Fault::Subject) }
}

/// FAPI 2.0 Security Profile §5.3.2.1: the issuer, as a string and alone. An assertion that is good at several
/// servers can be taken from one to the other.
fn audience_is_us(judged: &Judged<'_>) -> Result<(), Fault> {
    let named = judged.claims.get("aud").ok_or(Fault::Audience)?;
    let issuer = judged.issuer.as_str();
    let fits = match judged.audience {
        AssertionAudience::Issuer => named.as_str() == Some(issuer),
        AssertionAudience::Endpoint => {
            let ours = |value: &Value| {
                let value = value.as_str();
                let endpoints = [path::TOKEN, path::PAR].map(|path| judged.issuer.endpoint(path));
                value == Some(issuer) || endpoints.iter().any(|endpoint| value == Some(endpoint))
            };
            match named.as_array() {
                Some(several) => !several.is_empty() && several.iter().all(ours),
                None => ours(named),
            }
        }
    };
    if fits { Ok(()) } else { Err(Fault::Audience) }
}

fn it_expires_soon(judged: &Judged<'_>) -> Result<(), Fault> {
    match judged.time("exp")? {
        None => Err(Fault::ExpiryMissing),
        Some(exp) if exp + LEEWAY <= judged.now => Err(Fault::Expired(judged.now - exp)),
        Some(exp) if exp > judged.now + AN_HOUR => Err(Fault::ExpiryFar),
        Some(_) => Ok(()),
    }
}

fn it_is_valid_already(judged: &Judged<'_>) -> Result<(), Fault> {
    match judged.time("nbf")? {
        Some(nbf) if nbf > judged.now + LEEWAY => Err(Fault::Early(nbf - judged.now)),
        _ => Ok(()),
    }
}

fn it_was_issued_lately(judged: &Judged<'_>) -> Result<(), Fault> {
    match judged.time("iat")? {
        Some(iat) if iat > judged.now + LEEWAY => Err(Fault::Early(iat - judged.now)),
        Some(iat) if iat < judged.now - AN_HOUR => Err(Fault::Old),
        _ => Ok(()),
    }
}

fn it_has_an_identifier(judged: &Judged<'_>) -> Result<(), Fault> {
    match judged.text("jti") {
        Some(jti) if (1..=255).contains(&jti.len()) => Ok(()),
        _ => Err(Fault::Identifier),
    }
}

/// How far clocks may be apart, in seconds.
const LEEWAY: i64 = 30;
/// The longest life of an assertion, in seconds.
const AN_HOUR: i64 = 3600;
/// More than any assertion needs, certificates in its header included.
const MAX_LENGTH: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use serde_json::json;

    use super::*;
    use crate::crypto::hash;
    use crate::crypto::jose::{JwsAlgorithm, JwsKey};
    use crate::oidc::test_support::{client, issuer, now};
    use crate::secret::Secret;

    static KEY: LazyLock<JwsKey> = LazyLock::new(|| JwsKey::generate(JwsAlgorithm::ES256).unwrap());

    const PUBLIC: AssertionKey = AssertionKey::Public { algorithm: JwsAlgorithm::ES256 };

    fn jwks() -> Value {
        json!({ "keys": [KEY.public_jwk()] })
    }

    /// A good assertion with changes; `null` takes a claim out.
    fn assertion(changes: Value) -> String {
        let seconds = now().unix();
        let mut claims = json!({
            "iss": "kc", "sub": "kc", "aud": issuer().as_str(), "jti": "j-1", "iat": seconds, "exp": seconds + 60,
        });
        let claims = claims.as_object_mut().unwrap();
        claims.extend(changes.as_object().unwrap().clone());
        claims.retain(|_, value| !value.is_null());
        KEY.sign("JWT", claims).unwrap()
    }

    fn judged(changes: Value, audience: AssertionAudience) -> Result<Once, Fault> {
        judge(&assertion(changes), &client(), &PUBLIC, Some(&jwks()), audience, &issuer(), now())
    }

    fn strict(changes: Value) -> Result<Once, Fault> {
        judged(changes, AssertionAudience::Issuer)
    }

    #[test]
    fn a_good_assertion_is_a_word_to_be_used_once() {
        let once = strict(json!({})).unwrap();
        assert_eq!(once.until, now() + Duration::from_secs(90));
        assert_eq!(strict(json!({"iat": null})).unwrap().hash, once.hash);
        assert_ne!(strict(json!({"jti": "j-2"})).unwrap().hash, once.hash);
        assert_eq!(claimed_client(&assertion(json!({}))).as_deref(), Some("kc"));
    }

    #[test]
    fn one_thing_wrong_is_named() {
        let seconds = now().unix();
        let rows = [
            (json!({"iss": null}), Fault::Issuer),
            (json!({"iss": "other"}), Fault::Issuer),
            (json!({"sub": null}), Fault::Subject),
            (json!({"sub": "other"}), Fault::Subject),
            (json!({"aud": null}), Fault::Audience),
            (json!({"aud": "https://other.example"}), Fault::Audience),
            (json!({"aud": [issuer().as_str()]}), Fault::Audience),
            (json!({"aud": issuer().endpoint(path::TOKEN)}), Fault::Audience),
            (json!({"exp": null}), Fault::ExpiryMissing),
            (json!({"exp": "soon"}), Fault::Time),
            (json!({"exp": -1}), Fault::Time),
            (json!({"exp": 1e300}), Fault::Time),
            (json!({"exp": seconds - 300}), Fault::Expired(300)),
            (json!({"exp": seconds - 30}), Fault::Expired(30)),
            (json!({"exp": seconds + 3601}), Fault::ExpiryFar),
            (json!({"nbf": seconds + 61}), Fault::Early(61)),
            (json!({"iat": seconds + 61}), Fault::Early(61)),
            (json!({"iat": seconds - 3601}), Fault::Old),
            (json!({"jti": null}), Fault::Identifier),
            (json!({"jti": ""}), Fault::Identifier),
            (json!({"jti": "x".repeat(256)}), Fault::Identifier),
            (json!({"jti": 7}), Fault::Identifier),
        ];
        for (changes, fault) in rows {
            assert_eq!(strict(changes.clone()), Err(fault), "{changes}");
        }
    }

    #[test]
    fn clocks_may_be_a_little_apart() {
        let seconds = now().unix();
        for changes in
            [json!({"exp": seconds - 29}), json!({"nbf": seconds + 8}), json!({"iat": seconds + 10})]
        {
            assert!(strict(changes.clone()).is_ok(), "{changes}");
        }
        // A NumericDate may have a fraction.
        let fraction: Value = serde_json::from_str(&format!("{}.5", seconds + 10)).unwrap();
        assert!(strict(json!({ "exp": fraction })).is_ok());
    }

    #[test]
    fn a_client_may_be_let_off_with_the_address_of_the_token_endpoint() {
        let (ours, token) = (issuer().as_str().to_owned(), issuer().endpoint(path::TOKEN));
        let compatible = |aud: Value| judged(json!({ "aud": aud }), AssertionAudience::Endpoint);
        let par = issuer().endpoint(path::PAR);
        for aud in [json!(ours), json!(par), json!(token), json!([token]), json!([ours, token])] {
            assert!(compatible(aud.clone()).is_ok(), "{aud}");
        }
        for aud in
            [json!([]), json!([ours, "https://other.example"]), json!("https://other.example"), json!(7)]
        {
            assert_eq!(compatible(aud.clone()), Err(Fault::Audience), "{aud}");
        }
    }

    #[test]
    fn only_the_clients_own_key_and_algorithm_count() {
        let judge = |assertion: &str, key: &AssertionKey, keys: Option<&Value>| {
            judge(assertion, &client(), key, keys, AssertionAudience::Issuer, &issuer(), now()).unwrap_err()
        };
        let run = |assertion: &str| judge(assertion, &PUBLIC, Some(&jwks()));
        let mut other = JwsKey::generate(JwsAlgorithm::ES256).unwrap().public_jwk().clone();
        let good = assertion(json!({}));
        assert_eq!(judge(&good, &PUBLIC, Some(&json!({ "keys": [other] }))), Fault::UnknownKey);
        other["kid"] = KEY.kid().into();
        assert_eq!(judge(&good, &PUBLIC, Some(&json!({ "keys": [other] }))), Fault::Signature);
        assert_eq!(judge(&good, &PUBLIC, None), Fault::UnknownKey);
        let ps256 = AssertionKey::Public { algorithm: JwsAlgorithm::PS256 };
        assert_eq!(judge(&good, &ps256, Some(&jwks())), Fault::Signature);
        // The public key as a secret, and no signature at all.
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let payload = good.split('.').nth(1).unwrap();
        let unsigned = format!("{}.{payload}.", part(r#"{"alg":"none"}"#));
        assert_eq!(run(&unsigned), Fault::Signature);
        let header = part(r#"{"alg":"HS256"}"#);
        let mac = hash::hmac_sha256(jwks().to_string().as_bytes(), format!("{header}.{payload}").as_bytes());
        let confused = format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(mac));
        assert_eq!(run(&confused), Fault::Signature);
        for rubbish in ["", ".", "..", "a.b.c", &"x".repeat(20_000)] {
            assert_eq!(run(rubbish), Fault::Signature);
            assert_eq!(claimed_client(rubbish), None);
        }
    }

    #[test]
    fn a_secret_signs_with_hs256_only() {
        let secret = "0123456789abcdef0123456789abcdef";
        let sign = |alg: &str, secret: &str| {
            let good = assertion(json!({}));
            let header = URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"{alg}\"}}"));
            let signed = format!("{header}.{}", good.split('.').nth(1).unwrap());
            let mac = hash::hmac_sha256(secret.as_bytes(), signed.as_bytes());
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac))
        };
        let key = AssertionKey::Secret(vec![Secret::new(secret.to_owned())]);
        let run = |assertion: &str| {
            judge(assertion, &client(), &key, None, AssertionAudience::Issuer, &issuer(), now()).map(|_| ())
        };
        assert_eq!(run(&sign("HS256", secret)), Ok(()));
        let before = vec![Secret::new("new".repeat(11)), Secret::new(secret.to_owned())];
        let before = AssertionKey::Secret(before);
        let judged = judge(
            &sign("HS256", secret),
            &client(),
            &before,
            None,
            AssertionAudience::Issuer,
            &issuer(),
            now(),
        );
        assert!(judged.is_ok());
        assert_eq!(run(&sign("HS512", secret)), Err(Fault::Signature));
        assert_eq!(run(&sign("HS256", "another")), Err(Fault::Signature));
        assert_eq!(run(&assertion(json!({}))), Err(Fault::Signature));
    }
}
