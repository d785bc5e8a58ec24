//! Sessions of a client, and where people go when they end.

use super::Client;
use crate::config::fault::Findings;
use crate::oidc::RedirectUri;

impl Client {
    pub(super) fn check_sessions(&self, at: &str, findings: &mut Findings) {
        for (n, uri) in self.post_logout_redirect_uris.iter().enumerate() {
            if let Err(error) = RedirectUri::register(uri) {
                let at = format!("{at}.post_logout_redirect_uris[{n}]");
                findings.add(at, "bad_redirect_uri", error.to_string());
            }
        }
        if self.sso_ttl_seconds > MOST {
            findings.add(format!("{at}.sso_ttl_seconds"), "out_of_range", "at most 43200 seconds (12 hours)");
        }
    }
}

/// A working day, and no longer: a session holds what is known about a person.
const MOST: u64 = 43_200;
