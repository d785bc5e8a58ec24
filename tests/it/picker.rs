//! What the country page offers (ROLE-10): a country can be chosen only if its node can serve the request, says
//! why not otherwise, and is refused all the same when a browser sends it by hand.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use eidas_gateway::clock::Clock as _;
use eidas_gateway::eidas::attribute::Attribute;
use eidas_gateway::eidas::trust::{self, CountryTrust};
use eidas_gateway::eidas::{Loa, SpType, SubjectKind};
use eidas_gateway::login::{Countries, Entry};
use eidas_gateway::saml::metadata::EntityDescriptor;
use eidas_gateway::saml::names;

use crate::stage::{KEYS, country, entity, role, signed};
use crate::support::{Browser, World, authorize, unescape};

const UNREACHABLE: &str = "cannot be reached at the moment";

/// The country XC, whose node publishes what the stage's node does, but for one thing.
fn xc(change: impl FnOnce(&mut EntityDescriptor)) -> Entry {
    let mut entity = entity();
    role(&mut entity).common.node_country = Some("XC".to_owned());
    change(&mut entity);
    let trust = CountryTrust::new(country("XC"), vec![KEYS.node_metadata.certificate().clone()]);
    let now = crate::stage::now();
    Entry::Trusted(Arc::new(trust::check(signed(&entity).as_bytes(), &trust, now).unwrap()))
}

fn publishes_only(entity: &mut EntityDescriptor, kind: SubjectKind) {
    let all: Vec<_> = Attribute::mandatory(kind).map(|attribute| attribute.name()).collect();
    role(entity).attributes.retain(|published| all.contains(&published.name.as_str()));
}

/// Puts XC beside the node XB, which can serve every request.
fn beside_xb(world: &World, xc: Entry) {
    let known = world.services.countries();
    let xb = known.iter().find(|(code, _)| code.as_str() == "XB").map(|(code, entry)| (code, entry.clone()));
    world.services.set_countries(Countries::new(xb.into_iter().chain([(country("XC"), xc)])));
}

/// Whether XC's button can be pressed, and the reason that stands on it.
fn button(page: &str) -> (bool, String) {
    let (_, button) = page.split_once("<button class=\"country\" id=\"country-XC\"").unwrap();
    let (tag, rest) = button.split_once('>').unwrap();
    let reason = rest.split_once("</button>").unwrap().0.split_once("id=\"reason-XC\">");
    let reason = reason.map_or("", |(_, rest)| rest.split_once('<').unwrap().0);
    let described = tag.contains("aria-describedby=\"reason-XC\"");
    assert_eq!(described, !reason.is_empty(), "{tag}");
    (!tag.split_whitespace().any(|word| word == "disabled"), unescape(reason))
}

/// XC is shown with this reason and cannot be chosen, XB can; who sends XC by hand gets this error.
async fn is_not_offered(world: &World, more: &[(&str, &str)], reason: &str, code: &str) {
    let browser = Browser::new(world);
    let (path, page) = browser.start(more).await;
    assert_eq!(button(&page.body), (false, reason.to_owned()));
    assert!(!page.has("reason-XB"), "{}", page.body);
    let token = page.field("token");
    let by_hand = browser.post(&format!("{path}/country"), &[("token", &token), ("country", "XC")]).await;
    assert_eq!(by_hand.text("code"), code);
    assert_ne!(by_hand.status, StatusCode::OK);
    assert!(!world.event_names().contains(&"depart".to_owned()));
    // Nor does a broker get there by naming it.
    let named = [more, &[("eidas_country", "XC")]].concat();
    assert!(browser.get(&authorize(&named)).await.location().starts_with("/login/"));
}

async fn is_offered(world: &World, more: &[(&str, &str)]) {
    let browser = Browser::new(world);
    let (path, page) = browser.start(more).await;
    assert_eq!(button(&page.body), (true, String::new()));
    let token = page.field("token");
    let departure = browser.post(&format!("{path}/country"), &[("token", &token), ("country", "XC")]).await;
    assert!(departure.status == StatusCode::OK && departure.body.contains("SAMLRequest"));
}

#[tokio::test]
async fn a_country_whose_levels_are_too_low_is_not_offered() {
    let world = World::new().await;
    beside_xb(
        &world,
        xc(|entity| {
            let levels =
                entity.entity_attributes.iter_mut().find(|(name, _)| name == names::ASSURANCE_CERTIFICATION);
            levels.unwrap().1 = vec![Loa::Low.uri().to_owned(), Loa::Substantial.uri().to_owned()];
        }),
    );
    is_offered(&world, &[("acr_values", Loa::Substantial.uri())]).await;
    let world_at_high = World::new().await;
    world_at_high.services.set_countries(world.services.countries().as_ref().clone());
    let reason = "has no eID of the level that is asked for";
    is_not_offered(&world_at_high, &[("acr_values", Loa::High.uri())], reason, "EG-4004").await;
}

#[tokio::test]
async fn a_country_without_the_data_set_of_natural_persons_is_not_offered_for_them() {
    let legal_only = || xc(|entity| publishes_only(entity, SubjectKind::Legal));
    let world = World::new().await;
    beside_xb(&world, legal_only());
    is_not_offered(&world, &[], "does not say who a person is", "EG-4004").await;
    let world = World::with(|_, policy| policy.kind = SubjectKind::Legal).await;
    beside_xb(&world, legal_only());
    is_offered(&world, &[]).await;
}

#[tokio::test]
async fn a_country_without_the_data_set_of_legal_persons_is_not_offered_for_them() {
    let natural_only = || xc(|entity| publishes_only(entity, SubjectKind::Natural));
    let world = World::with(|_, policy| policy.kind = SubjectKind::Legal).await;
    beside_xb(&world, natural_only());
    is_not_offered(&world, &[], "has no eID for organisations", "EG-4004").await;
    let world = World::new().await;
    beside_xb(&world, natural_only());
    is_offered(&world, &[]).await;
}

#[tokio::test]
async fn a_country_that_wants_to_know_private_requesters_is_offered_to_those_that_it_can_know() {
    let demanding = || {
        xc(|entity| {
            let flag = (names::ENTITY_CATEGORY.to_owned(), vec![names::CATEGORY_REQUESTER_ID.to_owned()]);
            entity.entity_attributes.push(flag);
        })
    };
    let asks = |sp_type: SpType, requester_id: Option<&'static str>| {
        World::with(move |_, policy| {
            policy.sp_type = sp_type;
            policy.requester_id = requester_id.map(str::to_owned);
        })
    };
    let world = asks(SpType::Private, None).await;
    beside_xb(&world, demanding());
    is_not_offered(&world, &[], "does not serve this private service", "EG-4004").await;
    for (sp_type, requester_id) in [(SpType::Private, Some("https://rp.example.xa/")), (SpType::Public, None)]
    {
        let world = asks(sp_type, requester_id).await;
        beside_xb(&world, demanding());
        is_offered(&world, &[]).await;
    }
}

#[tokio::test]
async fn a_country_whose_metadata_has_expired_is_not_offered() {
    let world = World::new().await;
    let end = world.clock.now() + Duration::from_secs(3600);
    beside_xb(&world, xc(|entity| entity.valid_until = Some(end)));
    is_offered(&world, &[]).await;
    world.clock.set(end - Duration::from_millis(1));
    is_offered(&world, &[]).await;
    let after = World::new().await;
    after.services.set_countries(world.services.countries().as_ref().clone());
    after.clock.set(end);
    is_not_offered(&after, &[], UNREACHABLE, "EG-4003").await;
}

#[tokio::test]
async fn a_country_that_is_not_loaded_is_not_offered() {
    let world = World::new().await;
    beside_xb(&world, Entry::Untrusted("not loaded yet".to_owned()));
    is_not_offered(&world, &[], UNREACHABLE, "EG-4003").await;
}
