//! SEC-01 to SEC-19: the form field and the envelope.

use super::*;

#[track_caller]
fn unreadable(field: &str, rule: &str, code: &str) {
    let refusal = Inbound::read(field).unwrap_err();
    assert_eq!((refusal.rule, refusal.code), (rule, code), "{refusal}");
}

#[track_caller]
fn unreadable_xml(xml: &str, rule: &str, code: &str) {
    unreadable(&binding::encode_post(xml), rule, code);
}

#[test]
fn sec_00_the_document_that_breaks_nothing_is_accepted() {
    let identity = Play::new().identity();
    assert_eq!(identity.level, AssuranceLevel::Notified(Loa::High));
    assert_eq!(identity.dropped, Vec::<String>::new());
    let Person::Natural(person) = identity.subject.person else { panic!("a natural person") };
    assert_eq!(person.person_identifier.expose().as_str(), "XB/XA/0f3b9c7e21d84a5f");
}

#[test]
fn sec_01_the_table_says_who_decides_it() {
    let elsewhere: Vec<_> =
        RULES.iter().filter(|rule| rule.elsewhere().is_some()).map(|rule| rule.id).collect();
    assert_eq!(elsewhere, ["SEC-01", "SEC-17", "SEC-31", "SEC-32", "SEC-33", "SEC-34"]);
}

#[test]
fn sec_02_what_is_too_long_or_no_base64_is_refused() {
    unreadable(&"A".repeat(131_073), "SEC-02", "too_long");
    unreadable("<xml/>", "SEC-02", "not_base64");
    let field = binding::encode_post(&Play::new().xml());
    unreadable(&format!("{field} "), "SEC-02", "not_base64");
    unreadable(&format!("{field}\u{0}"), "SEC-02", "not_base64");
}

#[test]
fn sec_03_a_doctype_or_processing_instruction_is_refused() {
    let xml = Play::new().xml();
    unreadable_xml(
        &format!("<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>{xml}"),
        "SEC-03",
        "doctype",
    );
    unreadable_xml(
        &xml.replacen("<saml2p:Status>", "<?x y?><saml2p:Status>", 1),
        "SEC-03",
        "processing_instruction",
    );
}

#[test]
fn sec_04_more_depth_or_attributes_than_a_response_needs_is_refused() {
    let deep = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
    unreadable_xml(&deep, "SEC-04", "too_deep");
    let attributes: String = (0..1000).map(|n| format!(" a{n}=\"\"")).collect();
    unreadable_xml(&format!("<a{attributes}/>"), "SEC-04", "too_many_attributes");
    unreadable_xml(&format!("<a>{}</a>", "<b/>".repeat(20_000)), "SEC-04", "too_many_nodes");
}

#[test]
fn sec_05_another_encoding_than_utf_8_is_refused() {
    let xml = Play::new().xml();
    for encoding in ["UTF-16", "UTF-7", "ISO-8859-1", "IBM037"] {
        unreadable_xml(
            &format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?>{xml}"),
            "SEC-05",
            "encoding",
        );
    }
    let utf_16: Vec<u8> = xml.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(Inbound::parse(&[&[0xff, 0xfe], utf_16.as_slice()].concat()).unwrap_err().rule, "SEC-05");
}

#[test]
fn sec_06_what_is_no_response_is_refused() {
    let xml = Play::new().xml();
    let other_namespace =
        xml.replace("urn:oasis:names:tc:SAML:2.0:protocol", "urn:oasis:names:tc:SAML:1.1:protocol");
    unreadable_xml(&other_namespace, "SEC-06", "not_a_response");
    unreadable_xml(&xml.replace("saml2p:Response", "saml2p:LogoutResponse"), "SEC-06", "not_a_response");
    unreadable_xml("<", "SEC-06", "not_well_formed");
    // What the schema forbids: an element it does not know, one too many, none where one must be, text.
    unreadable_xml(&xml.replacen("<saml2p:Status>", "<x/><saml2p:Status>", 1), "SEC-06", "structure");
    unreadable_xml(
        &xml.replacen("<saml2p:Status>", "<saml2p:Status/><saml2p:Status>", 1),
        "SEC-06",
        "structure",
    );
    unreadable_xml(&xml.replacen("<saml2p:Status>", "text<saml2p:Status>", 1), "SEC-06", "structure");
    unreadable_xml(&xml.replacen(" IssueInstant=", " Issue=", 1), "SEC-06", "structure");
}

#[test]
fn sec_07_no_or_two_or_misplaced_signatures_are_refused() {
    let play = Play::new();
    let xml = play.xml();
    let (start, end) = (xml.find("<ds:Signature>").unwrap(), xml.find("</ds:Signature>").unwrap() + 15);
    let signature = &xml[start..end];
    let unsigned = format!("{}{}", &xml[..start], &xml[end..]);
    play.is_refused_as(&unsigned, "SEC-07", "signature_missing");
    let twice = format!("{}{signature}{}", &xml[..end], &xml[end..]);
    play.is_refused_as(&twice, "SEC-07", "signature_several");
    let in_extensions = unsigned.replacen(
        "<saml2p:Status>",
        &format!("<saml2p:Extensions>{signature}</saml2p:Extensions><saml2p:Status>"),
        1,
    );
    play.is_refused_as(&in_extensions, "SEC-07", "signature_misplaced");
    let last = unsigned.replace("</saml2p:Response>", &format!("{signature}</saml2p:Response>"));
    play.is_refused_as(&last, "SEC-07", "signature_misplaced");
}

#[test]
fn sec_08_a_reference_to_anything_but_the_response_is_refused() {
    let play = Play::new();
    let xml = play.xml();
    for uri in ["", "#other", "http://attacker.example/x", "#xpointer(/)", "#"] {
        play.is_refused_as(
            &xml.replace("URI=\"#_response\"", &format!("URI=\"{uri}\"")),
            "SEC-08",
            "reference",
        );
    }
    play.is_refused_as(&xml.replace(" URI=\"#_response\"", ""), "SEC-08", "reference");
    let (start, end) = (xml.find("<ds:Reference").unwrap(), xml.find("</ds:Reference>").unwrap() + 15);
    let two = format!("{}{}{}", &xml[..end], &xml[start..end], &xml[end..]);
    play.is_refused_as(&two, "SEC-08", "signature_malformed");
}

#[test]
fn sec_09_other_transforms_and_algorithms_are_refused() {
    let play = Play::new();
    let xml = play.xml();
    let with = |from: &str, to: &str| {
        assert!(xml.contains(from), "{from}");
        xml.replace(from, to)
    };
    let enveloped = "<ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/>";
    for transform in [
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "http://www.w3.org/2000/09/xmldsig#base64",
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    ] {
        let other = format!("<ds:Transform Algorithm=\"{transform}\"/>");
        play.is_refused_as(&with(enveloped, &other), "SEC-09", "transform");
    }
    let c14n = "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>";
    let inclusive =
        "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"/>";
    play.is_refused_as(&with(c14n, inclusive), "SEC-09", "canonicalization");
    let method = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256";
    play.is_refused_as(
        &with(method, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
        "SEC-09",
        "signature_algorithm",
    );
    let digest = "http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue>";
    play.is_refused_as(
        &with(digest, "http://www.w3.org/2000/09/xmldsig#sha1\"/><ds:DigestValue>"),
        "SEC-09",
        "digest_algorithm",
    );
}

#[test]
fn sec_10_a_signature_of_an_unknown_key_is_refused() {
    // The certificate of that key is in KeyInfo, where it changes nothing.
    Play::with(|play| play.signer = KEYS.stranger.clone()).is_refused("SEC-10", "signature_invalid");
}

#[test]
fn sec_11_a_key_of_another_kind_is_refused() {
    // The node has elliptic-curve keys only; the algorithm named wants RSA.
    let play = Play::new();
    let xml = play.xml().replace(
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
    );
    play.is_refused_as(&xml, "SEC-11", "no_fitting_key");
}

#[test]
fn sec_12_what_was_changed_after_signing_is_refused() {
    let play = Play::new();
    play.is_refused_as(
        &play.xml().replace("status:Success", "status:Responder"),
        "SEC-12",
        "content_changed",
    );
}

#[test]
fn sec_13_a_response_to_another_request_is_refused() {
    Play::with(|play| play.response.in_response_to = None).is_refused("SEC-13", "in_response_to_missing");
    Play::with(|play| play.response.in_response_to = Some("_other".to_owned()))
        .is_refused("SEC-13", "in_response_to_mismatch");
}

#[test]
fn sec_14_another_issuer_or_lapsed_metadata_is_refused() {
    let issuer = |change: fn(&mut Play)| Play::with(change);
    issuer(|play| play.response.issuer.as_mut().unwrap().value = "https://other.example/".to_owned())
        .is_refused("SEC-14", "issuer_mismatch");
    issuer(|play| play.response.issuer = None).is_refused("SEC-14", "issuer_missing");
    issuer(|play| play.response.issuer.as_mut().unwrap().format = Some("urn:x".to_owned()))
        .is_refused("SEC-14", "issuer_format");
    issuer(|play| play.pending.country = crate::stage::country("XC"))
        .is_refused("SEC-14", "country_mismatch");
    // The metadata was valid when it was loaded, and is no longer when it is used.
    Play::with(|play| play.node = lapsing_node()).is_refused("SEC-14", "metadata_expired");
    // Without a Format, as Germany sends it, all is well.
    issuer(|play| play.response.issuer.as_mut().unwrap().format = None).identity();
}

/// A node whose metadata lapses at the very moment of the response.
fn lapsing_node() -> TrustedNode {
    let mut entity = entity();
    entity.valid_until = Some(now());
    let earlier = now() - MINUTE;
    eidas_gateway::eidas::trust::check(signed(&entity).as_bytes(), &trust_in_node(), earlier).unwrap()
}

#[test]
fn sec_15_another_destination_is_refused() {
    Play::with(|play| play.response.destination = None).is_refused("SEC-15", "destination_missing");
    for destination in [
        "https://connector.example.xa/eidas/acs/",
        "https://CONNECTOR.example.xa/eidas/acs",
        "https://other.example/acs",
    ] {
        Play::with(|play| play.response.destination = Some(destination.to_owned()))
            .is_refused("SEC-15", "destination_mismatch");
    }
}

#[test]
fn sec_16_another_version_or_time_is_refused() {
    Play::with(|play| play.response.version = "1.1".to_owned()).is_refused("SEC-16", "version");
    Play::with(|play| play.now = now() + HOUR).is_refused("SEC-16", "issued_too_long_ago");
    Play::with(|play| play.response.issue_instant = now() + 2 * MINUTE)
        .is_refused("SEC-16", "issued_in_the_future");
    Play::with(|play| play.response.issue_instant = now() - 2 * MINUTE)
        .is_refused("SEC-16", "issued_before_the_request");
    // Within the minute of tolerance, and beyond it only where the country's clock is known to be wrong.
    Play::with(|play| play.response.issue_instant = now() + MINUTE).identity();
    Play::with(|play| {
        play.quirk(|quirks| quirks.clock_skew = 120);
        play.response.issue_instant = now() + 2 * MINUTE;
    })
    .identity();
}

#[test]
fn sec_17_the_identifiers_to_remember_are_told() {
    let identity = Play::new().identity();
    assert_eq!((identity.response_id.as_str(), identity.assertion_id.as_str()), ("_response", "_assertion"));
    assert_eq!(identity.expires, now() + Duration::from_secs(300));
}

#[test]
fn sec_18_an_assertion_beside_a_failure_is_not_looked_at() {
    let play =
        Play::with(|play| play.response.status = Status::new(status::RESPONDER, Some(status::AUTHN_FAILED)));
    let Ok(Outcome::Declined(declined)) = play.judge() else { panic!("a valid assertion was used") };
    assert_eq!(declined.meaning, Meaning::Cancelled);
    // Older nodes put a plain one there.
    let play = Play::with(|play| {
        play.response.status = Status::new(status::REQUESTER, None);
        play.response.assertions.push(play.assertion.to_element());
    });
    assert!(matches!(play.judge(), Ok(Outcome::Declined(_))));
    // A status that only looks like success is none.
    let play = Play::with(|play| play.response.status.code = status::SUCCESS.to_lowercase());
    assert!(matches!(play.judge(), Ok(Outcome::Declined(_))));
}

#[test]
fn sec_19_anything_but_one_encrypted_assertion_is_refused() {
    Play::with(|play| play.response.assertions.push(play.assertion.to_element()))
        .is_refused("SEC-19", "plain_assertion");
    let play = Play::new();
    let mut only_plain = play.response.clone();
    only_plain.assertions.push(play.assertion.to_element());
    play.is_refused_as(&play.sign(&only_plain.to_element()), "SEC-19", "plain_assertion");
    play.is_refused_as(&play.sign(&play.response.to_element()), "SEC-19", "encrypted_assertions");
    Play::with(|play| play.response.encrypted_assertions.push(play.encrypted(&play.assertion_element())))
        .is_refused("SEC-19", "encrypted_assertions");
    Play::with(|play| {
        play.assertion_text = |text| {
            let start = text.find("<saml2:NameID").unwrap();
            let end = text.find("</saml2:NameID>").unwrap() + 15;
            format!("{}<saml2:EncryptedID/>{}", &text[..start], &text[end..])
        };
    })
    .is_refused("SEC-19", "encrypted_part");
    Play::with(|play| {
        play.assertion_text = |text| {
            text.replace(
                "</saml2:AttributeStatement>",
                "<saml2:EncryptedAttribute/></saml2:AttributeStatement>",
            )
        };
    })
    .is_refused("SEC-19", "encrypted_part");
}
