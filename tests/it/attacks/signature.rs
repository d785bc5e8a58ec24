//! Attacks on the signature, its algorithms and the keys behind it.

use super::*;

#[test]
fn an_unsigned_response_with_a_signed_assertion() {
    let play = Play::with(|play| play.assertion_signer = Some(KEYS.node.clone()));
    let mut response = play.response.clone();
    response.encrypted_assertions.push(play.encrypted(&play.assertion_element()));
    play.is_refused_as(&xml::write(&response.to_element()), "SEC-07", "signature_missing");
}

#[test]
fn a_key_of_another_country_signs() {
    let play = Play::with(|play| play.signer = KEYS.other_node.clone());
    play.is_refused("SEC-10", "signature_invalid");
}

#[test]
fn an_encryption_key_signs() {
    let play = Play::with(|play| play.signer = KEYS.node_encryption.clone());
    play.is_refused("SEC-10", "signature_invalid");
}

#[test]
fn the_metadata_key_signs_a_response() {
    Play::with(|play| play.signer = KEYS.node_metadata.clone()).is_refused("SEC-10", "signature_invalid");
}

#[test]
fn our_own_key_signs_a_response() {
    Play::with(|play| play.signer = KEYS.us.clone()).is_refused("SEC-10", "signature_invalid");
}

#[test]
fn a_key_without_use_in_metadata_is_no_key() {
    let refusal = metadata(|entity| role(entity).common.keys.iter_mut().for_each(|key| key.usage = None));
    assert_eq!(refusal.unwrap_err().code, "key_without_use");
}

#[test]
fn algorithm_downgrades() {
    let play = Play::new();
    let xml = play.xml();
    let method = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
    for weaker in [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2000/09/xmldsig#dsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-md5",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha224",
        "http://www.w3.org/2007/05/xmldsig-more#sha1-rsa-MGF1",
        "",
    ] {
        play.is_refused_as(&xml.replace(method, weaker), "SEC-09", "signature_algorithm");
    }
    let digest = "http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue>";
    for weaker in ["http://www.w3.org/2000/09/xmldsig#sha1", "http://www.w3.org/2001/04/xmldsig-more#md5"] {
        let weaker = format!("{weaker}\"/><ds:DigestValue>");
        play.is_refused_as(&xml.replace(digest, &weaker), "SEC-09", "digest_algorithm");
    }
}

#[test]
fn an_hmac_keyed_with_our_public_knowledge() {
    let play = Play::new();
    let xml = play.xml();
    let method = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
    for hmac in
        ["http://www.w3.org/2001/04/xmldsig-more#hmac-sha256", "http://www.w3.org/2000/09/xmldsig#hmac-sha1"]
    {
        play.is_refused_as(&xml.replace(method, hmac), "SEC-09", "signature_algorithm");
    }
}

#[test]
fn psychic_signatures_and_their_like() {
    let play = Play::new();
    let xml = play.xml();
    let (start, end) =
        (xml.find("<ds:SignatureValue>").unwrap() + 19, xml.find("</ds:SignatureValue>").unwrap());
    let with = |value: &str| format!("{}{value}{}", &xml[..start], &xml[end..]);
    let zeros = |octets: usize| binding::encode_post(&"\0".repeat(octets));
    for value in [zeros(64), zeros(0), zeros(1), zeros(132)] {
        let refusal = play.judge_xml(&with(&value)).unwrap_err();
        assert!(matches!(refusal.rule, "SEC-08" | "SEC-10"), "{refusal}");
    }
}

#[test]
fn duplicate_identifiers_in_any_spelling() {
    let play = Play::new();
    let xml = play.xml();
    for duplicate in [" Id=\"_response\"", " id=\"_response\"", " xml:id=\"_response\""] {
        let status = format!("<saml2p:Status><saml2p:StatusCode{duplicate} Value");
        let changed = xml.replace("<saml2p:Status><saml2p:StatusCode Value", &status);
        assert_ne!(changed, xml);
        play.is_refused_as(&changed, "SEC-08", "duplicate_id");
    }
    let inside = Play::with(|play| {
        play.assertion_text = |text| text.replace("<saml2:Subject>", "<saml2:Subject ID=\"_assertion\">");
    });
    inside.is_refused("SEC-21", "assertion_id");
}

#[test]
fn void_canonicalization() {
    // A namespace that cannot be canonicalised makes some libraries digest nothing: the digest of the empty
    // string then "matches".
    let play = Play::new();
    let xml = play.xml();
    let (start, end) = (xml.find("<ds:DigestValue>").unwrap() + 16, xml.find("</ds:DigestValue>").unwrap());
    let empty = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let changed = format!("{}{empty}{}", &xml[..start], &xml[end..]);
    play.is_refused_as(&changed, "SEC-10", "signature_invalid");
    // A relative namespace name is what makes them fail.
    let relative = xml.replace("<saml2p:Status>", "<saml2p:Status xmlns:x=\"../relative\" x:y=\"\">");
    play.is_refused_as(&relative, "SEC-12", "content_changed");
}

#[test]
fn a_second_digest_or_signed_info_has_no_effect() {
    let play = Play::new();
    let xml = play.xml();
    // ruby-saml, CVE-2024-45409: a digest smuggled in elsewhere.
    let smuggled =
        "<saml2p:Extensions><ds:DigestValue>AAAA</ds:DigestValue></saml2p:Extensions><saml2p:Status>";
    play.is_refused_as(&xml.replace("<saml2p:Status>", smuggled), "SEC-12", "content_changed");
    // xml-crypto, CVE-2025-29774.
    let (start, end) = (xml.find("<ds:SignedInfo>").unwrap(), xml.find("</ds:SignedInfo>").unwrap() + 16);
    let twice = format!("{}{}{}", &xml[..end], &xml[start..end], &xml[end..]);
    play.is_refused_as(&twice, "SEC-08", "signature_malformed");
    // xml-crypto, CVE-2025-29775.
    let comment = xml.replace("<ds:DigestValue>", "<ds:DigestValue><!--x-->");
    play.is_refused_as(&comment, "SEC-08", "signature_malformed");
}

#[test]
fn the_anchor_of_one_country_does_not_speak_for_another() {
    let mut entity = entity();
    role(&mut entity).common.node_country = Some("XC".to_owned());
    let mut trust = trust_in_node();
    trust.country = country("XC");
    trust.anchors = vec![KEYS.other_node.certificate().clone()];
    let xml = signed_by(&entity, &KEYS.node_metadata);
    let refusal = eidas_gateway::eidas::trust::check(xml.as_bytes(), &trust, now()).unwrap_err();
    assert_eq!(refusal.code, "signer_unknown");
}

#[test]
fn a_removed_anchor_ends_trust_at_the_next_check() {
    let xml = signed_by(&entity(), &KEYS.node_metadata);
    let mut trust = trust_in_node();
    assert!(eidas_gateway::eidas::trust::check(xml.as_bytes(), &trust, now()).is_ok());
    trust.anchors = vec![KEYS.stranger.certificate().clone()];
    assert!(eidas_gateway::eidas::trust::check(xml.as_bytes(), &trust, now()).is_err());
}

#[test]
fn a_weak_key_signs_nothing() {
    let key = PrivateKey::generate(KeyKind::Rsa(2048)).unwrap();
    let pem = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/weak/rsa-2048.crt")).unwrap();
    let certificate = Certificate::from_pem(&pem).unwrap().remove(0);
    assert_eq!(certificate.public_key().unwrap_err(), KeyError::RsaSize(2048));
    assert!(SigningKey::new(key, certificate, None).is_err());
}

#[test]
fn a_stolen_certificate_without_its_key() {
    // The node's certificate in KeyInfo, the attacker's signature.
    let play = Play::with(|play| play.signer = KEYS.stranger.clone());
    let xml = play.xml().replace(&KEYS.stranger.certificate().base64(), &KEYS.node.certificate().base64());
    play.is_refused_as(&xml, "SEC-10", "signature_invalid");
    let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    assert!(SigningKey::new(key, KEYS.node.certificate().clone(), None).is_err());
}

#[test]
fn keys_of_metadata_are_keys_for_what_they_are_declared() {
    let node = metadata(|entity| {
        let keys = &mut role(entity).common.keys;
        keys.retain(|key| key.usage == Some(KeyUse::Signing));
    })
    .unwrap();
    assert_eq!(node.signing_certificates().collect::<Vec<_>>(), [KEYS.node.certificate()]);
}

#[test]
fn tricks_with_canonicalization() {
    let play = Play::new();
    let xml = play.xml();
    let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#\"/><ds:SignatureMethod";
    let with_comments = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments\"/><ds:SignatureMethod";
    play.is_refused_as(&xml.replace(exclusive, with_comments), "SEC-09", "canonicalization");
    let list = (0..17).map(|n| format!("p{n}")).collect::<Vec<_>>().join(" ");
    let long = format!(
        "http://www.w3.org/2001/10/xml-exc-c14n#\"><ec:InclusiveNamespaces \
         xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" PrefixList=\"{list}\"/>\
         </ds:CanonicalizationMethod><ds:SignatureMethod"
    );
    play.is_refused_as(&xml.replace(exclusive, &long), "SEC-08", "signature_malformed");
}
