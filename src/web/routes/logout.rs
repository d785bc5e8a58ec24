//! `/end_session`: a relying party wants somebody to be logged out (OpenID Connect RP-Initiated Logout 1.0).
//!
//! With an ID token it works without a browser as well: brokers call it from server to server. Otherwise the
//! person is asked on a page of ours.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;

use super::{is_same_origin, session, store_trouble};
use crate::audit::Event;
use crate::login::{Failure, step, vault};
use crate::oidc::logout::{self, LogoutRequest, Verdict};
use crate::store::StoreError;
use crate::web::form::Form;
use crate::web::pages::{Field, LogoutPage, SaidPage};
use crate::web::services::Services;
use crate::web::trouble::Trouble;
use crate::web::{answer, cookie};

pub(in crate::web) async fn by_get(State(services): State<Arc<Services>>, request: Request) -> Response {
    if request.method() == Method::HEAD {
        // axum sends HEAD where GET goes, and this one ends something.
        return Trouble::new(step::REQUEST, Failure::MethodNotAllowed).page(&services);
    }
    match Form::of_query(&request) {
        Ok(query) => begin(&services, request.headers(), &query, false).await,
        Err(failure) => Trouble::new(step::REQUEST, failure).page(&services),
    }
}

pub(in crate::web) async fn by_post(State(services): State<Arc<Services>>, request: Request) -> Response {
    let headers = request.headers().clone();
    match Form::read(request, MAX_FORM).await {
        Ok(form) => begin(&services, &headers, &form, is_from_elsewhere(&headers)).await,
        Err(failure) => Trouble::new(step::REQUEST, failure).page(&services),
    }
}

/// `POST /end_session/confirm`: what the person said on our page.
pub(in crate::web) async fn confirm(State(services): State<Arc<Services>>, request: Request) -> Response {
    let refuse = |failure| Trouble::new(step::REQUEST, failure).page(&services);
    let headers = request.headers().clone();
    let form = match Form::read(request, MAX_FORM).await {
        Ok(form) => form,
        Err(failure) => return refuse(failure),
    };
    let token = cookie::of_logout(&headers).map(vault::form_token);
    let is_ours = token.zip(form.only("token")).is_some_and(|(token, sent)| vault::same(&token, sent));
    if !is_ours || !is_same_origin(&headers) {
        return refuse(Failure::ForgedForm);
    }
    if form.only("decision") != Some("logout") {
        let mut kept = answer::page(StatusCode::OK, &SaidPage::still_logged_in());
        cookie::remove_logout(kept.headers_mut());
        return kept;
    }
    match read(&services, &form) {
        Ok(request) => match end(&services, &headers, &request, true).await {
            Ok(ended) => say(&services, &request, &ended, true),
            Err(shown) => shown,
        },
        Err(trouble) => trouble.page(&services),
    }
}

fn read(services: &Services, form: &Form) -> Result<LogoutRequest, Trouble<'static>> {
    let read = logout::check(&form.0, &services.clients, &services.signing_keys(), &services.issuer);
    read.map_err(|refusal| {
        Trouble::new(step::REQUEST, Failure::LogoutRefused).rule(refusal.code()).detail(refusal)
    })
}

/// `blind` if the browser has kept the cookies of sessions to itself: then a session that is not the one of the hint
/// would not be seen, and "you are logged out" not be true.
async fn begin(services: &Services, headers: &HeaderMap, form: &Form, blind: bool) -> Response {
    let request = match read(services, form) {
        Ok(request) => request,
        Err(trouble) => return trouble.page(services),
    };
    let client = request.client_id.as_deref().and_then(|id| services.client(id));
    let own = match client {
        Some((client, _)) => session::find(services, headers, client).await,
        None => None,
    };
    let ask = || ask(services, headers, form, client.map(|(_, policy)| policy.service.clone()));
    let blind = blind && client.is_some_and(|(client, _)| client.sso.is_some());
    match request.judge(own.as_ref().map(|(_, session)| session.sid.as_str())) {
        Verdict::Ask => ask(),
        Verdict::End => match end(services, headers, &request, false).await {
            Ok(ended) if blind && ended.count == 0 => ask(),
            Ok(ended) => say(services, &request, &ended, false),
            Err(shown) => shown,
        },
    }
}

/// Whether a form of another site was posted: with it cookies that are `SameSite=Lax` do not come.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site")
}

/// The page that asks. It carries what came, to be judged again.
fn ask(services: &Services, headers: &HeaderMap, form: &Form, service: Option<String>) -> Response {
    let (cookie, fresh) = match cookie::of_logout(headers) {
        Some(cookie) => (cookie.to_owned(), false),
        None => (crate::ids::token(&*services.random), true),
    };
    let known = |name: &&str| form.only(name).map(|value| Field::new(name, value));
    let page = LogoutPage {
        service,
        action: CONFIRM.to_owned(),
        token: vault::form_token(&cookie),
        fields: logout::KNOWN.iter().filter_map(known).collect(),
    };
    let mut response = answer::page(StatusCode::OK, &page);
    if fresh {
        cookie::set_logout(&cookie, response.headers_mut());
    }
    response
}

/// What was ended.
struct Ended<'a> {
    count: usize,
    /// The names of the cookies that the browser is to forget.
    cookies: Vec<&'a str>,
}

/// Ends the session that the hint names and those of this browser that are meant. `confirmed` by the person, on our
/// page.
///
/// # Errors
/// What to show instead.
async fn end<'a>(
    services: &Services,
    headers: &'a HeaderMap,
    request: &LogoutRequest,
    confirmed: bool,
) -> Result<Ended<'a>, Response> {
    // Without a client the person means all of them; and nobody but the person can.
    let cookies: Vec<_> = match &request.client_id {
        Some(client) => cookie::session_of(headers, client).into_iter().collect(),
        None if confirmed => cookie::sessions(headers).collect(),
        None => Vec::new(),
    };
    let sid = request.hint.as_ref().and_then(|hint| hint.sid.as_deref());
    let words = sid.into_iter().chain(cookies.iter().map(|(_, value)| *value));
    match end_all(services, words).await {
        Ok(count) => Ok(Ended { count, cookies: cookies.into_iter().map(|(name, _)| name).collect() }),
        Err(error) => Err(store_trouble(step::REQUEST, &error).page(services)),
    }
}

/// Tells the audit and the person, and goes where the client wants.
fn say(services: &Services, request: &LogoutRequest, ended: &Ended<'_>, confirmed: bool) -> Response {
    let client = request.client_id.as_deref();
    services.record(&Event::Logout { client, confirmed, ended: ended.count });
    let mut response = match (&request.location, confirmed) {
        (None, _) => answer::page(StatusCode::OK, &SaidPage::logged_out()),
        (Some(location), false) => answer::see_other(location),
        (Some(location), true) => {
            let policy = client.and_then(|client| services.client(client)).map(|(_, policy)| policy);
            let service = policy.map_or("the service", |policy| policy.service.as_str());
            answer::leave(service, "You are logged out.", location)
        }
    };
    for name in &ended.cookies {
        cookie::remove_session_named(name, response.headers_mut());
    }
    if confirmed {
        cookie::remove_logout(response.headers_mut());
    }
    response
}

async fn end_all<'a>(services: &Services, words: impl Iterator<Item = &'a str>) -> Result<usize, StoreError> {
    let mut ended = 0;
    for word in words {
        ended += usize::from(services.store.end_session(&vault::digest(word)).await?);
    }
    Ok(ended)
}

/// Where the page posts to.
const CONFIRM: &str = "/end_session/confirm";
const MAX_FORM: usize = 64 * 1024;
