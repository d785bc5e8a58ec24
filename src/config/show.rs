//! The configuration as it is understood: with defaults and absolute paths, without secrets.

use super::Config;
use super::database::MASK;

impl Config {
    /// As TOML that means the same, except that secrets are masked.
    #[must_use]
    pub fn show(&self) -> String {
        let mut shown = self.clone();
        for client in &mut shown.client {
            client.secret_hash = client.secret_hash.take().map(|_| MASK.to_owned());
        }
        shown.database.url = self.database.shown();
        toml::to_string(&shown).unwrap_or_default()
    }
}
