//! Between step 8 and step 9: pages that ask the person something before the code is made.
//!
//! A page carries the handle of what waits; its form takes it from the store, once, in the browser that began
//! the login, and then either the next page or the way back to the broker follows.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::release::issue;
use super::{Way, email, give_up_pushed, is_same_origin, login_id, store_trouble};
use crate::audit::Event;
use crate::login::{self, Failure, Interlude, Login, Paused, interlude, step, vault};
use crate::store::{Held, Issued, Taken};
use crate::web::answer;
use crate::web::cookie::{self, LoginCookie};
use crate::web::form::Form;
use crate::web::pages::{Datum, ReleasePage};
use crate::web::services::Services;
use crate::web::trouble::Trouble;

/// What the form of a page took from the store.
pub(super) struct Resumed {
    pub(super) login: Login,
    pub(super) paused: Paused,
    pub(super) form: Form,
    /// The value of the login's cookie.
    pub(super) cookie: String,
    pub(super) headers: HeaderMap,
}

/// The next page for the person; without one, the code.
pub(super) async fn proceed(services: &Services, way: &Way<'_>, paused: Paused) -> Response {
    match interlude::next(way.policy, &way.login.request, &paused) {
        Some(asked) => pause(services, way, &paused, asked).await,
        None => {
            let mut response = issue(services, way, paused).await;
            cookie::remove(&way.login.id, response.headers_mut());
            response
        }
    }
}

/// Puts what waits back under a fresh handle, and shows the page that carries it.
async fn pause(services: &Services, way: &Way<'_>, paused: &Paused, asked: Interlude) -> Response {
    let (handle, sealed) = paused.seal(&*services.random);
    if let Err(shown) = hold(services, way, &handle, sealed).await {
        return shown;
    }
    let mut response = match asked {
        Interlude::Email => email::page(way, paused, handle),
        Interlude::Notice => release_page(way, paused, handle, false),
        Interlude::Consent => release_page(way, paused, handle, true),
    };
    LoginCookie::renew(&way.login.id, way.cookie, response.headers_mut());
    response
}

/// Puts what waits back under `handle`.
///
/// # Errors
/// What to show instead.
pub(super) async fn hold(
    services: &Services,
    way: &Way<'_>,
    handle: &str,
    sealed: Vec<u8>,
) -> Result<(), Response> {
    let now = services.now();
    let login = way.login;
    let handle_hash = vault::digest(handle);
    let expires = (now + PATIENCE).min(login.expires + LONGEST);
    let held = Held { login_id: login.id.clone(), handle_hash, sealed, expires };
    match services.store.hold(&held, now).await {
        Ok(Issued::Issued) => Ok(()),
        Ok(Issued::Gone) => {
            Err(Trouble::new(step::RELEASE, Failure::AlreadyReleased).login(login).page(services))
        }
        Err(error) => {
            store_trouble(step::RELEASE, &error).login(login).note(services);
            Err(way.back_to_broker(services, Failure::StoreUnavailable))
        }
    }
}

/// What the form of a page says, with what it is about. Whoever sends it twice is the second.
///
/// # Errors
/// What to show instead.
pub(super) async fn resume(services: &Services, request: Request) -> Result<Resumed, Response> {
    let refuse = |failure| Trouble::new(step::RELEASE, failure).page(services);
    let id = login_id(&request).to_owned();
    let headers = request.headers().clone();
    let cookie = cookie::of_login(&headers, &id).filter(|_| cookie::is_login(&id));
    let cookie = cookie.ok_or_else(|| refuse(Failure::LoginUnknown))?.to_owned();
    let form = Form::read(request, MAX_FORM).await.map_err(refuse)?;
    let token = vault::form_token(&cookie);
    if !is_same_origin(&headers) || !form.only("token").is_some_and(|sent| vault::same(sent, &token)) {
        return Err(refuse(Failure::ForgedForm));
    }
    let handle = form.only("handle").ok_or_else(|| refuse(Failure::BadForm))?;
    let taken =
        services.store.take_outcome(&vault::digest(handle), &vault::digest(&cookie), services.now()).await;
    let outcome = match taken {
        Ok(Taken::Outcome(outcome)) if outcome.login_id == id => outcome,
        Ok(_) => return Err(refuse(Failure::AlreadyReleased)),
        Err(error) => return Err(store_trouble(step::RELEASE, &error).page(services)),
    };
    let (Ok(state), Some(paused)) =
        (login::State::from_json(&outcome.payload), Paused::open(handle, &outcome.sealed))
    else {
        return Err(refuse(Failure::StateUnreadable));
    };
    Ok(Resumed { login: state.login().clone(), paused, form, cookie, headers })
}

impl Resumed {
    /// The way on from here.
    ///
    /// # Errors
    /// What to show if the client is gone.
    pub(super) fn way<'a>(&'a self, services: &'a Services) -> Result<Way<'a>, Trouble<'a>> {
        let Some((client, policy)) = services.client(&self.login.request.client_id) else {
            let trouble = Trouble::new(step::RELEASE, Failure::ClientWithoutPolicy);
            return Err(trouble.login(&self.login));
        };
        let (login, headers, cookie) = (&self.login, &self.headers, self.cookie.as_str());
        Ok(Way { login, client, policy, headers, cookie, posted: true })
    }
}

/// `POST /login/{id}/consent`: the person has seen what will be released.
pub(in crate::web) async fn consent(State(services): State<Arc<Services>>, request: Request) -> Response {
    let resumed = match resume(&services, request).await {
        Ok(resumed) => resumed,
        Err(shown) => return shown,
    };
    let way = match resumed.way(&services) {
        Ok(way) => way,
        Err(trouble) => return trouble.page(&services),
    };
    let mut paused = resumed.paused.clone();
    let asked = match interlude::next(way.policy, &way.login.request, &paused) {
        Some(Interlude::Consent) => "consent",
        Some(Interlude::Notice) => "notice",
        // The page was another one, or the configuration has changed: nobody has been asked this.
        Some(Interlude::Email) | None => return proceed(&services, &way, paused).await,
    };
    if resumed.form.only("decision") != Some("accept") {
        return refused(&services, &way, Failure::ConsentRefused).await;
    }
    paused.progress.agreed = true;
    services.record(&Event::Consent {
        login: &way.login.id,
        client: &way.login.request.client_id,
        kind: asked,
        released: paused.normalised.claim_names(),
    });
    proceed(&services, &way, paused).await
}

/// The login ends here, and the broker hears that the person does not want it.
pub(super) async fn refused(services: &Services, way: &Way<'_>, failure: Failure) -> Response {
    Trouble::new(step::RELEASE, failure).login(way.login).note(services);
    give_up_pushed(services, way.login).await;
    let mut response = way.back_to_broker(services, failure);
    cookie::remove(&way.login.id, response.headers_mut());
    response
}

fn release_page(way: &Way<'_>, paused: &Paused, handle: String, asks: bool) -> Response {
    let normalised = &paused.normalised;
    let level = normalised.level.notified().map_or_else(|| normalised.level.uri(), |level| level.short());
    let page = ReleasePage {
        asks,
        service: way.policy.service.clone(),
        purpose: way.login.purpose(way.policy).map(str::to_owned),
        country: paused.country.english_name().to_owned(),
        level: level.to_owned(),
        data: Datum::of_claims(&normalised.claims()),
        action: format!("/login/{}/consent", way.login.id),
        handle,
        token: vault::form_token(way.cookie),
    };
    answer::page(StatusCode::OK, &page)
}

/// How long a page waits for the person.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long all pages together may hold a login up after it should have ended: what is known about the person does
/// not wait for ever, and the authentication does not grow old.
const LONGEST: Duration = Duration::from_mins(30);
const MAX_FORM: usize = 16 * 1024;
