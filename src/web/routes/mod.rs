//! One file per route, or per group of routes that do the same thing.

pub(super) mod acs;
pub(super) mod authorize;
pub(super) mod choose;
mod client;
pub(super) mod documents;
pub(super) mod email;
pub(super) mod failed;
pub(super) mod interlude;
pub(super) mod introspect;
pub(super) mod logout;
pub(super) mod par;
mod presented;
pub(super) mod release;
pub(super) mod revoke;
mod sender;
mod session;
mod signed;
pub(super) mod token;
pub(super) mod userinfo;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::response::Response;

use super::services::Services;
use super::trouble::Trouble;
use super::{answer, cookie};
use crate::login::{ClientPolicy, Failure, Login, State, step, vault};
use crate::oidc::{AuthorizationResponse, Client, Delivery, ErrorDescription};
use crate::store::{LoginRow, StoreError, Use};

/// A login that waits, in the browser that began it.
pub(super) struct Waiting<'a> {
    pub(super) state: State,
    pub(super) policy: &'a ClientPolicy,
    /// The anti-forgery token of this browser's forms.
    pub(super) token: String,
}

/// Finds the login `id` and makes sure that this is its browser.
///
/// # Errors
/// What to show instead.
pub(super) async fn waiting<'a>(
    services: &'a Services,
    headers: &HeaderMap,
    id: &str,
    step: &'static str,
) -> Result<Waiting<'a>, Trouble<'static>> {
    if !cookie::is_login(id) {
        return Err(Trouble::new(step, Failure::NotFound));
    }
    let row = services.store.find(id, services.now()).await.map_err(|error| store_trouble(step, &error))?;
    let row = row.ok_or_else(|| Trouble::new(step, Failure::LoginUnknown))?;
    let cookie = cookie::of_login(headers, id).filter(|cookie| is_browser_of(&row, cookie));
    let cookie = cookie.ok_or_else(|| Trouble::new(step, Failure::WrongBrowser))?;
    let token = vault::form_token(cookie);
    let state = State::from_json(&row.payload).map_err(|failure| Trouble::new(step, failure))?;
    match services.client(&state.login().request.client_id) {
        Some((_, policy)) => Ok(Waiting { policy, token, state }),
        None => Err(Trouble::new(step, Failure::ClientWithoutPolicy)),
    }
}

/// Fetch metadata: browsers that know it always say where a request comes from, and pages cannot forge it.
/// `none` is the person's own doing, such as a reload.
pub(super) fn is_same_origin(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none")
}

/// The second part of `/login/{id}/…`.
pub(super) fn login_id(request: &Request) -> &str {
    request.uri().path().split('/').nth(2).unwrap_or_default()
}

/// A login whose outcome was taken, in its browser, on the way back to its broker.
pub(super) struct Way<'a> {
    pub(super) login: &'a Login,
    pub(super) client: &'a Client,
    pub(super) policy: &'a ClientPolicy,
    /// Those of the browser's request.
    pub(super) headers: &'a HeaderMap,
    /// The value of the login's cookie.
    pub(super) cookie: &'a str,
    /// Whether a form of ours was posted: then a redirect would not get out (see `answer`).
    pub(super) posted: bool,
}

impl Way<'_> {
    /// Takes `response` to the broker.
    pub(super) fn answer(
        &self,
        services: &Services,
        response: &AuthorizationResponse,
        explanation: &str,
    ) -> Response {
        match self.posted {
            true => to_broker_from_form(services, response, &self.policy.service, explanation),
            false => to_broker(services, response),
        }
    }

    /// Ends the login by sending the browser to the broker with an error.
    pub(super) fn back_to_broker(&self, services: &Services, failure: Failure) -> Response {
        let response = error_response(services, self.login, self.policy, failure);
        self.answer(services, &response, NOTHING_HANDED_OVER)
    }
}

/// For the page on which somebody leaves without having logged in.
const NOTHING_HANDED_OVER: &str = "Nothing about you was handed over.";

fn is_browser_of(row: &LoginRow, cookie: &str) -> bool {
    vault::same_hash(&vault::digest(cookie), &row.browser_hash)
}

/// The store failed: which way, only the log says.
pub(super) fn store_trouble(step: &'static str, error: &StoreError) -> Trouble<'static> {
    Trouble::new(step, Failure::StoreUnavailable).detail(error)
}

/// What tells the broker that the login ended with `failure`.
pub(super) fn error_response(
    services: &Services,
    login: &Login,
    policy: &ClientPolicy,
    failure: Failure,
) -> AuthorizationResponse {
    login.request.error(login.oauth_error(failure, policy), &error_description(failure), &services.issuer)
}

/// The login ends, and with it the pushed request that it may have begun with. `Again` if another login with
/// the same one has ended before.
pub(super) async fn finish_pushed(services: &Services, login: &Login) -> Result<Use, StoreError> {
    match &login.request.pushed {
        Some(hash) => services.store.finish_pushed(hash).await,
        None => Ok(Use::First),
    }
}

/// The same where it makes no difference: what is left of it expires by itself.
pub(super) async fn give_up_pushed(services: &Services, login: &Login) {
    if let Err(error) = finish_pushed(services, login).await {
        tracing::error!(%error, "the store did not answer");
    }
}

/// What the broker's developer reads.
fn error_description(failure: Failure) -> ErrorDescription {
    let row = failure.row();
    ErrorDescription::new(&format!("{} {}", row.code, row.meaning))
}

/// The answer as the browser takes it to the broker.
///
/// # Errors
/// A signed answer that cannot be signed goes nowhere.
fn deliver(services: &Services, response: &AuthorizationResponse) -> Result<Delivery, Trouble<'static>> {
    let delivery = response.deliver(&services.signing_keys(), &services.issuer, services.now());
    delivery.map_err(|error| Trouble::new(step::RELEASE, Failure::KeyUnusable).detail(error))
}

/// Sends the browser to the broker with an answer.
pub(super) fn to_broker(services: &Services, response: &AuthorizationResponse) -> Response {
    match deliver(services, response) {
        Ok(delivery) => answer::to_broker(&delivery),
        Err(trouble) => trouble.page(services),
    }
}

/// The same after a form of ours was posted. `service` and `explanation` are for the person.
pub(super) fn to_broker_from_form(
    services: &Services,
    response: &AuthorizationResponse,
    service: &str,
    explanation: &str,
) -> Response {
    match deliver(services, response) {
        Ok(delivery) => answer::to_broker_from_form(&delivery, service, explanation),
        Err(trouble) => trouble.page(services),
    }
}

/// Ends a login by sending the browser to the broker with an error.
pub(super) fn back_to_broker(
    services: &Services,
    login: &Login,
    policy: &ClientPolicy,
    failure: Failure,
) -> Response {
    to_broker(services, &error_response(services, login, policy, failure))
}
