use super::*;
use crate::clock::Timestamp;
use crate::crypto::{CertificateRequest, Curve, PrivateKey};
use crate::ids::CountingRandom;

fn request(common_name: &str, usage: KeyUsage) -> CertificateRequest {
    CertificateRequest {
        common_name: common_name.to_owned(),
        organization: Some("Test".to_owned()),
        country: Some("XA".to_owned()),
        not_before: Timestamp::from_unix(1_700_000_000),
        not_after: Timestamp::from_unix(1_800_000_000),
        usage,
    }
}

pub(in crate::crypto) fn certificate_for(key: &PrivateKey) -> Certificate {
    key.self_signed(&request("test", KeyUsage::Signing), &CountingRandom::default()).unwrap()
}

#[test]
fn a_certificate_survives_base64_and_pem() {
    let key = PrivateKey::generate(KeyKind::Ec(Curve::BrainpoolP384r1)).unwrap();
    let certificate = certificate_for(&key);
    let broken = certificate.base64().replace('A', "\r\nA ");
    assert_eq!(Certificate::from_base64(&broken).unwrap(), certificate);
    let pem = format!("a remark\n{}{}", certificate.pem(), certificate.pem());
    assert_eq!(Certificate::from_pem(pem.as_bytes()).unwrap(), [certificate.clone(), certificate.clone()]);
    assert_eq!(certificate.key_kind(), Some(KeyKind::Ec(Curve::BrainpoolP384r1)));
    assert_eq!(certificate.subject(), "C=XA, O=Test, CN=test");
    assert!(certificate.permits(KeyUsage::Signing) && !certificate.permits(KeyUsage::Encryption));
}

#[test]
fn validity_includes_both_ends() {
    let certificate = certificate_for(&PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap());
    let (from, to) = (Timestamp::from_unix(1_700_000_000), Timestamp::from_unix(1_800_000_000));
    assert!(certificate.valid_at(from) && certificate.valid_at(to));
    let second = std::time::Duration::from_secs(1);
    assert!(!certificate.valid_at(from - second) && !certificate.valid_at(to + second));
}

#[test]
fn octets_that_are_no_certificate_are_refused() {
    assert_eq!(Certificate::from_der(b"").unwrap_err(), CertificateError::Malformed);
    assert_eq!(Certificate::from_base64("AAAA").unwrap_err(), CertificateError::Malformed);
    assert_eq!(Certificate::from_pem(b"nothing").unwrap_err(), CertificateError::Empty);
    let good = certificate_for(&PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap());
    let longer = [good.der(), &[0]].concat();
    assert_eq!(Certificate::from_der(&longer).unwrap_err(), CertificateError::Malformed);
}

#[test]
fn an_issued_certificate_knows_its_issuer() {
    let random = CountingRandom::default();
    let root_key = PrivateKey::generate(KeyKind::Ec(Curve::P384)).unwrap();
    let root = root_key.self_signed(&request("root", KeyUsage::Authority), &random).unwrap();
    let leaf_key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    let leaf = root_key.issue(&root, &leaf_key, &request("leaf", KeyUsage::Signing), &random).unwrap();
    assert_eq!(leaf.is_issued_by(&root, false), Ok(()));
    assert_eq!(root.is_issued_by(&leaf, false), Err(CertificateError::OtherIssuer));

    let impostor_key = PrivateKey::generate(KeyKind::Ec(Curve::P384)).unwrap();
    let impostor = impostor_key.self_signed(&request("root", KeyUsage::Authority), &random).unwrap();
    assert_eq!(leaf.is_issued_by(&impostor, false), Err(CertificateError::Signature));

    let plain = root_key.self_signed(&request("root", KeyUsage::Signing), &random).unwrap();
    assert_eq!(leaf.is_issued_by(&plain, false), Err(CertificateError::NotAuthority));
}

#[test]
fn pkcs1_certificate_signatures_need_the_switch() {
    let random = CountingRandom::default();
    let root_key = PrivateKey::generate(KeyKind::Rsa(3072)).unwrap();
    let root = root_key.self_signed(&request("root", KeyUsage::Authority), &random).unwrap();
    let leaf_key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    let leaf = root_key.issue(&root, &leaf_key, &request("leaf", KeyUsage::Signing), &random).unwrap();
    let named = CertificateError::Algorithm("sha256WithRSAEncryption (PKCS#1 v1.5)".to_owned());
    assert_eq!(leaf.is_issued_by(&root, false), Err(named));
    assert_eq!(leaf.is_issued_by(&root, true), Ok(()));
}

#[test]
fn a_weak_key_is_named_and_not_given_out() {
    let key = PrivateKey::generate(KeyKind::Rsa(2048)).unwrap();
    let certificate = certificate_for(&key);
    assert_eq!(certificate.key_kind(), Some(KeyKind::Rsa(2048)));
    assert_eq!(certificate.public_key().unwrap_err(), KeyError::RsaSize(2048));
}
