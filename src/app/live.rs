//! The gateway that answers now. Another one, made from a changed configuration, takes its place between two
//! requests, all at once; who is being served by the old one is served to the end by it.

use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use axum::Router;
use axum::extract::Request;
use tower::ServiceExt as _;

use crate::eidas::{CountryCode, Rollover};
use crate::jobs::{Keeper, Trusted, Watched};
use crate::login::Countries;
use crate::oidc::TokenKeys;
use crate::web::{self, OutOfTurn, Parts, Services};

/// What answers now.
pub(super) struct Live(RwLock<Running>);

struct Running {
    services: Arc<Services>,
    router: Router,
    trusted: Vec<Trusted>,
}

impl Live {
    /// What `parts` make, with the countries that the keeper knows and what vouches for them.
    pub(super) fn new(parts: Parts, trusted: Vec<Trusted>, keeper: &Arc<Keeper>) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Running::new(parts, trusted, keeper))))
    }

    /// Puts what `parts` make in the place of what answers now.
    pub(super) fn exchange(&self, parts: Parts, trusted: Vec<Trusted>, keeper: &Arc<Keeper>) {
        let next = Running::new(parts, trusted, keeper);
        let mut now = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // What was published meanwhile went to those who leave.
        next.services.set_countries(keeper.countries().borrow().as_ref().clone());
        *now = next;
    }

    /// Gives the countries to those that answer now.
    pub(super) fn set_countries(&self, countries: Countries) {
        // Under the lock, so that an exchange does not come in between.
        self.now().services.set_countries(countries);
    }

    /// Hands each request to what answers when it comes.
    pub(super) fn router(self: &Arc<Self>) -> Router {
        let live = Arc::clone(self);
        let service = tower::service_fn(move |request: Request| {
            let router = live.now().router.clone();
            router.oneshot(request)
        });
        Router::new().fallback_service(service)
    }

    fn now(&self) -> RwLockReadGuard<'_, Running> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched for Live {
    fn rollover(&self) -> Arc<Rollover> {
        self.now().services.rollover()
    }

    fn token_keys(&self) -> Arc<TokenKeys> {
        self.now().services.token_keys()
    }

    fn countries(&self) -> Arc<Countries> {
        self.now().services.countries()
    }

    fn trusted(&self) -> Vec<Trusted> {
        self.now().trusted.clone()
    }
}

impl Running {
    fn new(mut parts: Parts, trusted: Vec<Trusted>, keeper: &Arc<Keeper>) -> Self {
        parts.countries = keeper.countries().borrow().as_ref().clone();
        let services = Arc::new(Services::new(parts));
        services.refreshed_by(Arc::new(Asked(Arc::clone(keeper))));
        let router = web::router(Arc::clone(&services));
        Self { services, router, trusted }
    }
}

/// Lets the routes ask the keeper for a refresh out of turn.
struct Asked(Arc<Keeper>);

impl OutOfTurn for Asked {
    fn refresh(&self, country: CountryCode) -> Pin<Box<dyn Future<Output = Arc<Countries>> + Send + '_>> {
        Box::pin(async move {
            Arc::clone(&self.0).refresh_out_of_band(country).await;
            Arc::clone(&self.0.countries().borrow())
        })
    }
}
