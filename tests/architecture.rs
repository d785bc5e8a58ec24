//! The module map of docs/architecture.md, checked on every `cargo test`: who may import whom, where each
//! library lives, and that the modules which decide do nothing else.
//!
//! It reads the source as text. A path that climbs out of its module with `super::super::`, or that a macro
//! builds, escapes it; review has to catch those.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the sources has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom, leaf words first: a module may name only modules above it here.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("ids", &[]),
    ("secret", &[]),
    ("crypto", &["clock", "ids", "secret"]),
    ("xml", &["crypto", "ids", "secret"]),
    ("saml", &["xml", "crypto", "clock", "ids", "secret"]),
    ("eidas", &["saml", "xml", "crypto", "clock", "ids", "secret"]),
    ("oidc", &["crypto", "clock", "ids", "secret"]),
    ("login", &["eidas", "saml", "oidc", "crypto", "clock", "ids", "secret"]),
    ("audit", &["login", "eidas", "oidc", "clock", "ids"]),
    ("store", &["login", "audit", "eidas", "oidc", "clock", "ids", "secret"]),
    ("outbound", &["clock", "secret"]),
    ("metrics", &["audit", "login", "eidas", "clock"]),
    ("jobs", &["login", "store", "outbound", "metrics", "audit", "eidas", "oidc", "crypto", "clock", "ids"]),
    ("web", &["login", "store", "outbound", "metrics", "audit", "eidas", "oidc", "clock", "ids", "secret"]),
    ("config", &["login", "outbound", "crypto", "eidas", "oidc", "clock", "ids", "secret"]),
    ("node", &["web", "outbound", "eidas", "saml", "xml", "crypto", "clock", "ids", "secret"]),
    (
        "app",
        &[
            "node", "config", "web", "jobs", "store", "outbound", "metrics", "audit", "login", "eidas",
            "oidc", "saml", "xml", "crypto", "clock", "ids", "secret",
        ],
    ),
    (
        "cli",
        &[
            "app", "config", "login", "oidc", "store", "outbound", "eidas", "saml", "xml", "crypto", "clock",
            "ids", "secret",
        ],
    ),
];

/// The one place that may start the simulated member state: never the gateway that serves.
const NODE_IS_STARTED_IN: &str = "src/app/demo";

/// Modules that decide and never do: no runtime, no sockets, no files, no wall clock, no log.
const PURE: &[&str] = &["clock", "secret", "crypto", "xml", "saml", "eidas", "oidc", "login"];
const EFFECTS: &[&str] = &[
    "tokio::",
    "axum::",
    "hyper::",
    "sqlx::",
    "tracing::",
    "Instant::now",
    "SystemTime::now",
    "now_utc",
    "println!",
    "async fn",
    "async move",
    ".await",
];
const EFFECTS_IN_STD: &[&str] = &["env", "fs", "io", "net", "process", "thread"];
/// The only clock has to look at the time somewhere.
const EFFECTS_EXCEPTED: &[(&str, &str)] = &[("clock", "SystemTime::now"), ("clock", "now_utc")];

/// Each library lives behind one module, so that there is one XML stack, one cryptography, one database.
const HOME: &[(&str, &[&str])] = &[
    ("roxmltree::", &["xml"]),
    ("openssl::", &["crypto"]),
    ("josekit::", &["crypto"]),
    ("x509_parser::", &["crypto"]),
    ("sqlx::", &["store"]),
    ("prometheus_client::", &["metrics"]),
    ("axum::", &["web", "node", "app"]),
    ("askama::", &["web", "node"]),
    ("lettre::", &["outbound"]),
    ("hyper::", &["outbound", "app"]),
    ("hyper_util::", &["outbound", "app"]),
    ("hyper_rustls::", &["outbound", "app"]),
    ("rustls::", &["outbound", "app"]),
    ("rustls_openssl::", &["outbound", "app"]),
    ("tokio_rustls::", &["outbound", "app"]),
    ("clap::", &["cli"]),
    ("toml::", &["config"]),
    ("schemars::", &["config"]),
    ("getrandom::", &["ids"]),
    // Not plain `time::`: std and tokio have modules of that name.
    ("use time::", &["clock"]),
    ("time::OffsetDateTime", &["clock"]),
    ("time::format_description", &["clock"]),
];

/// What an unfinished thing is called.
const UNFINISHED: &[&str] = &["todo!", "unimplemented!", "TODO", "FIXME"];

#[test]
fn imports_go_downward_only() {
    let mut above = BTreeSet::new();
    for (module, allowed) in MAY_IMPORT {
        for target in *allowed {
            assert!(
                above.contains(target),
                "the map lets `{module}` import `{target}`, which is not above it"
            );
        }
        above.insert(module);
    }
}

#[test]
fn modules_import_only_what_the_map_allows() {
    complain(sources(), |source, wrong| {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(module, _)| *module == source.module) else {
            return wrong.push(format!("`{}` is not in the map", source.module));
        };
        for target in imports(&source.code) {
            let known = MAY_IMPORT.iter().any(|(module, _)| *module == target);
            if known && target != source.module && !allowed.contains(&target.as_str()) {
                wrong.push(format!("`{}` may not import `{target}`", source.module));
            }
        }
    });
}

#[test]
fn only_the_demo_starts_the_simulated_member_state() {
    complain(sources(), |source, wrong| {
        let file = source.file.to_string_lossy();
        if source.module != "node"
            && !file.starts_with(NODE_IS_STARTED_IN)
            && imports(&source.code).contains("node")
        {
            wrong.push(format!("only {NODE_IS_STARTED_IN} may import `node`"));
        }
    });
}

#[test]
fn pure_modules_do_no_io() {
    complain(sources(), |source, wrong| {
        if !PURE.contains(&source.module.as_str()) {
            return;
        }
        for part in first_segments(&source.code, "std::") {
            if EFFECTS_IN_STD.contains(&part.as_str()) {
                wrong.push(format!("`std::{part}` in a pure module"));
            }
        }
        for (number, line) in source.code.lines().enumerate() {
            for effect in EFFECTS.iter().filter(|effect| names(line, effect)) {
                if !EFFECTS_EXCEPTED.contains(&(source.module.as_str(), effect)) {
                    wrong.push(format!("line {}: `{effect}` in a pure module", number + 1));
                }
            }
        }
    });
}

#[test]
fn each_library_has_one_home() {
    complain(sources(), |source, wrong| {
        for (library, home) in HOME {
            if names(&source.code, library) && !home.contains(&source.module.as_str()) {
                wrong.push(format!("`{library}` belongs in {home:?}"));
            }
        }
    });
}

#[test]
fn nothing_is_left_unfinished() {
    complain(sources(), |source, wrong| {
        for mark in UNFINISHED.iter().filter(|mark| source.text.contains(**mark)) {
            wrong.push(format!("holds `{mark}`"));
        }
    });
}

/// A source file below src/, less main.rs and lib.rs.
struct Source {
    /// Its path from the package's root.
    file: PathBuf,
    /// Its top-level module.
    module: String,
    /// All of it.
    text: String,
    /// It without comments and tests, line by line in the same places.
    code: String,
}

/// Runs `check` over all files and fails with everything that it found wrong.
fn complain(sources: Vec<Source>, check: impl Fn(&Source, &mut Vec<String>)) {
    assert!(sources.len() > 3, "the sources are not where this test looks");
    let mut all = Vec::new();
    for source in sources {
        let mut wrong = Vec::new();
        check(&source, &mut wrong);
        all.extend(wrong.into_iter().map(|what| format!("{}: {what}", source.file.display())));
    }
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

fn sources() -> Vec<Source> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![package.join("src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.file_stem().is_some_and(|stem| stem == "tests") {
                continue; // a module's tests in a file or folder of their own
            }
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let file = path.strip_prefix(package).unwrap().to_owned();
                let module = file.iter().nth(1).unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
                if !["lib", "main"].contains(&module.as_str()) {
                    let text = fs::read_to_string(&path).unwrap();
                    found.push(Source { file, module, code: code(&text), text });
                }
            }
        }
    }
    found.sort_by(|a, b| a.file.cmp(&b.file));
    found
}

/// The text without line comments, up to the test module at its bottom.
fn code(text: &str) -> String {
    let tests = text
        .match_indices("#[cfg(test)]\nmod ")
        .find(|(at, _)| text[*at..].find('{') < text[*at..].find(';'))
        .map_or(text.len(), |(at, _)| at);
    text[..tests].lines().map(|line| line_code(line).to_owned() + "\n").collect()
}

/// A comment begins the line or follows a space; the slashes of an URL do neither.
fn line_code(line: &str) -> &str {
    if line.trim_start().starts_with("//") { "" } else { line.split(" //").next().unwrap_or_default() }
}

/// Whether `text` holds `word` as a name of its own, not as the end of a longer one; a library's name
/// (`word` ends with `::`) must also begin its path.
fn names(text: &str, word: &str) -> bool {
    let within = |c: char| c.is_alphanumeric() || c == '_' || (c == ':' && word.ends_with("::"));
    text.match_indices(word).any(|(at, _)| word.starts_with('.') || !text[..at].ends_with(within))
}

fn imports(code: &str) -> BTreeSet<String> {
    first_segments(code, "crate::")
}

/// What follows `path` in the code, also inside `use crate::{a::b, c}`.
fn first_segments(code: &str, path: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rest in code.split(path).skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(identifier(rest));
            continue;
        };
        let (mut depth, mut start) = (0, 0);
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                ',' | '}' if depth == 0 => {
                    found.insert(identifier(group[start..at].trim_start()));
                    start = at + 1;
                    if c == '}' {
                        break;
                    }
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    found
}

fn identifier(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}
