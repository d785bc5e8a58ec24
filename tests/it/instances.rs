//! Two whole gateways on one database: in a file, and on a PostgreSQL server where there is one for tests.

use std::path::PathBuf;

use axum::http::StatusCode;
use eidas_gateway::oidc::client::AssertionAudience;
use serde_json::json;

use crate::fresh_postgres::Fresh;
use crate::support::{Answer, Browser, Decision, World, form_of, get};
use crate::{client_assertion, par};

/// One test of each function for each database.
macro_rules! suite {
    ($($property:ident)*) => {
        mod on_a_file {
            $(
                #[tokio::test]
                async fn $property() {
                    let file = super::File::new(stringify!($property));
                    super::$property(&file.url()).await;
                }
            )*
        }

        mod on_a_server {
            $(
                #[tokio::test]
                async fn $property() {
                    let Some(fresh) = super::Fresh::new(stringify!($property)).await else { return };
                    super::$property(&fresh.url()).await;
                }
            )*
        }
    };
}

suite! {
    of_one_answer_posted_to_both_instances_one_is_taken
    a_login_goes_on_at_whichever_instance_it_comes_to
    a_code_that_is_redeemed_at_both_instances_is_worth_nothing
    an_assertion_is_used_once_at_either_instance
    a_pushed_request_is_used_once_at_either_instance
}

async fn two(url: &str) -> (World, World) {
    (World::build(url, |_, _| {}).await, World::build(url, |_, _| {}).await)
}

async fn of_one_answer_posted_to_both_instances_one_is_taken(url: &str) {
    let (one, two) = two(url).await;
    let browser = Browser::new(&one);
    let departure = browser.depart(&[]).await;
    let form = one.node_answers(&departure, Decision::Citizen("plain")).await;
    let (here, there) = tokio::join!(one.send(form_of(&form)), two.send(form_of(&form)));
    let taken = |answer: &Answer| answer.location().starts_with("/continue?");
    let refused = |answer: &Answer| answer.location().starts_with("/failed?");
    assert_eq!((taken(&here), refused(&here)), (refused(&there), taken(&there)));
    let verified = |world: &World| world.event_names().iter().filter(|name| *name == "verify").count();
    assert_eq!(verified(&one) + verified(&two), 1);
    // And neither takes it again.
    for world in [&one, &two] {
        assert!(refused(&world.send(form_of(&form)).await));
    }
    let winner = if taken(&here) { here } else { there };
    assert!(browser.get(winner.location()).await.redirect_parameter("code").is_some());
}

async fn a_login_goes_on_at_whichever_instance_it_comes_to(url: &str) {
    let (one, two) = two(url).await;
    let browser = Browser::new(&one);
    let departure = browser.depart(&[]).await;
    let form = one.node_answers(&departure, Decision::Citizen("plain")).await;
    let back = two.send(form_of(&form)).await;
    let code = browser.get(back.location()).await.redirect_parameter("code").unwrap();
    let token = two.token(&code).await.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(one.userinfo(&token).await.status, StatusCode::OK);
    assert_eq!(two.send(get("/healthz")).await.status, StatusCode::OK);
}

async fn a_code_that_is_redeemed_at_both_instances_is_worth_nothing(url: &str) {
    let (one, two) = two(url).await;
    let code = Browser::new(&one).code(&[], "plain").await;
    let (here, there) = tokio::join!(one.token(&code), two.token(&code));
    let answers = [here, there];
    // Both may be refused: who comes second revokes what the first is about to get.
    let given: Vec<_> = answers.iter().filter(|answer| answer.status == StatusCode::OK).collect();
    assert!(given.len() <= 1);
    for answer in given {
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(two.userinfo(&token).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(one.token(&code).await.token_error(), (400, "invalid_grant".to_owned()));
}

async fn an_assertion_is_used_once_at_either_instance(url: &str) {
    let world = async || {
        World::build(url, |client, _| client_assertion::signs(client, AssertionAudience::Issuer)).await
    };
    let (one, two) = (world().await, world().await);
    let browser = Browser::new(&one);
    let (first, second) = (browser.code(&[], "plain").await, browser.code(&[], "plain").await);
    let assertion = client_assertion::assertion(&one, &json!({}));
    let (here, there) = tokio::join!(
        client_assertion::redeem(&one, &first, &assertion, &[]),
        client_assertion::redeem(&two, &second, &assertion, &[])
    );
    let mut statuses = [here.status, there.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::UNAUTHORIZED]);
}

async fn a_pushed_request_is_used_once_at_either_instance(url: &str) {
    let (one, two) = two(url).await;
    let uri = par::push(&one, &[]).await;
    let (here, there) = (Browser::new(&one), Browser::new(&two));
    let path_here = here.get(&par::with(&uri)).await.location().to_owned();
    let path_there = there.get(&par::with(&uri)).await.location().to_owned();
    let (a, b) = tokio::join!(par::log_in(&here, &path_here), par::log_in(&there, &path_there));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [StatusCode::SEE_OTHER, StatusCode::CONFLICT]);
    let again = there.get(&par::with(&uri)).await;
    assert_eq!((again.status, again.text("code").as_str()), (StatusCode::BAD_REQUEST, "EG-1001"));
}

/// A database file of its own for a test, removed afterwards.
struct File(PathBuf);

impl File {
    fn new(test: &str) -> Self {
        let name = format!("eidas-gateway-it-{test}-{}.db", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn url(&self) -> String {
        format!("sqlite://{}", self.0.display())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", self.0.display()));
        }
    }
}
