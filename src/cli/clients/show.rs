//! `clients show`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{status, with_registry};
use crate::cli::{ConfigFile, Done, now, print, print_json};

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// The client_id.
    id: String,
    #[command(flatten)]
    file: ConfigFile,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Show) -> Done {
    let known = with_registry(&arguments.file, async |registry| registry.find(&arguments.id).await)?;
    let registered = known.registered.as_ref();
    if arguments.json {
        let mut status = status(&known);
        if let Some(fields) = status.as_object_mut() {
            fields.insert("block".to_owned(), json!(registered.map(|kept| kept.block.as_str())));
        }
        print_json(&status)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    if let Some(kept) = registered {
        let state = if kept.enabled { "enabled" } else { "disabled" };
        let _ = writeln!(text, "# {state}, changed {}", kept.changed);
        if let Some(until) = kept.before_until(now()) {
            let _ = writeln!(text, "# the secret before the present one counts until {until}");
        }
    }
    for reason in &known.left_out {
        let _ = writeln!(text, "# left out: {reason}");
    }
    text.push_str(registered.map(|kept| kept.block.as_str()).unwrap_or_default());
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}
