//! The gateway put together from its configuration, and run.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{Server, logging, monitor, server};
use crate::audit::{JsonLines, Sink};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Opened, Outbound, Profile};
use crate::ids::{Random, SystemRandom};
use crate::jobs::{self, Metadata};
use crate::login::Countries;
use crate::metrics::{Counted, Metrics};
use crate::oidc::Issuer;
use crate::outbound::{Allowed, Fetcher, Limits};
use crate::store::{self, StoreError};
use crate::web::{self, Parts, Services};

/// Why the gateway does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The file for audit events cannot be opened.
    #[error("the audit file {0} cannot be opened: {1}")]
    Audit(PathBuf, io::Error),
    /// The demo cannot be put together.
    #[error(transparent)]
    Demo(super::demo::DemoError),
    /// The issuer cannot be used.
    #[error("the issuer {0} cannot be used: {1}")]
    Issuer(String, crate::oidc::issuer::IssuerError),
    /// The address to listen on cannot be had.
    #[error("cannot listen on {0}: {1}")]
    Listen(String, io::Error),
    /// The database does not open.
    #[error("{0}: {1}")]
    Store(String, StoreError),
}

/// Runs the gateway until the process is told to stop. Listens before any metadata is loaded.
///
/// # Errors
/// [`ServeError`], before anything was served.
pub async fn serve(config: Config, opened: Opened, tls: Option<Arc<ServerConfig>>) -> Result<(), ServeError> {
    logging::start(&config.logging);
    let (clock, random): (Arc<dyn Clock>, Arc<dyn Random>) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let address = config.server.listen;
    let unheard = |error| ServeError::Listen(address.to_string(), error);
    let listener = TcpListener::bind(address).await.map_err(unheard)?;
    let url = &config.database.url;
    let store = store::open(url).await.map_err(|error| ServeError::Store(url.clone(), error))?;
    let metrics = Arc::new(Metrics::default());
    let numbers = match config.metrics.listen {
        Some(address) => Some(monitor::listen(address).await?),
        None => None,
    };
    let audit: Arc<dyn Sink> = Arc::new(Counted::new(metrics.clone(), audit(&config)?));
    let trusted = monitor::trusted(&opened.countries);
    let metadata = Metadata {
        countries: opened.countries,
        fetcher: Arc::new(fetcher(&config.outbound, config.profile)),
        clock: clock.clone(),
        random: random.clone(),
    };
    let issuer = Issuer::parse(&config.server.issuer);
    let services = Arc::new(Services::new(Parts {
        issuer: issuer.map_err(|error| ServeError::Issuer(config.server.issuer.clone(), error))?,
        clients: opened.clients,
        policies: opened.policies,
        connector: opened.rollover,
        countries: metadata.before_loading(),
        signing_keys: opened.signing_keys,
        subject_key: opened.subject_key,
        store: store.clone(),
        clock: clock.clone(),
        random,
        audit: audit.clone(),
    }));
    let router = web::router(services.clone());
    let grace = Duration::from_secs(config.server.shutdown_seconds);
    tracing::info!(%address, issuer = config.server.issuer, tls = tls.is_some(), "listening");

    let watched = monitor::Watching::new(services.clone(), trusted);
    let watching = jobs::watch_expiry(watched, metrics.clone(), audit, clock.clone());
    let watching = tokio::spawn(async move { tokio::join!(watching, monitor::serve(numbers, metrics)) });
    let jobs = tokio::spawn(background(metadata, services, jobs::purge(store.clone(), clock)));
    Server { router, tls, grace }.run(listener, server::stop_signal()).await;
    jobs.abort();
    watching.abort();
    if let Err(error) = store.close().await {
        tracing::warn!(%error, "the database did not close cleanly");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Everything that runs beside the requests.
async fn background(metadata: Metadata, services: Arc<Services>, purge: impl Future<Output = ()>) {
    let (publish, published) = watch::channel(Arc::new(metadata.before_loading()));
    tokio::join!(metadata.run(publish), hand_over(published, services), purge);
}

/// Gives each new snapshot of the countries to the routes.
async fn hand_over(mut published: watch::Receiver<Arc<Countries>>, services: Arc<Services>) {
    while published.changed().await.is_ok() {
        let countries = published.borrow_and_update().as_ref().clone();
        services.set_countries(countries);
    }
}

/// The HTTP client that a configuration allows for.
#[must_use]
pub fn fetcher(outbound: &Outbound, profile: Profile) -> Fetcher {
    Fetcher::new(Limits {
        time: Duration::from_secs(outbound.timeout_seconds),
        size: crate::xml::Limits::METADATA.octets,
        allowed: Allowed { networks: outbound.allow_networks.clone(), loopback: profile == Profile::Test },
        ca_file: outbound.ca_file.clone(),
    })
}

fn audit(config: &Config) -> Result<Arc<dyn Sink>, ServeError> {
    let Some(file) = &config.audit.file else {
        return Ok(Arc::new(JsonLines::new(io::stdout())));
    };
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
    let opened = opened.map_err(|error| ServeError::Audit(file.clone(), error))?;
    Ok(Arc::new(JsonLines::new(opened)))
}
