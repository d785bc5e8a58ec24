//! A client's public keys: where they are, and whether it has a use for them.

use super::{Authentication, Client};
use crate::config::Profile;
use crate::config::country::check_url;
use crate::config::fault::Findings;
use crate::config::files::Files;
use crate::oidc::ClientKeys;

impl Client {
    /// Whether anything that this client may do needs its keys.
    fn needs_keys(&self) -> bool {
        let by_keys = [Authentication::PrivateKeyJwt, Authentication::SelfSignedTlsClientAuth];
        by_keys.contains(&self.authentication) || self.is_encrypted_to() || self.request_object_alg.is_some()
    }

    pub(super) fn check_keys(&self, at: &str, profile: Profile, findings: &mut Findings) {
        let given = [
            ("jwks", self.jwks.is_some()),
            ("jwks_file", self.jwks_file.is_some()),
            ("jwks_uri", self.jwks_uri.is_some()),
        ];
        let mut given = given.iter().filter(|(_, given)| *given).map(|(key, _)| *key);
        match (given.next(), given.next()) {
            (None, _) if self.needs_keys() => {
                findings.add(
                    format!("{at}.jwks_file"),
                    "missing_key",
                    "jwks, jwks_file or jwks_uri is needed",
                );
            }
            (Some(key), _) if !self.needs_keys() => {
                let message = "this client signs nothing, and nothing is encrypted to it";
                findings.add(format!("{at}.{key}"), "contradiction", message);
            }
            (Some(first), Some(second)) => {
                findings.add(format!("{at}.{second}"), "contradiction", format!("{first} is given as well"));
            }
            _ => {}
        }
        if let Some(url) = &self.jwks_uri {
            check_url(format!("{at}.jwks_uri"), url, profile, findings);
        }
    }

    /// The keys, or where they are; one of those that lie here must fit what the client signs with.
    pub(in crate::config) fn open_keys(&self, at: &str, files: &mut Files<'_>) -> Option<ClientKeys> {
        let algorithm = self.assertion_alg.or(self.request_object_alg).map(Into::into);
        let jwks = match (&self.jwks, &self.jwks_file, &self.jwks_uri) {
            (Some(text), ..) => files.client_keys(&format!("{at}.jwks"), text.as_bytes(), algorithm)?,
            (None, Some(file), _) => {
                let at = format!("{at}.jwks_file");
                let octets = files.read(&at, file)?;
                files.client_keys(&at, &octets, algorithm)?
            }
            (None, None, uri) => return uri.clone().map(ClientKeys::Uri),
        };
        Some(ClientKeys::Inline(jwks.into()))
    }
}
