//! Which addresses may be called: pure decisions about URLs and IP addresses, no resolving, no sockets.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What the gateway may call beyond public https addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Networks that may be called although they are not public.
    pub networks: Vec<Network>,
    /// This machine, and it by plain http too: for tests and trying out.
    pub loopback: bool,
}

/// Why an address is not called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefused {
    /// Not an absolute http or https URL.
    #[error("not an http or https address")]
    NotAUrl,
    /// http where https is required.
    #[error("https is required")]
    PlainHttp,
    /// An address that is not on the public Internet and not in an allowed network.
    #[error("{0} is a private address")]
    Private(IpAddr),
}

/// Decides by its text whether `url` may be called; the addresses of a host name are decided on by
/// [`address`] when it has been resolved.
///
/// # Errors
/// The rule that the URL breaks.
pub(crate) fn url(url: &str, allowed: &Allowed) -> Result<(), AddressRefused> {
    let parts = url_parts(url).ok_or(AddressRefused::NotAUrl)?;
    let local = is_local_host(parts.host);
    if parts.scheme == "http" && !(local && allowed.loopback) {
        return Err(AddressRefused::PlainHttp);
    }
    parts.host.parse().map_or(Ok(()), |ip| address(ip, allowed))
}

/// The same for an address whose answers are signed themselves, so that plain http will do.
///
/// # Errors
/// The rule that the URL breaks.
pub(crate) fn plain_url(url: &str, allowed: &Allowed) -> Result<(), AddressRefused> {
    let parts = url_parts(url).ok_or(AddressRefused::NotAUrl)?;
    parts.host.parse().map_or(Ok(()), |ip| address(ip, allowed))
}

/// Decides whether `ip` may be connected to: what is public, and what is allowed by name.
///
/// # Errors
/// [`AddressRefused::Private`].
pub(crate) fn address(ip: IpAddr, allowed: &Allowed) -> Result<(), AddressRefused> {
    let ip = ip.to_canonical();
    let named = allowed.networks.iter().any(|network| network.contains(ip));
    if named || (allowed.loopback && ip.is_loopback()) || is_public(ip) {
        Ok(())
    } else {
        Err(AddressRefused::Private(ip))
    }
}

/// Everything but the special-purpose blocks (IANA registries of RFC 6890) and multicast.
fn is_public(ip: IpAddr) -> bool {
    const SPECIAL: &[(&str, u8)] = &[
        ("0.0.0.0", 8),
        ("10.0.0.0", 8),
        ("100.64.0.0", 10),
        ("127.0.0.0", 8),
        ("169.254.0.0", 16),
        ("172.16.0.0", 12),
        ("192.0.0.0", 24),
        ("192.0.2.0", 24),
        ("192.88.99.0", 24),
        ("192.168.0.0", 16),
        ("198.18.0.0", 15),
        ("198.51.100.0", 24),
        ("203.0.113.0", 24),
        ("224.0.0.0", 3),
        // IPv6: of the whole space only 2000::/3 is public, less the blocks below. Those that carry an
        // IPv4 address inside (6to4, Teredo, NAT64) could lead to a private one.
        ("2001::", 23),
        ("2001:db8::", 32),
        ("2002::", 16),
        ("3fff::", 20),
    ];
    if let IpAddr::V6(v6) = ip
        && v6.segments().first().is_none_or(|first| first >> 13 != 1)
    {
        return false;
    }
    !SPECIAL.iter().any(|(address, prefix)| {
        address.parse().is_ok_and(|address| Network { address, prefix: *prefix }.contains(ip))
    })
}

/// The parts of an absolute http or https URL that the checks look at.
pub struct UrlParts<'a> {
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host without port, and without the brackets of an IPv6 address.
    pub host: &'a str,
    /// Path, query and fragment, as written.
    pub path: &'a str,
}

/// Takes `url` apart; `None` unless it is http or https with a host and without user information.
#[must_use]
pub fn url_parts(url: &str) -> Option<UrlParts<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    if !["http", "https"].contains(&scheme) || url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return None;
    }
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = match authority.strip_prefix('[') {
        Some(v6) => v6.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port_ok = port.is_empty() || port.strip_prefix(':').is_some_and(|p| p.parse::<u16>().is_ok());
    (!host.is_empty() && !authority.contains('@') && port_ok).then_some(UrlParts { scheme, host, path })
}

/// Whether `host` names this machine: a loopback address, `localhost` or `*.localhost` (RFC 6761 §6.3).
#[must_use]
pub fn is_local_host(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A network of addresses, as `10.0.0.0/8` or `2001:db8::/32`; a bare address is a network of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Whether `address` lies in this network. An IPv4 address written as IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(net), IpAddr::V4(one)) => {
                let shift = 32_u32.saturating_sub(u32::from(self.prefix));
                net.to_bits().checked_shr(shift) == one.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(net), IpAddr::V6(one)) => {
                let shift = 128_u32.saturating_sub(u32::from(self.prefix));
                net.to_bits().checked_shr(shift) == one.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = || format!("`{text}` is not a network such as 10.0.0.0/8");
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().map_err(|_| fault())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(most), |p| p.parse::<u8>().map_err(|_| fault()))?;
        if prefix > most { Err(fault()) } else { Ok(Self { address, prefix }) }
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let parts = |url| url_parts(url).map(|u| (u.scheme.to_owned(), u.host.to_owned(), u.path.to_owned()));
        let some = |s: &str, h: &str, p: &str| Some((s.to_owned(), h.to_owned(), p.to_owned()));
        assert_eq!(parts("https://a.example"), some("https", "a.example", ""));
        assert_eq!(parts("http://[::1]:8080/x?y"), some("http", "::1", "/x?y"));
        for wrong in ["a.example", "ftp://a", "https://", "https://u@a", "https://a:99999", "https://a b"] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn private_addresses_are_not_called() {
        let private = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.255.255",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "fc00::1",
            "fe80::1",
            "ff02::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2001::1",
        ];
        for ip in private {
            let ip: IpAddr = ip.parse().unwrap();
            assert_eq!(
                address(ip, &Allowed::default()),
                Err(AddressRefused::Private(ip.to_canonical())),
                "{ip}"
            );
        }
        for ip in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2a00:1450::1", "2606:4700::1111"] {
            assert_eq!(address(ip.parse().unwrap(), &Allowed::default()), Ok(()), "{ip}");
        }
    }

    #[test]
    fn private_addresses_are_called_when_they_are_allowed_by_name() {
        let ten = Allowed { networks: vec!["10.0.0.0/8".parse().unwrap()], loopback: false };
        assert_eq!(address("10.1.2.3".parse().unwrap(), &ten), Ok(()));
        assert!(address("127.0.0.1".parse().unwrap(), &ten).is_err());
        let here = Allowed { networks: Vec::new(), loopback: true };
        assert_eq!(address("::1".parse().unwrap(), &here), Ok(()));
        assert!(address("10.1.2.3".parse().unwrap(), &here).is_err());
    }

    #[test]
    fn a_url_is_https_unless_it_is_this_machine_and_that_is_allowed() {
        let (strict, here) = (Allowed::default(), Allowed { networks: Vec::new(), loopback: true });
        let rows = [
            ("https://node.example/metadata", Ok(()), Ok(())),
            ("http://node.example/metadata", Err(AddressRefused::PlainHttp), Err(AddressRefused::PlainHttp)),
            ("http://xa.node.localhost:8080/metadata", Err(AddressRefused::PlainHttp), Ok(())),
            ("http://[::1]/", Err(AddressRefused::PlainHttp), Ok(())),
            ("http://localhost.example/", Err(AddressRefused::PlainHttp), Err(AddressRefused::PlainHttp)),
            ("file:///etc/passwd", Err(AddressRefused::NotAUrl), Err(AddressRefused::NotAUrl)),
            ("https://user@node.example/", Err(AddressRefused::NotAUrl), Err(AddressRefused::NotAUrl)),
        ];
        for (text, strictly, at_home) in rows {
            assert_eq!(url(text, &strict), strictly, "{text}");
            assert_eq!(url(text, &here), at_home, "{text}");
        }
        let metadata_service = url("https://169.254.169.254/latest", &here);
        assert_eq!(metadata_service, Err(AddressRefused::Private("169.254.169.254".parse().unwrap())));
    }

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        let ten: Network = "10.0.0.0/8".parse().unwrap();
        assert!(ten.contains("10.255.0.1".parse().unwrap()));
        assert!(ten.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!ten.contains("11.0.0.1".parse().unwrap()));
        assert!(!ten.contains("::1".parse().unwrap()));
        let all: Network = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("203.0.113.9".parse().unwrap()));
        let one: Network = "2001:db8::1".parse().unwrap();
        assert!(
            one.contains("2001:db8::1".parse().unwrap()) && !one.contains("2001:db8::2".parse().unwrap())
        );
        for wrong in ["", "10.0.0.0/33", "ten", "::/129", "10.0.0.0/"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
