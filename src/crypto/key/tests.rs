use super::*;

fn signing(kind: KeyKind, algorithm: Option<SignatureAlgorithm>) -> SigningKey {
    let key = PrivateKey::generate(kind).unwrap();
    let certificate = super::super::certificate::tests::certificate_for(&key);
    SigningKey::new(key, certificate, algorithm).unwrap()
}

#[test]
fn ecdsa_on_every_curve_with_every_hash_verifies_and_has_full_length() {
    for curve in Curve::ALL {
        for digest in DigestAlgorithm::ALL {
            let key = signing(KeyKind::Ec(curve), Some(SignatureAlgorithm::Ecdsa(digest)));
            let signature = key.sign(b"data").unwrap();
            assert_eq!(signature.len(), 2 * curve.field_octets());
            let public = key.certificate().public_key().unwrap();
            assert_eq!(public.verify(key.algorithm(), b"data", &signature), Ok(()));
            assert_eq!(public.verify(key.algorithm(), b"date", &signature), Err(SignatureInvalid));
        }
    }
}

#[test]
fn rsa_pss_verifies_and_other_keys_and_algorithms_do_not() {
    let key = signing(KeyKind::Rsa(3072), None);
    let other = signing(KeyKind::Ec(Curve::P256), None);
    let signature = key.sign(b"data").unwrap();
    let public = key.certificate().public_key().unwrap();
    assert_eq!(
        public.verify(SignatureAlgorithm::RsaPss(DigestAlgorithm::Sha256), b"data", &signature),
        Ok(())
    );
    for wrong in SignatureAlgorithm::ALL {
        if wrong != key.algorithm() {
            assert_eq!(public.verify(wrong, b"data", &signature), Err(SignatureInvalid), "{wrong:?}");
        }
    }
    let stranger = other.certificate().public_key().unwrap();
    assert_eq!(stranger.verify(other.algorithm(), b"data", &signature), Err(SignatureInvalid));
}

#[test]
fn p521_values_without_their_leading_zeros_verify() {
    let key = signing(KeyKind::Ec(Curve::P521), None);
    let public = key.certificate().public_key().unwrap();
    // r and s are below 2^521, so the first of their 66 octets is 0 or 1: sign until both are 0.
    let (data, full) = (0u32..)
        .map(|n| (n.to_be_bytes(), key.sign(&n.to_be_bytes()).unwrap()))
        .find(|(_, s)| s[0] == 0 && s[66] == 0)
        .unwrap();
    let short = [&full[1..66], &full[67..]].concat();
    assert_eq!(short.len(), 130);
    assert_eq!(public.verify(key.algorithm(), &data, &short), Ok(()));
    assert_eq!(public.verify(key.algorithm(), &data, &full), Ok(()));
}

#[test]
fn psychic_and_misshapen_ecdsa_signatures_are_refused() {
    let key = signing(KeyKind::Ec(Curve::P256), None);
    let public = key.certificate().public_key().unwrap();
    for bad in [vec![], vec![0; 64], vec![1; 63], vec![1; 66], vec![0; 2]] {
        assert_eq!(public.verify(key.algorithm(), b"data", &bad), Err(SignatureInvalid), "{bad:?}");
    }
}

#[test]
fn weak_keys_are_no_public_keys() {
    let weak = PrivateKey::generate(KeyKind::Rsa(2048)).unwrap();
    assert_eq!(weak.public_key().unwrap_err(), KeyError::RsaSize(2048));
}

#[test]
fn key_and_certificate_must_be_a_pair() {
    let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    let other = signing(KeyKind::Ec(Curve::P256), None);
    let refused = SigningKey::new(key, other.certificate().clone(), None).unwrap_err();
    assert_eq!(refused, KeyError::Mismatch);
}

#[test]
fn a_point_off_the_curve_is_refused() {
    let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    let mut point = key.public_key().unwrap().to_point().unwrap();
    assert!(PublicKey::from_point(Curve::P256, &point).is_ok());
    assert_eq!(PublicKey::from_point(Curve::P384, &point).unwrap_err(), KeyError::Malformed);
    *point.last_mut().unwrap() ^= 1;
    assert_eq!(PublicKey::from_point(Curve::P256, &point).unwrap_err(), KeyError::Malformed);
    assert_eq!(PublicKey::from_point(Curve::P256, &[0]).unwrap_err(), KeyError::Malformed);
}

#[test]
fn an_encrypted_key_is_refused_without_asking() {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let cipher = openssl::symm::Cipher::aes_256_cbc();
    let pem = key.private_key_to_pem_pkcs8_passphrase(cipher, b"passphrase").unwrap();
    assert_eq!(PrivateKey::from_pem(&pem).unwrap_err(), KeyError::Malformed);
}
