//! SEC-20 to SEC-27: the assertion.

use super::*;

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
    assert_eq!(play.identity().tolerated, ["legacy_oaep"]);
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
    let by_address = Play::with(|play| {
        play.quirk(|quirks| quirks.audience_acs_url = true);
        play.conditions().audience_restrictions[0] = vec![ACS.to_owned()];
    });
    assert_eq!(by_address.identity().tolerated, ["audience_acs_url"]);
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
