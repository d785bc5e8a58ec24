//! `/userinfo`: the claims that the access token opens (OpenID Connect Core §5.3).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use crate::audit::Event;
use crate::login::vault::{self, Purpose};
use crate::login::{Failure, step};
use crate::oidc::AccessToken;
use crate::oidc::userinfo::{self, UserinfoError};
use crate::web::answer;
use crate::web::form::Form;
use crate::web::services::Services;
use crate::web::trouble::Trouble;

pub(in crate::web) async fn by_get(State(services): State<Arc<Services>>, request: Request) -> Response {
    respond(&services, request.headers(), &[]).await
}

/// The token may stand in the header, with no body or another kind of body, or in a form
/// (RFC 6750 §2.1, §2.2).
pub(in crate::web) async fn by_post(State(services): State<Arc<Services>>, request: Request) -> Response {
    let headers = request.headers().clone();
    let form = Form::read(request, MAX_FORM).await.map(|form| form.0).unwrap_or_default();
    respond(&services, &headers, &form).await
}

async fn respond(services: &Services, headers: &HeaderMap, form: &[(String, String)]) -> Response {
    let authorization = headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    match open(services, authorization, form).await {
        Ok((login, token)) => {
            services.record(&Event::Userinfo { login: &login });
            let body = serde_json::to_string(token.claims.expose()).unwrap_or_default();
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
    authorization: Option<&str>,
    form: &[(String, String)],
) -> Result<(String, AccessToken), (Failure, UserinfoError)> {
    let refused = |error| (Failure::AccessTokenRefused, error);
    let token = userinfo::bearer_token(authorization, form).map_err(refused)?;
    let token = token.expose();
    let opened = services.store.find_access_token(&vault::digest(token), services.now()).await;
    let opened = opened.map_err(|error| {
        tracing::error!(%error, step = step::REDEEM, "the store did not answer");
        (Failure::StoreUnavailable, UserinfoError::Unavailable)
    })?;
    let opened = opened.ok_or_else(|| refused(UserinfoError::InvalidToken))?;
    match vault::open(token, Purpose::AccessToken, &opened.sealed) {
        Some(token) => Ok((opened.login_id, token)),
        None => Err((Failure::StateUnreadable, UserinfoError::Unavailable)),
    }
}

const MAX_FORM: usize = 16 * 1024;
