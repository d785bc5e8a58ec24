//! Names in certificates, compared with one that somebody expects: the whole subject, or one alternative name.
//!
//! Compared are the parts that names are made of, never a name rendered as text: text of one name can be made to
//! look like another's by whoever chooses the parts.

use std::collections::BTreeSet;

use x509_parser::asn1_rs::{Any, Class, Tag};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};

use super::Certificate;

/// A name that a certificate is expected to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateName {
    /// The subject, all of it.
    Subject(DistinguishedName),
    /// A `dNSName`. Case does not count, and a `*` is not a pattern.
    Dns(String),
    /// A `uniformResourceIdentifier`, character by character.
    Uri(String),
    /// An `iPAddress`: its 4 or 16 octets.
    Ip(Vec<u8>),
    /// An `rfc822Name`, character by character.
    Email(String),
}

impl CertificateName {
    /// Whether `certificate` has this name.
    #[must_use]
    pub fn is_of(&self, certificate: &Certificate) -> bool {
        let Ok((_, parsed)) = X509Certificate::from_der(certificate.der()) else { return false };
        if let Self::Subject(expected) = self {
            return DistinguishedName::read(parsed.subject()).as_ref() == Some(expected);
        }
        let Ok(Some(names)) = parsed.subject_alternative_name() else { return false };
        names.value.general_names.iter().any(|name| self.is_alternative(name))
    }

    fn is_alternative(&self, name: &GeneralName<'_>) -> bool {
        match (self, name) {
            (Self::Dns(expected), GeneralName::DNSName(name)) => name.eq_ignore_ascii_case(expected),
            (Self::Uri(expected), GeneralName::URI(name)) => name == expected,
            (Self::Ip(expected), GeneralName::IPAddress(name)) => name == expected,
            (Self::Email(expected), GeneralName::RFC822Name(name)) => name == expected,
            _ => false,
        }
    }
}

/// A distinguished name: types and values of its attributes, which are the same name only if all are the same, in
/// the same order. Within one relative name of several attributes there is no order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinguishedName(Vec<Relative>);

/// A relative distinguished name: object identifiers with their values.
type Relative = BTreeSet<(String, String)>;

/// Why a text is not a distinguished name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Something other than `TYPE=value`, separated by `,` or `+`.
    #[error(
        "not a distinguished name as `CN=broker,O=Example,C=SE`: no spaces after commas, the common name first"
    )]
    Malformed,
    /// A type of attribute that has no short name here.
    #[error("`{0}` is not a known type of attribute: write its object identifier in numbers")]
    Type(String),
}

impl DistinguishedName {
    /// Reads the text form of RFC 4514, strictly: without spaces around separators, special characters escaped.
    /// What comes first there is last in the certificate.
    ///
    /// # Errors
    /// [`NameError`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let (mut name, mut relative, mut rest) = (Vec::new(), Relative::new(), text);
        loop {
            let (kind, value) = rest.split_once('=').ok_or(NameError::Malformed)?;
            let kind = object_identifier(kind)?;
            let (value, separator, after) = read_value(value).ok_or(NameError::Malformed)?;
            if !relative.insert((kind, value)) {
                return Err(NameError::Malformed);
            }
            if separator != Some('+') {
                name.push(std::mem::take(&mut relative));
            }
            if separator.is_none() {
                break;
            }
            rest = after;
        }
        name.reverse();
        Ok(Self(name))
    }

    /// A name in a certificate; `None` if some part of it is not text that could be compared.
    fn read(name: &X509Name<'_>) -> Option<Self> {
        let mut read = Vec::new();
        for relative in name.iter_rdn() {
            let mut attributes = Relative::new();
            for attribute in relative.iter() {
                let value = text_of(attribute.attr_value())?;
                if !attributes.insert((attribute.attr_type().to_id_string(), value)) {
                    return None;
                }
            }
            read.push(attributes);
        }
        Some(Self(read))
    }
}

/// The object identifier of an attribute's type, in numbers.
fn object_identifier(kind: &str) -> Result<String, NameError> {
    if let Some((_, oid)) = TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(kind)) {
        return Ok((*oid).to_owned());
    }
    let is_number = |part: &str| {
        part.bytes().all(|b| b.is_ascii_digit())
            && !part.is_empty()
            && (part == "0" || !part.starts_with('0'))
    };
    match kind.contains('.') && kind.split('.').all(is_number) {
        true => Ok(kind.to_owned()),
        false => Err(NameError::Type(kind.to_owned())),
    }
}

/// A value, unescaped; what separates it from what follows; and that.
fn read_value(text: &str) -> Option<(String, Option<char>, &str)> {
    if let Some(encoded) = text.strip_prefix('#') {
        let end = encoded.find([',', '+']).unwrap_or(encoded.len());
        let (digits, rest) = encoded.split_at(end);
        let mut rest = rest.chars();
        let separator = rest.next();
        return Some((encoded_value(digits)?, separator, rest.as_str()));
    }
    let (mut octets, mut ends_in_space) = (Vec::new(), false);
    let mut rest = text.chars();
    let separator = loop {
        match rest.next() {
            end @ (None | Some(',' | '+')) => break end,
            Some('\\') => {
                let first = rest.next()?;
                let octet = match first {
                    '"' | '+' | ',' | ';' | '<' | '>' | '\\' | ' ' | '#' | '=' => u8::try_from(first).ok()?,
                    _ => octet(first, rest.next()?)?,
                };
                octets.push(octet);
                ends_in_space = false;
            }
            Some('"' | ';' | '<' | '>') => return None,
            Some(' ') if octets.is_empty() => return None,
            Some(other) => {
                octets.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
                ends_in_space = other == ' ';
            }
        }
    };
    let value = String::from_utf8(octets).ok().filter(|value| !ends_in_space && is_plain(value))?;
    Some((value, separator, rest.as_str()))
}

/// A value that is written as the hexadecimal digits of its DER.
fn encoded_value(digits: &str) -> Option<String> {
    let mut octets = Vec::new();
    let mut digits = digits.chars();
    while let Some(first) = digits.next() {
        octets.push(octet(first, digits.next()?)?);
    }
    let (rest, value) = Any::from_der(&octets).ok()?;
    if rest.is_empty() { text_of(&value) } else { None }
}

fn octet(first: char, second: char) -> Option<u8> {
    u8::try_from(first.to_digit(16)? * 16 + second.to_digit(16)?).ok()
}

/// The text of an attribute's value.
fn text_of(value: &Any<'_>) -> Option<String> {
    if value.class() != Class::Universal || value.header.is_constructed() {
        return None;
    }
    let text = match value.tag() {
        Tag::Utf8String => String::from_utf8(value.data.to_vec()).ok()?,
        Tag::PrintableString | Tag::Ia5String | Tag::NumericString if value.data.is_ascii() => {
            String::from_utf8(value.data.to_vec()).ok()?
        }
        Tag::BmpString => {
            let (units, []) = value.data.as_chunks::<2>() else { return None };
            let character = |unit: &[u8; 2]| char::from_u32(u16::from_be_bytes(*unit).into());
            units.iter().map(character).collect::<Option<String>>()?
        }
        _ => return None,
    };
    is_plain(&text).then_some(text)
}

/// Whether a value is there and holds nothing that somebody who reads it would not see.
fn is_plain(value: &str) -> bool {
    !value.is_empty() && !value.chars().any(char::is_control)
}

/// Short names of types of attributes: those of RFC 4514 §3, and three that are common in certificates of
/// organizations.
const TYPES: [(&str, &str); 12] = [
    ("CN", "2.5.4.3"),
    ("serialNumber", "2.5.4.5"),
    ("C", "2.5.4.6"),
    ("L", "2.5.4.7"),
    ("ST", "2.5.4.8"),
    ("STREET", "2.5.4.9"),
    ("O", "2.5.4.10"),
    ("OU", "2.5.4.11"),
    ("organizationIdentifier", "2.5.4.97"),
    ("UID", "0.9.2342.19200300.100.1.1"),
    ("DC", "0.9.2342.19200300.100.1.25"),
    ("emailAddress", "1.2.840.113549.1.9.1"),
];

#[cfg(test)]
pub(crate) mod tests;
