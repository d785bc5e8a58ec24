//! What an authorization request can wish for: the modules of the conformance plan `oidcc-basic` about parameters
//! of the request, each in a test that has the name of its module, and what else the gateway makes of them.

use std::time::Duration;

use axum::http::StatusCode;
use eidas_gateway::clock::Clock as _;
use eidas_gateway::eidas::Loa;
use eidas_gateway::login::LevelError;
use eidas_gateway::node::Misbehaviour;
use serde_json::{Map, Value, json};

use crate::support::{Answer, Browser, Decision, World, authorize, get, parameter};

/// A login with these parameters: the claims of the ID token, and those at userinfo.
async fn log_in(world: &World, more: &[(&str, &str)]) -> (Map<String, Value>, Value) {
    let code = Browser::new(world).code(more, "plain").await;
    let tokens = world.token(&code).await.json();
    let id_token = world.id_token(tokens["id_token"].as_str().unwrap()).await;
    (id_token, world.userinfo(tokens["access_token"].as_str().unwrap()).await.json())
}

async fn succeeds(more: &[(&str, &str)]) -> (Map<String, Value>, Value) {
    log_in(&World::new().await, more).await
}

fn error(answer: &Answer) -> String {
    answer.redirect_parameter("error").unwrap_or_default()
}

/// Where the citizen ends who logs in as `plain` and gives up on the page that says why it did not do.
async fn given_up(world: &World, more: &[(&str, &str)]) -> (String, String) {
    let browser = Browser::new(world);
    let failed = browser.come_back(more, Decision::Citizen("plain")).await;
    let page = browser.get(failed.location()).await;
    let login = parameter(failed.location(), "login").unwrap();
    let cancel = format!("/login/{login}/cancel?error={}", page.text("code"));
    let back = browser.post(&cancel, &[("token", &page.field("token"))]).await;
    let address = back.header("refresh").strip_prefix("0; url=").unwrap();
    assert_eq!(parameter(address, "code"), None);
    (page.text("code"), parameter(address, "error").unwrap())
}

#[tokio::test]
async fn oidcc_claims_essential() {
    let claims = json!({ "userinfo": { "name": { "essential": true } } }).to_string();
    let (_, userinfo) = succeeds(&[("scope", "openid"), ("claims", &claims)]).await;
    assert_eq!(userinfo["name"], "Astrid Lindqvist");
}

#[tokio::test]
async fn an_essential_claim_that_nobody_has_fails_no_login() {
    let claims = json!({
        "id_token": { "phone": { "essential": true }, "nationalities": { "essential": true, "value": ["SE"] } },
        "userinfo": { "eidas_legal_name": { "essential": true }, "x y": { "essential": true } },
    });
    let (id_token, userinfo) = succeeds(&[("claims", &claims.to_string())]).await;
    for name in ["phone", "nationalities", "eidas_legal_name", "x y"] {
        assert!(id_token.get(name).is_none() && userinfo.get(name).is_none(), "{name}");
    }
}

/// `isRequired` says what the profile says of an attribute (Message Format 1.4 §2.3.2), however essential a
/// claim is: a node refuses everything else.
#[tokio::test]
async fn an_essential_claim_is_asked_as_the_profile_has_it() {
    let world = World::new().await;
    let claims = json!({ "userinfo": { "gender": { "essential": true } } }).to_string();
    let departure = Browser::new(&world).depart(&[("scope", "openid"), ("claims", &claims)]).await;
    use base64::Engine as _;
    let request = base64::engine::general_purpose::STANDARD.decode(departure.field("SAMLRequest")).unwrap();
    let request = String::from_utf8(request).unwrap();
    let (_, gender) = request.split_once("FriendlyName=\"Gender\"").unwrap();
    assert!(gender.split_once('>').unwrap().0.contains("isRequired=\"false\""), "{request}");
}

#[tokio::test]
async fn oidcc_ensure_request_with_acr_values_succeeds() {
    let world = World::new().await;
    let discovery = world.send(get("/.well-known/openid-configuration")).await.json();
    let supported = discovery["acr_values_supported"].as_array().unwrap();
    let values: Vec<_> = supported.iter().map(|value| value.as_str().unwrap()).collect();
    let (id_token, _) = log_in(&world, &[("acr_values", &values.join(" "))]).await;
    assert!(supported.contains(&id_token["acr"]));
}

#[tokio::test]
async fn oidcc_ensure_request_with_unknown_parameter_succeeds() {
    let (id_token, _) = succeeds(&[("extra", "foobar"), ("scope", "openid profile whatever")]).await;
    assert_eq!(id_token["aud"], "broker");
}

#[tokio::test]
async fn oidcc_display_page() {
    succeeds(&[("display", "page")]).await;
}

#[tokio::test]
async fn oidcc_display_popup() {
    succeeds(&[("display", "popup")]).await;
    succeeds(&[("display", "hologram")]).await;
}

#[tokio::test]
async fn oidcc_login_hint() {
    succeeds(&[("login_hint", "buffy@gateway.example")]).await;
}

#[tokio::test]
async fn oidcc_ui_locales() {
    succeeds(&[("ui_locales", "se")]).await;
    succeeds(&[("ui_locales", "../.. x fr-CA")]).await;
}

#[tokio::test]
async fn oidcc_claims_locales() {
    succeeds(&[("claims_locales", "se")]).await;
}

#[tokio::test]
async fn oidcc_max_age_1() {
    let world = World::new().await;
    let (first, _) = log_in(&world, &[]).await;
    world.clock.advance(Duration::from_secs(2));
    let (second, _) = log_in(&world, &[("max_age", "1")]).await;
    let time = |token: &Map<String, Value>| token["auth_time"].as_i64().unwrap();
    assert!(time(&second) > time(&first));
    assert!(time(&second) >= world.clock.now().unix() - 61);
}

#[tokio::test]
async fn oidcc_prompt_login() {
    let world = World::new().await;
    let (first, _) = log_in(&world, &[]).await;
    world.clock.advance(Duration::from_secs(2));
    let (second, _) = log_in(&world, &[("prompt", "login")]).await;
    assert!(second["auth_time"].as_i64() > first["auth_time"].as_i64());
    assert_eq!(second["sub"], first["sub"]);
}

#[tokio::test]
async fn oidcc_prompt_none_not_logged_in() {
    let world = World::new().await;
    let state = "s".repeat(128);
    let answer = Browser::new(&world).get(&authorize(&[("prompt", "none"), ("state", &state)])).await;
    assert_eq!(error(&answer), "login_required");
    assert_eq!(answer.redirect_parameter("state"), Some(state));
    assert_eq!(answer.redirect_parameter("code"), None);
}

#[tokio::test]
async fn oidcc_request_uri_unsigned_supported_correctly_or_rejected_as_unsupported() {
    let world = World::new().await;
    let discovery = world.send(get("/.well-known/openid-configuration")).await.json();
    assert_eq!(discovery["request_uri_parameter_supported"], false);
    let by_reference = ("request_uri", "https://broker.example/request.jwt");
    let answer = Browser::new(&world).get(&authorize(&[by_reference])).await;
    assert_eq!(error(&answer), "request_uri_not_supported");
}

#[tokio::test]
async fn oidcc_unsigned_request_object_supported_correctly_or_rejected_as_unsupported() {
    let world = World::new().await;
    let discovery = world.send(get("/.well-known/openid-configuration")).await.json();
    assert_eq!(discovery["request_parameter_supported"], false);
    let unsigned = ("request", "eyJhbGciOiJub25lIn0.eyJzY29wZSI6Im9wZW5pZCJ9.");
    let answer = Browser::new(&world).get(&authorize(&[unsigned])).await;
    assert_eq!(error(&answer), "request_not_supported");
}

#[tokio::test]
async fn other_prompts_and_words_that_are_none_break_no_login() {
    for prompt in ["login", "select_account", "login whatever", "whatever"] {
        succeeds(&[("prompt", prompt)]).await;
    }
}

#[tokio::test]
async fn select_account_shows_the_countries_even_if_one_is_named() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    for named in [("eidas_country", "XB"), ("claims", r#"{"id_token":{"eidas_country":{"value":"XB"}}}"#)] {
        assert_eq!(browser.get(&authorize(&[named])).await.status, StatusCode::OK);
        let picker = browser.get(&authorize(&[named, ("prompt", "select_account")])).await;
        assert!(picker.location().starts_with("/login/"));
    }
}

#[tokio::test]
async fn purpose_is_shown_and_cannot_break_out_of_the_page() {
    let world = World::with(|_, policy| policy.purpose = Some("As registered".to_owned())).await;
    let browser = Browser::new(&world);
    let (_, page) = browser.start(&[]).await;
    assert!(page.body.contains("As registered"));
    let evil = "To <script>alert(1)</script> & \"more\"";
    let (_, page) = browser.start(&[("purpose", evil)]).await;
    assert!(!page.body.contains("<script>alert") && !page.body.contains("As registered"));
    assert!(page.body.contains("alert(1)"));
    for wrong in ["no", &"x".repeat(301)] {
        assert_eq!(error(&browser.get(&authorize(&[("purpose", wrong)])).await), "invalid_request");
    }
}

#[tokio::test]
async fn the_person_that_a_broker_names_is_the_one_that_it_gets() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let tokens = world.token(&code).await.json();
    let token = tokens["id_token"].as_str().unwrap();
    let sub = world.id_token(token).await["sub"].as_str().unwrap().to_owned();
    let claims = |sub: &str| json!({ "id_token": { "sub": { "value": sub } } }).to_string();
    let (same, _) = log_in(&world, &[("claims", &claims(&sub))]).await;
    assert_eq!(same["sub"], *sub);
    // The hint has expired long ago.
    world.clock.advance(Duration::from_secs(86_400 / 4));
    let (same, _) = log_in(&world, &[("id_token_hint", token)]).await;
    assert_eq!(same["sub"], *sub);

    let other = ("EG-2113".to_owned(), "login_required".to_owned());
    assert_eq!(given_up(&world, &[("claims", &claims("somebody-else"))]).await, other);
    let code = Browser::new(&world).code(&[], "greek").await;
    let greek = world.token(&code).await.json()["id_token"].as_str().unwrap().to_owned();
    assert_eq!(given_up(&world, &[("id_token_hint", &greek)]).await, other);
    let forged = format!("{token}x");
    let answer = Browser::new(&world).get(&authorize(&[("id_token_hint", &forged)])).await;
    assert_eq!(error(&answer), "invalid_request");
}

#[tokio::test]
async fn unmet_authentication_requirements() {
    let essential = json!({ "id_token": { "acr": { "essential": true, "values": ["high"] } } }).to_string();
    for (level_error, expected) in [
        (LevelError::Unmet, "unmet_authentication_requirements"),
        (LevelError::AccessDenied, "access_denied"),
    ] {
        let world = World::with(move |_, policy| policy.level_error = level_error).await;
        let browser = Browser::new(&world);
        let below = Decision::Wrong(Misbehaviour::Level);
        let failed = browser.come_back(&[("claims", &essential)], below).await;
        let page = browser.get(failed.location()).await;
        assert_eq!(page.text("code"), "EG-2109");
        let login = parameter(failed.location(), "login").unwrap();
        let cancel = format!("/login/{login}/cancel?error=EG-2109");
        let back = browser.post(&cancel, &[("token", &page.field("token"))]).await;
        let address = back.header("refresh").strip_prefix("0; url=").unwrap();
        assert_eq!(parameter(address, "error").as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn a_client_speaks_of_levels_in_words_of_its_own() {
    let world = World::with(|_, policy| {
        policy.acr_words = [(Loa::Substantial, "2".to_owned()), (Loa::High, "3".to_owned())].into();
    })
    .await;
    let (id_token, userinfo) = log_in(&world, &[("acr_values", "2 3")]).await;
    assert_eq!((&id_token["acr"], &userinfo["acr"]), (&json!("3"), &json!("3")));
    assert_eq!(id_token["eidas_loa"], Loa::High.uri());
    let two = json!({ "id_token": { "acr": { "essential": true, "value": "2" } } }).to_string();
    let (id_token, _) = log_in(&world, &[("claims", &two)]).await;
    assert_eq!((&id_token["acr"], &id_token["eidas_loa"]), (&json!("2"), &json!(Loa::High.uri())));
}
