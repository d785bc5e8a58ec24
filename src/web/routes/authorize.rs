//! Step 1: `/authorize`, by GET or POST (OpenID Connect Core §3.1.2.1).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;

use super::{back_to_broker, choose, error_description, session, signed, store_trouble, to_broker};
use crate::audit::Event;
use crate::login::vault::{self, Purpose};
use crate::login::{self, ChooseCountry, Failure, step};
use crate::oidc::authorize::{self, AuthorizationRequest, AuthorizeRefusal, PageRefusal, Prompt};
use crate::oidc::{ErrorDescription, OAuthError, RedirectUri, form};
use crate::store::NewLogin;
use crate::web::answer;
use crate::web::cookie::LoginCookie;
use crate::web::form::Form;
use crate::web::services::Services;
use crate::web::trouble::Trouble;

pub(in crate::web) async fn by_get(State(services): State<Arc<Services>>, request: Request) -> Response {
    if request.method() == Method::HEAD {
        // axum sends HEAD where GET goes, and this one begins something.
        return Trouble::new(step::REQUEST, Failure::MethodNotAllowed).page(&services);
    }
    let headers = request.headers().clone();
    match Form::of_query(&request) {
        Ok(query) => begin(&services, &headers, &query).await,
        Err(failure) => Trouble::new(step::REQUEST, failure).page(&services),
    }
}

pub(in crate::web) async fn by_post(State(services): State<Arc<Services>>, request: Request) -> Response {
    let headers = request.headers().clone();
    match Form::read(request, MAX_FORM).await {
        Ok(form) => begin(&services, &headers, &form).await,
        Err(failure) => Trouble::new(step::REQUEST, failure).page(&services),
    }
}

/// The request that `client` has pushed.
async fn find_pushed(
    services: &Services,
    client: &str,
    reference: &str,
) -> Result<Result<AuthorizationRequest, AuthorizeRefusal>, Trouble<'static>> {
    let sealed = services.store.find_pushed(&vault::digest(reference), services.now()).await;
    let sealed = sealed.map_err(|error| store_trouble(step::REQUEST, &error))?;
    let opened = sealed.and_then(|sealed| vault::open(reference, Purpose::PushedRequest, &sealed));
    let of_client = opened.filter(|request: &AuthorizationRequest| request.client_id == client);
    Ok(of_client.ok_or(AuthorizeRefusal::Page(PageRefusal::RequestUriInvalid)))
}

/// The request in these parameters, or in the object among them that the client has signed.
async fn check(
    services: &Services,
    parameters: &[(String, String)],
) -> Result<Result<AuthorizationRequest, AuthorizeRefusal>, Trouble<'static>> {
    let client = authorize::client_id(parameters)
        .and_then(|id| services.clients.lookup(id).ok_or(PageRefusal::ClientUnknown));
    let client = match client {
        Ok(client) => client,
        Err(refusal) => return Ok(Err(AuthorizeRefusal::Page(refusal))),
    };
    let provider = services.provider();
    let opened = signed::open(services, client, parameters).await;
    Ok(match opened.map_err(|error| store_trouble(step::REQUEST, &error))? {
        None => authorize::check(parameters, client, &provider),
        Some(Ok(object)) => authorize::check_object(&object, client, &provider),
        Some(Err(refused)) => Err(authorize::refuse_object(&refused, parameters, client, &provider)),
    })
}

/// For the log: what was sent and what is registered. The page says none of it.
fn compared(services: &Services, parameters: &[(String, String)], refusal: PageRefusal) -> String {
    let id = form::one(parameters, "client_id").unwrap_or_default();
    match (refusal, services.clients.lookup(id), form::one(parameters, "redirect_uri")) {
        (PageRefusal::ClientUnknown, ..) => {
            format!("client_id {} was sent, and no [[client]] block has it as its id", shown(id))
        }
        (PageRefusal::RedirectUriUnregistered, Some(client), Some(sent)) => {
            let registered: Vec<_> = client.redirect_uris.iter().map(RedirectUri::as_str).collect();
            let registered = registered.join(" ");
            format!("{} was sent; redirect_uris of the client {id}: {registered}", shown(sent))
        }
        _ => refusal.to_string(),
    }
}

/// What somebody sent, as far as the log needs it: a query could tell about a person.
fn shown(sent: &str) -> String {
    let (bare, query) = sent.split_once('?').map_or((sent, ""), |(bare, _)| (bare, "?…"));
    bare.chars().filter(|c| !c.is_control()).take(200).collect::<String>() + query
}

async fn begin(services: &Services, headers: &HeaderMap, parameters: &Form) -> Response {
    let checked = match authorize::reference(&parameters.0) {
        Ok(None) => match check(services, &parameters.0).await {
            Ok(checked) => checked,
            Err(trouble) => return trouble.page(services),
        },
        Ok(Some((client, reference))) => match find_pushed(services, client, reference).await {
            Ok(found) => found,
            Err(trouble) => return trouble.page(services),
        },
        Err(refusal) => Err(AuthorizeRefusal::Page(refusal)),
    };
    let request = match checked {
        Ok(request) => request,
        Err(AuthorizeRefusal::Page(refusal)) => {
            let trouble = Trouble::new(step::REQUEST, Failure::RequestPage).rule(refusal.code());
            return trouble.detail(compared(services, &parameters.0, refusal)).page(services);
        }
        Err(AuthorizeRefusal::Redirect(refusal)) => {
            let trouble = Trouble::new(step::REQUEST, Failure::RequestRefused);
            let trouble = trouble.rule(refusal.error.as_str()).detail(&refusal.description);
            trouble.client(&refusal.response.client_id).note(services);
            return to_broker(services, &refusal.response);
        }
    };
    let Some((client, policy)) = services.client(&request.client_id) else {
        let failure = Failure::ClientWithoutPolicy;
        Trouble::new(step::REQUEST, failure).client(&request.client_id).note(services);
        let description = error_description(failure);
        return to_broker(services, &request.error(OAuthError::ServerError, &description, &services.issuer));
    };
    if client.sso.is_some() {
        match session::answer(services, headers, (client, policy), &request).await {
            Ok(response) => return response,
            Err(obstacle) if request.prompt.contains(&Prompt::None) => {
                let trouble = Trouble::new(step::REQUEST, Failure::RequestRefused).client(&client.id);
                trouble.rule(OAuthError::LoginRequired.as_str()).detail(obstacle).note(services);
                let description = ErrorDescription::new(&obstacle.to_string());
                let error = OAuthError::LoginRequired;
                return to_broker(services, &request.error(error, &description, &services.issuer));
            }
            Err(_) => {}
        }
    }
    let (now, countries) = (services.now(), services.countries());
    let state = match ChooseCountry::begin(request, policy, &countries, &*services.random, now) {
        Ok(state) => state,
        Err((login, failure)) => {
            Trouble::new(step::REQUEST, failure).login(&login).note(services);
            return back_to_broker(services, &login, policy, failure);
        }
    };
    if !services.crowd.admit(now, state.login.expires) {
        let failure = Failure::TooManyLogins;
        Trouble::new(step::REQUEST, failure).login(&state.login).note(services);
        return back_to_broker(services, &state.login, policy, failure);
    }
    let cookie = LoginCookie::new(&*services.random, now);
    services.record(&Event::Request {
        login: &state.login.id,
        client: &client.id,
        scope: state.login.request.scope.iter().map(String::as_str).collect(),
        loa: state.loa_in_words(policy),
    });
    let id = state.login.id.clone();
    let (state, departure) = match state.preselected(policy, &countries, now) {
        Some(country) => match choose::prepare(services, state, policy, country) {
            Ok((waiting, page)) => (login::State::AwaitResponse(Box::new(waiting)), Some(page)),
            Err((state, trouble)) => {
                // The citizen chooses instead; the page there says what is possible.
                trouble.note(services);
                (login::State::ChooseCountry(state), None)
            }
        },
        None => (login::State::ChooseCountry(Box::new(state)), None),
    };
    let login = NewLogin {
        id: id.clone(),
        browser_hash: cookie.hash(),
        request_id: match &state {
            login::State::AwaitResponse(waiting) => Some(waiting.pending.request_id.clone()),
            login::State::ChooseCountry(_) => None,
        },
        payload: state.to_json(),
        created: now,
        expires: state.login().expires,
    };
    if let Err(error) = services.store.begin(&login).await {
        store_trouble(step::REQUEST, &error).login(state.login()).note(services);
        return back_to_broker(services, state.login(), policy, Failure::StoreUnavailable);
    }
    let mut response = match (&state, departure) {
        (login::State::AwaitResponse(waiting), Some(page)) => {
            choose::record_departure(services, waiting);
            answer::post_page(&page)
        }
        _ => answer::see_other(&format!("/login/{id}")),
    };
    cookie.set(&id, headers, response.headers_mut());
    response
}

const MAX_FORM: usize = 64 * 1024;
