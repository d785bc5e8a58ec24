//! What is wrong with a configuration, said so that a person can go and mend it: file, line, column,
//! dotted key, a stable code and a sentence. Nothing here decides what is wrong.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::document::Document;

/// One fault in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The configuration file, as it was named on the command line.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The dotted key, as `client[1].redirect_uris[0]`; empty when the text as a whole is at fault.
    pub key: String,
    /// A stable word for scripts, as `unknown_key` or `file_missing`.
    pub code: &'static str,
    /// A sentence for people.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file.display(), self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{} [{}]", self.message, self.code)
    }
}

/// All faults found in one reading, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(transparent)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// The one fault of the key `key` in `file`, found after the file was read.
    #[must_use]
    pub fn one(file: &Path, key: &str, code: &'static str, message: String) -> Self {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        Self(vec![Document::new(file, text).fault(Finding { key: key.to_owned(), code, message })])
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, fault) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

/// A fault that does not know yet where in the file it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) key: String,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// Gathers findings while the sections are checked.
#[derive(Debug, Default)]
pub(crate) struct Findings(pub(crate) Vec<Finding>);

impl Findings {
    /// Notes that the value at `key` is at fault; once, although a file may be opened for two purposes.
    pub(crate) fn add(&mut self, key: impl Into<String>, code: &'static str, message: impl Into<String>) {
        let finding = Finding { key: key.into(), code, message: message.into() };
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }
}
