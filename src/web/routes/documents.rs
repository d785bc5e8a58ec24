//! What is the same for everybody: discovery, keys, our SAML metadata, the front page, static files, health.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::{ETAG, LAST_MODIFIED};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;

use crate::eidas::metadata::CACHE_FOR;
use crate::login::{Entry, Failure, step};
use crate::oidc::discovery::path;
use crate::oidc::token_keys::JWKS_FRESH;
use crate::web::answer;
use crate::web::pages::{IndexPage, assets};
use crate::web::services::Services;
use crate::web::trouble::Trouble;

pub(in crate::web) async fn discovery(State(services): State<Arc<Services>>) -> Response {
    answer::public(answer::JSON, services.discovery.clone(), AN_HOUR)
}

pub(in crate::web) async fn jwks(State(services): State<Arc<Services>>) -> Response {
    let jwks = services.signing_keys().jwks().to_string();
    answer::public(answer::JSON, Bytes::from(jwks), JWKS_FRESH.as_secs())
}

/// Its address is our entityID (eIDAS Interoperability Architecture 1.4 §6.4). Whoever has this very document
/// already is told so (RFC 9110 §13.1).
pub(in crate::web) async fn saml_metadata(
    State(services): State<Arc<Services>>,
    headers: HeaderMap,
) -> Response {
    let metadata = match services.own_metadata() {
        Ok(metadata) => metadata,
        Err(failure) => return Trouble::new(step::PREPARE, failure).page(&services),
    };
    let fresh_for = CACHE_FOR.as_secs();
    let mut answer = if metadata.is_what(&headers) {
        answer::not_modified(fresh_for)
    } else {
        answer::public("application/samlmetadata+xml", metadata.xml.clone(), fresh_for)
    };
    for (name, value) in [(ETAG, &metadata.etag), (LAST_MODIFIED, &metadata.last_modified)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

pub(in crate::web) async fn index(State(services): State<Arc<Services>>) -> Response {
    let now = services.now();
    let usable = |entry: &Entry| matches!(entry, Entry::Trusted(node) if node.usable_at(now));
    let countries = services.countries();
    let mut names: Vec<String> = countries
        .iter()
        .filter(|(_, entry)| usable(entry))
        .map(|(country, _)| country.english_name().to_owned())
        .collect();
    names.sort_unstable();
    let page = IndexPage {
        issuer: services.issuer.as_str().to_owned(),
        discovery: services.issuer.endpoint(path::METADATA),
        metadata: services.connector().entity_id.clone(),
        jwks: services.issuer.endpoint(path::JWKS),
        countries: names,
    };
    answer::page(StatusCode::OK, &page)
}

pub(in crate::web) async fn asset(State(services): State<Arc<Services>>, request: Request) -> Response {
    match request.uri().path().strip_prefix("/static/").and_then(assets::asset) {
        Some(asset) => answer::public(asset.content_type, asset.body, AN_HOUR),
        None => Trouble::new(step::REQUEST, Failure::NotFound).page(&services),
    }
}

/// For monitors: whether logins can work, as far as we are concerned.
pub(in crate::web) async fn health(State(services): State<Arc<Services>>) -> Response {
    match services.store.check().await {
        Ok(()) => answer::text(StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::error!(%error, "the store did not answer");
            answer::text(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}

const AN_HOUR: u64 = 3600;
