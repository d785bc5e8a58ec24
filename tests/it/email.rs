//! E-mail for brokers that demand it: an alias, or an address that the person names and proves by a code.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{StatusCode, header};
use eidas_gateway::clock::{Clock as _, SystemClock};
use eidas_gateway::config::Config;
use eidas_gateway::login::email::EmailSource;
use eidas_gateway::outbound::Mailer;
use serde_json::Value;

use crate::cli::{check, gateway, initialised, text};
use crate::smtp::{Manner, PostOffice};
use crate::support::{Answer, Browser, Decision, Log, REDIRECT, World, post};

const EMAIL: &[(&str, &str)] = &[("scope", "openid profile email")];
const ADDRESS: &str = "Astrid.L+eid@example.org";

async fn world(url: &str, mailer: Option<Arc<Mailer>>) -> World {
    World::with_mail(url, mailer, |_, policy| policy.email = EmailSource::Collect).await
}

async fn collecting(office: &PostOffice) -> World {
    world("sqlite::memory:", Some(office.mailer())).await
}

/// From the broker's request to whatever comes after the country's answer.
async fn arrive(browser: &Browser<'_>, more: &[(&str, &str)]) -> Answer {
    let returned = browser.come_back(more, Decision::Citizen("plain")).await;
    browser.get(returned.location()).await
}

/// The first page: it asks for an address.
async fn asked(browser: &Browser<'_>) -> Answer {
    let page = arrive(browser, EMAIL).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.has("email") && page.has("email-send") && page.has("cancel") && !page.has("email-code"));
    page
}

fn path(page: &Answer) -> String {
    let (_, rest) = page.body.split_once("method=\"post\" action=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

/// Sends one field from `page`.
async fn say(browser: &Browser<'_>, page: &Answer, name: &str, value: &str) -> Answer {
    let (token, handle) = (page.field("token"), page.field("handle"));
    browser.post(&path(page), &[("token", &token), ("handle", &handle), (name, value)]).await
}

/// The code for the broker: the page has sent the browser on.
fn code_of(answer: &Answer) -> String {
    let address = answer.header("refresh").strip_prefix("0; url=").unwrap().to_owned();
    assert!(address.starts_with(REDIRECT), "{address}");
    crate::support::parameter(&address, "code").unwrap()
}

async fn claims(world: &World, code: &str) -> (Value, Value) {
    let tokens = world.token(code).await.json();
    let id_token = world.id_token(tokens["id_token"].as_str().unwrap()).await;
    let userinfo = world.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
    (id_token.into(), userinfo)
}

#[tokio::test]
async fn an_alias_is_the_sub_at_the_operators_domain_wherever_the_broker_looks() {
    let world = World::with(|_, policy| {
        policy.email = EmailSource::Alias { domain: "eid.example.org".to_owned() };
    })
    .await;
    let code = Browser::new(&world).code(EMAIL, "plain").await;
    let (id_token, userinfo) = claims(&world, &code).await;
    let expected = format!("{}@eid.example.org", id_token["sub"].as_str().unwrap());
    for claims in [&id_token, &userinfo] {
        assert_eq!(claims["email"], expected.as_str());
        assert_eq!(claims["email_verified"], true);
    }
    // Who does not ask for it does not get it.
    let code = Browser::new(&world).code(&[], "plain").await;
    let (id_token, userinfo) = claims(&world, &code).await;
    assert!(id_token.get("email").is_none() && userinfo.get("email").is_none());
}

#[tokio::test]
async fn a_page_is_not_kept_open_for_ever() {
    let office = PostOffice::open().await;
    let world = collecting(&office).await;
    let browser = Browser::new(&world);
    let mut page = asked(&browser).await;
    for _ in 0..4 {
        world.clock.advance(Duration::from_mins(9));
        page = say(&browser, &page, "email", "nonsense").await;
        assert!(page.has("email-send"), "{}", page.body);
    }
    // The login should have ended after a quarter of an hour; half an hour more is the most.
    world.clock.advance(Duration::from_mins(9));
    let gone = say(&browser, &page, "email", "nonsense").await;
    assert_eq!((gone.status, gone.text("code").as_str()), (StatusCode::CONFLICT, "EG-3004"));
}

#[tokio::test]
async fn a_person_proves_an_address_once() {
    let office = PostOffice::open().await;
    let world = collecting(&office).await;
    let browser = Browser::new(&world);
    let page = say(&browser, &asked(&browser).await, "email", &format!(" {ADDRESS} ")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(page.text("sent-to"), ADDRESS);
    let mail = office.mail();
    assert_eq!(mail.to, [ADDRESS]);
    assert_eq!(mail.header("Subject"), ["Your code for Town Hall"]);
    assert!(!mail.data.contains("Lindqvist"), "the mail says nothing of the person: {}", mail.data);
    let code = mail.code();
    let typed = format!("{} {}", &code[..4], &code[4..]);
    let done = say(&browser, &page, "code", &typed).await;
    let (id_token, userinfo) = claims(&world, &code_of(&done)).await;
    for claims in [&id_token, &userinfo] {
        assert_eq!(claims["email"], ADDRESS);
        assert_eq!(claims["email_verified"], true);
    }
    // The next login asks nothing.
    let code = browser.code(EMAIL, "plain").await;
    assert_eq!(claims(&world, &code).await.0["email"], ADDRESS);
    assert_eq!(office.mails(), []);
    // Another person is asked, and so is nobody whose broker does not want it.
    let other = browser.come_back(EMAIL, Decision::Citizen("greek")).await;
    assert!(browser.get(other.location()).await.has("email-send"));
    browser.code(&[], "greek").await;
    let names = world.event_names();
    let about: Vec<_> = names.iter().filter(|name| name.starts_with("email")).collect();
    assert_eq!(about, ["email_sent", "email_verified"]);
}

#[tokio::test]
async fn the_countrys_own_word_on_e_mail_is_not_asked_for_where_the_person_is() {
    let office = PostOffice::open().await;
    let world = collecting(&office).await;
    let browser = Browser::new(&world);
    browser.depart(&[("scope", "openid email eidas:attributes")]).await;
    let depart = world.events().into_iter().find(|event| event["event"] == "depart").unwrap();
    let attributes = depart["attributes"].as_array().unwrap();
    assert!(attributes.contains(&"Gender".into()) && !attributes.contains(&"EmailAddress".into()));
    // The country page says what is coming.
    let (_, page) = browser.start(EMAIL).await;
    assert!(page.body.contains("E-mail address (you will be asked for it)"), "{}", page.body);
}

#[tokio::test]
async fn a_code_is_guessed_five_times_and_a_new_one_takes_a_minute() {
    let office = PostOffice::open().await;
    let world = collecting(&office).await;
    let browser = Browser::new(&world);
    let mut page = say(&browser, &asked(&browser).await, "email", ADDRESS).await;
    let code = office.mail().code();
    for left in ["4 more times", "3 more times", "2 more times", "once more", "too often"] {
        page = say(&browser, &page, "code", "00000000").await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text("notice").contains(left), "{}", page.text("notice"));
    }
    // The right one comes too late.
    page = say(&browser, &page, "code", &code).await;
    assert!(page.text("notice").contains("no longer good"));
    page = say(&browser, &page, "again", "yes").await;
    assert!(page.text("notice").contains("less than a minute ago"));
    assert_eq!(office.mails(), []);
    world.clock.advance(Duration::from_secs(60));
    page = say(&browser, &page, "again", "yes").await;
    assert!(!page.has("notice"));
    let next = office.mail().code();
    assert_ne!(next, code);
    page = say(&browser, &page, "code", &code).await;
    assert!(page.text("notice").contains("4 more times"));
    code_of(&say(&browser, &page, "code", &next).await);
    let events = world.events();
    let refused: Vec<_> = events.iter().filter(|event| event["event"] == "email_refused").collect();
    let why: Vec<_> = refused.iter().map(|event| event["why"].as_str().unwrap()).collect();
    assert_eq!(why, ["wrong", "wrong", "wrong", "wrong", "exhausted", "none_sent", "too_soon", "wrong"]);
}

#[tokio::test]
async fn a_code_ends_after_ten_minutes() {
    let office = PostOffice::open().await;
    let world = collecting(&office).await;
    let browser = Browser::new(&world);
    let page = say(&browser, &asked(&browser).await, "email", ADDRESS).await;
    let code = office.mail().code();
    world.clock.advance(Duration::from_secs(599));
    let page = say(&browser, &page, "code", "1").await;
    world.clock.advance(Duration::from_secs(1));
    let page = say(&browser, &page, "code", &code).await;
    assert!(page.text("notice").contains("no longer good"), "{}", page.text("notice"));
    // Who does nothing for ten minutes begins anew.
    world.clock.advance(Duration::from_secs(600));
    let gone = say(&browser, &page, "code", &code).await;
    assert_eq!((gone.status, gone.text("code")), (StatusCode::CONFLICT, "EG-3004".to_owned()));
}

#[tokio::test]
async fn another_address_can_be_named_and_its_code_is_another() {
    let office = PostOffice::open().await;
    let world = collecting(&office).await;
    let browser = Browser::new(&world);
    let page = say(&browser, &asked(&browser).await, "email", "astrid@exmaple.org").await;
    let first = office.mail().code();
    world.clock.advance(Duration::from_secs(60));
    let page = say(&browser, &page, "email", ADDRESS).await;
    assert_eq!(page.text("sent-to"), ADDRESS);
    let mail = office.mail();
    assert_eq!(mail.to, [ADDRESS]);
    let page = say(&browser, &page, "code", &first).await;
    assert!(page.has("notice"));
    let done = say(&browser, &page, "code", &mail.code()).await;
    assert_eq!(claims(&world, &code_of(&done)).await.1["email"], ADDRESS);
}

#[tokio::test]
async fn a_person_gets_ten_codes_a_day_whatever_logins_they_begin() {
    let office = PostOffice::open().await;
    let world = collecting(&office).await;
    for n in 0..10 {
        let browser = Browser::new(&world);
        say(&browser, &asked(&browser).await, "email", &format!("victim{n}@example.org")).await;
        assert_eq!(office.mail().to, [format!("victim{n}@example.org")]);
        world.clock.advance(Duration::from_secs(60));
    }
    let browser = Browser::new(&world);
    let page = say(&browser, &asked(&browser).await, "email", ADDRESS).await;
    assert!(page.text("notice").contains("Try again tomorrow"));
    assert_eq!(office.mails(), []);
}

#[tokio::test]
async fn what_is_no_address_is_asked_for_again() {
    let office = PostOffice::open().await;
    let world = collecting(&office).await;
    let browser = Browser::new(&world);
    let mut page = asked(&browser).await;
    for typed in
        ["", "astrid", "a@b.org\r\nBcc: c@d.org", "a@b.org, c@d.org", "<script>@example.org", "a@localhost"]
    {
        page = say(&browser, &page, "email", typed).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.text("notice").contains("not an e-mail address"), "{typed}");
        assert!(!page.body.contains("<script>@"), "{typed}");
    }
    assert_eq!(office.mails(), []);
    say(&browser, &page, "email", ADDRESS).await;
    assert_eq!(office.mail().to, [ADDRESS]);
}

#[tokio::test]
async fn another_browser_gets_nowhere_with_the_page() {
    let office = PostOffice::open().await;
    let world = collecting(&office).await;
    let browser = Browser::new(&world);
    let page = say(&browser, &asked(&browser).await, "email", ADDRESS).await;
    let code = office.mail().code();
    let stranger = Browser::new(&world);
    let refused = say(&stranger, &page, "code", &code).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    // With a cookie of their own for a login of their own.
    let own = asked(&stranger).await;
    let (token, handle) = (own.field("token"), page.field("handle"));
    let fields = [("token", token.as_str()), ("handle", handle.as_str()), ("code", code.as_str())];
    let refused = stranger.post(&path(&own), &fields).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    // A form from elsewhere.
    let mut forged =
        post(&path(&page), &[("token", "x"), ("handle", &page.field("handle")), ("code", &code)]);
    forged.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    assert_eq!(browser.send(forged, true).await.status, StatusCode::FORBIDDEN);
    code_of(&say(&browser, &page, "code", &code).await);
}

#[tokio::test]
async fn who_cancels_goes_back_without_a_login() {
    let office = PostOffice::open().await;
    let world = collecting(&office).await;
    let browser = Browser::new(&world);
    let page = asked(&browser).await;
    let left = say(&browser, &page, "decision", "refuse").await;
    assert!(left.header("refresh").contains("error=access_denied"), "{}", left.header("refresh"));
    assert_eq!(world.last_refusal().0, "EG-3006");
    assert!(browser.cookies.lock().unwrap().is_empty());
    assert_eq!(say(&browser, &page, "email", ADDRESS).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn while_the_mail_server_is_down_the_login_waits() {
    let office = PostOffice::open().await;
    let world = collecting(&office).await;
    let log = Log::default();
    let _guard = log.capture();
    let browser = Browser::new(&world);
    office.behave(Manner::Closed);
    let page = say(&browser, &asked(&browser).await, "email", ADDRESS).await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(page.text("notice").contains("Your login is not lost"));
    let reference = page.text("reference");
    assert_eq!(world.last_refusal(), ("EG-5007".to_owned(), "unable".to_owned()));
    assert!(log.text().contains(&reference) && log.text().contains("EG-5007"));
    office.behave(Manner::Good);
    world.clock.advance(Duration::from_secs(60));
    let page = say(&browser, &page, "again", "yes").await;
    let done = say(&browser, &page, "code", &office.mail().code()).await;
    assert_eq!(claims(&world, &code_of(&done)).await.1["email"], ADDRESS);
}

#[tokio::test]
async fn a_mailbox_that_does_not_exist_looks_like_one_that_does() {
    let office = PostOffice::open().await;
    let world = collecting(&office).await;
    let browser = Browser::new(&world);
    let good = say(&browser, &asked(&browser).await, "email", ADDRESS).await;
    world.clock.advance(Duration::from_secs(60));
    office.behave(Manner::Unknown);
    let unknown = say(&browser, &good, "email", ADDRESS).await;
    assert_eq!((good.status, &good.body), (unknown.status, &unknown.body));
    assert_eq!(world.last_refusal(), ("EG-5007".to_owned(), "refused".to_owned()));
    // What is not about the mailbox is our trouble.
    world.clock.advance(Duration::from_secs(60));
    office.behave(Manner::Unwilling);
    let unwilling = say(&browser, &unknown, "again", "yes").await;
    assert_eq!(unwilling.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn no_log_audit_or_error_page_holds_the_address_or_the_code() {
    let office = PostOffice::open().await;
    let log = Log::default();
    let _guard = log.capture();
    let world = collecting(&office).await;
    let browser = Browser::new(&world);
    let page = say(&browser, &asked(&browser).await, "email", ADDRESS).await;
    let mail = office.mail();
    world.clock.advance(Duration::from_secs(60));
    office.behave(Manner::Unknown);
    let page = say(&browser, &page, "again", "yes").await;
    office.behave(Manner::Good);
    world.clock.advance(Duration::from_secs(60));
    let page = say(&browser, &page, "again", "yes").await;
    let code = office.mail().code();
    let page = say(&browser, &page, "code", "11111111").await;
    say(&browser, &page, "code", &code).await;
    let written = log.text() + &world.audit.lines().concat();
    assert!(written.contains("EG-5007") && written.contains("email_verified"));
    for secret in ["astrid.l", "+eid", &code, &mail.code(), "11111111"] {
        assert!(!written.to_lowercase().contains(secret), "{secret}");
    }
}

/// A folder of its own for a test, removed afterwards.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Self {
        let name =
            format!("eidas-gateway-email-{}", eidas_gateway::ids::handle(&eidas_gateway::ids::SystemRandom));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn url(&self) -> String {
        format!("sqlite://{}/gateway.db", self.0.display())
    }

    fn holds(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        std::fs::read_dir(&self.0).unwrap().any(|entry| {
            let octets = std::fs::read(entry.unwrap().path()).unwrap().to_ascii_lowercase();
            octets.windows(text.len()).any(|window| window == text.as_bytes())
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn the_database_holds_no_address_in_clear_and_none_once_it_is_forgotten() {
    let folder = Folder::new();
    let office = PostOffice::open().await;
    let world = world(&folder.url(), Some(office.mailer())).await;
    let browser = Browser::new(&world);
    let page = say(&browser, &asked(&browser).await, "email", ADDRESS).await;
    let code = office.mail().code();
    assert!(!folder.holds("astrid") && !folder.holds("example.org") && !folder.holds(&code));
    let done = say(&browser, &page, "code", &code).await;
    let sub = claims(&world, &code_of(&done)).await.0["sub"].as_str().unwrap().to_owned();
    assert!(!folder.holds("astrid.l") && !folder.holds("+eid@") && !folder.holds(&sub));

    let store = eidas_gateway::store::open(&folder.url()).await.unwrap();
    let mailbox = eidas_gateway::login::SubjectKey::new(1, [7; 32]).mailbox("sector", &sub);
    let sealed = store.find_mailbox(&mailbox.tag()).await.unwrap().unwrap();
    assert_eq!(mailbox.open(&sealed).unwrap().expose(), ADDRESS);
    assert_eq!(store.drop_mailbox(&mailbox.tag()).await, Ok(true));
    assert!(asked(&browser).await.has("email-send"));
}

#[tokio::test]
async fn of_two_instances_either_takes_the_code_and_one_of_two_gets_it() {
    let folder = Folder::new();
    let office = PostOffice::open().await;
    let first = world(&folder.url(), Some(office.mailer())).await;
    let second = world(&folder.url(), Some(office.mailer())).await;
    let here = Browser::new(&first);
    let page = say(&here, &asked(&here).await, "email", ADDRESS).await;
    let code = office.mail().code();
    let there = Browser {
        world: &second,
        cookies: Mutex::new(here.cookies.lock().unwrap().clone()),
        seen: Mutex::default(),
    };
    // The pause between two codes is one for both.
    let page = say(&there, &page, "again", "yes").await;
    assert!(page.text("notice").contains("less than a minute ago"));
    let page = say(&there, &page, "code", "00000000").await;
    assert!(page.text("notice").contains("4 more times"));
    let (one, other) = tokio::join!(say(&here, &page, "code", &code), say(&there, &page, "code", &code));
    let taken = [&one, &other].iter().filter(|answer| answer.headers.contains_key(header::REFRESH)).count();
    assert_eq!(taken, 1);
}

/// A folder with a configuration of which one client collects addresses.
fn configured(name: &str, office: &PostOffice) -> std::path::PathBuf {
    let folder = initialised(name, 8080);
    let file = folder.join("gateway.toml");
    let client = "
[[client]]
id = \"entra\"
name = \"Entra\"
secret_hash = \"0000000000000000000000000000000000000000000000000000000000000000\"
redirect_uris = [\"https://entra.example/cb\"]
sector = \"public\"
sector_id = \"town\"
email_source = \"collect\"

";
    let text = std::fs::read_to_string(&file).unwrap() + client + &office.section();
    std::fs::write(&file, text).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_removes_an_address_by_client_and_sub() {
    let file = configured("forget", &PostOffice::open().await);
    let (config, opened) = Config::load(&file, SystemClock.now()).unwrap();
    let store = eidas_gateway::store::open(&config.database.url).await.unwrap();
    let mailbox = opened.subject_key.mailbox("town", "the-sub");
    store.put_mailbox(&mailbox.tag(), b"sealed").await.unwrap();
    let forget = |client: &str, sub: &str| {
        let ran = gateway(&["email", "forget", "--client", client, "--sub", sub, "--config", text(&file)]);
        (ran.status.code(), String::from_utf8(ran.stdout).unwrap())
    };
    assert_eq!(forget("entra", "other"), (Some(1), "No address is kept for this sub.\n".to_owned()));
    assert_eq!(forget("nobody", "the-sub"), (Some(1), String::new()));
    assert!(store.find_mailbox(&mailbox.tag()).await.unwrap().is_some());
    assert_eq!(forget("entra", "the-sub"), (Some(0), "The address is removed.\n".to_owned()));
    assert_eq!(store.find_mailbox(&mailbox.tag()).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tells_when_the_mail_server_does_not_take_us() {
    let office = PostOffice::open().await;
    let file = configured("doctor-mail", &office);
    let found = || {
        let (_, found) = check(&["doctor", "--online", "--json", "--config", text(&file)]);
        let findings = found["findings"].as_array().unwrap().clone();
        findings.into_iter().find(|finding| finding["code"] == "mail_server")
    };
    assert_eq!(found(), None);
    office.behave(Manner::Closed);
    let finding = found().unwrap();
    let expected = format!("localhost:{}: the mail server cannot do what is needed", office.port);
    assert_eq!(
        (finding["severity"].as_str(), finding["message"].as_str()),
        (Some("error"), Some(&*expected))
    );
    assert_eq!(finding["page"], "docs/operations.md#e-mail-addresses");
}
