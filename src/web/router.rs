//! Every route, and what all of them have in common.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};

use super::answer;
use super::routes::{
    acs, authorize, choose, documents, email, failed, interlude, introspect, logout, par, release, revoke,
    token, userinfo,
};
use super::services::Services;
use super::trouble::Trouble;
use crate::login::{Failure, step};
use crate::metrics::Metrics;

/// The gateway as one service. There is no CORS: no page of another origin has business here.
pub fn router(services: Arc<Services>) -> Router {
    Router::new()
        // The OpenID Provider.
        .route("/authorize", get(authorize::by_get).post(authorize::by_post))
        .route("/token", post(token::redeem))
        .route("/par", post(par::push))
        .route("/userinfo", get(userinfo::by_get).post(userinfo::by_post))
        .route("/introspect", post(introspect::answer))
        .route("/revoke", post(revoke::end))
        .route("/jwks", get(documents::jwks))
        .route("/.well-known/openid-configuration", get(documents::discovery))
        .route("/.well-known/oauth-authorization-server", get(documents::discovery))
        .route("/end_session", get(logout::by_get).post(logout::by_post))
        .route("/end_session/confirm", post(logout::confirm))
        // The citizen.
        .route("/login/{id}", get(choose::show))
        .route("/login/{id}/country", get(choose::countries).post(choose::depart))
        .route("/login/{id}/cancel", post(choose::cancel))
        .route("/login/{id}/email", post(email::answer))
        .route("/login/{id}/consent", post(interlude::consent))
        .route("/failed", get(failed::show))
        .route("/continue", get(release::release))
        // The member states.
        .route("/saml/acs", post(acs::receive))
        .route("/saml/metadata", get(documents::saml_metadata))
        // Everybody.
        .route("/", get(documents::index))
        .route("/healthz", get(documents::health))
        .route("/static/{name}", get(documents::asset))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&services), complete))
        .with_state(services)
}

/// The metrics, for an address of their own that only the monitoring system reaches.
pub fn metrics(metrics: Arc<Metrics>) -> Router {
    let show = move || async move { answer::metrics(metrics.text()) };
    Router::new().route("/metrics", get(show))
}

/// Adds the headers that every answer carries, to those of axum itself as well.
async fn complete(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    answer::complete(response.headers_mut(), services.issuer.is_https());
    response
}

async fn not_found(State(services): State<Arc<Services>>) -> Response {
    Trouble::new(step::REQUEST, Failure::NotFound).page(&services)
}

async fn method_not_allowed(State(services): State<Arc<Services>>) -> Response {
    Trouble::new(step::REQUEST, Failure::MethodNotAllowed).page(&services)
}
