//! `clients list`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::{status, with_registry};
use crate::app::registry::Known;
use crate::cli::{ConfigFile, Done, print, print_json};

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    file: ConfigFile,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &List) -> Done {
    let (configured, known) = with_registry(&arguments.file, async |registry| {
        let ids: Vec<_> = registry.config().client.iter().map(|client| client.id.clone()).collect();
        Ok((ids, registry.list().await?))
    })?;
    if arguments.json {
        let configured =
            configured.iter().map(|id| json!({ "id": id, "source": "configuration", "enabled": true }));
        let clients: Vec<Value> = configured.chain(known.iter().map(status)).collect();
        print_json(&json!({ "clients": clients }))?;
    } else {
        let mut text = String::new();
        for id in &configured {
            let _ = writeln!(text, "{id:<24} configuration  enabled");
        }
        for client in &known {
            let _ = writeln!(text, "{:<24} database       {}", client.id, state(client));
            for reason in &client.left_out {
                let _ = writeln!(text, "    left out: {reason}");
            }
        }
        print(&text)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn state(client: &Known) -> &'static str {
    match &client.registered {
        None => "unreadable",
        Some(kept) if kept.enabled => "enabled",
        Some(_) => "disabled",
    }
}
