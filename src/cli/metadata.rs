//! `metadata publish`; the other commands on metadata have files of their own.

use std::process::ExitCode;

use clap::Subcommand;

use super::{ConfigFile, Done, Failure, Verdict, now, print};
use crate::eidas;
use crate::ids::SystemRandom;

mod check;
mod trusted;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print our own signed metadata.
    Publish(ConfigFile),
    /// Judge the metadata of nodes: signature, chain, country, expiry, levels of assurance, attributes.
    Check(check::Check),
    /// Say what is trusted now: each country's node, until when, and how the last refresh went.
    List(trusted::Which),
    /// Fetch and judge metadata now. A running gateway takes over what is found good.
    Refresh(trusted::Which),
    /// Say what a refresh would change in trust, and change nothing.
    Diff(trusted::Which),
    /// Approve new metadata of a country with `review = true`.
    Approve(trusted::Approve),
}

pub(super) fn run(command: &Command) -> Done {
    match command {
        Command::Publish(file) => publish(file),
        Command::List(which) => trusted::list(which),
        Command::Refresh(which) => trusted::refresh(which),
        Command::Diff(which) => trusted::diff(which),
        Command::Approve(arguments) => trusted::approve(arguments),
        Command::Check(arguments) => {
            check::check(arguments).unwrap_or_else(|failure| Verdict::not_judged(&failure)).print()
        }
    }
}

fn publish(file: &ConfigFile) -> Done {
    let (_, opened) = file.load(now())?;
    let metadata =
        eidas::metadata::publish(&opened.connector, eidas::metadata::VALID_FOR, now(), &SystemRandom);
    print(&metadata.map_err(|error| Failure::new("the metadata cannot be signed", error))?)?;
    Ok(ExitCode::SUCCESS)
}
