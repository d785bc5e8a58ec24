//! Clients that are managed from the command line. The store sees who they are and a ciphertext; its key is made
//! of the key that makes `sub`, which is not here.

use super::{Reply, StoreError};

/// The operations on clients; part of every [`super::Store`]. A client is never removed: its identifier is part
/// of what `sub` is made from, and must not become that of somebody else.
pub trait ClientStore: Send + Sync {
    /// A number that grows with each change, by whichever instance.
    fn clients_version(&self) -> Reply<'_, u64>;

    /// Every client, in the order of identifiers.
    fn clients(&self) -> Reply<'_, Vec<StoredClient>>;

    /// Puts a client in, unless one with its identifier is there.
    fn add_client<'a>(&'a self, id: &'a str, sealed: &'a [u8]) -> Reply<'a, Added>;

    /// Puts `sealed` in the place of what `client` was read with, unless it was changed since.
    fn change_client<'a>(&'a self, client: &'a StoredClient, sealed: &'a [u8]) -> Reply<'a, Changed>;
}

/// A client as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredClient {
    /// Its `client_id`.
    pub id: String,
    /// How often it was written.
    pub revision: u64,
    /// What is known of it, sealed.
    pub sealed: Vec<u8>,
}

/// What became of a client that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is there.
    Added,
    /// One with its identifier was there before.
    Taken,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is made.
    Changed,
    /// Somebody else made one in the meantime, or there is no such client.
    Overtaken,
}

/// A client from its row.
pub(super) fn of_row((id, revision, sealed): (String, i64, Vec<u8>)) -> Result<StoredClient, StoreError> {
    let revision = u64::try_from(revision).map_err(|_| StoreError::Corrupt)?;
    Ok(StoredClient { id, revision, sealed })
}
