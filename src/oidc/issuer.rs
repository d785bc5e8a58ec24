//! The issuer identifier: who this provider is. Fixed by configuration, never taken from a request.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::redirect_uri::is_loopback_host;

/// An issuer identifier (OpenID Connect Discovery §3): an https URL without query, fragment and trailing
/// slash. Plain http is accepted for loopback names only, for trying things out on one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Issuer(String);

impl Issuer {
    /// Checks `text` and takes it as it is.
    ///
    /// # Errors
    /// The first thing that an issuer identifier must not have.
    pub fn parse(text: &str) -> Result<Self, IssuerError> {
        let rest = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => rest,
            (_, Some(rest)) if is_loopback_host(host(authority(rest))) => rest,
            _ => return Err(IssuerError::NotHttps),
        };
        if !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(IssuerError::Character);
        }
        if text.contains(['?', '#']) {
            return Err(IssuerError::QueryOrFragment);
        }
        if authority(rest).is_empty() || authority(rest).contains('@') {
            return Err(IssuerError::Host);
        }
        if text.ends_with('/') {
            return Err(IssuerError::TrailingSlash);
        }
        Ok(Self(text.to_owned()))
    }

    /// The identifier, exactly as configured.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL of an endpoint; `path` begins with a slash.
    #[must_use]
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// Scheme, host and port: the web origin (RFC 6454).
    #[must_use]
    pub fn origin(&self) -> &str {
        let scheme = self.0.find("://").map_or(0, |at| at + 3);
        let end = self.0.get(scheme..).and_then(|rest| rest.find('/'));
        end.and_then(|end| self.0.get(..scheme + end)).unwrap_or(&self.0)
    }

    /// Whether the issuer is reached by TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

/// Why a text is no issuer identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// Neither https nor http on a loopback name.
    #[error("the issuer must be an https URL (http only for localhost)")]
    NotHttps,
    /// White space, a control character or a character outside ASCII.
    #[error("the issuer may hold printable ASCII only")]
    Character,
    /// A query or a fragment.
    #[error("the issuer must have no query and no fragment")]
    QueryOrFragment,
    /// No host, or a user name before it.
    #[error("the issuer must have a host and no user name")]
    Host,
    /// Clients compare the issuer as text; two spellings would be two issuers.
    #[error("the issuer must not end with a slash")]
    TrailingSlash,
}

impl TryFrom<String> for Issuer {
    type Error = IssuerError;
    fn try_from(text: String) -> Result<Self, IssuerError> {
        Self::parse(&text)
    }
}

impl From<Issuer> for String {
    fn from(issuer: Issuer) -> Self {
        issuer.0
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What stands between `//` and the path.
fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// An authority without its port.
fn host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_are_taken_as_they_are() {
        for text in [
            "https://eidas.example.org",
            "https://eidas.example.org:8443/op",
            "http://gateway.localhost:8080",
            "http://127.0.0.1:1",
            "http://[::1]:8080",
        ] {
            assert_eq!(Issuer::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn each_fault_has_its_name() {
        let faults = [
            ("http://eidas.example.org", IssuerError::NotHttps),
            ("http://localhost.example.org", IssuerError::NotHttps),
            ("ftp://eidas.example.org", IssuerError::NotHttps),
            ("", IssuerError::NotHttps),
            ("https://eidas.example.org/a b", IssuerError::Character),
            ("https://eidas.example.org/é", IssuerError::Character),
            ("https://eidas.example.org?x", IssuerError::QueryOrFragment),
            ("https://eidas.example.org/#x", IssuerError::QueryOrFragment),
            ("https://", IssuerError::Host),
            ("https:///path", IssuerError::Host),
            ("https://user@eidas.example.org", IssuerError::Host),
            ("https://eidas.example.org/", IssuerError::TrailingSlash),
        ];
        for (text, fault) in faults {
            assert_eq!(Issuer::parse(text), Err(fault), "{text}");
        }
    }

    #[test]
    fn endpoints_lie_below_the_issuer_and_the_origin_above() {
        let issuer = Issuer::parse("https://eidas.example.org:8443/op").unwrap();
        assert_eq!(issuer.endpoint("/token"), "https://eidas.example.org:8443/op/token");
        assert_eq!(issuer.origin(), "https://eidas.example.org:8443");
        assert_eq!(Issuer::parse("https://a.example").unwrap().origin(), "https://a.example");
    }
}
