//! `clients`: the brokers and applications in the database; a file for each command.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{ConfigFile, Done, Failure, block_on, now};
use crate::app::registry::{Known, Registry, RegistryError};

mod add;
mod list;
mod rotate_secret;
mod show;
mod switch;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List all clients: those of the configuration file and those in the database.
    List(list::List),
    /// Put a client into the database, and show its secret, once. Running gateways know it within seconds.
    Add(add::Add),
    /// Show a client in the database, without its secret.
    Show(show::Show),
    /// Make it as if a client in the database were not there, until it is enabled. Running gateways follow within
    /// seconds; access tokens that it has end with their time.
    Disable(switch::Switch),
    /// Use a client again that was disabled.
    Enable(switch::Switch),
    /// Give a client in the database a new secret, and show it, once.
    RotateSecret(rotate_secret::RotateSecret),
}

pub(super) fn run(command: &Command) -> Done {
    match command {
        Command::List(arguments) => list::run(arguments),
        Command::Add(arguments) => add::run(arguments),
        Command::Show(arguments) => show::run(arguments),
        Command::Disable(arguments) => switch::run(arguments, false),
        Command::Enable(arguments) => switch::run(arguments, true),
        Command::RotateSecret(arguments) => rotate_secret::run(arguments),
    }
}

/// Does `work` with the clients of a deployment.
pub(super) fn with_registry<T>(
    file: &ConfigFile,
    work: impl AsyncFnOnce(&Registry) -> Result<T, RegistryError>,
) -> Result<T, Failure> {
    let (config, opened) = file.load(now())?;
    block_on(async {
        let registry = Registry::open(config, opened).await.map_err(|error| Failure(error.to_string()))?;
        let done = work(&registry).await;
        registry.close().await;
        done.map_err(|error| Failure(error.to_string()))
    })?
}

/// What is said of a client in the database, but for its block.
fn status(known: &Known) -> Value {
    let registered = known.registered.as_ref();
    json!({
        "id": known.id,
        "source": "database",
        "enabled": registered.map(|kept| kept.enabled),
        "changed": registered.map(|kept| kept.changed.to_string()),
        "has_secret": registered.map(crate::config::Registered::has_secret),
        "former_secret_until": registered.and_then(|kept| kept.before_until(now())).map(|at| at.to_string()),
        "left_out": known.left_out,
    })
}
