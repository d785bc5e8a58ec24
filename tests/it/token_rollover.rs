//! The keys that sign tokens over time: brokers whose copy of the key set is old verify what is signed now.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use eidas_gateway::clock::{Clock as _, Timestamp};
use eidas_gateway::crypto::jose::{self, JoseError, JwsAlgorithm, JwsKey};
use eidas_gateway::crypto::turn::Turn;
use eidas_gateway::oidc::TokenKeys;
use eidas_gateway::oidc::token_keys::{AHEAD, JWKS_FRESH};
use serde_json::Value;

use crate::support::{Browser, World, get};

const HOUR: Duration = Duration::from_secs(3600);

fn turn(publish_from: Timestamp, ahead: Duration) -> Turn {
    Turn { publish_from, use_from: publish_from + ahead, keep: None }
}

/// The key of the start, and two that follow it.
fn token_keys(turns: [Turn; 2]) -> TokenKeys {
    let first = (Turn::FIRST, World::token_key());
    let later = turns.map(|turn| (turn, JwsKey::generate(JwsAlgorithm::RS256).unwrap()));
    TokenKeys::new([first].into_iter().chain(later).collect(), Vec::new()).unwrap()
}

async fn jwks(world: &World) -> Value {
    let answer = world.send(get("/jwks")).await;
    assert_eq!(answer.header("cache-control"), format!("public, max-age={}", JWKS_FRESH.as_secs()));
    answer.json()
}

async fn id_token(world: &World) -> String {
    let code = Browser::new(world).code(&[], "plain").await;
    world.token(&code).await.json()["id_token"].as_str().unwrap().to_owned()
}

fn verifies(token: &str, jwks: &Value) -> Result<(), JoseError> {
    jose::verify(token, jwks, &[JwsAlgorithm::RS256]).map(drop)
}

/// The `kid` of a token's header.
fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// Two changes of key. At each hour there are brokers that fetched the key set now, three hours ago (authentik),
/// and a day ago (Keycloak) through a cache that had it for an hour; and a broker that fetches it only a day after
/// it was given a token.
#[tokio::test]
async fn a_broker_with_an_old_key_set_verifies_old_and_new_tokens_throughout_two_changes() {
    let world = World::new().await;
    let start = world.clock.now();
    let turns = [turn(start + HOUR * 6, AHEAD), turn(start + HOUR * 70, AHEAD)];
    world.services.set_token_keys(token_keys(turns));
    let (mut fetched, mut signed) = (BTreeMap::<u32, Value>::new(), BTreeMap::<u32, String>::new());
    let (mut signers, mut most) = (Vec::new(), 0);
    for hour in 0..150_u32 {
        world.refresh();
        let (keys, token) = (jwks(&world).await, id_token(&world).await);
        for age in [0, 3, 24, 25] {
            let Some(known) = hour.checked_sub(age).and_then(|hour| fetched.get(&hour)) else { continue };
            assert_eq!(verifies(&token, known), Ok(()), "hour {hour}: a key set of {age} hours");
        }
        for age in [1, 3, 24, 25] {
            let Some(old) = hour.checked_sub(age).and_then(|hour| signed.get(&hour)) else { continue };
            assert_eq!(verifies(old, &keys), Ok(()), "hour {hour}: a token of {age} hours");
        }
        most = most.max(keys["keys"].as_array().unwrap().len());
        signers.push(kid(&token));
        fetched.insert(hour, keys);
        signed.insert(hour, token);
        world.clock.advance(HOUR);
    }
    signers.dedup();
    // The third is published while the first still is.
    assert_eq!((signers.len(), most), (3, 3));
    // In the end nothing is left of the first two.
    let last = jwks(&world).await;
    assert_eq!(last["keys"].as_array().unwrap().len(), 1);
    assert_eq!(verifies(&signed[&0], &last), Err(JoseError::UnknownKey));
}

/// The same brokers, if a key signed as soon as it is published: the test above would notice.
#[tokio::test]
async fn a_key_that_nobody_knows_yet_does_fail() {
    let world = World::new().await;
    let before = jwks(&world).await;
    let start = world.clock.now();
    world.services.set_token_keys(token_keys([turn(start + HOUR, HOUR), turn(start + HOUR * 9, HOUR)]));
    world.clock.advance(HOUR * 3);
    let token = id_token(&world).await;
    assert_eq!(verifies(&token, &before), Err(JoseError::UnknownKey));
    assert_eq!(verifies(&token, &jwks(&world).await), Ok(()));
}
