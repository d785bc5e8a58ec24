//! What an e-mail address looks like: the plain form that every mail system takes.

use serde::{Deserialize, Serialize};

use crate::secret::Personal;

/// An e-mail address: a dot-string, `@`, and a host name of two labels or more (RFC 5321 §4.1.2), in ASCII. No
/// quotes, no comments, no white space: what could be read in two ways is no address here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EmailAddress(Personal<String>);

impl EmailAddress {
    /// Reads what a person has typed: white space around it does not count, nor does the case of the domain.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (local, domain) = text.trim_matches([' ', '\t']).rsplit_once('@')?;
        let domain = domain.to_ascii_lowercase();
        // RFC 5321 §4.5.3.1: 64 for the local part, 254 for what fits into a path.
        let sizes = local.len() <= 64 && local.len() + 1 + domain.len() <= 254;
        let is_address = sizes && local.split('.').all(is_atom) && is_domain(&domain);
        is_address.then(|| Self(Personal::new(format!("{local}@{domain}"))))
    }

    /// The alias of `sub` at the operator's `domain`. `None` if `sub` does not fit into a local part.
    #[must_use]
    pub fn alias(sub: &str, domain: &str) -> Option<Self> {
        Self::parse(&format!("{sub}@{domain}"))
    }

    /// The address, for the claim and for the mail.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// `atext` of RFC 5322 §3.2.3.
fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
}

/// Whether `text` is a host name of two labels or more, in lower case.
#[must_use]
pub fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A last label of digits is an address of the Internet Protocol.
    let named = text.rsplit('.').next().is_some_and(|top| !top.bytes().all(|b| b.is_ascii_digit()));
    text.len() <= 253 && text.contains('.') && named && text.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_plain() {
        let rows = [
            ("maria@example.org", "maria@example.org"),
            (" Maria.P+tag@Mail.EXAMPLE.org\t", "Maria.P+tag@mail.example.org"),
            ("o'brien@xn--bcher-kva.example", "o'brien@xn--bcher-kva.example"),
            ("1@a.b", "1@a.b"),
        ];
        for (typed, expected) in rows {
            assert_eq!(EmailAddress::parse(typed).unwrap().expose(), expected);
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_address() {
        let long = format!("{}@example.org", "a".repeat(65));
        let longer = format!("a@{}example.org", "b.".repeat(130));
        let label = format!("a@{}.org", "b".repeat(64));
        let rows = [
            "",
            "@",
            "a",
            "a@",
            "@b.org",
            "a@b",
            "a@localhost",
            "a@b..org",
            ".a@b.org",
            "a.@b.org",
            "a..b@c.org",
            "a@-b.org",
            "a@b-.org",
            "a@b.org.",
            "a@127.0.0.1",
            "a@[127.0.0.1]",
            "a b@c.org",
            "a@b@c.org",
            "\"a\"@b.org",
            "a@b.org\r\nBcc: x@y.org",
            "a@b.org\n",
            "a\r\n@b.org",
            "a\0@b.org",
            "<a@b.org>",
            "Maria <a@b.org>",
            "a@b.org, c@d.org",
            "a@b.org;c@d.org",
            "a(x)@b.org",
            "müller@b.org",
            "a@bücher.org",
            "a@b_c.org",
            "a@b.org\u{2028}",
            "a%0d%0a@b.org\t@",
            long.as_str(),
            longer.as_str(),
            label.as_str(),
        ];
        for typed in rows {
            assert_eq!(EmailAddress::parse(typed), None, "{typed:?}");
        }
    }

    #[test]
    fn an_alias_is_the_sub_at_the_operators_domain() {
        let sub = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let alias = EmailAddress::alias(sub, "eid.example.org").unwrap();
        assert_eq!(alias.expose(), format!("{sub}@eid.example.org"));
        assert_eq!(EmailAddress::alias(&"x".repeat(65), "eid.example.org"), None);
        assert_eq!(EmailAddress::alias("ES/AT/Ü", "eid.example.org"), None);
    }

    #[test]
    fn an_address_does_not_print() {
        let printed = format!("{:?}", EmailAddress::parse("maria@example.org"));
        assert!(!printed.contains("maria") && !printed.contains("example"), "{printed}");
    }
}
