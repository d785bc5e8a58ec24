//! `/revoke`: a client ends a token, or a code, that it was given, before its time (RFC 7009).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::client::{self, refuse, store_refusal, unavailable};
use super::presented;
use crate::audit::{Event, Revoked};
use crate::login::{Failure, step, vault};
use crate::oidc::token::TokenError;
use crate::oidc::{OAuthError, access_token};
use crate::store::Revocation;
use crate::web::answer;
use crate::web::services::Services;
use crate::web::trouble::Trouble;

pub(in crate::web) async fn end(State(services): State<Arc<Services>>, request: Request) -> Response {
    let (client, form) = match client::known(&services, request, Failure::RevocationRefused).await {
        Ok(known) => known,
        Err(refused) => return refused,
    };
    let refused =
        |failure, error| refuse(&services, &Trouble::new(step::REDEEM, failure).client(&client.id), &error);
    let word = match access_token::presented(&form.0) {
        Ok(word) => word,
        Err(error) => return refused(Failure::RevocationRefused, error),
    };
    let found = match find(&services, word.expose()).await {
        Ok(found) => found,
        Err(failure) => return refused(failure, unavailable()),
    };
    // RFC 7009 §2.2: what is no token needs no revoking, and a client could do nothing about an error.
    let Some(found) = found else { return answer::empty(StatusCode::OK) };
    if found.owner != client.id {
        let error = TokenError::new(OAuthError::InvalidGrant, "the token was issued to another client");
        return refused(Failure::RevocationRefused, error);
    }
    match services.store.revoke_token(&vault::digest(word.expose()), services.now()).await {
        Ok(Revocation::Revoked) => {
            services.record(&Event::Revoke { login: &found.login, client: &client.id, what: found.what });
            answer::empty(StatusCode::OK)
        }
        Ok(Revocation::Gone) => answer::empty(StatusCode::OK),
        Err(error) => {
            let (failure, error) = store_refusal(&error);
            refused(failure, error)
        }
    }
}

struct Found {
    owner: String,
    login: String,
    what: Revoked,
}

async fn find(services: &Services, word: &str) -> Result<Option<Found>, Failure> {
    if let Some(token) = presented::access_token(services, word).await? {
        let (owner, login) = (token.meaning.client_id, token.login);
        return Ok(Some(Found { owner, login, what: Revoked::AccessToken }));
    }
    let code = presented::code(services, word).await?;
    Ok(code.map(|code| Found { owner: code.meaning.client_id, login: code.login, what: Revoked::Code }))
}
