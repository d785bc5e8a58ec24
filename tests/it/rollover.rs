//! Our own side over time: the metadata that we publish, and changes of keys that nobody notices.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::http::{HeaderName, StatusCode, header};
use eidas_gateway::clock::{Clock as _, Timestamp};
use eidas_gateway::crypto::turn::Turn;
use eidas_gateway::crypto::{
    CertificateRequest, Curve, DecryptionKey, KeyKind, KeyUsage, PrivateKey, SigningKey,
};
use eidas_gateway::eidas::Rollover;
use eidas_gateway::eidas::rollover::AHEAD;
use eidas_gateway::ids::SystemRandom;

use crate::support::{Answer, Browser, Decision, World, get};

const HOUR: Duration = Duration::from_secs(3600);

async fn ask(world: &World, condition: Option<(HeaderName, &str)>) -> Answer {
    let mut request = get("/saml/metadata");
    if let Some((name, value)) = condition {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    world.send(request).await
}

#[tokio::test]
async fn published_metadata_can_be_kept_for_an_hour_and_is_signed_anew_at_half_its_life() {
    let world = World::new().await;
    let first = ask(&world, None).await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.header("cache-control"), "public, max-age=3600");
    assert_eq!(first.header("content-type"), "application/samlmetadata+xml");
    assert_eq!(first.header("last-modified"), "Sat, 21 Nov 2026 12:00:00 GMT");
    assert!(first.body.contains("validUntil=\"2026-11-22T12:00:00"), "{}", first.body);
    assert!(
        first.body.contains("cacheDuration=\"PT1H\"") || first.body.contains("cacheDuration=\"PT3600S\"")
    );
    let etag = first.header("etag");
    let listed = format!("\"another\", W/{etag}");
    let known = [
        (header::IF_NONE_MATCH, etag),
        (header::IF_NONE_MATCH, listed.as_str()),
        (header::IF_NONE_MATCH, "*"),
        (header::IF_MODIFIED_SINCE, first.header("last-modified")),
    ];
    for (name, value) in known {
        let again = ask(&world, Some((name, value))).await;
        assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{value}");
        assert_eq!((again.header("etag"), again.header("cache-control")), (etag, "public, max-age=3600"));
    }
    let unknown = [
        (header::IF_NONE_MATCH, "\"another\""),
        (header::IF_MODIFIED_SINCE, "Sat, 21 Nov 2026 11:59:59 GMT"),
    ];
    for (name, value) in unknown {
        let again = ask(&world, Some((name, value))).await;
        assert_eq!((again.status, &again.body), (StatusCode::OK, &first.body), "{value}");
    }

    world.clock.advance(HOUR * 12 - Duration::from_secs(1));
    assert_eq!(ask(&world, None).await.body, first.body);
    world.clock.advance(Duration::from_secs(1));
    let second = ask(&world, Some((header::IF_NONE_MATCH, etag))).await;
    assert_eq!(second.status, StatusCode::OK);
    assert!(second.body.contains("validUntil=\"2026-11-23T00:00:00"), "{}", second.body);
    assert_ne!(second.header("etag"), etag);
}

fn pair(usage: KeyUsage, now: Timestamp) -> (PrivateKey, eidas_gateway::crypto::Certificate) {
    let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    let request = CertificateRequest {
        common_name: "next".to_owned(),
        organization: None,
        country: None,
        not_before: now - HOUR,
        not_after: now + HOUR * 10_000,
        usage,
    };
    let certificate = key.self_signed(&request, &SystemRandom).unwrap();
    (key, certificate)
}

/// Two changes of the signing key and two of the encryption key, the second while the first is hardly over.
fn two_rotations(now: Timestamp) -> Rollover {
    rotations([now + HOUR * 5, now + HOUR * 60], AHEAD, now)
}

/// The same within one day, for a node that looks at our metadata each time.
pub(crate) fn two_rotations_within_a_day(now: Timestamp) -> Rollover {
    rotations([now + HOUR * 4, now + HOUR * 14], HOUR * 2, now)
}

fn rotations(planned: [Timestamp; 2], ahead: Duration, now: Timestamp) -> Rollover {
    let connector = World::connector();
    let mut signing = vec![(Turn::FIRST, connector.signing.clone())];
    let mut encryption = vec![(Turn::FIRST, connector.decryption[0].clone())];
    for planned in planned {
        let (key, certificate) = pair(KeyUsage::Signing, now);
        let turn = Turn { publish_from: planned, use_from: planned + ahead, keep: None };
        signing.push((turn, SigningKey::new(key, certificate, None).unwrap()));
        let (key, certificate) = pair(KeyUsage::Encryption, now);
        let turn = Turn { publish_from: planned, use_from: planned + HOUR, keep: None };
        encryption.push((turn, DecryptionKey::new(key, certificate).unwrap()));
    }
    let metadata = (connector.metadata_signing.clone(), Vec::new());
    Rollover::new(connector, signing, encryption, vec![(Turn::FIRST, metadata)])
}

/// Peers that use our metadata as long as it allows, each having fetched it at another hour.
#[tokio::test]
async fn no_login_fails_during_two_changes_of_both_keys() {
    let world = World::new().await;
    let start = world.clock.now();
    world.services.set_rollover(two_rotations(start));
    let mut fetched: BTreeMap<u32, String> = BTreeMap::new();
    let (mut signers, mut recipients) = (Vec::new(), Vec::new());
    for hour in 0..170_u32 {
        world.refresh();
        fetched.insert(hour, ask(&world, None).await.body);
        let connector = world.services.connector();
        signers.push(connector.signing.certificate().fingerprint());
        recipients.push(connector.decryption[0].certificate().fingerprint());
        // What was fetched 11 hours ago is the oldest that is still valid whenever it was signed.
        for age in [0, 5, 11] {
            let Some(metadata) = hour.checked_sub(age).and_then(|hour| fetched.get(&hour)) else { continue };
            let browser = Browser::new(&world);
            let departure = browser.depart(&[]).await;
            let form = world.node_answers_by(metadata, &departure, Decision::Citizen("plain"));
            let returned = browser.post_from_node(&form).await;
            assert!(returned.location().starts_with("/continue?"), "hour {hour}, age {age}");
        }
        world.clock.advance(HOUR);
    }
    for keys in [&mut signers, &mut recipients] {
        keys.dedup();
        assert_eq!(keys.len(), 3);
    }
    // In the end nothing is left of the first two.
    let connector = world.services.connector();
    assert_eq!((connector.decryption.len(), connector.extra_signing_certificates.len()), (1, 0));
}

/// The same hours, if the keys were simply exchanged: the test above would notice.
#[tokio::test]
async fn a_change_that_is_not_announced_does_fail() {
    let world = World::new().await;
    let before = ask(&world, None).await.body;
    let mut connector = World::connector();
    let (key, certificate) = pair(KeyUsage::Encryption, world.clock.now());
    connector.decryption = vec![DecryptionKey::new(key, certificate).unwrap()];
    world.services.set_rollover(connector.into());
    let browser = Browser::new(&world);
    let departure = browser.depart(&[]).await;
    let form = world.node_answers_by(&before, &departure, Decision::Citizen("plain"));
    let returned = browser.post_from_node(&form).await;
    assert!(returned.location().starts_with("/failed?"), "{}", returned.location());
    assert_eq!(world.last_refusal().0, "EG-2107");
}

/// A signing key and an encryption key that leaked are published no more from that moment on. Who has fetched
/// our metadata since logs people in; who has not can still do so with the encryption key, for as long as the
/// operator says.
#[tokio::test]
async fn what_has_leaked_is_published_no_more_and_decrypts_as_long_as_the_operator_says() {
    let world = World::new().await;
    let (before, now) = (ask(&world, None).await, world.clock.now());
    let old = World::connector();
    let (key, certificate) = pair(KeyUsage::Signing, now);
    let signing = SigningKey::new(key, certificate, None).unwrap();
    let (key, certificate) = pair(KeyUsage::Encryption, now);
    let encryption = DecryptionKey::new(key, certificate).unwrap();
    let turn = |keep| Turn { publish_from: now, use_from: now, keep: Some(keep) };
    let quarter = Duration::from_secs(15 * 60);
    let metadata = (old.metadata_signing.clone(), Vec::new());
    world.services.set_rollover(Rollover::new(
        old.clone(),
        vec![(Turn::FIRST, old.signing.clone()), (turn(Duration::ZERO), signing.clone())],
        vec![(Turn::FIRST, old.decryption[0].clone()), (turn(quarter), encryption.clone())],
        vec![(Turn::FIRST, metadata)],
    ));

    let published = ask(&world, Some((header::IF_NONE_MATCH, before.header("etag")))).await;
    assert_eq!(published.status, StatusCode::OK);
    for (certificate, shown) in [
        (old.signing.certificate(), false),
        (old.decryption[0].certificate(), false),
        (signing.certificate(), true),
        (encryption.certificate(), true),
    ] {
        let text = published.body.replace(char::is_whitespace, "");
        assert_eq!(text.contains(&certificate.base64()), shown, "{}", certificate.subject());
    }
    assert_eq!(world.services.connector().signing.certificate(), signing.certificate());

    // The node encrypts for the leaked key, which it found in what it had fetched before. Its own check of our
    // signature is not what is looked at here: it knows the new signing key.
    let mixed = mixed_metadata(&world, &old, &signing);
    for (wait, expected) in [
        (Duration::ZERO, "/continue?"),
        (quarter - Duration::from_millis(1), "/continue?"),
        (Duration::from_millis(1), "/failed?"),
    ] {
        world.clock.advance(wait);
        let browser = Browser::new(&world);
        let departure = browser.depart(&[]).await;
        let form = world.node_answers_by(&mixed, &departure, Decision::Citizen("plain"));
        let returned = browser.post_from_node(&form).await;
        assert!(returned.location().starts_with(expected), "after {wait:?}: {}", returned.location());
    }
    assert_eq!(world.last_refusal().0, "EG-2107");
    let browser = Browser::new(&world);
    let returned = browser.come_back(&[], Decision::Citizen("plain")).await;
    assert!(returned.location().starts_with("/continue?"));
}

/// Our metadata with the new signing key and the old encryption key.
fn mixed_metadata(world: &World, old: &eidas_gateway::eidas::Connector, signing: &SigningKey) -> String {
    let connector = eidas_gateway::eidas::Connector { signing: signing.clone(), ..old.clone() };
    let now = world.clock.now();
    eidas_gateway::eidas::metadata::publish(&connector, HOUR * 24, now, &SystemRandom).unwrap()
}
