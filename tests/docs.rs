//! The documents are checked like code: what they name must exist.
//!
//! Each rule is a test: a test named in docs/security.md is a test in the sources; a file named in a
//! document is a file in the repository; a command is one that the program understands; a link between
//! documents leads somewhere. The reference tables that are printed from the code have tests/references.rs.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn every_test_named_in_a_table_exists() {
    let known = test_names();
    let mut missing = Vec::new();
    for (file, least) in [("docs/security.md", 34), ("docs/conformance.md", 130)] {
        let text = document(file);
        let named: Vec<(usize, &str)> = table_rows(&text)
            .filter_map(|(line, cells)| cells.last().map(|last| (line, *last)))
            .flat_map(|(line, last)| code_spans(last).map(move |name| (line, name)))
            .collect();
        assert!(named.len() > least, "{file} names its tests in the last column of its tables");
        let unknown =
            named.iter().filter(|(_, name)| !known.contains(name.rsplit("::").next().unwrap_or(name)));
        missing.extend(unknown.map(|(line, name)| format!("{file}:{line}: no test is called {name}")));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_rule_of_the_response_has_its_row() {
    let text = document("docs/security.md");
    let rows: BTreeSet<&str> = table_rows(&text).filter_map(|(_, cells)| cells.first().copied()).collect();
    let missing: Vec<String> =
        (1..=34).map(|n| format!("SEC-{n:02}")).filter(|id| !rows.contains(id.as_str())).collect();
    assert!(missing.is_empty(), "docs/security.md has no row for {}", missing.join(", "));
}

#[test]
fn every_file_named_in_a_document_exists() {
    let mut missing = Vec::new();
    for (path, text) in documents() {
        for (number, line) in text.lines().enumerate() {
            for span in code_spans(line).filter(|span| names_a_file(span)) {
                if !root().join(span.trim_end_matches('/')).exists() {
                    missing.push(format!("{path}:{}: there is no {span}", number + 1));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut broken = Vec::new();
    for (path, text) in documents() {
        let folder = root().join(&path).parent().map(Path::to_path_buf).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            for target in link_targets(line) {
                let (file, fragment) = target.split_once('#').unwrap_or((target, ""));
                let file = if file.is_empty() { root().join(&path) } else { folder.join(file) };
                let anchor_found = fragment.is_empty() || headings(&file).iter().any(|a| a == fragment);
                if !file.exists() || !anchor_found {
                    broken.push(format!("{path}:{}: {target} leads nowhere", number + 1));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_command_in_a_document_is_understood() {
    let mut wrong = Vec::new();
    for (path, text) in documents() {
        for (number, command) in commands(&text) {
            let words: Vec<&str> = command.split_whitespace().collect();
            let of_word = |c: char| c.is_ascii_lowercase() || c == '-';
            let is_word = |word: &&&str| !word.starts_with('-') && word.chars().all(of_word);
            let subcommand: Vec<&str> = words.iter().take_while(is_word).copied().take(2).collect();
            let help = help_of(&subcommand);
            let known = |option: &&&str| help.as_ref().is_some_and(|help| help.contains(**option));
            let options = words.iter().filter(|word| word.starts_with("--"));
            if help.is_none() || !options.clone().all(|option| known(&option)) {
                wrong.push(format!("{path}:{number}: eidas-gateway {command}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What stands after `eidas-gateway ` in code, up to the end of the code span, of the line, or of what is
/// set off by several spaces.
fn commands(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter_map(|(number, line)| {
        let (before, command) = line.split_once("eidas-gateway ")?;
        let in_code = before.is_empty() || before.ends_with('`');
        let end = ["`", "  ", " >"].iter().filter_map(|end| command.find(end)).min();
        let command = command.get(..end.unwrap_or(command.len()))?;
        (in_code && command.starts_with(|c: char| c.is_ascii_lowercase())).then_some((number + 1, command))
    })
}

/// What `--help` says of a command, if there is one.
fn help_of(command: &[&str]) -> Option<String> {
    let program =
        Command::new(env!("CARGO_BIN_EXE_eidas-gateway")).args(command).arg("--help").output().ok()?;
    program.status.success().then(|| String::from_utf8_lossy(&program.stdout).into_owned())
}

/// A code span that looks like a path from the repository's root.
fn names_a_file(span: &str) -> bool {
    const FOLDERS: [&str; 7] = ["src/", "tests/", "docs/", "examples/", "metadata/", "certs/", ".ci/"];
    FOLDERS.iter().any(|folder| span.starts_with(folder)) && !span.contains(['*', ' ', '{', '<', '…'])
}

/// What stands between single backquotes in a line.
fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// The rows of all tables: line number and cells, without the rule under a heading.
fn table_rows(text: &str) -> impl Iterator<Item = (usize, Vec<&str>)> {
    text.lines().enumerate().filter_map(|(number, line)| {
        let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
        let cells: Vec<&str> = inner.split('|').map(str::trim).collect();
        let is_rule = cells.iter().all(|cell| cell.chars().all(|c| c == '-' || c == ':'));
        (!is_rule).then_some((number + 1, cells))
    })
}

/// The targets of `[text](target)` within the repository.
fn link_targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
}

/// The anchors of a document's headings, as forges make them.
fn headings(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut in_code = false;
    let mut anchors = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        }
        if in_code || !line.starts_with('#') {
            continue;
        }
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        anchors.push(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
    }
    anchors
}

/// The names of all functions under `#[test]` or `#[tokio::test]` in src and tests. A file whose macro makes
/// tests of a list (`suite!`) has each name on a line of its own.
fn test_names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in files_under("src", "rs").into_iter().chain(files_under("tests", "rs")) {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let makes_tests = text.contains("macro_rules! suite");
        let mut under_test = false;
        for line in text.lines().map(str::trim) {
            if makes_tests && line.contains('_') && line.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                names.insert(line.to_owned());
            }
            if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                under_test = true;
            } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| under_test) {
                names.extend(rest.split_once('(').map(|(name, _)| name.to_owned()));
                under_test = false;
            }
        }
    }
    names
}

/// Every document: path from the root, and text.
fn documents() -> Vec<(String, String)> {
    let mut found = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    for folder in ["docs", "metadata", "certs", "tests", "examples"] {
        found.extend(files_under(folder, "md"));
    }
    found
        .into_iter()
        .filter_map(|path| {
            let name = path.strip_prefix(root()).ok()?.to_string_lossy().into_owned();
            Some((name, fs::read_to_string(&path).ok()?))
        })
        .collect()
}

fn document(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}

fn files_under(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    collect(&root().join(folder), extension, &mut found).unwrap_or_default();
    found.sort();
    found
}

fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, extension, found)?;
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    Ok(())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
