//! The userinfo endpoint (OpenID Connect Core §5.3) and its Bearer tokens (RFC 6750).

use super::dpop::{self, Fault};
use super::{AccessToken, Client, Confirmation, ErrorDescription, Issuer, Keyring, OAuthError, UserinfoForm};
use crate::crypto::jose::{JoseError, JwsAlgorithm};
use crate::secret::Secret;

/// The way in which an access token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// By itself (RFC 6750).
    Bearer,
    /// With the proof of a key (RFC 9449 §7.1).
    Dpop,
}

/// The access token of a request: from the Authorization header or the form, never from the query
/// (RFC 9700 §4.3.2).
///
/// # Errors
/// If there is none, or more than one.
pub fn presented_token(
    authorization: Option<&str>,
    form: &[(String, String)],
) -> Result<(Scheme, Secret<String>), UserinfoError> {
    let mut tokens: Vec<&str> =
        form.iter().filter(|(name, _)| name == "access_token").map(|(_, value)| value.as_str()).collect();
    let mut scheme = Scheme::Bearer;
    if let Some(header) = authorization {
        let (name, token) = header.split_once(' ').unwrap_or((header, ""));
        scheme = match name {
            name if name.eq_ignore_ascii_case("Bearer") => Scheme::Bearer,
            name if name.eq_ignore_ascii_case("DPoP") => Scheme::Dpop,
            _ => return Err(UserinfoError::NoToken),
        };
        tokens.push(token.trim_matches(' '));
    }
    match tokens.as_slice() {
        [] => Err(UserinfoError::NoToken),
        [token] if is_b64token(token) => Ok((scheme, Secret::new((*token).to_owned()))),
        [_] => Err(UserinfoError::MalformedToken),
        _ => Err(UserinfoError::SeveralTokens),
    }
}

/// Whether a token that is bound to `confirmation` may be presented in this way, with a proof of the key `proved` or
/// by a certificate with the hash `certificate`.
///
/// # Errors
/// If the token is bound to a key, and whoever presents it has not shown that it is theirs.
pub fn held(
    confirmation: Option<&Confirmation>,
    scheme: Scheme,
    proved: Option<&str>,
    certificate: Option<&str>,
) -> Result<(), UserinfoError> {
    match (confirmation, scheme) {
        (None, Scheme::Bearer) => Ok(()),
        (None, Scheme::Dpop) => Err(UserinfoError::InvalidToken),
        (Some(Confirmation::Jkt(_)), Scheme::Bearer) => Err(UserinfoError::KeyNotShown),
        (Some(Confirmation::Jkt(bound)), Scheme::Dpop) => match proved {
            Some(proved) if proved == bound => Ok(()),
            Some(_) => Err(UserinfoError::Proof(Fault::OtherKey)),
            None => Err(UserinfoError::Proof(Fault::Missing)),
        },
        // RFC 8705 §3.
        (Some(Confirmation::X5tS256(bound)), Scheme::Bearer) if certificate == Some(bound) => Ok(()),
        (Some(Confirmation::X5tS256(_)), _) => Err(UserinfoError::InvalidToken),
    }
}

/// What is answered.
#[derive(Clone, PartialEq, Eq)]
pub enum Answer {
    /// A JSON object.
    Json(String),
    /// A JWT: `application/jwt`.
    Jwt(String),
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer([personal])")
    }
}

/// The claims that `token` opens, in the form that its client wants (OpenID Connect Core §5.3.2). A JWT says who
/// made it for whom. It has neither `iat` nor `exp`, so that it cannot be taken for an ID token.
///
/// # Errors
/// [`UserinfoError::TurnedOff`], or [`UserinfoError::Unmade`] with what the keys lack.
pub fn answer(
    token: &AccessToken,
    client: &Client,
    keys: &Keyring<'_>,
    issuer: &Issuer,
) -> Result<Answer, UserinfoError> {
    let mut claims = token.claims.expose().clone();
    if client.userinfo == UserinfoForm::Json {
        return Ok(Answer::Json(serde_json::Value::Object(claims).to_string()));
    }
    claims.insert("iss".to_owned(), issuer.as_str().into());
    claims.insert("aud".to_owned(), client.id.as_str().into());
    let jwt = match &client.userinfo {
        UserinfoForm::Json | UserinfoForm::Off => return Err(UserinfoError::TurnedOff),
        UserinfoForm::Signed => keys.jwt(&claims, client, None),
        UserinfoForm::SignedAndEncrypted(encryption) => keys.jwt(&claims, client, Some(encryption)),
        UserinfoForm::Encrypted(encryption) => keys.encrypted(&claims, encryption),
    };
    jwt.map(Answer::Jwt).map_err(UserinfoError::Unmade)
}

/// Why userinfo is not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserinfoError {
    /// The token is unknown, expired or revoked.
    #[error("the access token is not valid")]
    InvalidToken,
    /// The token is bound to a key, and is presented like one that is not (RFC 9449 §7.1).
    #[error("the access token is bound to a key and needs a DPoP proof")]
    KeyNotShown,
    /// What stands in place of the token cannot be one.
    #[error("the access token is malformed")]
    MalformedToken,
    /// No token: RFC 6750 §3.1 gives no error code then.
    #[error("an access token is needed")]
    NoToken,
    /// The DPoP proof proves nothing.
    #[error(transparent)]
    Proof(Fault),
    /// Tokens in two places, or twice in one.
    #[error("there is more than one access token")]
    SeveralTokens,
    /// The client has its claims in the ID token and nowhere else.
    #[error("this client finds its claims in the ID token")]
    TurnedOff,
    /// What the client wants cannot be made.
    #[error("userinfo cannot be made: {0}")]
    Unmade(JoseError),
    /// The store, or what it holds, failed us.
    #[error("userinfo cannot be answered now")]
    Unavailable,
}

impl UserinfoError {
    /// The error code, if there is one.
    #[must_use]
    pub fn error(&self) -> Option<OAuthError> {
        match self {
            Self::InvalidToken | Self::KeyNotShown => Some(OAuthError::InvalidToken),
            Self::Proof(_) => Some(OAuthError::InvalidDpopProof),
            Self::MalformedToken | Self::SeveralTokens => Some(OAuthError::InvalidRequest),
            Self::NoToken => None,
            Self::TurnedOff => Some(OAuthError::InsufficientScope),
            Self::Unmade(_) => Some(OAuthError::ServerError),
            Self::Unavailable => Some(OAuthError::TemporarilyUnavailable),
        }
    }

    /// The HTTP status (RFC 6750 §3.1).
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            // RFC 9449 §7.1; at the other endpoints it is 400.
            Self::Proof(_) => 401,
            _ => self.error().map_or(401, OAuthError::status),
        }
    }

    /// The value of the `WWW-Authenticate` header (RFC 6750 §3), for everything but our own failures.
    #[must_use]
    pub fn www_authenticate(&self) -> Option<String> {
        match self.error() {
            _ if self.status() >= 500 => None,
            None => Some("Bearer realm=\"userinfo\"".to_owned()),
            Some(error) => {
                let description = ErrorDescription::new(&self.to_string());
                if matches!(self, Self::KeyNotShown | Self::Proof(_)) {
                    let algorithms = dpop::ALGORITHMS.map(JwsAlgorithm::as_str).join(" ");
                    return Some(format!(
                        "DPoP realm=\"userinfo\", error=\"{error}\", error_description=\"{description}\", algs=\"{algorithms}\""
                    ));
                }
                Some(format!(
                    "Bearer realm=\"userinfo\", error=\"{error}\", error_description=\"{description}\""
                ))
            }
        }
    }
}

/// `b64token` of RFC 6750 §2.1, with a bound.
fn is_b64token(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
    !body.is_empty() && token.len() <= 1024 && body.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::crypto::jose::{self, JwsAlgorithm, JwsKey};
    use crate::oidc::SigningKeys;
    use crate::oidc::test_support::{TO_US, client, grant, issuer, now};

    fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn token(authorization: Option<&str>, pairs: &[(&str, &str)]) -> Result<String, UserinfoError> {
        presented_token(authorization, &form(pairs)).map(|(_, token)| token.expose().clone())
    }

    fn told(
        form: UserinfoForm,
        ours: &SigningKeys,
        clients: Option<&Value>,
    ) -> Result<Answer, UserinfoError> {
        let client = Client { userinfo: form, id_token_alg: JwsAlgorithm::ES256, ..client() };
        let token = AccessToken::of(&grant(), &client, None, now());
        answer(&token, &client, &Keyring { ours, clients }, &issuer())
    }

    fn keys() -> SigningKeys {
        let keys = [JwsAlgorithm::RS256, JwsAlgorithm::ES256].map(|a| JwsKey::generate(a).unwrap());
        SigningKeys::new(keys.into()).unwrap()
    }

    #[test]
    fn userinfo_is_json_or_a_jwt_that_says_who_made_it_for_whom() {
        let keys = keys();
        let mut expected = json!({
            "sub": "pairwise-sub",
            "acr": "http://eidas.europa.eu/LoA/high",
            "family_name": "García",
        });
        let Ok(Answer::Json(body)) = told(UserinfoForm::Json, &keys, None) else { panic!("no JSON") };
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
        let Ok(Answer::Jwt(jwt)) = told(UserinfoForm::Signed, &keys, None) else { panic!("no JWT") };
        expected["iss"] = "https://eidas.example.org".into();
        expected["aud"] = "kc".into();
        let claims = jose::verify(&jwt, &keys.jwks(), &[JwsAlgorithm::ES256]).unwrap();
        assert_eq!(Value::Object(claims), expected);
    }

    #[test]
    fn userinfo_that_is_to_be_encrypted_is_never_answered_in_clear() {
        let keys = keys();
        let set = keys.jwks();
        for form in [UserinfoForm::Encrypted(TO_US), UserinfoForm::SignedAndEncrypted(TO_US)] {
            for clients in [None, Some(&set)] {
                let refused = told(form, &keys, clients).unwrap_err();
                assert_eq!(refused, UserinfoError::Unmade(JoseError::NoRecipient("ECDH-ES")));
                assert_eq!((refused.status(), refused.www_authenticate()), (500, None));
            }
        }
    }

    #[test]
    fn userinfo_that_is_turned_off_opens_to_nobody() {
        let refused = told(UserinfoForm::Off, &keys(), None).unwrap_err();
        assert_eq!((refused.clone(), refused.status()), (UserinfoError::TurnedOff, 403));
        let challenge = refused.www_authenticate().unwrap();
        assert!(challenge.starts_with("Bearer realm=\"userinfo\", error=\"insufficient_scope\""));
    }

    #[test]
    fn a_token_comes_in_the_header_or_in_the_form() {
        assert_eq!(token(Some("Bearer abc-._~+/="), &[]), Ok("abc-._~+/=".to_owned()));
        assert_eq!(token(Some("bearer  abc"), &[]), Ok("abc".to_owned()));
        assert_eq!(token(None, &[("access_token", "abc")]), Ok("abc".to_owned()));
    }

    #[test]
    fn no_token_and_another_scheme_are_no_error_of_the_client_but_an_invitation() {
        for header in [None, Some("Basic abc"), Some("")] {
            assert_eq!(token(header, &[]), Err(UserinfoError::NoToken), "{header:?}");
        }
        assert_eq!(UserinfoError::NoToken.status(), 401);
        assert_eq!(UserinfoError::NoToken.www_authenticate().unwrap(), "Bearer realm=\"userinfo\"");
    }

    #[test]
    fn the_scheme_says_how_a_token_is_presented() {
        let scheme = |header, pairs| presented_token(header, &form(pairs)).map(|(scheme, _)| scheme);
        assert_eq!(scheme(Some("DPoP abc"), &[]), Ok(Scheme::Dpop));
        assert_eq!(scheme(Some("dpop abc"), &[]), Ok(Scheme::Dpop));
        assert_eq!(scheme(Some("Bearer abc"), &[]), Ok(Scheme::Bearer));
        assert_eq!(scheme(None, &[("access_token", "abc")]), Ok(Scheme::Bearer));
    }

    #[test]
    fn a_token_that_is_bound_to_a_key_needs_that_key() {
        let jkt = Confirmation::Jkt("mine".to_owned());
        let rows = [
            (None, Scheme::Bearer, None, Ok(())),
            (None, Scheme::Dpop, Some("mine"), Err(UserinfoError::InvalidToken)),
            (Some(&jkt), Scheme::Dpop, Some("mine"), Ok(())),
            (Some(&jkt), Scheme::Dpop, Some("other"), Err(UserinfoError::Proof(Fault::OtherKey))),
            (Some(&jkt), Scheme::Dpop, None, Err(UserinfoError::Proof(Fault::Missing))),
            (Some(&jkt), Scheme::Bearer, Some("mine"), Err(UserinfoError::KeyNotShown)),
        ];
        for (confirmation, scheme, proved, expected) in rows {
            let outcome = held(confirmation, scheme, proved, Some("mine"));
            assert_eq!(outcome, expected, "{confirmation:?} {scheme:?} {proved:?}");
        }
        let tls = Confirmation::X5tS256("mine".to_owned());
        let by = |scheme, certificate| held(Some(&tls), scheme, None, certificate);
        assert_eq!(by(Scheme::Bearer, Some("mine")), Ok(()));
        assert_eq!(by(Scheme::Bearer, Some("other")), Err(UserinfoError::InvalidToken));
        assert_eq!(by(Scheme::Bearer, None), Err(UserinfoError::InvalidToken));
        assert_eq!(by(Scheme::Dpop, Some("mine")), Err(UserinfoError::InvalidToken));
        assert_eq!(
            UserinfoError::KeyNotShown.www_authenticate().unwrap(),
            "DPoP realm=\"userinfo\", error=\"invalid_token\", error_description=\"the access token is bound to a key and needs a DPoP proof\", algs=\"PS256 ES256 ES384 ES512 EdDSA\""
        );
        let replayed = UserinfoError::Proof(Fault::Replayed);
        assert_eq!((replayed.status(), replayed.error()), (401, Some(OAuthError::InvalidDpopProof)));
    }

    #[test]
    fn two_tokens_are_one_too_many() {
        let two = token(Some("Bearer abc"), &[("access_token", "abc")]);
        assert_eq!(two, Err(UserinfoError::SeveralTokens));
        let two = token(None, &[("access_token", "a"), ("access_token", "a")]);
        assert_eq!(two, Err(UserinfoError::SeveralTokens));
        assert_eq!(UserinfoError::SeveralTokens.status(), 400);
    }

    #[test]
    fn what_cannot_be_a_token_is_malformed() {
        for header in ["Bearer", "Bearer a b", "Bearer \"a\"", "Bearer ==", "Bearer é"] {
            assert_eq!(token(Some(header), &[]), Err(UserinfoError::MalformedToken), "{header}");
        }
        let long = format!("Bearer {}", "a".repeat(1025));
        assert_eq!(token(Some(&long), &[]), Err(UserinfoError::MalformedToken));
    }

    #[test]
    fn a_dead_token_is_401_invalid_token() {
        let error = UserinfoError::InvalidToken;
        assert_eq!((error.status(), error.error()), (401, Some(OAuthError::InvalidToken)));
        assert_eq!(
            error.www_authenticate().unwrap(),
            "Bearer realm=\"userinfo\", error=\"invalid_token\", error_description=\"the access token is not valid\""
        );
        assert_eq!(
            (UserinfoError::Unavailable.status(), UserinfoError::Unavailable.www_authenticate()),
            (503, None)
        );
    }
}
