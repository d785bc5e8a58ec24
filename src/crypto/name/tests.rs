use std::time::Duration;

use openssl::asn1::{Asn1Integer, Asn1Object, Asn1OctetString, Asn1Time};
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage};
use openssl::x509::{X509, X509Builder, X509Extension, X509Name};

use super::*;
use crate::clock::Timestamp;
use crate::crypto::{CertificateRequest, Curve, KeyKind, KeyUsage, PrivateKey};
use crate::ids::SystemRandom;

pub(crate) const CN: [u8; 3] = [0x55, 4, 3];
pub(crate) const O: [u8; 3] = [0x55, 4, 10];
pub(crate) const OU: [u8; 3] = [0x55, 4, 11];
pub(crate) const UTF8: u8 = 0x0c;
const PRINTABLE: u8 = 0x13;
const TELETEX: u8 = 0x14;
const BMP: u8 = 0x1e;
pub(crate) const EMAIL: u8 = 0x81;
pub(crate) const DNS: u8 = 0x82;
pub(crate) const URI: u8 = 0x86;
pub(crate) const IP: u8 = 0x87;

/// Type, tag and value of an attribute.
pub(crate) type Attribute<'a> = ([u8; 3], u8, &'a [u8]);

/// What a test wants in a certificate.
#[derive(Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) subject: Vec<Vec<Attribute<'a>>>,
    /// Tag and value of each.
    pub(crate) alternative: Vec<(u8, &'a [u8])>,
    /// Words of extKeyUsage; none, no such extension.
    pub(crate) usage: Vec<&'a str>,
    /// Seconds before and after now at which it ends.
    pub(crate) life: (u64, u64),
}

/// An authority that issues whatever a test wants.
pub(crate) struct Authority(PrivateKey, pub(crate) Certificate);

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    [&[tag, u8::try_from(content.len()).unwrap()], content].concat()
}

impl Authority {
    pub(crate) fn new(name: &str, now: Timestamp) -> Self {
        let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
        let certificate = key.self_signed(&authority(name, now), &SystemRandom).unwrap();
        Self(key, certificate)
    }

    /// Another authority below this one.
    pub(crate) fn below(&self, name: &str, now: Timestamp) -> Self {
        let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
        let certificate = self.0.issue(&self.1, &key, &authority(name, now), &SystemRandom).unwrap();
        Self(key, certificate)
    }

    pub(crate) fn issue(&self, wanted: Wanted<'_>, now: Timestamp) -> Certificate {
        let relative = |attributes: &Vec<Attribute<'_>>| {
            let attributes: Vec<_> = attributes
                .iter()
                .map(|(kind, tag, value)| der(0x30, &[der(6, kind), der(*tag, value)].concat()))
                .collect();
            der(0x31, &attributes.concat())
        };
        let subject: Vec<_> = wanted.subject.iter().map(relative).collect();
        let subject = X509Name::from_der(&der(0x30, &subject.concat())).unwrap();
        let issuer = X509::from_der(self.1.der()).unwrap();
        let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
        let public = PKey::public_key_from_der(&key.openssl().public_key_to_der().unwrap()).unwrap();
        let mut builder = X509Builder::new().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&Asn1Integer::from_bn(&BigNum::from_u32(7).unwrap()).unwrap()).unwrap();
        builder.set_issuer_name(issuer.subject_name()).unwrap();
        builder.set_subject_name(&subject).unwrap();
        builder.set_pubkey(&public).unwrap();
        let (before, after) = wanted.life;
        let time = |time: Timestamp| Asn1Time::from_unix(time.unix()).unwrap();
        builder.set_not_before(&time(now - Duration::from_secs(before))).unwrap();
        builder.set_not_after(&time(now + Duration::from_secs(after))).unwrap();
        builder.append_extension(BasicConstraints::new().critical().build().unwrap()).unwrap();
        if !wanted.usage.is_empty() {
            let mut usage = ExtendedKeyUsage::new();
            wanted.usage.iter().for_each(|word| _ = usage.other(word));
            builder.append_extension(usage.build().unwrap()).unwrap();
        }
        if !wanted.alternative.is_empty() {
            let names: Vec<_> = wanted.alternative.iter().map(|(tag, value)| der(*tag, value)).collect();
            let names = Asn1OctetString::new_from_bytes(&der(0x30, &names.concat())).unwrap();
            let kind = Asn1Object::from_str("2.5.29.17").unwrap();
            // Critical, as it is in a certificate without a subject (RFC 5280 §4.2.1.6).
            let critical = wanted.subject.is_empty();
            builder.append_extension(X509Extension::new_from_der(&kind, critical, &names).unwrap()).unwrap();
        }
        builder.sign(self.0.openssl(), MessageDigest::sha256()).unwrap();
        Certificate::from_der(&builder.build().to_der().unwrap()).unwrap()
    }
}

fn authority(name: &str, now: Timestamp) -> CertificateRequest {
    CertificateRequest {
        common_name: name.to_owned(),
        organization: None,
        country: None,
        not_before: now - Duration::from_secs(86_400),
        not_after: now + Duration::from_secs(86_400),
        usage: KeyUsage::Authority,
    }
}

fn certificate(wanted: Wanted<'_>) -> Certificate {
    let now = Timestamp::from_unix(1_760_000_000);
    Authority::new("authority", now).issue(Wanted { life: (60, 60), ..wanted }, now)
}

fn with_subject(subject: Vec<Vec<Attribute<'_>>>) -> Certificate {
    certificate(Wanted { subject, ..Wanted::default() })
}

fn dn(text: &str) -> CertificateName {
    CertificateName::Subject(DistinguishedName::parse(text).unwrap())
}

#[test]
fn a_subject_is_the_same_in_any_kind_of_string() {
    let expected = dn("CN=broker,O=Exämple");
    let bmp: Vec<u8> = "Exämple".encode_utf16().flat_map(u16::to_be_bytes).collect();
    for organization in [(O, UTF8, "Exämple".as_bytes()), (O, BMP, &bmp)] {
        for common_name in [(CN, UTF8, &b"broker"[..]), (CN, PRINTABLE, b"broker")] {
            assert!(expected.is_of(&with_subject(vec![vec![organization], vec![common_name]])));
        }
    }
    // A kind of string whose characters are a matter of opinion is not compared.
    assert!(
        !expected.is_of(&with_subject(vec![vec![(O, TELETEX, b"Ex\xe4mple")], vec![(CN, UTF8, b"broker")]]))
    );
    assert!(!dn("CN=broker").is_of(&with_subject(vec![vec![(CN, TELETEX, b"broker")]])));
}

#[test]
fn a_comma_within_a_value_does_not_make_two_attributes() {
    let two = with_subject(vec![vec![(O, UTF8, b"Example")], vec![(CN, UTF8, b"broker")]]);
    let one = with_subject(vec![vec![(CN, UTF8, b"broker,O=Example")]]);
    let (expected, escaped) = (dn("CN=broker,O=Example"), dn("CN=broker\\,O=Example"));
    assert!(expected.is_of(&two) && !expected.is_of(&one));
    assert!(escaped.is_of(&one) && !escaped.is_of(&two));
}

#[test]
fn a_relative_name_of_two_attributes_is_not_two_relative_names() {
    let together = with_subject(vec![vec![(CN, UTF8, b"broker"), (OU, UTF8, b"x")]]);
    let apart = with_subject(vec![vec![(OU, UTF8, b"x")], vec![(CN, UTF8, b"broker")]]);
    for text in ["CN=broker+OU=x", "OU=x+CN=broker"] {
        assert!(dn(text).is_of(&together) && !dn(text).is_of(&apart));
    }
    assert!(dn("CN=broker,OU=x").is_of(&apart) && !dn("CN=broker,OU=x").is_of(&together));
    let plus = with_subject(vec![vec![(CN, UTF8, b"broker+OU=x")]]);
    assert!(!dn("CN=broker+OU=x").is_of(&plus) && dn("CN=broker\\+OU=x").is_of(&plus));
}

#[test]
fn attributes_in_another_order_are_another_name() {
    let usual = with_subject(vec![vec![(O, UTF8, b"Example")], vec![(CN, UTF8, b"broker")]]);
    let turned = with_subject(vec![vec![(CN, UTF8, b"broker")], vec![(O, UTF8, b"Example")]]);
    assert!(dn("CN=broker,O=Example").is_of(&usual) && !dn("CN=broker,O=Example").is_of(&turned));
    assert!(dn("O=Example,CN=broker").is_of(&turned));
}

#[test]
fn more_or_less_or_other_attributes_are_another_name() {
    let expected = dn("CN=broker,O=Example");
    let (o, cn): (Attribute<'_>, Attribute<'_>) = ((O, UTF8, b"Example"), (CN, UTF8, b"broker"));
    for subject in [
        vec![],
        vec![vec![cn]],
        vec![vec![o], vec![cn], vec![cn]],
        vec![vec![o], vec![(OU, UTF8, b"broker")]],
        vec![vec![o], vec![(CN, UTF8, b"Broker")]],
        vec![vec![o], vec![(CN, UTF8, b"broker ")]],
        vec![vec![o], vec![cn, cn]],
    ] {
        assert!(!expected.is_of(&with_subject(subject.clone())), "{subject:?}");
    }
}

#[test]
fn what_follows_a_null_is_not_cut_off() {
    let expected = dn("CN=broker");
    assert!(!expected.is_of(&with_subject(vec![vec![(CN, UTF8, b"broker\0.evil")]])));
    assert!(!expected.is_of(&with_subject(vec![vec![(CN, UTF8, b"broker\0")]])));
    let dns = CertificateName::Dns("broker.example".to_owned());
    let alternative = vec![(DNS, &b"broker.example\0.evil.example"[..])];
    assert!(!dns.is_of(&certificate(Wanted { alternative, ..Wanted::default() })));
    assert_eq!(DistinguishedName::parse("CN=broker\\00"), Err(NameError::Malformed));
}

#[test]
fn an_alternative_name_is_of_its_own_type_only() {
    let rows: [(CertificateName, u8, &[u8]); 4] = [
        (CertificateName::Dns("broker.example".to_owned()), DNS, b"broker.example"),
        (CertificateName::Uri("urn:broker".to_owned()), URI, b"urn:broker"),
        (CertificateName::Email("it@broker.example".to_owned()), EMAIL, b"it@broker.example"),
        (CertificateName::Ip(vec![10, 0, 0, 1]), IP, &[10, 0, 0, 1]),
    ];
    for (name, right, value) in rows {
        for tag in [DNS, URI, EMAIL, IP] {
            let alternative = vec![(DNS, &b"another.example"[..]), (tag, value)];
            let certificate = certificate(Wanted { alternative, ..Wanted::default() });
            assert_eq!(name.is_of(&certificate), tag == right, "{name:?} {tag:x}");
        }
        assert!(!name.is_of(&with_subject(vec![vec![(CN, UTF8, value)]])), "{name:?}");
    }
}

#[test]
fn an_alternative_name_is_no_pattern() {
    let alternative =
        vec![(DNS, &b"*.example"[..]), (DNS, b"Broker.Example"), (IP, &[10, 0, 0, 0, 255, 0, 0, 0])];
    let certificate = certificate(Wanted { alternative, ..Wanted::default() });
    let dns = |name: &str| CertificateName::Dns(name.to_owned()).is_of(&certificate);
    assert!(dns("broker.example"));
    assert!(!dns("other.example") && !dns("broker.example.") && !dns("broker"));
    assert!(!CertificateName::Ip(vec![10, 0, 0, 0]).is_of(&certificate));
}

#[test]
fn the_text_of_a_name_is_read_strictly() {
    let same = |one: &str, other: &str| {
        assert_eq!(DistinguishedName::parse(one).unwrap(), DistinguishedName::parse(other).unwrap(), "{one}");
    };
    same("cn=a,o=b", "CN=a,O=b");
    same("2.5.4.3=a", "CN=a");
    same("CN=#0c0161", "CN=a");
    same("2.5.4.3=#130161+O=b,C=SE", "CN=a+O=b,C=SE");
    same("CN=\\c3\\A9", "CN=é");
    same("CN=a\\=b", "CN=a=b");
    same("CN=\\20a\\ ", "CN=\\ a\\20");
    same("CN=\\#a", "CN=\\23a");
    for text in [
        "",
        "a",
        "CN=",
        "CN=a,",
        ",CN=a",
        "CN=a+",
        "CN=a, O=b",
        "CN=a;O=b",
        "CN= a",
        "CN=a ",
        "CN=\"a\"",
        "CN=<a>",
        "CN=a\\",
        "CN=a\\0",
        "CN=a\\zz",
        "CN=\\ff",
        "CN=a\nb",
        "CN=\\0a",
        "CN=#",
        "CN=#0c01",
        "CN=#0c016161",
        "CN=#0c0161 ",
        "CN=#0400",
        "CN=a+CN=a",
        "CN=a,,O=b",
        "CN=#zz",
    ] {
        let read = DistinguishedName::parse(text);
        assert!(matches!(read, Err(NameError::Malformed | NameError::Type(_))), "{text:?}");
    }
    for (text, kind) in
        [("X=a", "X"), ("=a", ""), ("OID.2.5.4.3=a", "OID.2.5.4.3"), ("2.05.4=a", "2.05.4"), (" CN=a", " CN")]
    {
        assert_eq!(DistinguishedName::parse(text), Err(NameError::Type(kind.to_owned())));
    }
}
