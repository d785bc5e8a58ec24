//! `email forget`: removes the address that a person has proven for a client with `email_source = "collect"`.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{ConfigFile, Done, Failure, block_on, now, print};
use crate::store::{self, StoreError};

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
    let (config, opened) = file.load(now())?;
    let policy = opened.policies.get(client);
    let policy =
        policy.ok_or_else(|| Failure(format!("there is no client {client} in the configuration")))?;
    let tag = opened.subject_key.mailbox(&policy.sector, sub).tag();
    let forgetting = block_on(forget(opened.database.expose(), &tag))?;
    let was_there = forgetting.map_err(|error| Failure::new(&config.database.shown(), error))?;
    print(if was_there { "The address is removed." } else { "No address is kept for this sub." })?;
    Ok(if was_there { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn forget(url: &str, tag: &store::Hash) -> Result<bool, StoreError> {
    let store = store::open(url).await?;
    let was_there = store.drop_mailbox(tag).await?;
    store.close().await?;
    Ok(was_there)
}
