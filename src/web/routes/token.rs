//! Step 10: `/token`, where the broker redeems the code.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::client::{self, ClientRefusal, refuse, store_refusal, unavailable};
use super::sender::Sender;
use crate::audit::Event;
use crate::ids;
use crate::login::vault::{self, Purpose};
use crate::login::{Failure, step};
use crate::oidc::discovery::path;
use crate::oidc::token::{self, TokenError, TokenRequest, TokenResponse};
use crate::oidc::{AccessToken, Grant, Keyring, OAuthError};
use crate::store::{NewAccessToken, Redeemed, Stored};
use crate::web::answer;
use crate::web::services::Services;
use crate::web::trouble::Trouble;

pub(in crate::web) async fn redeem(State(services): State<Arc<Services>>, request: Request) -> Response {
    let sender = Sender::of(&services, &request, path::TOKEN);
    let (client, form) = match client::known(&services, request, Failure::TokenRefused).await {
        Ok(known) => known,
        Err(refused) => return refused,
    };
    let request = match token::request(&form.0, Arc::clone(&client)) {
        Ok(request) => request,
        Err(error) => {
            let trouble = Trouble::new(step::REDEEM, Failure::TokenRefused).client(&client.id);
            return refuse(&services, &trouble, &error);
        }
    };
    match bound(&services, &sender, request).await {
        Ok(response) => answer::json(StatusCode::OK, serde_json::to_string(&response).unwrap_or_default()),
        Err((failure, error)) => {
            refuse(&services, &Trouble::new(step::REDEEM, failure).client(&client.id), &error)
        }
    }
}

/// The key is looked at before the code: a proof that is refused leaves the code alone.
async fn bound(
    services: &Services,
    sender: &Sender,
    request: TokenRequest,
) -> Result<TokenResponse, ClientRefusal> {
    let confirmation = sender.confirmation(services, &request.client, Failure::TokenRefused).await?;
    exchange(services, &TokenRequest { confirmation, ..request }).await
}

async fn exchange(services: &Services, request: &TokenRequest) -> Result<TokenResponse, ClientRefusal> {
    let invalid_grant =
        |failure| (failure, TokenError::new(OAuthError::InvalidGrant, "the code is not valid"));
    // Before the code is spent: the client may come again when its keys can be had.
    let recipient = request.client.id_token_encryption.as_ref();
    let clients = client::recipient_keys(services, &request.client, recipient).await.map_err(|failure| {
        (failure, TokenError::new(OAuthError::ServerError, "there is no key of the client to encrypt to"))
    })?;
    let ours = services.signing_keys();
    let keys = Keyring { ours: &ours, clients: clients.as_deref() };
    let code = request.code.expose();
    let code_hash = vault::digest(code);
    let now = services.now();
    let (login, sealed) = match services.store.redeem_code(&code_hash, now).await {
        Ok(Redeemed::Grant { login_id, sealed }) => (login_id, sealed),
        Ok(Redeemed::Reused { .. }) => return Err(invalid_grant(Failure::CodeReused)),
        Ok(Redeemed::Unknown) => return Err(invalid_grant(Failure::TokenRefused)),
        Err(error) => return Err(store_refusal(&error)),
    };
    let grant: Grant =
        vault::open(code, Purpose::Code, &sealed).ok_or_else(|| (Failure::StateUnreadable, unavailable()))?;
    let access_token = ids::token(&*services.random);
    let response =
        token::redeem(request, &grant, &keys, &access_token, now, &services.issuer).map_err(|error| {
            match error.error {
                OAuthError::ServerError => (Failure::KeyUnusable, error),
                _ => (Failure::TokenRefused, error),
            }
        })?;
    let token = AccessToken::of(&grant, &request.client, request.confirmation.clone(), now);
    let stored = NewAccessToken {
        code_hash,
        token_hash: vault::digest(&access_token),
        sealed: vault::seal(&access_token, Purpose::AccessToken, &token, &*services.random),
        expires: token.expires,
    };
    match services.store.put_access_token(&stored, now).await {
        Ok(Stored::Stored) => {
            let (client, response_id) = (request.client.id.as_str(), grant.txn.as_deref());
            services.record(&Event::Redeem { login: &login, client, response_id });
            Ok(response)
        }
        Ok(Stored::Revoked) => Err(invalid_grant(Failure::CodeReused)),
        Err(error) => Err(store_refusal(&error)),
    }
}
