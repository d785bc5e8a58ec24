//! What the security best current practice for OAuth asks for (RFC 9700 and what it builds on) and no other test
//! shows over HTTP. The whole table, with the tests elsewhere, is in docs/security.md.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use eidas_gateway::crypto::hash::hex;
use eidas_gateway::oidc::form;

use crate::support::{
    Answer, Browser, Decision, ISSUER, Log, REDIRECT, SECRET, STATE, VERIFIER, World, authorize, get,
    parameter, post,
};

/// What stays a page of ours: no redirect, and no word of the address in it.
fn assert_stays_here(answer: &Answer, evil: &str) {
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{evil}");
    assert_eq!(answer.header("location"), "", "{evil}");
    assert!(answer.header("content-type").starts_with("text/html"));
    assert!(!answer.body.contains("evil"), "{}", answer.body);
}

#[tokio::test]
async fn bcp_a_redirect_uri_is_the_registered_one_octet_by_octet() {
    let world = World::new().await;
    let (host, rest) = REDIRECT.split_at("https://broker.example".len());
    let mutations = [
        format!("{REDIRECT}/"),
        format!("{REDIRECT}.evil"),
        format!("{REDIRECT}?evil=1"),
        format!("{REDIRECT}#evil"),
        format!("{REDIRECT}%2fevil"),
        format!("{host}.evil{rest}"),
        format!("{host}:8443{rest}"),
        format!("{host}@evil.example{rest}"),
        format!("https://evil.example/?{REDIRECT}"),
        format!("http{}", REDIRECT.strip_prefix("https").unwrap()),
        REDIRECT.to_uppercase(),
        format!("{host}/x/..{rest}"),
        format!(" {REDIRECT}"),
        String::new(),
    ];
    for evil in &mutations {
        assert_stays_here(&world.send(get(&authorize(&[("redirect_uri", evil)]))).await, evil);
    }
}

#[tokio::test]
async fn bcp_nobody_is_redirected_before_client_and_address_are_known() {
    let world = World::new().await;
    for wrong in [
        [("client_id", "evil"), ("redirect_uri", "https://evil.example/")],
        [("client_id", "evil"), ("redirect_uri", REDIRECT)],
        [("client_id", "broker"), ("redirect_uri", "https://evil.example/")],
        [("client_id", ""), ("redirect_uri", "https://evil.example/")],
    ] {
        let mut wrong = wrong.to_vec();
        wrong.push(("response_type", "evil"));
        assert_stays_here(&world.send(get(&authorize(&wrong))).await, "unknown");
    }
}

#[tokio::test]
async fn bcp_a_verifier_without_a_challenge_is_a_downgrade() {
    let world = World::with(|client, _| client.require_pkce = false).await;
    let mut request = authorize(&[]);
    let start = request.find("&code_challenge=").unwrap();
    request.truncate(start);
    let browser = Browser::new(&world);
    let page = browser.get(browser.get(&request).await.location()).await;
    let (token, path) = (page.field("token"), browser.seen.lock().unwrap().last().unwrap().0.clone());
    let departure = browser.post(&format!("{path}/country"), &[("token", &token), ("country", "XB")]).await;
    let answer = world.node_answers(&departure, Decision::Citizen("plain")).await;
    let returned = browser.post_from_node(&answer).await;
    let released = browser.get(returned.location()).await;
    let code = released.redirect_parameter("code").unwrap();
    let refused = world.token_with(&[("code", &code), ("code_verifier", VERIFIER)], SECRET).await;
    assert_eq!(refused.token_error(), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn bcp_of_fifty_redemptions_one_succeeds_and_its_token_is_withdrawn() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let mut tokens = Vec::new();
    for _ in 0..50 {
        tokens.push(world.token(&code));
    }
    let answers = join_all(tokens).await;
    let good: Vec<_> = answers.iter().filter(|answer| answer.status == StatusCode::OK).collect();
    // If a second one came before the first was done, even that got nothing.
    assert!(good.len() <= 1);
    for answer in &answers {
        assert!(answer.status == StatusCode::OK || answer.token_error() == (400, "invalid_grant".to_owned()));
    }
    if let [one] = good[..] {
        let token = one.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(world.userinfo(&token).await.status, StatusCode::UNAUTHORIZED);
    }
}

/// Lets all of them go on side by side.
async fn join_all<T>(work: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut work: Vec<_> = work.into_iter().map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (future, done) in &mut work {
            if done.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *done = Some(value);
            }
        }
        if work.iter().all(|(_, done)| done.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    work.into_iter().map(|(_, done)| done.unwrap()).collect()
}

#[tokio::test]
async fn bcp_every_answer_to_a_broker_names_the_issuer() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    // A code.
    let returned = browser.come_back(&[], Decision::Citizen("plain")).await;
    let by_query = browser.get(returned.location()).await;
    // Errors, at once and by a person who cancels.
    let none = world.send(get(&authorize(&[("prompt", "none")]))).await;
    let bad = world.send(get(&authorize(&[("response_type", "token")]))).await;
    let (path, page) = browser.start(&[]).await;
    let cancelled = browser.post(&format!("{path}/cancel"), &[("token", &page.field("token"))]).await;
    let left = cancelled.header("refresh").strip_prefix("0; url=").unwrap().to_owned();
    for address in [by_query.location(), none.location(), bad.location(), &left] {
        assert!(address.starts_with(REDIRECT), "{address}");
        assert_eq!(parameter(address, "iss").as_deref(), Some(ISSUER), "{address}");
        assert_eq!(parameter(address, "state").as_deref(), Some(STATE), "{address}");
    }
    // By form.
    let returned = browser.come_back(&[("response_mode", "form_post")], Decision::Citizen("plain")).await;
    let by_form = browser.get(returned.location()).await;
    assert_eq!((by_form.field("iss"), by_form.field("state")), (ISSUER.to_owned(), STATE.to_owned()));
    let error = world.send(get(&authorize(&[("response_mode", "form_post"), ("prompt", "none")]))).await;
    assert_eq!((error.field("iss"), error.field("error")), (ISSUER.to_owned(), "login_required".to_owned()));
    let discovery = world.send(get("/.well-known/openid-configuration")).await.json();
    assert_eq!(discovery["authorization_response_iss_parameter_supported"], true);
}

#[tokio::test]
async fn bcp_where_we_are_and_who_calls_is_not_up_to_headers() {
    let world = World::new().await;
    let spoofed = |mut request: axum::http::Request<axum::body::Body>| {
        for (name, value) in [
            ("host", "evil.example"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-for", "203.0.113.7"),
            ("x-real-ip", "203.0.113.7"),
            ("forwarded", "for=203.0.113.7;host=evil.example;proto=http"),
        ] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        request
    };
    let log = Log::default();
    let _guard = log.capture();
    let discovery = world.send(spoofed(get("/.well-known/openid-configuration"))).await;
    assert_eq!(discovery.json()["issuer"], ISSUER);
    let started = world.send(spoofed(get(&authorize(&[])))).await;
    assert!(started.location().starts_with("/login/"), "{}", started.location());
    assert!(
        started.header("set-cookie").starts_with("__Host-")
            && started.header("set-cookie").contains("Secure")
    );
    let page = world.send(spoofed(get("/nothing"))).await;
    let wrong = world.send(spoofed(post("/token", &[("client_id", "broker"), ("client_secret", "x")]))).await;
    for answer in [&discovery, &started, &page, &wrong] {
        assert!(!answer.body.contains("evil") && !format!("{:?}", answer.headers).contains("evil"));
        assert!(answer.header("strict-transport-security").starts_with("max-age="));
    }
    let written = log.text() + &world.audit.lines().concat();
    assert!(written.contains("EG-1101") && !written.contains("evil") && !written.contains("203.0.113.7"));
}

#[tokio::test]
async fn bcp_nothing_is_too_long_to_be_refused() {
    let world = World::new().await;
    let error = async |more: &[(&str, &str)]| {
        let answer = world.send(get(&authorize(more))).await;
        answer.redirect_parameter("error")
    };
    let long = |n: usize| "x".repeat(n);
    let scopes = |n: usize| (0..n).map(|n| format!(" s{n}")).collect::<String>();
    assert_eq!(error(&[("state", &long(2048))]).await, None);
    assert_eq!(error(&[("state", &long(2049))]).await.as_deref(), Some("invalid_request"));
    assert_eq!(error(&[("nonce", &long(512))]).await, None);
    assert_eq!(error(&[("nonce", &long(513))]).await.as_deref(), Some("invalid_request"));
    assert_eq!(error(&[("scope", &format!("openid{}", scopes(49)))]).await, None);
    assert_eq!(
        error(&[("scope", &format!("openid{}", scopes(50)))]).await.as_deref(),
        Some("invalid_request")
    );
    // Bodies: 64 KiB, and 512 KiB where a node's answer is. A client reads its error as JSON.
    for (path, limit, status) in
        [("/token", 64, 400), ("/par", 64, 400), ("/authorize", 64, 413), ("/saml/acs", 512, 413)]
    {
        let body = long((limit + 1) * 1024);
        let answer = world.send(post(path, &[("SAMLResponse", &body)])).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn bcp_an_error_description_says_nothing_that_was_sent() {
    let world = World::new().await;
    let evil = "\r\nSet-Cookie: a=b\0\u{7f}\"\\é<script>evil";
    let mut descriptions = Vec::new();
    for name in
        ["response_type", "response_mode", "scope", "prompt", "max_age", "claims", "code_challenge_method"]
    {
        let answer = world.send(get(&authorize(&[(name, evil)]))).await;
        // With a mode that we do not know there is no way back.
        if answer.status == StatusCode::SEE_OTHER {
            descriptions.extend(answer.redirect_parameter("error_description"));
        } else {
            assert_stays_here(&answer, name);
        }
    }
    let token = world.token_with(&[("grant_type", evil), ("code", evil)], SECRET).await;
    descriptions.push(token.json()["error_description"].as_str().unwrap().to_owned());
    assert!(descriptions.len() > 5);
    for description in descriptions {
        assert!(!description.is_empty() && !description.contains("evil") && !description.contains("script"));
        let allowed = |b: u8| (0x20..=0x7e).contains(&b) && b != b'"' && b != b'\\';
        assert!(description.bytes().all(allowed), "{description}");
    }
}

#[tokio::test]
async fn bcp_after_a_hundred_bad_secrets_only_the_guesser_waits() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let guess = async |n: u32| world.token_with(&[("code", "x")], &format!("guess-{n}")).await;
    for n in 0..100 {
        assert_eq!(guess(n).await.token_error(), (401, "invalid_client".to_owned()));
    }
    let noted = world.events().len();
    let slow = guess(100).await;
    assert_eq!(slow.token_error(), (429, "invalid_client".to_owned()));
    assert_eq!(slow.header("retry-after"), "60");
    assert_eq!(world.events().len(), noted, "the record is not filled either");
    // At every other endpoint where clients prove who they are, too.
    for path in ["/par", "/introspect", "/revoke"] {
        let answer = world.send(post(path, &[("client_id", "broker"), ("client_secret", "x")])).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
    // The client itself is heard; and another name is another count.
    assert_eq!(world.token(&code).await.status, StatusCode::OK);
    let other = world.send(post("/token", &[("client_id", "other"), ("client_secret", "x")])).await;
    assert_eq!(other.status, StatusCode::UNAUTHORIZED);
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(guess(101).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn bcp_no_log_or_audit_holds_what_opens_anything() {
    let log = Log::default();
    let _guard = log.capture();
    let world = World::new().await;
    let browser = Browser::new(&world);
    let departure = browser.depart(&[]).await;
    let cookies: Vec<String> = browser.cookies.lock().unwrap().values().cloned().collect();
    let answer = world.node_answers(&departure, Decision::Citizen("plain")).await;
    let returned = browser.post_from_node(&answer).await;
    let handle = returned.redirect_parameter("handle").unwrap();
    let code = browser.get(returned.location()).await.redirect_parameter("code").unwrap();
    let tokens = world.token(&code).await.json();
    let access_token = tokens["access_token"].as_str().unwrap();
    world.userinfo(access_token).await;
    // And everything once more where it is refused.
    world.token(&code).await;
    world.userinfo(access_token).await;
    browser.get(returned.location()).await;
    browser.post_from_node(&answer).await;
    world.token_with(&[("code", &code)], "a-wrong-secret").await;
    let written = log.text() + &world.audit.lines().concat();
    assert!(written.contains("EG-1102") && written.contains("\"event\":\"userinfo\""));
    let hash = hex(&eidas_gateway::crypto::hash::sha256(code.as_bytes()));
    let mut secrets = vec![
        ("code", code),
        ("hash of the code", hash),
        ("handle", handle),
        ("access token", access_token.to_owned()),
        ("ID token", tokens["id_token"].as_str().unwrap().to_owned()),
        ("client secret", SECRET.to_owned()),
        ("wrong secret", "a-wrong-secret".to_owned()),
        ("verifier", VERIFIER.to_owned()),
        ("form token", departure.field("RelayState")),
    ];
    secrets.extend(cookies.into_iter().map(|value| ("cookie", value)));
    secrets.extend(answer.into_iter().map(|(_, value)| ("assertion", value)));
    for (what, secret) in secrets {
        assert!(!secret.is_empty() && !written.contains(&secret), "{what} is in the log");
    }
}

#[tokio::test]
async fn bcp_no_page_loads_or_tells_anything_elsewhere() {
    let world = World::new().await;
    let browser = Browser::new(&world);
    let (path, country) = browser.start(&[]).await;
    let failed = browser.come_back(&[], Decision::Fail(eidas_gateway::node::Failure::TECHNICAL)).await;
    let mut pages =
        vec![country, browser.get("/").await, browser.get("/nothing").await, browser.get(&path).await];
    let next = browser.get(failed.location()).await;
    pages.push(if next.status == StatusCode::SEE_OTHER { browser.get(next.location()).await } else { next });
    for page in pages {
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        for attribute in ["src=\"", "href=\"", "action=\"", "srcset=\""] {
            for rest in page.body.split(attribute).skip(1) {
                let target = rest.split('"').next().unwrap();
                let path = target.strip_prefix(ISSUER).unwrap_or(target);
                assert!(path.starts_with('/') || path.starts_with('#'), "{attribute}{target}");
                assert!(!path.starts_with("//"), "{attribute}{target}");
            }
        }
        assert!(!page.body.contains("url(") && !page.body.contains("@import"));
    }
}

#[tokio::test]
async fn bcp_prompt_none_goes_straight_back() {
    let world = World::new().await;
    let answer = world.send(get(&authorize(&[("prompt", "none")]))).await;
    assert!(answer.location().starts_with(REDIRECT));
    assert_eq!(answer.redirect_parameter("error").as_deref(), Some("login_required"));
    assert!(answer.body.is_empty() && no_cookie(&answer.headers));
}

fn no_cookie(headers: &HeaderMap) -> bool {
    !headers.contains_key(header::SET_COOKIE)
}

#[tokio::test]
async fn bcp_no_token_is_taken_from_an_address() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let token = world.token(&code).await.json()["access_token"].as_str().unwrap().to_owned();
    let by_query = world.send(get(&form::with_query("/userinfo", &[("access_token", &token)]))).await;
    assert_eq!(by_query.status, StatusCode::UNAUTHORIZED);
    // Neither implicit nor password.
    for response_type in ["token", "id_token", "code id_token", "code token"] {
        let answer = world.send(get(&authorize(&[("response_type", response_type)]))).await;
        assert_eq!(answer.redirect_parameter("error").as_deref(), Some("unsupported_response_type"));
    }
    let password = [("grant_type", "password"), ("username", "x"), ("password", "y"), ("code", "z")];
    assert_eq!(
        world.token_with(&password, SECRET).await.token_error(),
        (400, "unsupported_grant_type".to_owned())
    );
}
