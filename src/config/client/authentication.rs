//! How a client authenticates: the secret or the keys, and what belongs to them.

use super::{AssertionAudience, Authentication, Client};
use crate::config::fault::Findings;
use crate::oidc::client::SecretHash;

impl Client {
    pub(super) fn check_authentication(&self, at: &str, findings: &mut Findings) {
        let mut add = |key: &str, code, message: &str| findings.add(format!("{at}.{key}"), code, message);
        let by_key = self.authentication == Authentication::PrivateKeyJwt;
        let is_public = self.authentication == Authentication::None;
        let no_secret = is_public || self.authentication.is_by_certificate();
        if is_public && !self.require_pkce {
            add("require_pkce", "contradiction", "a public client must use PKCE");
        }
        match (&self.secret_file, &self.secret_hash) {
            (None, None) if by_key || no_secret => {}
            (Some(_), _) if no_secret => add("secret_file", "contradiction", "this client has no secret"),
            (_, Some(_)) if no_secret => add("secret_hash", "contradiction", "this client has no secret"),
            (Some(_), _) if by_key => add("secret_file", "contradiction", "private_key_jwt has no secret"),
            (_, Some(_)) if by_key => add("secret_hash", "contradiction", "private_key_jwt has no secret"),
            (None, None) if !self.secrets.is_empty() => {}
            (None, None) => add("secret_file", "missing_key", "secret_file or secret_hash is needed"),
            (Some(_), Some(_)) => add("secret_hash", "contradiction", "secret_file is given as well"),
            (None, Some(_)) if self.authentication == Authentication::ClientSecretJwt => {
                let message = "client_secret_jwt needs the secret itself, in secret_file";
                add("secret_hash", "contradiction", message);
            }
            (None, Some(hash)) if SecretHash::from_hex(hash).is_none() => {
                add("secret_hash", "bad_value", "a SHA-256 has 64 hexadecimal digits");
            }
            _ => {}
        }
        match self.assertion_alg {
            None if by_key => add("assertion_alg", "missing_key", "private_key_jwt needs one algorithm"),
            Some(_) if !by_key => add("assertion_alg", "contradiction", "only private_key_jwt has one"),
            _ => {}
        }
        if self.assertion_audience != AssertionAudience::default() && !self.authentication.signs() {
            add("assertion_audience", "contradiction", "this client signs no JWT");
        }
    }
}
