//! Request objects (RFC 9101, JAR): the parameters of an authorization request in a JWT that the client signed, so
//! that nobody on the way, the browser included, can change them.
//!
//! The algorithm is the one that the client is registered with, whatever the header says. What stands outside of
//! the object does not count (§6.3). That an object with an identifier counts once is for the store to decide.

use std::time::Duration;

use serde_json::{Map, Value};

use super::once::Once;
use super::{Client, Issuer, numeric_date};
use crate::clock::Timestamp;
use crate::crypto::jose;
use crate::crypto::jose::{JoseError, JwsAlgorithm};

/// What a request object says, once it has been judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestObject {
    /// Names and values of the parameters, as if they had come by form.
    pub parameters: Vec<(String, String)>,
    /// What must not have been seen before, if the object has an identifier.
    pub once: Option<Once>,
}

/// A request object that is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The rule that it breaks.
    pub fault: Fault,
    /// Its parameters, if the client signed it: they say where the client can be told.
    pub parameters: Option<Vec<(String, String)>>,
}

/// Why a request object is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is not a JWT that one of the client's keys signed with the registered algorithm.
    #[error("the request object is not signed as this client has to sign")]
    Signature,
    /// None of the keys that we know fits.
    #[error("no key of this client fits the request object")]
    UnknownKey,
    /// `typ` says that it is something else, such as a client assertion.
    #[error("typ of the request object must be oauth-authz-req+jwt, JWT or left out")]
    Type,
    /// `iss` is not the client.
    #[error("iss of the request object is not the client_id")]
    Issuer,
    /// `aud` does not name us.
    #[error("aud of the request object does not name this issuer")]
    Audience,
    /// `sub` is the client: then it could be taken for a client assertion.
    #[error("sub of the request object must not be the client_id")]
    Subject,
    /// `client_id` in it is another one, or missing.
    #[error("client_id in the request object is not the one outside")]
    ClientId,
    /// A request object within, or a reference to one.
    #[error("the request object holds request or request_uri")]
    Nested,
    /// A time is missing, or not a number.
    #[error("the request object needs exp and nbf as numbers")]
    Time,
    /// `exp` is past.
    #[error("the request object has expired")]
    Expired,
    /// `exp` is too far away.
    #[error("exp of the request object is more than an hour away")]
    ExpiryFar,
    /// `nbf` or `iat` lies in the future.
    #[error("the request object is not valid yet")]
    Early,
    /// `nbf` is too far back.
    #[error("nbf of the request object is more than an hour ago")]
    Old,
    /// `jti` is there, but no text of a sensible length.
    #[error("jti of the request object must have 1 to 255 octets")]
    Identifier,
    /// The identifier has been used before.
    #[error("the request object was used before")]
    Replayed,
}

/// Runs the table over a request object of `client`, which signs with `algorithm` and one of `keys`.
///
/// # Errors
/// The first rule that it breaks.
pub fn judge(
    object: &str,
    client: &Client,
    algorithm: JwsAlgorithm,
    keys: Option<&Value>,
    issuer: &Issuer,
    now: Timestamp,
) -> Result<RequestObject, Refused> {
    let unsigned = |fault| Refused { fault, parameters: None };
    if object.len() > MAX_LENGTH {
        return Err(unsigned(Fault::Signature));
    }
    let keys = keys.ok_or(unsigned(Fault::UnknownKey))?;
    let claims = jose::verify(object, keys, &[algorithm]).map_err(|error| match error {
        JoseError::UnknownKey => unsigned(Fault::UnknownKey),
        _ => unsigned(Fault::Signature),
    })?;
    let parameters = parameters(&claims);
    let judged = Judged { object, claims: &claims, client, issuer, now: now.unix() };
    match RULES.iter().try_for_each(|rule| rule(&judged)).and_then(|()| judged.once()) {
        Ok(once) => Ok(RequestObject { parameters, once }),
        Err(fault) => Err(Refused { fault, parameters: Some(parameters) }),
    }
}

/// The claims that are parameters, each as a form would have it: text as it is, everything else as JSON
/// (§4, OpenID Connect Core §6.1).
fn parameters(claims: &Map<String, Value>) -> Vec<(String, String)> {
    let own = claims.iter().filter(|(name, _)| !ABOUT_THE_OBJECT.contains(&name.as_str()));
    let own = own.filter(|(_, value)| !value.is_null());
    own.map(|(name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name.clone(), text)
    })
    .collect()
}

/// A request object whose signature holds, and what it is measured by.
struct Judged<'a> {
    object: &'a str,
    claims: &'a Map<String, Value>,
    client: &'a Client,
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

    /// The identifier, for as long as the object could be sent again.
    fn once(&self) -> Result<Option<Once>, Fault> {
        let Some(jti) = self.claims.get("jti") else { return Ok(None) };
        let jti = jti.as_str().filter(|jti| (1..=255).contains(&jti.len())).ok_or(Fault::Identifier)?;
        let expires = Timestamp::from_unix(self.time("exp")?.ok_or(Fault::Time)?);
        let until = expires + Duration::from_secs(LEEWAY.unsigned_abs());
        Ok(Some(Once::of("request object", &self.client.id, jti, until)))
    }
}

type Rule = fn(&Judged<'_>) -> Result<(), Fault>;

const RULES: &[Rule] = &[
    it_is_no_other_kind_of_jwt,
    issuer_is_the_client,
    audience_is_us,
    subject_is_not_the_client,
    client_id_is_the_one_outside,
    nothing_is_nested,
    it_expires_soon,
    it_is_valid_since_lately,
];

fn ensure(holds: bool, fault: Fault) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(fault) }
}

/// §10.8: a JWT that was made for something else is no request.
fn it_is_no_other_kind_of_jwt(judged: &Judged<'_>) -> Result<(), Fault> {
    let typ = jose::token_type(judged.object).map(|typ| typ.to_ascii_lowercase());
    let allowed =
        |typ: &str| matches!(typ.strip_prefix("application/").unwrap_or(typ), "oauth-authz-req+jwt" | "jwt");
    ensure(typ.as_deref().is_none_or(allowed), Fault::Type)
}

fn issuer_is_the_client(judged: &Judged<'_>) -> Result<(), Fault> {
    ensure(judged.text("iss") == Some(&judged.client.id), Fault::Issuer)
}

/// Our issuer, as a string or in a list (§4).
fn audience_is_us(judged: &Judged<'_>) -> Result<(), Fault> {
    let ours = |value: &Value| value.as_str() == Some(judged.issuer.as_str());
    let named = judged.claims.get("aud").is_some_and(|named| match named.as_array() {
        Some(several) => several.iter().any(ours),
        None => ours(named),
    });
    ensure(named, Fault::Audience)
}

fn subject_is_not_the_client(judged: &Judged<'_>) -> Result<(), Fault> {
    ensure(judged.text("sub") != Some(&judged.client.id), Fault::Subject)
}

fn client_id_is_the_one_outside(judged: &Judged<'_>) -> Result<(), Fault> {
    ensure(judged.text("client_id") == Some(&judged.client.id), Fault::ClientId)
}

fn nothing_is_nested(judged: &Judged<'_>) -> Result<(), Fault> {
    ensure(["request", "request_uri"].iter().all(|name| !judged.claims.contains_key(*name)), Fault::Nested)
}

/// FAPI 2.0 Message Signing §5.3.1 wants both times, and no more than an hour.
fn it_expires_soon(judged: &Judged<'_>) -> Result<(), Fault> {
    match judged.time("exp")?.ok_or(Fault::Time)? {
        exp if exp + LEEWAY <= judged.now => Err(Fault::Expired),
        exp if exp > judged.now + AN_HOUR => Err(Fault::ExpiryFar),
        _ => Ok(()),
    }
}

fn it_is_valid_since_lately(judged: &Judged<'_>) -> Result<(), Fault> {
    let nbf = judged.time("nbf")?.ok_or(Fault::Time)?;
    let latest = judged.time("iat")?.map_or(nbf, |iat| iat.max(nbf));
    ensure(latest <= judged.now + LEEWAY, Fault::Early)?;
    ensure(nbf >= judged.now - AN_HOUR, Fault::Old)
}

/// How far clocks may be apart, in seconds.
const LEEWAY: i64 = 30;
/// The longest life of a request object, in seconds.
const AN_HOUR: i64 = 3600;
/// More than any request needs.
const MAX_LENGTH: usize = 32 * 1024;
/// Claims of the JWT that are no parameters (RFC 7519 §4.1).
const ABOUT_THE_OBJECT: [&str; 7] = ["aud", "exp", "iat", "iss", "jti", "nbf", "sub"];

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;
    use crate::crypto::hash;
    use crate::crypto::jose::JwsKey;
    use crate::oidc::test_support::{client, issuer, now};

    static KEY: LazyLock<JwsKey> = LazyLock::new(|| JwsKey::generate(JwsAlgorithm::ES256).unwrap());

    fn keys() -> Value {
        json!({ "keys": [KEY.public_jwk()] })
    }

    /// A good object with changes; `null` takes a claim out.
    fn object(typ: &str, changes: Value) -> String {
        let seconds = now().unix();
        let mut claims = json!({
            "iss": "kc", "aud": issuer().as_str(), "exp": seconds + 300, "nbf": seconds, "jti": "j-1",
            "client_id": "kc", "scope": "openid", "max_age": 5, "claims": { "id_token": {} },
        });
        let claims = claims.as_object_mut().unwrap();
        claims.extend(changes.as_object().unwrap().clone());
        claims.retain(|_, value| !value.is_null());
        KEY.sign(typ, claims).unwrap()
    }

    fn run(object: &str, algorithm: JwsAlgorithm, keys: Option<&Value>) -> Result<RequestObject, Refused> {
        judge(object, &client(), algorithm, keys, &issuer(), now())
    }

    fn judged(changes: Value) -> Result<RequestObject, Fault> {
        let refused = |refused: Refused| {
            assert!(refused.parameters.is_some());
            refused.fault
        };
        run(&object("oauth-authz-req+jwt", changes), JwsAlgorithm::ES256, Some(&keys())).map_err(refused)
    }

    #[test]
    fn what_it_says_is_what_a_form_would_have_said() {
        let said = judged(json!({})).unwrap();
        let mut parameters = said.parameters;
        parameters.sort();
        let expected =
            [("claims", "{\"id_token\":{}}"), ("client_id", "kc"), ("max_age", "5"), ("scope", "openid")];
        assert_eq!(parameters, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(said.once.as_ref().unwrap().until, now() + Duration::from_secs(330));
        assert_ne!(judged(json!({ "jti": "j-2" })).unwrap().once, said.once);
        assert_eq!(judged(json!({ "jti": null })).unwrap().once, None);
    }

    #[test]
    fn one_thing_wrong_is_named() {
        let seconds = now().unix();
        let rows = [
            (json!({ "iss": null }), Fault::Issuer),
            (json!({ "iss": "other" }), Fault::Issuer),
            (json!({ "aud": null }), Fault::Audience),
            (json!({ "aud": "https://other.example" }), Fault::Audience),
            (json!({ "aud": [] }), Fault::Audience),
            (json!({ "sub": "kc" }), Fault::Subject),
            (json!({ "client_id": null }), Fault::ClientId),
            (json!({ "client_id": "other" }), Fault::ClientId),
            (json!({ "request": "x" }), Fault::Nested),
            (json!({ "request_uri": "urn:x" }), Fault::Nested),
            (json!({ "exp": null }), Fault::Time),
            (json!({ "exp": "soon" }), Fault::Time),
            (json!({ "nbf": null }), Fault::Time),
            (json!({ "exp": seconds - 30 }), Fault::Expired),
            (json!({ "exp": seconds + 3601 }), Fault::ExpiryFar),
            (json!({ "nbf": seconds + 31 }), Fault::Early),
            (json!({ "iat": seconds + 31 }), Fault::Early),
            (json!({ "nbf": seconds - 3601 }), Fault::Old),
            (json!({ "jti": "" }), Fault::Identifier),
            (json!({ "jti": 7 }), Fault::Identifier),
            (json!({ "jti": "x".repeat(256) }), Fault::Identifier),
        ];
        for (changes, fault) in rows {
            assert_eq!(judged(changes.clone()), Err(fault), "{changes}");
        }
        for fine in [
            json!({ "aud": ["https://other.example", issuer().as_str()] }),
            json!({ "exp": seconds - 29 }),
            json!({ "exp": seconds + 3600 }),
            json!({ "nbf": seconds + 8 }),
            json!({ "nbf": seconds - 3600, "iat": seconds - 3600 }),
            json!({ "sub": "somebody" }),
        ] {
            assert!(judged(fine.clone()).is_ok(), "{fine}");
        }
    }

    #[test]
    fn only_the_clients_own_key_and_algorithm_count() {
        let good = object("JWT", json!({}));
        let fault = |object: &str, algorithm, keys: Option<&Value>| {
            let refused = run(object, algorithm, keys).unwrap_err();
            assert_eq!(refused.parameters, None);
            refused.fault
        };
        let es256 = JwsAlgorithm::ES256;
        let other = JwsKey::generate(es256).unwrap();
        let others = json!({ "keys": [other.public_jwk()] });
        assert_eq!(fault(&good, es256, Some(&others)), Fault::UnknownKey);
        assert_eq!(fault(&good, es256, None), Fault::UnknownKey);
        assert_eq!(fault(&good, JwsAlgorithm::PS256, Some(&keys())), Fault::Signature);
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let payload = good.split('.').nth(1).unwrap();
        let unsigned = format!("{}.{payload}.", part(r#"{"alg":"none"}"#));
        let header = part(r#"{"alg":"HS256"}"#);
        let mac = hash::hmac_sha256(keys().to_string().as_bytes(), format!("{header}.{payload}").as_bytes());
        let confused = format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode(mac));
        let long = "x".repeat(MAX_LENGTH + 1);
        for bad in [unsigned.as_str(), &confused, "", "a.b.c", &long, &format!("{good}x")] {
            assert_eq!(fault(bad, es256, Some(&keys())), Fault::Signature);
        }
    }

    #[test]
    fn a_jwt_of_another_kind_is_no_request() {
        let typed = |typ: &str| {
            run(&object(typ, json!({})), JwsAlgorithm::ES256, Some(&keys())).map(|_| ()).map_err(|r| r.fault)
        };
        for fine in ["JWT", "jwt", "oauth-authz-req+jwt", "application/oauth-authz-req+jwt"] {
            assert_eq!(typed(fine), Ok(()), "{fine}");
        }
        for other in ["dpop+jwt", "at+jwt", "client-authentication+jwt", ""] {
            assert_eq!(typed(other), Err(Fault::Type), "{other:?}");
        }
    }
}
