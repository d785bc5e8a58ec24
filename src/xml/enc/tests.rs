use super::*;
use crate::clock::Timestamp;
use crate::crypto::{
    CertificateRequest, ContentAlgorithm, Curve, DecryptionKey, DigestAlgorithm, KeyKind, KeyTransport,
    KeyUsage, KeyWrapAlgorithm, PrivateKey,
};
use crate::ids::SystemRandom;
use crate::xml::{Document, Element, Limits, Namespace, Verified, XENC, decode_base64, encode_base64, write};

const A: Namespace = Namespace { uri: "urn:a", prefix: "a" };

fn key(kind: KeyKind) -> DecryptionKey {
    let key = PrivateKey::generate(kind).unwrap();
    let request = CertificateRequest {
        common_name: "recipient".to_owned(),
        organization: None,
        country: None,
        not_before: Timestamp::from_unix(1_700_000_000),
        not_after: Timestamp::from_unix(1_900_000_000),
        usage: KeyUsage::Encryption,
    };
    let certificate = key.self_signed(&request, &SystemRandom).unwrap();
    DecryptionKey::new(key, certificate).unwrap()
}

fn secret() -> Element {
    Element::new(A, "Assertion").with("ID", "_2").with_text("Παπαδοπούλου & <son>")
}

/// As if a signature over `<a:EncryptedAssertion>` had been verified.
fn verified(children: impl IntoIterator<Item = Element>) -> Verified {
    let text = write(&Element::new(A, "EncryptedAssertion").children_from(children));
    Verified::vouch(Document::parse(text.as_bytes(), &Limits::MESSAGE).unwrap().into_root())
}

/// The encrypted element with one textual replacement that must have an effect.
fn changed(data: &Element, from: &str, to: &str) -> Verified {
    let text = write(&Element::new(A, "EncryptedAssertion").child(data.clone()));
    assert!(text.contains(from), "{from} is not in {text}");
    let text = text.replacen(from, to, 1);
    Verified::vouch(Document::parse(text.as_bytes(), &Limits::MESSAGE).unwrap().into_root())
}

fn open(encrypted: &Verified, keys: &[DecryptionKey]) -> Result<Element, DecryptionError> {
    decrypt(encrypted, keys, &DecryptionPolicy::default()).map(|v| v.element().clone())
}

fn same(element: &Element) -> bool {
    write(element) == write(&secret())
}

#[test]
fn every_transport_and_content_algorithm_opens() {
    let rsa = key(KeyKind::Rsa(3072));
    for content in ContentAlgorithm::ALL {
        for digest in DigestAlgorithm::ALL {
            for mgf in DigestAlgorithm::ALL {
                let transport = KeyTransport::RsaOaep { digest, mgf };
                let options = EncryptionOptions { content, transport, ..EncryptionOptions::default() };
                let data = encrypt(&secret(), rsa.certificate(), &options, &SystemRandom).unwrap();
                assert!(same(&open(&verified([data]), std::slice::from_ref(&rsa)).unwrap()), "{options:?}");
            }
        }
    }
}

#[test]
fn every_curve_and_wrap_opens_inline_and_as_sibling() {
    for curve in Curve::ALL {
        let ours = key(KeyKind::Ec(curve));
        for wrap in KeyWrapAlgorithm::ALL {
            let options = EncryptionOptions { wrap, ..EncryptionOptions::default() };
            let data = encrypt(&secret(), ours.certificate(), &options, &SystemRandom).unwrap();
            assert!(same(&open(&verified([data]), std::slice::from_ref(&ours)).unwrap()), "{curve:?}");
            let (data, sibling) =
                encrypt_with_sibling_key(&secret(), ours.certificate(), &options, &SystemRandom).unwrap();
            assert!(
                same(&open(&verified([data, sibling]), std::slice::from_ref(&ours)).unwrap()),
                "{curve:?}"
            );
        }
    }
}

#[test]
fn the_legacy_transport_needs_its_switch() {
    let rsa = key(KeyKind::Rsa(3072));
    let transport = KeyTransport::RsaOaepMgf1p { digest: DigestAlgorithm::Sha256 };
    let options = EncryptionOptions { transport, ..EncryptionOptions::default() };
    let data = verified([encrypt(&secret(), rsa.certificate(), &options, &SystemRandom).unwrap()]);
    let refused = DecryptionError::Algorithm(KeyTransport::RSA_OAEP_MGF1P.to_owned());
    assert_eq!(open(&data, std::slice::from_ref(&rsa)).unwrap_err(), refused);
    let allowed = DecryptionPolicy { allow_rsa_oaep_mgf1p: true };
    assert!(same(decrypt(&data, &[rsa], &allowed).unwrap().element()));
}

#[test]
fn the_right_key_is_found_among_ours_without_a_recipient() {
    let (old, new, elliptic) =
        (key(KeyKind::Rsa(3072)), key(KeyKind::Rsa(3072)), key(KeyKind::Ec(Curve::P256)));
    let data = encrypt(&secret(), old.certificate(), &EncryptionOptions::default(), &SystemRandom).unwrap();
    let anonymous = changed(&data, &old.certificate().base64(), "");
    assert!(same(&open(&anonymous, &[elliptic.clone(), new.clone(), old]).unwrap()));
    assert_eq!(open(&anonymous, &[elliptic, new]).unwrap_err(), DecryptionError::Failed);
    assert_eq!(open(&anonymous, &[]).unwrap_err(), DecryptionError::Failed);
}

#[test]
fn the_key_that_is_named_is_tried_however_many_there_are() {
    let keys: Vec<_> = (0..5).map(|_| key(KeyKind::Ec(Curve::P256))).collect();
    let data =
        encrypt(&secret(), keys[4].certificate(), &EncryptionOptions::default(), &SystemRandom).unwrap();
    assert!(same(&open(&verified([data.clone()]), &keys).unwrap()));
    let anonymous = changed(&data, &keys[4].certificate().base64(), "");
    assert_eq!(open(&anonymous, &keys).unwrap_err(), DecryptionError::Failed);
}

#[test]
fn algorithms_off_the_list_are_refused_before_any_key_is_touched() {
    let rsa = key(KeyKind::Rsa(3072));
    let data = encrypt(&secret(), rsa.certificate(), &EncryptionOptions::default(), &SystemRandom).unwrap();
    let from = EncryptionOptions::default().content.uri();
    for uri in [
        "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
        "http://www.w3.org/2001/04/xmlenc#aes128-cbc",
        "http://www.w3.org/2001/04/xmlenc#tripledes-cbc",
        "",
    ] {
        let refused = open(&changed(&data, from, uri), &[]).unwrap_err();
        assert_eq!(refused, DecryptionError::Algorithm(uri.to_owned()));
    }
    for uri in ["http://www.w3.org/2001/04/xmlenc#rsa-1_5", KeyTransport::RSA_OAEP_MGF1P] {
        let refused = open(&changed(&data, KeyTransport::RSA_OAEP, uri), &[]).unwrap_err();
        assert_eq!(refused, DecryptionError::Algorithm(uri.to_owned()));
    }
    for (from, to) in [
        (DigestAlgorithm::Sha256.uri(), "http://www.w3.org/2000/09/xmldsig#sha1"),
        (DigestAlgorithm::Sha256.mgf_uri(), "http://www.w3.org/2009/xmlenc11#mgf1sha1"),
    ] {
        let refused = open(&changed(&data, from, to), &[]).unwrap_err();
        assert_eq!(refused, DecryptionError::Algorithm(to.to_owned()));
    }
    let mgf = format!("<xenc11:MGF Algorithm=\"{}\"/>", DigestAlgorithm::Sha256.mgf_uri());
    let refused = open(&changed(&data, &mgf, ""), &[]).unwrap_err();
    assert_eq!(refused, DecryptionError::Algorithm("rsa-oaep without MGF".to_owned()));
    let parameters = format!("{mgf}<xenc:OAEPparams>AA==</xenc:OAEPparams>");
    let refused = open(&changed(&data, &mgf, &parameters), &[]).unwrap_err();
    assert_eq!(refused, DecryptionError::Algorithm("OAEPparams".to_owned()));
}

#[test]
fn agreement_parameters_off_the_profile_are_refused() {
    let ours = key(KeyKind::Ec(Curve::P256));
    let data = encrypt(&secret(), ours.certificate(), &EncryptionOptions::default(), &SystemRandom).unwrap();
    for (from, to) in [
        (ECDH_ES, "http://www.w3.org/2001/04/xmlenc#dh"),
        (CONCAT_KDF, "http://www.w3.org/2009/xmlenc11#pbkdf2"),
        (DigestAlgorithm::Sha256.uri(), "http://www.w3.org/2000/09/xmldsig#sha1"),
        (Curve::P256.urn(), "urn:oid:1.2.840.10045.3.1.1"),
    ] {
        let refused = open(&changed(&data, from, to), &[]).unwrap_err();
        assert_eq!(refused, DecryptionError::Algorithm(to.to_owned()));
    }
    let nonce = "<xenc:KA-Nonce>AA==</xenc:KA-Nonce><xenc11:KeyDerivationMethod";
    let refused = open(&changed(&data, "<xenc11:KeyDerivationMethod", nonce), &[]).unwrap_err();
    assert_eq!(refused, DecryptionError::Algorithm("KA-Nonce".to_owned()));
}

#[test]
fn every_way_to_write_empty_kdf_parameters_opens() {
    for curve in Curve::ALL {
        let ours = [key(KeyKind::Ec(curve))];
        for (kdf_info, written) in [
            (KdfInfo::ZeroOctets, "AlgorithmID=\"0000\""),
            (KdfInfo::Empty, "AlgorithmID=\"00\""),
            (KdfInfo::Absent, "<xenc11:ConcatKDFParams><"),
        ] {
            let options = EncryptionOptions { kdf_info, ..EncryptionOptions::default() };
            let data = encrypt(&secret(), ours[0].certificate(), &options, &SystemRandom).unwrap();
            assert!(write(&data).contains(written), "{kdf_info:?}");
            assert!(same(&open(&verified([data]), &ours).unwrap()), "{kdf_info:?}");
        }
    }
}

#[test]
fn kdf_parameters_of_no_bits_are_not_a_zero_octet() {
    let ours = [key(KeyKind::Ec(Curve::P256))];
    let data =
        encrypt(&secret(), ours[0].certificate(), &EncryptionOptions::default(), &SystemRandom).unwrap();
    // The sender used one zero octet for each field: without it the key is another one.
    for to in ["AlgorithmID=\"00\"", ""] {
        let refused = open(&changed(&data, "AlgorithmID=\"0000\"", to), &ours).unwrap_err();
        assert_eq!(refused, DecryptionError::Failed);
    }
    let refused = open(&changed(&data, "AlgorithmID=\"0000\"", "AlgorithmID=\"0100\""), &ours).unwrap_err();
    assert!(matches!(refused, DecryptionError::Malformed(_)));
}

#[test]
fn a_point_off_the_curve_or_on_another_is_refused() {
    let ours = key(KeyKind::Ec(Curve::P256));
    let data = encrypt(&secret(), ours.certificate(), &EncryptionOptions::default(), &SystemRandom).unwrap();
    let point = data.descendants().find(|e| e.local() == "PublicKey").unwrap().text().unwrap().to_owned();
    let mut octets = decode_base64(&point).unwrap();
    octets[40] ^= 1;
    let off =
        open(&changed(&data, &point, &encode_base64(&octets)), std::slice::from_ref(&ours)).unwrap_err();
    assert!(matches!(off, DecryptionError::Malformed(_)));
    let other = key(KeyKind::Ec(Curve::BrainpoolP256r1));
    let elsewhere =
        encrypt(&secret(), other.certificate(), &EncryptionOptions::default(), &SystemRandom).unwrap();
    assert_eq!(open(&verified([elsewhere]), &[ours]).unwrap_err(), DecryptionError::Failed);
}

#[test]
fn all_failures_of_decryption_are_one_error() {
    for ours in [key(KeyKind::Rsa(3072)), key(KeyKind::Ec(Curve::P256))] {
        let data =
            encrypt(&secret(), ours.certificate(), &EncryptionOptions::default(), &SystemRandom).unwrap();
        let values: Vec<String> = data
            .descendants()
            .filter(|e| e.is(XENC, "CipherValue"))
            .map(|e| e.text().unwrap().to_owned())
            .collect();
        assert_eq!(values.len(), 2);
        for value in &values {
            let mut octets = decode_base64(value).unwrap();
            for at in [0, octets.len() / 2, octets.len() - 1] {
                octets[at] ^= 1;
                let broken = changed(&data, value, &encode_base64(&octets));
                let refused = open(&broken, std::slice::from_ref(&ours)).unwrap_err();
                assert_eq!(refused, DecryptionError::Failed);
                octets[at] ^= 1;
            }
            for short in [0, 8, 27] {
                let broken = changed(&data, value, &encode_base64(&octets[..short]));
                let refused = open(&broken, std::slice::from_ref(&ours)).unwrap_err();
                assert_eq!(refused, DecryptionError::Failed);
            }
        }
    }
}

#[test]
fn a_zero_content_key_does_not_open_what_was_not_unwrapped() {
    // The stand-in key of a failed unwrapping is known to everybody, so a message under it must fail.
    let ours = key(KeyKind::Rsa(3072));
    let options = EncryptionOptions::default();
    let data = encrypt(&secret(), ours.certificate(), &options, &SystemRandom).unwrap();
    let zero = vec![0; options.content.key_octets()];
    let forged =
        crate::crypto::keywrap::encrypt_content(options.content, &zero, b"<forged/>", &SystemRandom).unwrap();
    let values: Vec<&Element> = data.descendants().filter(|e| e.is(XENC, "CipherValue")).collect();
    let (wrapped, content) = (values[0].text().unwrap(), values[1].text().unwrap());
    let text = write(&Element::new(A, "EncryptedAssertion").child(data.clone()))
        .replace(content, &encode_base64(&forged))
        .replace(wrapped, &encode_base64(&[1; 384]));
    let forged = Verified::vouch(Document::parse(text.as_bytes(), &Limits::MESSAGE).unwrap().into_root());
    assert_eq!(open(&forged, &[ours]).unwrap_err(), DecryptionError::Failed);
}

#[test]
fn the_plaintext_must_be_one_element_without_tricks() {
    let ours = key(KeyKind::Ec(Curve::P256));
    let options = EncryptionOptions::default();
    let seal = |plaintext: &str| {
        let data = encrypt(&secret(), ours.certificate(), &options, &SystemRandom).unwrap();
        let kek = data.clone();
        // Encrypt other octets under the same content key: unwrap it as the recipient does.
        let parts = verified([kek]);
        let mut content_key = Vec::new();
        assert!(decrypt(&parts, std::slice::from_ref(&ours), &DecryptionPolicy::default()).is_ok());
        decrypt::tests_support::content_key(parts.element(), &ours, &mut content_key);
        let content = crate::crypto::keywrap::encrypt_content(
            options.content,
            &content_key,
            plaintext.as_bytes(),
            &SystemRandom,
        )
        .unwrap();
        let old = data.descendants().filter(|e| e.is(XENC, "CipherValue")).nth(1).unwrap().text().unwrap();
        changed(&data, old, &encode_base64(&content))
    };
    assert!(open(&seal("<x/>"), std::slice::from_ref(&ours)).is_ok());
    for plaintext in ["<!DOCTYPE x><x/>", "<x/><y/>", "", "text", "</a:EncryptedAssertion><x/>"] {
        let refused = open(&seal(plaintext), std::slice::from_ref(&ours)).unwrap_err();
        assert!(matches!(refused, DecryptionError::Plaintext(_)), "{plaintext}: {refused}");
    }
}

#[test]
fn content_of_another_type_and_references_are_refused() {
    let ours = key(KeyKind::Ec(Curve::P256));
    let data = encrypt(&secret(), ours.certificate(), &EncryptionOptions::default(), &SystemRandom).unwrap();
    let content = changed(&data, TYPE_ELEMENT, "http://www.w3.org/2001/04/xmlenc#Content");
    assert!(matches!(open(&content, std::slice::from_ref(&ours)), Err(DecryptionError::Malformed(_))));
    let value = data.descendants().filter(|e| e.is(XENC, "CipherValue")).nth(1).unwrap().text().unwrap();
    let inline = format!("<xenc:CipherValue>{value}</xenc:CipherValue>");
    let reference = changed(&data, &inline, "<xenc:CipherReference URI=\"http://example.org/\"/>");
    assert!(matches!(open(&reference, std::slice::from_ref(&ours)), Err(DecryptionError::Malformed(_))));
    let two = verified([data.clone(), data]);
    assert!(matches!(open(&two, &[ours]), Err(DecryptionError::Malformed(_))));
}
