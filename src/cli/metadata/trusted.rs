//! `metadata list`, `metadata refresh`, `metadata diff` and `metadata approve`.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::app::countries::{Difference, Known, Overview};
use crate::cli::{ConfigFile, Done, Failure, now, print, print_json};
use crate::crypto::hash::hex;
use crate::eidas::CountryCode;
use crate::login::Entry;

#[derive(Debug, Args)]
pub(in crate::cli) struct Which {
    /// The countries; all, if none is named.
    #[arg(value_name = "CC")]
    countries: Vec<CountryCode>,
    #[command(flatten)]
    file: ConfigFile,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Approve {
    /// The country whose new metadata is approved.
    #[arg(value_name = "CC")]
    country: CountryCode,
    #[command(flatten)]
    file: ConfigFile,
    /// Approve only the document with this SHA-256, which `metadata list` shows.
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
}

fn open(file: &ConfigFile, only: &[CountryCode]) -> Result<(tokio::runtime::Runtime, Overview), Failure> {
    let (config, opened) = file.load(now())?;
    let configured =
        |country: &CountryCode| opened.countries.iter().any(|(trust, _)| trust.country == *country);
    if let Some(unknown) = only.iter().find(|country| !configured(country)) {
        return Err(Failure(format!("there is no country {unknown} in the configuration")));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let overview = runtime.block_on(Overview::open(config, opened, only));
    Ok((runtime, overview.map_err(|error| Failure(error.to_string()))?))
}

fn no_answer(error: impl std::fmt::Display) -> Failure {
    Failure::new("the database", error)
}

pub(in crate::cli) fn list(which: &Which) -> Done {
    let (runtime, overview) = open(&which.file, &which.countries)?;
    let known = runtime.block_on(overview.list()).map_err(no_answer)?;
    show(&known, which.json)
}

pub(in crate::cli) fn refresh(which: &Which) -> Done {
    let (runtime, overview) = open(&which.file, &which.countries)?;
    runtime.block_on(overview.refresh()).map_err(|error| Failure(error.to_string()))?;
    let known = runtime.block_on(overview.list()).map_err(no_answer)?;
    show(&known, which.json)?;
    let failed = |known: &Known| known.refresh.as_ref().is_some_and(|refresh| refresh.failures > 0);
    Ok(if known.iter().any(failed) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

pub(in crate::cli) fn diff(which: &Which) -> Done {
    let (runtime, overview) = open(&which.file, &which.countries)?;
    let differences = runtime.block_on(overview.diff()).map_err(no_answer)?;
    let refused = differences.iter().any(|(_, difference)| matches!(difference, Difference::Refused(_)));
    if which.json {
        let all: Vec<Value> =
            differences.iter().map(|(country, one)| difference_json(*country, one)).collect();
        print_json(&json!({ "countries": all }))?;
    } else {
        let mut text = String::new();
        for (country, difference) in &differences {
            match difference {
                Difference::Changes(changes) if changes.is_empty() => {
                    _ = writeln!(text, "{country}: no change")
                }
                Difference::Changes(changes) => {
                    let _ = writeln!(text, "{country}:");
                    for change in changes {
                        let mark = if change.is_trust() { "  trust: " } else { "  " };
                        let _ = writeln!(text, "{mark}{change}");
                    }
                }
                Difference::New(entity) => _ = writeln!(text, "{country}: new: {entity} would be trusted"),
                Difference::Refused(reason) => _ = writeln!(text, "{country}: would be refused: {reason}"),
            }
        }
        print(&text)?;
    }
    Ok(if refused { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn difference_json(country: CountryCode, difference: &Difference) -> Value {
    let country = country.as_str();
    match difference {
        Difference::Changes(changes) => {
            let changes =
                changes.iter().map(|one| json!({ "trust": one.is_trust(), "change": one.to_string() }));
            json!({ "country": country, "verdict": "accepted", "changes": changes.collect::<Vec<_>>() })
        }
        Difference::New(entity) => json!({ "country": country, "verdict": "accepted", "new": entity }),
        Difference::Refused(reason) => json!({ "country": country, "verdict": "refused", "detail": reason }),
    }
}

pub(in crate::cli) fn approve(arguments: &Approve) -> Done {
    let (runtime, overview) = open(&arguments.file, &[arguments.country])?;
    let known = runtime.block_on(overview.list()).map_err(no_answer)?;
    let waiting = known.iter().find_map(|known| known.pending.as_ref());
    let nothing = || Failure(format!("nothing of {} waits for approval", arguments.country));
    let shown = hex(&waiting.ok_or_else(nothing)?.sha256);
    if arguments.sha256.as_ref().is_some_and(|expected| !expected.eq_ignore_ascii_case(&shown)) {
        return Err(Failure(format!("what waits for approval has the SHA-256 {shown}")));
    }
    let approved = runtime.block_on(overview.approve(arguments.country, now())).map_err(no_answer)?;
    let document = approved.ok_or_else(nothing)?;
    let mut text = format!("Approved: {} with the SHA-256 {}\n", document.url, hex(&document.sha256));
    for change in &document.changes {
        let _ = writeln!(text, "  {change}");
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn show(known: &[Known], as_json: bool) -> Done {
    if as_json {
        print_json(&json!({ "countries": known.iter().map(known_json).collect::<Vec<_>>() }))?;
    } else {
        print(&known.iter().map(known_text).collect::<String>())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn known_json(known: &Known) -> Value {
    let (node, reason) = match &known.entry {
        Entry::Trusted(node) => (Some(node), None),
        Entry::Untrusted(reason) => (None, Some(reason)),
    };
    let levels =
        |node: &crate::eidas::TrustedNode| node.loas().iter().map(|l| l.uri().to_owned()).collect::<Vec<_>>();
    json!({
        "country": known.country.as_str(),
        "trusted": node.is_some(),
        "reason": reason,
        "entity_id": node.map(|node| node.entity_id()),
        "valid_until": node.map(|node| node.valid_until().to_string()),
        "levels_of_assurance": node.map(|node| levels(node)),
        "warnings": node.map(|node| node.warnings()),
        "last_refresh": known.refresh.as_ref().map(|refresh| refresh.attempted.to_string()),
        "next_refresh": known.refresh.as_ref().map(|refresh| refresh.next.to_string()),
        "failures": known.refresh.as_ref().map(|refresh| refresh.failures),
        "error": known.refresh.as_ref().and_then(|refresh| refresh.code.clone()),
        "detail": known.refresh.as_ref().and_then(|refresh| refresh.detail.clone()),
        "pending": known.pending.as_ref().map(|one| json!({ "sha256": hex(&one.sha256), "changes": one.changes })),
    })
}

/// A line for each country, and further lines for what is to be said of it.
fn known_text(known: &Known) -> String {
    let mut text = format!("{:<3} ", known.country.as_str());
    match &known.entry {
        Entry::Trusted(node) => {
            let levels = node.loas().iter().map(|level| level.uri().rsplit('/').next().unwrap_or_default());
            let levels = levels.collect::<Vec<_>>().join(" ");
            let _ = writeln!(text, "until {}  {}  {levels}", node.valid_until(), node.entity_id());
            for warning in node.warnings() {
                let _ = writeln!(text, "    warning: {warning}");
            }
        }
        Entry::Untrusted(reason) => _ = writeln!(text, "not trusted: {reason}"),
    }
    if let Some(refresh) = &known.refresh {
        let _ = write!(text, "    refreshed {}, again {}", refresh.attempted, refresh.next);
        if let (Some(code), Some(detail)) = (&refresh.code, &refresh.detail) {
            let _ = write!(text, "; failed {} times: {code}: {detail}", refresh.failures);
        }
        text.push('\n');
    }
    if let Some(pending) = &known.pending {
        let _ = writeln!(text, "    waits for approval: sha256 {}", hex(&pending.sha256));
        for change in &pending.changes {
            let _ = writeln!(text, "      {change}");
        }
    }
    text
}
