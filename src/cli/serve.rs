//! `serve`: runs the gateway until it is told to stop.

use std::process::ExitCode;

use super::{ConfigFile, Done, Failure, now};
use crate::app;

pub(super) fn run(file: &ConfigFile) -> Done {
    let (config, opened) = file.load(now())?;
    let tls = app::tls(&file.config, &config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(app::serve(file.config.clone(), config, opened, tls));
    served.map_err(|error| Failure(format!("cannot serve: {error}\n    {}", error.page())))?;
    Ok(ExitCode::SUCCESS)
}
