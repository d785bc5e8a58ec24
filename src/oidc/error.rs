//! The errors that an OAuth client may be told: a closed list with one wire name and one HTTP status each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An error code on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OAuthError {
    /// The person or the provider said no (RFC 6749 §4.1.2.1).
    AccessDenied,
    /// The access token does not open this (RFC 6750 §3.1).
    InsufficientScope,
    /// Client authentication failed (RFC 6749 §5.2).
    InvalidClient,
    /// The DPoP proof is missing, or proves nothing (RFC 9449 §5).
    InvalidDpopProof,
    /// The code is unknown, used, expired, or not this client's (RFC 6749 §5.2).
    InvalidGrant,
    /// A parameter is missing, repeated or malformed (RFC 6749 §4.1.2.1).
    InvalidRequest,
    /// The request object is not signed as it must be, or breaks a rule (RFC 9101 §7).
    InvalidRequestObject,
    /// The scope asked for does not make an OpenID request (RFC 6749 §4.1.2.1).
    InvalidScope,
    /// The access token is unknown, expired or revoked (RFC 6750 §3.1).
    InvalidToken,
    /// The person would have to be asked, and the request forbids it (OpenID Connect Core §3.1.2.6).
    LoginRequired,
    /// The `registration` parameter is not supported (OpenID Connect Core §3.1.2.6).
    RegistrationNotSupported,
    /// The `request` parameter is not supported (OpenID Connect Core §3.1.2.6).
    RequestNotSupported,
    /// The `request_uri` parameter is not supported (OpenID Connect Core §3.1.2.6).
    RequestUriNotSupported,
    /// Something broke on our side (RFC 6749 §4.1.2.1).
    ServerError,
    /// We, or a node that we need, cannot serve now (RFC 6749 §4.1.2.1).
    TemporarilyUnavailable,
    /// This client may not do this (RFC 6749 §4.1.2.1).
    UnauthorizedClient,
    /// An essential `acr` cannot be met (OpenID Connect Core Error Code
    /// `unmet_authentication_requirements` 1.0).
    UnmetAuthenticationRequirements,
    /// Only `authorization_code` is redeemed (RFC 6749 §5.2).
    UnsupportedGrantType,
    /// Only `code` is answered (RFC 6749 §4.1.2.1).
    UnsupportedResponseType,
}

impl OAuthError {
    /// Every error, in the order of the list.
    pub const ALL: [Self; 19] = [
        Self::AccessDenied,
        Self::InsufficientScope,
        Self::InvalidClient,
        Self::InvalidDpopProof,
        Self::InvalidGrant,
        Self::InvalidRequest,
        Self::InvalidRequestObject,
        Self::InvalidScope,
        Self::InvalidToken,
        Self::LoginRequired,
        Self::RegistrationNotSupported,
        Self::RequestNotSupported,
        Self::RequestUriNotSupported,
        Self::ServerError,
        Self::TemporarilyUnavailable,
        Self::UnauthorizedClient,
        Self::UnmetAuthenticationRequirements,
        Self::UnsupportedGrantType,
        Self::UnsupportedResponseType,
    ];

    /// The value of the `error` parameter or member.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::InsufficientScope => "insufficient_scope",
            Self::InvalidClient => "invalid_client",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidRequestObject => "invalid_request_object",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidToken => "invalid_token",
            Self::LoginRequired => "login_required",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
        }
    }

    /// The HTTP status where the error is the answer itself and not a redirect (RFC 6749 §5.2,
    /// RFC 6750 §3.1).
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::AccessDenied | Self::InsufficientScope => 403,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
            _ => 400,
        }
    }
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Text for the developer of a client. It can only hold the characters that RFC 6749 §4.1.2.1 allows
/// (`%x20-21 / %x23-5B / %x5D-7E`) and never repeats what a request said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ErrorDescription(String);

impl ErrorDescription {
    /// Every character that is not allowed becomes a question mark.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.chars().map(|c| if is_allowed(c) { c } else { '?' }).collect())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ErrorDescription {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for ErrorDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_allowed(c: char) -> bool {
    matches!(c, '\x20'..='\x21' | '\x23'..='\x5b' | '\x5d'..='\x7e')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_wire_name_is_what_serde_writes_and_reads() {
        for error in OAuthError::ALL {
            let json = format!("\"{}\"", error.as_str());
            assert_eq!(serde_json::to_string(&error).unwrap(), json);
            assert_eq!(serde_json::from_str::<OAuthError>(&json).unwrap(), error);
        }
    }

    #[test]
    fn statuses_are_those_of_the_specifications() {
        assert_eq!(OAuthError::InvalidClient.status(), 401);
        assert_eq!(OAuthError::InvalidToken.status(), 401);
        assert_eq!(OAuthError::InvalidGrant.status(), 400);
        assert_eq!(OAuthError::UnsupportedGrantType.status(), 400);
        assert_eq!(OAuthError::TemporarilyUnavailable.status(), 503);
    }

    #[test]
    fn a_description_cannot_break_a_header_or_a_quoted_string() {
        assert_eq!(ErrorDescription::new("a\r\nSet-Cookie: \"b\\é").as_str(), "a??Set-Cookie: ?b??");
    }

    proptest! {
        #[test]
        fn a_description_never_holds_a_forbidden_character(text in any::<String>()) {
            let description = ErrorDescription::new(&text);
            let allowed = |b: u8| (0x20..=0x7e).contains(&b) && b != b'"' && b != b'\\';
            prop_assert!(description.as_str().bytes().all(allowed));
            prop_assert_eq!(description.as_str().chars().count(), text.chars().count());
        }
    }
}
