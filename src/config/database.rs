//! `[database]`: where running logins are kept.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::Findings;

/// Where running logins are kept. No personal data is kept in clear.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite:` and a file (relative to the configuration file), or `sqlite::memory:` for one process
    /// that forgets everything when it stops.
    #[serde(default = "default_url")]
    pub url: String,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: default_url() }
    }
}

impl Database {
    pub(crate) fn check(&self, findings: &mut Findings) {
        let file = self.url.strip_prefix("sqlite:");
        if file.is_none_or(|file| file.trim_start_matches('/').is_empty()) {
            let message = "a database is written as sqlite:FILE or sqlite::memory:";
            findings.add("database.url", "bad_database_url", message);
        }
    }
}

impl Database {
    /// The file that the address names, if it names one.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        let file = self.url.strip_prefix("sqlite:").map(|file| file.strip_prefix("//").unwrap_or(file))?;
        let file = file.split('?').next().filter(|file| *file != ":memory:")?;
        let mut parts = file.split('%');
        let mut octets = parts.next().unwrap_or_default().as_bytes().to_vec();
        for part in parts {
            let (digits, rest) = part.split_at_checked(2)?;
            octets.push(u8::from_str_radix(digits, 16).ok()?);
            octets.extend_from_slice(rest.as_bytes());
        }
        String::from_utf8(octets).ok().map(PathBuf::from)
    }

    /// Makes a relative path in the address start at `base`, whose characters are those of a path and not of
    /// an address.
    pub(crate) fn resolve(&mut self, base: &Path) {
        let file = self.url.strip_prefix("sqlite:").map(|file| file.strip_prefix("//").unwrap_or(file));
        let Some(file) = file.filter(|file| *file != ":memory:" && !file.starts_with('/')) else { return };
        let base = base.to_string_lossy().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
        let separator = if base.is_empty() || base.ends_with('/') { "" } else { "/" };
        self.url = format!("sqlite:{base}{separator}{file}");
    }
}

fn default_url() -> String {
    "sqlite:gateway.db".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_file_starts_at_the_folder_of_the_configuration() {
        let rows = [
            ("sqlite:gateway.db", "/etc/gw", "sqlite:/etc/gw/gateway.db"),
            ("sqlite://data/gateway.db?mode=rwc", "/etc/gw/", "sqlite:/etc/gw/data/gateway.db?mode=rwc"),
            ("sqlite:gateway.db", "/srv/100% mine?", "sqlite:/srv/100%25 mine%3F/gateway.db"),
            ("sqlite:gateway.db", "", "sqlite:gateway.db"),
            ("sqlite:///var/lib/gateway.db", "/etc", "sqlite:///var/lib/gateway.db"),
            ("sqlite::memory:", "/etc", "sqlite::memory:"),
        ];
        for (url, base, expected) in rows {
            let mut database = Database { url: url.to_owned() };
            database.resolve(Path::new(base));
            assert_eq!(database.url, expected);
        }
    }

    #[test]
    fn the_file_that_an_address_names_is_known() {
        let rows = [
            ("sqlite:/srv/100%25 mine%3F/gateway.db?mode=rwc", Some("/srv/100% mine?/gateway.db")),
            ("sqlite:///var/lib/gateway.db", Some("/var/lib/gateway.db")),
            ("sqlite::memory:", None),
        ];
        for (url, expected) in rows {
            let database = Database { url: url.to_owned() };
            assert_eq!(database.file(), expected.map(PathBuf::from), "{url}");
        }
    }
}
