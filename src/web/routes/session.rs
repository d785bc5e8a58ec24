//! Sessions: a client that has them is answered without the person, while the browser has the cookie.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::response::Response;

use super::release::CODE_LIFETIME;
use super::{Way, finish_pushed, store_trouble, to_broker};
use crate::audit::Event;
use crate::ids;
use crate::login::session::{Obstacle, Session};
use crate::login::{ClientPolicy, Failure, Login, step, vault};
use crate::oidc::{AuthorizationRequest, Client};
use crate::store::{Issued, NewSession, SessionCode, Use};
use crate::web::cookie;
use crate::web::services::Services;
use crate::web::trouble::Trouble;

/// Answers `request` from the session of this browser.
///
/// # Errors
/// Why the person has to be asked.
pub(super) async fn answer(
    services: &Services,
    headers: &HeaderMap,
    (client, policy): (&Client, &ClientPolicy),
    request: &AuthorizationRequest,
) -> Result<Response, Obstacle> {
    let (cookie, session) = find(services, headers, client).await.ok_or(Obstacle::NoSession)?;
    let now = services.now();
    let normalised = session.answer(request, client, policy, &services.subject_key.blinding(), now)?;
    let id = ids::handle(&*services.random);
    let login = Login { id, request: request.clone(), expires: now + CODE_LIFETIME };
    let sid = Some(session.sid.as_str());
    let issued = normalised.release(&login, policy, &services.issuer, sid, &*services.random);
    let issued = issued.map_err(|_| Obstacle::LevelTooLow)?;
    let code = SessionCode {
        login_id: login.id.clone(),
        cookie_hash: vault::digest(cookie),
        code_hash: issued.code_hash,
        sealed: issued.sealed,
        expires: login.expires,
    };
    match services.store.issue_from_session(&code, now).await {
        Ok(Issued::Issued) => {}
        Ok(Issued::Gone) => return Err(Obstacle::NoSession),
        Err(error) => {
            store_trouble(step::RELEASE, &error).login(&login).note(services);
            return Err(Obstacle::NoSession);
        }
    }
    match finish_pushed(services, &login).await {
        Ok(Use::First) => {}
        // The code is there, and nobody hears of it.
        Ok(Use::Again) => {
            let trouble = Trouble::new(step::RELEASE, Failure::AlreadyReleased).rule("request_uri used");
            return Ok(trouble.login(&login).page(services));
        }
        Err(error) => return Ok(store_trouble(step::RELEASE, &error).login(&login).page(services)),
    }
    services.record(&Event::Resume { login: &login.id, client: &client.id, began: &session.login });
    Ok(to_broker(services, &issued.response))
}

/// The session that this browser has with `client`, and the value of its cookie.
pub(super) async fn find<'a>(
    services: &Services,
    headers: &'a HeaderMap,
    client: &Client,
) -> Option<(&'a str, Session)> {
    client.sso?;
    let cookie = cookie::of_session(headers, &client.id)?;
    match services.store.find_session(&vault::digest(cookie), services.now()).await {
        Ok(Some(row)) if row.client_id == client.id => Some((cookie, Session::open(cookie, &row.sealed)?)),
        Ok(_) => None,
        Err(error) => {
            tracing::error!(%error, "the store did not answer");
            None
        }
    }
}

/// Keeps `session` for `lifetime`, in the place of the one that this browser had with the client. What fails here
/// costs the person a login later, and not this one.
pub(super) async fn keep(
    services: &Services,
    way: &Way<'_>,
    (session, lifetime): (&Session, Duration),
    answer: &mut HeaderMap,
) {
    let (store, client) = (&services.store, way.client.id.as_str());
    if let Some(old) = cookie::of_session(way.headers, client)
        && let Err(error) = store.end_session(&vault::digest(old)).await
    {
        tracing::error!(%error, "the store did not answer");
    }
    let (cookie, sealed) = session.seal(&*services.random);
    let new = NewSession {
        cookie_hash: vault::digest(&cookie),
        sid_hash: vault::digest(&session.sid),
        client_id: client.to_owned(),
        sealed,
        expires: services.now() + lifetime,
    };
    match store.begin_session(&new).await {
        Ok(()) => cookie::set_session(client, &cookie, lifetime, answer),
        Err(error) => {
            tracing::error!(%error, "the store did not answer");
            cookie::remove_session(client, answer);
        }
    }
}
