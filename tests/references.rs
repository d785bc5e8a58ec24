//! The reference tables in docs/ are printed from the code; here they are compared with it.
//!
//! A document holds hand-written text around blocks between `<!-- generated: NAME -->` and
//! `<!-- end: NAME -->`. When a test below fails, the code has changed: look at the difference, then write
//! the new tables with `cargo test --test references -- --ignored bless`.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use eidas_gateway::config::{self, Config};
use eidas_gateway::eidas::Quirks;
use eidas_gateway::login::{Failure, claims};
use eidas_gateway::metrics::METRICS;
use eidas_gateway::oidc::OAuthError;
use serde_json::Value;

/// Every generated block: the document, its name in there, and what it should hold.
fn blocks() -> Vec<(&'static str, &'static str, String)> {
    vec![
        ("docs/architecture.md", "modules", modules()),
        ("docs/configuration.md", "sections", configuration()),
        ("docs/presets.md", "presets", presets()),
        ("docs/presets.md", "reasons", reasons()),
        ("docs/errors.md", "failures", failures()),
        ("docs/errors.md", "oauth", oauth_errors()),
        ("docs/audit.md", "events", audit_events()),
        ("docs/quirks.md", "quirks", quirks()),
        ("docs/operations.md", "metrics", metrics()),
    ]
}

#[test]
fn the_reference_tables_are_up_to_date() {
    for (path, name, expected) in blocks() {
        let text = fs::read_to_string(root().join(path)).unwrap_or_default();
        let found = block(&text, name).map(|(_, found, _)| found);
        assert_eq!(found, Some(expected.as_str()), "{path}: block `{name}` (see the top of this file)");
    }
}

#[test]
#[ignore = "writes the documents; run it by name after a change of the code"]
fn bless_the_reference_tables() -> io::Result<()> {
    for (path, name, expected) in blocks() {
        let file = root().join(path);
        let text = fs::read_to_string(&file)?;
        let (before, _, after) = block(&text, name).ok_or(io::ErrorKind::NotFound)?;
        fs::write(&file, format!("{before}{expected}{after}"))?;
    }
    Ok(())
}

#[test]
fn the_smallest_configuration_is_a_configuration() {
    let text = fs::read_to_string(root().join("docs/configuration.md")).unwrap_or_default();
    let example =
        text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap_or_default();
    let read = Config::read(Path::new("docs/configuration.md"), example.to_owned(), Path::new("/etc"));
    assert_eq!(read.err(), None);
}

/// What stands before, inside and after the block `name`.
fn block<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let opening = format!("<!-- generated: {name} -->\n");
    let start = text.find(&opening)? + opening.len();
    let length = text.get(start..)?.find(&format!("<!-- end: {name} -->"))?;
    let end = start + length;
    Some((text.get(..start)?, text.get(start..end)?, text.get(end..)?))
}

/// The map that tests/architecture.rs enforces, with the words that the document has for each module.
fn modules() -> String {
    let read = |file: &str| fs::read_to_string(root().join(file)).unwrap_or_default();
    let (code, document) = (read("tests/architecture.rs"), read("docs/architecture.md"));
    let map = code.split_once("MAY_IMPORT").and_then(|(_, rest)| rest.split_once("\n];")).unwrap_or_default();
    let mut enforced: Vec<(&str, Vec<String>)> = Vec::new();
    let mut words = map.0.split('"');
    while let (Some(before), Some(word)) = (words.next(), words.next()) {
        match enforced.last_mut() {
            Some((_, imports)) if !before.trim_end().ends_with('(') => imports.push(format!("`{word}`")),
            _ => enforced.push((word, Vec::new())),
        }
    }
    let mut page = String::from("\n| Module | Is for | May import |\n|---|---|---|\n");
    for (module, imports) in enforced {
        let row = document.lines().find_map(|line| line.strip_prefix(&format!("| `{module}` | ")));
        let purpose = row.and_then(|row| row.split(" |").next()).unwrap_or("(to be written)");
        let _ = writeln!(page, "| `{module}` | {purpose} | {} |", imports.join(" "));
    }
    page
}

/// A value of a preset: its option, itself, and the comment above it.
type Chosen = (String, String, String);

/// The presets with their values, in the order of the file.
fn preset_values() -> Vec<(String, Vec<Chosen>)> {
    let text = fs::read_to_string(root().join("src/config/presets.toml")).unwrap_or_default();
    let mut presets: Vec<(String, Vec<Chosen>)> = Vec::new();
    let mut reason = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            presets.push((name.to_owned(), Vec::new()));
            reason.clear();
        } else if let Some(more) = line.strip_prefix('#') {
            reason = [reason.as_str(), more.trim()].join(" ").trim().to_owned();
        } else if let (Some((option, value)), Some((_, values))) =
            (line.split_once(" = "), presets.last_mut())
        {
            values.push((option.to_owned(), value.to_owned(), std::mem::take(&mut reason)));
        }
    }
    presets
}

/// All presets and all options that one of them sets.
fn presets() -> String {
    let presets = preset_values();
    let mut options: Vec<&str> = Vec::new();
    for (option, ..) in presets.iter().flat_map(|(_, values)| values) {
        if !options.contains(&option.as_str()) {
            options.push(option);
        }
    }
    let names: Vec<_> = presets.iter().map(|(name, _)| format!(" `{name}` ")).collect();
    let mut page = format!("\n| Option |{}|\n|---{}|\n", names.join("|"), "|---".repeat(presets.len()));
    for option in options {
        let cells = presets.iter().map(|(_, values)| {
            let value = values.iter().find(|(name, ..)| name == option);
            value.map_or_else(|| " ".to_owned(), |(_, value, _)| format!(" `{}` ", value.trim_matches('"')))
        });
        let _ = writeln!(page, "| `{option}` |{}|", cells.collect::<Vec<_>>().join("|"));
    }
    page
}

/// Why each value is what it is.
fn reasons() -> String {
    let meanings = serde_json::to_value(config::schema()).unwrap_or_default();
    let mut page = String::new();
    for (name, values) in preset_values() {
        let words = meanings.pointer("/$defs/Preset").unwrap_or(&Value::Null);
        let meaning =
            list(words, "oneOf").find(|one| one.get("const").and_then(Value::as_str) == Some(&name));
        let _ = write!(page, "\n### `{name}`\n\n{}\n\n", meaning.map(sentence).unwrap_or_default());
        page.push_str("| Option | Value | Because |\n|---|---|---|\n");
        for (option, value, reason) in values {
            let _ = writeln!(page, "| `{option}` | `{value}` | {reason} |");
        }
    }
    page
}

#[test]
fn every_value_of_a_preset_has_its_reason() {
    for (preset, values) in preset_values() {
        let without: Vec<_> = values.iter().filter(|(.., reason)| reason.is_empty()).collect();
        assert!(!values.is_empty() && without.is_empty(), "{preset}: {without:?}");
    }
}

/// Every row of the failure table.
fn failures() -> String {
    let mut page = String::from(
        "\n| Code | Shown as | Meaning | Who can mend it | Told to the broker | HTTP status | Retry |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for failure in Failure::ALL {
        let row = failure.row();
        let shown = if row.shown == row.code { String::new() } else { format!("`{}`", row.shown) };
        let oauth = row.oauth.map_or_else(|| "nothing".to_owned(), |error| format!("`{error}`"));
        let fault = word(&row.fault);
        let retry = if row.retry { "yes" } else { "no" };
        let _ = writeln!(
            page,
            "| `{}` | {shown} | {} | {fault} | {oauth} | {} | {retry} |",
            row.code, row.meaning, row.status
        );
    }
    page
}

#[test]
fn every_failure_has_advice() {
    let text = fs::read_to_string(root().join("docs/errors.md")).unwrap_or_default();
    let advice = text.split("## Every code").next().unwrap_or_default();
    let missing: Vec<_> = Failure::ALL
        .iter()
        .map(|failure| failure.row().code)
        .filter(|code| !advice.contains(&format!("`{code}`")))
        .collect();
    assert!(missing.is_empty(), "docs/errors.md gives no advice for {}", missing.join(", "));
}

/// Every metric.
fn metrics() -> String {
    let mut page = String::from("\n| Metric | Labels | Meaning |\n|---|---|---|\n");
    for (name, labels, meaning) in METRICS {
        let labels: Vec<_> = labels.split(", ").map(|label| format!("`{label}`")).collect();
        let _ = writeln!(page, "| `{name}` | {} | {meaning}. |", labels.join(", "));
    }
    page
}

/// Every error that a client can be told.
fn oauth_errors() -> String {
    let meanings = documented_enum("src/oidc/error.rs", "OAuthError");
    let mut page = String::from("\n| Error | HTTP status | Meaning |\n|---|---|---|\n");
    for error in OAuthError::ALL {
        let meaning = meanings.iter().find(|variant| variant.word == error.as_str());
        let meaning = meaning.map(|variant| variant.meaning.as_str()).unwrap_or_default();
        let _ = writeln!(page, "| `{error}` | {} | {meaning} |", error.status());
    }
    page
}

/// Every audit event with its fields.
fn audit_events() -> String {
    let events = documented_enum("src/audit/mod.rs", "Event");
    let mut page = String::new();
    for event in &events {
        let _ = write!(page, "\n### `{}`\n\n{}\n", event.word, event.meaning);
        let refusal = documented_struct("src/audit/mod.rs", "Refusal");
        let fields = if event.fields.is_empty() { &refusal } else { &event.fields };
        page.push_str("\n| Field | Meaning |\n|---|---|\n");
        for (name, meaning) in fields {
            let _ = writeln!(page, "| `{name}` | {meaning} |");
        }
    }
    page
}

/// Every quirk with its default, and the words that some of them take.
fn quirks() -> String {
    const FILE: &str = "src/eidas/quirk.rs";
    let defaults = serde_json::to_value(Quirks::default()).unwrap_or_default();
    let mut page = String::from("\n| Key | Default | Meaning |\n|---|---|---|\n");
    for (name, meaning) in documented_struct(FILE, "Quirks") {
        let default = defaults.get(&name).cloned().unwrap_or_default();
        let words = match name.as_str() {
            "requester_id" => documented_enum(FILE, "RequesterIdRule"),
            "name_id_policy" => documented_enum(FILE, "NameIdPolicyRule"),
            "provider_name" => documented_enum(FILE, "ProviderNameRule"),
            _ => Vec::new(),
        };
        let words: String = words.iter().map(|v| format!("<br>`{}`: {}", v.word, v.meaning)).collect();
        let _ = writeln!(page, "| `{name}` | `{default}` | {meaning}{words} |");
    }
    page
}

#[test]
fn every_claim_has_its_row() {
    let text = fs::read_to_string(root().join("docs/claims.md")).unwrap_or_default();
    let missing: Vec<_> =
        claims::supported().filter(|claim| !text.contains(&format!("\n| `{claim}` |"))).collect();
    assert!(missing.is_empty(), "docs/claims.md has no row for {}", missing.join(", "));
    let unknown: Vec<_> = claims::supported_scopes()
        .into_iter()
        .filter(|scope| !text.contains(&format!("`{scope}`")))
        .collect();
    assert!(unknown.is_empty(), "docs/claims.md says nothing about the scopes {}", unknown.join(", "));
}

/// A variant of an enum, as its source documents it.
#[derive(Default)]
struct Variant {
    /// Its name as serde writes it.
    word: String,
    meaning: String,
    fields: Vec<(String, String)>,
}

/// The variants of `pub enum NAME` in `file`, read from the source: doc comments are not to be had
/// otherwise.
fn documented_enum(file: &str, name: &str) -> Vec<Variant> {
    let mut variants: Vec<Variant> = Vec::new();
    let mut doc = String::new();
    for line in body(file, &format!("pub enum {name}")) {
        let text = line.trim();
        if let Some(more) = text.strip_prefix("///") {
            doc = [doc.as_str(), more.trim()].join(" ").trim().to_owned();
        } else if text.starts_with(|c: char| c.is_ascii_uppercase()) {
            let end = text.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(text.len());
            let word = snake_case(text.get(..end).unwrap_or_default());
            variants.push(Variant { word, meaning: std::mem::take(&mut doc), fields: Vec::new() });
        } else if let (Some((field, _)), Some(variant)) = (text.split_once(": "), variants.last_mut()) {
            variant.fields.push((field.to_owned(), std::mem::take(&mut doc)));
        }
    }
    variants
}

/// The public fields of `pub struct NAME` in `file`.
fn documented_struct(file: &str, name: &str) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    let mut doc = String::new();
    for line in body(file, &format!("pub struct {name}")) {
        let text = line.trim();
        if let Some(more) = text.strip_prefix("///") {
            doc = [doc.as_str(), more.trim()].join(" ").trim().to_owned();
        } else if let Some((field, _)) = text.strip_prefix("pub ").and_then(|rest| rest.split_once(": ")) {
            fields.push((field.to_owned(), std::mem::take(&mut doc)));
        }
    }
    fields
}

/// The lines between the line that starts with `opening` and the brace that closes it.
fn body(file: &str, opening: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(file)).unwrap_or_default();
    let lines = text.lines().skip_while(|line| !line.starts_with(opening)).skip(1);
    lines.take_while(|line| !line.starts_with('}')).map(str::to_owned).collect()
}

fn snake_case(name: &str) -> String {
    let mut word = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(c.to_ascii_lowercase());
    }
    word
}

/// What serde makes of a value that is one word.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// `gateway.toml`, section by section, from the schema that `config schema` prints.
fn configuration() -> String {
    let schema = serde_json::to_value(config::schema()).unwrap_or_default();
    let mut page = String::new();
    section(&schema, &schema, "", false, &mut page);
    page
}

/// One section, then the sections inside it.
fn section(root: &Value, table: &Value, path: &str, many: bool, page: &mut String) {
    match (path, many) {
        ("", _) => page.push_str("\n### Top level\n\n"),
        (_, false) => _ = write!(page, "\n### `[{path}]`\n\n"),
        (_, true) => _ = write!(page, "\n### `[[{path}]]`\n\n"),
    }
    if !path.is_empty() {
        let _ = write!(page, "{}\n\n", sentence(table));
    }
    if path == "country.quirks" {
        page.push_str("Each of them is explained in [quirks.md](quirks.md).\n");
        return;
    }
    let required: Vec<&str> = list(table, "required").filter_map(Value::as_str).collect();
    let mut inner = Vec::new();
    page.push_str("| Key | Type | Default | Meaning |\n|---|---|---|---|\n");
    for (key, property) in table.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let target = resolve(root, property);
        let items = target.get("items").map(|items| resolve(root, items));
        let (section_of, is_many) = match items {
            Some(items) if items.get("properties").is_some() => (Some(items), true),
            _ => (target.get("properties").map(|_| target), false),
        };
        if let Some(found) = section_of {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            inner.push((found, path, is_many));
        }
        if path.is_empty() && section_of.is_some() {
            continue;
        }
        let meaning = [sentence(property), choices(target)].concat();
        let kind = match kind(root, target, section_of.is_some()) {
            _ if key.ends_with("_file") => "path".to_owned(),
            _ if key.ends_with("_files") => "list of paths".to_owned(),
            kind => kind,
        };
        let default = default(property, required.contains(&key.as_str()));
        let _ = writeln!(page, "| `{key}` | {kind} | {default} | {meaning} |");
    }
    for (found, path, is_many) in inner {
        section(root, found, &path, is_many, page);
    }
}

/// Follows a reference, also through "this or nothing".
fn resolve<'a>(root: &'a Value, node: &'a Value) -> &'a Value {
    let alternative =
        list(node, "anyOf").find(|option| option.get("type").and_then(Value::as_str) != Some("null"));
    let reference = node.get("$ref").or_else(|| alternative?.get("$ref")).and_then(Value::as_str);
    let pointer = reference.and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| root.pointer(pointer)).unwrap_or(node)
}

fn kind(root: &Value, target: &Value, is_section: bool) -> String {
    if is_section {
        return if target.get("items").is_some() { "tables" } else { "table" }.to_owned();
    }
    if target.get("oneOf").is_some() || target.get("enum").is_some() {
        return "one of".to_owned();
    }
    let name = match target.get("type") {
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or_default()
        }
        Some(name) => name.as_str().unwrap_or_default(),
        None => "",
    };
    match name {
        "array" => {
            let items = target.get("items").map(|items| kind(root, resolve(root, items), false));
            format!("list of {}s", items.unwrap_or_default())
        }
        "boolean" => "true or false".to_owned(),
        "integer" => "number".to_owned(),
        other => other.to_owned(),
    }
}

fn default(property: &Value, required: bool) -> String {
    match property.get("default") {
        _ if required => "*required*".to_owned(),
        None | Some(Value::Null | Value::Object(_)) => String::new(),
        Some(Value::Array(items)) if items.is_empty() => "none".to_owned(),
        Some(value) => format!("`{value}`"),
    }
}

/// The values of a choice with their meanings.
fn choices(target: &Value) -> String {
    let mut text = String::new();
    for option in list(target, "oneOf") {
        let value = option.get("const").or_else(|| option.get("enum")?.get(0));
        if let Some(value) = value.and_then(Value::as_str) {
            let _ = write!(text, "<br>`{value}`: {}", sentence(option));
        }
    }
    for value in list(target, "enum").filter_map(Value::as_str) {
        let _ = write!(text, "<br>`{value}`");
    }
    text
}

/// A description on one line, safe in a table.
fn sentence(node: &Value) -> String {
    let text = node.get("description").and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn list<'a>(node: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    node.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
