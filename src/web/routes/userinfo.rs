//! `/userinfo`: the claims that the access token opens (OpenID Connect Core §5.3).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use super::client;
use super::presented::{self, Presented};
use super::sender::Sender;
use crate::audit::Event;
use crate::login::{Failure, step};
use crate::oidc::discovery::path;
use crate::oidc::userinfo::{self, Answer, UserinfoError};
use crate::oidc::{AccessToken, Keyring, UserinfoForm};
use crate::web::answer;
use crate::web::form::Form;
use crate::web::services::Services;
use crate::web::trouble::Trouble;

pub(in crate::web) async fn by_get(State(services): State<Arc<Services>>, request: Request) -> Response {
    let sender = Sender::of(&services, &request, path::USERINFO);
    respond(&services, &sender, request.headers(), &[]).await
}

/// The token may stand in the header, with no body or another kind of body, or in a form
/// (RFC 6750 §2.1, §2.2).
pub(in crate::web) async fn by_post(State(services): State<Arc<Services>>, request: Request) -> Response {
    let (sender, headers) = (Sender::of(&services, &request, path::USERINFO), request.headers().clone());
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
    let answered = match open(services, sender, authorization, form).await {
        Ok(found) => tell(services, &found).await,
        Err(refused) => Err(refused),
    };
    match answered {
        Ok(Answer::Json(body)) => answer::json(StatusCode::OK, body),
        Ok(Answer::Jwt(body)) => answer::jwt(body),
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

async fn tell(
    services: &Services,
    found: &Presented<AccessToken>,
) -> Result<Answer, (Failure, UserinfoError)> {
    let token = &found.meaning;
    // A client that was taken out of the configuration learns nothing more.
    let client = services.clients.lookup(&token.client_id);
    let client = client.ok_or((Failure::AccessTokenRefused, UserinfoError::InvalidToken))?;
    let clients = client::recipient_keys(services, client, client.userinfo.encryption()).await;
    let failure = match (&clients, &client.userinfo) {
        (Err(failure), _) => *failure,
        (Ok(_), UserinfoForm::Off) => Failure::AccessTokenRefused,
        (Ok(_), _) => Failure::KeyUnusable,
    };
    let clients = clients.ok().flatten();
    let ours = services.signing_keys();
    let keys = Keyring { ours: &ours, clients: clients.as_deref() };
    let answer = userinfo::answer(token, client, &keys, &services.issuer);
    let answer = answer.map_err(|error| (failure, error))?;
    services.record(&Event::Userinfo { login: &found.login, client: &token.client_id });
    Ok(answer)
}

const MAX_FORM: usize = 16 * 1024;
