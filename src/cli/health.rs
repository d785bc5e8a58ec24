//! `health`.

use std::process::ExitCode;
use std::time::Duration;

use super::{ConfigFile, Done, Failure, block_on};
use crate::app;
use crate::config::Config;

pub(super) fn run(file: &ConfigFile) -> Done {
    let text = std::fs::read_to_string(&file.config)
        .map_err(|error| Failure::new(&format!("cannot read {}", file.config.display()), error))?;
    let base = file.config.parent().unwrap_or_else(|| std::path::Path::new(""));
    let config = Config::read(&file.config, text, base)?;
    let asked = block_on(app::health(&config.server, PATIENCE))?;
    asked.map_err(|unwell| Failure(unwell.to_string()))?;
    Ok(ExitCode::SUCCESS)
}

/// Less than container engines give a check by default.
const PATIENCE: Duration = Duration::from_secs(5);
