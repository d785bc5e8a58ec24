//! `[database]`: where running logins are kept.

use std::path::Path;

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
}
