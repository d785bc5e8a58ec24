//! `clients rotate-secret`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::with_registry;
use crate::cli::{ConfigFile, Done, print, print_json};

#[derive(Debug, Args)]
pub(in crate::cli) struct RotateSecret {
    /// The client_id.
    id: String,
    /// For how long the present secret counts as well, as `30m`, `24h` or `7d`; `0` ends it now, as for one that has
    /// leaked. At most 30 days. A secret that counted from an earlier change ends in any case.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration)]
    keep_old_for: Duration,
    #[command(flatten)]
    file: ConfigFile,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &RotateSecret) -> Done {
    let id = &arguments.id;
    let rotate =
        async |registry: &crate::app::registry::Registry| registry.rotate(id, arguments.keep_old_for).await;
    let (secret, until) = with_registry(&arguments.file, rotate)?;
    let (secret, until) = (secret.expose(), until.map(|until| until.to_string()));
    if arguments.json {
        print_json(&json!({ "client_id": id, "client_secret": secret, "former_secret_until": until }))?;
    } else {
        let former = match until {
            Some(until) => format!("the former one counts until {until}"),
            None => "the former one counts no more".to_owned(),
        };
        print(&format!(
            "client_id      {id}\nclient_secret  {secret}\n\nThe secret is shown this once; {former}. Running gateways follow within seconds.\n"
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a time on the command line: seconds, minutes, hours or days.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "a time is written as 30m, 24h or 7d, and is at most 30d".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.strip_prefix(digits) {
        Some("s") => 1,
        Some("m") => 60,
        Some("h") => 3600,
        Some("d") => 86_400,
        Some("") if digits == "0" => 1,
        _ => return Err(wrong()),
    };
    let seconds = digits.parse::<u32>().ok().and_then(|count| count.checked_mul(unit));
    let seconds = seconds.filter(|seconds| *seconds <= 30 * 86_400).ok_or_else(wrong)?;
    Ok(Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_and_an_end() {
        for (text, seconds) in [("0", 0), ("90s", 90), ("30m", 1800), ("24h", 86_400), ("30d", 2_592_000)] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "31d", "-1h", "1w", "h", "99999999999d", "1 h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
