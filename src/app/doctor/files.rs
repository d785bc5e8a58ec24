//! Who else may read our secrets, and where the database lies.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{DATABASE, Finding, Severity};
use crate::config::Config;

/// Looks at the files that a configuration names.
pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let open = secrets(config).into_iter().filter(|file| is_open(file)).map(|file| {
        let message =
            format!("{} can be read by every account of this machine: chmod o= {0}", file.display());
        Finding { severity: Severity::Warning, code: "secret_readable", message, page: KEYS }
    });
    open.chain(config.database.file().and_then(|file| database(&file))).collect()
}

/// The files that nobody else should read.
fn secrets(config: &Config) -> BTreeSet<&Path> {
    let connector = &config.connector;
    let pairs =
        [&connector.signing].into_iter().chain(&connector.metadata_signing).chain(&connector.encryption);
    let mut files: BTreeSet<&Path> = pairs.map(|pair| pair.key_file.as_path()).collect();
    files.insert(&config.subject.key_file);
    files.extend(config.oidc.signing_key.iter().map(|key| key.key_file.as_path()));
    files.extend(config.server.tls.iter().map(|tls| tls.key_file.as_path()));
    files.extend(config.database.password_file.as_deref());
    files.extend(config.smtp.iter().filter_map(|smtp| smtp.password_file.as_deref()));
    files.extend(config.client.iter().filter_map(|client| client.secret_file.as_deref()));
    files
}

/// Whether every account may read the file, and may enter its folder.
#[cfg(unix)]
fn is_open(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let allows = |path: &Path, right: u32| {
        std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & right == right)
    };
    allows(file, 0o004) && allows(&folder(file), 0o001)
}

/// Whether every account may read the file: elsewhere that is not told in three digits.
#[cfg(not(unix))]
fn is_open(_: &Path) -> bool {
    false
}

/// Whether the database can be where it is to be.
fn database(file: &Path) -> Option<Finding> {
    let folder = folder(file);
    let finding = |severity, code, message| Some(Finding { severity, code, message, page: DATABASE });
    if !folder.is_dir() {
        let message = format!("there is no folder {}; make it, or change database.url", folder.display());
        return finding(Severity::Error, "no_database_folder", message);
    }
    if file.exists() && std::fs::OpenOptions::new().append(true).open(file).is_err() {
        let message = format!("{} cannot be written by this account", file.display());
        return finding(Severity::Error, "database_read_only", message);
    }
    let folder = folder.canonicalize().ok()?;
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let share = share(&mounts, &folder)?;
    let message = format!(
        "{} lies on a network share ({share}), where SQLite can lose data; use a disk of this machine, or PostgreSQL",
        file.display()
    );
    finding(Severity::Warning, "database_on_share", message)
}

/// The folder that a file is in.
pub(super) fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The kind of the network share that `folder` is on, by the list of what is mounted (proc(5)).
fn share<'a>(mounts: &'a str, folder: &Path) -> Option<&'a str> {
    let mounted = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?, words.next()?))
    });
    // The deepest, and of the same place the last, lies on top.
    let around = mounted.filter(|(place, _)| folder.starts_with(place)).max_by_key(|(place, _)| place.len());
    around.map(|(_, kind)| kind).filter(|kind| SHARES.contains(kind))
}

const SHARES: [&str; 10] =
    ["nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "lustre", "fuse.glusterfs", "fuse.sshfs"];

const KEYS: &str = "docs/operations.md#keys";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_share_is_known_by_what_is_mounted_deepest() {
        let mounts = "/dev/sda1 / ext4 rw 0 0\nnas:/x /srv nfs4 rw 0 0\n/dev/sdb1 /srv/disk ext4 rw 0 0\n\
                      //nas/y /srv/disk/y cifs rw 0 0\nrubbish\n";
        let rows = [
            ("/var/lib/eidas", None),
            ("/srv", Some("nfs4")),
            ("/srv/data", Some("nfs4")),
            ("/srvdata", None),
            ("/srv/disk/data", None),
            ("/srv/disk/y", Some("cifs")),
        ];
        for (folder, expected) in rows {
            assert_eq!(share(mounts, Path::new(folder)), expected, "{folder}");
        }
        assert_eq!(share("", Path::new("/srv")), None);
    }
}
