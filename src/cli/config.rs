//! `config check`, `config show`, `config schema`.

use clap::Subcommand;
use serde_json::json;

use super::{ConfigFile, Done, Failure, Verdict, now, print, print_json};
use crate::app;
use crate::config::{self, Config};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say whether the gateway would start, with file, line and key of each fault.
    Check(ConfigFile),
    /// Print the configuration as it is understood: with defaults, without secrets.
    Show(ConfigFile),
    /// Print the JSON Schema of gateway.toml.
    Schema,
}

pub(super) fn run(command: &Command) -> Done {
    match command {
        Command::Check(file) => check(file),
        Command::Show(file) => show(file),
        Command::Schema => {
            print_json(&config::schema())?;
            Ok(std::process::ExitCode::SUCCESS)
        }
    }
}

fn check(file: &ConfigFile) -> Done {
    let faults = Config::load(&file.config, now()).and_then(|(config, _)| app::tls(&file.config, &config));
    match faults {
        Ok(_) => Verdict::accepted(json!({ "faults": [] })).print(),
        Err(faults) => Verdict::refused(json!({ "faults": faults })).print(),
    }
}

fn show(file: &ConfigFile) -> Done {
    let text = std::fs::read_to_string(&file.config);
    let text = text.map_err(|error| Failure::new(&file.config.display().to_string(), error))?;
    let base = file.config.parent().unwrap_or_else(|| std::path::Path::new(""));
    print(&Config::read(&file.config, text, base)?.show())?;
    Ok(std::process::ExitCode::SUCCESS)
}
