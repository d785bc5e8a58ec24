//! What is kept of sessions, for clients that have them: the answer of one login, sealed under the cookie of the
//! browser, to be given to the same client again.

use super::{Hash, Issued, Reply};
use crate::clock::Timestamp;

/// The operations on sessions; part of every [`super::Store`].
pub trait SessionStore: Send + Sync {
    /// Begins a session.
    fn begin_session<'a>(&'a self, session: &'a NewSession) -> Reply<'a, ()>;

    /// The session of a browser's cookie.
    fn find_session<'a>(&'a self, cookie_hash: &'a Hash, now: Timestamp) -> Reply<'a, Option<SessionRow>>;

    /// Issues a code without a login of the person, if the session still is: of a logout and a code one is
    /// first. The code is redeemed like any other.
    fn issue_from_session<'a>(&'a self, code: &'a SessionCode, now: Timestamp) -> Reply<'a, Issued>;

    /// Ends the session whose cookie, or whose `sid`, has this hash. Says whether there was one.
    fn end_session<'a>(&'a self, hash: &'a Hash) -> Reply<'a, bool>;
}

/// A session that begins.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Hash of the value of the browser's cookie.
    pub cookie_hash: Hash,
    /// Hash of the `sid`.
    pub sid_hash: Hash,
    /// The one client that it is for.
    pub client_id: String,
    /// The answer, sealed under the cookie.
    pub sealed: Vec<u8>,
    /// When it ends by itself.
    pub expires: Timestamp,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// The one client that it is for.
    pub client_id: String,
    /// The answer, sealed under the cookie.
    pub sealed: Vec<u8>,
}

/// An authorization code that a session is good for.
#[derive(Clone, Debug)]
pub struct SessionCode {
    /// A fresh name for what is a login like any other from here on.
    pub login_id: String,
    /// Hash of the value of the session's cookie.
    pub cookie_hash: Hash,
    /// Hash of the code.
    pub code_hash: Hash,
    /// The grant, sealed under the code.
    pub sealed: Vec<u8>,
    /// When the code expires.
    pub expires: Timestamp,
}
