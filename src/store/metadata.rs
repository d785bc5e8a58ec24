//! What is kept of other nodes' metadata: the last good document of each, one that waits for approval, and
//! how the last refresh went. So a start needs no network, and several instances see one state.
//!
//! The store believes nobody: a document that is read from here is judged again before it is used.

use super::{Hash, Reply, StoreError};
use crate::clock::Timestamp;

/// The operations on metadata; part of every [`super::Store`]. `source` is always a country's eIDAS code
/// (`EE`), or `list:` and the name of a MetadataServiceList.
pub trait MetadataStore: Send + Sync {
    /// A number that grows with each change of documents or approvals, by whichever instance.
    fn metadata_version(&self) -> Reply<'_, u64>;

    /// Every document, in the order of source and state.
    fn documents(&self) -> Reply<'_, Vec<Document>>;

    /// Puts a document in the place of the one with the same source and state. A trusted one also ends the
    /// waiting of a pending one.
    fn put_document<'a>(&'a self, document: &'a Document) -> Reply<'a, ()>;

    /// Notes that the publisher still has the trusted document (HTTP 304).
    fn confirm_document<'a>(&'a self, source: &'a str, fetched: Timestamp) -> Reply<'a, ()>;

    /// Removes a document. Says whether there was one.
    fn drop_document<'a>(&'a self, source: &'a str, state: DocumentState) -> Reply<'a, bool>;

    /// Removes the documents that are no longer valid at `now` and names them. Each is named once, to one
    /// instance.
    fn expire_documents(&self, now: Timestamp) -> Reply<'_, Vec<(String, DocumentState)>>;

    /// Notes how an attempt to refresh went.
    fn note_refresh<'a>(&'a self, refresh: &'a Refresh) -> Reply<'a, ()>;

    /// How the last attempts went, in the order of sources.
    fn refreshes(&self) -> Reply<'_, Vec<Refresh>>;

    /// Notes that a person approved the document with this SHA-256. Running instances take it from there.
    fn approve<'a>(&'a self, source: &'a str, sha256: &'a Hash, now: Timestamp) -> Reply<'a, ()>;

    /// Whether a person approved the document with this SHA-256.
    fn is_approved<'a>(&'a self, source: &'a str, sha256: &'a Hash) -> Reply<'a, bool>;
}

/// What a document is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DocumentState {
    /// The last one that was found good.
    Trusted,
    /// Good, but it changes whom is believed and waits for a person.
    Pending,
}

impl DocumentState {
    /// The word for it: `trusted`, `pending`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trusted => "trusted",
            Self::Pending => "pending",
        }
    }

    /// The state of this word; any other was not written by us.
    pub(super) fn parse(word: &str) -> Result<Self, StoreError> {
        match word {
            "trusted" => Ok(Self::Trusted),
            "pending" => Ok(Self::Pending),
            _ => Err(StoreError::Corrupt),
        }
    }
}

/// A metadata document as it was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Whose it is: `EE`, `list:nobid`.
    pub source: String,
    /// What it is to us.
    pub state: DocumentState,
    /// The address, or the file, that it came from.
    pub url: String,
    /// The document.
    pub octets: Vec<u8>,
    /// Its SHA-256.
    pub sha256: Hash,
    /// The `ETag` that came with it.
    pub etag: Option<String>,
    /// The `Last-Modified` that came with it.
    pub last_modified: Option<String>,
    /// When it was fetched, or confirmed by a 304, last.
    pub fetched: Timestamp,
    /// From when on it must not be used.
    pub valid_until: Timestamp,
    /// Of a pending document: what it would change, in sentences.
    pub changes: Vec<String>,
}

/// How the last attempt to refresh went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// Whose metadata: `EE`, `list:nobid`.
    pub source: String,
    /// When it was tried.
    pub attempted: Timestamp,
    /// How many attempts failed since the last success.
    pub failures: u32,
    /// The code of the failure (docs/errors.md), if it failed.
    pub code: Option<String>,
    /// What exactly failed.
    pub detail: Option<String>,
    /// When it will be tried again.
    pub next: Timestamp,
}
