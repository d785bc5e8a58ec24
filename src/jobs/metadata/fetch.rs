//! What the keeper needs of the network, so that a test can stand in for it.

use super::Waiting;
use crate::outbound::{FetchError, Fetched, Fetcher, Source, Validators};

/// Fetches documents.
pub trait Fetch: Send + Sync {
    /// The XML document at `source`, unless it is the one that `known` stands for.
    fn fetch<'a>(
        &'a self,
        source: &'a Source,
        known: &'a Validators,
    ) -> Waiting<'a, Result<Fetched, FetchError>>;

    /// A certification authority's word at `url`: a revocation list, or the answer to the OCSP request
    /// `post`.
    fn ask<'a>(&'a self, url: &'a str, post: Option<Vec<u8>>) -> Waiting<'a, Result<Vec<u8>, FetchError>>;
}

impl Fetch for Fetcher {
    fn fetch<'a>(
        &'a self,
        source: &'a Source,
        known: &'a Validators,
    ) -> Waiting<'a, Result<Fetched, FetchError>> {
        Box::pin(Self::fetch(self, source, known))
    }

    fn ask<'a>(&'a self, url: &'a str, post: Option<Vec<u8>>) -> Waiting<'a, Result<Vec<u8>, FetchError>> {
        Box::pin(Self::ask(self, url, post))
    }
}
