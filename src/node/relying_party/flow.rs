//! The relying party's half of OpenID Connect Core §3.1: what it sends, and what it demands of each answer.

use std::collections::HashMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::{Offer, RelyingParty};
use crate::clock::Timestamp;
use crate::crypto::hash;
use crate::crypto::jose::{self, JwsAlgorithm};
use crate::ids::{Random, token};
use crate::node::{Answer, Call};

/// What the gateway's discovery document says.
#[derive(Clone, Debug)]
pub(super) struct Provider {
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    pub(super) jwks_uri: String,
}

/// A login that has begun.
#[derive(Clone)]
pub(super) struct Begun {
    pub(super) offer: Offer,
    pub(super) journal_from: usize,
    state: String,
    nonce: String,
    verifier: String,
}

/// A person who is logged in: what the relying party learned.
#[derive(Clone)]
pub(super) struct LoggedIn {
    /// The claims of the ID token.
    pub(super) id_token: Map<String, Value>,
    /// The claims of the userinfo endpoint.
    pub(super) userinfo: Map<String, Value>,
}

/// Why nobody is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// An OAuth error code of the gateway, or a word of our own.
    pub(super) code: String,
    /// What it says about it.
    pub(super) description: String,
}

/// The answer of the token endpoint.
pub(super) struct Tokens {
    id_token: String,
    access_token: String,
}

impl Problem {
    pub(super) fn new(code: &str, description: &str) -> Self {
        Self { code: code.to_owned(), description: description.to_owned() }
    }
}

impl Provider {
    pub(super) fn read(answer: &Answer, issuer: &str) -> Result<Self, Problem> {
        let document = object(answer)?;
        let text = |name: &str| {
            let found = document.get(name).and_then(Value::as_str);
            found
                .map(str::to_owned)
                .ok_or_else(|| Problem::new("bad_discovery", &format!("{name} is missing")))
        };
        if text("issuer")? != issuer {
            return Err(Problem::new("bad_discovery", "the issuer is another"));
        }
        Ok(Self {
            authorization_endpoint: text("authorization_endpoint")?,
            token_endpoint: text("token_endpoint")?,
            userinfo_endpoint: text("userinfo_endpoint")?,
            jwks_uri: text("jwks_uri")?,
        })
    }
}

impl Begun {
    pub(super) fn new(offer: Offer, journal_from: usize, random: &dyn Random) -> Self {
        Self { offer, journal_from, state: token(random), nonce: token(random), verifier: token(random) }
    }

    /// The authorization request (OpenID Connect Core §3.1.2.1, RFC 7636).
    pub(super) fn authorization_url(&self, provider: &Provider, about: &RelyingParty) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(hash::sha256(self.verifier.as_bytes()));
        let redirect_uri = redirect_uri(about);
        let mut parameters = vec![
            ("response_type", "code"),
            ("client_id", &self.offer.client_id),
            ("redirect_uri", &redirect_uri),
            ("scope", &self.offer.scope),
            ("state", &self.state),
            ("nonce", &self.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        if !self.offer.acr_values.is_empty() {
            parameters.push(("acr_values", &self.offer.acr_values));
        }
        format!("{}?{}", provider.authorization_endpoint, form(&parameters))
    }

    /// The code, if the answer is to this login (RFC 9207: `iss` must be the gateway's).
    pub(super) fn code(
        &self,
        parameters: &HashMap<String, String>,
        about: &RelyingParty,
    ) -> Result<String, Problem> {
        let parameter = |name: &str| parameters.get(name).map(String::as_str);
        if parameter("state") != Some(&self.state) {
            return Err(Problem::new("bad_state", "the answer belongs to another login"));
        }
        if parameter("iss") != Some(&about.issuer) {
            return Err(Problem::new("bad_issuer", "the answer comes from another provider"));
        }
        if let Some(error) = parameter("error") {
            return Err(Problem::new(error, parameter("error_description").unwrap_or_default()));
        }
        parameter("code").map(str::to_owned).ok_or_else(|| Problem::new("no_code", "the answer has no code"))
    }

    /// The token request (OpenID Connect Core §3.1.3.1) with `client_secret_basic` (RFC 6749 §2.3.1).
    pub(super) fn token_call(&self, provider: &Provider, code: &str, about: &RelyingParty) -> Call {
        let id = encode(&self.offer.client_id);
        let secret = encode(self.offer.client_secret.expose());
        let redirect_uri = redirect_uri(about);
        let body = form(&[
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect_uri),
            ("code_verifier", &self.verifier),
        ]);
        Call {
            method: "POST",
            url: provider.token_endpoint.clone(),
            authorization: Some(format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))),
            form: Some(body),
        }
    }

    /// The claims of the ID token, verified as OpenID Connect Core §3.1.3.7 says.
    pub(super) fn id_token(
        &self,
        tokens: &Tokens,
        jwks: &Answer,
        issuer: &str,
        now: Timestamp,
    ) -> Result<Map<String, Value>, Problem> {
        let jwks = Value::Object(object(jwks)?);
        let claims = jose::verify(&tokens.id_token, &jwks, ALGORITHMS);
        let claims = claims.map_err(|error| Problem::new("bad_id_token", &error.to_string()))?;
        let is = |name: &str, expected: &str| claims.get(name).and_then(Value::as_str) == Some(expected);
        let after =
            |name: &str| claims.get(name).and_then(Value::as_i64).is_some_and(|at| at > now.unix() - SKEW);
        let before =
            |name: &str| claims.get(name).and_then(Value::as_i64).is_some_and(|at| at < now.unix() + SKEW);
        let checks = [
            ("iss", is("iss", issuer)),
            ("aud", is("aud", &self.offer.client_id)),
            ("nonce", is("nonce", &self.nonce)),
            ("exp", after("exp")),
            ("iat", before("iat")),
        ];
        match checks.iter().find(|(_, holds)| !holds) {
            Some((claim, _)) => {
                Err(Problem::new("bad_id_token", &format!("the claim {claim} is not as it must be")))
            }
            None => Ok(claims),
        }
    }
}

/// Reads the answer of the token endpoint.
pub(super) fn tokens(answer: &Answer) -> Result<Tokens, Problem> {
    let body = object(answer)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let bearer = text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    match (text("id_token"), text("access_token")) {
        (Some(id_token), Some(access_token)) if bearer => Ok(Tokens { id_token, access_token }),
        _ => Err(Problem::new("bad_token_answer", "an ID token or a bearer token is missing")),
    }
}

/// The userinfo request (OpenID Connect Core §5.3.1).
pub(super) fn userinfo_call(provider: &Provider, tokens: &Tokens) -> Call {
    let authorization = Some(format!("Bearer {}", tokens.access_token));
    Call { authorization, ..Call::get(&provider.userinfo_endpoint) }
}

/// Both `sub` must be the same (OpenID Connect Core §5.3.2).
pub(super) fn logged_in(id_token: Map<String, Value>, userinfo: &Answer) -> Result<LoggedIn, Problem> {
    let userinfo = object(userinfo)?;
    if userinfo.get("sub").is_none() || userinfo.get("sub") != id_token.get("sub") {
        return Err(Problem::new("bad_userinfo", "userinfo is about someone else"));
    }
    Ok(LoggedIn { id_token, userinfo })
}

/// A JSON object with status 200, or the error that the gateway names.
fn object(answer: &Answer) -> Result<Map<String, Value>, Problem> {
    let body = serde_json::from_slice(&answer.body);
    let Ok(Value::Object(body)) = body else {
        return Err(Problem::new("bad_answer", &format!("not a JSON object (HTTP {})", answer.status)));
    };
    if answer.status == 200 {
        return Ok(body);
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    Err(Problem::new(text("error"), text("error_description")))
}

fn redirect_uri(about: &RelyingParty) -> String {
    format!("{}/callback", about.base)
}

fn form(parameters: &[(&str, &str)]) -> String {
    let pairs = parameters.iter().map(|(name, value)| format!("{name}={}", encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// Percent-encodes all but the unreserved characters of RFC 3986 §2.3.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) {
            encoded.push(char::from(octet));
        } else {
            let _ = write!(encoded, "%{octet:02X}");
        }
    }
    encoded
}

const ALGORITHMS: &[JwsAlgorithm] =
    &[JwsAlgorithm::RS256, JwsAlgorithm::PS256, JwsAlgorithm::ES256, JwsAlgorithm::EdDSA];
/// Seconds by which the clocks of relying party and gateway may differ.
const SKEW: i64 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::CountingRandom;
    use crate::secret::Secret;

    const ISSUER: &str = "https://gateway.example";

    fn about() -> RelyingParty {
        RelyingParty {
            name: "Shop".into(),
            base: "https://shop.example".into(),
            issuer: ISSUER.into(),
            offers: Vec::new(),
        }
    }

    fn begun() -> Begun {
        let offer = Offer {
            id: "natural".into(),
            title: "Log in".into(),
            note: String::new(),
            client_id: "shop".into(),
            client_secret: Secret::new("s3cr:t/".into()),
            scope: "openid profile".into(),
            acr_values: "http://eidas.europa.eu/LoA/high".into(),
        };
        Begun::new(offer, 0, &CountingRandom::default())
    }

    fn json(status: u16, body: &str) -> Answer {
        Answer { status, body: body.as_bytes().to_vec() }
    }

    fn provider() -> Provider {
        let document = r#"{"issuer":"https://gateway.example","authorization_endpoint":"https://gateway.example/authorize",
            "token_endpoint":"https://gateway.example/token","userinfo_endpoint":"https://gateway.example/userinfo",
            "jwks_uri":"https://gateway.example/jwks"}"#;
        Provider::read(&json(200, document), ISSUER).unwrap()
    }

    #[test]
    fn the_request_carries_all_that_ties_the_answer_to_it() {
        let url = begun().authorization_url(&provider(), &about());
        let (endpoint, query) = url.split_once('?').unwrap();
        assert_eq!(endpoint, "https://gateway.example/authorize");
        let names: Vec<_> = query.split('&').map(|pair| pair.split_once('=').unwrap().0).collect();
        let expected = [
            "response_type",
            "client_id",
            "redirect_uri",
            "scope",
            "state",
            "nonce",
            "code_challenge",
            "code_challenge_method",
            "acr_values",
        ];
        assert_eq!(names, expected);
        assert!(query.contains("redirect_uri=https%3A%2F%2Fshop.example%2Fcallback"));
        assert!(query.contains("scope=openid%20profile"));
    }

    #[test]
    fn an_answer_to_another_login_is_not_taken() {
        let begun = begun();
        let answer = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            begun.code(&pairs.collect(), &about()).map_err(|problem| problem.code)
        };
        let state = begun.state.as_str();
        assert_eq!(answer(&[("state", state), ("iss", ISSUER), ("code", "c")]), Ok("c".to_owned()));
        assert_eq!(answer(&[("state", "x"), ("iss", ISSUER), ("code", "c")]), Err("bad_state".to_owned()));
        assert_eq!(answer(&[("state", state), ("code", "c")]), Err("bad_issuer".to_owned()));
        assert_eq!(
            answer(&[("state", state), ("iss", ISSUER), ("error", "access_denied")]),
            Err("access_denied".to_owned())
        );
        assert_eq!(answer(&[("state", state), ("iss", ISSUER)]), Err("no_code".to_owned()));
    }

    #[test]
    fn the_secret_is_encoded_before_it_is_joined() {
        let call = begun().token_call(&provider(), "c", &about());
        let expected = format!("Basic {}", STANDARD.encode("shop:s3cr%3At%2F"));
        assert_eq!(call.authorization, Some(expected));
    }

    #[test]
    fn userinfo_about_someone_else_is_refused() {
        let id_token = Map::from_iter([("sub".to_owned(), Value::from("a"))]);
        assert!(logged_in(id_token.clone(), &json(200, r#"{"sub":"a"}"#)).is_ok());
        for other in [r#"{"sub":"b"}"#, "{}"] {
            let problem = logged_in(id_token.clone(), &json(200, other)).err().unwrap();
            assert_eq!(problem.code, "bad_userinfo");
        }
    }
}
