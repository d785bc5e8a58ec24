//! What two instances on one database must agree on. [`suite!`] makes one test of each function, given a way
//! to open one empty database twice.

use super::*;

/// As the suite for one store; `$open` gives two stores on one database.
macro_rules! suite {
    ($open:path; $($property:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $property() {
                let Some((stores, _kept)) = $open(stringify!($property)).await else { return };
                instances::$property(stores).await;
            }
        )*
    };
    ($open:path) => {
        instances::suite! { $open;
            a_login_goes_all_the_way_from_one_instance_to_the_other
            one_of_fifty_posts_of_one_answer_is_taken
            one_of_fifty_logins_takes_an_assertion
            one_of_fifty_takers_gets_the_outcome
            one_of_fifty_redemptions_succeeds_and_is_revoked
            one_of_fifty_uses_of_a_word_is_the_first
            one_of_fifty_logins_with_a_pushed_request_ends_first
            a_document_that_ends_is_named_by_one
            changes_of_documents_at_once_are_all_counted
            purges_at_once_remove_everything_once
        }
    };
}
pub(in crate::store) use suite;

type Two = [Tested; 2];

pub(in crate::store) async fn a_login_goes_all_the_way_from_one_instance_to_the_other([one, two]: Two) {
    one.begin(&login(1)).await.unwrap();
    assert_eq!(two.depart(&departure(1), at(1)).await, Ok(Departed::Noted));
    assert!(one.find_by_request(&departure(1).request_id, at(2)).await.unwrap().is_some());
    assert_eq!(two.answer(&answer(1), at(2)).await, Ok(Answered::Taken));
    assert!(matches!(take(&one, 1).await, Taken::Outcome(_)));
    assert_eq!(two.issue_code(&code(1), at(5)).await, Ok(Issued::Issued));
    assert!(matches!(one.redeem_code(&hash("code", 1), at(6)).await, Ok(Redeemed::Grant { .. })));
    assert_eq!(two.put_access_token(&token(1), at(7)).await, Ok(Stored::Stored));
    assert!(one.find_access_token(&hash("token", 1), at(8)).await.unwrap().is_some());
}

pub(in crate::store) async fn one_of_fifty_posts_of_one_answer_is_taken(two: Two) {
    departed(&two[0], 1).await;
    let handle = |n| hash("handle", n);
    let results = at_both(&two, |store, n| async move {
        let posted = NewAnswer { handle_hash: hash("handle", n), ..answer(1) };
        (n, store.answer(&posted, at(2)).await.unwrap())
    });
    let results = results.await;
    let taken: Vec<_> = results.iter().filter(|(_, result)| *result == Answered::Taken).collect();
    let [(winner, _)] = taken[..] else { panic!("{results:?}") };
    assert_eq!(results.iter().filter(|(_, result)| *result == Answered::Gone).count(), 49);
    // What the winner was told is what is there.
    for n in (0..50).filter(|n| n != winner).chain([*winner]) {
        let outcome = two[1].take_outcome(&handle(n), &hash("browser", 1), at(3)).await.unwrap();
        assert_eq!(matches!(outcome, Taken::Outcome(_)), n == *winner);
    }
}

pub(in crate::store) async fn one_of_fifty_logins_takes_an_assertion(two: Two) {
    for n in 0..50 {
        departed(&two[0], n).await;
    }
    let results = at_both(&two, |store, n| async move {
        let replay = NewAnswer { assertion_id: answer(1).assertion_id, ..answer(n) };
        store.answer(&replay, at(2)).await.unwrap()
    });
    let results = results.await;
    assert_eq!(results.iter().filter(|result| **result == Answered::Taken).count(), 1);
    assert_eq!(results.iter().filter(|result| **result == Answered::Replayed).count(), 49);
}

pub(in crate::store) async fn one_of_fifty_takers_gets_the_outcome(two: Two) {
    answered(&two[0], 1).await;
    let results = at_both(&two, |store, _| async move { take(&store, 1).await }).await;
    assert_eq!(results.iter().filter(|result| matches!(result, Taken::Outcome(_))).count(), 1);
    assert_eq!(results.iter().filter(|result| **result == Taken::Gone).count(), 49);
}

pub(in crate::store) async fn one_of_fifty_redemptions_succeeds_and_is_revoked(two: Two) {
    coded(&two[0], 1).await;
    let results = at_both(&two, |store, n| async move {
        let redeemed = store.redeem_code(&hash("code", 1), at(6)).await.unwrap();
        if let Redeemed::Grant { .. } = redeemed {
            let token = NewAccessToken { token_hash: hash("token", n), ..token(1) };
            store.put_access_token(&token, at(6)).await.unwrap();
        }
        redeemed
    });
    let results = results.await;
    let reused = Redeemed::Reused { login_id: login(1).id };
    assert_eq!(results.iter().filter(|result| matches!(result, Redeemed::Grant { .. })).count(), 1);
    assert_eq!(results.iter().filter(|result| **result == reused).count(), 49);
    assert_eq!(two[1].redeem_code(&hash("code", 1), at(7)).await, Ok(reused));
    for n in 0..50 {
        assert_eq!(two[0].find_access_token(&hash("token", n), at(7)).await, Ok(None));
    }
}

pub(in crate::store) async fn one_of_fifty_uses_of_a_word_is_the_first(two: Two) {
    let word =
        |store: Tested, _| async move { store.use_once(&hash("word", 1), at(60), at(0)).await.unwrap() };
    let results = at_both(&two, word).await;
    assert_eq!(results.iter().filter(|used| **used == Use::First).count(), 1);
    // Nor when its time is over, for the next time.
    let word =
        |store: Tested, _| async move { store.use_once(&hash("word", 1), at(99), at(60)).await.unwrap() };
    let results = at_both(&two, word).await;
    assert_eq!(results.iter().filter(|used| **used == Use::First).count(), 1);
}

pub(in crate::store) async fn one_of_fifty_logins_with_a_pushed_request_ends_first(two: Two) {
    let hash = hash("pushed", 1);
    let pushed = NewPushed { hash, sealed: b"sealed".to_vec(), expires: at(60), keep_until: at(960) };
    two[0].put_pushed(&pushed).await.unwrap();
    assert_eq!(two[1].find_pushed(&hash, at(1)).await, Ok(Some(b"sealed".to_vec())));
    let finish = |store: Tested, _| async move { store.finish_pushed(&hash).await.unwrap() };
    let results = at_both(&two, finish).await;
    assert_eq!(results.iter().filter(|used| **used == Use::First).count(), 1);
}

pub(in crate::store) async fn a_document_that_ends_is_named_by_one(two: Two) {
    two[0].put_document(&document("EE", DocumentState::Trusted, 1)).await.unwrap();
    let expire = |store: Tested, _| async move { store.expire_documents(at(1001)).await.unwrap() };
    let named: Vec<_> = at_both(&two, expire).await.into_iter().flatten().collect();
    assert_eq!(named, [("EE".to_owned(), DocumentState::Trusted)]);
}

pub(in crate::store) async fn changes_of_documents_at_once_are_all_counted(two: Two) {
    let before = two[0].metadata_version().await.unwrap();
    at_both(&two, |store, n| async move {
        store.put_document(&document("EE", DocumentState::Trusted, n)).await.unwrap();
    })
    .await;
    assert_eq!(two[1].metadata_version().await, Ok(before + 50));
    assert_eq!(two[1].documents().await.unwrap().len(), 1);
}

pub(in crate::store) async fn purges_at_once_remove_everything_once(two: Two) {
    for n in 0..50 {
        answered(&two[0], n).await;
        two[0].use_once(&hash("word", n), at(60), at(0)).await.unwrap();
    }
    let purge = |store: Tested, _| async move { store.purge(at(70)).await.unwrap().emptied };
    assert_eq!(at_both(&two, purge).await.iter().sum::<u64>(), 50);
    let purge = |store: Tested, _| async move { store.purge(at(900)).await.unwrap().removed };
    assert_eq!(at_both(&two, purge).await.iter().sum::<u64>(), 50);
}

/// Runs `work` fifty times at once, at one instance and at the other by turns.
async fn at_both<T, F>(two: &Two, work: impl Fn(Tested, u8) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    fifty(&two[0], |one, n| work(if n % 2 == 0 { one } else { two[1].clone() }, n)).await
}
