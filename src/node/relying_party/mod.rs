//! The demo's relying party: a small web application that logs people in through the gateway with the
//! authorization code flow, PKCE, state and nonce, verifies the ID token, and shows what it learned and what
//! happened in each of the ten steps of the login.
//!
//! It plays the broker's part. The protocol is in [`flow`], the ten steps in [`steps`]; this file is HTTP.

mod flow;
mod pages;
mod steps;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use askama::Template as _;
use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};

use super::http::{asset, page};
use super::{Answer, Call, Wire};
use crate::clock::Clock;
use crate::ids::{Random, token};
use crate::secret::Secret;
use flow::{Begun, Problem, Provider};
use pages::{HomePage, ResultPage};

/// The demo's relying party: its name, address and ways to log in.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    /// What it is called.
    pub name: String,
    /// Its address without a slash at the end, such as `http://shop.localhost:8080`. Its redirect URI is
    /// `{base}/callback`.
    pub base: String,
    /// The gateway's issuer.
    pub issuer: String,
    /// The ways to log in, each a button.
    pub offers: Vec<Offer>,
}

/// One way to log in: a button `#login-{id}`.
#[derive(Clone, Debug)]
pub struct Offer {
    /// For the button's id and the path `/login/{id}`: `natural`, `high`, `legal`, `low`.
    pub id: String,
    /// The button's words.
    pub title: String,
    /// What it asks, in one line.
    pub note: String,
    /// `client_id` at the gateway.
    pub client_id: String,
    /// The client's secret, sent by `client_secret_basic`.
    pub client_secret: Secret<String>,
    /// The scopes asked for.
    pub scope: String,
    /// The levels of assurance asked for, if any.
    pub acr_values: String,
}

/// Reads the gateway's audit lines (JSON), for the story of the ten steps.
pub type Journal = Arc<dyn Fn() -> Vec<String> + Send + Sync>;

/// The relying party's web application.
pub fn relying_party(
    about: RelyingParty,
    wire: Arc<dyn Wire>,
    journal: Journal,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
) -> Router {
    let shop = Shop { about, wire, journal, clock, random, visitors: Mutex::default() };
    Router::new()
        .route("/", get(home))
        .route("/login/{offer}", get(login))
        .route("/callback", get(callback).post(callback_form))
        .route("/account", get(account))
        .route("/logout", post(logout))
        .route("/static/{name}", get(asset))
        .with_state(Arc::new(shop))
}

struct Shop {
    about: RelyingParty,
    wire: Arc<dyn Wire>,
    journal: Journal,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    visitors: Mutex<HashMap<String, Visit>>,
}

/// A visitor, by the value of the cookie.
#[derive(Clone)]
enum Visit {
    /// On the way to the gateway.
    Away(Begun),
    /// Back, with what came of it.
    Back(Begun, Result<flow::LoggedIn, Problem>),
}

type Shared = State<Arc<Shop>>;
type Parameters = HashMap<String, String>;

async fn home(State(shop): Shared) -> Response {
    page(HomePage { about: &shop.about }.render())
}

async fn login(State(shop): Shared, Path(offer): Path<String>) -> Response {
    let Some(offer) = shop.about.offers.iter().find(|known| known.id == offer) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let journal_from = (shop.journal)().len();
    let begun = Begun::new(offer.clone(), journal_from, &*shop.random);
    let visitor = token(&*shop.random);
    match shop.provider().await {
        Ok(provider) => {
            let to = begun.authorization_url(&provider, &shop.about);
            shop.remember(&visitor, Visit::Away(begun));
            (cookie(&visitor), Redirect::to(&to)).into_response()
        }
        Err(problem) => {
            shop.remember(&visitor, Visit::Back(begun, Err(problem)));
            (cookie(&visitor), Redirect::to("/account")).into_response()
        }
    }
}

async fn callback(State(shop): Shared, headers: HeaderMap, Query(parameters): Query<Parameters>) -> Response {
    come_back(&shop, &headers, &parameters).await
}

async fn callback_form(
    State(shop): Shared,
    headers: HeaderMap,
    Form(parameters): Form<Parameters>,
) -> Response {
    come_back(&shop, &headers, &parameters).await
}

async fn come_back(shop: &Shop, headers: &HeaderMap, parameters: &Parameters) -> Response {
    let visitor = visitor(headers).unwrap_or_default();
    let Some(Visit::Away(begun)) = shop.visit(&visitor) else {
        return Redirect::to("/").into_response();
    };
    let result = shop.finish(&begun, parameters).await;
    shop.remember(&visitor, Visit::Back(begun, result));
    Redirect::to("/account").into_response()
}

async fn account(State(shop): Shared, headers: HeaderMap) -> Response {
    let visit = visitor(&headers).and_then(|visitor| shop.visit(&visitor));
    let Some(Visit::Back(begun, result)) = visit else {
        return Redirect::to("/").into_response();
    };
    let lines = (shop.journal)();
    let events = lines.get(begun.journal_from..).unwrap_or_default();
    let steps = steps::story(events, &begun.offer.client_id, result.as_ref());
    page(ResultPage { about: &shop.about, offer: &begun.offer, result: &result, steps: &steps }.render())
}

async fn logout(State(shop): Shared, headers: HeaderMap) -> Response {
    if let Some(visitor) = visitor(&headers) {
        shop.visitors().remove(&visitor);
    }
    let gone = [(header::SET_COOKIE, format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"))];
    (gone, Redirect::to("/")).into_response()
}

impl Shop {
    /// Step 10, from the relying party's side: redeem the code, verify, read userinfo.
    async fn finish(&self, begun: &Begun, parameters: &Parameters) -> Result<flow::LoggedIn, Problem> {
        let provider = self.provider().await?;
        let code = begun.code(parameters, &self.about)?;
        let answer = self.call(begun.token_call(&provider, &code, &self.about)).await?;
        let tokens = flow::tokens(&answer)?;
        let jwks = self.call(Call::get(&provider.jwks_uri)).await?;
        let id_token = begun.id_token(&tokens, &jwks, &self.about.issuer, self.clock.now())?;
        let userinfo = self.call(flow::userinfo_call(&provider, &tokens)).await?;
        flow::logged_in(id_token, &userinfo)
    }

    async fn provider(&self) -> Result<Provider, Problem> {
        let address = format!("{}/.well-known/openid-configuration", self.about.issuer);
        Provider::read(&self.call(Call::get(&address)).await?, &self.about.issuer)
    }

    async fn call(&self, call: Call) -> Result<Answer, Problem> {
        let url = call.url.clone();
        self.wire.call(call).await.map_err(|reason| Problem::new("unreachable", &format!("{url}: {reason}")))
    }

    fn visit(&self, visitor: &str) -> Option<Visit> {
        self.visitors().get(visitor).cloned()
    }

    fn remember(&self, visitor: &str, visit: Visit) {
        let mut visitors = self.visitors();
        // A demo forgets everybody rather than grow.
        if visitors.len() >= MOST_VISITORS && !visitors.contains_key(visitor) {
            visitors.clear();
        }
        visitors.insert(visitor.to_owned(), visit);
    }

    fn visitors(&self) -> MutexGuard<'_, HashMap<String, Visit>> {
        self.visitors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn cookie(visitor: &str) -> [(header::HeaderName, String); 1] {
    [(header::SET_COOKIE, format!("{COOKIE}={visitor}; Path=/; HttpOnly; SameSite=Lax"))]
}

fn visitor(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value.to_owned())
}

const COOKIE: &str = "visitor";
const MOST_VISITORS: usize = 1000;
