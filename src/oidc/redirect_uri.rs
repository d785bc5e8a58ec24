//! Where an answer may be sent: registered redirect URIs and how a presented one is compared with them.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A registered redirect URI (RFC 6749 §3.1.2, RFC 9700 §2.1): https anywhere, http on loopback only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RedirectUri(String);

impl RedirectUri {
    /// Checks a URI that is to be registered.
    ///
    /// # Errors
    /// The first thing that a redirect URI must not have.
    pub fn register(text: &str) -> Result<Self, RedirectUriError> {
        if !text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'*' | b'\\' | b'"' | b'<' | b'>')) {
            return Err(RedirectUriError::Character);
        }
        if text.contains('#') {
            return Err(RedirectUriError::Fragment);
        }
        let (scheme, rest) = text.split_once("://").ok_or(RedirectUriError::Scheme)?;
        let (authority, tail) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (host, port) = split_port(authority);
        if host.is_empty() || host.contains('@') || port.is_some_and(|p| p.parse::<u16>().is_err()) {
            return Err(RedirectUriError::Host);
        }
        match scheme {
            "https" => {}
            "http" if is_loopback_host(host) => {}
            _ => return Err(RedirectUriError::Scheme),
        }
        // A client that finds its own `code` in the query could be made to take a foreign one.
        let query = tail.split_once('?').map_or("", |(_, query)| query);
        if query.split('&').any(|pair| RESERVED.contains(&pair.split('=').next().unwrap_or_default())) {
            return Err(RedirectUriError::ReservedParameter);
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether `presented` is this URI: byte for byte, except that a native program on loopback cannot
    /// know its port beforehand (RFC 8252 §7.3).
    #[must_use]
    pub fn matches(&self, presented: &str) -> bool {
        presented == self.0
            || matches!(
                (without_loopback_port(&self.0), without_loopback_port(presented)),
                (Some(registered), Some(presented)) if registered == presented
            )
    }

    /// The URI as registered.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text cannot be registered as a redirect URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriError {
    /// A wildcard, white space, or what is not printable ASCII.
    #[error("a redirect URI may hold URI characters only, and no wildcard")]
    Character,
    /// RFC 6749 §3.1.2: no fragment.
    #[error("a redirect URI must have no fragment")]
    Fragment,
    /// No host, a user name, or a port that is none.
    #[error("a redirect URI must have a host, no user name, and a port below 65536 if any")]
    Host,
    /// A parameter that the answer itself carries.
    #[error("a redirect URI must not hold code, error, iss, response, session_state or state in its query")]
    ReservedParameter,
    /// Neither https nor http on loopback.
    #[error("a redirect URI must be https (http only for localhost)")]
    Scheme,
}

impl TryFrom<String> for RedirectUri {
    type Error = RedirectUriError;
    fn try_from(text: String) -> Result<Self, RedirectUriError> {
        Self::register(&text)
    }
}

impl From<RedirectUri> for String {
    fn from(uri: RedirectUri) -> Self {
        uri.0
    }
}

impl fmt::Display for RedirectUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names that never leave the machine: the loopback addresses, `localhost` and what is below it
/// (RFC 6761 §6.3).
pub(crate) fn is_loopback_host(host: &str) -> bool {
    let name_below_localhost = || {
        host.strip_suffix(".localhost").is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
        })
    };
    matches!(host, "127.0.0.1" | "[::1]" | "localhost") || name_below_localhost()
}

/// The host of an http loopback URI and what follows the port; `None` for every other URI.
fn without_loopback_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = split_port(authority);
    let usable = |port: &str| port.len() <= 5 && port.parse::<u16>().is_ok_and(|port| port > 0);
    (is_loopback_host(host) && port.is_none_or(usable)).then_some((host, tail))
}

/// Host and port of an authority.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
            (host, Some(port))
        }
        _ => (authority, None),
    }
}

/// Parameters of an authorization response.
const RESERVED: [&str; 6] = ["code", "error", "iss", "response", "session_state", "state"];

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTERED: &str = "https://rp.example/realms/citizens/broker/eidas/endpoint";

    #[test]
    fn the_registered_uri_matches_itself() {
        assert!(RedirectUri::register(REGISTERED).unwrap().matches(REGISTERED));
    }

    #[test]
    fn no_mutation_of_the_registered_uri_matches() {
        let registered = RedirectUri::register(REGISTERED).unwrap();
        let mutations = [
            format!("{REGISTERED}/"),
            format!("{REGISTERED}/../evil"),
            format!("{REGISTERED}.evil.example"),
            format!("{REGISTERED}?x=1"),
            format!("{REGISTERED}#x"),
            format!(" {REGISTERED}"),
            format!("{REGISTERED}\n"),
            REGISTERED.replace("https", "http"),
            REGISTERED.replace("https", "HTTPS"),
            REGISTERED.replace("rp.example", "RP.example"),
            REGISTERED.replace("rp.example", "rp.example:443"),
            REGISTERED.replace("rp.example", "rp.example:8443"),
            REGISTERED.replace("rp.example", "rp.example@evil.example"),
            REGISTERED.replace("rp.example", "rp.example.evil.example"),
            REGISTERED.replace("rp.example", "evil.example"),
            REGISTERED.replace("/broker", "%2fbroker"),
            REGISTERED.replace("/broker", "/./broker"),
            REGISTERED.replace("broker", "Broker"),
            String::new(),
        ];
        for mutation in mutations {
            assert!(!registered.matches(&mutation), "{mutation}");
        }
    }

    #[test]
    fn a_loopback_uri_matches_at_any_port() {
        let registered = RedirectUri::register("http://127.0.0.1/cb?x=1").unwrap();
        for port in ["", ":1", ":8080", ":65535"] {
            assert!(registered.matches(&format!("http://127.0.0.1{port}/cb?x=1")), "{port}");
        }
    }

    #[test]
    fn a_loopback_uri_matches_at_nothing_but_another_port() {
        let registered = RedirectUri::register("http://127.0.0.1:80/cb").unwrap();
        for presented in [
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:+80/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:80@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1:80/cb/",
            "http://127.0.0.1:80/cb#x",
            "http://localhost:80/cb",
            "http://127.0.0.2/cb",
            "https://127.0.0.1/cb",
            "http://evil.example:80/cb",
        ] {
            assert!(!registered.matches(presented), "{presented}");
        }
    }

    #[test]
    fn an_https_uri_on_loopback_matches_at_its_own_port_only() {
        let registered = RedirectUri::register("https://rp.localhost:8443/cb").unwrap();
        assert!(!registered.matches("https://rp.localhost:8444/cb"));
    }

    #[test]
    fn what_can_be_registered() {
        for text in [
            "https://rp.example/cb",
            "https://rp.example",
            "https://rp.example:8443/cb?tenant=a&x",
            "http://localhost:8080/cb",
            "http://rp.localhost/cb",
            "http://[::1]:9000/cb",
        ] {
            assert_eq!(RedirectUri::register(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_cannot_be_registered_says_why() {
        let faults = [
            ("https://*.example/cb", RedirectUriError::Character),
            ("https://rp.example/c b", RedirectUriError::Character),
            ("https://rp.example/é", RedirectUriError::Character),
            ("https://rp.example/\\evil", RedirectUriError::Character),
            ("https://rp.example/cb#x", RedirectUriError::Fragment),
            ("https:///cb", RedirectUriError::Host),
            ("https://user@rp.example/cb", RedirectUriError::Host),
            ("https://rp.example:70000/cb", RedirectUriError::Host),
            ("https://rp.example/cb?state=1", RedirectUriError::ReservedParameter),
            ("https://rp.example/cb?a=b&code", RedirectUriError::ReservedParameter),
            ("http://rp.example/cb", RedirectUriError::Scheme),
            ("http://.localhost/cb", RedirectUriError::Scheme),
            ("javascript:alert(1)", RedirectUriError::Scheme),
            ("com.example.app://cb", RedirectUriError::Scheme),
            ("/cb", RedirectUriError::Scheme),
        ];
        for (text, fault) in faults {
            assert_eq!(RedirectUri::register(text), Err(fault), "{text}");
        }
    }
}
