//! Sessions of a client that has them: who is answered without being asked, and who is not. Tests that bear the
//! name of a module of the conformance suite show what that module looks for.

use std::time::Duration;

use eidas_gateway::oidc::Client;
use serde_json::{Map, Value};

use crate::support::{Answer, Browser, Decision, REDIRECT, STATE, World, authorize, parameter};

const TTL: u64 = 3600;

pub(crate) async fn world() -> World {
    World::with(|client, _| with_sessions(client)).await
}

pub(crate) fn with_sessions(client: &mut Client) {
    client.sso = Some(Duration::from_secs(TTL));
}

/// The tokens of a code.
async fn tokens(world: &World, answer: &Answer) -> (Value, Map<String, Value>) {
    assert!(answer.location().starts_with(REDIRECT), "{}", answer.location());
    let code = answer.redirect_parameter("code").unwrap_or_else(|| panic!("{}", answer.location()));
    let tokens = world.token(&code).await.json();
    let id_token = world.id_token(tokens["id_token"].as_str().unwrap()).await;
    (tokens, id_token)
}

/// Somebody logs in; gives the ID token and its claims.
pub(crate) async fn log_in(browser: &Browser<'_>, more: &[(&str, &str)]) -> (String, Map<String, Value>) {
    let returned = browser.come_back(more, Decision::Citizen("plain")).await;
    let released = browser.get(returned.location()).await;
    let (tokens, claims) = tokens(browser.world, &released).await;
    (tokens["id_token"].as_str().unwrap().to_owned(), claims)
}

/// What a request without a person comes to: an error, or the claims of the ID token.
pub(crate) async fn silently(
    browser: &Browser<'_>,
    more: &[(&str, &str)],
) -> Result<Map<String, Value>, String> {
    let mut parameters = vec![("prompt", "none")];
    parameters.extend_from_slice(more);
    let answer = browser.get(&authorize(&parameters)).await;
    assert_eq!(answer.redirect_parameter("state").as_deref(), Some(STATE));
    match answer.redirect_parameter("error") {
        Some(error) => Err(error),
        None => Ok(tokens(browser.world, &answer).await.1),
    }
}

fn same(one: &Map<String, Value>, other: &Map<String, Value>) {
    for name in ["sub", "auth_time", "sid", "acr", "txn"] {
        assert_eq!(one[name], other[name], "{name}");
    }
}

fn login_required<T: std::fmt::Debug>(answer: &Result<T, String>) {
    assert_eq!(answer.as_ref().unwrap_err(), "login_required");
}

#[tokio::test]
async fn oidcc_prompt_none_logged_in() {
    let world = world().await;
    let browser = Browser::new(&world);
    let (_, first) = log_in(&browser, &[]).await;
    world.clock.advance(Duration::from_secs(600));
    let second = silently(&browser, &[("nonce", "another")]).await.unwrap();
    same(&first, &second);
    assert_eq!(second["nonce"], "another");
    assert_ne!(first["iat"], second["iat"]);
    let names = world.event_names();
    assert_eq!(names, ["request", "depart", "verify", "release", "redeem", "resume", "redeem"]);
    let events = world.events();
    assert_eq!(events[5]["began"], events[0]["login"]);
}

#[tokio::test]
async fn oidcc_id_token_hint() {
    let world = world().await;
    let browser = Browser::new(&world);
    let (token, first) = log_in(&browser, &[]).await;
    let second = silently(&browser, &[("id_token_hint", &token)]).await.unwrap();
    same(&first, &second);
}

#[tokio::test]
async fn a_hint_of_somebody_else_is_not_answered() {
    let world = world().await;
    let (browser, other) = (Browser::new(&world), Browser::new(&world));
    log_in(&browser, &[]).await;
    let returned = other.come_back(&[], Decision::Citizen("greek")).await;
    let (others, _) = tokens(&world, &other.get(returned.location()).await).await;
    let hint = others["id_token"].as_str().unwrap();
    login_required(&silently(&browser, &[("id_token_hint", hint)]).await);
}

#[tokio::test]
async fn oidcc_max_age_10000() {
    let world = World::with(|client, _| client.sso = Some(Duration::from_secs(43_200))).await;
    let browser = Browser::new(&world);
    let (_, first) = log_in(&browser, &[]).await;
    world.clock.advance(Duration::from_secs(9_000));
    // No prompt is needed: nobody is asked who need not be.
    let answer = browser.get(&authorize(&[("max_age", "10000")])).await;
    same(&first, &tokens(&world, &answer).await.1);
}

#[tokio::test]
async fn max_age_counts_from_the_login_and_not_from_the_last_answer() {
    let world = world().await;
    let browser = Browser::new(&world);
    log_in(&browser, &[]).await;
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(300));
        silently(&browser, &[]).await.unwrap();
    }
    login_required(&silently(&browser, &[("max_age", "600")]).await);
    let asked = browser.get(&authorize(&[("max_age", "600")])).await;
    assert!(asked.location().starts_with("/login/"), "{}", asked.location());
}

#[tokio::test]
async fn without_sessions_prompt_none_is_answered_at_once() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let (_, claims) = log_in(&browser, &[]).await;
    assert_eq!(claims.get("sid"), None);
    assert_eq!(browser.cookies.lock().unwrap().len(), 0);
    login_required(&silently(&browser, &[]).await);
}

#[tokio::test]
async fn nobody_else_is_answered() {
    let world = world().await;
    let browser = Browser::new(&world);
    login_required(&silently(&browser, &[]).await);
    log_in(&browser, &[]).await;
    login_required(&silently(&Browser::new(&world), &[]).await);
    // A cookie of somebody's own making.
    let made_up = Browser::new(&world);
    let name = browser.cookies.lock().unwrap().keys().next().unwrap().clone();
    made_up.cookies.lock().unwrap().insert(name, "x".repeat(43));
    login_required(&silently(&made_up, &[]).await);
}

#[tokio::test]
async fn every_login_begins_a_session_of_its_own_and_ends_the_one_before() {
    let world = world().await;
    let browser = Browser::new(&world);
    let cookies = || browser.cookies.lock().unwrap().clone();
    // Somebody has put a cookie there beforehand.
    let (_, first) = log_in(&browser, &[]).await;
    let before = cookies();
    assert_eq!(before.len(), 1);
    let (_, second) = log_in(&browser, &[("prompt", "login")]).await;
    assert_ne!(first["sid"], second["sid"]);
    assert_ne!(before, cookies());
    let old = Browser::new(&world);
    *old.cookies.lock().unwrap() = before;
    login_required(&silently(&old, &[]).await);
    same(&second, &silently(&browser, &[]).await.unwrap());
}

#[tokio::test]
async fn the_cookie_of_a_session_has_every_protection() {
    let world = world().await;
    let browser = Browser::new(&world);
    let returned = browser.come_back(&[], Decision::Citizen("plain")).await;
    let released = browser.get(returned.location()).await;
    let set: Vec<_> = released.headers.get_all("set-cookie").iter().map(|v| v.to_str().unwrap()).collect();
    let cookie = set.iter().find(|cookie| cookie.starts_with("__Host-eidas_sso_")).unwrap();
    assert!(cookie.ends_with("; Max-Age=3600; Path=/; Secure; HttpOnly; SameSite=Lax"), "{cookie}");
    // It is drawn for itself: nothing that stands elsewhere opens the session.
    let value = cookie.split_once('=').unwrap().1.split_once(';').unwrap().0;
    assert_eq!(value.len(), 43);
    assert!(!returned.location().contains(value) && !released.location().contains(value));
}

#[tokio::test]
async fn a_request_that_wants_the_person_asked_gets_the_person() {
    for prompt in ["login", "consent", "select_account"] {
        let world = world().await;
        let browser = Browser::new(&world);
        log_in(&browser, &[]).await;
        let asked = browser.get(&authorize(&[("prompt", prompt)])).await;
        assert!(asked.location().starts_with("/login/"), "{prompt}: {}", asked.location());
    }
}

#[tokio::test]
async fn a_higher_level_or_another_question_is_another_login() {
    let world = world().await;
    let browser = Browser::new(&world);
    let high = r#"{"id_token":{"acr":{"essential":true,"values":["http://eidas.europa.eu/LoA/high"]}}}"#;
    let returned = browser.come_back(&[], Decision::Citizen("partial-date")).await;
    tokens(&world, &browser.get(returned.location()).await).await;
    silently(&browser, &[]).await.unwrap();
    login_required(&silently(&browser, &[("claims", high)]).await);
    login_required(&silently(&browser, &[("scope", "openid profile eidas email")]).await);
    let asked = browser.get(&authorize(&[("acr_values", "http://eidas.europa.eu/LoA/high")])).await;
    assert!(asked.location().starts_with("/login/"), "{}", asked.location());
}

#[tokio::test]
async fn a_session_ends_by_itself() {
    let world = world().await;
    let browser = Browser::new(&world);
    log_in(&browser, &[]).await;
    world.clock.advance(Duration::from_secs(TTL - 10));
    silently(&browser, &[]).await.unwrap();
    // What was answered in between does not prolong it.
    world.clock.advance(Duration::from_secs(20));
    login_required(&silently(&browser, &[]).await);
}

#[tokio::test]
async fn a_session_releases_the_same_claims_at_userinfo() {
    let world = world().await;
    let browser = Browser::new(&world);
    let released = |answer: Answer| {
        let world = &world;
        async move {
            let (tokens, _) = tokens(world, &answer).await;
            world.userinfo(tokens["access_token"].as_str().unwrap()).await.json()
        }
    };
    let returned = browser.come_back(&[], Decision::Citizen("plain")).await;
    let first = released(browser.get(returned.location()).await).await;
    assert_eq!(first["family_name"], "Lindqvist");
    let second = released(browser.get(&authorize(&[("prompt", "none")])).await).await;
    assert_eq!(first, second);
}

#[tokio::test]
async fn what_was_agreed_to_is_not_asked_again_in_a_session() {
    let world = World::with(|client, policy| {
        with_sessions(client);
        policy.consent = eidas_gateway::login::Consent::Required;
    })
    .await;
    let browser = Browser::new(&world);
    let returned = browser.come_back(&[], Decision::Citizen("plain")).await;
    let page = browser.get(returned.location()).await;
    // Before the answer there is no session.
    login_required(&silently(&browser, &[]).await);
    let (_, rest) = page.body.split_once("<form method=\"post\" action=\"").unwrap();
    let (token, handle) = (page.field("token"), page.field("handle"));
    let fields = [("token", token.as_str()), ("handle", handle.as_str()), ("decision", "accept")];
    let left = browser.post(rest.split_once('"').unwrap().0, &fields).await;
    assert!(parameter(left.header("refresh"), "code").is_some());
    silently(&browser, &[]).await.unwrap();
}
