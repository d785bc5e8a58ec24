//! What every store must do with sessions.

use super::conformance::{Tested, at, fifty, hash};
use super::{Issued, NewSession, Purged, Redeemed, SessionCode, SessionRow};

pub(super) async fn a_session_is_found_by_its_cookie_until_it_expires(store: Tested) {
    let session = session(1);
    store.begin_session(&session).await.unwrap();
    store.begin_session(&self::session(2)).await.unwrap();
    let row = SessionRow { client_id: session.client_id.clone(), sealed: session.sealed.clone() };
    assert_eq!(store.find_session(&session.cookie_hash, at(599)).await, Ok(Some(row)));
    assert_eq!(store.find_session(&session.cookie_hash, at(600)).await, Ok(None));
    assert_eq!(store.find_session(&session.sid_hash, at(1)).await, Ok(None));
    store.purge(at(599)).await.unwrap();
    assert!(store.find_session(&session.cookie_hash, at(1)).await.unwrap().is_some());
    store.purge(at(600)).await.unwrap();
    assert_eq!(store.find_session(&session.cookie_hash, at(1)).await, Ok(None));
}

pub(super) async fn a_session_ends_by_its_cookie_or_its_sid(store: Tested) {
    for n in 1..=3 {
        store.begin_session(&session(n)).await.unwrap();
    }
    assert_eq!(store.end_session(&session(1).cookie_hash).await, Ok(true));
    assert_eq!(store.end_session(&session(2).sid_hash).await, Ok(true));
    assert_eq!(store.end_session(&session(2).cookie_hash).await, Ok(false));
    assert_eq!(store.end_session(&hash("nobody", 3)).await, Ok(false));
    for (n, there) in [(1, false), (2, false), (3, true)] {
        let found = store.find_session(&session(n).cookie_hash, at(1)).await.unwrap();
        assert_eq!(found.is_some(), there, "{n}");
    }
}

pub(super) async fn a_session_is_good_for_codes_that_are_redeemed_once(store: Tested) {
    let code = code(1);
    assert_eq!(store.issue_from_session(&code, at(5)).await, Ok(Issued::Gone));
    store.begin_session(&session(1)).await.unwrap();
    assert_eq!(store.issue_from_session(&code, at(600)).await, Ok(Issued::Gone));
    assert_eq!(store.issue_from_session(&code, at(5)).await, Ok(Issued::Issued));
    let second = SessionCode { login_id: "second".to_owned(), code_hash: hash("code", 2), ..code.clone() };
    assert_eq!(store.issue_from_session(&second, at(6)).await, Ok(Issued::Issued));
    let grant = Redeemed::Grant { login_id: code.login_id.clone(), sealed: code.sealed.clone() };
    assert_eq!(store.redeem_code(&code.code_hash, at(7)).await, Ok(grant));
    let reused = Redeemed::Reused { login_id: code.login_id };
    assert_eq!(store.redeem_code(&code.code_hash, at(8)).await, Ok(reused));
    assert_eq!(store.redeem_code(&second.code_hash, at(65)).await, Ok(Redeemed::Unknown));
    assert_eq!(store.purge(at(65)).await, Ok(Purged { removed: 2, emptied: 0 }));
}

pub(super) async fn of_a_logout_and_fifty_codes_none_comes_after_the_logout(store: Tested) {
    store.begin_session(&session(1)).await.unwrap();
    let results = fifty(&store, |store, n| async move {
        if n == 25 {
            assert_eq!(store.end_session(&session(1).sid_hash).await, Ok(true));
        }
        let code = SessionCode {
            login_id: format!("silent-{n}"),
            code_hash: hash("code", n),
            cookie_hash: session(1).cookie_hash,
            ..code(n)
        };
        (n, store.issue_from_session(&code, at(5)).await.unwrap())
    });
    let results = results.await;
    assert!(results.contains(&(25, Issued::Gone)));
    assert_eq!(store.issue_from_session(&code(1), at(6)).await, Ok(Issued::Gone));
}

fn session(n: u8) -> NewSession {
    NewSession {
        cookie_hash: hash("cookie", n),
        sid_hash: hash("sid", n),
        client_id: format!("client-{n}"),
        sealed: format!("sealed session {n}").into_bytes(),
        expires: at(600),
    }
}

fn code(n: u8) -> SessionCode {
    SessionCode {
        login_id: format!("silent-{n}"),
        cookie_hash: session(n).cookie_hash,
        code_hash: hash("code", n),
        sealed: format!("sealed grant {n}").into_bytes(),
        expires: at(65),
    }
}
