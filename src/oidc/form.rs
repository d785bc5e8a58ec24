//! `application/x-www-form-urlencoded`, as RFC 6749 Appendix B uses it: in queries, form bodies, the
//! Location header and in HTTP Basic credentials. Strict where it reads: what is not valid UTF-8 or not a
//! whole percent escape is refused, so that no two parties see different text.

use std::fmt::Write as _;

/// Reads a query or a form body into its pairs, in order, repeated names included. `None` if an escape is
/// broken or the text is not UTF-8.
#[must_use]
pub fn parse(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

/// Decodes one name or value.
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'+' => b' ',
            b'%' => hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(octets).ok()
}

/// Appends one value, encoded. A space becomes `%20`, which every decoder understands.
pub fn encode_onto(target: &mut String, text: &str) {
    for octet in text.bytes() {
        if octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~') {
            target.push(char::from(octet));
        } else {
            let _ = write!(target, "%{octet:02X}");
        }
    }
}

/// Appends parameters to a URL that may have a query already.
#[must_use]
pub fn with_query(url: &str, parameters: &[(&str, &str)]) -> String {
    let mut location = String::with_capacity(url.len() + 256);
    location.push_str(url);
    let mut separator = if url.contains('?') { '&' } else { '?' };
    for (name, value) in parameters {
        if !location.ends_with(['?', '&']) {
            location.push(separator);
        }
        separator = '&';
        encode_onto(&mut location, name);
        location.push('=');
        encode_onto(&mut location, value);
    }
    location
}

/// The value of a parameter; one without a value counts as left out (RFC 6749 §3.2).
#[must_use]
pub fn one<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, value)| value.as_str())
}

/// Makes sure that none of `names` is there twice.
///
/// # Errors
/// The first that is.
pub fn unrepeated<'a>(parameters: &[(String, String)], names: &[&'a str]) -> Result<(), &'a str> {
    let repeated = |name: &&&str| parameters.iter().filter(|(n, _)| n == **name).count() > 1;
    names.iter().find(repeated).map_or(Ok(()), |name| Err(*name))
}

fn hex_digit(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pairs_keep_order_and_repetition() {
        let pairs = parse("a=1&b=x+y%20z&a=%C3%A9&c&=d&&e=f=g").unwrap();
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let expected = [("a", "1"), ("b", "x y z"), ("a", "é"), ("c", ""), ("", "d"), ("e", "f=g")];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn broken_escapes_and_broken_text_are_refused() {
        for text in ["%", "%2", "%zz", "%+1", "a=%ff", "%C3"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn parameters_join_a_url_with_and_without_a_query() {
        let added = [("code", "a b"), ("iss", "https://op")];
        let tail = "code=a%20b&iss=https%3A%2F%2Fop";
        assert_eq!(with_query("https://rp/cb", &added), format!("https://rp/cb?{tail}"));
        assert_eq!(with_query("https://rp/cb?x=1", &added), format!("https://rp/cb?x=1&{tail}"));
        assert_eq!(with_query("https://rp/cb?", &added), format!("https://rp/cb?{tail}"));
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes(text in any::<String>()) {
            let mut encoded = String::new();
            encode_onto(&mut encoded, &text);
            prop_assert!(encoded.is_ascii());
            prop_assert_eq!(decode(&encoded), Some(text));
        }
    }
}
