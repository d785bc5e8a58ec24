//! Steps 2 to 4: the citizen chooses a country, and the browser departs; or the citizen goes back.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{
    NOTHING_HANDED_OVER, Waiting, error_response, give_up_pushed, is_same_origin, login_id, store_trouble,
    to_broker_from_form, waiting,
};
use crate::audit::Event;
use crate::eidas::trust::Unavailable;
use crate::eidas::{CountryCode, SubjectKind};
use crate::login::{AwaitResponse, ChooseCountry, ClientPolicy, Failure, Obstacle, step, vault};
use crate::store::{self, Abandoned, Departed};
use crate::web::form::Form;
use crate::web::pages::{Cancel, Country, CountryPage, PostPage, Retry, WaitingPage, words};
use crate::web::services::Services;
use crate::web::trouble::Trouble;
use crate::web::{answer, cookie};

/// `GET /login/{id}`: the country page, or the waiting page once a node has been asked.
pub(in crate::web) async fn show(State(services): State<Arc<Services>>, request: Request) -> Response {
    let id = login_id(&request);
    match waiting(&services, request.headers(), id, step::COUNTRY).await {
        Ok(Waiting { state: crate::login::State::AwaitResponse(asked), policy, token }) => {
            let page = WaitingPage {
                country: asked.pending.country.english_name().to_owned(),
                service: policy.service.clone(),
                retry: retry(id, asked.pending.country, &token),
                other_country: Some(country_path(id)),
                cancel: cancel_form(id, &token, None),
            };
            answer::page(StatusCode::OK, &page)
        }
        Ok(found) => country_page(&services, found),
        Err(trouble) => trouble.page(&services),
    }
}

/// `GET /login/{id}/country`: the country page, whatever has happened so far.
pub(in crate::web) async fn countries(State(services): State<Arc<Services>>, request: Request) -> Response {
    match waiting(&services, request.headers(), login_id(&request), step::COUNTRY).await {
        Ok(found) => country_page(&services, found),
        Err(trouble) => trouble.page(&services),
    }
}

/// `POST /login/{id}/country`: departs for the chosen country.
pub(in crate::web) async fn depart(State(services): State<Arc<Services>>, request: Request) -> Response {
    let (found, form) = match own_post(&services, request).await {
        Ok(both) => both,
        Err(trouble) => return trouble.page(&services),
    };
    let (policy, token) = (found.policy, found.token);
    let choice = found.state.choose_again();
    let id = choice.login.id.clone();
    let Some(country) = form.only("country").and_then(CountryCode::parse) else {
        let trouble = Trouble::new(step::COUNTRY, Failure::CountryUnknown).login(&choice.login);
        return super::failed::page(&services, &choice.login, policy, &token, None, trouble);
    };
    let (asked, page) = match prepare(&services, choice, policy, country) {
        Ok(both) => both,
        Err((choice, trouble)) => {
            let trouble = trouble.login(&choice.login);
            return super::failed::page(&services, &choice.login, policy, &token, Some(country), trouble);
        }
    };
    let request_id = asked.pending.request_id.clone();
    let state = crate::login::State::AwaitResponse(Box::new(asked));
    let departure = store::Departure { login_id: id, request_id, payload: state.to_json() };
    match services.store.depart(&departure, services.now()).await {
        Ok(Departed::Noted) => {
            if let crate::login::State::AwaitResponse(asked) = &state {
                record_departure(&services, asked);
            }
            answer::post_page(&page)
        }
        Ok(Departed::Gone) => {
            Trouble::new(step::PREPARE, Failure::LoginUnknown).login(state.login()).page(&services)
        }
        Err(error) => {
            let login = state.login();
            let trouble = store_trouble(step::PREPARE, &error).login(login);
            super::failed::page(&services, login, policy, &token, Some(country), trouble)
        }
    }
}

/// `POST /login/{id}/cancel`: back to the broker. The query may say which failure the citizen leaves from.
pub(in crate::web) async fn cancel(State(services): State<Arc<Services>>, request: Request) -> Response {
    let left_from = Form::of_query(&request).ok();
    let failure = left_from.as_ref().and_then(|query| Failure::by_shown(query.only("error")?));
    let failure = failure.filter(|failure| failure.row().retry).unwrap_or(Failure::CancelledHere);
    let found = match own_post(&services, request).await {
        Ok((found, _)) => found,
        Err(trouble) => return trouble.page(&services),
    };
    let login = found.state.login();
    match services.store.abandon(&login.id, services.now()).await {
        Ok(Abandoned::Ended) => {}
        Ok(Abandoned::Gone) => {
            return Trouble::new(step::COUNTRY, Failure::LoginUnknown).login(login).page(&services);
        }
        // Without its row the login ends by itself; the broker can be told all the same.
        Err(error) => _ = store_trouble(step::COUNTRY, &error).login(login).note(&services),
    }
    Trouble::new(step::COUNTRY, failure).rule("left").login(login).note(&services);
    give_up_pushed(&services, login).await;
    let told = error_response(&services, login, found.policy, failure);
    let mut response = to_broker_from_form(&services, &told, &found.policy.service, NOTHING_HANDED_OVER);
    cookie::remove(&login.id, response.headers_mut());
    response
}

/// Step 3: the request to the node of `country`, and the page that takes it there.
///
/// # Errors
/// The login as it was, and why not.
pub(super) fn prepare(
    services: &Services,
    choice: ChooseCountry,
    policy: &ClientPolicy,
    country: CountryCode,
) -> Result<(AwaitResponse, PostPage), (Box<ChooseCountry>, Trouble<'static>)> {
    let (countries, now) = (services.countries(), services.now());
    match choice.depart(country, policy, &services.connector(), &countries, &*services.random, now) {
        Ok((asked, departure)) => {
            let relay_state = Some(asked.relay_state.as_str());
            let (code, name) = (country.as_str(), country.english_name());
            let page =
                PostPage::to_node(code, name, &departure.destination, &departure.saml_request, relay_state);
            Ok((asked, page))
        }
        Err(refused) => {
            let trouble = Trouble::new(step::PREPARE, refused.failure).detail(refused.detail);
            Err((Box::new(refused.choice), trouble))
        }
    }
}

/// Step 4, for the audit.
pub(super) fn record_departure(services: &Services, asked: &AwaitResponse) {
    let pending = &asked.pending;
    services.record(&Event::Depart {
        login: &asked.login.id,
        client: &asked.login.request.client_id,
        country: pending.country.as_str(),
        node: &pending.entity_id,
        request_id: &pending.request_id,
        loa: format!("{} {}", pending.loa.comparison(), pending.loa.class_refs().join(" ")),
        attributes: pending.attributes.iter().map(|attribute| attribute.friendly_name()).collect(),
    });
}

fn country_page(services: &Services, found: Waiting<'_>) -> Response {
    let Waiting { state, policy, token } = found;
    let choice = state.choose_again();
    let id = &choice.login.id;
    let offers = match choice.offers(policy, &services.countries(), services.now()) {
        Ok(offers) => offers,
        Err(failure) => {
            let trouble = Trouble::new(step::COUNTRY, failure).login(&choice.login);
            return super::failed::page(services, &choice.login, policy, &token, None, trouble);
        }
    };
    let countries = offers.into_iter().map(|offer| Country {
        code: offer.country.as_str().to_owned(),
        name: offer.country.english_name().to_owned(),
        unavailable: offer.obstacle.as_ref().map(|obstacle| reason(obstacle).to_owned()),
    });
    let released = choice.released_attributes(policy);
    let mut released: Vec<_> =
        released.iter().map(|a| words::attribute(a.friendly_name()).to_owned()).collect();
    if choice.asks_for_email(policy) {
        released.push("E-mail address (you will be asked for it)".to_owned());
    }
    let page = CountryPage {
        service: policy.service.clone(),
        purpose: choice.login.purpose(policy).map(str::to_owned),
        legal_person: policy.kind == SubjectKind::Legal,
        level: choice.level(policy).to_owned(),
        released,
        countries: countries.collect(),
        action: country_path(id),
        cancel: cancel_form(id, &token, None),
        token,
        notice: None,
    };
    answer::page(StatusCode::OK, &page)
}

/// Why a country cannot be chosen, in the citizen's words.
fn reason(obstacle: &Obstacle) -> &'static str {
    match obstacle {
        Obstacle::OutOfReach | Obstacle::Unable(Unavailable::Expired(_)) => "cannot be reached at the moment",
        Obstacle::Unable(Unavailable::Loa(_)) => "has no eID of the level that is asked for",
        Obstacle::Unable(Unavailable::MinimumDataSet { kind: SubjectKind::Natural, .. }) => {
            "does not say who a person is"
        }
        Obstacle::Unable(Unavailable::MinimumDataSet { kind: SubjectKind::Legal, .. }) => {
            "has no eID for organisations"
        }
        Obstacle::Unable(Unavailable::RequesterId(_) | Unavailable::RequesterIdUnsendable(_)) => {
            "does not serve this private service"
        }
        Obstacle::Unable(Unavailable::ProtocolVersion(_)) => "does not work with this service yet",
    }
}

/// A POST from a page of ours, in the login's own browser.
async fn own_post(services: &Services, request: Request) -> Result<(Waiting<'_>, Form), Trouble<'static>> {
    let id = login_id(&request).to_owned();
    let found = waiting(services, request.headers(), &id, step::COUNTRY).await?;
    let ours = is_same_origin(request.headers());
    let form = Form::read(request, MAX_FORM).await.map_err(|failure| Trouble::new(step::COUNTRY, failure))?;
    if !ours || !form.only("token").is_some_and(|token| vault::same(token, &found.token)) {
        return Err(Trouble::new(step::COUNTRY, Failure::ForgedForm));
    }
    Ok((found, form))
}

/// The form that tries `country` again.
pub(super) fn retry(id: &str, country: CountryCode, token: &str) -> Retry {
    Retry {
        action: country_path(id),
        country: country.as_str().to_owned(),
        country_name: country.english_name().to_owned(),
        token: token.to_owned(),
    }
}

pub(super) fn country_path(id: &str) -> String {
    format!("/login/{id}/country")
}

/// The form that goes back to the service, from `failure` if there was one.
pub(super) fn cancel_form(id: &str, token: &str, failure: Option<Failure>) -> Cancel {
    let from = failure.map(|failure| format!("?error={}", failure.row().shown)).unwrap_or_default();
    Cancel { action: format!("/login/{id}/cancel{from}"), token: token.to_owned() }
}

const MAX_FORM: usize = 16 * 1024;
