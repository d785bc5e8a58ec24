//! Writes files that nobody else may read, and never over a file that is there.

use std::path::Path;

use super::Failure;
use crate::app;

/// Writes `content` to a new file, with mode 0600 where there are modes.
pub(super) fn new_file(path: &Path, content: &[u8]) -> Result<(), Failure> {
    app::new_file(path, content).map_err(|error| Failure::new(&path.display().to_string(), error))
}

/// Puts a new text in the place of a file, so that nobody ever reads half of it.
pub(super) fn replace_file(file: &Path, text: &str) -> Result<(), Failure> {
    app::replace_file(file, text).map_err(|error| Failure::new(&file.display().to_string(), error))
}
