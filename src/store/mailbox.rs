//! Addresses that persons have proven to be theirs, for clients that demand one. The store sees a tag that
//! names nobody and a ciphertext; the key of both is made of the key that makes `sub`, which is not here.

use super::{Hash, Reply};

/// The operations on proven addresses; part of every [`super::Store`]. They stay until somebody removes them.
pub trait MailboxStore: Send + Sync {
    /// Keeps what is sealed for `tag`, in the place of what was there.
    fn put_mailbox<'a>(&'a self, tag: &'a Hash, sealed: &'a [u8]) -> Reply<'a, ()>;

    /// What is kept for `tag`.
    fn find_mailbox<'a>(&'a self, tag: &'a Hash) -> Reply<'a, Option<Vec<u8>>>;

    /// Removes what is kept for `tag`. Says whether there was something.
    fn drop_mailbox<'a>(&'a self, tag: &'a Hash) -> Reply<'a, bool>;
}
