//! `[database]`: where running logins are kept.

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

fn default_url() -> String {
    "sqlite:gateway.db".to_owned()
}
