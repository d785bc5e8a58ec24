//! Writes files that nobody else may read, and never over a file that is there.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use super::Failure;

/// Writes `content` to a new file, with mode 0600 where there are modes.
pub(super) fn new_file(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let written = options.open(path).and_then(|mut file| file.write_all(content));
    written.map_err(|error| Failure::new(&path.display().to_string(), error))
}
