//! `/userinfo`: the claims that the access token opens (OpenID Connect Core §5.3).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use super::presented::{self, Presented};
use super::sender::Sender;
use crate::audit::Event;
use crate::login::{Failure, step};
use crate::oidc::AccessToken;
use crate::oidc::discovery::path;
use crate::oidc::userinfo::{self, UserinfoError};
use crate::web::answer;
use crate::web::form::Form;
use crate::web::services::Services;
use crate::web::trouble::Trouble;

pub(in crate::web) async fn by_get(State(services): State<Arc<Services>>, request: Request) -> Response {
    let sender = Sender::of(&request, path::USERINFO);
    respond(&services, &sender, request.headers(), &[]).await
}

/// The token may stand in the header, with no body or another kind of body, or in a form
/// (RFC 6750 §2.1, §2.2).
pub(in crate::web) async fn by_post(State(services): State<Arc<Services>>, request: Request) -> Response {
    let (sender, headers) = (Sender::of(&request, path::USERINFO), request.headers().clone());
    let form = Form::read(request, MAX_FORM).await.map(|form| form.0).unwrap_or_default();
    respond(&services, &sender, &headers, &form).await
}

async fn respond(
    services: &Services,
    sender: &Sender,
    headers: &HeaderMap,
    form: &[(String, String)],
) -> Response {
    let authorization = headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    match open(services, sender, authorization, form).await {
        Ok(found) => {
            services.record(&Event::Userinfo { login: &found.login, client: &found.meaning.client_id });
            let body = serde_json::to_string(found.meaning.claims.expose()).unwrap_or_default();
            answer::json(StatusCode::OK, body)
        }
        Err((failure, error)) => {
            let word = error.error().map_or("no_token", |error| error.as_str());
            Trouble::new(step::REDEEM, failure).note_with(services, word, &error.to_string());
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::UNAUTHORIZED);
            let mut response = answer::empty(status);
            let challenge = error.www_authenticate().and_then(|text| HeaderValue::try_from(text).ok());
            if let Some(challenge) = challenge {
                response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            }
            response
        }
    }
}

async fn open(
    services: &Services,
    sender: &Sender,
    authorization: Option<&str>,
    form: &[(String, String)],
) -> Result<Presented<AccessToken>, (Failure, UserinfoError)> {
    let refused = |error| (Failure::AccessTokenRefused, error);
    let (scheme, word) = userinfo::presented_token(authorization, form).map_err(refused)?;
    let found = presented::access_token(services, word.expose()).await;
    let found = found.map_err(|failure| (failure, UserinfoError::Unavailable))?;
    let found = found.ok_or_else(|| refused(UserinfoError::InvalidToken))?;
    sender.holds(services, &found.meaning, scheme, word.expose()).await?;
    Ok(found)
}

const MAX_FORM: usize = 16 * 1024;
