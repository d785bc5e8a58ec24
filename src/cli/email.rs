//! `email forget`: removes the address that a person has proven for a client with `email_source = "collect"`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::clients::with_registry;
use super::{ConfigFile, Done, print};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Remove the address that is kept for a person. At the next login the person is asked again. Exits 1 if
    /// none is kept.
    Forget(Forget),
}

#[derive(Debug, Args)]
pub(super) struct Forget {
    /// The client that knows the person; all clients with its `sector_id` share what is kept.
    #[arg(long, value_name = "ID")]
    client: String,
    /// The person, as that client knows them.
    #[arg(long)]
    sub: String,
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(command: &Command) -> Done {
    let Command::Forget(Forget { client, sub, file }) = command;
    let was_there = with_registry(file, async |registry| registry.forget(client, sub).await)?;
    print(if was_there { "The address is removed." } else { "No address is kept for this sub." })?;
    Ok(if was_there { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
