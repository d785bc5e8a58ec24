//! `clients add`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::with_registry;
use crate::cli::{ConfigFile, Done, Failure, print, print_json};
use crate::config::Block;

#[derive(Debug, Args)]
pub(in crate::cli) struct Add {
    /// A file with one `[[client]]` block, as in gateway.toml but without a secret. In place of the options.
    #[arg(
        value_name = "FILE",
        required_unless_present = "id",
        conflicts_with_all = ["id", "name", "redirect_uri", "preset", "sector"],
    )]
    block: Option<PathBuf>,
    /// The client_id.
    #[arg(long, requires_all = ["name", "redirect_uri", "sector"])]
    id: Option<String>,
    /// The name that people see.
    #[arg(long, requires = "id")]
    name: Option<String>,
    /// Where people may be sent back to. Once for each.
    #[arg(long, value_name = "URL", requires = "id")]
    redirect_uri: Vec<String>,
    /// What kind of broker it is, as `keycloak`.
    #[arg(long, requires = "id")]
    preset: Option<String>,
    /// Whether it belongs to the `public` or the `private` sector.
    #[arg(long, requires = "id")]
    sector: Option<String>,
    #[command(flatten)]
    file: ConfigFile,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Add) -> Done {
    let (file, block) = match &arguments.block {
        Some(file) => {
            let text = std::fs::read_to_string(file);
            let text = text.map_err(|error| Failure::new(&file.display().to_string(), error))?;
            (file.as_path(), Block::new(text))
        }
        None => (Path::new("(options)"), of_options(arguments)),
    };
    let (id, secret) = with_registry(&arguments.file, async |registry| registry.add(file, block).await)?;
    let secret = secret.as_ref().map(|secret| secret.expose().as_str());
    if arguments.json {
        print_json(&json!({ "client_id": id, "client_secret": secret }))?;
    } else {
        print(&match secret {
            Some(secret) => format!(
                "client_id      {id}\nclient_secret  {secret}\n\nThe secret is shown this once. Running gateways know the client within seconds.\n"
            ),
            None => format!(
                "client_id  {id}\n\nIt has no secret. Running gateways know the client within seconds.\n"
            ),
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

fn of_options(arguments: &Add) -> Block {
    let words = [
        ("id", &arguments.id),
        ("name", &arguments.name),
        ("preset", &arguments.preset),
        ("sector", &arguments.sector),
    ];
    let words: Vec<_> = words.iter().filter_map(|(key, value)| Some((*key, value.as_deref()?))).collect();
    Block::of(&words, &[("redirect_uris", &arguments.redirect_uri)])
}
