//! SEC-01 to SEC-34 of the response table: for each row a document that breaks that row alone, and the exact
//! row and code that refuse it. Rows that are decided at the edge have their tests there: SEC-01, the web half
//! of SEC-13, SEC-17, SEC-32, SEC-33 and SEC-34.

use std::time::Duration;

use eidas_gateway::crypto::{DigestAlgorithm, KeyTransport};
use eidas_gateway::eidas::attribute::Attribute as Eidas;
use eidas_gateway::eidas::response::RULES;
use eidas_gateway::eidas::{
    Ask, AssuranceLevel, Inbound, Loa, Meaning, Outcome, Person, RequestedLoa, Subject, SubjectKind,
    TrustedNode,
};
use eidas_gateway::saml::names::status;
use eidas_gateway::saml::{AttributeValue, Status, binding};
use eidas_gateway::xml;

use crate::stage::{
    ACS, KEYS, Play, ask, attribute, entity, legal_person, metadata, named, natural_person,
    natural_representative, now, representative, signed, trust_in_node,
};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

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

#[test]
fn sec_20_other_encryption_algorithms_are_refused() {
    let replace = |from: &'static str, to: &'static str| {
        let play = Play::new();
        let mut response = play.response.clone();
        let encrypted = xml::write(&play.encrypted(&play.assertion_element()));
        assert!(encrypted.contains(from), "{from}");
        response.encrypted_assertions.push(crate::stage::parse(&encrypted.replace(from, to)));
        play.is_refused_as(&play.sign(&response.to_element()), "SEC-20", "encryption_algorithm");
    };
    let gcm = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
    replace(gcm, "http://www.w3.org/2001/04/xmlenc#aes256-cbc");
    replace(gcm, "http://www.w3.org/2001/04/xmlenc#tripledes-cbc");
    replace("http://www.w3.org/2001/04/xmlenc#kw-aes256", "http://www.w3.org/2001/04/xmlenc#rsa-1_5");
    replace("http://www.w3.org/2001/04/xmlenc#kw-aes256", "http://www.w3.org/2001/04/xmlenc#kw-tripledes");
    // Encrypted for somebody else: no more is said than that it failed.
    Play::with(|play| play.recipient = KEYS.node_encryption.certificate().clone())
        .is_refused("SEC-20", "decryption_failed");
}

#[test]
fn sec_20_the_older_key_transport_is_for_countries_that_may() {
    let mut play = Play::with(|play| {
        play.us.decryption = vec![KEYS.our_rsa_encryption.clone()];
        play.recipient = KEYS.our_rsa_encryption.certificate().clone();
        play.options.transport = KeyTransport::RsaOaepMgf1p { digest: DigestAlgorithm::Sha256 };
    });
    play.is_refused("SEC-20", "encryption_algorithm");
    play.quirk(|quirks| quirks.legacy_oaep = true);
    play.identity();
}

#[test]
fn sec_21_a_plaintext_that_is_no_sound_assertion_is_refused() {
    let text = |change: fn(String) -> String, code: &str| {
        Play::with(|play| play.assertion_text = change).is_refused("SEC-21", code);
    };
    text(|text| text.replace("saml2:Assertion", "saml2:Statement"), "assertion_structure");
    text(|text| text.replace("<saml2:Subject>", "<x/><saml2:Subject>"), "assertion_structure");
    text(
        |text| text.replace("<saml2:Conditions", "<saml2:Conditions/><saml2:Conditions"),
        "assertion_structure",
    );
    text(
        |text| text.replace("</saml2:Assertion>", "<saml2:Subject/></saml2:Assertion>"),
        "assertion_structure",
    );
    Play::with(|play| play.assertion.version = "2.1".to_owned()).is_refused("SEC-21", "assertion_version");
    Play::with(|play| play.assertion.issue_instant = now() + 2 * MINUTE)
        .is_refused("SEC-21", "assertion_issue_instant");
    Play::with(|play| play.assertion.issue_instant = now() - HOUR)
        .is_refused("SEC-21", "assertion_issue_instant");
    Play::with(|play| play.assertion.id = "_response".to_owned()).is_refused("SEC-21", "assertion_id");
}

#[test]
fn sec_22_a_signature_of_the_assertion_must_verify() {
    Play::with(|play| play.assertion_signer = Some(KEYS.node.clone())).identity();
    Play::with(|play| play.assertion_signer = Some(KEYS.stranger.clone()))
        .is_refused("SEC-22", "assertion_signature");
    let play = Play::new();
    let signed =
        xml::write(&Play::with(|play| play.assertion_signer = Some(KEYS.node.clone())).assertion_element());
    let broken = crate::stage::parse(&signed.replace("Eleni", "Elena"));
    let mut response = play.response.clone();
    response.encrypted_assertions.push(play.encrypted(&broken));
    play.is_refused_as(&play.sign(&response.to_element()), "SEC-22", "assertion_signature");
    Play::with(|play| play.quirk(|quirks| quirks.require_assertion_signature = true))
        .is_refused("SEC-22", "assertion_not_signed");
}

#[test]
fn sec_23_another_issuer_of_the_assertion_is_refused() {
    Play::with(|play| play.assertion.issuer.as_mut().unwrap().value = "https://other.example/".to_owned())
        .is_refused("SEC-23", "assertion_issuer");
}

#[test]
fn sec_24_a_confirmation_that_is_not_for_us_and_now_is_refused() {
    let refused = |change: fn(&mut Play), code: &str| Play::with(change).is_refused("SEC-24", code);
    refused(|play| play.assertion.subject = None, "subject_missing");
    refused(|play| play.assertion.subject.as_mut().unwrap().name_id = None, "name_id");
    refused(|play| play.assertion.subject.as_mut().unwrap().confirmations.clear(), "confirmations");
    refused(
        |play| {
            let second = play.confirmation().clone();
            play.assertion.subject.as_mut().unwrap().confirmations.push(second);
        },
        "confirmations",
    );
    refused(
        |play| play.confirmation().method = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches".to_owned(),
        "confirmation_method",
    );
    refused(|play| play.confirmation().recipient = None, "recipient");
    refused(|play| play.confirmation().recipient = Some(format!("{ACS}/")), "recipient");
    refused(|play| play.confirmation().in_response_to = None, "confirmation_in_response_to");
    refused(|play| play.confirmation().in_response_to = Some("_x".to_owned()), "confirmation_in_response_to");
    refused(|play| play.confirmation().not_on_or_after = None, "confirmation_no_end");
    refused(|play| play.confirmation().not_on_or_after = Some(now() - MINUTE), "confirmation_not_valid_now");
    refused(|play| play.confirmation().not_before = Some(now() + 2 * MINUTE), "confirmation_not_valid_now");
    // Germany sends NotBefore.
    Play::with(|play| play.confirmation().not_before = Some(now())).identity();
}

#[test]
fn sec_25_conditions_that_do_not_hold_are_refused() {
    let refused = |change: fn(&mut Play), code: &str| Play::with(change).is_refused("SEC-25", code);
    refused(|play| play.assertion.conditions = None, "conditions_missing");
    refused(|play| play.conditions().not_before = None, "conditions_no_window");
    refused(|play| play.conditions().not_on_or_after = None, "conditions_no_window");
    refused(|play| play.conditions().not_on_or_after = Some(now() - MINUTE), "conditions_not_valid_now");
    refused(|play| play.conditions().not_before = Some(now() + 2 * MINUTE), "conditions_not_valid_now");
    refused(|play| play.conditions().unknown = true, "condition_unknown");
    refused(|play| play.conditions().audience_restrictions.clear(), "audience_missing");
    refused(|play| play.conditions().audience_restrictions = vec![vec![]], "audience_mismatch");
    refused(
        |play| play.conditions().audience_restrictions[0] = vec!["https://other.example".to_owned()],
        "audience_mismatch",
    );
    refused(
        |play| play.conditions().audience_restrictions.push(vec!["https://other.example".to_owned()]),
        "audience_mismatch",
    );
    refused(|play| play.conditions().audience_restrictions[0] = vec![ACS.to_owned()], "audience_mismatch");
    Play::with(|play| {
        play.quirk(|quirks| quirks.audience_acs_url = true);
        play.conditions().audience_restrictions[0] = vec![ACS.to_owned()];
    })
    .identity();
    // A second ahead of us, NotBefore is still "now"; once only and not to be proxied are fine.
    Play::with(|play| {
        play.now = now() - Duration::from_secs(1);
        play.conditions().one_time_use = true;
        play.conditions().proxy_restriction = true;
    })
    .identity();
}

#[test]
fn sec_26_more_or_fewer_statements_are_refused() {
    let refused = |change: fn(&mut Play), code: &str| Play::with(change).is_refused("SEC-26", code);
    refused(|play| play.assertion.authn_statements.clear(), "authn_statements");
    refused(
        |play| {
            let second = play.assertion.authn_statements[0].clone();
            play.assertion.authn_statements.push(second);
        },
        "authn_statements",
    );
    refused(|play| play.assertion.attribute_statements.clear(), "attribute_statements");
    refused(
        |play| {
            let second = play.assertion.attribute_statements[0].clone();
            play.assertion.attribute_statements.push(second);
        },
        "attribute_statements",
    );
    refused(
        |play| {
            play.assertion_text =
                |text| text.replace("</saml2:Assertion>", "<saml2:AuthzDecisionStatement/></saml2:Assertion>")
        },
        "other_statements",
    );
    refused(|play| play.assertion.authn_statements[0].class_refs.clear(), "class_refs");
    refused(
        |play| play.assertion.authn_statements[0].class_refs.push(Loa::High.uri().to_owned()),
        "class_refs",
    );
    refused(
        |play| play.assertion.authn_statements[0].authn_instant = now() + 2 * MINUTE,
        "authn_in_the_future",
    );
    refused(
        |play| play.assertion.authn_statements[0].authn_instant = now() - 2 * MINUTE,
        "authn_before_the_request",
    );
    refused(
        |play| play.assertion.authn_statements[0].session_not_on_or_after = Some(now() - MINUTE),
        "session_ended",
    );
    // The CEF node always writes this.
    Play::with(|play| {
        play.assertion_text =
            |text| text.replace("</saml2:AuthnContext>", "<saml2:AuthnContextDecl/></saml2:AuthnContext>");
    })
    .identity();
}

#[test]
fn sec_27_a_level_that_does_not_satisfy_is_refused() {
    let level = |uri: &str| Play::with(|play| play.level(uri));
    level(Loa::Low.uri()).is_refused("SEC-27", "level_not_satisfied");
    level("http://eidas.europa.eu/NotNotified/LoA/substantial").is_refused("SEC-27", "level_not_satisfied");
    for look_alike in ["http://eidas.europa.eu/LoA/High", "http://eidas.europa.eu/LoA/", "test", ""] {
        level(look_alike).is_refused("SEC-27", "level_unknown");
    }
    level(" http://eidas.europa.eu/LoA/substantial\n").identity();
    let exact = Ask { loa: RequestedLoa::with_non_notified(Loa::Substantial), ..ask() };
    let mut play = Play::asked(&exact, natural_person());
    play.level("http://eidas.europa.eu/NotNotified/LoA/substantial");
    assert_eq!(play.identity().level.notified(), None);
    play.level("http://eidas.europa.eu/NotNotified/LoA/high");
    play.is_refused("SEC-27", "level_not_published");
}

#[test]
fn sec_27_a_level_above_all_published_is_refused() {
    let mut play = Play::new();
    let levels = |levels: &[Loa]| {
        let levels: Vec<String> = levels.iter().map(|level| level.uri().to_owned()).collect();
        metadata(|entity| entity.entity_attributes[1].1 = levels).unwrap()
    };
    play.node = levels(&[Loa::Substantial]);
    play.is_refused("SEC-27", "level_not_published");
    play.node = levels(&[Loa::High]);
    play.level(Loa::Substantial.uri());
    play.identity();
}

#[test]
fn sec_28_identifiers_of_other_countries_are_refused() {
    let identifier =
        |text: &str| Play::with(|play| play.attributes()[0] = attribute(Eidas::PersonIdentifier, &[text]));
    identifier("0f3b9c7e21d84a5f").is_refused("SEC-28", "identifier_form");
    identifier("xb/xa/0f3b9c7e21d84a5f").is_refused("SEC-28", "identifier_form");
    identifier("XB/XA/0f3b 9c7e").is_refused("SEC-28", "identifier_form");
    identifier(&format!("XB/XA/{}", "x".repeat(251))).is_refused("SEC-28", "identifier_form");
    identifier("XC/XA/0f3b9c7e21d84a5f").is_refused("SEC-28", "identifier_country");
    identifier("XB/XC/0f3b9c7e21d84a5f").is_refused("SEC-28", "identifier_destination");
    identifier(&format!("XB/XA/{}", "x".repeat(250))).identity();
    let mut play = identifier("XB/XC/0f3b9c7e21d84a5f");
    play.quirk(|quirks| quirks.any_destination_country = true);
    play.identity();
}

#[test]
fn sec_29_an_incomplete_or_doubled_data_set_is_refused() {
    let refused = |change: &dyn Fn(&mut Play), code: &str| Play::with(change).is_refused("SEC-29", code);
    for missing in 0..4 {
        refused(&|play| drop(play.attributes().remove(missing)), "data_set_incomplete");
        refused(&|play| play.attributes()[missing].values.clear(), "data_set_incomplete");
        refused(&|play| play.attributes()[missing].values[0].text = "  ".to_owned(), "data_set_incomplete");
    }
    refused(
        &|play| play.attributes().push(attribute(Eidas::PersonIdentifier, &["XB/XA/1"])),
        "attribute_twice",
    );
    refused(
        &|play| play.attributes().extend([named("urn:x", &["1"]), named("urn:x", &["2"])]),
        "attribute_twice",
    );
    refused(&|play| play.attributes()[1].values.push(AttributeValue::new("Other")), "value");
    refused(&|play| play.attributes()[3] = attribute(Eidas::DateOfBirth, &["29.02.1984"]), "value");
    refused(&|play| play.attributes().push(attribute(Eidas::PlaceOfBirth, &["a\u{85}b"])), "value");
    refused(&|play| play.attributes().push(attribute(Eidas::PlaceOfBirth, &["a", "b"])), "value");
    refused(&|play| play.attributes().extend(legal_person()), "kind_mismatch");
    refused(&|play| *play.attributes() = legal_person(), "kind_mismatch");
    let legal = Ask { kind: SubjectKind::Legal, attributes: [].into(), ..ask() };
    Play::asked(&legal, legal_person()).identity();
    Play::asked(&legal, natural_person()).is_refused("SEC-29", "kind_mismatch");
    Play::asked(&legal, legal_person()[..1].to_vec()).is_refused("SEC-29", "data_set_incomplete");
}

#[test]
fn sec_29_a_date_without_day_is_a_date_unless_the_country_says_no() {
    let mut play = Play::with(|play| play.attributes()[3] = attribute(Eidas::DateOfBirth, &["1964-00-00"]));
    let Person::Natural(person) = play.identity().subject.person else { panic!() };
    assert_eq!(
        (person.date_of_birth.expose().text.as_str(), &person.date_of_birth.expose().iso),
        ("1964-00-00", &None)
    );
    play.quirk(|quirks| quirks.partial_dates = false);
    play.is_refused("SEC-29", "value");
}

#[test]
fn sec_30_a_representative_is_refused_where_none_is_allowed() {
    let represented = Ask { kind: SubjectKind::Legal, attributes: [].into(), representation: true, ..ask() };
    let both = [legal_person(), natural_representative()].concat();
    let alone = Ask { representation: false, ..represented.clone() };
    Play::asked(&alone, both.clone()).is_refused("SEC-30", "representative");
    let Subject { person, representative: Some(acting) } =
        Play::asked(&represented, both.clone()).identity().subject
    else {
        panic!("somebody acted")
    };
    assert_eq!((person.kind(), acting.kind()), (SubjectKind::Legal, SubjectKind::Natural));
    assert_eq!(acting.identifier().expose().as_str(), "XB/XA/4711");
    // An unknown attribute about a representative still says that there is one.
    let shoe = named("http://eidas.europa.eu/attributes/naturalperson/representative/ShoeSize", &["43"]);
    Play::asked(&alone, [legal_person(), vec![shoe.clone()]].concat()).is_refused("SEC-30", "representative");
    Play::asked(&represented, [legal_person(), vec![shoe]].concat())
        .is_refused("SEC-30", "representative_incomplete");
    Play::asked(&represented, both[..5].to_vec()).is_refused("SEC-30", "representative_incomplete");
    let two = [both, vec![representative(Eidas::LegalName, &["Other AG"])]].concat();
    Play::asked(&represented, two).is_refused("SEC-30", "representatives");
}

#[test]
fn sec_31_what_was_not_asked_or_is_unknown_is_dropped() {
    let play = Play::with(|play| {
        play.attributes().push(attribute(Eidas::Gender, &["Female"]));
        play.attributes().push(attribute(Eidas::EmailAddress, &["eleni@example.org"]));
        play.attributes().push(attribute(Eidas::PlaceOfBirth, &[""]));
        play.attributes().push(attribute(Eidas::Nationality, &["Greek"]));
        play.attributes().push(named("urn:sector:role", &["x"]));
    });
    let identity = play.identity();
    // Nationality was asked, but cannot be read; an empty value is no value.
    let expected = [Eidas::Nationality.name(), Eidas::EmailAddress.name(), "urn:sector:role"];
    assert_eq!(identity.dropped, expected);
    let Person::Natural(person) = identity.subject.person else { panic!() };
    assert!(person.gender.is_some());
    assert_eq!((&person.email_address, &person.place_of_birth), (&None, &None));
}

#[test]
fn sec_33_no_refusal_names_a_person() {
    let secret = "Papadopoulou";
    let plays = [
        Play::with(|play| play.attributes().push(attribute(Eidas::CurrentFamilyName, &[secret]))),
        Play::with(|play| play.attributes()[0] = attribute(Eidas::PersonIdentifier, &[secret])),
        Play::with(|play| play.attributes()[3] = attribute(Eidas::DateOfBirth, &[secret])),
        Play::with(|play| play.attributes()[1].values.push(AttributeValue::new(secret))),
        Play::with(|play| play.assertion_text = |text| text.replace("Papadopoulou", "Papadopoulou<x/>")),
    ];
    for play in plays {
        let refusal = play.judge().unwrap_err();
        assert!(!format!("{refusal} {refusal:?}").contains(secret), "{}", refusal.code);
    }
}
