//! `doctor`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{ConfigFile, Done, block_on, now, print, print_json};
use crate::app::doctor::{self, Severity};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
    /// Also ask whether the public addresses, the clients' keys and the mail server answer.
    #[arg(long)]
    online: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> Done {
    let findings = block_on(doctor::examine(&arguments.file.config, arguments.online, now()))?;
    if arguments.json {
        print_json(&json!({ "findings": findings }))?;
    } else if findings.is_empty() {
        print("Nothing was found.")?;
    } else {
        let mut text = String::new();
        for finding in &findings {
            let severity = match finding.severity {
                Severity::Info => "info",
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            let _ = writeln!(text, "{severity} [{}] {}\n    {}", finding.code, finding.message, finding.page);
        }
        print(&text)?;
    }
    let bad = findings.iter().any(|finding| finding.severity > Severity::Info);
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
