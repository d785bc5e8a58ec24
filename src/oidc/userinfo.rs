//! The userinfo endpoint (OpenID Connect Core §5.3) and its Bearer tokens (RFC 6750).

use super::{ErrorDescription, OAuthError};
use crate::secret::Secret;

/// The access token of a request: from the Authorization header or the form, never from the query
/// (RFC 9700 §4.3.2).
///
/// # Errors
/// If there is none, or more than one.
pub fn bearer_token(
    authorization: Option<&str>,
    form: &[(String, String)],
) -> Result<Secret<String>, UserinfoError> {
    let mut tokens: Vec<&str> =
        form.iter().filter(|(name, _)| name == "access_token").map(|(_, value)| value.as_str()).collect();
    if let Some(header) = authorization {
        let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
        if !scheme.eq_ignore_ascii_case("Bearer") {
            return Err(UserinfoError::NoToken);
        }
        tokens.push(token.trim_matches(' '));
    }
    match tokens.as_slice() {
        [] => Err(UserinfoError::NoToken),
        [token] if is_b64token(token) => Ok(Secret::new((*token).to_owned())),
        [_] => Err(UserinfoError::MalformedToken),
        _ => Err(UserinfoError::SeveralTokens),
    }
}

/// Why userinfo is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserinfoError {
    /// The token is unknown, expired or revoked.
    #[error("the access token is not valid")]
    InvalidToken,
    /// What stands in place of the token cannot be one.
    #[error("the access token is malformed")]
    MalformedToken,
    /// No token: RFC 6750 §3.1 gives no error code then.
    #[error("an access token is needed")]
    NoToken,
    /// Tokens in two places, or twice in one.
    #[error("there is more than one access token")]
    SeveralTokens,
    /// The store, or what it holds, failed us.
    #[error("userinfo cannot be answered now")]
    Unavailable,
}

impl UserinfoError {
    /// The error code, if there is one.
    #[must_use]
    pub fn error(self) -> Option<OAuthError> {
        match self {
            Self::InvalidToken => Some(OAuthError::InvalidToken),
            Self::MalformedToken | Self::SeveralTokens => Some(OAuthError::InvalidRequest),
            Self::NoToken => None,
            Self::Unavailable => Some(OAuthError::TemporarilyUnavailable),
        }
    }

    /// The HTTP status (RFC 6750 §3.1).
    #[must_use]
    pub fn status(self) -> u16 {
        self.error().map_or(401, OAuthError::status)
    }

    /// The value of the `WWW-Authenticate` header (RFC 6750 §3), for everything but our own failures.
    #[must_use]
    pub fn www_authenticate(self) -> Option<String> {
        match self.error() {
            _ if self.status() >= 500 => None,
            None => Some("Bearer realm=\"userinfo\"".to_owned()),
            Some(error) => {
                let description = ErrorDescription::new(&self.to_string());
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
    use super::*;

    fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn token(authorization: Option<&str>, pairs: &[(&str, &str)]) -> Result<String, UserinfoError> {
        bearer_token(authorization, &form(pairs)).map(|token| token.expose().clone())
    }

    #[test]
    fn a_token_comes_in_the_header_or_in_the_form() {
        assert_eq!(token(Some("Bearer abc-._~+/="), &[]), Ok("abc-._~+/=".to_owned()));
        assert_eq!(token(Some("bearer  abc"), &[]), Ok("abc".to_owned()));
        assert_eq!(token(None, &[("access_token", "abc")]), Ok("abc".to_owned()));
    }

    #[test]
    fn no_token_and_another_scheme_are_no_error_of_the_client_but_an_invitation() {
        for header in [None, Some("Basic abc"), Some("DPoP abc"), Some("")] {
            assert_eq!(token(header, &[]), Err(UserinfoError::NoToken), "{header:?}");
        }
        assert_eq!(UserinfoError::NoToken.status(), 401);
        assert_eq!(UserinfoError::NoToken.www_authenticate().unwrap(), "Bearer realm=\"userinfo\"");
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
