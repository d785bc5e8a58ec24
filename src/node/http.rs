//! The simulated member state behind HTTP.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use askama::Template as _;
use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::citizens::{CITIZENS, citizen};
use super::pages::{ErrorPage, HomePage, LoginPage, ReturnPage};
use super::response::{Failure, Misbehaviour};
use super::{Call, ConnectorMetadata, Fault, MemberState, Received, Refusal, Wire};
use crate::clock::Clock;
use crate::crypto::{Certificate, KeyError};
use crate::ids::{Random, handle};
use crate::web::pages::{POST_SCRIPT_SHA256, assets};
use crate::xml::encode_base64;

/// The one connector that a simulated member state speaks with.
#[derive(Clone, Debug)]
pub struct Neighbour {
    /// Its entityID, from which its metadata is fetched at each request.
    pub entity_id: String,
    /// The certificates that its metadata must be signed with.
    pub trusted: Vec<Certificate>,
}

/// The member state's web application.
pub fn member_state(
    node: MemberState,
    neighbour: Neighbour,
    wire: Arc<dyn Wire>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Router {
    let office = Office { node, neighbour, wire, clock, random, desk: Mutex::default() };
    Router::new()
        .route("/", get(home))
        .route("/metadata", get(metadata))
        .route("/sso", get(sso_by_query).post(sso_by_form))
        .route("/authenticate", post(authenticate))
        .route("/static/{name}", get(asset))
        .with_state(Arc::new(office))
}

/// A member state and all it needs.
struct Office {
    node: MemberState,
    neighbour: Neighbour,
    wire: Arc<dyn Wire>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    desk: Mutex<Desk>,
}

/// What lies on the desk: requests that wait for their citizen, and the IDs of all seen lately.
#[derive(Default)]
struct Desk {
    waiting: VecDeque<(String, Received)>,
    seen: VecDeque<String>,
}

type Shared = State<Arc<Office>>;

#[derive(Deserialize)]
struct SsoForm {
    #[serde(rename = "SAMLRequest", default)]
    saml_request: String,
    #[serde(rename = "RelayState")]
    relay_state: Option<String>,
}

#[derive(Deserialize)]
struct AuthenticateForm {
    request: String,
    citizen: Option<String>,
    outcome: Option<String>,
    #[serde(default)]
    misbehaviour: String,
}

async fn home(State(office): Shared) -> Response {
    page(HomePage { node: &office.node }.render())
}

async fn metadata(State(office): Shared) -> Response {
    match office.node.metadata(office.clock.now(), &*office.random) {
        Ok(xml) => ([(header::CONTENT_TYPE, "application/samlmetadata+xml")], xml).into_response(),
        Err(error) => broken(error),
    }
}

async fn sso_by_form(State(office): Shared, Form(form): Form<SsoForm>) -> Response {
    sso(&office, form).await
}

/// What the CEF node calls the Redirect binding: the same message in the query, neither deflated nor signed
/// by query parameters.
async fn sso_by_query(State(office): Shared, Query(form): Query<SsoForm>) -> Response {
    sso(&office, form).await
}

async fn sso(office: &Office, form: SsoForm) -> Response {
    match office.admit(&form).await {
        Ok((token, request)) => page(
            LoginPage { node: &office.node, request: &request, token: &token, citizens: CITIZENS }.render(),
        ),
        Err(Refusal::Page(fault)) => page(ErrorPage { node: &office.node, fault: &fault }.render()),
        Err(Refusal::Response(failure, request)) => {
            let now = office.clock.now();
            office.send(&request, office.node.fail(&request, failure, now, &*office.random))
        }
    }
}

async fn authenticate(State(office): Shared, Form(form): Form<AuthenticateForm>) -> Response {
    let Some(request) = office.desk().take(&form.request) else {
        return page(ErrorPage { node: &office.node, fault: &SESSION_OVER }.render());
    };
    let (now, random) = (office.clock.now(), &*office.random);
    let chosen = form.citizen.as_deref().and_then(citizen);
    let response = match (chosen, form.outcome.as_deref()) {
        (Some(citizen), _) => {
            let misbehaviour = Misbehaviour::parse(&form.misbehaviour);
            office.node.answer(&request, citizen, misbehaviour, now, random)
        }
        (None, Some("denied")) => office.node.fail(&request, Failure::DENIED, now, random),
        (None, Some("failure")) => office.node.fail(&request, Failure::TECHNICAL, now, random),
        (None, _) => office.node.fail(&request, Failure::CANCELLED, now, random),
    };
    office.send(&request, response)
}

pub(super) async fn asset(Path(name): Path<String>) -> Response {
    if name == "demo.css" {
        return ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], DEMO_STYLE).into_response();
    }
    match assets::asset(&name) {
        Some(asset) => ([(header::CONTENT_TYPE, asset.content_type)], asset.body).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Office {
    /// Checks a request; if it is in order, it waits on the desk under a token.
    async fn admit(&self, form: &SsoForm) -> Result<(String, Received), Refusal> {
        let (document, issuer) = self.node.issuer_of(&form.saml_request).map_err(Refusal::Page)?;
        if issuer != self.neighbour.entity_id {
            return Err(Refusal::Page(UNKNOWN_SOURCE));
        }
        let octets = self.wire.call(Call::get(&issuer)).await.ok().filter(|answer| answer.status == 200);
        let octets = octets.ok_or(Refusal::Page(NO_METADATA))?.body;
        let connector = ConnectorMetadata::read(&octets, &self.neighbour.trusted, self.clock.now());
        let connector = connector.map_err(|_| Refusal::Page(BAD_METADATA))?;
        let request = self.node.receive(&document, form.relay_state.as_deref(), &connector)?;
        let token = handle(&*self.random);
        match self.desk().put(token.clone(), request.clone()) {
            true => Ok((token, request)),
            false => Err(Refusal::Page(REPLAY)),
        }
    }

    fn send(&self, request: &Received, response: Result<String, KeyError>) -> Response {
        match response {
            Err(error) => broken(error),
            Ok(xml) => page(
                ReturnPage {
                    node: &self.node,
                    acs: &request.acs,
                    saml_response: &encode_base64(xml.as_bytes()),
                    relay_state: &request.relay_state,
                }
                .render(),
            ),
        }
    }

    fn desk(&self) -> std::sync::MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// Keeps a request; `false` if its ID was seen before.
    fn put(&mut self, token: String, request: Received) -> bool {
        if self.seen.contains(&request.id) {
            return false;
        }
        self.seen.push_back(request.id.clone());
        self.waiting.push_back((token, request));
        if self.seen.len() > REMEMBERED {
            self.seen.pop_front();
        }
        if self.waiting.len() > REMEMBERED {
            self.waiting.pop_front();
        }
        true
    }

    fn take(&mut self, token: &str) -> Option<Received> {
        let at = self.waiting.iter().position(|(waiting, _)| waiting == token)?;
        self.waiting.remove(at).map(|(_, request)| request)
    }
}

/// A page of the demo, under the strictest policy that lets a form go to another host.
pub(super) fn page(html: askama::Result<String>) -> Response {
    let Ok(html) = html else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'sha256-{POST_SCRIPT_SHA256}'; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, html).into_response()
}

fn broken(error: KeyError) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
}

const DEMO_STYLE: &str = include_str!("templates/demo.css");
const REMEMBERED: usize = 1000;
const UNKNOWN_SOURCE: Fault =
    Fault { rule: "metadata_source", code: "003008", text: "invalid source for metadata" };
const NO_METADATA: Fault =
    Fault { rule: "metadata_retrieval", code: "003009", text: "Metadata information can not be loaded" };
const BAD_METADATA: Fault = Fault { rule: "metadata", code: "003006", text: "invalid metadata" };
const REPLAY: Fault =
    Fault { rule: "replay", code: "200006", text: "The SAML Request Token is missing or invalid." };
const SESSION_OVER: Fault = Fault { rule: "session", code: "203012", text: "Invalid Session." };
