//! `/introspect`: a client asks whether a token that it was given is still good (RFC 7662).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::client::{self, refuse, unavailable};
use super::presented;
use crate::audit::Event;
use crate::login::{Failure, step};
use crate::oidc::{access_token, introspection};
use crate::web::answer;
use crate::web::services::Services;
use crate::web::trouble::Trouble;

pub(in crate::web) async fn answer(State(services): State<Arc<Services>>, request: Request) -> Response {
    let (client, form) = match client::known(&services, request, Failure::IntrospectionRefused).await {
        Ok(known) => known,
        Err(refused) => return refused,
    };
    let refused =
        |failure, error| refuse(&services, &Trouble::new(step::REDEEM, failure).client(&client.id), &error);
    let word = match introspection::may_ask(&client).and_then(|()| access_token::presented(&form.0)) {
        Ok(word) => word,
        Err(error) => return refused(Failure::IntrospectionRefused, error),
    };
    let found = match presented::access_token(&services, word.expose()).await {
        Ok(found) => found,
        Err(failure) => return refused(failure, unavailable()),
    };
    let own = found.filter(|found| found.meaning.client_id == client.id);
    let body = introspection::answer(own.as_ref().map(|own| &own.meaning), &client, &services.issuer);
    let login = own.as_ref().map(|own| own.login.as_str());
    services.record(&Event::Introspect { login, client: &client.id, active: own.is_some() });
    answer::json(StatusCode::OK, body.to_string())
}
