//! The page between the answer of a country and the code: what is shown, who may go on, and that it counts once.

use axum::http::StatusCode;
use eidas_gateway::login::Consent;

use crate::support::{Answer, Browser, Decision, REDIRECT, STATE, World, parameter, post};

async fn world(consent: Consent) -> World {
    World::with(|_, policy| {
        policy.consent = consent;
        policy.purpose = Some("Apply for a parking permit".to_owned());
    })
    .await
}

/// Logs in, up to the page.
async fn page(browser: &Browser<'_>, more: &[(&str, &str)]) -> Answer {
    let returned = browser.come_back(more, Decision::Citizen("plain")).await;
    let page = browser.get(returned.location()).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.body);
    page
}

/// Presses a button of the page.
async fn decide(browser: &Browser<'_>, page: &Answer, decision: &str) -> Answer {
    let (token, handle) = (page.field("token"), page.field("handle"));
    browser.post(&action(page), &[("token", &token), ("handle", &handle), ("decision", decision)]).await
}

fn action(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("<form method=\"post\" action=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

/// Where the page on the way out leads: a redirect would not leave a page with `form-action 'self'`.
fn refresh(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    assert!(answer.has("continue"));
    answer.header("refresh").strip_prefix("0; url=").unwrap().to_owned()
}

#[tokio::test]
async fn a_person_who_agrees_is_logged_in() {
    let world = world(Consent::Required).await;
    let browser = Browser::new(&world);
    let page = page(&browser, &[]).await;
    for part in
        ["Town Hall", "Apply for a parking permit", "Lindqvist", "1977-03-12", "Date of birth", "High"]
    {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(page.has("consent-accept") && page.has("consent-refuse"));
    assert!(!page.body.contains("LoA/high"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("form-action 'self'") && !policy.contains("script-src"), "{policy}");
    assert_eq!(page.header("cache-control"), "no-store");
    let gone = refresh(&decide(&browser, &page, "accept").await);
    assert!(gone.starts_with(REDIRECT), "{gone}");
    assert_eq!(parameter(&gone, "state").as_deref(), Some(STATE));
    let tokens = world.token(&parameter(&gone, "code").unwrap()).await;
    assert_eq!(tokens.status, StatusCode::OK);
    assert_eq!(browser.cookies.lock().unwrap().len(), 0);
    let names = world.event_names();
    assert_eq!(names, ["request", "depart", "verify", "consent", "release", "redeem"]);
    let consent = &world.events()[3];
    assert_eq!(consent["kind"], "consent");
    assert!(consent["released"].as_array().unwrap().contains(&"family_name".into()));
    assert!(!world.audit.lines().concat().contains("Lindqvist"));
}

#[tokio::test]
async fn a_person_who_does_not_agree_goes_back_without_a_code() {
    let world = world(Consent::Required).await;
    let browser = Browser::new(&world);
    let page = page(&browser, &[]).await;
    let gone = refresh(&decide(&browser, &page, "refuse").await);
    assert_eq!(parameter(&gone, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&gone, "code"), None);
    assert_eq!(world.last_refusal().0, "EG-3007");
    assert!(!world.event_names().contains(&"release".to_owned()));
    // A button without a meaning is no agreement either.
    let page = self::page(&browser, &[]).await;
    let gone = refresh(&decide(&browser, &page, "").await);
    assert_eq!(parameter(&gone, "error").as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn a_notice_is_shown_and_goes_on_by_one_button() {
    let world = world(Consent::Notice).await;
    let browser = Browser::new(&world);
    let page = page(&browser, &[]).await;
    assert!(page.has("continue") && page.has("cancel") && !page.has("consent-accept"));
    let gone = refresh(&decide(&browser, &page, "accept").await);
    assert!(parameter(&gone, "code").is_some());
    assert_eq!(world.events()[3]["kind"], "notice");
}

#[tokio::test]
async fn prompt_consent_asks_whatever_the_client_is_set_to() {
    for consent in [Consent::Off, Consent::Notice] {
        let world = world(consent).await;
        let browser = Browser::new(&world);
        let page = page(&browser, &[("prompt", "consent")]).await;
        assert!(page.has("consent-accept") && page.has("consent-refuse"), "{consent:?}");
    }
}

#[tokio::test]
async fn only_what_the_client_gets_is_shown() {
    let world = world(Consent::Required).await;
    let page = page(&Browser::new(&world), &[("scope", "openid eidas")]).await;
    assert!(!page.body.contains("Lindqvist") && !page.body.contains("1977-03-12"), "{}", page.body);
}

#[tokio::test]
async fn the_page_counts_once_in_one_tab() {
    let world = world(Consent::Required).await;
    let browser = Browser::new(&world);
    let page = page(&browser, &[]).await;
    let cookies = browser.cookies.lock().unwrap().clone();
    let first = decide(&browser, &page, "accept").await;
    assert!(parameter(&refresh(&first), "code").is_some());
    // The other tab still has the cookie.
    *browser.cookies.lock().unwrap() = cookies;
    let second = decide(&browser, &page, "accept").await;
    assert_eq!((second.status, second.text("code").as_str()), (StatusCode::CONFLICT, "EG-3004"));
    let refused = decide(&browser, &page, "refuse").await;
    assert_eq!(refused.text("code"), "EG-3004");
}

#[tokio::test]
async fn nobody_else_can_answer_the_page() {
    let world = world(Consent::Required).await;
    let (browser, stranger) = (Browser::new(&world), Browser::new(&world));
    let page = page(&browser, &[]).await;
    let (token, handle, path) = (page.field("token"), page.field("handle"), action(&page));
    let all = [("token", token.as_str()), ("handle", handle.as_str()), ("decision", "accept")];
    // Another browser, without the cookie.
    assert_eq!(stranger.post(&path, &all).await.text("code"), "EG-3001");
    // From another site, or without the token.
    let mut foreign = post(&path, &all);
    foreign.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(browser.send(foreign, true).await.text("code"), "EG-3005");
    assert_eq!(browser.post(&path, &all[1..]).await.text("code"), "EG-3005");
    assert_eq!(browser.post(&path, &[("token", "x"), all[1], all[2]]).await.text("code"), "EG-3005");
    // A handle that is not one.
    assert_eq!(browser.post(&path, &[all[0], ("handle", "x"), all[2]]).await.text("code"), "EG-3004");
    assert_eq!(browser.post(&path, &[all[0], all[2]]).await.text("code"), "EG-6004");
    // All the while it waits for its person.
    assert!(parameter(&refresh(&decide(&browser, &page, "accept").await), "code").is_some());
}

#[tokio::test]
async fn the_page_cannot_be_walked_around() {
    let world = world(Consent::Required).await;
    let browser = Browser::new(&world);
    let returned = browser.come_back(&[], Decision::Citizen("plain")).await;
    let way = returned.location().to_owned();
    let (login, first) = (parameter(&way, "login").unwrap(), parameter(&way, "handle").unwrap());
    let page = browser.get(&way).await;
    let (token, handle) = (page.field("token"), page.field("handle"));
    assert_ne!(handle, first);
    // The first handle opens nothing any more, and the second one nothing at /continue.
    assert_eq!(browser.get(&way).await.text("code"), "EG-3004");
    let path = action(&page);
    let old = [("token", token.as_str()), ("handle", first.as_str()), ("decision", "accept")];
    assert_eq!(browser.post(&path, &old).await.text("code"), "EG-3004");
    let around = browser.get(&format!("/continue?login={login}&handle={handle}")).await;
    assert_eq!((around.status.as_u16(), around.text("code").as_str()), (500, "EG-5003"));
    assert!(!world.event_names().contains(&"release".to_owned()));
}

#[tokio::test]
async fn the_page_waits_for_ten_minutes_and_the_cookie_with_it() {
    for (seconds, good) in [(599, true), (601, false)] {
        let world = world(Consent::Required).await;
        let browser = Browser::new(&world);
        let page = page(&browser, &[]).await;
        assert!(page.header("set-cookie").contains("; Max-Age=900; Path=/; Secure; HttpOnly; SameSite=Lax"));
        world.clock.advance(std::time::Duration::from_secs(seconds));
        let answer = decide(&browser, &page, "accept").await;
        assert_eq!(answer.status.is_success(), good, "{}", answer.body);
    }
}

#[tokio::test]
async fn a_client_that_wants_a_form_gets_one_after_the_page_too() {
    let world = world(Consent::Required).await;
    let browser = Browser::new(&world);
    let page = page(&browser, &[("response_mode", "form_post")]).await;
    let answer = decide(&browser, &page, "accept").await;
    assert_eq!(answer.field("state"), STATE);
    assert!(!answer.field("code").is_empty());
}
