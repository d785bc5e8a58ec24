//! What becomes of codes and access tokens: userinfo, introspection (RFC 7662), revocation (RFC 7009). Tests
//! that stand for a module of the OpenID conformance suite carry its name.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use eidas_gateway::clock::Clock as _;
use serde_json::{Value, json};

use crate::support::{Answer, Browser, ISSUER, NEIGHBOUR_SECRET, SECRET, World, get, post};

const OWNER: (&str, &str) = ("broker", SECRET);
const NEIGHBOUR: (&str, &str) = ("neighbour", NEIGHBOUR_SECRET);

/// A login up to the access token.
async fn tokened(world: &World) -> String {
    let code = Browser::new(world).code(&[], "plain").await;
    let tokens = world.token(&code).await.json();
    tokens["access_token"].as_str().unwrap().to_owned()
}

async fn call(world: &World, path: &str, (id, secret): (&str, &str), form: &[(&str, &str)]) -> Answer {
    let mut request = post(path, form);
    let basic = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    request.headers_mut().insert(header::AUTHORIZATION, basic.parse().unwrap());
    world.send(request).await
}

async fn introspect(world: &World, client: (&str, &str), token: &str) -> Value {
    let answer = call(world, "/introspect", client, &[("token", token)]).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

async fn revoke(world: &World, client: (&str, &str), token: &str) -> Answer {
    call(world, "/revoke", client, &[("token", token)]).await
}

fn assert_is_done(answer: &Answer) {
    assert_eq!((answer.status, answer.body.as_str()), (StatusCode::OK, ""));
}

fn inactive() -> Value {
    json!({"active": false})
}

#[tokio::test]
async fn oidcc_userinfo_get() {
    let world = World::new().await;
    let token = tokened(&world).await;
    let answer = world.userinfo(&token).await;
    assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!(answer.json()["name"], "Astrid Lindqvist");
}

#[tokio::test]
async fn oidcc_userinfo_post_header() {
    let world = World::new().await;
    let token = tokened(&world).await;
    let with_header = |content_type: Option<&str>| {
        let request = Request::post("/userinfo").header(header::AUTHORIZATION, format!("Bearer {token}"));
        let request = match content_type {
            Some(content_type) => request.header(header::CONTENT_TYPE, content_type),
            None => request,
        };
        request.body(Body::empty()).unwrap()
    };
    for content_type in [None, Some("application/x-www-form-urlencoded"), Some("application/json")] {
        let answer = world.send(with_header(content_type)).await;
        assert_eq!(answer.json()["name"], "Astrid Lindqvist", "{content_type:?}");
    }
}

#[tokio::test]
async fn oidcc_userinfo_post_body() {
    let world = World::new().await;
    let token = tokened(&world).await;
    let answer = world.send(post("/userinfo", &[("access_token", &token)])).await;
    assert_eq!(answer.json()["name"], "Astrid Lindqvist");
}

#[tokio::test]
async fn oidcc_codereuse() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let tokens = world.token(&code).await;
    assert_eq!(tokens.status, StatusCode::OK);
    assert_eq!(world.token(&code).await.token_error(), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn oidcc_codereuse_30seconds() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let tokens = world.token(&code).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    world.clock.advance(Duration::from_secs(30));
    assert_eq!(world.token(&code).await.token_error(), (400, "invalid_grant".to_owned()));
    assert_eq!(world.last_refusal().0, "EG-1102");
    assert_eq!(world.userinfo(token).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(introspect(&world, OWNER, token).await, inactive());
}

#[tokio::test]
async fn a_code_that_comes_again_ends_its_token_as_long_as_that_lives() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    let tokens = world.token(&code).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    world.clock.advance(Duration::from_secs(299));
    assert_eq!(world.userinfo(token).await.status, StatusCode::OK);
    assert_eq!(world.token(&code).await.token_error(), (400, "invalid_grant".to_owned()));
    assert_eq!(world.last_refusal().0, "EG-1102");
    assert_eq!(world.userinfo(token).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_client_asks_whether_its_token_is_good() {
    let world = World::new().await;
    let token = tokened(&world).await;
    let sub = world.userinfo(&token).await.json()["sub"].clone();
    let now = world.clock.now().unix();
    let expected = json!({
        "active": true,
        "scope": "openid eidas profile",
        "client_id": "broker",
        "token_type": "Bearer",
        "exp": now + 300,
        "iat": now,
        "sub": sub,
        "aud": format!("{ISSUER}/userinfo"),
        "iss": ISSUER,
    });
    assert_eq!(introspect(&world, OWNER, &token).await, expected);
    // As often as it likes, until the token ends.
    world.clock.advance(Duration::from_secs(299));
    assert_eq!(introspect(&world, OWNER, &token).await, expected);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(introspect(&world, OWNER, &token).await, inactive());

    let events = world.events();
    let [.., first, _, last] = events.as_slice() else { panic!("{events:?}") };
    let told = |event: &Value| (event["event"].clone(), event["client"].clone(), event["active"].clone());
    assert_eq!(told(first), (json!("introspect"), json!("broker"), json!(true)));
    assert_eq!(told(last), (json!("introspect"), json!("broker"), json!(false)));
    assert_eq!(first["login"], events[0]["login"]);
    assert_eq!(last.get("login"), None);
}

#[tokio::test]
async fn of_what_is_not_its_own_token_a_client_learns_that_it_is_not_active() {
    let world = World::new().await;
    let token = tokened(&world).await;
    assert_eq!(introspect(&world, NEIGHBOUR, &token).await, inactive());
    let code = Browser::new(&world).code(&[], "plain").await;
    let longer = format!("{token}A");
    for word in ["unknown", &code, &longer, &token[1..], " ", "\0", "\u{1f600}", &"x".repeat(60_000)] {
        assert_eq!(introspect(&world, OWNER, word).await, inactive());
    }
    // None of this has touched code or token.
    assert_eq!(world.token(&code).await.status, StatusCode::OK);
    assert_eq!(introspect(&world, OWNER, &token).await["active"], true);
}

#[tokio::test]
async fn a_client_ends_its_token() {
    let world = World::new().await;
    let [token, other] = [tokened(&world).await, tokened(&world).await];
    assert_is_done(&revoke(&world, OWNER, &token).await);
    assert_eq!(world.userinfo(&token).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(introspect(&world, OWNER, &token).await, inactive());
    assert_eq!(world.userinfo(&other).await.status, StatusCode::OK);
    let events = world.events();
    let revoked: Vec<_> = events.iter().filter(|event| event["event"] == "revoke").collect();
    assert_eq!(revoked.len(), 1);
    assert_eq!((&revoked[0]["client"], &revoked[0]["what"]), (&json!("broker"), &json!("access_token")));
    assert_eq!(revoked[0]["login"], events[0]["login"]);
    // Again, and of what never was one: done, and nothing to write down.
    for word in [token.as_str(), "unknown", " ", "\0", &"x".repeat(60_000)] {
        assert_is_done(&revoke(&world, OWNER, word).await);
    }
    assert_eq!(world.event_names().iter().filter(|name| *name == "revoke").count(), 1);
}

#[tokio::test]
async fn a_client_ends_its_code() {
    let world = World::new().await;
    let code = Browser::new(&world).code(&[], "plain").await;
    assert_is_done(&revoke(&world, OWNER, &code).await);
    assert_eq!(world.events().last().unwrap()["what"], "code");
    assert_eq!(world.token(&code).await.token_error(), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn nobody_ends_what_is_another_clients() {
    let world = World::new().await;
    let token = tokened(&world).await;
    let code = Browser::new(&world).code(&[], "plain").await;
    for word in [&token, &code] {
        let refused = revoke(&world, NEIGHBOUR, word).await;
        assert_eq!(refused.token_error(), (400, "invalid_grant".to_owned()));
        assert_eq!(world.last_refusal(), ("EG-1106".to_owned(), "invalid_grant".to_owned()));
    }
    assert_eq!(world.userinfo(&token).await.status, StatusCode::OK);
    assert_eq!(world.token(&code).await.status, StatusCode::OK);
}

#[tokio::test]
async fn introspection_and_revocation_need_the_client_and_one_token() {
    let world = World::new().await;
    let token = tokened(&world).await;
    for (path, code) in [("/introspect", "EG-1105"), ("/revoke", "EG-1106")] {
        let good = [("token", token.as_str())];
        for client in [("broker", "wrong"), ("neighbour", SECRET), ("nobody", SECRET), ("", "")] {
            let refused = call(&world, path, client, &good).await;
            assert_eq!(refused.token_error(), (401, "invalid_client".to_owned()), "{path} {client:?}");
            assert!(refused.header("www-authenticate").starts_with("Basic"));
            assert_eq!(world.last_refusal().0, code);
        }
        // The token itself proves nothing.
        let mut bearer = post(path, &good);
        let value = format!("Bearer {token}").parse().unwrap();
        bearer.headers_mut().insert(header::AUTHORIZATION, value);
        assert_eq!(world.send(bearer).await.token_error(), (401, "invalid_client".to_owned()));
        assert_eq!(world.send(post(path, &good)).await.token_error(), (401, "invalid_client".to_owned()));

        let twice = [good[0], good[0]];
        let hints = [good[0], ("token_type_hint", "a"), ("token_type_hint", "b")];
        for form in [&[][..], &[("token", "")], &[("access_token", &token)], &twice, &hints] {
            let refused = call(&world, path, OWNER, form).await;
            assert_eq!(refused.token_error(), (400, "invalid_request".to_owned()), "{path} {form:?}");
            assert_eq!(world.last_refusal(), (code.to_owned(), "invalid_request".to_owned()));
        }
        // A hint helps nobody and harms nobody, whatever it says.
        for hint in ["refresh_token", "access_token", "x"] {
            let form = [("token", "unknown"), ("token_type_hint", hint)];
            assert_eq!(call(&world, path, OWNER, &form).await.status, StatusCode::OK);
        }
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let mut request = get(&format!("{path}?token={token}"));
            *request.method_mut() = method;
            assert_eq!(world.send(request).await.status, StatusCode::METHOD_NOT_ALLOWED);
        }
        let broken = Request::post(path).body(Body::from("token=%")).unwrap();
        assert_eq!(world.send(broken).await.token_error(), (400, "invalid_request".to_owned()));
    }
    assert_eq!(world.userinfo(&token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn both_metadata_addresses_have_one_document() {
    let world = World::new().await;
    let openid = world.send(get("/.well-known/openid-configuration")).await;
    let oauth = world.send(get("/.well-known/oauth-authorization-server")).await;
    assert_eq!((oauth.status, oauth.header("content-type")), (StatusCode::OK, "application/json"));
    assert_eq!((&oauth.body, oauth.header("cache-control")), (&openid.body, openid.header("cache-control")));
    let metadata = oauth.json();
    assert_eq!(metadata["introspection_endpoint"], format!("{ISSUER}/introspect"));
    assert_eq!(metadata["revocation_endpoint"], format!("{ISSUER}/revoke"));
    for list in ["auth_methods_supported", "auth_signing_alg_values_supported"] {
        let of = |endpoint: &str| &metadata[format!("{endpoint}_endpoint_{list}")];
        assert_eq!((of("introspection"), of("revocation")), (of("token"), of("token")));
    }
}
