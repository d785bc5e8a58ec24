//! What has to outlive a request, in the words of `login` and `oidc`; "once" is decided here.
//!
//! A login is one row from the broker's request to its tokens, and each step of it is one conditional
//! statement: it finds the row in the state that the step needs and moves it on, or nothing happened.
//! So two tabs, two clicks and two instances cannot both succeed.
//!
//! The store never sees a person: codes, tokens, handles and cookies come as SHA-256 hashes, and what is
//! called `sealed` is ciphertext whose key is derived from one of those secrets and kept nowhere.

mod clients;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod conformance_session;
mod error;
mod mailbox;
mod metadata;
mod postgres;
mod session;
mod sqlite;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

pub use clients::{Added, Changed, ClientStore, StoredClient};
pub use error::StoreError;
pub use mailbox::MailboxStore;
pub use metadata::{Document, DocumentState, MetadataStore, Refresh};
pub use postgres::Postgres;
pub use session::{NewSession, SessionCode, SessionRow, SessionStore};
pub use sqlite::Sqlite;

use crate::clock::Timestamp;

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// What a store operation returns: a future of its result, so that [`Store`] can be a trait object.
pub type Reply<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// Opens the store at `url` (`sqlite:///path/to/file.db`, `sqlite::memory:`,
/// `postgres://user:password@host/database`) and brings its schema up to date.
///
/// # Errors
/// [`StoreError`] says what is wrong with the database.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    match url.split_once(':') {
        Some(("sqlite", _)) => Ok(Arc::new(Sqlite::open(url).await?)),
        Some(("postgres" | "postgresql", _)) => Ok(Arc::new(Postgres::open(url).await?)),
        _ => Err(StoreError::Url),
    }
}

/// The operations. Each takes the present as an argument where it depends on it; what has expired is as
/// if it were not there, whether or not [`Store::purge`] has come by.
pub trait Store: ClientStore + MailboxStore + MetadataStore + SessionStore {
    /// Begins a login: steps *request* and, if `request_id` is there already, *prepare*.
    fn begin<'a>(&'a self, login: &'a NewLogin) -> Reply<'a, ()>;

    /// A login that waits for the person to choose, or for the node's answer.
    fn find<'a>(&'a self, id: &'a str, now: Timestamp) -> Reply<'a, Option<LoginRow>>;

    /// Step *prepare*: notes the request that is about to be sent, and the new state. A login has one
    /// request; a newer one replaces the older, whose answer will find nothing.
    fn depart<'a>(&'a self, departure: &'a Departure, now: Timestamp) -> Reply<'a, Departed>;

    /// Ends a login that waits: the person, or a fault of ours, broke it off.
    fn abandon<'a>(&'a self, id: &'a str, now: Timestamp) -> Reply<'a, Abandoned>;

    /// The login whose request a node answers (`InResponseTo`).
    fn find_by_request<'a>(&'a self, request_id: &'a str, now: Timestamp) -> Reply<'a, Option<LoginRow>>;

    /// Step *verify* is done: takes the answer of a login, once, and uses up the identifiers of response
    /// and assertion.
    fn answer<'a>(&'a self, answer: &'a NewAnswer, now: Timestamp) -> Reply<'a, Answered>;

    /// Step *release*: hands out the outcome, once, to the browser that began the login.
    fn take_outcome<'a>(
        &'a self,
        handle_hash: &'a Hash,
        browser_hash: &'a Hash,
        now: Timestamp,
    ) -> Reply<'a, Taken>;

    /// Puts a taken outcome back, under a fresh handle, because the person is asked something before the code.
    /// [`Store::take_outcome`] hands it out again.
    fn hold<'a>(&'a self, held: &'a Held, now: Timestamp) -> Reply<'a, Issued>;

    /// Puts a code in the place of a taken outcome.
    fn issue_code<'a>(&'a self, code: &'a NewCode, now: Timestamp) -> Reply<'a, Issued>;

    /// Step *redeem*: hands out the grant of a code, once. Whoever comes second revokes what the first
    /// one got (RFC 6749 §4.1.2).
    fn redeem_code<'a>(&'a self, code_hash: &'a Hash, now: Timestamp) -> Reply<'a, Redeemed>;

    /// Puts an access token in the place of a redeemed code.
    fn put_access_token<'a>(&'a self, token: &'a NewAccessToken, now: Timestamp) -> Reply<'a, Stored>;

    /// What an access token opens.
    fn find_access_token<'a>(&'a self, token_hash: &'a Hash, now: Timestamp) -> Reply<'a, Option<Opened>>;

    /// What a code stands for that has not been redeemed.
    fn find_code<'a>(&'a self, code_hash: &'a Hash, now: Timestamp) -> Reply<'a, Option<Opened>>;

    /// Ends an access token, or a code and whatever has come of it, before its time (RFC 7009). A code that
    /// is presented afterwards counts as redeemed before.
    fn revoke_token<'a>(&'a self, hash: &'a Hash, now: Timestamp) -> Reply<'a, Revocation>;

    /// Notes a word as used until `until`: of all who ask, on all instances, one is the first.
    fn use_once<'a>(&'a self, word: &'a Hash, until: Timestamp, now: Timestamp) -> Reply<'a, Use>;

    /// Keeps a pushed authorization request.
    fn put_pushed<'a>(&'a self, pushed: &'a NewPushed) -> Reply<'a, ()>;

    /// A pushed request that a login can still begin with.
    fn find_pushed<'a>(&'a self, hash: &'a Hash, now: Timestamp) -> Reply<'a, Option<Vec<u8>>>;

    /// A login that began with a pushed request ends: of all of them, one is the first.
    fn finish_pushed<'a>(&'a self, hash: &'a Hash) -> Reply<'a, Use>;

    /// Removes what has expired, from the files too.
    fn purge(&self, now: Timestamp) -> Reply<'_, Purged>;

    /// Whether the store answers and can be written to.
    fn check(&self) -> Reply<'_, ()>;

    /// Finishes what is under way and lets go of the database.
    fn close(&self) -> Reply<'_, ()>;
}

/// A login that begins.
#[derive(Clone, Debug)]
pub struct NewLogin {
    /// The login's identifier, as it stands in the addresses of its pages.
    pub id: String,
    /// Hash of the value of the browser's own cookie for this login.
    pub browser_hash: Hash,
    /// The request to the node, if the country was clear at once.
    pub request_id: Option<String>,
    /// The state, as JSON. Nothing about the person is known yet.
    pub payload: String,
    /// When it began.
    pub created: Timestamp,
    /// When it is given up.
    pub expires: Timestamp,
}

/// A login that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRow {
    /// The login's identifier.
    pub id: String,
    /// Hash of the value of the browser's own cookie for this login.
    pub browser_hash: Hash,
    /// The request that is on its way.
    pub request_id: Option<String>,
    /// The state, as JSON.
    pub payload: String,
    /// When it began.
    pub created: Timestamp,
    /// When it is given up.
    pub expires: Timestamp,
}

/// A request that is about to be sent.
#[derive(Clone, Debug)]
pub struct Departure {
    /// The login.
    pub login_id: String,
    /// The `ID` of the AuthnRequest.
    pub request_id: String,
    /// The new state, as JSON.
    pub payload: String,
}

/// What became of a departure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departed {
    /// The request is noted and may be sent.
    Noted,
    /// The login is over, answered or expired: nothing may be sent.
    Gone,
}

/// What became of an attempt to end a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abandoned {
    /// It is over, and no answer will be taken.
    Ended,
    /// It was over, answered or expired before.
    Gone,
}

/// A node's answer, verified.
#[derive(Clone, Debug)]
pub struct NewAnswer {
    /// The login.
    pub login_id: String,
    /// The request that is answered.
    pub request_id: String,
    /// The `ID` of the Response.
    pub response_id: String,
    /// The `ID` of the Assertion, if there is one.
    pub assertion_id: Option<String>,
    /// How long the two identifiers must not be accepted again.
    pub keep_ids_until: Timestamp,
    /// Hash of the handle by which the browser will ask for the outcome.
    pub handle_hash: Hash,
    /// The outcome, sealed under the handle.
    pub sealed: Vec<u8>,
    /// When the outcome is given up.
    pub expires: Timestamp,
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Taken: this was the first.
    Taken,
    /// The login is answered already, over or expired, or has sent a newer request.
    Gone,
    /// The response or the assertion was used before.
    Replayed,
}

/// What a browser gets for its handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The outcome, this once.
    Outcome(Outcome),
    /// The outcome is there, but it belongs to another browser, for which it stays.
    OtherBrowser {
        /// The login.
        login_id: String,
    },
    /// No such outcome, or no longer.
    Gone,
}

/// The outcome of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The login.
    pub login_id: String,
    /// The state, as JSON.
    pub payload: String,
    /// The outcome, sealed under the handle.
    pub sealed: Vec<u8>,
}

/// An outcome that waits for the person.
#[derive(Clone, Debug)]
pub struct Held {
    /// The login whose outcome was taken.
    pub login_id: String,
    /// Hash of the handle by which the browser will ask for it again.
    pub handle_hash: Hash,
    /// The outcome, sealed under the handle.
    pub sealed: Vec<u8>,
    /// When it is given up.
    pub expires: Timestamp,
}

/// An authorization code.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// The login whose outcome was taken.
    pub login_id: String,
    /// Hash of the code.
    pub code_hash: Hash,
    /// The grant, sealed under the code.
    pub sealed: Vec<u8>,
    /// When the code expires.
    pub expires: Timestamp,
}

/// What became of a code that was to be issued, or of an outcome that was to be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issued {
    /// It can be redeemed, or taken again.
    Issued,
    /// The login has no outcome that was taken and not used: nothing may be sent.
    Gone,
}

/// What a code is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Redeemed {
    /// The grant, this once.
    Grant {
        /// The login.
        login_id: String,
        /// The grant, sealed under the code.
        sealed: Vec<u8>,
    },
    /// It was redeemed before; what it gave is revoked now.
    Reused {
        /// The login.
        login_id: String,
    },
    /// No such code, or no longer.
    Unknown,
}

/// An access token.
#[derive(Clone, Debug)]
pub struct NewAccessToken {
    /// Hash of the code that was redeemed.
    pub code_hash: Hash,
    /// Hash of the token.
    pub token_hash: Hash,
    /// What it stands for, sealed under it.
    pub sealed: Vec<u8>,
    /// When the token expires.
    pub expires: Timestamp,
}

/// What became of an access token that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It opens userinfo.
    Stored,
    /// Its code was presented a second time in the meantime: it must not be given out.
    Revoked,
}

/// What a code or an access token opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The login.
    pub login_id: String,
    /// What it stands for, sealed under it.
    pub sealed: Vec<u8>,
}

/// What became of a code or an access token that was to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// It opens nothing any more.
    Revoked,
    /// There was none, or it had ended.
    Gone,
}

/// An authorization request that a client has pushed.
#[derive(Clone, Debug)]
pub struct NewPushed {
    /// Hash of the reference.
    pub hash: Hash,
    /// The request, sealed under the reference.
    pub sealed: Vec<u8>,
    /// Until when a login can begin with it.
    pub expires: Timestamp,
    /// Until when such a login can end.
    pub keep_until: Timestamp,
}

/// Whether a word was used before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It was not.
    First,
    /// It was, and the time for which it counts is not over.
    Again,
}

/// What a purge removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Logins of which nothing is left.
    pub removed: u64,
    /// Logins of which only used identifiers and hashes are left.
    pub emptied: u64,
}
