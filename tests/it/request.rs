//! What we ask, and what we do not ask because the node would refuse it.

use eidas_gateway::eidas::attribute::Attribute as Eidas;
use eidas_gateway::eidas::quirk::{NameIdPolicyRule, ProviderNameRule, RequesterIdRule};
use eidas_gateway::eidas::{
    Ask, Connector, Loa, LoaDemandError, Quirks, RequestRefusal, RequestedLoa, SpType, SubjectKind,
    TrustedNode, Unavailable, request, trust,
};
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::saml::{AuthnRequest, binding, names};
use eidas_gateway::xml::dsig::{self, ReferenceRule};

use crate::stage::{
    US, ask, country, entity, metadata, node_with, now, parse, role, signed, trust_in_node, us,
};

fn built(connector: &Connector, node: &TrustedNode, ask: &Ask) -> AuthnRequest {
    let outgoing = request::build(connector, node, ask, &SystemRandom, now()).unwrap();
    assert_eq!(outgoing.destination, "https://proxy.eidas.example.xb/sso");
    let octets = binding::decode_post(&outgoing.saml_request).unwrap();
    assert_eq!(octets, outgoing.xml.as_bytes());
    let key = connector.signing.certificate().public_key().unwrap();
    let verified = dsig::verify(&parse(&outgoing.xml), &[key], ReferenceRule::OwnId).unwrap();
    AuthnRequest::read(&verified).unwrap()
}

fn refusal(connector: &Connector, node: &TrustedNode, ask: &Ask) -> RequestRefusal {
    request::build(connector, node, ask, &SystemRandom, now()).unwrap_err()
}

fn with_quirks(change: impl FnOnce(&mut Quirks)) -> TrustedNode {
    node_with(|trust| change(&mut trust.quirks))
}

/// Everything that the CEF engine was seen to refuse (probes of its proxy) is as it wants it.
#[test]
fn our_request_passes_every_probe() {
    let request = built(&us(), &node_with(|_| ()), &ask());
    assert_eq!(request.version, "2.0");
    assert_eq!(request.issue_instant, now());
    assert_eq!(request.destination.as_deref(), Some("https://proxy.eidas.example.xb/sso"));
    assert_eq!((request.force_authn, request.is_passive), (Some(true), Some(false)));
    assert_eq!(
        (request.protocol_binding, request.assertion_consumer_service_url, request.consent),
        (None, None, None)
    );
    let issuer = request.issuer.unwrap();
    assert_eq!((issuer.value.as_str(), issuer.format.as_deref()), (US, Some(names::NAMEID_ENTITY)));
    assert!(request.unknown_extensions.is_empty());
    let context = request.requested_authn_context.unwrap();
    assert_eq!(
        (context.comparison.as_deref(), context.class_refs),
        (Some("minimum"), vec![Loa::Substantial.uri().to_owned()])
    );
    for asked in request.requested_attributes.unwrap() {
        let attribute = eidas_gateway::eidas::attribute::by_name(&asked.name).unwrap();
        assert_eq!(asked.is_required, Some(attribute.is_mandatory()), "{}", asked.name);
        assert_eq!(asked.name_format.as_deref(), Some(names::NAME_FORMAT_URI));
        assert_eq!(attribute.kind(), SubjectKind::Natural);
    }
    let policy = request.name_id_policy.unwrap();
    assert_eq!(
        (policy.format.as_deref(), policy.allow_create),
        (Some(names::NAMEID_UNSPECIFIED), Some(true))
    );
    assert_eq!(request.requester_ids, ["https://rp.example.xa/"]);
    assert_eq!(request.provider_name.as_deref(), Some("Example"));
}

#[test]
fn only_what_the_country_publishes_is_asked() {
    let node =
        metadata(|entity| role(entity).attributes.retain(|a| a.name != Eidas::PlaceOfBirth.name())).unwrap();
    let outgoing = request::build(&us(), &node, &ask(), &SystemRandom, now()).unwrap();
    assert!(!outgoing.xml.contains("PlaceOfBirth"));
    assert!(!outgoing.pending.attributes.contains(&Eidas::PlaceOfBirth));
    assert!(outgoing.pending.attributes.contains(&Eidas::Gender));
    let node =
        metadata(|entity| role(entity).attributes.retain(|a| a.name != Eidas::DateOfBirth.name())).unwrap();
    let expected = Unavailable::MinimumDataSet {
        country: country("XB"),
        kind: SubjectKind::Natural,
        missing: "DateOfBirth",
    };
    assert_eq!(refusal(&us(), &node, &ask()), RequestRefusal::Unavailable(expected));
}

#[test]
fn natural_and_legal_attributes_are_never_mixed() {
    let mixed = Ask { attributes: [Eidas::Lei].into(), ..ask() };
    assert_eq!(refusal(&us(), &node_with(|_| ()), &mixed), RequestRefusal::MixedKinds("LEI"));
    let legal = Ask { kind: SubjectKind::Legal, attributes: [Eidas::Lei].into(), ..ask() };
    let names: Vec<_> = built(&us(), &node_with(|_| ()), &legal).requested_attributes.unwrap();
    let names: Vec<_> = names.iter().filter_map(|asked| asked.friendly_name.as_deref()).collect();
    assert_eq!(names, ["LegalPersonIdentifier", "LegalName", "LEI"]);
}

#[test]
fn a_level_that_the_country_cannot_reach_is_not_asked() {
    let node =
        metadata(|entity| entity.entity_attributes[1].1 = vec![Loa::Substantial.uri().to_owned()]).unwrap();
    assert!(node.can_serve(&Ask { loa: RequestedLoa::Minimum(Loa::Low), ..ask() }).is_ok());
    let high = Ask { loa: RequestedLoa::Minimum(Loa::High), ..ask() };
    assert_eq!(node.can_serve(&high), Err(Unavailable::Loa(country("XB"))));
    let exact = Ask { loa: RequestedLoa::Exact(vec![Loa::High.uri().to_owned()]), ..ask() };
    assert_eq!(refusal(&us(), &node_with(|_| ()), &exact), RequestRefusal::Loa(LoaDemandError::OnlyNotified));
    let silent = metadata(|entity| drop(entity.entity_attributes.remove(1))).unwrap();
    assert!(silent.can_serve(&high).is_ok());
}

#[test]
fn an_unusable_node_is_not_asked() {
    let node = node_with(|_| ());
    let late = request::build(&us(), &node, &ask(), &SystemRandom, node.valid_until()).unwrap_err();
    assert_eq!(late, RequestRefusal::Unavailable(Unavailable::Expired(country("XB"))));
    let old = metadata(|entity| entity.entity_attributes[0].1 = vec!["1.0".to_owned()]).unwrap();
    assert_eq!(old.can_serve(&ask()), Err(Unavailable::ProtocolVersion(country("XB"))));
    let newer = metadata(|entity| entity.entity_attributes[0].1 = vec!["1.4.1".to_owned()]).unwrap();
    assert_eq!(newer.can_serve(&ask()), Ok(()));
}

#[test]
fn the_requester_is_named_as_the_country_wants_it() {
    let demanding = |change: fn(&mut Quirks)| {
        let mut entity = entity();
        let category = vec![names::CATEGORY_REQUESTER_ID.to_owned()];
        entity.entity_attributes.push((names::ENTITY_CATEGORY.to_owned(), category));
        let mut trust = trust_in_node();
        change(&mut trust.quirks);
        trust::check(signed(&entity).as_bytes(), &trust, now()).unwrap()
    };
    let private = Ask { sp_type: SpType::Private, ..ask() };
    let nameless = Ask { requester_id: None, ..private.clone() };
    assert_eq!(built(&us(), &demanding(|_| ()), &private).requester_ids, ["https://rp.example.xa/"]);
    assert_eq!(demanding(|_| ()).can_serve(&nameless), Err(Unavailable::RequesterId(country("XB"))));
    assert_eq!(demanding(|_| ()).can_serve(&Ask { sp_type: SpType::Public, ..nameless }), Ok(()));
    // A switch must not silently override what the country demands.
    let skip = demanding(|quirks| quirks.skip_scoping = true);
    assert_eq!(skip.can_serve(&private), Err(Unavailable::RequesterIdUnsendable(country("XB"))));
    let skip = with_quirks(|quirks| quirks.skip_scoping = true);
    assert!(built(&us(), &skip, &private).requester_ids.is_empty());
    let on_demand = with_quirks(|quirks| quirks.requester_id = RequesterIdRule::OnDemand);
    assert!(built(&us(), &on_demand, &private).requester_ids.is_empty());
    for bad in ["shop", "", ":x", "https://rp.example.xa/a b"] {
        let ask = Ask { requester_id: Some(bad.to_owned()), ..ask() };
        assert_eq!(refusal(&us(), &node_with(|_| ()), &ask), RequestRefusal::RequesterId, "{bad:?}");
    }
}

#[test]
fn name_and_format_follow_the_country_s_quirks() {
    let quirk = |change: fn(&mut Quirks)| built(&us(), &with_quirks(change), &ask());
    assert_eq!(quirk(|quirks| quirks.provider_name = ProviderNameRule::Never).provider_name, None);
    assert_eq!(
        quirk(|quirks| quirks.provider_name = ProviderNameRule::UnlessRequesterId).provider_name,
        None
    );
    assert_eq!(quirk(|quirks| quirks.name_id_policy = NameIdPolicyRule::Omit).name_id_policy, None);
    let persistent =
        quirk(|quirks| quirks.name_id_policy = NameIdPolicyRule::Persistent).name_id_policy.unwrap();
    assert_eq!(persistent.format.as_deref(), Some(names::NAMEID_PERSISTENT));
    // A format that the node does not publish is not asked for.
    let node =
        metadata(|entity| role(entity).common.name_id_formats = vec![names::NAMEID_TRANSIENT.to_owned()])
            .unwrap();
    assert_eq!(built(&us(), &node, &ask()).name_id_policy, None);
    for bad in ["", " ", &"x".repeat(129), "a\nb"] {
        let ask = Ask { provider_name: Some(bad.to_owned()), ..ask() };
        assert_eq!(refusal(&us(), &node_with(|_| ()), &ask), RequestRefusal::ProviderName, "{bad:?}");
    }
    let escaped = Ask { provider_name: Some("A & <B> \"C\"".to_owned()), ..ask() };
    assert_eq!(built(&us(), &node_with(|_| ()), &escaped).provider_name.as_deref(), Some("A & <B> \"C\""));
}

#[test]
fn what_is_kept_of_a_request_holds_nothing_personal_and_survives_json() {
    let pending = request::build(&us(), &node_with(|_| ()), &ask(), &SystemRandom, now()).unwrap().pending;
    let json = serde_json::to_string(&pending).unwrap();
    assert_eq!(serde_json::from_str::<request::Pending>(&json).unwrap(), pending);
}

#[test]
fn the_sector_is_not_repeated_in_requests_if_metadata_says_it() {
    let public = Connector { sp_type: Some(SpType::Public), ..us() };
    assert_eq!(built(&public, &node_with(|_| ()), &ask()).sp_type, None);
    assert_eq!(built(&us(), &node_with(|_| ()), &ask()).sp_type.as_deref(), Some("public"));
    let private = Ask { sp_type: SpType::Private, ..ask() };
    assert_eq!(
        refusal(&public, &node_with(|_| ()), &private),
        RequestRefusal::SpType { metadata: SpType::Public, client: SpType::Private }
    );
}
