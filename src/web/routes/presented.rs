//! The codes and access tokens that are presented to us, from word to meaning.

use crate::login::vault::{self, Purpose};
use crate::login::{Failure, step};
use crate::oidc::{AccessToken, Grant};
use crate::store::{Opened, StoreError};
use crate::web::services::Services;

/// What a word stands for, and the login that it came from.
pub(super) struct Presented<T> {
    pub(super) login: String,
    pub(super) meaning: T,
}

/// The access token that is this word, if it is one and has not ended.
///
/// # Errors
/// [`Failure::StoreUnavailable`] or [`Failure::StateUnreadable`].
pub(super) async fn access_token(
    services: &Services,
    word: &str,
) -> Result<Option<Presented<AccessToken>>, Failure> {
    let opened = services.store.find_access_token(&vault::digest(word), services.now()).await;
    read(opened, |sealed| vault::open(word, Purpose::AccessToken, sealed))
}

/// The grant whose code is this word, if it is one that can be redeemed.
///
/// # Errors
/// As [`access_token`].
pub(super) async fn code(services: &Services, word: &str) -> Result<Option<Presented<Grant>>, Failure> {
    let opened = services.store.find_code(&vault::digest(word), services.now()).await;
    read(opened, |sealed| vault::open(word, Purpose::Code, sealed))
}

fn read<T>(
    opened: Result<Option<Opened>, StoreError>,
    open: impl FnOnce(&[u8]) -> Option<T>,
) -> Result<Option<Presented<T>>, Failure> {
    let opened = opened.map_err(|error| {
        tracing::error!(%error, step = step::REDEEM, "the store did not answer");
        Failure::StoreUnavailable
    })?;
    let Some(opened) = opened else { return Ok(None) };
    match open(&opened.sealed) {
        Some(meaning) => Ok(Some(Presented { login: opened.login_id, meaning })),
        None => Err(Failure::StateUnreadable),
    }
}
