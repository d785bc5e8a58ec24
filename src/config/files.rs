//! Opens the files that a configuration refers to and turns them into keys, certificates and secrets.
//!
//! Every fault goes to the key that named the file. What comes out has been proved fit for use: keys are
//! strong enough, belong to their certificates, and the certificates are valid now.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::clock::Timestamp;
use crate::crypto::jose::{self, JwsAlgorithm, JwsKey};
use crate::crypto::turn::Stage;
use crate::crypto::{
    Certificate, DecryptionKey, DigestAlgorithm, KeyError, KeyKind, PrivateKey, SignatureAlgorithm,
    SigningKey,
};
use crate::oidc::client::is_client_word;
use crate::secret::Secret;

use super::connector::{Digest, KeyPair};
use super::fault::Findings;
use super::oidc::TokenKey;

/// Opens files and notes what is wrong with them.
pub(crate) struct Files<'a> {
    pub(crate) findings: &'a mut Findings,
    pub(crate) now: Timestamp,
}

impl Files<'_> {
    /// The octets of the file at `path`, which the key `at` names.
    pub(crate) fn read(&mut self, at: &str, path: &Path) -> Option<Vec<u8>> {
        let file = path.display();
        match std::fs::read(path) {
            Ok(octets) => return Some(octets),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.findings.add(at, "file_missing", format!("there is no file {file}"));
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let message = format!("the account that the gateway runs under may not read {file}");
                self.findings.add(at, "file_unreadable", message);
            }
            Err(error) => self.findings.add(at, "file_unreadable", format!("cannot read {file}: {error}")),
        }
        None
    }

    /// A signing key and the certificates that come after its own in the certificate file. The certificate
    /// of a key that was replaced may have ended.
    pub(crate) fn signing_key(
        &mut self,
        at: &str,
        pair: &KeyPair,
        stage: Stage,
    ) -> Option<(SigningKey, Vec<Certificate>)> {
        let (key, certificate, chain) = self.pair(at, pair, stage)?;
        let digest = pair.digest.map(|digest| match digest {
            Digest::Sha256 => DigestAlgorithm::Sha256,
            Digest::Sha384 => DigestAlgorithm::Sha384,
            Digest::Sha512 => DigestAlgorithm::Sha512,
        });
        let algorithm = digest.map(|digest| match key.kind() {
            KeyKind::Rsa(_) => SignatureAlgorithm::RsaPss(digest),
            KeyKind::Ec(_) => SignatureAlgorithm::Ecdsa(digest),
        });
        let key = SigningKey::new(key, certificate, algorithm);
        key.map_err(|error| self.unfit(at, &error)).ok().map(|key| (key, chain))
    }

    /// A key that decrypts assertions. The certificate of a key that was replaced may have ended.
    pub(crate) fn decryption_key(&mut self, at: &str, pair: &KeyPair, stage: Stage) -> Option<DecryptionKey> {
        let (key, certificate, _) = self.pair(at, pair, stage)?;
        DecryptionKey::new(key, certificate).map_err(|error| self.unfit(at, &error)).ok()
    }

    /// A key that signs tokens, whose file the key `at` names.
    pub(crate) fn token_key(&mut self, at: &str, key: &TokenKey) -> Option<JwsKey> {
        let octets = self.read(at, &key.key_file)?;
        let made = JwsKey::from_pem(key.algorithm.into(), &octets);
        made.map_err(|error| self.findings.add(at, "bad_key", error.to_string())).ok()
    }

    /// The certificates in a file, at least one.
    pub(crate) fn certificates(&mut self, at: &str, path: &Path) -> Option<Vec<Certificate>> {
        let octets = self.read(at, path)?;
        let read = if octets.trim_ascii_start().starts_with(b"-----BEGIN") {
            Certificate::from_pem(&octets)
        } else {
            Certificate::from_der(&octets).map(|one| vec![one])
        };
        let message = |error| format!("{}: {error}", path.display());
        read.map_err(|error| self.findings.add(at, "bad_certificate", message(error))).ok()
    }

    /// The certificates in the files of an `anchor_files` below `at`.
    pub(crate) fn anchors(&mut self, at: &str, paths: &[PathBuf]) -> Vec<Certificate> {
        let mut anchors = Vec::new();
        for (n, path) in paths.iter().enumerate() {
            anchors.extend(self.certificates(&format!("{at}.anchor_files[{n}]"), path).unwrap_or_default());
        }
        anchors
    }

    /// A secret of 256 bits, written in hexadecimal or base64.
    pub(crate) fn secret(&mut self, at: &str, path: &Path) -> Option<Secret<[u8; 32]>> {
        let octets = self.read(at, path)?;
        let secret =
            decode(String::from_utf8_lossy(&octets).trim()).and_then(|secret| secret.try_into().ok());
        if secret.is_none() {
            let message = format!("{} must hold 32 octets in hexadecimal or base64", path.display());
            self.findings.add(at, "bad_secret", message);
        }
        secret.map(Secret::new)
    }

    /// A client secret of at least `least` characters that stands in a file.
    pub(crate) fn client_secret(&mut self, at: &str, path: &Path, least: usize) -> Option<Secret<String>> {
        let octets = self.read(at, path)?;
        if octets.trim_ascii().is_empty() {
            let message =
                format!("{} is empty; it must hold at least {least} random characters", path.display());
            self.findings.add(at, "bad_secret", message);
            return None;
        }
        let secret = std::str::from_utf8(&octets).ok().map(str::trim).filter(|secret| is_client_word(secret));
        let Some(secret) = secret else {
            let message = format!("{}: a client secret has only A-Z a-z 0-9 . _ ~ -", path.display());
            self.findings.add(at, "bad_secret", message);
            return None;
        };
        // A hash of it, or what it signs, can be tried against: it must be beyond guessing.
        if secret.len() < least {
            let message =
                format!("{}: this client secret needs at least {least} random characters", path.display());
            self.findings.add(at, "weak_secret", message);
            return None;
        }
        Some(Secret::new(secret.to_owned()))
    }

    /// A password that somebody else has chosen: one line.
    pub(crate) fn password(&mut self, at: &str, path: &Path) -> Option<Secret<String>> {
        let octets = self.read(at, path)?;
        let password = std::str::from_utf8(&octets).ok().map(str::trim_end);
        let password = password.filter(|text| !text.is_empty() && !text.chars().any(char::is_control));
        if password.is_none() {
            self.findings.add(at, "bad_secret", format!("{} must hold one line of text", path.display()));
        }
        password.map(|password| Secret::new(password.to_owned()))
    }

    /// A client's public keys, which the key `at` holds or names; with the algorithm that one of them must fit,
    /// if there is one.
    pub(crate) fn client_keys(
        &mut self,
        at: &str,
        octets: &[u8],
        algorithm: Option<JwsAlgorithm>,
    ) -> Option<Value> {
        let jwks: Value = serde_json::from_slice(octets).unwrap_or_default();
        let checked = match algorithm {
            Some(algorithm) => jose::check_keys_for(&jwks, algorithm),
            None => jose::check_public_keys(&jwks),
        };
        checked.map_err(|fault| self.findings.add(at, "bad_jwks", fault.to_string())).ok().map(|()| jwks)
    }

    fn pair(
        &mut self,
        at: &str,
        pair: &KeyPair,
        stage: Stage,
    ) -> Option<(PrivateKey, Certificate, Vec<Certificate>)> {
        let (key_at, certificate_at) = (format!("{at}.key_file"), format!("{at}.certificate_file"));
        let key = self.private_key(&key_at, &pair.key_file);
        let mut chain = self.certificates(&certificate_at, &pair.certificate_file)?;
        if chain.is_empty() {
            return None;
        }
        let certificate = chain.remove(0);
        if stage < Stage::Previous && !certificate.valid_at(self.now) {
            let message = format!(
                "the certificate in {} is valid from {} to {}, and now is {}",
                pair.certificate_file.display(),
                certificate.not_before(),
                certificate.not_after(),
                self.now,
            );
            self.findings.add(certificate_at, "certificate_not_valid", message);
        }
        Some((key?, certificate, chain))
    }

    fn private_key(&mut self, at: &str, path: &Path) -> Option<PrivateKey> {
        let octets = self.read(at, path)?;
        let read = if octets.trim_ascii_start().starts_with(b"-----BEGIN") {
            PrivateKey::from_pem(&octets)
        } else {
            PrivateKey::from_pkcs8_der(&octets)
        };
        let message = |error| format!("{}: {error}", path.display());
        read.map_err(|error| self.findings.add(at, "bad_key", message(error))).ok()
    }

    /// A key that was read, but not fit for its use.
    fn unfit(&mut self, at: &str, error: &KeyError) {
        let (key, code) = match error {
            KeyError::Mismatch => ("key_file", "key_mismatch"),
            KeyError::RsaSize(_) | KeyError::RsaExponent => ("key_file", "weak_key"),
            KeyError::Algorithm(..) => ("digest", "wrong_algorithm"),
            _ => ("key_file", "bad_key"),
        };
        self.findings.add(format!("{at}.{key}"), code, error.to_string());
    }
}

/// Hexadecimal or base64 (either alphabet, padded or not).
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    decode_hex(text).or_else(|| {
        let bare = text.trim_end_matches('=');
        STANDARD_NO_PAD.decode(bare).or_else(|_| URL_SAFE_NO_PAD.decode(bare)).ok()
    })
}

/// Hexadecimal digits, two for each octet.
pub(crate) fn decode_hex(text: &str) -> Option<Vec<u8>> {
    if text.len() % 2 == 1 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    text.as_bytes().chunks(2).map(octet).collect()
}

/// A SHA-256 in hexadecimal, with or without colons between the octets.
pub(crate) fn decode_sha256(text: &str) -> Option<[u8; 32]> {
    decode_hex(&text.replace(':', "")).and_then(|octets| octets.try_into().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_from_hexadecimal_and_from_base64() {
        assert_eq!(decode("00ff10"), Some(vec![0, 255, 16]));
        assert_eq!(decode("AP-_"), Some(vec![0, 255, 191]));
        assert_eq!(decode("AP+/EA=="), Some(vec![0, 255, 191, 16]));
        assert_eq!(decode("not a secret"), None);
    }
}
