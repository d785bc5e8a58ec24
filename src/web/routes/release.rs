//! Step 9: `/continue`. The handle says which answer, the cookie says that this is the browser that began
//! the login; without both nothing is released.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;

use super::interlude::proceed;
use super::{Way, back_to_broker, email, failed, finish_pushed, give_up_pushed, session, store_trouble};
use crate::audit::Event;
use crate::ids;
use crate::login::session::Session;
use crate::login::{
    self, ChooseCountry, ClientPolicy, DeclinedAnswer, Failure, Login, Outcome, Paused, step, vault,
};
use crate::store::{Issued, NewCode, NewLogin, Taken, Use};
use crate::web::cookie::LoginCookie;
use crate::web::form::Form;
use crate::web::pages::WrongBrowserPage;
use crate::web::services::Services;
use crate::web::trouble::Trouble;
use crate::web::{answer, cookie};

pub(in crate::web) async fn release(State(services): State<Arc<Services>>, request: Request) -> Response {
    if request.method() == Method::HEAD {
        // axum sends HEAD where GET goes, and a preview of the link must not use it up.
        return Trouble::new(step::RELEASE, Failure::MethodNotAllowed).page(&services);
    }
    let query = Form::of_query(&request).ok();
    let named = |name| query.as_ref().and_then(|query| query.only(name));
    let (Some(id), Some(handle)) = (named("login").filter(|id| cookie::is_login(id)), named("handle")) else {
        return Trouble::new(step::RELEASE, Failure::BadForm).page(&services);
    };
    let headers = request.headers();
    let Some(cookie) = cookie::of_login(headers, id) else {
        return wrong_browser(&services);
    };
    let taken =
        services.store.take_outcome(&vault::digest(handle), &vault::digest(cookie), services.now()).await;
    let outcome = match taken {
        Ok(Taken::Outcome(outcome)) => outcome,
        Ok(Taken::OtherBrowser { .. }) => return wrong_browser(&services),
        Ok(Taken::Gone) => {
            return Trouble::new(step::RELEASE, Failure::AlreadyReleased).page(&services);
        }
        Err(error) => return store_trouble(step::RELEASE, &error).page(&services),
    };
    let (Ok(state), Some(opened)) =
        (login::State::from_json(&outcome.payload), Outcome::open(handle, &outcome.sealed))
    else {
        return Trouble::new(step::RELEASE, Failure::StateUnreadable).page(&services);
    };
    let login = state.login();
    let Some((client, policy)) = services.client(&login.request.client_id) else {
        return Trouble::new(step::RELEASE, Failure::ClientWithoutPolicy).login(login).page(&services);
    };
    match (opened, &state) {
        (Outcome::Normalised(normalised), login::State::AwaitResponse(asked)) => {
            let way = Way { login, client, policy, headers, cookie, posted: false };
            match email::recall(&services, &way, *normalised).await {
                Ok(normalised) => {
                    proceed(&services, &way, Paused::new(asked.pending.country, normalised)).await
                }
                Err(shown) => shown,
            }
        }
        (Outcome::Declined(declined), _) => {
            let mut response = choose_again(&services, headers, login, policy, &declined).await;
            cookie::remove(id, response.headers_mut());
            response
        }
        // Nobody was asked, so nobody can have answered.
        (Outcome::Normalised(_), login::State::ChooseCountry(_)) => {
            Trouble::new(step::RELEASE, Failure::StateUnreadable).login(login).page(&services)
        }
    }
}

/// Makes the code.
pub(super) async fn issue(services: &Services, way: &Way<'_>, paused: Paused) -> Response {
    let Way { login, client, policy, .. } = *way;
    let latest = services.now() - client.iat_backdate;
    let paused = Paused { normalised: paused.normalised.authenticated_by(latest), ..paused };
    let session = client
        .sso
        .map(|lifetime| (Session::begin(login, &paused, client, policy, &*services.random), lifetime));
    let sid = session.as_ref().map(|(session, _)| session.sid.as_str());
    let issued = match paused.normalised.release(login, policy, &services.issuer, sid, &*services.random) {
        Ok(issued) => issued,
        Err(failure) => {
            Trouble::new(step::RELEASE, failure).rule("SEC-32 acr").login(login).note(services);
            give_up_pushed(services, login).await;
            return way.back_to_broker(services, failure);
        }
    };
    match finish_pushed(services, login).await {
        Ok(Use::First) => {}
        Ok(Use::Again) => {
            let trouble = Trouble::new(step::RELEASE, Failure::AlreadyReleased).rule("request_uri used");
            return trouble.login(login).page(services);
        }
        Err(error) => {
            store_trouble(step::RELEASE, &error).login(login).note(services);
            return way.back_to_broker(services, Failure::StoreUnavailable);
        }
    }
    let now = services.now();
    let code = NewCode {
        login_id: login.id.clone(),
        code_hash: issued.code_hash,
        sealed: issued.sealed,
        expires: now + CODE_LIFETIME,
    };
    match services.store.issue_code(&code, now).await {
        Ok(Issued::Issued) => {
            services.record(&Event::Release { login: &login.id, client: &login.request.client_id });
            let mut response = way.answer(services, &issued.response, "You are logged in.");
            if let Some((session, lifetime)) = &session {
                session::keep(services, way, (session, *lifetime), response.headers_mut()).await;
            }
            response
        }
        Ok(Issued::Gone) => Trouble::new(step::RELEASE, Failure::AlreadyReleased).login(login).page(services),
        Err(error) => {
            store_trouble(step::RELEASE, &error).login(login).note(services);
            way.back_to_broker(services, Failure::StoreUnavailable)
        }
    }
}

/// The node said no. A login has one answer, so the citizen goes on with a new login for the same request,
/// under a new cookie.
async fn choose_again(
    services: &Services,
    headers: &HeaderMap,
    login: &Login,
    policy: &ClientPolicy,
    declined: &DeclinedAnswer,
) -> Response {
    let failure = declined.failure;
    let trouble = Trouble::new(step::RELEASE, failure).login(login);
    let reference = trouble.note(services);
    if policy.cancel_goes_back && failure == Failure::DeclinedCancelled {
        give_up_pushed(services, login).await;
        return back_to_broker(services, login, policy, failure);
    }
    let now = services.now();
    let id = ids::handle(&*services.random);
    let cookie = LoginCookie::new(&*services.random, now);
    let again = Login { id: id.clone(), request: login.request.clone(), expires: login.expires };
    let state =
        login::State::ChooseCountry(Box::new(ChooseCountry { login: again, last: Some(declined.country) }));
    let begun = NewLogin {
        id: id.clone(),
        browser_hash: cookie.hash(),
        request_id: None,
        payload: state.to_json(),
        created: now,
        expires: login.expires,
    };
    if let Err(error) = services.store.begin(&begun).await {
        store_trouble(step::RELEASE, &error).login(login).note(services);
        return back_to_broker(services, login, policy, failure);
    }
    let mut response = answer::see_other(&failed::address(Some(&id), failure, &reference));
    cookie.set(&id, headers, response.headers_mut());
    response
}

/// Somebody came with a handle that was not meant for this browser: stolen, sent on, or the browser threw
/// the cookie away. For the rightful one the outcome stays where it is.
fn wrong_browser(services: &Services) -> Response {
    let reference = Trouble::new(step::RELEASE, Failure::WrongBrowser).rule("SEC-13 browser").note(services);
    answer::page(StatusCode::FORBIDDEN, &WrongBrowserPage { reference })
}

/// RFC 9700 §2.1.1 wants codes short-lived; brokers redeem at once.
pub(super) const CODE_LIFETIME: Duration = Duration::from_secs(60);
