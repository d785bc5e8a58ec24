//! What people copy out of the documents works as it stands: each `toml` block, put where it belongs, is a
//! configuration without a fault.

use std::fs;
use std::path::{Path, PathBuf};

use eidas_gateway::config::Config;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository.
pub(crate) fn document(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The `toml` blocks of a text, as somebody would copy them: without the margin of a list.
fn blocks(text: &str) -> Vec<String> {
    let (mut blocks, mut lines) = (Vec::new(), text.lines());
    while let Some(line) = lines.next() {
        let Some((margin, "")) = line.split_once("```toml") else { continue };
        let inner = lines.by_ref().take_while(|line| line.trim() != "```");
        blocks.push(inner.map(|line| format!("{}\n", line.strip_prefix(margin).unwrap_or(line))).collect());
    }
    blocks
}

/// The first `[[client]]` block of a document.
pub(crate) fn client_block(path: &str) -> String {
    blocks(&document(path)).into_iter().find(|block| block.starts_with("[[client]]")).unwrap()
}

fn documents() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md")];
    let mut folders = vec![root().join("docs"), root().join("examples")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// The faults of a configuration, as `config check` prints them. No file is opened.
fn faults(text: String) -> Result<(), String> {
    Config::read(Path::new("gateway.toml"), text, Path::new("/")).map(drop).map_err(|faults| {
        faults.0.iter().map(|fault| format!("{} {}: {}\n", fault.key, fault.code, fault.message)).collect()
    })
}

/// "The smallest file", without its client; and the mail server, for who needs one.
fn smallest() -> (String, String) {
    let all = blocks(&document("docs/configuration.md"));
    let whole = all.iter().find(|block| block.contains("[connector]")).unwrap();
    let (head, _) = whole.split_once("[[client]]").unwrap();
    let operations = blocks(&document("docs/operations.md"));
    (head.to_owned(), operations.into_iter().find(|block| block.starts_with("[smtp]")).unwrap())
}

#[test]
fn every_block_of_the_documents_is_accepted() {
    let (head, mail) = smallest();
    // What a fragment without a header is about.
    let client = "[[client]]\nid = \"x\"\nname = \"X\"\nsector = \"public\"\nauthentication = \"private_key_jwt\"\n\
                  assertion_alg = \"RS256\"\nredirect_uris = [\"https://x.example.org/\"]\n";
    let keys = "jwks_uri = \"https://x.example.org/keys\"\n";
    let (mut wrong, mut seen) = (String::new(), 0);
    for path in documents() {
        for block in blocks(&fs::read_to_string(&path).unwrap()) {
            seen += 1;
            let text = match block.lines().next().unwrap() {
                _ if block.contains("[connector]") => block.clone(),
                "[smtp]" => format!("{head}{block}"),
                "[[client]]" | "[[country]]" => format!("{head}{mail}{block}"),
                first if first.starts_with('[') => format!("{head}{block}"),
                _ if block.contains("jwks_uri") => format!("{head}{client}{block}"),
                _ => format!("{head}{client}{keys}{block}"),
            };
            if let Err(faults) = faults(text) {
                wrong += &format!("{}:\n{block}{faults}\n", path.strip_prefix(root()).unwrap().display());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(seen >= 15, "{seen}");
}

#[test]
fn without_a_mail_server_the_block_for_entra_is_refused_as_its_page_says() {
    let page = document("docs/brokers/entra.md");
    let found = faults(smallest().0 + &client_block("docs/brokers/entra.md")).unwrap_err();
    let message = "email_source = \"collect\" needs a mail server: [smtp]";
    assert_eq!(found, format!("client[0].email_source missing_section: {message}\n"));
    assert!(page.contains(&format!("`{message}`")));
}
