//! `/par`: the client sends its authorization request itself, beforehand, and the browser carries only a
//! reference to it (RFC 9126). The reference is good for a minute to begin logins with, and for one of them to
//! end.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::client::{self, refuse, store_refusal, unavailable};
use super::sender::Sender;
use super::signed;
use crate::ids;
use crate::login::vault::{self, Purpose};
use crate::login::{Failure, step};
use crate::oidc::authorize::{self, REQUEST_URI};
use crate::oidc::discovery::path;
use crate::oidc::token::TokenError;
use crate::oidc::{Confirmation, OAuthError};
use crate::store::NewPushed;
use crate::web::answer;
use crate::web::services::Services;
use crate::web::trouble::Trouble;

pub(in crate::web) async fn push(State(services): State<Arc<Services>>, request: Request) -> Response {
    let sender = Sender::of(&services, &request, path::PAR);
    let (client, form) = match client::known(&services, request, Failure::PushRefused).await {
        Ok(known) => known,
        Err(refused) => return refused,
    };
    let refused =
        |failure, error| refuse(&services, &Trouble::new(step::REQUEST, failure).client(&client.id), &error);
    let reference = ids::token(&*services.random);
    let hash = vault::digest(&reference);
    let provider = services.provider();
    let pushed = match signed::open(&services, &client, &form.0).await {
        Ok(None) => authorize::push(&form.0, &client, &provider, hash),
        Ok(Some(Ok(object))) => authorize::push_object(&form.0, &object, &client, &provider, hash),
        Ok(Some(Err(refusal))) => {
            Err(TokenError::new(OAuthError::InvalidRequestObject, &refusal.fault.to_string()))
        }
        Err(error) => {
            let (failure, error) = store_refusal(&error);
            return refused(failure, error);
        }
    };
    let mut pushed = match pushed {
        Ok(pushed) => pushed,
        Err(error) => return refused(Failure::PushRefused, error),
    };
    // Here a proof is no duty (RFC 9449 §10.1).
    if sender.shows_a_proof() {
        let bound = match sender.confirmation(&services, &client, Failure::PushRefused).await {
            Ok(Some(Confirmation::Jkt(thumbprint))) => pushed.bind(thumbprint),
            Ok(_) => Ok(()),
            Err((failure, error)) => return refused(failure, error),
        };
        if let Err(error) = bound {
            return refused(Failure::PushRefused, error);
        }
    }
    let now = services.now();
    let expires = now + LIFETIME;
    let keep_until = expires + LONGEST_LOGIN;
    // Anybody can push under the name of a public client, and each request takes room in the database.
    if client.is_public() && !services.pushes.admit(now, keep_until) {
        return refused(Failure::TooManyLogins, unavailable());
    }
    let row = NewPushed {
        hash,
        sealed: vault::seal(&reference, Purpose::PushedRequest, &pushed, &*services.random),
        expires,
        keep_until,
    };
    if let Err(error) = services.store.put_pushed(&row).await {
        let (failure, error) = store_refusal(&error);
        return refused(failure, error);
    }
    let body =
        json!({ "request_uri": format!("{REQUEST_URI}{reference}"), "expires_in": LIFETIME.as_secs() });
    answer::json(StatusCode::CREATED, body.to_string())
}

/// RFC 9126 §2.2 wants it short; FAPI 2.0 §5.3.2.2 allows ten minutes.
const LIFETIME: Duration = Duration::from_secs(60);
/// A login that began in time must find the row when it ends.
const LONGEST_LOGIN: Duration = Duration::from_secs(3600);
