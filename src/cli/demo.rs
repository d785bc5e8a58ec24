//! `demo`: everything in one process, on embedded defaults.

use std::process::ExitCode;

use clap::Args;

use super::{Done, Failure};
use crate::app;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The port on this machine; the next free one is taken if it is in use.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// The port of a mail server on this machine, such as a mail catcher for tests: then the shop also offers a
    /// login with an e-mail address.
    #[arg(long, value_name = "PORT")]
    mail_port: Option<u16>,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime
        .block_on(app::demo(arguments.port, arguments.mail_port))
        .map_err(|error| Failure::new("the demo cannot run", error))?;
    Ok(ExitCode::SUCCESS)
}
