//! Logins from the broker's request to the claims, and all the ways in which they must not succeed.

use std::time::Duration;

use axum::http::{HeaderValue, Method, StatusCode, header};
use eidas_gateway::eidas::SubjectKind;
use eidas_gateway::login::{Countries, LevelError, claims};
use eidas_gateway::node::{Failure, Misbehaviour};
use eidas_gateway::oidc::client::ClaimsInIdToken;
use serde_json::json;

use crate::support::{
    Browser, Decision, ISSUER, NONCE, REDIRECT, SECRET, STATE, World, authorize, get, parameter, post,
};

const HIGH: &str = "http://eidas.europa.eu/LoA/high";
const SUBSTANTIAL: &str = "http://eidas.europa.eu/LoA/substantial";

#[tokio::test]
async fn a_natural_person_logs_in() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let code = browser.code(&[("scope", "openid profile eidas eidas:attributes")], "plain").await;
    let tokens = world.token(&code).await;
    assert_eq!((tokens.status, tokens.header("content-type")), (StatusCode::OK, "application/json"));
    let tokens = tokens.json();
    assert_eq!(tokens["token_type"], "Bearer");

    let id_token = world.id_token(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(id_token["iss"], ISSUER);
    assert_eq!(id_token["aud"], "broker");
    assert_eq!(id_token["nonce"], NONCE);
    assert_eq!(id_token["acr"], HIGH);
    assert_eq!(id_token["amr"], json!(["eidas"]));
    assert_eq!(id_token["eidas_subject_type"], "natural");
    assert!(id_token.get("family_name").is_none());

    let userinfo = world.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(userinfo["sub"], id_token["sub"]);
    assert_eq!(userinfo["sub"].as_str().unwrap().len(), 43);
    assert_eq!(userinfo["name"], "Astrid Lindqvist");
    assert_eq!(userinfo["birthdate"], "1977-03-12");
    assert_eq!(userinfo["gender"], "female");
    assert_eq!(userinfo["email_verified"], false);
    assert_eq!(userinfo["eidas_country"], "XB");
    assert_eq!(userinfo["eidas_person_identifier"], "XB/XX/19770312-2384");

    assert_eq!(world.event_names(), ["request", "depart", "verify", "release", "redeem", "userinfo"]);
    let events = world.events();
    assert_eq!(events[2]["response_id"], id_token["txn"]);
    assert_eq!(events[2]["request_id"], events[1]["request_id"]);
    assert_eq!(events[2]["node"], "https://xb.example/metadata");
    // The cookie of a finished login is gone.
    assert!(browser.cookies.lock().unwrap().is_empty());
}

#[tokio::test]
async fn the_same_person_is_the_same_subject_again() {
    let world = World::new().await;
    let mut subs = Vec::new();
    for citizen in ["plain", "plain", "greek"] {
        let code = Browser::new(&world).code(&[], citizen).await;
        let tokens = world.token(&code).await.json();
        subs.push(world.id_token(tokens["id_token"].as_str().unwrap()).await["sub"].clone());
    }
    assert_eq!(subs[0], subs[1]);
    assert_ne!(subs[0], subs[2]);
}

#[tokio::test]
async fn a_legal_person_logs_in() {
    let world = World::with(|_, policy| policy.kind = SubjectKind::Legal).await;
    let browser = Browser::new(&world);
    let code = browser.code(&[("scope", "openid profile eidas eidas:attributes")], "company").await;
    let tokens = world.token(&code).await.json();
    let userinfo = world.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(userinfo["eidas_subject_type"], "legal");
    assert_eq!(userinfo["name"], "Nordhavn Vindkraft AS");
    assert_eq!(userinfo["eidas_legal_person_identifier"], "XB/XX/NV-918273645");
    assert_eq!(userinfo["eidas_legal"]["lei"], "529900T8BM49AURSDO55");
    assert!(userinfo.get("birthdate").is_none());
}

#[tokio::test]
async fn somebody_acts_for_a_company_where_that_is_accepted() {
    let legal = |representation: bool| {
        World::with(move |_, policy| {
            policy.kind = SubjectKind::Legal;
            policy.representation = representation;
        })
    };
    let world = legal(true).await;
    let code = Browser::new(&world).code(&[], "director").await;
    let tokens = world.token(&code).await.json();
    let userinfo = world.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(userinfo["eidas_subject_type"], "representative");
    assert_eq!(userinfo["eidas_legal_name"], "Mulino & Figli S.r.l.");
    assert_eq!(userinfo["eidas_representative"]["family_name"], "Bellini");

    let world = legal(false).await;
    let browser = Browser::new(&world);
    let refused = browser.come_back(&[], Decision::Citizen("director")).await;
    assert_eq!(refused.redirect_parameter("error").as_deref(), Some("EG-2112"));
    let page = browser.get(refused.location()).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.body.contains("Acting for somebody else"));
}

#[tokio::test]
async fn names_in_two_scripts_and_a_birth_year_arrive() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[], "greek").await;
    let tokens = world.token(&code).await.json();
    let userinfo = world.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(userinfo["family_name"], "Papadopoulou");
    assert_eq!(userinfo["family_name_original"], "Παπαδοπούλου");

    let code = Browser::new(&world).code(&[("acr_values", SUBSTANTIAL)], "punctuation").await;
    let tokens = world.token(&code).await.json();
    let userinfo = world.userinfo(tokens["access_token"].as_str().unwrap()).await.json();
    assert_eq!(userinfo["eidas_person_identifier"], r##"XB/XX/!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##);
    assert_eq!(userinfo["given_name"], "Sean <\"&\">");
}

#[tokio::test]
async fn a_broker_can_name_the_country() {
    let world = World::new().await;
    for more in [("eidas_country", "XB"), ("scope", "openid eidas:country:xb")] {
        let browser = Browser::new(&world);
        let departure = browser.get(&authorize(&[more])).await;
        assert_eq!(departure.status, StatusCode::OK);
        let form = world.node_answers(&departure, Decision::Citizen("plain")).await;
        let returned = browser.post_from_node(&form).await;
        let released = browser.get(returned.location()).await;
        assert!(released.redirect_parameter("code").is_some());
    }
    // A country that cannot be reached leaves the choice to the person.
    let page = Browser::new(&world).start(&[("eidas_country", "XC")]).await.1;
    assert!(page.has("country-XB"));
}

#[tokio::test]
async fn a_citizen_who_cancels_can_go_on_or_back() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let returned = browser.come_back(&[], Decision::Fail(Failure::CANCELLED)).await;
    let failed = browser.get(returned.location()).await;
    assert_eq!(failed.redirect_parameter("error").as_deref(), Some("EG-2201"));
    let page = browser.get(failed.location()).await;
    assert_eq!((page.status, page.text("code").as_str()), (StatusCode::FORBIDDEN, "EG-2201"));
    assert!(page.has("retry") && page.has("other-country") && page.has("cancel"));

    // Again, and this time it works.
    let login = parameter(failed.location(), "login").unwrap();
    let (path, token) = (format!("/login/{login}"), page.field("token"));
    let departure = browser.post(&format!("{path}/country"), &[("token", &token), ("country", "XB")]).await;
    let form = world.node_answers(&departure, Decision::Citizen("plain")).await;
    let returned = browser.post_from_node(&form).await;
    let released = browser.get(returned.location()).await;
    assert!(released.redirect_parameter("code").is_some());

    // Or back to the service.
    let browser = Browser::new(&world);
    let returned = browser.come_back(&[], Decision::Fail(Failure::CANCELLED)).await;
    let failed = browser.get(returned.location()).await;
    let page = browser.get(failed.location()).await;
    let login = parameter(failed.location(), "login").unwrap();
    let back = browser
        .post(&format!("/login/{login}/cancel?error=EG-2201"), &[("token", &page.field("token"))])
        .await;
    let address = back.header("refresh").strip_prefix("0; url=").unwrap().to_owned();
    assert!(address.starts_with(REDIRECT));
    assert_eq!(parameter(&address, "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(&address, "state").as_deref(), Some(STATE));
    assert_eq!(parameter(&address, "iss").as_deref(), Some(ISSUER));
    // The login is over.
    assert_eq!(browser.get(&format!("/login/{login}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_client_can_have_those_who_cancel_sent_straight_back() {
    let world = World::with(|_, policy| policy.cancel_goes_back = true).await;
    let browser = Browser::new(&world);
    let returned = browser.come_back(&[], Decision::Fail(Failure::CANCELLED)).await;
    let back = browser.get(returned.location()).await;
    assert!(back.location().starts_with(REDIRECT));
    assert_eq!(back.redirect_parameter("error").as_deref(), Some("access_denied"));
    assert_eq!(back.redirect_parameter("iss").as_deref(), Some(ISSUER));
}

#[tokio::test]
async fn a_level_that_is_too_low_is_said_so_and_the_login_goes_on() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let departure = browser.depart(&[]).await;
    let form = world.node_answers(&departure, Decision::Wrong(Misbehaviour::Level)).await;
    let refused = browser.post_from_node(&form).await;
    let page = browser.get(refused.location()).await;
    assert_eq!((page.status, page.text("code").as_str()), (StatusCode::FORBIDDEN, "EG-2109"));
    assert!(page.body.contains("A stronger eID is needed") && page.has("retry"));
    assert!(world.last_refusal().1.starts_with("SEC-27 "));

    // A refused answer does not end the login: the right one still counts.
    let form = world.node_answers(&departure, Decision::Citizen("plain")).await;
    let returned = browser.post_from_node(&form).await;
    assert!(returned.location().starts_with("/continue?"));
}

#[tokio::test]
async fn an_essential_level_that_nobody_knows_is_refused_before_anybody_is_bothered() {
    let claims = json!({ "id_token": { "acr": { "essential": true, "values": ["urn:gold"] } } }).to_string();
    let world = World::with(|_, policy| policy.level_error = LevelError::Unmet).await;
    let back = Browser::new(&world).get(&authorize(&[("claims", &claims)])).await;
    let error = back.redirect_parameter("error");
    assert_eq!(error.as_deref(), Some("unmet_authentication_requirements"));
    assert_eq!(back.redirect_parameter("iss").as_deref(), Some(ISSUER));
}

#[tokio::test]
async fn a_login_that_took_too_long_is_over() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let (path, page) = browser.start(&[]).await;
    let token = page.field("token");
    world.clock.advance(Duration::from_secs(15 * 60 + 1));
    for answer in [
        browser.get(&path).await,
        browser.post(&format!("{path}/country"), &[("token", &token), ("country", "XB")]).await,
    ] {
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.body.contains("This login has ended"));
        assert_eq!(answer.text("code"), "EG-3001");
    }
}

#[tokio::test]
async fn an_answer_to_an_expired_login_is_refused() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let departure = browser.depart(&[]).await;
    world.clock.advance(Duration::from_secs(15 * 60 + 1));
    let form = world.node_answers(&departure, Decision::Citizen("plain")).await;
    let refused = browser.post_from_node(&form).await;
    assert!(refused.location().starts_with("/failed?error=EG-2100"));
    assert_eq!(world.last_refusal(), ("EG-2103".to_owned(), "SEC-13 request_unknown".to_owned()));
}

#[tokio::test]
async fn a_handle_is_good_for_a_minute() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let returned = browser.come_back(&[], Decision::Citizen("plain")).await;
    world.clock.advance(Duration::from_secs(61));
    let late = browser.get(returned.location()).await;
    assert_eq!(late.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn errors_stay_here_while_the_redirect_uri_is_not_known() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let unknown = [
        ("client_id", "nobody"),
        ("redirect_uri", "https://evil.example/cb"),
        ("redirect_uri", "https://broker.example/cb/"),
        ("redirect_uri", "https://broker.example/cb?x=1"),
        ("redirect_uri", "https://broker.example@evil.example/cb"),
        ("redirect_uri", "HTTPS://broker.example/cb"),
    ];
    for parameter in unknown {
        let page = browser.get(&authorize(&[parameter])).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{parameter:?}");
        assert_eq!(page.header("location"), "");
        assert_eq!(page.text("code"), "EG-1001");
        assert!(!page.body.contains("evil"));
    }
    assert_eq!(world.event_names(), vec!["refuse"; unknown.len()]);
}

#[tokio::test]
async fn prompt_none_never_shows_a_page() {
    let world = World::new().await;
    let back = Browser::new(&world).get(&authorize(&[("prompt", "none")])).await;
    assert!(back.location().starts_with(REDIRECT));
    assert_eq!(back.redirect_parameter("error").as_deref(), Some("login_required"));
    assert_eq!(back.redirect_parameter("state").as_deref(), Some(STATE));
    assert_eq!(back.redirect_parameter("iss").as_deref(), Some(ISSUER));
}

#[tokio::test]
async fn a_request_may_come_by_post() {
    let world = World::new().await;
    let query = authorize(&[]);
    let body = query.split_once('?').unwrap().1.to_owned();
    let mut request = post("/authorize", &[]);
    *request.body_mut() = body.into();
    let answer = Browser::new(&world).send(request, true).await;
    assert!(answer.location().starts_with("/login/"));
}

#[tokio::test]
async fn a_code_is_for_its_client_its_address_and_its_verifier() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let wrong_secret = world.token_with(&[("code", &code)], "another").await;
    assert_eq!(wrong_secret.token_error(), (401, "invalid_client".to_owned()));
    assert_eq!(wrong_secret.header("www-authenticate"), "Basic realm=\"token\", charset=\"UTF-8\"");
    let wrong_verifier = "x".repeat(43);
    let wrong = [("code", code.as_str()), ("code_verifier", &wrong_verifier)];
    assert_eq!(world.token_with(&wrong, SECRET).await.token_error(), (400, "invalid_grant".to_owned()));
    // Somebody tried to use it: it is spent.
    assert_eq!(world.token(&code).await.token_error(), (400, "invalid_grant".to_owned()));

    let code = Browser::new(&world).code(&[], "plain").await;
    let wrong = [("code", code.as_str()), ("redirect_uri", "https://broker.example/other")];
    assert_eq!(world.token_with(&wrong, SECRET).await.token_error(), (400, "invalid_grant".to_owned()));
    assert_eq!(world.token("unknown").await.token_error(), (400, "invalid_grant".to_owned()));
    assert_eq!(world.send(post("/token", &[])).await.token_error(), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn a_code_that_is_used_twice_takes_its_tokens_along() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let tokens = world.token(&code).await.json();
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(world.userinfo(access_token).await.status, StatusCode::OK);
    assert_eq!(world.token(&code).await.token_error(), (400, "invalid_grant".to_owned()));
    assert_eq!(world.last_refusal().0, "EG-1102");
    assert_eq!(world.userinfo(access_token).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_code_is_good_for_a_minute_and_an_access_token_for_five() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    world.clock.advance(Duration::from_secs(61));
    assert_eq!(world.token(&code).await.token_error(), (400, "invalid_grant".to_owned()));

    let code = Browser::new(&world).code(&[], "plain").await;
    let tokens = world.token(&code).await.json();
    let access_token = tokens["access_token"].as_str().unwrap();
    world.clock.advance(Duration::from_secs(299));
    assert_eq!(world.userinfo(access_token).await.status, StatusCode::OK);
    world.clock.advance(Duration::from_secs(2));
    let late = world.userinfo(access_token).await;
    assert_eq!(late.status, StatusCode::UNAUTHORIZED);
    assert!(late.header("www-authenticate").contains("error=\"invalid_token\""));
}

#[tokio::test]
async fn userinfo_takes_the_token_from_a_form_but_not_from_the_query() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let tokens = world.token(&code).await.json();
    let access_token = tokens["access_token"].as_str().unwrap();
    let by_form = world.send(post("/userinfo", &[("access_token", access_token)])).await;
    assert_eq!(by_form.json()["name"], "Astrid Lindqvist");
    let by_query = world.send(get(&format!("/userinfo?access_token={access_token}"))).await;
    assert_eq!((by_query.status, by_query.body.as_str()), (StatusCode::UNAUTHORIZED, ""));
    assert_eq!(by_query.header("www-authenticate"), "Bearer realm=\"userinfo\"");
}

#[tokio::test]
async fn a_form_needs_its_token_and_its_origin() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let (path, page) = browser.start(&[]).await;
    let token = page.field("token");
    for action in ["country", "cancel"] {
        let path = format!("{path}/{action}");
        let without = browser.post(&path, &[("country", "XB")]).await;
        let wrong = browser.post(&path, &[("country", "XB"), ("token", "x")]).await;
        let mut foreign = post(&path, &[("country", "XB"), ("token", &token)]);
        foreign.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
        let foreign = browser.send(foreign, true).await;
        for answer in [without, wrong, foreign] {
            assert_eq!((answer.status, answer.text("code").as_str()), (StatusCode::FORBIDDEN, "EG-3005"));
        }
        let no_cookie = browser.send(post(&path, &[("country", "XB"), ("token", &token)]), false).await;
        assert_eq!(no_cookie.text("code"), "EG-3003");
    }
    // The login is as it was.
    assert_eq!(browser.get(&path).await.status, StatusCode::OK);
}

#[tokio::test]
async fn two_tabs_do_not_disturb_each_other() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let first = browser.depart(&[]).await;
    let second = browser.depart(&[("state", "other")]).await;
    for (departure, state) in [(first, STATE), (second, "other")] {
        let form = world.node_answers(&departure, Decision::Citizen("plain")).await;
        let returned = browser.post_from_node(&form).await;
        let released = browser.get(returned.location()).await;
        assert_eq!(released.redirect_parameter("state").as_deref(), Some(state));
    }
}

#[tokio::test]
async fn a_newer_request_replaces_the_older() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let (path, page) = browser.start(&[]).await;
    let token = page.field("token");
    let choose =
        async || browser.post(&format!("{path}/country"), &[("token", &token), ("country", "XB")]).await;
    let (older, newer) = (choose().await, choose().await);
    // Coming back without an answer shows what can be done.
    assert!(browser.get(&path).await.has("retry"));
    let form = world.node_answers(&older, Decision::Citizen("plain")).await;
    assert!(browser.post_from_node(&form).await.location().starts_with("/failed?error=EG-2100"));
    let form = world.node_answers(&newer, Decision::Citizen("plain")).await;
    assert!(browser.post_from_node(&form).await.location().starts_with("/continue?"));
}

#[tokio::test]
async fn a_country_that_cannot_be_asked_leaves_the_choice() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let (path, page) = browser.start(&[]).await;
    let token = page.field("token");
    for (country, code) in [("XC", "EG-4003"), ("ZZ", "EG-4005"), ("<x>", "EG-4005")] {
        let answer =
            browser.post(&format!("{path}/country"), &[("token", &token), ("country", country)]).await;
        assert_eq!(answer.text("code"), code);
        assert!(answer.has("other-country"));
    }
}

#[tokio::test]
async fn without_a_country_the_broker_is_told_at_once() {
    let world = World::new().await;
    world.services.set_countries(Countries::default());
    let back = Browser::new(&world).get(&authorize(&[])).await;
    assert_eq!(back.redirect_parameter("error").as_deref(), Some("temporarily_unavailable"));

    // Metadata that lapses takes its country away, even from a login that waits for the answer.
    let world = World::new().await;
    let browser = Browser::new(&world);
    world.clock.advance(Duration::from_secs(24 * 3600 - 600));
    let departure = browser.depart(&[]).await;
    let form = world.node_answers(&departure, Decision::Citizen("plain")).await;
    world.clock.advance(Duration::from_secs(601));
    let page = browser.get(browser.post_from_node(&form).await.location()).await;
    assert_eq!(page.text("code"), "EG-4003");
    let back = browser.get(&authorize(&[])).await;
    assert_eq!(back.redirect_parameter("error").as_deref(), Some("temporarily_unavailable"));
}

#[tokio::test]
async fn the_relay_state_has_to_come_back() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let departure = browser.depart(&[]).await;
    let form = world.node_answers(&departure, Decision::Citizen("plain")).await;
    let other = vec![form[0].clone(), ("RelayState".to_owned(), "other".to_owned())];
    for wrong in [vec![form[0].clone()], other] {
        assert!(browser.post_from_node(&wrong).await.location().starts_with("/failed?error=EG-2100"));
        assert_eq!(world.last_refusal().1, "SEC-13 relay_state_mismatch");
    }
    assert!(browser.post_from_node(&form).await.location().starts_with("/continue?"));
}

#[tokio::test]
async fn sec_01_one_response_by_post_and_nothing_else() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    assert_eq!(browser.get("/saml/acs?SAMLResponse=x").await.status, StatusCode::METHOD_NOT_ALLOWED);
    let departure = browser.depart(&[]).await;
    let form = world.node_answers(&departure, Decision::Citizen("plain")).await;
    let (response, relay) = (form[0].clone(), form[1].clone());
    for wrong in [
        vec![response.clone(), response.clone(), relay.clone()],
        vec![relay.clone()],
        vec![response.clone(), relay.clone(), relay.clone()],
    ] {
        assert_eq!(browser.post_from_node(&wrong).await.status, StatusCode::BAD_REQUEST);
        assert_eq!(world.last_refusal().1, "SEC-01 fields");
    }
    let large = vec![("SAMLResponse".to_owned(), "A".repeat(512 * 1024))];
    assert_eq!(browser.post_from_node(&large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let mut json = post("/saml/acs", &[("SAMLResponse", "x")]);
    json.headers_mut().insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    assert_eq!(browser.send(json, false).await.status, StatusCode::BAD_REQUEST);
    assert!(browser.post_from_node(&form).await.location().starts_with("/continue?"));
}

#[tokio::test]
async fn sec_13_only_the_browser_that_began_gets_the_code() {
    let world = World::new().await;
    let (victim, attacker) = (Browser::new(&world), Browser::new(&world));
    victim.start(&[]).await;
    // The attacker logs in as themselves and gives the victim the link.
    let returned = attacker.come_back(&[], Decision::Citizen("plain")).await;
    let refused = victim.get(returned.location()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.header("location"), "");
    assert!(refused.body.contains("Continue in the browser where you started"));
    assert_eq!(world.last_refusal(), ("EG-3003".to_owned(), "SEC-13 browser".to_owned()));
    // A cookie of the right name with another value is no better.
    let login = returned.redirect_parameter("login").unwrap();
    victim.cookies.lock().unwrap().insert(format!("__Host-eidas_tx_{login}"), "1.x".to_owned());
    assert_eq!(victim.get(returned.location()).await.status, StatusCode::FORBIDDEN);
    assert!(attacker.get(returned.location()).await.redirect_parameter("code").is_some());
}

#[tokio::test]
async fn sec_13_an_answer_that_nobody_asked_for_is_refused() {
    let world = World::new().await;
    let other = World::new().await;
    let departure = Browser::new(&other).depart(&[]).await;
    let form = other.node_answers(&departure, Decision::Citizen("plain")).await;
    let refused = Browser::new(&world).post_from_node(&form).await;
    assert!(refused.location().starts_with("/failed?error=EG-2100"));
    assert_eq!(world.last_refusal(), ("EG-2103".to_owned(), "SEC-13 request_unknown".to_owned()));
    // Without a login of their own there is nothing to offer but the reference.
    let page = Browser::new(&world).get(refused.location()).await;
    assert_eq!(page.status, StatusCode::BAD_REQUEST);
    assert_eq!(Some(page.text("reference")), refused.redirect_parameter("reference"));
}

#[tokio::test]
async fn sec_17_a_message_is_taken_once() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let departure = browser.depart(&[]).await;
    let form = world.node_answers(&departure, Decision::Citizen("plain")).await;
    let first = browser.post_from_node(&form).await;
    assert!(first.location().starts_with("/continue?"));
    for _ in 0..2 {
        let again = browser.post_from_node(&form).await;
        assert!(again.location().starts_with("/failed?error=EG-2100"));
    }
    let released = browser.get(first.location()).await;
    assert!(released.redirect_parameter("code").is_some());
    // Nor can the way back be taken twice.
    let again = browser.get(first.location()).await;
    assert_eq!((again.status, again.header("location")), (StatusCode::FORBIDDEN, ""));
    assert!(browser.post_from_node(&form).await.location().starts_with("/failed?error=EG-2100"));
}

#[tokio::test]
async fn sec_32_of_two_posts_at_once_exactly_one_succeeds() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let departure = browser.depart(&[]).await;
    let form = world.node_answers(&departure, Decision::Citizen("plain")).await;
    let other = world.node_answers(&departure, Decision::Citizen("greek")).await;
    let (a, b, c) = tokio::join!(
        browser.post_from_node(&form),
        browser.post_from_node(&form),
        browser.post_from_node(&other)
    );
    let taken = [a, b, c].iter().filter(|answer| answer.location().starts_with("/continue?")).count();
    assert_eq!(taken, 1);
    assert_eq!(world.event_names().iter().filter(|name| *name == "verify").count(), 1);
}

#[tokio::test]
async fn sec_33_every_refused_answer_looks_the_same() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let departure = browser.depart(&[]).await;
    let mut pages = Vec::new();
    let refused = [
        Misbehaviour::Audience,
        Misbehaviour::Destination,
        Misbehaviour::Expired,
        Misbehaviour::Plain,
        Misbehaviour::Tampered,
    ];
    for how in refused {
        let form = world.node_answers(&departure, Decision::Wrong(how)).await;
        let answer = browser.post_from_node(&form).await;
        let page = browser.get(answer.location()).await;
        let reference = answer.redirect_parameter("reference").unwrap();
        assert!(page.body.contains(&reference));
        pages.push((page.status, page.body.replace(&reference, "REFERENCE")));
    }
    let rubbish = vec![("SAMLResponse".to_owned(), "PHg+PC94Pg==".to_owned())];
    let answer = browser.post_from_node(&rubbish).await;
    let page = browser.get(answer.location()).await;
    let reference = answer.redirect_parameter("reference").unwrap();
    pages.push((page.status, page.body.replace(&reference, "REFERENCE")));
    pages.dedup();
    assert_eq!(pages.len(), 1, "{pages:?}");
    // The audit knows the rule, under the same reference.
    let events = world.events();
    let rules: Vec<_> = events.iter().filter_map(|event| event["rule"].as_str()?.split(' ').next()).collect();
    assert_eq!(rules, ["SEC-25", "SEC-15", "SEC-16", "SEC-19", "SEC-12", "SEC-06"]);
    assert_eq!(events.last().unwrap()["reference"], reference.as_str());
}

#[tokio::test]
async fn sec_34_no_log_holds_anything_personal() {
    let log = crate::support::Log::default();
    let _guard = log.capture();
    let world = World::new().await;
    let browser = Browser::new(&world);
    let scope = "openid profile eidas eidas:identifier eidas:attributes email";
    let refused = browser.come_back(&[("scope", scope)], Decision::Wrong(Misbehaviour::Audience)).await;
    browser.get(refused.location()).await;
    let cookies: Vec<String> = browser.cookies.lock().unwrap().values().cloned().collect();
    let returned = browser.come_back(&[("scope", scope)], Decision::Citizen("plain")).await;
    let handle = returned.redirect_parameter("handle").unwrap();
    let released = browser.get(returned.location()).await;
    let code = released.redirect_parameter("code").unwrap();
    let tokens = world.token(&code).await.json();
    let access_token = tokens["access_token"].as_str().unwrap().to_owned();
    let userinfo = world.userinfo(&access_token).await.json();
    let sub = userinfo["sub"].as_str().unwrap().to_owned();
    world.token(&code).await;
    world.userinfo(&access_token).await;

    let written = format!("{}{}", log.text(), world.audit.lines().concat());
    assert!(written.contains("SEC-25") && written.contains("\"event\":\"redeem\""), "{written}");
    let mut secrets = vec![handle, code, access_token, sub, SECRET.to_owned()];
    secrets.extend(cookies);
    for claim in ["name", "given_name", "family_name", "birthdate", "email", "phone_number"] {
        secrets.push(userinfo[claim].as_str().unwrap().to_owned());
    }
    secrets.push("19770312-2384".to_owned());
    secrets.push(tokens["id_token"].as_str().unwrap().to_owned());
    for secret in secrets {
        assert!(!written.contains(&secret), "{secret} in {written}");
    }
    // What must be there: node, message identifiers, date and time (Regulation (EU) 2015/1501 Art 9(3)).
    let events = world.events();
    let verified = events.iter().find(|event| event["event"] == "verify").unwrap();
    for field in ["at", "node", "request_id", "response_id", "assertion_id", "loa"] {
        assert!(!verified[field].as_str().unwrap().is_empty(), "{field}");
    }
    assert!(verified["released"].as_array().unwrap().contains(&json!("family_name")));
}

#[tokio::test]
async fn the_database_file_holds_no_person_at_any_moment() {
    let file = std::env::temp_dir().join(format!("eidas-gateway-it-{}.db", std::process::id()));
    let url = format!("sqlite://{}", file.display());
    let world = World::build(&url, |_, _| {}).await;
    let holds_no_person = || {
        for suffix in ["", "-wal"] {
            let octets = std::fs::read(format!("{}{suffix}", file.display())).unwrap_or_default();
            for secret in ["Lindqvist", "Astrid", "19770312", "1977-03-12"] {
                assert!(!octets.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
            }
        }
    };
    let browser = Browser::new(&world);
    let returned = browser.come_back(&[], Decision::Citizen("plain")).await;
    holds_no_person();
    let released = browser.get(returned.location()).await;
    holds_no_person();
    world.token(&released.redirect_parameter("code").unwrap()).await;
    holds_no_person();
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
    }
}

#[tokio::test]
async fn every_answer_has_its_headers() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let code = browser.code(&[], "plain").await;
    world.token(&code).await;
    browser.come_back(&[], Decision::Fail(Failure::TECHNICAL)).await;
    let (path, _) = browser.start(&[]).await;
    for address in [
        "/",
        "/nothing",
        "/healthz",
        "/static/style.css",
        "/static/nothing",
        "/jwks",
        "/saml/metadata",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/introspect",
        "/revoke",
        "/failed",
        "/continue",
        "/login/x",
        &format!("{path}/country"),
        "/token",
    ] {
        browser.get(address).await;
    }
    for (path, status, headers) in browser.seen.lock().unwrap().iter() {
        let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default();
        assert!(!matches!(status.as_u16(), 301 | 302 | 307 | 308), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        assert!(header("strict-transport-security").starts_with("max-age="), "{path}");
        let policy = header("content-security-policy");
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert!(!policy.contains("unsafe"), "{path}");
        assert!(!header("cache-control").is_empty(), "{path}");
        assert_eq!(header("access-control-allow-origin"), "", "{path}");
        if header("content-type").starts_with("text/html") {
            assert_eq!(header("cache-control"), "no-store", "{path}");
            assert!(policy.contains("style-src 'self'") && policy.contains("base-uri 'none'"), "{path}");
            // The page that posts to the node may go anywhere and has the one script; no other page may.
            assert_ne!(
                policy.contains("form-action 'self'"),
                policy.contains("script-src 'sha256-"),
                "{path}"
            );
        }
    }
}

#[tokio::test]
async fn who_we_are_is_not_up_to_the_host_header() {
    let world = World::new().await;
    for path in ["/.well-known/openid-configuration", "/saml/metadata", "/jwks"] {
        let honest = world.send(get(path)).await;
        let mut request = get(path);
        for name in ["host", "x-forwarded-host", "forwarded"] {
            request.headers_mut().insert(name, "evil.example".parse().unwrap());
        }
        let evil = world.send(request).await;
        assert_eq!(honest.status, StatusCode::OK);
        assert_eq!(honest.body, evil.body);
    }
    let discovery = world.send(get("/.well-known/openid-configuration")).await.json();
    assert_eq!(discovery["issuer"], ISSUER);
    let supported = discovery["claims_supported"].as_array().unwrap();
    assert!(claims::supported().all(|claim| supported.contains(&json!(claim))));
}

#[tokio::test]
async fn our_metadata_is_signed_anew_at_half_its_life() {
    let world = World::new().await;
    let first = world.send(get("/saml/metadata")).await;
    assert_eq!(first.header("content-type"), "application/samlmetadata+xml");
    assert_eq!(first.header("cache-control"), "public, max-age=3600");
    world.clock.advance(Duration::from_secs(12 * 3600 - 1));
    assert_eq!(world.send(get("/saml/metadata")).await.body, first.body);
    world.clock.advance(Duration::from_secs(1));
    assert_ne!(world.send(get("/saml/metadata")).await.body, first.body);
}

#[tokio::test]
async fn pages_that_are_not_there_say_so() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let missing = browser.get("/login/../etc/passwd").await;
    assert_eq!((missing.status, missing.text("code").as_str()), (StatusCode::NOT_FOUND, "EG-6001"));
    let wrong = browser.get("/token").await;
    assert_eq!((wrong.status, wrong.text("code").as_str()), (StatusCode::METHOD_NOT_ALLOWED, "EG-6002"));
    let mut head = get("/jwks");
    *head.method_mut() = Method::HEAD;
    let head = world.send(head).await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
    let broken = browser.get("/authorize?client_id=%ff").await;
    assert_eq!((broken.status, broken.text("code").as_str()), (StatusCode::BAD_REQUEST, "EG-6004"));
    // Scanners shall not fill the audit.
    assert_eq!(world.event_names(), Vec::<String>::new());
    let made_up = browser.get("/failed?error=EG-2100&reference=%3Cscript%3E").await;
    assert_eq!(made_up.text("code"), "EG-6004");
}

#[tokio::test]
async fn a_preview_of_the_way_back_does_not_use_it_up() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let returned = browser.come_back(&[], Decision::Citizen("plain")).await;
    for address in [returned.location(), &authorize(&[])] {
        let mut head = get(address);
        *head.method_mut() = Method::HEAD;
        assert_eq!(browser.send(head, true).await.status, StatusCode::METHOD_NOT_ALLOWED);
    }
    assert!(browser.get(returned.location()).await.redirect_parameter("code").is_some());
}

#[tokio::test]
async fn nothing_malformed_is_our_fault_and_nothing_panics() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let (login, _) = browser.start(&[]).await;
    let bodies: [&[u8]; 8] = [
        b"",
        b"=&=&&&==",
        b"%",
        b"SAMLResponse=%00%ff&RelayState=",
        b"SAMLResponse=PD94bWwgdmVyc2lvbj0iMS4wIj8%2BPHg%2B",
        b"grant_type=authorization_code&code=%F0%9F%98%80&redirect_uri=x&client_id=broker&client_secret=broker-secret",
        b"token=x&country=%E2%82%AC&access_token=%0d%0a",
        &[0xff; 4096],
    ];
    let paths = [
        "/authorize",
        "/token",
        "/introspect",
        "/revoke",
        "/userinfo",
        "/saml/acs",
        "/continue",
        "/failed",
        "/login/x/cancel",
        "/login//country",
        "/static/..%2fsecret",
        "/%00",
        &format!("{login}/country"),
        &format!("{login}/cancel"),
    ];
    let headers =
        [("authorization", "Basic"), ("authorization", "Bearer \u{fc}"), ("cookie", "__Host-eidas_tx_=;;=")];
    for path in paths {
        for body in bodies {
            for (name, value) in headers {
                let mut request = post(path, &[]);
                *request.body_mut() = body.into();
                request.headers_mut().insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
                let answer = world.send(request).await;
                assert!(
                    answer.status.as_u16() < 500,
                    "{path} {:?}: {}",
                    body.escape_ascii().to_string(),
                    answer.status
                );
            }
            let query = String::from_utf8_lossy(body).replace(|c: char| !c.is_ascii_graphic(), "%");
            let answer = browser.get(&format!("{path}?{query}")).await;
            assert!(answer.status.as_u16() < 500, "{path}?{query}: {}", answer.status);
        }
    }
}

#[tokio::test]
async fn a_scheme_that_is_not_notified_counts_only_where_it_may() {
    let world = World::with(|_, policy| policy.accept_non_notified = true).await;
    let code = Browser::new(&world).code(&[], "not-notified").await;
    let tokens = world.token(&code).await.json();
    let id_token = world.id_token(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(id_token["acr"], "http://eidas.europa.eu/NotNotified/LoA/substantial");

    let world = World::new().await;
    let browser = Browser::new(&world);
    // The node itself says that the level does not do.
    let returned = browser.come_back(&[], Decision::Citizen("not-notified")).await;
    let failed = browser.get(returned.location()).await;
    assert_eq!(failed.redirect_parameter("error").as_deref(), Some("EG-2201"));
}

#[tokio::test]
async fn the_broker_reads_the_level_in_the_words_it_demanded() {
    let world = World::with(|client, _| client.claims_in_id_token = ClaimsInIdToken::All).await;
    let claims = json!({ "id_token": { "acr": { "essential": true, "values": ["substantial", "low"] } } });
    let code = Browser::new(&world).code(&[("claims", &claims.to_string())], "plain").await;
    let tokens = world.token(&code).await.json();
    let id_token = world.id_token(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(id_token["acr"], "substantial");
    assert_eq!(id_token["eidas_loa"], HIGH);
    // This client looks nowhere but into the ID token.
    assert_eq!(id_token["family_name"], "Lindqvist");
}

#[tokio::test]
async fn every_failure_of_a_node_has_its_page_and_its_error() {
    let cases = [
        (Failure::DENIED, "EG-2202", "access_denied"),
        (Failure::TECHNICAL, "EG-2205", "temporarily_unavailable"),
        (Failure::ATTRIBUTES, "EG-2204", "server_error"),
    ];
    let world = World::new().await;
    for (failure, code, error) in cases {
        let browser = Browser::new(&world);
        let returned = browser.come_back(&[], Decision::Fail(failure)).await;
        let failed = browser.get(returned.location()).await;
        let page = browser.get(failed.location()).await;
        assert_eq!(page.text("code"), code);
        let login = parameter(failed.location(), "login").unwrap();
        let path = format!("/login/{login}/cancel?error={code}");
        let back = browser.post(&path, &[("token", &page.field("token"))]).await;
        let address = back.header("refresh").strip_prefix("0; url=").unwrap().to_owned();
        assert_eq!(parameter(&address, "error").as_deref(), Some(error));
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_written_is_no_dead_end() {
    use sqlx::{Connection as _, sqlite::SqliteConnection};
    let file = std::env::temp_dir().join(format!("eidas-gateway-it-full-{}.db", std::process::id()));
    let url = format!("sqlite://{}", file.display());
    let world = World::build(&url, |_, _| {}).await;
    let browser = Browser::new(&world);
    let (path, page) = browser.start(&[]).await;
    let token = page.field("token");
    // As a full disk does: what is there can be read, and nothing is written.
    let mut outside = SqliteConnection::connect(&url).await.unwrap();
    for event in ["INSERT", "UPDATE", "DELETE"] {
        let sql = format!(
            "CREATE TRIGGER no_{event} BEFORE {event} ON logins BEGIN SELECT RAISE(ABORT, 'no'); END"
        );
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut outside).await.unwrap();
    }

    // The broker of a login that cannot begin is told.
    let refused = browser.send(get(&authorize(&[])), true).await;
    assert_eq!(refused.status, StatusCode::SEE_OTHER);
    assert!(refused.location().starts_with(REDIRECT));
    assert_eq!(refused.redirect_parameter("error").as_deref(), Some("temporarily_unavailable"));
    assert_eq!(refused.redirect_parameter("state").as_deref(), Some(STATE));
    // A citizen who cannot depart may try again, or go back.
    let stuck = browser.post(&format!("{path}/country"), &[("country", "XB"), ("token", &token)]).await;
    assert_eq!(stuck.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(stuck.text("code"), "EG-5002");
    assert_eq!(stuck.field("token"), token);
    let back = browser.post(&format!("{path}/cancel?error=EG-5002"), &[("token", &token)]).await;
    let address = back.header("refresh").strip_prefix("0; url=").unwrap().to_owned();
    assert_eq!(parameter(&address, "error").as_deref(), Some("temporarily_unavailable"));
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
    }
}
