//! Takes over changes of the configuration, and of the files that it refers to, while the gateway runs: when
//! told to by SIGHUP, and when a file looks changed. A faulty change keeps the old state and says why.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::ServeError;
use super::gateway::parts;
use super::live::Live;
use super::monitor;
use super::registry::Followed;
use crate::audit::Event;
use crate::clock::Timestamp;
use crate::config::{Config, Opened};
use crate::jobs::{Keeper, Surroundings};
use crate::web::KeySources;

/// What is needed to take over a change.
pub(super) struct Reload {
    file: PathBuf,
    /// As it was at the start: what needs a restart is compared with this.
    started: Config,
    /// What counts now, without the clients in the database.
    good: (Config, Opened),
    clients: Followed,
    with: Surroundings,
    live: Arc<Live>,
    keeper: Arc<Keeper>,
    key_sources: Arc<KeySources>,
    seen: Seen,
}

/// How the files looked: when each was written, and how long it was.
type Seen = BTreeMap<PathBuf, Option<(SystemTime, u64)>>;

impl Reload {
    pub(super) fn new(
        file: PathBuf,
        (config, opened): (Config, Opened),
        clients: Followed,
        with: Surroundings,
        live: Arc<Live>,
        keeper: Arc<Keeper>,
        key_sources: Arc<KeySources>,
    ) -> Self {
        let seen = look_at(&file, &config);
        let good = (config.clone(), opened);
        Self { file, started: config, good, clients, with, live, keeper, key_sources, seen }
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn config(&self) -> &Config {
        &self.started
    }

    /// Looks for ever.
    pub(super) async fn run(mut self) {
        let mut told = Hangup::new();
        loop {
            let anyway = tokio::select! {
                () = told.heard() => true,
                () = tokio::time::sleep(INTERVAL) => false,
            };
            self.look(anyway).await;
        }
    }

    /// Looks once, and takes over what has changed.
    pub(super) async fn look(&mut self, anyway: bool) {
        let now_seen: Seen = self.seen.keys().map(|path| (path.clone(), looks(path))).collect();
        if now_seen == self.seen && !anyway {
            return self.look_at_clients().await;
        }
        // Before anything is read: what is written meanwhile is seen the next time.
        self.seen = now_seen;
        match self.take_over().await {
            Ok(needs_restart) => {
                tracing::info!(file = %self.file.display(), ?needs_restart, "configuration reloaded");
                self.record(&Event::ConfigurationReloaded { needs_restart });
            }
            Err(faults) => {
                tracing::error!(?faults, "the changed configuration is faulty; the one before stays in use");
                self.record(&Event::ConfigurationRefused { faults });
            }
        }
    }

    /// Takes over what has changed of the clients in the database; also while a changed file is faulty.
    async fn look_at_clients(&mut self) {
        let now = self.with.clock.now();
        if !self.clients.is_over(&*self.with.store, now).await {
            return;
        }
        let (config, opened) = self.good.clone();
        match self.exchange(&config, opened, now).await {
            Ok(()) => tracing::info!("clients in the database taken over"),
            Err(error) => tracing::error!(%error, "the clients in the database are not taken over"),
        }
    }

    /// Puts what `config` has opened, with the clients in the database, in the place of what answers now.
    async fn exchange(
        &mut self,
        config: &Config,
        mut opened: Opened,
        now: Timestamp,
    ) -> Result<(), ServeError> {
        self.clients.join(config, &mut opened, now);
        // Where certificates are asked for is told in discovery, and the listener stays as it is.
        let mut used = config.clone();
        used.server.tls.clone_from(&self.started.server.tls);
        let (parts, sources) = parts(&used, opened, &self.with, &self.key_sources)?;
        let trusted = monitor::trusted(&sources.countries);
        self.keeper.configure(sources).await;
        self.live.exchange(parts, trusted, &self.keeper);
        Ok(())
    }

    async fn take_over(&mut self) -> Result<Vec<&'static str>, Vec<String>> {
        let now = self.with.clock.now();
        let loaded = Config::load(&self.file, now);
        if loaded.is_err() {
            self.see_what_is_missing();
        }
        let (config, opened) =
            loaded.map_err(|faults| faults.to_string().lines().map(str::to_owned).collect::<Vec<_>>())?;
        for (path, look) in look_at(&self.file, &config) {
            self.seen.entry(path).or_insert(look);
        }
        if let Err(error) = self.clients.read(&*self.with.store).await {
            tracing::warn!(%error, "the clients in the database cannot be read; they stay as they were");
        }
        let exchanged = self.exchange(&config, opened.clone(), now).await;
        exchanged.map_err(|error| vec![error.to_string()])?;
        let needs_restart = needs_restart(&self.started, &config);
        self.good = (config, opened);
        Ok(needs_restart)
    }

    /// What a faulty configuration refers to is watched too: the fault may be in one of those files.
    fn see_what_is_missing(&mut self) {
        let base = self.file.parent().unwrap_or_else(|| Path::new(""));
        let Ok(text) = std::fs::read_to_string(&self.file) else { return };
        if let Ok(config) = Config::read(&self.file, text, base) {
            for (path, look) in look_at(&self.file, &config) {
                self.seen.entry(path).or_insert(look);
            }
        }
    }

    fn record(&self, event: &Event<'_>) {
        self.with.audit.record(self.with.clock.now(), event);
    }
}

/// The settings that have changed since the start but are used from the next start on.
fn needs_restart(started: &Config, now: &Config) -> Vec<&'static str> {
    let settings = |config: &Config| serde_json::to_value(config).unwrap_or_default();
    let (started, now) = (settings(started), settings(now));
    let differs = |key: &&str| at(&started, key) != at(&now, key);
    AT_THE_START.iter().copied().filter(differs).collect()
}

fn at<'a>(settings: &'a Value, key: &str) -> Option<&'a Value> {
    key.split('.').try_fold(settings, |table, key| table.get(key))
}

/// What is opened once.
const AT_THE_START: &[&str] = &[
    "profile",
    "server.listen",
    "server.tls",
    "server.shutdown_seconds",
    "database",
    "outbound",
    "logging",
    "audit",
    "metrics",
];

fn look_at(file: &Path, config: &Config) -> Seen {
    let files = config.files().into_iter().chain([file.to_owned()]);
    files.map(|path| (path.clone(), looks(&path))).collect()
}

fn looks(path: &Path) -> Option<(SystemTime, u64)> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

/// SIGHUP, where there is such a thing.
struct Hangup {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangup {
    #[cfg(unix)]
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self { signal: signal(SignalKind::hangup()).ok() }
    }

    #[cfg(unix)]
    async fn heard(&mut self) {
        match &mut self.signal {
            Some(signal) => _ = signal.recv().await,
            None => std::future::pending().await,
        }
    }

    #[cfg(not(unix))]
    fn new() -> Self {
        Self {}
    }

    #[cfg(not(unix))]
    async fn heard(&mut self) {
        std::future::pending().await
    }
}

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_secs(2);
