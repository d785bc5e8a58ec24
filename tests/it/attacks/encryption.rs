//! Attacks on the encryption, and on what comes out of it.

use super::*;

#[test]
fn old_content_encryption_and_key_transport_are_not_even_tried() {
    let play = Play::new();
    let sealed = xml::write(&play.encrypted(&play.assertion_element()));
    let with = |from: &str, to: &str| {
        let mut response = play.response.clone();
        response.encrypted_assertions.push(parse(&sealed.replace(from, to)));
        play.sign(&response.to_element())
    };
    let gcm = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
    for cbc in ["aes128-cbc", "aes192-cbc", "aes256-cbc", "tripledes-cbc"] {
        let cbc = format!("http://www.w3.org/2001/04/xmlenc#{cbc}");
        play.is_refused_as(&with(gcm, &cbc), "SEC-20", "encryption_algorithm");
    }
    let wrap = "http://www.w3.org/2001/04/xmlenc#kw-aes256";
    play.is_refused_as(
        &with(wrap, "http://www.w3.org/2001/04/xmlenc#rsa-1_5"),
        "SEC-20",
        "encryption_algorithm",
    );
}

#[test]
fn a_damaged_ciphertext_says_only_that_it_failed() {
    let play = Play::new();
    let sealed = xml::write(&play.encrypted(&play.assertion_element()));
    let mut details = std::collections::BTreeSet::new();
    // The wrapped key and the content, each with one octet changed.
    for (at, _) in sealed.match_indices("<xenc:CipherValue>") {
        let at = at + "<xenc:CipherValue>".len() + 4;
        let other = if &sealed[at..=at] == "A" { "B" } else { "A" };
        let mut response = play.response.clone();
        response.encrypted_assertions.push(parse(&format!("{}{other}{}", &sealed[..at], &sealed[at + 1..])));
        let refusal = play.judge_xml(&play.sign(&response.to_element())).unwrap_err();
        assert_eq!((refusal.rule, refusal.code), ("SEC-20", "decryption_failed"));
        details.insert(refusal.detail);
    }
    assert_eq!(details.len(), 1);
}

#[test]
fn a_comment_in_a_value() {
    // CVE-2017-11427 and its kin: exclusive C14N drops comments, so the signature still holds.
    let play = Play::new();
    let issuer = play.xml().replace(NODE, &NODE.replace(".example", ".example<!---->"));
    play.is_refused_as(&issuer, "SEC-06", "structure");
    let plaintext = xml::write(&play.assertion_element());
    let comment = plaintext.replace("XB/XA/0f3b", "XB/XA/0f<!-- x -->3b");
    plaintext_is_refused(comment.as_bytes(), "assertion_structure");
    let element = plaintext.replace("Papado", "Pa<x/>pado");
    plaintext_is_refused(element.as_bytes(), "assertion_structure");
}

/// The node encrypts these octets and signs the response.
#[track_caller]
fn plaintext_is_refused(octets: &[u8], code: &str) {
    let mut play = Play::new();
    play.us.decryption = vec![KEYS.our_rsa_encryption.clone()];
    let mut response = play.response.clone();
    response.encrypted_assertions.push(encrypted_octets(octets, KEYS.our_rsa_encryption.certificate()));
    play.is_refused_as(&play.sign(&response.to_element()), "SEC-21", code);
}

#[test]
fn a_plaintext_that_is_not_one_element() {
    let play = Play::new();
    let assertion = xml::write(&play.assertion_element());
    plaintext_is_refused(
        format!("<!DOCTYPE x [<!ENTITY e \"x\">]>{assertion}").as_bytes(),
        "plaintext_malformed",
    );
    plaintext_is_refused(format!("{assertion}{assertion}").as_bytes(), "plaintext_malformed");
    plaintext_is_refused(format!("<?x y?>{assertion}").as_bytes(), "plaintext_malformed");
    plaintext_is_refused(&assertion.as_bytes()[..assertion.len() - 1], "plaintext_malformed");
    plaintext_is_refused(b"", "plaintext_malformed");
    plaintext_is_refused(&[0xff; 64], "plaintext_malformed");
    plaintext_is_refused(assertion.replace("Eleni", "&eleni;").as_bytes(), "plaintext_malformed");
    plaintext_is_refused("<a>".repeat(10_000).as_bytes(), "plaintext_malformed");
}

#[test]
fn references_to_elsewhere_are_never_followed() {
    let play = Play::new();
    let sealed = xml::write(&play.encrypted(&play.assertion_element()));
    let (start, end) =
        (sealed.find("<xenc:EncryptedKey").unwrap(), sealed.find("</xenc:EncryptedKey>").unwrap() + 20);
    let retrieval = "<ds:RetrievalMethod URI=\"http://attacker.example/key\"/>";
    let mut response = play.response.clone();
    response.encrypted_assertions.push(parse(&format!("{}{retrieval}{}", &sealed[..start], &sealed[end..])));
    play.is_refused_as(&play.sign(&response.to_element()), "SEC-20", "encryption_malformed");
    // A cipher value by reference.
    let (start, end) =
        (sealed.rfind("<xenc:CipherValue>").unwrap(), sealed.rfind("</xenc:CipherValue>").unwrap() + 19);
    let reference = "<xenc:CipherReference URI=\"file:///etc/passwd\"/>";
    let mut response = play.response.clone();
    response.encrypted_assertions.push(parse(&format!("{}{reference}{}", &sealed[..start], &sealed[end..])));
    play.is_refused_as(&play.sign(&response.to_element()), "SEC-20", "encryption_malformed");
}

#[test]
fn a_ciphertext_too_short_for_nonce_and_tag() {
    let play = Play::new();
    let sealed = xml::write(&play.encrypted(&play.assertion_element()));
    let (start, end) =
        (sealed.rfind("<xenc:CipherValue>").unwrap() + 18, sealed.rfind("</xenc:CipherValue>").unwrap());
    for octets in [0, 12, 27] {
        let short = binding::encode_post(&"x".repeat(octets));
        let mut response = play.response.clone();
        response.encrypted_assertions.push(parse(&format!("{}{short}{}", &sealed[..start], &sealed[end..])));
        let refusal = play.judge_xml(&play.sign(&response.to_element())).unwrap_err();
        assert_eq!(refusal.rule, "SEC-20", "{octets}: {refusal}");
    }
}
