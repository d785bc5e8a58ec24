//! `/failed`: where a browser lands whose login did not get on. It shows what happened and, if this browser
//! has a login that still waits, the ways on: try again, another country, back to the service.
//!
//! The assertion consumer service sends everybody here, whatever was wrong with the answer. What stands in
//! the address was written to the log before; somebody who makes one up only sees a page about nothing.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;

use super::{Waiting, choose, waiting};
use crate::eidas::CountryCode;
use crate::login::{self, ClientPolicy, Failure, Login, step};
use crate::web::form::Form;
use crate::web::pages::FailurePage;
use crate::web::services::Services;
use crate::web::trouble::{self, Trouble};
use crate::web::{answer, cookie, text};

pub(in crate::web) async fn show(State(services): State<Arc<Services>>, request: Request) -> Response {
    let query = Form::of_query(&request).ok();
    let named = |name| query.as_ref().and_then(|query| query.only(name));
    let (Some(failure), Some(reference)) =
        (named("error").and_then(Failure::by_shown), named("reference").filter(|text| is_reference(text)))
    else {
        return Trouble::new(step::RETURN, Failure::BadForm).page(&services);
    };
    let headers = request.headers();
    let mut logins: Vec<&str> = cookie::logins(headers).into_iter().map(|(login, _)| login).collect();
    // The one it is about; if the address does not know, the newest.
    if let Some(about) = named("login") {
        logins.retain(|login| *login == about);
    }
    for id in logins {
        if let Ok(found) = waiting(&services, headers, id, step::RETURN).await {
            let Waiting { state, policy, token } = found;
            let country = match &state {
                login::State::AwaitResponse(asked) => Some(asked.pending.country),
                login::State::ChooseCountry(choice) => choice.last,
            };
            return render(state.login(), policy, &token, country, failure, reference);
        }
    }
    trouble::page(failure, reference)
}

/// The same page for a failure that has just happened, which is written down here.
pub(super) fn page(
    services: &Services,
    login: &Login,
    policy: &ClientPolicy,
    token: &str,
    country: Option<CountryCode>,
    trouble: Trouble<'_>,
) -> Response {
    let reference = trouble.note(services);
    render(login, policy, token, country, trouble.failure(), &reference)
}

/// The address of the page for `failure`, noted under `reference`.
pub(super) fn address(login: Option<&str>, failure: Failure, reference: &str) -> String {
    let login = login.map(|login| format!("&login={login}")).unwrap_or_default();
    format!("/failed?error={}&reference={reference}{login}", failure.row().shown)
}

fn render(
    login: &Login,
    policy: &ClientPolicy,
    token: &str,
    country: Option<CountryCode>,
    failure: Failure,
    reference: &str,
) -> Response {
    let row = failure.row();
    let (heading, explanation) = text::of(row.text, country.map(CountryCode::english_name));
    let page = FailurePage {
        heading,
        explanation,
        code: row.shown.to_owned(),
        reference: reference.to_owned(),
        service: policy.service.clone(),
        retry: country.filter(|_| row.retry).map(|country| choose::retry(&login.id, country, token)),
        other_country: row.retry.then(|| choose::country_path(&login.id)),
        cancel: Some(choose::cancel_form(&login.id, token, Some(failure))),
    };
    answer::page(trouble::status(failure), &page)
}

/// What [`crate::ids::reference`] makes.
fn is_reference(text: &str) -> bool {
    text.len() == 9
        && text.bytes().enumerate().all(|(n, b)| if n == 4 { b == b'-' } else { b.is_ascii_alphanumeric() })
}
