//! What a client's authorization requests may say, and how they are answered.

use super::Client;
use crate::config::fault::Findings;
use crate::crypto::jose::JwsAlgorithm;
use crate::eidas::Loa;
use crate::oidc::client::RequestObjects;
use crate::oidc::{self, SigningKeys};

impl Client {
    pub(super) fn check_requests(&self, at: &str, findings: &mut Findings) {
        self.check_acr_words(at, findings);
        if self.require_request_object && self.request_object_alg.is_none() {
            let message = "request_object_alg says with which algorithm, and is not there";
            findings.add(format!("{at}.require_request_object"), "contradiction", message);
        }
    }

    /// A word must stand for one level, and must not be another level's usual one.
    fn check_acr_words(&self, at: &str, findings: &mut Findings) {
        for (level, word) in &self.acr_words {
            let mut add = |code, message: String| {
                findings.add(format!("{at}.acr_words.{}", Loa::from(*level).short()), code, message);
            };
            if word.is_empty() || !word.bytes().all(|b| b.is_ascii_graphic()) {
                add("bad_value", "a word of printable ASCII, without spaces".to_owned());
            }
            let usual = Loa::from_uri(word).or_else(|| Loa::from_short(word));
            if usual.is_some_and(|usual| usual != Loa::from(*level)) {
                add("contradiction", format!("`{word}` stands for another level"));
            }
            if self.acr_words.iter().any(|(other, same)| other < level && same == word) {
                add("contradiction", format!("`{word}` stands for two levels"));
            }
        }
    }

    /// Takes over what concerns the authorization endpoint.
    pub(in crate::config) fn open_requests(
        &self,
        at: &str,
        client: &mut oidc::Client,
        keys: Option<&SigningKeys>,
        findings: &mut Findings,
    ) {
        let algorithm: Option<JwsAlgorithm> = self.authorization_response_alg.map(Into::into);
        let is_missing = |algorithm| keys.is_some_and(|keys| keys.for_algorithm(algorithm).is_none());
        if let Some(missing) = algorithm.filter(|algorithm| is_missing(*algorithm)) {
            let message = format!("there is no [[oidc.signing_key]] for {}", missing.as_str());
            findings.add(format!("{at}.authorization_response_alg"), "missing_signing_key", message);
        }
        client.authorization_response_alg = algorithm;
        client.request_objects = self.request_object_alg.map(|algorithm| RequestObjects {
            algorithm: algorithm.into(),
            required: self.require_request_object,
        });
    }
}
