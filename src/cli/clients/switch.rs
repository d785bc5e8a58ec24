//! `clients disable` and `clients enable`.

use std::process::ExitCode;

use clap::Args;

use super::with_registry;
use crate::cli::{ConfigFile, Done, print};

#[derive(Debug, Args)]
pub(in crate::cli) struct Switch {
    /// The client_id.
    id: String,
    #[command(flatten)]
    file: ConfigFile,
}

pub(super) fn run(Switch { id, file }: &Switch, enabled: bool) -> Done {
    let changed = with_registry(file, async |registry| registry.switch(id, enabled).await)?;
    let state = if enabled { "enabled" } else { "disabled" };
    print(&if changed {
        format!("{id} is {state}. Running gateways follow within seconds.")
    } else {
        format!("{id} was {state} before.")
    })?;
    Ok(ExitCode::SUCCESS)
}
