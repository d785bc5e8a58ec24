//! The gateway put together from its configuration, and run.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::live::Live;
use super::registry::Followed;
use super::reload::Reload;
use super::{Server, Tls, logging, monitor, server, token_keys};
use crate::audit::{JsonLines, Sink};
use crate::clock::SystemClock;
use crate::config::{self, Config, Opened, Outbound, Profile};
use crate::ids::SystemRandom;
use crate::jobs::{self, Keeper, Sources, Surroundings};
use crate::login::Countries;
use crate::metrics::{Counted, Metrics};
use crate::oidc::Issuer;
use crate::outbound::{Allowed, Fetcher, Limits, Mailer};
use crate::store::{self, Store, StoreError};
use crate::web::{CertificateHeader, HeaderForm, KeySources, Parts};

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
    /// The address to listen on cannot be had; last, what names it.
    #[error("cannot listen on {0}: {1}{hint}", hint = hint(.1, .2))]
    Listen(String, io::Error, &'static str),
    /// The database does not open.
    #[error("{0}: {1} (database.url)")]
    Store(String, StoreError),
}

impl ServeError {
    /// The page that says what to do.
    #[must_use]
    pub fn page(&self) -> &'static str {
        match self {
            Self::Audit(..) => "docs/audit.md",
            Self::Demo(_) => "docs/getting-started.md",
            Self::Issuer(..) => "docs/operations.md#tls-and-the-reverse-proxy",
            Self::Listen(..) => "docs/operations.md#install-and-start",
            Self::Store(..) => "docs/operations.md#the-database",
        }
    }
}

/// What to do about an address that cannot be had; `place` names it.
fn hint(error: &io::Error, place: &str) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!("; another program listens there: end it, or change {place}"),
        io::ErrorKind::AddrNotAvailable => format!("; this machine has no such address: change {place}"),
        io::ErrorKind::PermissionDenied => {
            format!("; ports below 1024 need a right of their own: change {place}")
        }
        _ => String::new(),
    }
}

/// Runs the gateway that `file` configures until the process is told to stop. Listens before any metadata is
/// fetched; what the database has of it from the last time is used at once. Changes of `file`, and of the
/// files that it refers to, are taken over while it runs.
///
/// # Errors
/// [`ServeError`], before anything was served.
pub async fn serve(
    file: PathBuf,
    config: Config,
    opened: Opened,
    tls: Option<Tls>,
) -> Result<(), ServeError> {
    logging::start(&config.logging);
    let address = config.server.listen;
    let unheard = |error| ServeError::Listen(address.to_string(), error, "server.listen");
    let listener = TcpListener::bind(address).await.map_err(unheard)?;
    let store = open_store(&config, &opened).await?;
    let metrics = Arc::new(Metrics::default());
    let numbers = match config.metrics.listen {
        Some(address) => Some(monitor::listen(address).await?),
        None => None,
    };
    let surroundings = Surroundings {
        store,
        fetch: Arc::new(fetcher(&config.outbound, config.profile)),
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        audit: Arc::new(Counted::new(metrics.clone(), audit(&config)?)),
    };
    let gateway = Gateway::start(surroundings, file, config, opened).await?;
    let config = gateway.config();
    let grace = Duration::from_secs(config.server.shutdown_seconds);
    tracing::info!(%address, issuer = config.server.issuer, tls = tls.is_some(), "listening");
    if config.country.is_empty() {
        tracing::warn!("there is no [[country]], so nobody can log in: docs/metadata-exchange.md");
    }

    let (router, store) = (gateway.router(), gateway.store());
    let watching = gateway.watch(metrics.clone());
    let watching = tokio::spawn(async move { tokio::join!(watching, monitor::serve(numbers, metrics)) });
    let jobs = tokio::spawn(gateway.run());
    Server { router, tls, grace }.run(listener, server::stop_signal()).await;
    jobs.abort();
    watching.abort();
    if let Err(error) = store.close().await {
        tracing::warn!(%error, "the database did not close cleanly");
    }
    tracing::info!("stopped");
    Ok(())
}

/// The database of a configuration.
pub(super) async fn open_store(config: &Config, opened: &Opened) -> Result<Arc<dyn Store>, ServeError> {
    let opening = store::open(opened.database.expose()).await;
    opening.map_err(|error| ServeError::Store(config.database.shown(), error))
}

/// A gateway, without the socket that it is reached by.
pub struct Gateway {
    with: Surroundings,
    live: Arc<Live>,
    keeper: Arc<Keeper>,
    reload: Reload,
}

impl Gateway {
    /// Puts together what `config`, read from `file`, and its `opened` files describe. Metadata comes from the
    /// store, as far as it is there; nothing is fetched yet.
    ///
    /// # Errors
    /// [`ServeError::Issuer`]; or [`ServeError::Store`], if the clients in the database cannot be read.
    pub async fn start(
        with: Surroundings,
        file: PathBuf,
        config: Config,
        opened: Opened,
    ) -> Result<Self, ServeError> {
        let keeper = Keeper::new(with.clone());
        let key_sources = KeySources::new(key_fetcher(&config.outbound, config.profile));
        let mut clients = Followed::default();
        let unread = |error| ServeError::Store(config.database.shown(), error);
        clients.read(&*with.store).await.map_err(unread)?;
        let mut joined = opened.clone();
        clients.join(&config, &mut joined, with.clock.now());
        let (parts, sources) = parts(&config, joined, &with, &key_sources)?;
        let trusted = monitor::trusted(&sources.countries);
        keeper.configure(sources).await;
        let live = Live::new(parts, trusted, &keeper);
        let reload = Reload::new(
            file,
            (config, opened),
            clients,
            with.clone(),
            live.clone(),
            keeper.clone(),
            key_sources,
        );
        Ok(Self { with, live, keeper, reload })
    }

    /// Answers every request, by the configuration of its moment.
    pub fn router(&self) -> Router {
        self.live.router()
    }

    /// What keeps the countries' metadata.
    #[must_use]
    pub fn keeper(&self) -> Arc<Keeper> {
        Arc::clone(&self.keeper)
    }

    /// Looks once whether the configuration, a file that it refers to or a client in the database has changed,
    /// and takes the change over. `anyway`: even if no file looks changed.
    pub async fn look_for_changes(&mut self, anyway: bool) {
        self.reload.look(anyway).await;
    }

    /// Tells for ever what will end soon, in the metrics and in the audit.
    fn watch(&self, metrics: Arc<Metrics>) -> impl Future<Output = ()> + use<> {
        let (audit, clock) = (Arc::clone(&self.with.audit), Arc::clone(&self.with.clock));
        jobs::watch_expiry(self.live.clone(), metrics, audit, clock)
    }

    fn config(&self) -> &Config {
        self.reload.config()
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.with.store)
    }

    /// Everything that runs beside the requests, for ever.
    async fn run(self) {
        let Self { with, live, keeper, reload } = self;
        let countries = keeper.countries();
        let rotating = token_keys::keep_rotating(reload.file().to_owned(), Arc::clone(&with.clock));
        tokio::join!(
            keeper.run(),
            hand_over(countries, live),
            reload.run(),
            rotating,
            jobs::purge(with.store, with.clock),
        );
    }
}

/// Gives each new snapshot of the countries to the routes.
async fn hand_over(mut published: watch::Receiver<Arc<Countries>>, live: Arc<Live>) {
    while published.changed().await.is_ok() {
        let countries = published.borrow_and_update().as_ref().clone();
        live.set_countries(countries);
    }
}

/// The parts of the gateway that `config` describes, its countries not yet known; and where they are.
pub(super) fn parts(
    config: &Config,
    opened: Opened,
    with: &Surroundings,
    key_sources: &Arc<KeySources>,
) -> Result<(Parts, Sources), ServeError> {
    let issuer = Issuer::parse(&config.server.issuer);
    let parts = Parts {
        issuer: issuer.map_err(|error| ServeError::Issuer(config.server.issuer.clone(), error))?,
        clients: opened.clients,
        policies: opened.policies,
        connector: opened.rollover,
        countries: Countries::default(),
        token_keys: opened.token_keys,
        subject_key: opened.subject_key,
        mailer: opened.mail_server.map(|server| Arc::new(Mailer::new(server))),
        store: Arc::clone(&with.store),
        clock: Arc::clone(&with.clock),
        random: Arc::clone(&with.random),
        audit: Arc::clone(&with.audit),
        key_sources: Arc::clone(key_sources),
        certificate_header: config.server.client_certificate.as_ref().map(certificate_header),
        certificate_base: config.server.certificate_base(),
    };
    Ok((parts, Sources { countries: opened.countries, lists: opened.lists }))
}

fn certificate_header(set: &config::CertificateHeader) -> CertificateHeader {
    CertificateHeader {
        name: set.header.clone(),
        form: match set.form {
            config::HeaderForm::Rfc9440 => HeaderForm::Rfc9440,
            config::HeaderForm::EscapedPem => HeaderForm::EscapedPem,
        },
        proxies: set.proxies.clone(),
    }
}

/// The HTTP client that a configuration allows for.
#[must_use]
pub fn fetcher(outbound: &Outbound, profile: Profile) -> Fetcher {
    let time = Duration::from_secs(outbound.timeout_seconds);
    within(outbound, profile, time, crate::xml::Limits::METADATA.octets)
}

/// The same for the keys that clients publish: somebody waits for the answer.
#[must_use]
pub fn key_fetcher(outbound: &Outbound, profile: Profile) -> Fetcher {
    let time = Duration::from_secs(outbound.timeout_seconds.min(5));
    within(outbound, profile, time, 64 * 1024)
}

fn within(outbound: &Outbound, profile: Profile, time: Duration, size: usize) -> Fetcher {
    Fetcher::new(Limits {
        time,
        size,
        allowed: Allowed { networks: outbound.allow_networks.clone(), loopback: profile == Profile::Test },
        ca_file: outbound.ca_file.clone(),
    })
}

pub(super) fn audit(config: &Config) -> Result<Arc<dyn Sink>, ServeError> {
    let Some(file) = &config.audit.file else {
        return Ok(Arc::new(JsonLines::new(io::stdout())));
    };
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(file);
    let opened = opened.map_err(|error| ServeError::Audit(file.clone(), error))?;
    Ok(Arc::new(JsonLines::new(opened)))
}
