//! How the gateway answers: every kind of answer with the headers that belong to it.
//!
//! The Content-Security-Policy has three forms. Chromium applies `form-action` to the whole chain of
//! redirects that follows a POST, so a page whose form leaves the gateway cannot name where it ends; and
//! from a page with `form-action 'self'` one can only leave by a GET.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, LOCATION, REFERRER_POLICY, REFRESH,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use super::pages::{LeavePage, POST_SCRIPT_SHA256, Page, PostPage};
use crate::oidc::Delivery;

/// A page of ours.
pub(crate) fn page(status: StatusCode, page: &dyn Page) -> Response {
    let mut answer = with_type(status, HTML, page.html());
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    answer
}

/// A page that posts its form to another host by itself.
pub(crate) fn post_page(page: &dyn Page) -> Response {
    let mut answer = with_type(StatusCode::OK, HTML, page.html());
    let policy = format!("{POST_POLICY_START}'sha256-{POST_SCRIPT_SHA256}'");
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        answer.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    answer
}

/// The answer to an authorization request, after a form of ours was posted. `service` and `explanation` are for
/// the person.
pub(crate) fn to_broker_from_form(delivery: &Delivery, service: &str, explanation: &str) -> Response {
    match delivery.by_form {
        false => leave(service, explanation, &delivery.location()),
        true => to_broker(delivery),
    }
}

/// A page that answers a POST and leads away from the gateway by GET at once.
pub(crate) fn leave(service: &str, explanation: &str, location: &str) -> Response {
    let (service, explanation) = (service.to_owned(), explanation.to_owned());
    let mut answer = page(StatusCode::OK, &LeavePage { service, explanation, address: location.to_owned() });
    if let Ok(refresh) = HeaderValue::from_str(&format!("0; url={location}")) {
        answer.headers_mut().insert(REFRESH, refresh);
    }
    answer
}

/// The answer to an authorization request, in the way that the broker asked for.
pub(crate) fn to_broker(delivery: &Delivery) -> Response {
    match delivery.by_form {
        false => see_other(&delivery.location()),
        true => post_page(&PostPage::to_broker(&delivery.redirect_uri, &delivery.parameters)),
    }
}

/// 303, never 302 or 307: what follows is a GET (RFC 9700 §4.12).
pub(crate) fn see_other(location: &str) -> Response {
    let mut answer = empty(StatusCode::SEE_OTHER);
    match HeaderValue::from_str(location) {
        Ok(location) => {
            answer.headers_mut().insert(LOCATION, location);
        }
        // Every address is built from checked parts; a control character in one would be our fault.
        Err(_) => *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
    }
    answer
}

/// JSON that nobody may keep.
pub(crate) fn json(status: StatusCode, body: String) -> Response {
    with_type(status, JSON, body)
}

/// A JWT that nobody may keep.
pub(crate) fn jwt(token: String) -> Response {
    with_type(StatusCode::OK, "application/jwt", token)
}

/// Something that is the same for everybody, to be kept for `seconds`.
pub(crate) fn public(content_type: &'static str, body: impl Into<Body>, seconds: u64) -> Response {
    let mut answer = with_type(StatusCode::OK, content_type, body);
    if let Ok(value) = HeaderValue::from_str(&format!("public, max-age={seconds}")) {
        answer.headers_mut().insert(CACHE_CONTROL, value);
    }
    answer
}

/// What the other side has already is still right, for `seconds` more.
pub(crate) fn not_modified(seconds: u64) -> Response {
    let mut answer = empty(StatusCode::NOT_MODIFIED);
    if let Ok(value) = HeaderValue::from_str(&format!("public, max-age={seconds}")) {
        answer.headers_mut().insert(CACHE_CONTROL, value);
    }
    answer
}

/// Text for machines and monitors.
pub(crate) fn text(status: StatusCode, body: &'static str) -> Response {
    with_type(status, TEXT, body)
}

/// Metrics (OpenMetrics 1.0).
pub(crate) fn metrics(body: String) -> Response {
    with_type(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", body)
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

/// Adds what every answer carries, unless its kind has said otherwise. Runs on every answer, so that none
/// can be without.
pub(crate) fn complete(headers: &mut HeaderMap, https: bool) {
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if https {
        headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(HeaderValue::from_static("max-age=31536000"));
    }
}

fn with_type(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                           base-uri 'none'; frame-ancestors 'none'";
/// No `form-action`: the node, or the broker, redirects onward to hosts that nobody can list.
const POST_POLICY_START: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                                 frame-ancestors 'none'; script-src ";
const ALWAYS: [(HeaderName, &str); 7] = [
    (CACHE_CONTROL, "no-store"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (REFERRER_POLICY, "no-referrer"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
/// The content type of JSON answers.
pub(crate) const JSON: &str = "application/json";
