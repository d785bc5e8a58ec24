//! What every store must do, whatever database it stands on. [`suite!`] makes one test of each function,
//! given a way to open an empty store.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub(super) use super::conformance_session::*;
use super::*;

pub(super) mod instances;

/// One `#[tokio::test]` for each property. `$open` is an async function that opens an empty store, and
/// gives it back with what must be kept for as long as the store is used; or nothing, where there is no such
/// database, having said so.
macro_rules! suite {
    ($open:path; $($property:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $property() {
                let Some((store, _kept)) = $open(stringify!($property)).await else { return };
                conformance::$property(store).await;
            }
        )*
    };
    ($open:path) => {
        suite! { $open;
            a_login_goes_all_the_way
            a_login_is_found_until_it_expires
            a_login_that_knows_its_country_departs_at_once
            a_newer_request_replaces_the_older
            two_logins_cannot_share_an_identifier_or_a_request
            an_abandoned_login_takes_no_answer
            one_of_fifty_parallel_answers_is_taken
            an_answer_after_the_login_expired_is_gone
            a_response_or_assertion_is_used_once
            a_refused_replay_leaves_the_login_as_it_was
            an_outcome_needs_the_handle_and_the_browser
            one_of_fifty_parallel_takers_gets_the_outcome
            a_held_outcome_is_taken_again_by_its_new_handle_alone
            one_of_fifty_parallel_takers_gets_a_held_outcome
            a_code_needs_a_taken_outcome
            one_of_fifty_parallel_redemptions_succeeds
            a_second_redemption_revokes_the_token
            a_second_redemption_is_noticed_after_the_code_expired
            a_token_for_a_code_that_was_reused_meanwhile_is_refused
            codes_and_tokens_end_when_they_expire
            a_code_is_found_until_it_is_redeemed_or_expires
            a_revoked_token_opens_nothing_and_its_code_stays_used
            a_revoked_code_takes_along_what_came_of_it
            one_of_fifty_revocations_and_redemptions_leaves_nothing_open
            a_purge_removes_what_has_expired_and_nothing_else
            used_identifiers_outlive_their_login
            a_session_is_found_by_its_cookie_until_it_expires
            a_session_ends_by_its_cookie_or_its_sid
            a_session_is_good_for_codes_that_are_redeemed_once
            of_a_logout_and_fifty_codes_none_comes_after_the_logout
            a_word_is_used_once_until_its_time_is_over
            one_of_fifty_parallel_uses_of_a_word_is_the_first
            a_pushed_request_is_found_in_time_until_a_login_with_it_ends
            one_of_fifty_logins_with_a_pushed_request_ends_first
            a_mailbox_is_kept_until_it_is_removed
            a_client_is_added_once_and_changed_by_who_has_seen_it
            one_of_fifty_clients_with_one_identifier_is_added
            one_of_fifty_changes_of_a_client_is_made
            a_document_takes_the_place_of_the_one_before
            a_trusted_document_ends_the_waiting_of_a_pending_one
            every_change_of_documents_is_another_version
            documents_end_when_they_expire_and_are_named_once
            an_approval_is_of_one_document_of_one_source
            the_last_refresh_of_each_source_is_remembered
        }
    };
}
pub(super) use suite;

pub(super) type Tested = Arc<dyn Store>;

pub(super) async fn a_login_goes_all_the_way(store: Tested) {
    store.check().await.unwrap();
    store.begin(&login(1)).await.unwrap();
    let departure = departure(1);
    assert_eq!(store.depart(&departure, at(1)).await, Ok(Departed::Noted));
    let found = store.find_by_request(&departure.request_id, at(2)).await.unwrap().unwrap();
    assert_eq!(found.id, login(1).id);
    assert_eq!(found.request_id.as_ref(), Some(&departure.request_id));
    assert_eq!(found.payload, departure.payload);
    assert_eq!((found.created, found.expires), (at(0), at(900)));
    assert_eq!(store.answer(&answer(1), at(3)).await, Ok(Answered::Taken));
    let Taken::Outcome(outcome) =
        store.take_outcome(&hash("handle", 1), &hash("browser", 1), at(4)).await.unwrap()
    else {
        panic!("no outcome");
    };
    assert_eq!(outcome.login_id, login(1).id);
    assert_eq!(outcome.payload, departure.payload);
    assert_eq!(outcome.sealed, answer(1).sealed);
    assert_eq!(store.issue_code(&code(1), at(5)).await, Ok(Issued::Issued));
    let grant = Redeemed::Grant { login_id: login(1).id, sealed: code(1).sealed };
    assert_eq!(store.redeem_code(&hash("code", 1), at(6)).await, Ok(grant));
    assert_eq!(store.put_access_token(&token(1), at(7)).await, Ok(Stored::Stored));
    let opened = Opened { login_id: login(1).id, sealed: token(1).sealed };
    assert_eq!(store.find_access_token(&hash("token", 1), at(8)).await, Ok(Some(opened)));
}

pub(super) async fn a_login_is_found_until_it_expires(store: Tested) {
    let login = login(1);
    store.begin(&login).await.unwrap();
    let found = store.find(&login.id, at(899)).await.unwrap().unwrap();
    assert_eq!(found.browser_hash, login.browser_hash);
    assert_eq!((found.payload, found.request_id), (login.payload, None));
    assert_eq!(store.find(&login.id, at(900)).await, Ok(None));
    for unknown in ["unknown", "", "a\0b"] {
        assert_eq!(store.find(unknown, at(1)).await, Ok(None));
        assert_eq!(store.find_by_request(unknown, at(1)).await, Ok(None));
    }
    assert_eq!(store.depart(&departure(1), at(900)).await, Ok(Departed::Gone));
    assert_eq!(store.depart(&departure(2), at(1)).await, Ok(Departed::Gone));
}

pub(super) async fn a_login_that_knows_its_country_departs_at_once(store: Tested) {
    let login = NewLogin { request_id: Some(departure(1).request_id), ..login(1) };
    store.begin(&login).await.unwrap();
    let found = store.find_by_request(&departure(1).request_id, at(1)).await.unwrap().unwrap();
    assert_eq!(found.id, login.id);
    assert_eq!(store.answer(&answer(1), at(2)).await, Ok(Answered::Taken));
}

pub(super) async fn a_newer_request_replaces_the_older(store: Tested) {
    departed(&store, 1).await;
    let newer = Departure { request_id: "_newer".to_owned(), payload: "newer".to_owned(), ..departure(1) };
    assert_eq!(store.depart(&newer, at(2)).await, Ok(Departed::Noted));
    assert_eq!(store.find_by_request(&departure(1).request_id, at(3)).await, Ok(None));
    assert_eq!(store.answer(&answer(1), at(3)).await, Ok(Answered::Gone));
    let answer = NewAnswer { request_id: newer.request_id, ..answer(1) };
    assert_eq!(store.answer(&answer, at(3)).await, Ok(Answered::Taken));
}

pub(super) async fn two_logins_cannot_share_an_identifier_or_a_request(store: Tested) {
    departed(&store, 1).await;
    assert!(matches!(store.begin(&login(1)).await, Err(StoreError::Unavailable(_))));
    store.begin(&login(2)).await.unwrap();
    let same_request = Departure { request_id: departure(1).request_id, ..departure(2) };
    assert!(matches!(store.depart(&same_request, at(1)).await, Err(StoreError::Unavailable(_))));
}

pub(super) async fn an_abandoned_login_takes_no_answer(store: Tested) {
    departed(&store, 1).await;
    assert_eq!(store.abandon(&login(1).id, at(2)).await, Ok(Abandoned::Ended));
    assert_eq!(store.abandon(&login(1).id, at(2)).await, Ok(Abandoned::Gone));
    assert_eq!(store.find(&login(1).id, at(2)).await, Ok(None));
    assert_eq!(store.answer(&answer(1), at(2)).await, Ok(Answered::Gone));
    answered(&store, 2).await;
    assert_eq!(store.abandon(&login(2).id, at(3)).await, Ok(Abandoned::Gone));
    assert!(matches!(take(&store, 2).await, Taken::Outcome(_)));
}

pub(super) async fn one_of_fifty_parallel_answers_is_taken(store: Tested) {
    departed(&store, 1).await;
    let results = fifty(&store, |store, n| async move {
        let different = NewAnswer {
            response_id: format!("_response-{n}"),
            assertion_id: Some(format!("_assertion-{n}")),
            handle_hash: hash("handle", n),
            ..answer(1)
        };
        store.answer(&different, at(2)).await.unwrap()
    });
    let results = results.await;
    assert_eq!(results.iter().filter(|r| **r == Answered::Taken).count(), 1);
    assert_eq!(results.iter().filter(|r| **r == Answered::Gone).count(), 49);
}

pub(super) async fn an_answer_after_the_login_expired_is_gone(store: Tested) {
    departed(&store, 1).await;
    assert_eq!(store.find_by_request(&departure(1).request_id, at(900)).await, Ok(None));
    assert_eq!(store.answer(&answer(1), at(900)).await, Ok(Answered::Gone));
}

pub(super) async fn a_response_or_assertion_is_used_once(store: Tested) {
    answered(&store, 1).await;
    departed(&store, 2).await;
    let same_response = NewAnswer { response_id: answer(1).response_id, ..answer(2) };
    assert_eq!(store.answer(&same_response, at(2)).await, Ok(Answered::Replayed));
    let same_assertion = NewAnswer { assertion_id: answer(1).assertion_id, ..answer(2) };
    assert_eq!(store.answer(&same_assertion, at(2)).await, Ok(Answered::Replayed));
    // A refusal by the node has no assertion, and two of them do not collide.
    let refusal = |n| NewAnswer { assertion_id: None, ..answer(n) };
    assert_eq!(store.answer(&refusal(2), at(2)).await, Ok(Answered::Taken));
    departed(&store, 3).await;
    assert_eq!(store.answer(&refusal(3), at(2)).await, Ok(Answered::Taken));
}

pub(super) async fn a_refused_replay_leaves_the_login_as_it_was(store: Tested) {
    answered(&store, 1).await;
    departed(&store, 2).await;
    let replay = NewAnswer { response_id: answer(1).response_id, ..answer(2) };
    assert_eq!(store.answer(&replay, at(2)).await, Ok(Answered::Replayed));
    let found = store.find_by_request(&departure(2).request_id, at(3)).await.unwrap().unwrap();
    assert_eq!(found.payload, departure(2).payload);
    assert_eq!(take(&store, 2).await, Taken::Gone);
    assert_eq!(store.answer(&answer(2), at(3)).await, Ok(Answered::Taken));
}

pub(super) async fn an_outcome_needs_the_handle_and_the_browser(store: Tested) {
    answered(&store, 1).await;
    answered(&store, 2).await;
    let mine = hash("handle", 1);
    let other_browser = Taken::OtherBrowser { login_id: login(1).id };
    assert_eq!(store.take_outcome(&mine, &hash("browser", 2), at(3)).await, Ok(other_browser));
    assert_eq!(store.take_outcome(&hash("handle", 9), &hash("browser", 1), at(3)).await, Ok(Taken::Gone));
    assert_eq!(store.take_outcome(&mine, &hash("browser", 1), at(60)).await, Ok(Taken::Gone));
    // The attempts have used nothing up.
    assert!(matches!(take(&store, 1).await, Taken::Outcome(_)));
    assert_eq!(take(&store, 1).await, Taken::Gone);
    assert_eq!(store.take_outcome(&mine, &hash("browser", 2), at(3)).await, Ok(Taken::Gone));
}

pub(super) async fn one_of_fifty_parallel_takers_gets_the_outcome(store: Tested) {
    answered(&store, 1).await;
    let results = fifty(&store, |store, _| async move { take(&store, 1).await }).await;
    assert_eq!(results.iter().filter(|r| matches!(r, Taken::Outcome(_))).count(), 1);
    assert_eq!(results.iter().filter(|r| **r == Taken::Gone).count(), 49);
}

pub(super) async fn a_held_outcome_is_taken_again_by_its_new_handle_alone(store: Tested) {
    let held = held(1);
    answered(&store, 1).await;
    // Nobody has taken it.
    assert_eq!(store.hold(&held, at(3)).await, Ok(Issued::Gone));
    take(&store, 1).await;
    assert_eq!(store.hold(&held, at(60)).await, Ok(Issued::Gone));
    assert_eq!(store.hold(&held, at(4)).await, Ok(Issued::Issued));
    assert_eq!(store.hold(&held, at(4)).await, Ok(Issued::Gone));
    // There is no code while it waits, and the first handle opens nothing.
    assert_eq!(store.issue_code(&code(1), at(5)).await, Ok(Issued::Gone));
    assert_eq!(take(&store, 1).await, Taken::Gone);
    let (handle, browser) = (hash("held", 1), hash("browser", 1));
    let other = store.take_outcome(&handle, &hash("browser", 2), at(5)).await;
    assert_eq!(other, Ok(Taken::OtherBrowser { login_id: login(1).id }));
    // It lives by its own time, and a purge leaves it alone.
    store.purge(at(200)).await.unwrap();
    assert_eq!(store.take_outcome(&handle, &browser, at(300)).await, Ok(Taken::Gone));
    let Ok(Taken::Outcome(outcome)) = store.take_outcome(&handle, &browser, at(299)).await else {
        panic!("it is not handed out");
    };
    assert_eq!((outcome.login_id, outcome.payload), (login(1).id, departure(1).payload));
    assert_eq!(outcome.sealed, held.sealed);
    assert_eq!(store.issue_code(&NewCode { expires: at(360), ..code(1) }, at(299)).await, Ok(Issued::Issued));
    assert_eq!(store.hold(&held, at(299)).await, Ok(Issued::Gone));
}

pub(super) async fn one_of_fifty_parallel_takers_gets_a_held_outcome(store: Tested) {
    answered(&store, 1).await;
    take(&store, 1).await;
    assert_eq!(store.hold(&held(1), at(4)).await, Ok(Issued::Issued));
    let results = fifty(&store, |store, _| async move {
        store.take_outcome(&hash("held", 1), &hash("browser", 1), at(5)).await.unwrap()
    });
    let results = results.await;
    assert_eq!(results.iter().filter(|taken| matches!(taken, Taken::Outcome(_))).count(), 1);
    assert_eq!(results.iter().filter(|taken| **taken == Taken::Gone).count(), 49);
}

pub(super) async fn a_code_needs_a_taken_outcome(store: Tested) {
    assert_eq!(store.issue_code(&code(1), at(1)).await, Ok(Issued::Gone));
    answered(&store, 1).await;
    assert_eq!(store.issue_code(&code(1), at(4)).await, Ok(Issued::Gone));
    take(&store, 1).await;
    assert_eq!(store.issue_code(&code(1), at(60)).await, Ok(Issued::Gone));
    assert_eq!(store.issue_code(&code(1), at(4)).await, Ok(Issued::Issued));
    let second = NewCode { code_hash: hash("code", 2), ..code(1) };
    assert_eq!(store.issue_code(&second, at(4)).await, Ok(Issued::Gone));
}

pub(super) async fn one_of_fifty_parallel_redemptions_succeeds(store: Tested) {
    coded(&store, 1).await;
    let results = fifty(&store, |store, n| async move {
        let redeemed = store.redeem_code(&hash("code", 1), at(6)).await.unwrap();
        if let Redeemed::Grant { .. } = redeemed {
            let token = NewAccessToken { token_hash: hash("token", n), ..token(1) };
            store.put_access_token(&token, at(6)).await.unwrap();
        }
        redeemed
    });
    let results = results.await;
    assert_eq!(results.iter().filter(|r| matches!(r, Redeemed::Grant { .. })).count(), 1);
    let reused = Redeemed::Reused { login_id: login(1).id };
    assert_eq!(results.iter().filter(|r| **r == reused).count(), 49);
    // Whether the one who succeeded got a token before the next came or not: it is worth nothing now.
    assert_eq!(store.redeem_code(&hash("code", 1), at(7)).await, Ok(reused));
    for n in 0..50 {
        assert_eq!(store.find_access_token(&hash("token", n), at(7)).await, Ok(None));
    }
}

pub(super) async fn a_second_redemption_revokes_the_token(store: Tested) {
    tokened(&store, 1).await;
    tokened(&store, 2).await;
    let reused = Redeemed::Reused { login_id: login(1).id };
    assert_eq!(store.redeem_code(&hash("code", 1), at(8)).await, Ok(reused.clone()));
    assert_eq!(store.find_access_token(&hash("token", 1), at(8)).await, Ok(None));
    assert_eq!(store.redeem_code(&hash("code", 1), at(9)).await, Ok(reused));
    assert!(store.find_access_token(&hash("token", 2), at(9)).await.unwrap().is_some());
}

pub(super) async fn a_second_redemption_is_noticed_after_the_code_expired(store: Tested) {
    tokened(&store, 1).await;
    let late = at(200);
    assert!(store.find_access_token(&hash("token", 1), late).await.unwrap().is_some());
    store.purge(late).await.unwrap();
    let reused = Redeemed::Reused { login_id: login(1).id };
    assert_eq!(store.redeem_code(&hash("code", 1), late).await, Ok(reused));
    assert_eq!(store.find_access_token(&hash("token", 1), late).await, Ok(None));
}

pub(super) async fn a_token_for_a_code_that_was_reused_meanwhile_is_refused(store: Tested) {
    coded(&store, 1).await;
    assert!(matches!(store.redeem_code(&hash("code", 1), at(6)).await, Ok(Redeemed::Grant { .. })));
    assert!(matches!(store.redeem_code(&hash("code", 1), at(6)).await, Ok(Redeemed::Reused { .. })));
    assert_eq!(store.put_access_token(&token(1), at(7)).await, Ok(Stored::Revoked));
    assert_eq!(store.find_access_token(&hash("token", 1), at(8)).await, Ok(None));
}

pub(super) async fn codes_and_tokens_end_when_they_expire(store: Tested) {
    coded(&store, 1).await;
    assert_eq!(store.redeem_code(&hash("code", 1), at(65)).await, Ok(Redeemed::Unknown));
    assert_eq!(store.redeem_code(&hash("code", 9), at(6)).await, Ok(Redeemed::Unknown));
    assert!(matches!(store.redeem_code(&hash("code", 1), at(64)).await, Ok(Redeemed::Grant { .. })));
    assert_eq!(store.put_access_token(&token(1), at(64)).await, Ok(Stored::Stored));
    assert!(store.find_access_token(&hash("token", 1), at(306)).await.unwrap().is_some());
    assert_eq!(store.find_access_token(&hash("token", 1), at(307)).await, Ok(None));
}

pub(super) async fn a_code_is_found_until_it_is_redeemed_or_expires(store: Tested) {
    coded(&store, 1).await;
    let opened = Opened { login_id: login(1).id, sealed: code(1).sealed };
    assert_eq!(store.find_code(&hash("code", 1), at(64)).await, Ok(Some(opened)));
    assert_eq!(store.find_code(&hash("code", 1), at(65)).await, Ok(None));
    assert_eq!(store.find_code(&hash("code", 2), at(6)).await, Ok(None));
    tokened(&store, 2).await;
    assert_eq!(store.find_code(&hash("code", 2), at(8)).await, Ok(None));
}

pub(super) async fn a_revoked_token_opens_nothing_and_its_code_stays_used(store: Tested) {
    tokened(&store, 1).await;
    tokened(&store, 2).await;
    assert_eq!(store.revoke_token(&hash("token", 9), at(8)).await, Ok(Revocation::Gone));
    assert_eq!(store.revoke_token(&hash("token", 1), at(307)).await, Ok(Revocation::Gone));
    assert_eq!(store.revoke_token(&hash("token", 1), at(8)).await, Ok(Revocation::Revoked));
    assert_eq!(store.revoke_token(&hash("token", 1), at(9)).await, Ok(Revocation::Gone));
    assert_eq!(store.find_access_token(&hash("token", 1), at(9)).await, Ok(None));
    let reused = Redeemed::Reused { login_id: login(1).id };
    assert_eq!(store.redeem_code(&hash("code", 1), at(9)).await, Ok(reused));
    assert!(store.find_access_token(&hash("token", 2), at(9)).await.unwrap().is_some());
}

pub(super) async fn a_revoked_code_takes_along_what_came_of_it(store: Tested) {
    // Before it is redeemed.
    coded(&store, 1).await;
    assert_eq!(store.revoke_token(&hash("code", 1), at(65)).await, Ok(Revocation::Gone));
    assert_eq!(store.revoke_token(&hash("code", 1), at(6)).await, Ok(Revocation::Revoked));
    assert_eq!(store.find_code(&hash("code", 1), at(7)).await, Ok(None));
    let reused = Redeemed::Reused { login_id: login(1).id };
    assert_eq!(store.redeem_code(&hash("code", 1), at(7)).await, Ok(reused));
    // While it is.
    coded(&store, 2).await;
    assert!(matches!(store.redeem_code(&hash("code", 2), at(6)).await, Ok(Redeemed::Grant { .. })));
    assert_eq!(store.revoke_token(&hash("code", 2), at(6)).await, Ok(Revocation::Revoked));
    assert_eq!(store.put_access_token(&token(2), at(7)).await, Ok(Stored::Revoked));
    // After.
    tokened(&store, 3).await;
    assert_eq!(store.revoke_token(&hash("code", 3), at(8)).await, Ok(Revocation::Revoked));
    assert_eq!(store.find_access_token(&hash("token", 3), at(8)).await, Ok(None));
}

pub(super) async fn one_of_fifty_revocations_and_redemptions_leaves_nothing_open(store: Tested) {
    coded(&store, 1).await;
    let done = fifty(&store, |store, n| async move {
        if n % 2 == 0 {
            return store.revoke_token(&hash("code", 1), at(6)).await.unwrap() == Revocation::Revoked;
        }
        if let Redeemed::Grant { .. } = store.redeem_code(&hash("code", 1), at(6)).await.unwrap() {
            let token = NewAccessToken { token_hash: hash("token", n), ..token(1) };
            store.put_access_token(&token, at(6)).await.unwrap();
        }
        false
    });
    // Whoever came first: a redemption may have ended what a revocation would have.
    assert!(done.await.iter().filter(|revoked| **revoked).count() <= 1);
    for n in 0..50 {
        assert_eq!(store.find_access_token(&hash("token", n), at(7)).await, Ok(None));
    }
    assert_eq!(store.revoke_token(&hash("code", 1), at(7)).await, Ok(Revocation::Gone));
}

pub(super) async fn a_purge_removes_what_has_expired_and_nothing_else(store: Tested) {
    departed(&store, 1).await;
    coded(&store, 2).await;
    tokened(&store, 3).await;
    assert_eq!(store.purge(at(10)).await, Ok(Purged { removed: 0, emptied: 0 }));
    // The code has expired; its response and assertion must be remembered for longer.
    assert_eq!(store.purge(at(70)).await, Ok(Purged { removed: 0, emptied: 1 }));
    assert_eq!(store.redeem_code(&hash("code", 2), at(6)).await, Ok(Redeemed::Unknown));
    assert!(store.find(&login(1).id, at(70)).await.unwrap().is_some());
    assert!(store.find_access_token(&hash("token", 3), at(70)).await.unwrap().is_some());
    assert_eq!(store.purge(at(320)).await, Ok(Purged { removed: 0, emptied: 1 }));
    assert_eq!(store.purge(at(900)).await, Ok(Purged { removed: 3, emptied: 0 }));
    assert_eq!(store.purge(at(900)).await, Ok(Purged { removed: 0, emptied: 0 }));
}

pub(super) async fn used_identifiers_outlive_their_login(store: Tested) {
    answered(&store, 1).await;
    store.purge(at(70)).await.unwrap();
    departed(&store, 2).await;
    let replay = NewAnswer { assertion_id: answer(1).assertion_id, ..answer(2) };
    assert_eq!(store.answer(&replay, at(71)).await, Ok(Answered::Replayed));
    store.purge(answer(1).keep_ids_until).await.unwrap();
    assert_eq!(store.answer(&replay, at(71)).await, Ok(Answered::Taken));
}

pub(super) async fn a_word_is_used_once_until_its_time_is_over(store: Tested) {
    let word = hash("word", 1);
    assert_eq!(store.use_once(&word, at(60), at(0)).await, Ok(Use::First));
    assert_eq!(store.use_once(&word, at(90), at(1)).await, Ok(Use::Again));
    assert_eq!(store.use_once(&hash("word", 2), at(60), at(1)).await, Ok(Use::First));
    store.purge(at(59)).await.unwrap();
    assert_eq!(store.use_once(&word, at(90), at(59)).await, Ok(Use::Again));
    // With or without a purge in between.
    assert_eq!(store.use_once(&word, at(120), at(60)).await, Ok(Use::First));
    assert_eq!(store.use_once(&word, at(120), at(61)).await, Ok(Use::Again));
    store.purge(at(120)).await.unwrap();
    assert_eq!(store.use_once(&word, at(180), at(120)).await, Ok(Use::First));
}

pub(super) async fn one_of_fifty_parallel_uses_of_a_word_is_the_first(store: Tested) {
    let results =
        fifty(
            &store,
            |store, _| async move { store.use_once(&hash("word", 1), at(60), at(0)).await.unwrap() },
        )
        .await;
    assert_eq!(results.iter().filter(|used| **used == Use::First).count(), 1);
    assert_eq!(results.iter().filter(|used| **used == Use::Again).count(), 49);
}

pub(super) async fn a_pushed_request_is_found_in_time_until_a_login_with_it_ends(store: Tested) {
    let [one, two] = [1, 2].map(|n| hash("pushed", n));
    for hash in [one, two] {
        let sealed = b"sealed request".to_vec();
        let pushed = NewPushed { hash, sealed, expires: at(60), keep_until: at(960) };
        store.put_pushed(&pushed).await.unwrap();
    }
    for _ in 0..2 {
        assert_eq!(store.find_pushed(&one, at(59)).await, Ok(Some(b"sealed request".to_vec())));
    }
    assert_eq!(store.find_pushed(&one, at(60)).await, Ok(None));
    assert_eq!(store.find_pushed(&hash("pushed", 3), at(1)).await, Ok(None));
    // A login that began in time may end later.
    store.purge(at(900)).await.unwrap();
    assert_eq!(store.finish_pushed(&one).await, Ok(Use::First));
    assert_eq!(store.finish_pushed(&one).await, Ok(Use::Again));
    assert_eq!(store.find_pushed(&one, at(1)).await, Ok(None));
    store.purge(at(960)).await.unwrap();
    assert_eq!(store.finish_pushed(&two).await, Ok(Use::Again));
}

pub(super) async fn one_of_fifty_logins_with_a_pushed_request_ends_first(store: Tested) {
    let hash = hash("pushed", 1);
    let pushed = NewPushed { hash, sealed: Vec::new(), expires: at(60), keep_until: at(960) };
    store.put_pushed(&pushed).await.unwrap();
    let results =
        fifty(&store, |store, _| async move { store.finish_pushed(&self::hash("pushed", 1)).await.unwrap() })
            .await;
    assert_eq!(results.iter().filter(|used| **used == Use::First).count(), 1);
}

/// Runs `work` fifty times at once.
pub(super) async fn fifty<T, F>(store: &Tested, work: impl Fn(Tested, u8) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = (0..50).map(|n| tokio::spawn(work(store.clone(), n))).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

pub(super) async fn departed(store: &Tested, n: u8) {
    store.begin(&login(n)).await.unwrap();
    assert_eq!(store.depart(&departure(n), at(1)).await, Ok(Departed::Noted));
}

pub(super) async fn answered(store: &Tested, n: u8) {
    departed(store, n).await;
    assert_eq!(store.answer(&answer(n), at(2)).await, Ok(Answered::Taken));
}

pub(super) async fn coded(store: &Tested, n: u8) {
    answered(store, n).await;
    take(store, n).await;
    assert_eq!(store.issue_code(&code(n), at(5)).await, Ok(Issued::Issued));
}

pub(super) async fn tokened(store: &Tested, n: u8) {
    coded(store, n).await;
    assert!(matches!(store.redeem_code(&hash("code", n), at(6)).await, Ok(Redeemed::Grant { .. })));
    assert_eq!(store.put_access_token(&token(n), at(7)).await, Ok(Stored::Stored));
}

pub(super) async fn take(store: &Tested, n: u8) -> Taken {
    store.take_outcome(&hash("handle", n), &hash("browser", n), at(3)).await.unwrap()
}

/// Seconds after the beginning.
pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix(1_795_000_000) + Duration::from_secs(seconds)
}

pub(super) fn hash(of: &str, n: u8) -> Hash {
    let mut hash = [n; 32];
    for (octet, letter) in hash.iter_mut().zip(of.bytes()) {
        *octet = letter;
    }
    hash
}

pub(super) fn login(n: u8) -> NewLogin {
    NewLogin {
        id: format!("login-{n}"),
        browser_hash: hash("browser", n),
        request_id: None,
        payload: format!("{{\"begun\":{n}}}"),
        created: at(0),
        expires: at(900),
    }
}

pub(super) async fn a_mailbox_is_kept_until_it_is_removed(store: Tested) {
    let (mine, other) = (hash("mailbox", 1), hash("mailbox", 2));
    assert_eq!(store.find_mailbox(&mine).await, Ok(None));
    assert_eq!(store.drop_mailbox(&mine).await, Ok(false));
    store.put_mailbox(&mine, b"first").await.unwrap();
    store.put_mailbox(&mine, b"second").await.unwrap();
    store.put_mailbox(&other, b"other").await.unwrap();
    store.purge(at(10_000_000)).await.unwrap();
    assert_eq!(store.find_mailbox(&mine).await, Ok(Some(b"second".to_vec())));
    assert_eq!(store.drop_mailbox(&mine).await, Ok(true));
    assert_eq!(store.find_mailbox(&mine).await, Ok(None));
    assert_eq!(store.find_mailbox(&other).await, Ok(Some(b"other".to_vec())));
}

pub(super) async fn a_client_is_added_once_and_changed_by_who_has_seen_it(store: Tested) {
    assert_eq!((store.clients_version().await, store.clients().await), (Ok(0), Ok(Vec::new())));
    assert_eq!(store.add_client("b", b"first").await, Ok(Added::Added));
    assert_eq!(store.add_client("b", b"other").await, Ok(Added::Taken));
    assert_eq!(store.add_client("B", b"other").await, Ok(Added::Added));
    let stored = |id: &str, revision, sealed: &[u8]| StoredClient {
        id: id.to_owned(),
        revision,
        sealed: sealed.to_owned(),
    };
    let (other, first) = (stored("B", 1, b"other"), stored("b", 1, b"first"));
    assert_eq!(store.clients().await, Ok(vec![other.clone(), first.clone()]));
    let before = store.clients_version().await.unwrap();
    assert_eq!(store.change_client(&first, b"second").await, Ok(Changed::Changed));
    assert_eq!(store.change_client(&first, b"third").await, Ok(Changed::Overtaken));
    assert_eq!(store.change_client(&stored("c", 1, b""), b"third").await, Ok(Changed::Overtaken));
    assert_eq!(store.clients().await, Ok(vec![other, stored("b", 2, b"second")]));
    assert_eq!(store.clients_version().await, Ok(before + 1));
    store.purge(at(10_000_000)).await.unwrap();
    assert_eq!(store.clients().await.unwrap().len(), 2);
}

pub(super) async fn one_of_fifty_clients_with_one_identifier_is_added(store: Tested) {
    let add = |store: Tested, n| async move { store.add_client("kc", &[n]).await.unwrap() };
    let results = fifty(&store, add).await;
    assert_eq!(results.iter().filter(|added| **added == Added::Added).count(), 1);
    assert_eq!(store.clients_version().await, Ok(1));
}

pub(super) async fn one_of_fifty_changes_of_a_client_is_made(store: Tested) {
    store.add_client("kc", b"first").await.unwrap();
    let results = fifty(&store, |store, n| async move {
        let seen = StoredClient { id: "kc".to_owned(), revision: 1, sealed: b"first".to_vec() };
        (n, store.change_client(&seen, &[n]).await.unwrap())
    });
    let results = results.await;
    let made: Vec<_> = results.iter().filter(|(_, change)| *change == Changed::Changed).collect();
    let [(n, _)] = made[..] else { panic!("{results:?}") };
    assert_eq!(store.clients().await.unwrap()[0].sealed, [*n]);
}

pub(super) async fn a_document_takes_the_place_of_the_one_before(store: Tested) {
    assert_eq!(store.documents().await, Ok(Vec::new()));
    let first = document("EE", DocumentState::Trusted, 1);
    let other = Document {
        etag: None,
        changes: vec!["a \"b\"\n".to_owned()],
        ..document("FR", DocumentState::Pending, 1)
    };
    store.put_document(&first).await.unwrap();
    store.put_document(&other).await.unwrap();
    assert_eq!(store.documents().await, Ok(vec![first.clone(), other.clone()]));
    let second = document("EE", DocumentState::Trusted, 2);
    store.put_document(&second).await.unwrap();
    store.confirm_document("EE", at(7)).await.unwrap();
    let confirmed = Document { fetched: at(7), ..second };
    assert_eq!(store.documents().await, Ok(vec![confirmed.clone(), other]));
    assert_eq!(store.drop_document("FR", DocumentState::Pending).await, Ok(true));
    assert_eq!(store.drop_document("FR", DocumentState::Pending).await, Ok(false));
    assert_eq!(store.documents().await, Ok(vec![confirmed]));
}

pub(super) async fn a_trusted_document_ends_the_waiting_of_a_pending_one(store: Tested) {
    store.put_document(&document("EE", DocumentState::Trusted, 1)).await.unwrap();
    store.put_document(&document("EE", DocumentState::Pending, 2)).await.unwrap();
    store.put_document(&document("FR", DocumentState::Pending, 2)).await.unwrap();
    assert_eq!(store.documents().await.unwrap().len(), 3);
    let third = document("EE", DocumentState::Trusted, 3);
    store.put_document(&third).await.unwrap();
    assert_eq!(store.documents().await, Ok(vec![third, document("FR", DocumentState::Pending, 2)]));
}

pub(super) async fn every_change_of_documents_is_another_version(store: Tested) {
    let mut seen = vec![store.metadata_version().await.unwrap()];
    store.put_document(&document("EE", DocumentState::Trusted, 1)).await.unwrap();
    seen.push(store.metadata_version().await.unwrap());
    store.put_document(&document("EE", DocumentState::Pending, 2)).await.unwrap();
    seen.push(store.metadata_version().await.unwrap());
    store.approve("EE", &hash("document", 2), at(3)).await.unwrap();
    seen.push(store.metadata_version().await.unwrap());
    store.drop_document("EE", DocumentState::Pending).await.unwrap();
    seen.push(store.metadata_version().await.unwrap());
    assert!(seen.is_sorted_by(|a, b| a < b), "{seen:?}");
    // What changes nothing in trust wakes nobody.
    store.drop_document("EE", DocumentState::Pending).await.unwrap();
    store.confirm_document("EE", at(3)).await.unwrap();
    store.note_refresh(&refresh("EE", 1)).await.unwrap();
    assert_eq!(store.metadata_version().await.ok(), seen.last().copied());
}

pub(super) async fn documents_end_when_they_expire_and_are_named_once(store: Tested) {
    store.put_document(&document("EE", DocumentState::Trusted, 1)).await.unwrap();
    store.put_document(&document("FR", DocumentState::Pending, 2)).await.unwrap();
    assert_eq!(store.expire_documents(at(1000)).await, Ok(Vec::new()));
    let expired = vec![("EE".to_owned(), DocumentState::Trusted)];
    assert_eq!(store.expire_documents(at(1001)).await, Ok(expired));
    assert_eq!(store.expire_documents(at(1001)).await, Ok(Vec::new()));
    assert_eq!(store.documents().await, Ok(vec![document("FR", DocumentState::Pending, 2)]));
}

pub(super) async fn an_approval_is_of_one_document_of_one_source(store: Tested) {
    store.approve("EE", &hash("document", 1), at(1)).await.unwrap();
    store.approve("EE", &hash("document", 1), at(2)).await.unwrap();
    assert_eq!(store.is_approved("EE", &hash("document", 1)).await, Ok(true));
    assert_eq!(store.is_approved("EE", &hash("document", 2)).await, Ok(false));
    assert_eq!(store.is_approved("FR", &hash("document", 1)).await, Ok(false));
}

pub(super) async fn the_last_refresh_of_each_source_is_remembered(store: Tested) {
    let failed =
        Refresh { code: Some("timeout".to_owned()), detail: Some("late".to_owned()), ..refresh("EE", 2) };
    for one in [&refresh("EE", 1), &refresh("list:all", 1), &failed] {
        store.note_refresh(one).await.unwrap();
    }
    assert_eq!(store.refreshes().await, Ok(vec![failed, refresh("list:all", 1)]));
}

fn document(source: &str, state: DocumentState, n: u8) -> Document {
    Document {
        source: source.to_owned(),
        state,
        url: format!("https://node.example/{source}"),
        octets: format!("document {n}").into_bytes(),
        sha256: hash("document", n),
        etag: Some(format!("\"{n}\"")),
        last_modified: Some("Sat, 21 Nov 2026 12:00:00 GMT".to_owned()),
        fetched: at(1),
        valid_until: at(1000 + u64::from(n)),
        changes: Vec::new(),
    }
}

fn refresh(source: &str, n: u8) -> Refresh {
    let attempted = at(u64::from(n));
    Refresh {
        source: source.to_owned(),
        attempted,
        failures: n.into(),
        code: None,
        detail: None,
        next: at(60),
    }
}

pub(super) fn departure(n: u8) -> Departure {
    Departure {
        login_id: login(n).id,
        request_id: format!("_request-{n}"),
        payload: format!("{{\"departed\":{n}}}"),
    }
}

pub(super) fn answer(n: u8) -> NewAnswer {
    NewAnswer {
        login_id: login(n).id,
        request_id: departure(n).request_id,
        response_id: format!("_response-{n}"),
        assertion_id: Some(format!("_assertion-{n}")),
        keep_ids_until: at(600),
        handle_hash: hash("handle", n),
        sealed: format!("sealed outcome {n}").into_bytes(),
        expires: at(60),
    }
}

pub(super) fn held(n: u8) -> Held {
    Held {
        login_id: login(n).id,
        handle_hash: hash("held", n),
        sealed: format!("sealed pause {n}").into_bytes(),
        expires: at(300),
    }
}

pub(super) fn code(n: u8) -> NewCode {
    NewCode {
        login_id: login(n).id,
        code_hash: hash("code", n),
        sealed: format!("sealed grant {n}").into_bytes(),
        expires: at(65),
    }
}

pub(super) fn token(n: u8) -> NewAccessToken {
    NewAccessToken {
        code_hash: hash("code", n),
        token_hash: hash("token", n),
        sealed: format!("sealed claims {n}").into_bytes(),
        expires: at(307),
    }
}
