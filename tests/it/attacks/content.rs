//! Attacks by what a well-signed message says.

use super::*;

#[test]
fn cdata_and_character_references_are_the_text_they_stand_for() {
    let play = Play::with(|play| {
        play.assertion_text = |text| {
            text.replace("XB/XA/0f3b", "XB/XA/<![CDATA[0f]]>&#x33;b").replace("Papado", "P<![CDATA[]]>apado")
        };
    });
    let Person::Natural(person) = play.identity().subject.person else { panic!() };
    assert_eq!(person.person_identifier.expose().as_str(), "XB/XA/0f3b9c7e21d84a5f");
    assert_eq!(person.family_name.expose().latin, "Papadopoulou");
}

#[test]
fn external_entities_and_expansion() {
    let entities = [
        "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>",
        "<!DOCTYPE r [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>",
        "<!DOCTYPE r SYSTEM \"http://attacker.example/x.dtd\">",
    ];
    for doctype in entities {
        let refusal = Inbound::parse(format!("{doctype}{}", Play::new().xml()).as_bytes()).unwrap_err();
        assert_eq!((refusal.rule, refusal.code), ("SEC-03", "doctype"));
    }
}

#[test]
fn nothing_is_fetched_and_nothing_included() {
    // There is nobody here who could fetch; the attribute is simply one more.
    Play::with(|play| {
        play.response_text = |text| {
            text.replace("<saml2p:Response ", "<saml2p:Response xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"urn:x http://attacker.example/x.xsd\" ")
        };
    })
    .identity();
    let include = "<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"file:///etc/passwd\"/><saml2p:Status>";
    let refusal =
        Inbound::parse(Play::new().xml().replace("<saml2p:Status>", include).as_bytes()).unwrap_err();
    assert_eq!((refusal.rule, refusal.code), ("SEC-06", "structure"));
}

#[test]
fn an_answer_of_another_country() {
    // B answers a request that was for A, with its own key and name: the key is unknown to A's metadata.
    let play = Play::with(|play| {
        play.signer = KEYS.other_node.clone();
        play.response.issuer.as_mut().unwrap().value = "https://proxy.example.xc/metadata".to_owned();
    });
    play.is_refused("SEC-10", "signature_invalid");
    // And with the key of A under the name of B, or about a person of B.
    Play::with(|play| {
        play.response.issuer.as_mut().unwrap().value = "https://proxy.example.xc/metadata".to_owned()
    })
    .is_refused("SEC-14", "issuer_mismatch");
    Play::with(|play| play.attributes()[0] = attribute(Eidas::PersonIdentifier, &["XC/XA/1"]))
        .is_refused("SEC-28", "identifier_country");
}

#[test]
fn a_response_for_another_relying_party() {
    Play::with(|play| play.response.destination = Some("https://other.example/acs".to_owned()))
        .is_refused("SEC-15", "destination_mismatch");
    Play::with(|play| {
        play.conditions().audience_restrictions[0] = vec!["https://other.example/metadata".to_owned()]
    })
    .is_refused("SEC-25", "audience_mismatch");
    Play::with(|play| play.confirmation().recipient = Some("https://other.example/acs".to_owned()))
        .is_refused("SEC-24", "recipient");
}

#[test]
fn an_unsolicited_response() {
    Play::with(|play| {
        play.response.in_response_to = None;
        play.confirmation().in_response_to = None;
    })
    .is_refused("SEC-13", "in_response_to_missing");
}

#[test]
fn look_alikes_of_a_level() {
    let look_alikes = [
        "http://eidas.europa.eu/LoA/High",
        "http://eidas.europa.eu/LoA/high/",
        "http://eidas.europa.eu/LoA/hіgh", // a Cyrillic i
        "http://eidas.europa.eu/LoA/NotNotified/high",
        "test",
    ];
    for uri in look_alikes {
        Play::with(|play| play.level(uri)).is_refused("SEC-27", "level_unknown");
    }
    for uri in [
        "http://EIDAS.europa.eu/LoA/high",
        "https://eidas.europa.eu/LoA/high",
        "http://eidas.europa.eu/loa/high",
    ] {
        Play::with(|play| play.level(uri)).is_refused("SEC-27", "level_not_satisfied");
    }
    // The old spelling of a level that is not notified satisfies an exact request where the quirk reads it.
    let exact = Ask { loa: eidas_gateway::eidas::RequestedLoa::with_non_notified(Loa::Substantial), ..ask() };
    let mut play = Play::asked(&exact, natural_person());
    play.level("http://eidas.europa.eu/LoA/NotNotified/substantial");
    play.is_refused("SEC-27", "level_unknown");
    play.quirk(|quirks| quirks.loa_aliases = true);
    assert_eq!(play.identity().tolerated, ["loa_aliases"]);
}

#[test]
fn identifiers_that_only_look_alike_are_different_or_refused() {
    let identifier =
        |text: &str| Play::with(|play| play.attributes()[0] = attribute(Eidas::PersonIdentifier, &[text]));
    let of =
        |text: &str| identifier(text).identity().subject.person.identifier().expose().as_str().to_owned();
    assert_ne!(of("XB/XA/A"), of("XB/XA/a"));
    assert_ne!(of("XB/XA/é"), of("XB/XA/e\u{301}"));
    assert_eq!(of("\n XB/XA/A "), "XB/XA/A");
    identifier("xb/xa/A").is_refused("SEC-28", "identifier_form");
    for end in ["\u{200b}", "\u{a0}", "\u{2003}", "\u{3000}"] {
        identifier(&format!("XB/XA/A{end}")).is_refused("SEC-28", "identifier_form");
    }
    identifier("XB/XA/A\u{202e}").is_refused("SEC-29", "value");
}

#[test]
fn the_name_id_is_never_the_key() {
    let with_name = |name: &str| {
        Play::with(|play| {
            let name_id = play.assertion.subject.as_mut().unwrap().name_id.as_mut().unwrap();
            name_id.value = name.to_owned();
        })
        .identity()
        .subject
    };
    assert_eq!(with_name("somebody"), with_name("somebody else"));
}

#[test]
fn attribute_pollution() {
    Play::with(|play| play.attributes().insert(0, attribute(Eidas::PersonIdentifier, &["XB/XA/victim"])))
        .is_refused("SEC-29", "attribute_twice");
    Play::with(|play| play.attributes()[0] = attribute(Eidas::PersonIdentifier, &["XB/XA/a", "XB/XA/b"]))
        .is_refused("SEC-29", "value");
    Play::with(|play| {
        play.assertion_text = |text| {
            text.replace(
                "<saml2:Attribute Name=",
                "<saml2:Attribute xmlns:x=\"urn:x\" x:Name=\"urn:y\" Name=",
            )
        };
    })
    .identity();
}

#[test]
fn control_and_direction_characters_in_names() {
    for name in ["E\u{7f}ve", "E\u{85}ve", "E\u{202e}ve", "Eve\u{2028}admin"] {
        Play::with(|play| play.attributes()[2] = attribute(Eidas::CurrentGivenName, &[name]))
            .is_refused("SEC-29", "value");
    }
    let long = "x".repeat(8193);
    Play::with(|play| play.attributes()[2] = attribute(Eidas::CurrentGivenName, &[&long]))
        .is_refused("SEC-29", "value");
    // Markup is text; whoever renders it escapes it.
    let play = Play::with(|play| play.attributes()[2] = attribute(Eidas::CurrentGivenName, &["<script>"]));
    let Person::Natural(person) = play.identity().subject.person else { panic!() };
    assert_eq!(person.given_name.expose().latin, "<script>");
}

#[test]
fn the_represented_is_not_taken_for_the_one_who_acts() {
    Play::with(|play| play.attributes().push(representative(Eidas::PersonIdentifier, &["XB/XA/1"])))
        .is_refused("SEC-30", "representative");
}

#[test]
fn a_clock_cannot_be_configured_away() {
    let node = node_with(|trust| trust.quirks.clock_skew = u16::MAX);
    assert_eq!(node.quirks().skew(), std::time::Duration::from_secs(300));
}
