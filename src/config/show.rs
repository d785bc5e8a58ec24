//! The configuration as it is understood: with defaults and absolute paths, without secrets.

use super::Config;

impl Config {
    /// As TOML that means the same, except that secrets are masked.
    #[must_use]
    pub fn show(&self) -> String {
        let mut shown = self.clone();
        for client in &mut shown.client {
            client.secret_hash = client.secret_hash.take().map(|_| MASK.to_owned());
        }
        shown.database.url = without_password(&self.database.url);
        toml::to_string(&shown).unwrap_or_default()
    }
}

/// `scheme://user:password@host` with the password masked.
fn without_password(url: &str) -> String {
    let masked = url.split_once("://").and_then(|(scheme, rest)| {
        let (user, host) = rest.split_once('@')?;
        let (user, _) = user.split_once(':')?;
        Some(format!("{scheme}://{user}:{MASK}@{host}"))
    });
    masked.unwrap_or_else(|| url.to_owned())
}

const MASK: &str = "********";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_is_masked() {
        assert_eq!(without_password("postgres://gw:s3cret@db/x"), "postgres://gw:********@db/x");
        assert_eq!(without_password("sqlite:/var/lib/gw.db"), "sqlite:/var/lib/gw.db");
    }
}
