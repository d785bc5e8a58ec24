//! Proof Key for Code Exchange (RFC 7636), method S256 only: `plain` would protect nothing that an
//! attacker who reads the request could not redo.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::crypto::hash;

/// An S256 code challenge: the SHA-256 of a verifier (RFC 7636 §4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeChallenge([u8; 32]);

impl CodeChallenge {
    /// Reads a `code_challenge` parameter: 43 characters of base64url.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn parse(text: &str) -> Result<Self, ChallengeMalformed> {
        let octets = URL_SAFE_NO_PAD.decode(text).map_err(|_| ChallengeMalformed)?;
        octets.try_into().map(Self).map_err(|_| ChallengeMalformed)
    }

    /// The challenge that belongs to `verifier`.
    #[must_use]
    pub fn of(verifier: &str) -> Self {
        Self(hash::sha256(verifier.as_bytes()))
    }

    /// Whether `verifier` is well-formed (RFC 7636 §4.1) and the one that this challenge was made from.
    #[must_use]
    pub fn is_met_by(&self, verifier: &str) -> bool {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        (43..=128).contains(&verifier.len())
            && verifier.bytes().all(unreserved)
            && hash::equal(&Self::of(verifier).0, &self.0)
    }
}

/// The `code_challenge` is not a SHA-256 value in base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the code_challenge is malformed")]
pub struct ChallengeMalformed;

impl TryFrom<String> for CodeChallenge {
    type Error = ChallengeMalformed;
    fn try_from(text: String) -> Result<Self, ChallengeMalformed> {
        Self::parse(&text)
    }
}

impl From<CodeChallenge> for String {
    fn from(challenge: CodeChallenge) -> Self {
        URL_SAFE_NO_PAD.encode(challenge.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636 Appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_vector_of_rfc_7636_is_met() {
        let challenge = CodeChallenge::parse(CHALLENGE).unwrap();
        assert_eq!(challenge, CodeChallenge::of(VERIFIER));
        assert!(challenge.is_met_by(VERIFIER));
        assert_eq!(String::from(challenge), CHALLENGE);
    }

    #[test]
    fn another_verifier_does_not_meet_it() {
        let challenge = CodeChallenge::parse(CHALLENGE).unwrap();
        for verifier in [CHALLENGE, "", &VERIFIER[1..], &format!("{VERIFIER}=")] {
            assert!(!challenge.is_met_by(verifier), "{verifier}");
        }
    }

    #[test]
    fn a_verifier_outside_the_syntax_does_not_meet_its_own_challenge() {
        for verifier in ["a".repeat(42), "a".repeat(129), "é".repeat(30), format!("{VERIFIER} ")] {
            assert!(!CodeChallenge::of(&verifier).is_met_by(&verifier), "{verifier}");
        }
        for length in [43, 128] {
            let verifier = "~".repeat(length);
            assert!(CodeChallenge::of(&verifier).is_met_by(&verifier), "{length}");
        }
    }

    #[test]
    fn a_challenge_that_is_no_sha_256_value_is_refused() {
        for text in ["", "abc", VERIFIER.get(1..).unwrap(), &format!("{CHALLENGE}="), &"A".repeat(44)] {
            assert_eq!(CodeChallenge::parse(text), Err(ChallengeMalformed), "{text}");
        }
    }
}
