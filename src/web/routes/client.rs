//! Which client asks, at the endpoints that clients call themselves, and how they are refused.

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

use crate::login::{Failure, step};
use crate::oidc::client_authentication::{self, Credentials, Proof, Unproven};
use crate::oidc::client_certificate::ClientCertificate;
use crate::oidc::token::TokenError;
use crate::oidc::{Client, Encryption, OAuthError};
use crate::store::{StoreError, Use};
use crate::web::answer;
use crate::web::form::Form;
use crate::web::services::Services;
use crate::web::trouble::Trouble;

/// Why a client gets an error: for our records, and for its own.
pub(super) type ClientRefusal = (Failure, TokenError);

/// Reads the form of a request and finds out which client sent it. A client assertion is used up by this,
/// whatever becomes of the request.
///
/// # Errors
/// What the client is told, as a response.
pub(super) async fn known(
    services: &Services,
    request: Request,
    failure: Failure,
) -> Result<(Arc<Client>, Form), Response> {
    let authorization = request.headers().get(AUTHORIZATION).cloned();
    let certificate = services.certificate(&request);
    let form = Form::read(request, MAX_FORM).await.map_err(|failure| {
        let error = TokenError::new(OAuthError::InvalidRequest, "the body is not a form");
        refuse(services, &Trouble::new(step::REDEEM, failure), &error)
    })?;
    // A header that is not text is a header that does not authenticate.
    let authorization = authorization.as_ref().map(|value| value.to_str().unwrap_or_default());
    match authenticate(services, &form, authorization, certificate.as_ref(), failure).await {
        Ok(client) => Ok((client, form)),
        Err((failure, error)) if error.error == OAuthError::InvalidClient => {
            let named = client_authentication::read(&form.0, authorization).ok();
            let named =
                named.and_then(|credentials| services.clients.lookup(credentials.client_id()).cloned());
            let named = named.as_ref().map(|client| client.id.as_str());
            let trouble = Trouble::new(step::REDEEM, failure);
            let trouble = named.map_or(trouble, |id| Trouble::new(step::REDEEM, failure).client(id));
            Err(match services.guesses.wrong(named, services.now()) {
                Some(wait) => slow_down(wait, &error),
                None => refuse(services, &trouble, &error),
            })
        }
        Err((failure, error)) => Err(refuse(services, &Trouble::new(step::REDEEM, failure), &error)),
    }
}

/// Tells whoever guesses to wait (RFC 6585 §4), and writes nothing down.
fn slow_down(wait: Duration, error: &TokenError) -> Response {
    let mut response = answer::json(StatusCode::TOO_MANY_REQUESTS, error.body().to_string());
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    response
}

async fn authenticate(
    services: &Services,
    form: &Form,
    authorization: Option<&str>,
    certificate: Option<&ClientCertificate>,
    failure: Failure,
) -> Result<Arc<Client>, ClientRefusal> {
    let refused = |error: TokenError| (failure, error);
    let credentials = client_authentication::read(&form.0, authorization).map_err(refused)?;
    let proof =
        prove(services, &credentials, certificate).await.map_err(|unproven| refused(unproven.into()))?;
    let now = services.now();
    let fresh = match proof.once() {
        None => true,
        Some(once) => {
            let used = services.store.use_once(&once.hash, once.until, now).await;
            used.map_err(|error| store_refusal(&error))? == Use::First
        }
    };
    proof.accept(fresh).map_err(|error| (Failure::AssertionReplayed, error))
}

/// Checks what a client gave; once more with keys fetched anew, if it signed with one that we do not know.
async fn prove(
    services: &Services,
    credentials: &Credentials,
    certificate: Option<&ClientCertificate>,
) -> Result<Proof, Unproven> {
    let client = services.clients.lookup(credentials.client_id());
    let check = |keys: Option<Arc<Value>>| {
        let (keys, issuer, now) = (keys.as_deref(), &services.issuer, services.now());
        client_authentication::check(credentials, client, keys, certificate, issuer, now)
    };
    let keys = match client {
        Some(client) => services.client_keys(client).await,
        None => None,
    };
    match (check(keys), client) {
        (Err(Unproven::UnknownKey), Some(client)) => check(services.client_keys_afresh(client).await),
        (checked, _) => checked,
    }
}

/// The keys of `client`, with one among them that `encryption` can use; nothing where nothing is encrypted.
///
/// # Errors
/// [`Failure::ClientKeyMissing`].
pub(super) async fn recipient_keys(
    services: &Services,
    client: &Client,
    encryption: Option<&Encryption>,
) -> Result<Option<Arc<Value>>, Failure> {
    let Some(encryption) = encryption else { return Ok(None) };
    let fit = |keys: &Arc<Value>| encryption.has_key_in(keys);
    if let Some(keys) = services.client_keys(client).await.filter(fit) {
        return Ok(Some(keys));
    }
    let afresh = services.client_keys_afresh(client).await.filter(fit);
    afresh.map(Some).ok_or(Failure::ClientKeyMissing)
}

/// The store failed: which way, only the log says.
pub(super) fn store_refusal(error: &StoreError) -> ClientRefusal {
    tracing::error!(%error, step = step::REDEEM, "the store did not answer");
    (Failure::StoreUnavailable, unavailable())
}

/// What the client is told of troubles of ours that pass.
pub(super) fn unavailable() -> TokenError {
    TokenError::new(OAuthError::TemporarilyUnavailable, "try again later")
}

/// Writes the refusal down, and tells the client.
pub(super) fn refuse(services: &Services, trouble: &Trouble<'_>, error: &TokenError) -> Response {
    trouble.note_with(services, error.error.as_str(), &error.in_full());
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = answer::json(status, error.body().to_string());
    if let Some(challenge) = error.www_authenticate() {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

const MAX_FORM: usize = 64 * 1024;
