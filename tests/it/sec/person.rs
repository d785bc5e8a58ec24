//! SEC-28 to SEC-33: the attributes.

use super::*;

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
    assert_eq!(play.identity().tolerated, ["any_destination_country"]);
    // What is on, but not needed, is not told.
    let mut play = identifier("XB/XA/0f3b9c7e");
    play.quirk(|quirks| quirks.any_destination_country = true);
    assert_eq!(play.identity().tolerated, [""; 0]);
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
    assert_eq!(play.identity().tolerated, ["partial_dates"]);
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
