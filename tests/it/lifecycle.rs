//! The life of other nodes' metadata: fetched, kept, replaced, refused, approved, expired. The clock is moved by
//! hand and the keeper is stepped; nothing waits.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eidas_gateway::audit::Memory;
use eidas_gateway::clock::{Clock as _, FixedClock, Timestamp};
use eidas_gateway::crypto::hash::sha256;
use eidas_gateway::eidas::CountryCode;
use eidas_gateway::eidas::mdsl::ListTrust;
use eidas_gateway::eidas::trust::{CountryTrust, lifecycle};
use eidas_gateway::ids::{CountingRandom, SystemRandom};
use eidas_gateway::jobs::{Fetch, Keeper, Sources, Surroundings};
use eidas_gateway::login::{Countries, Entry};
use eidas_gateway::node::MemberState;
use eidas_gateway::outbound::{FetchError, Fetched, Source, Validators};
use eidas_gateway::store::{self, DocumentState, Store};
use eidas_gateway::web::OutOfTurn;
use serde_json::Value;

use crate::support::{Browser, Decision, World, get};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
const MINUTE: Duration = Duration::from_secs(60);
pub(crate) const URL: &str = "https://xb.example/metadata";

type Waiting<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What lies at addresses, and who asked for it.
#[derive(Default)]
pub(crate) struct Publisher {
    pages: Mutex<BTreeMap<String, Vec<u8>>>,
    asked: Mutex<Vec<String>>,
}

impl Publisher {
    pub(crate) fn publish(&self, url: &str, document: impl Into<Vec<u8>>) {
        self.pages.lock().unwrap().insert(url.to_owned(), document.into());
    }

    pub(crate) fn withdraw(&self, url: &str) {
        self.pages.lock().unwrap().remove(url);
    }

    fn times_asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Fetch for Publisher {
    fn fetch<'a>(
        &'a self,
        source: &'a Source,
        known: &'a Validators,
    ) -> Waiting<'a, Result<Fetched, FetchError>> {
        let url = source.to_string();
        self.asked.lock().unwrap().push(url.clone());
        let page = self.pages.lock().unwrap().get(&url).cloned();
        let answer = page.ok_or(FetchError::Status(404)).map(|octets| {
            let etag = Some(format!("\"{:02x?}\"", &sha256(&octets)[..4]));
            match known.etag == etag {
                true => Fetched::NotModified,
                false => Fetched::New { octets, validators: Validators { etag, last_modified: None } },
            }
        });
        Box::pin(std::future::ready(answer))
    }

    fn ask<'a>(&'a self, url: &'a str, _: Option<Vec<u8>>) -> Waiting<'a, Result<Vec<u8>, FetchError>> {
        let answer = self.pages.lock().unwrap().get(url).cloned().ok_or(FetchError::Status(404));
        Box::pin(std::future::ready(answer))
    }
}

/// A keeper and what it works with.
pub(crate) struct House {
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) audit: Arc<Memory>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keeper: Arc<Keeper>,
}

impl House {
    /// A keeper with an empty store.
    pub(crate) async fn new(fetch: Arc<dyn Fetch>) -> Self {
        let clock = Arc::new(FixedClock::new(start()));
        Self::on(store::open("sqlite::memory:").await.unwrap(), clock, fetch)
    }

    pub(crate) fn on(store: Arc<dyn Store>, clock: Arc<FixedClock>, fetch: Arc<dyn Fetch>) -> Self {
        let audit = Arc::new(Memory::default());
        let keeper = Keeper::new(Surroundings {
            store: store.clone(),
            fetch,
            clock: clock.clone(),
            random: Arc::new(CountingRandom::default()),
            audit: audit.clone(),
        });
        Self { clock, audit, store, keeper }
    }

    pub(crate) async fn keep(&self, trust: &CountryTrust) {
        let source = Source::Url(URL.to_owned());
        let countries = vec![(trust.clone(), source)];
        self.keeper.configure(Sources { countries, lists: Vec::new() }).await;
    }

    pub(crate) async fn after(&self, time: Duration) {
        self.clock.advance(time);
        self.keeper.tick().await;
    }

    /// The certificate by which XB is believed now; or why it is not.
    pub(crate) fn believed(&self) -> Result<String, String> {
        believed(&self.keeper.countries().borrow(), self.clock.now())
    }

    /// The names of the events so far, which are forgotten by nobody.
    pub(crate) fn events(&self) -> Vec<String> {
        self.records().iter().map(|event| event["event"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn records(&self) -> Vec<Value> {
        self.audit.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn believed(countries: &Countries, now: Timestamp) -> Result<String, String> {
    let entry = countries.iter().find(|(country, _)| country.as_str() == "XB").map(|(_, entry)| entry);
    match entry.unwrap() {
        Entry::Trusted(node) if node.usable_at(now) => Ok(signs(node.signing_certificates().next().unwrap())),
        Entry::Trusted(_) => Err("unusable".to_owned()),
        Entry::Untrusted(reason) => Err(reason.clone()),
    }
}

fn signs(certificate: &eidas_gateway::crypto::Certificate) -> String {
    certificate.fingerprint_hex()
}

pub(crate) fn start() -> Timestamp {
    Timestamp::parse("2026-11-21T12:00:00Z").unwrap()
}

/// XB with a key of its own.
pub(crate) fn xb() -> MemberState {
    MemberState::xb("https://xb.example", start(), &SystemRandom).unwrap()
}

pub(crate) fn key_of(node: &MemberState) -> String {
    signs(node.signing.certificate())
}

/// Each of these vouches for XB.
pub(crate) fn vouching(nodes: &[&MemberState]) -> CountryTrust {
    let anchors = nodes.iter().map(|node| node.signing.certificate().clone()).collect();
    CountryTrust::new(CountryCode::parse("XB").unwrap(), anchors)
}

pub(crate) fn metadata(node: &MemberState, at: Timestamp) -> String {
    node.metadata(at, &SystemRandom).unwrap()
}

#[tokio::test]
async fn metadata_is_fetched_when_it_is_due_and_only_when_it_has_changed() {
    let (publisher, node) = (Arc::new(Publisher::default()), xb());
    let house = House::new(publisher.clone()).await;
    publisher.publish(URL, metadata(&node, start()));
    house.keep(&vouching(&[&node])).await;
    assert_eq!(house.believed(), Err("not loaded yet".to_owned()));
    house.after(Duration::ZERO).await;
    assert_eq!(house.believed(), Ok(key_of(&node)));
    assert_eq!(house.events(), ["metadata_fetched"]);
    // Nothing is due for most of an hour; then the publisher has what we have.
    house.after(MINUTE * 50).await;
    assert_eq!(publisher.times_asked(), 1);
    house.after(MINUTE * 10).await;
    assert_eq!(publisher.times_asked(), 2);
    assert_eq!(house.events(), ["metadata_fetched"]);
    let kept = &house.store.documents().await.unwrap()[0];
    assert_eq!(kept.fetched, start() + HOUR);
    // The same node, signed anew: another document, but no change in trust.
    publisher.publish(URL, metadata(&node, start() + HOUR));
    house.after(HOUR).await;
    assert_eq!(house.events(), ["metadata_fetched", "metadata_fetched"]);
    let refreshed = &house.store.refreshes().await.unwrap()[0];
    assert_eq!((refreshed.failures, &refreshed.code), (0, &None));
    assert!(refreshed.next > start() + HOUR * 2 + MINUTE * 50);
}

#[tokio::test]
async fn the_last_good_document_serves_until_it_expires_and_no_longer() {
    let (publisher, node) = (Arc::new(Publisher::default()), xb());
    let house = House::new(publisher.clone()).await;
    publisher.publish(URL, metadata(&node, start()));
    house.keep(&vouching(&[&node])).await;
    house.after(Duration::ZERO).await;
    publisher.withdraw(URL);
    house.after(HOUR).await;
    assert_eq!(house.records().last().unwrap()["code"], "http_status");
    house.after(HOUR * 23 - Duration::from_millis(1)).await;
    assert_eq!(house.believed(), Ok(key_of(&node)));
    // At use, before anybody has looked:
    house.clock.advance(Duration::from_millis(1));
    assert_eq!(house.believed(), Err("unusable".to_owned()));
    house.after(Duration::ZERO).await;
    assert!(house.believed().unwrap_err().contains("metadata_expired"));
    assert_eq!(house.store.documents().await, Ok(Vec::new()));
    house.after(HOUR).await;
    assert_eq!(house.events().iter().filter(|event| *event == "metadata_expired").count(), 1);
    // When it is back, so is the country.
    publisher.publish(URL, metadata(&node, house.clock.now()));
    house.after(HOUR).await;
    assert_eq!(house.believed(), Ok(key_of(&node)));
}

#[tokio::test]
async fn a_start_without_a_network_uses_the_store() {
    let (publisher, node) = (Arc::new(Publisher::default()), xb());
    let house = House::new(publisher.clone()).await;
    publisher.publish(URL, metadata(&node, start()));
    house.keep(&vouching(&[&node])).await;
    house.after(Duration::ZERO).await;

    let offline = Arc::new(Publisher::default());
    let again = House::on(house.store.clone(), house.clock.clone(), offline.clone());
    again.keep(&vouching(&[&node])).await;
    assert_eq!((again.believed(), offline.times_asked()), (Ok(key_of(&node)), 0));
    again.after(Duration::ZERO).await;
    assert_eq!((again.believed(), offline.times_asked()), (Ok(key_of(&node)), 1));
    // What is in the store is believed for what it says and who signed it, not for lying there.
    let other = House::on(house.store.clone(), house.clock.clone(), offline);
    other.keep(&vouching(&[&xb()])).await;
    let reason = other.believed().unwrap_err();
    assert!(reason.contains("signer_path"), "{reason}");
}

#[tokio::test]
async fn an_anchor_that_is_removed_is_believed_no_longer() {
    let (publisher, node) = (Arc::new(Publisher::default()), xb());
    let house = House::new(publisher.clone()).await;
    publisher.publish(URL, metadata(&node, start()));
    house.keep(&vouching(&[&node])).await;
    house.after(Duration::ZERO).await;
    assert_eq!(house.believed(), Ok(key_of(&node)));
    house.keep(&vouching(&[&xb()])).await;
    let reason = house.believed().unwrap_err();
    assert!(reason.contains("signer_path"), "{reason}");
    house.keep(&vouching(&[&node])).await;
    assert_eq!(house.believed(), Ok(key_of(&node)));
}

#[tokio::test]
async fn another_instance_takes_over_what_one_has_fetched() {
    let (publisher, node, next) = (Arc::new(Publisher::default()), xb(), xb());
    let trust = vouching(&[&node, &next]);
    let one = House::new(publisher.clone()).await;
    let offline = Arc::new(Publisher::default());
    let two = House::on(one.store.clone(), one.clock.clone(), offline.clone());
    publisher.publish(URL, metadata(&node, start()));
    offline.publish(URL, metadata(&node, start()));
    one.keep(&trust).await;
    two.keep(&trust).await;
    one.after(Duration::ZERO).await;
    two.keeper.tick().await;
    assert_eq!(two.believed(), Ok(key_of(&node)));
    offline.withdraw(URL);

    publisher.publish(URL, metadata(&next, start() + HOUR));
    one.after(HOUR).await;
    assert_eq!(two.believed(), Ok(key_of(&node)));
    two.keeper.tick().await;
    assert_eq!(one.events(), ["metadata_fetched", "metadata_replaced"], "{:?}", one.records());
    assert_eq!((one.believed(), two.believed()), (Ok(key_of(&next)), Ok(key_of(&next))));
    let changes = one.records()[1]["changes"].to_string();
    assert!(changes.contains("would be accepted") && changes.contains("vouched for"), "{changes}");
}

#[tokio::test]
async fn a_change_of_trust_waits_for_a_person_where_the_operator_wants_it() {
    let (publisher, node, next) = (Arc::new(Publisher::default()), xb(), xb());
    let trust = CountryTrust { review: true, ..vouching(&[&node, &next]) };
    let one = House::new(publisher.clone()).await;
    let two = House::on(one.store.clone(), one.clock.clone(), publisher.clone());
    publisher.publish(URL, metadata(&node, start()));
    one.keep(&trust).await;
    one.after(Duration::ZERO).await;
    two.keep(&trust).await;
    two.after(Duration::ZERO).await;

    publisher.publish(URL, metadata(&next, start()));
    one.after(HOUR).await;
    one.after(HOUR).await;
    two.keeper.tick().await;
    assert_eq!((one.believed(), two.believed()), (Ok(key_of(&node)), Ok(key_of(&node))));
    assert_eq!(one.events(), ["metadata_fetched", "metadata_pending"]);
    let documents = one.store.documents().await.unwrap();
    let [_, pending] = documents.as_slice() else { panic!("{documents:?}") };
    assert_eq!(pending.state, DocumentState::Pending);
    assert_eq!(pending.changes.len(), one.records()[1]["changes"].as_array().unwrap().len());

    one.store.approve("XB", &pending.sha256, one.clock.now()).await.unwrap();
    one.keeper.tick().await;
    two.keeper.tick().await;
    assert_eq!((one.believed(), two.believed()), (Ok(key_of(&next)), Ok(key_of(&next))));
    assert_eq!(one.events()[2..], ["metadata_approved", "metadata_replaced"]);
    assert!(!two.events().contains(&"metadata_approved".to_owned()));
    let documents = one.store.documents().await.unwrap();
    assert_eq!(documents.iter().map(|kept| kept.state).collect::<Vec<_>>(), [DocumentState::Trusted]);
}

#[tokio::test]
async fn a_document_that_may_be_an_old_one_is_taken_and_told() {
    let (publisher, node, next) = (Arc::new(Publisher::default()), xb(), xb());
    let house = House::new(publisher.clone()).await;
    publisher.publish(URL, metadata(&node, start()));
    house.keep(&vouching(&[&node, &next])).await;
    house.after(Duration::ZERO).await;
    publisher.publish(URL, metadata(&next, start() - HOUR));
    house.after(HOUR).await;
    assert_eq!(house.events(), ["metadata_fetched", "metadata_rollback", "metadata_replaced"]);
    assert_eq!(house.records()[1]["to"], "2026-11-22T11:00:00.000Z");
    assert_eq!(house.believed(), Ok(key_of(&next)));
}

#[tokio::test]
async fn a_country_that_fails_does_not_stop_the_others() {
    let (publisher, node) = (Arc::new(Publisher::default()), xb());
    let house = House::new(publisher.clone()).await;
    publisher.publish(URL, metadata(&node, start()));
    let anchors = || vec![node.signing.certificate().clone()];
    let country = |code: &str, url: &str| {
        (CountryTrust::new(CountryCode::parse(code).unwrap(), anchors()), Source::Url(url.to_owned()))
    };
    let countries = vec![country("XA", "https://nowhere/"), country("XB", URL), country("XC", URL)];
    house.keeper.configure(Sources { countries, lists: Vec::new() }).await;
    house.after(Duration::ZERO).await;
    assert_eq!(house.believed(), Ok(key_of(&node)));
    let countries = house.keeper.countries().borrow().clone();
    let reasons: Vec<_> = countries
        .iter()
        .filter_map(|(country, entry)| match entry {
            Entry::Untrusted(reason) => Some((country.to_string(), reason.clone())),
            Entry::Trusted(_) => None,
        })
        .collect();
    let [(xa, absent), (xc, foreign)] = reasons.as_slice() else { panic!("{reasons:?}") };
    assert!(xa == "XA" && absent.contains("http_status"), "{absent}");
    assert!(xc == "XC" && foreign.contains("country_mismatch"), "{foreign}");
    // A failure is tried again after a minute, then ever less often.
    let asked = |house: &House| house.records().iter().filter(|event| event["country"] == "XA").count();
    house.after(MINUTE).await;
    house.after(MINUTE).await;
    house.after(MINUTE).await;
    assert_eq!(asked(&house), 3);
}

const LIST: &str = "https://list.example/list";

/// A MetadataServiceList that says where XB is, until a time.
fn list(url: &str, until: Timestamp) -> String {
    format!(
        "<ser:MetadataServiceList xmlns:ser=\"http://eidas.europa.eu/metadata/servicelist\" Version=\"1.0\" \
         IssueDate=\"2026-11-21T00:00:00Z\" NextUpdate=\"{until}\"><ser:SchemeInformation>\
         <ser:IssuerName>Lister</ser:IssuerName><ser:SchemeIdentifier>https://list.example/1</ser:SchemeIdentifier>\
         <ser:SchemeTerritory>XA</ser:SchemeTerritory></ser:SchemeInformation>\
         <ser:MetadataList Territory=\"XB\"><ser:MetadataLocation Location=\"{url}\"/></ser:MetadataList>\
         <ser:DistributionPoints><ser:DistributionPoint>{LIST}</ser:DistributionPoint></ser:DistributionPoints>\
         </ser:MetadataServiceList>"
    )
}

#[tokio::test]
async fn a_list_says_where_a_node_is_and_where_it_has_moved() {
    let (publisher, node) = (Arc::new(Publisher::default()), xb());
    let house = House::new(publisher.clone()).await;
    let listed = || Sources {
        countries: vec![(vouching(&[&node]), Source::Listed("all".to_owned()))],
        lists: vec![("all".to_owned(), ListTrust::Pinned, Source::Url(LIST.to_owned()))],
    };
    publisher.publish(URL, metadata(&node, start()));
    house.keeper.configure(listed()).await;
    house.after(Duration::ZERO).await;
    let reason = house.believed().unwrap_err();
    assert!(reason.contains("list_unavailable"), "{reason}");

    publisher.publish(LIST, list(URL, start() + HOUR * 4));
    house.after(MINUTE).await;
    assert_eq!(house.believed(), Ok(key_of(&node)));
    let keys: Vec<_> = house.store.documents().await.unwrap().into_iter().map(|kept| kept.source).collect();
    assert_eq!(keys, ["XB", "list:all"]);

    // The list is fetched, and the country right after it.
    publisher.withdraw(URL);
    let moved = "https://moved.example/metadata";
    publisher.publish(moved, metadata(&node, start() + HOUR));
    publisher.publish(LIST, list(moved, start() + HOUR * 5));
    house.after(HOUR).await;
    assert_eq!(house.store.documents().await.unwrap()[0].url, moved);

    // Without a list the node is believed until its metadata ends; a start finds both in the store.
    publisher.withdraw(LIST);
    publisher.withdraw(moved);
    let again = House::on(house.store.clone(), house.clock.clone(), publisher.clone());
    again.keeper.configure(listed()).await;
    assert_eq!(again.believed(), Ok(key_of(&node)));
    again.after(HOUR * 5).await;
    again.after(HOUR).await;
    assert_eq!(again.believed(), Ok(key_of(&node)));
    assert_eq!(again.store.documents().await.unwrap().len(), 1);
    again.after(HOUR * 19).await;
    assert!(again.believed().is_err());
}

/// Lets the routes ask the keeper, as the application does.
struct Asked(Arc<Keeper>);

impl OutOfTurn for Asked {
    fn refresh(&self, country: CountryCode) -> Waiting<'_, Arc<Countries>> {
        Box::pin(async move {
            Arc::clone(&self.0).refresh_out_of_band(country).await;
            Arc::clone(&self.0.countries().borrow())
        })
    }
}

/// A world whose countries come from a keeper.
async fn kept_world(publisher: &Arc<Publisher>, nodes: &[&MemberState]) -> (World, House) {
    let world = World::new().await;
    let store = store::open("sqlite::memory:").await.unwrap();
    let house = House::on(store, world.clock.clone(), publisher.clone());
    house.keep(&vouching(nodes)).await;
    house.keeper.tick().await;
    world.services.set_countries(house.keeper.countries().borrow().as_ref().clone());
    world.services.refreshed_by(Arc::new(Asked(house.keeper.clone())));
    (world, house)
}

#[tokio::test]
async fn a_node_that_begins_to_sign_with_a_new_key_is_asked_once_and_the_login_succeeds() {
    let (publisher, world) = (Arc::new(Publisher::default()), World::new().await);
    let (old, new) = (world.node(), MemberState { requires_requester_id: false, ..xb() });
    publisher.publish(URL, metadata(&old, start()));
    let (world, house) = kept_world(&publisher, &[&old, &new]).await;
    let browser = Browser::new(&world);
    let departure = browser.depart(&[]).await;
    // It changes its key while the citizen is there.
    world.set_node(new.clone());
    publisher.publish(URL, metadata(&new, start()));
    let form = world.node_answers(&departure, Decision::Citizen("plain")).await;
    let returned = browser.post_from_node(&form).await;
    assert!(returned.location().starts_with("/continue?"), "{}", returned.location());
    assert_eq!(publisher.times_asked(), 2);
    assert_eq!(house.believed(), Ok(key_of(&new)));
}

#[tokio::test]
async fn a_forged_response_has_the_metadata_fetched_at_most_once_a_minute() {
    let (publisher, world) = (Arc::new(Publisher::default()), World::new().await);
    let (node, forger) = (world.node(), MemberState { requires_requester_id: false, ..xb() });
    publisher.publish(URL, metadata(&node, start()));
    let (world, house) = kept_world(&publisher, &[&node]).await;
    world.set_node(forger);
    for (wait, asked) in [(0, 2), (1, 2), (58, 2), (1, 3)] {
        house.clock.advance(Duration::from_secs(wait));
        let browser = Browser::new(&world);
        let returned = browser.come_back(&[], Decision::Citizen("plain")).await;
        assert!(returned.location().starts_with("/failed?"));
        assert_eq!(world.last_refusal(), ("EG-2102".to_owned(), "SEC-10 signature_invalid".to_owned()));
        assert_eq!(publisher.times_asked(), asked, "after {wait} s");
    }
    assert_eq!(house.believed(), Ok(key_of(&node)));
}

/// A publisher that answers only after everybody else had a turn, many times.
struct Slow(Arc<Publisher>);

impl Fetch for Slow {
    fn fetch<'a>(
        &'a self,
        source: &'a Source,
        known: &'a Validators,
    ) -> Waiting<'a, Result<Fetched, FetchError>> {
        Box::pin(async move {
            let answer = self.0.fetch(source, known).await;
            for _ in 0..1000 {
                tokio::task::yield_now().await;
            }
            answer
        })
    }

    fn ask<'a>(&'a self, url: &'a str, post: Option<Vec<u8>>) -> Waiting<'a, Result<Vec<u8>, FetchError>> {
        self.0.ask(url, post)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_need_a_refresh_out_of_turn_at_once_share_one() {
    let (publisher, old, new) = (Arc::new(Publisher::default()), xb(), xb());
    let house = House::new(Arc::new(Slow(publisher.clone()))).await;
    publisher.publish(URL, metadata(&old, start()));
    house.keep(&vouching(&[&old, &new])).await;
    house.after(Duration::ZERO).await;
    publisher.publish(URL, metadata(&new, start()));
    // Within a period there is one; each period begins with the one before.
    for (wait, asked) in [
        (Duration::ZERO, 2),
        (lifecycle::OUT_OF_BAND - Duration::from_millis(1), 2),
        (Duration::from_millis(1), 3),
        (lifecycle::OUT_OF_BAND, 4),
    ] {
        house.clock.advance(wait);
        let mut crowd = tokio::task::JoinSet::new();
        for _ in 0..200 {
            let keeper = house.keeper.clone();
            crowd.spawn(async move {
                Arc::clone(&keeper).refresh_out_of_band(CountryCode::parse("XB").unwrap()).await;
                // Nobody goes on before the answer is there.
                Arc::clone(&keeper.countries().borrow())
            });
        }
        for countries in crowd.join_all().await {
            assert_eq!(believed(&countries, house.clock.now()), Ok(key_of(&new)));
        }
        assert_eq!(publisher.times_asked(), asked, "after {wait:?}");
    }
}

/// A day of two parties whose keys change twice each: the node's without notice, ours as planned.
#[tokio::test]
async fn a_day_with_two_changes_of_keys_on_both_sides_loses_no_login() {
    let (publisher, world) = (Arc::new(Publisher::default()), World::new().await);
    let own = |_| MemberState { requires_requester_id: false, ..xb() };
    let nodes = [world.node(), own(1), own(2)];
    publisher.publish(URL, metadata(&nodes[0], start()));
    let (world, house) = kept_world(&publisher, &nodes.each_ref()).await;
    let rollover = crate::rollover::two_rotations_within_a_day(start());
    world.services.set_rollover(rollover);
    let mut ours = Vec::new();
    let mut logins = 0;
    for quarter in 0..96_u32 {
        // The node publishes anew every hour, and changes its key at 06:07 and 15:22, between departure and
        // return.
        let now = world.clock.now();
        house.keeper.tick().await;
        world.services.set_countries(house.keeper.countries().borrow().as_ref().clone());
        if quarter % 4 == 0 {
            publisher
                .publish(URL, format!("{}{}", metadata(&world.node(), now), " ".repeat(quarter as usize)));
        }
        ours.push(signs(world.services.connector().signing.certificate()));
        let browser = Browser::new(&world);
        let departure = browser.depart(&[]).await;
        world.clock.advance(MINUTE * 7);
        if let Some(next) = [(24, 1), (61, 2)].iter().find(|(at, _)| *at == quarter).map(|(_, n)| *n) {
            world.set_node(nodes[next].clone());
            publisher.publish(URL, metadata(&nodes[next], world.clock.now()));
        }
        let form = world.node_answers(&departure, Decision::Citizen("plain")).await;
        let returned = browser.post_from_node(&form).await;
        assert!(
            returned.location().starts_with("/continue?"),
            "quarter {quarter}: {:?}",
            world.last_refusal()
        );
        let released = browser.get(returned.location()).await;
        let code = released.redirect_parameter("code").unwrap();
        assert_eq!(world.token(&code).await.status, 200);
        logins += 1;
        world.clock.advance(MINUTE * 8);
    }
    ours.dedup();
    assert_eq!((logins, ours.len()), (96, 3));
    assert_eq!(house.believed(), Ok(key_of(&nodes[2])));
    let replaced = house.events().iter().filter(|event| *event == "metadata_replaced").count();
    assert_eq!(replaced, 2);
    assert!(!house.events().iter().any(|event| event == "metadata_refused" || event == "metadata_expired"));
    assert_eq!(world.send(get("/healthz")).await.status, 200);
}
