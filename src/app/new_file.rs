//! Writes files that nobody else may read, and never over a file that is there.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

/// Writes `content` to a new file, with mode 0600 where there are modes.
///
/// # Errors
/// If there is such a file, or it cannot be written.
pub fn new_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)?.write_all(content)
}

/// Puts a new text in the place of a file, so that nobody ever reads half of it.
///
/// # Errors
/// If it cannot be written.
pub fn replace_file(file: &Path, text: &str) -> io::Result<()> {
    let beside = file.with_extension("toml.new");
    let _ = std::fs::remove_file(&beside);
    new_file(&beside, text.as_bytes())?;
    std::fs::rename(&beside, file)
}
