//! Decrypting what a verified message holds encrypted.

use super::TYPE_ELEMENT;
use super::agreement::Agreement;
use crate::crypto::{
    ContentAlgorithm, DecryptionKey, DigestAlgorithm, KeyError, KeyKind, KeyTransport, KeyWrapAlgorithm,
    keywrap,
};
use crate::secret::Secret;
use crate::xml::tree::{Element, ShapeError};
use crate::xml::{DS, Document, Limits, ParseError, Verified, XENC, XENC11, decode_base64};

/// Encrypted keys looked at in one message.
const MAX_ENCRYPTED_KEYS: usize = 4;
/// Our own keys tried: the present one and those being rolled over.
const MAX_OWN_KEYS: usize = 4;

/// What a peer is allowed beyond the profile of 1.4.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DecryptionPolicy {
    /// Accept `rsa-oaep-mgf1p`, which fixes MGF1 to SHA-1: peers of protocol version 1.2 and 1.3.
    pub allow_rsa_oaep_mgf1p: bool,
}

/// Why encrypted data gives no plaintext.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecryptionError {
    /// An algorithm that is not on the list, or a part of one that is missing.
    #[error("the encryption algorithm {0:?} is not allowed")]
    Algorithm(String),
    /// Parts that the profile does not have, or lacks.
    #[error("the encrypted data is malformed: {0}")]
    Malformed(String),
    /// It could not be decrypted. There is deliberately no more to say.
    #[error("the encrypted data cannot be decrypted")]
    Failed,
    /// It was decrypted, but is no single element.
    #[error("the decrypted octets are not one element: {0}")]
    Plaintext(ParseError),
}

impl From<ShapeError> for DecryptionError {
    fn from(error: ShapeError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// Decrypts the one `xenc:EncryptedData` in `encrypted` (a `saml2:EncryptedAssertion`) with one of our
/// keys. The plaintext is parsed by the same hardened parser, as a document of its own.
///
/// # Errors
/// Shape and algorithms first; then [`DecryptionError::Failed`], whatever the reason.
pub fn decrypt(
    encrypted: &Verified,
    keys: &[DecryptionKey],
    policy: &DecryptionPolicy,
) -> Result<Verified, DecryptionError> {
    let parts = Parts::read(encrypted.element(), policy)?;
    let plaintext = parts.open(keys).ok_or(DecryptionError::Failed)?;
    let document = Document::parse(&plaintext, &Limits::MESSAGE).map_err(DecryptionError::Plaintext)?;
    Ok(Verified::vouch(document.into_root()))
}

/// Encrypted data whose shape and algorithms are those of the profile.
struct Parts {
    algorithm: ContentAlgorithm,
    content: Vec<u8>,
    keys: Vec<WrappedKey>,
}

struct WrappedKey {
    how: Wrapping,
    /// The certificates in its KeyInfo, in base64: they only say which of our keys to try first.
    recipients: Vec<String>,
    wrapped: Vec<u8>,
}

enum Wrapping {
    Transport(KeyTransport),
    Agreement(Agreement, KeyWrapAlgorithm),
}

impl Parts {
    fn read(parent: &Element, policy: &DecryptionPolicy) -> Result<Self, DecryptionError> {
        if parent.elements().any(|e| !e.is(XENC, "EncryptedData") && !e.is(XENC, "EncryptedKey")) {
            return Err(malformed("only EncryptedData and EncryptedKey are expected"));
        }
        let data = parent.only_child(XENC, "EncryptedData")?;
        if data.attribute("Type").is_some_and(|t| t != TYPE_ELEMENT) {
            return Err(malformed("EncryptedData is not of an element"));
        }
        let uri = data.only_child(XENC, "EncryptionMethod")?.required_attribute("Algorithm")?;
        let algorithm =
            ContentAlgorithm::from_uri(uri).ok_or_else(|| DecryptionError::Algorithm(uri.to_owned()))?;
        let inline = data
            .optional_child(DS, "KeyInfo")?
            .into_iter()
            .flat_map(|info| info.children(XENC, "EncryptedKey"));
        let encrypted_keys: Vec<&Element> = inline.chain(parent.children(XENC, "EncryptedKey")).collect();
        if encrypted_keys.is_empty() || encrypted_keys.len() > MAX_ENCRYPTED_KEYS {
            return Err(malformed("there must be one to four EncryptedKeys"));
        }
        let keys: Result<_, _> =
            encrypted_keys.into_iter().map(|key| WrappedKey::read(key, policy)).collect();
        Ok(Self { algorithm, content: cipher_value(data)?, keys: keys? })
    }

    /// Tries our keys on the wrapped keys. A key that does not unwrap is replaced by zeros and the
    /// content is decrypted all the same, so that a bad wrapping and a bad tag take the same path.
    fn open(&self, own: &[DecryptionKey]) -> Option<Vec<u8>> {
        let mut opened = None;
        for wrapped in &self.keys {
            for key in wrapped.candidates(own) {
                let content_key = wrapped.unwrap_with(key);
                let whole =
                    content_key.as_ref().is_ok_and(|k| k.expose().len() == self.algorithm.key_octets());
                let content_key = match content_key {
                    Ok(content_key) if whole => content_key,
                    _ => Secret::new(vec![0; self.algorithm.key_octets()]),
                };
                let plaintext = keywrap::decrypt_content(self.algorithm, content_key.expose(), &self.content);
                if let (Ok(plaintext), true) = (plaintext, whole) {
                    opened = Some(plaintext);
                    break;
                }
            }
            if opened.is_some() {
                break;
            }
        }
        opened
    }
}

impl WrappedKey {
    fn read(key: &Element, policy: &DecryptionPolicy) -> Result<Self, DecryptionError> {
        let method = key.only_child(XENC, "EncryptionMethod")?;
        let uri = method.required_attribute("Algorithm")?;
        let info = key.optional_child(DS, "KeyInfo")?;
        let how = if let Some(wrap) = KeyWrapAlgorithm::from_uri(uri) {
            let info = info.ok_or_else(|| malformed("EncryptedKey has no KeyInfo"))?;
            Wrapping::Agreement(Agreement::read(info.only_child(XENC, "AgreementMethod")?)?, wrap)
        } else {
            Wrapping::Transport(transport(method, uri, policy)?)
        };
        let certificates = info.into_iter().flat_map(Element::descendants);
        let recipients = certificates
            .filter(|e| e.is(DS, "X509Certificate"))
            .filter_map(|e| e.text().ok())
            .map(|text| text.split_ascii_whitespace().collect())
            .collect();
        Ok(Self { how, recipients, wrapped: cipher_value(key)? })
    }

    /// Our keys of the right kind, the one the peer names first. Without a name all are tried.
    fn candidates<'a>(&self, own: &'a [DecryptionKey]) -> Vec<&'a DecryptionKey> {
        let fits = |key: &&DecryptionKey| match &self.how {
            Wrapping::Transport(_) => matches!(key.kind(), KeyKind::Rsa(_)),
            Wrapping::Agreement(agreement, _) => key.kind() == agreement.originator.kind(),
        };
        let mut candidates: Vec<_> = own.iter().filter(fits).collect();
        candidates.sort_by_key(|key| !self.recipients.contains(&key.certificate().base64()));
        candidates.truncate(MAX_OWN_KEYS);
        candidates
    }

    fn unwrap_with(&self, key: &DecryptionKey) -> Result<Secret<Vec<u8>>, KeyError> {
        match &self.how {
            Wrapping::Transport(transport) => key.untransport(*transport, &self.wrapped),
            Wrapping::Agreement(agreement, how) => {
                let z = key.agree(&agreement.originator)?;
                keywrap::unwrap(*how, agreement.wrapping_key(z.expose(), *how).expose(), &self.wrapped)
            }
        }
    }
}

/// RSA key transport. A digest or mask generation function that is left out would mean SHA-1.
fn transport(
    method: &Element,
    uri: &str,
    policy: &DecryptionPolicy,
) -> Result<KeyTransport, DecryptionError> {
    let refused = |what: &str| DecryptionError::Algorithm(what.to_owned());
    let legacy = uri == KeyTransport::RSA_OAEP_MGF1P;
    if uri != KeyTransport::RSA_OAEP && !(legacy && policy.allow_rsa_oaep_mgf1p) {
        return Err(refused(uri));
    }
    if method.children(XENC, "OAEPparams").next().is_some() {
        return Err(refused("OAEPparams"));
    }
    let digest =
        method.optional_child(DS, "DigestMethod")?.ok_or_else(|| refused("rsa-oaep without DigestMethod"))?;
    let digest = digest.required_attribute("Algorithm")?;
    let digest = DigestAlgorithm::from_uri(digest).ok_or_else(|| refused(digest))?;
    let mgf = method.optional_child(XENC11, "MGF")?;
    if legacy {
        return if mgf.is_none() { Ok(KeyTransport::RsaOaepMgf1p { digest }) } else { Err(refused("MGF")) };
    }
    let mgf = mgf.ok_or_else(|| refused("rsa-oaep without MGF"))?.required_attribute("Algorithm")?;
    let mgf = DigestAlgorithm::from_mgf_uri(mgf).ok_or_else(|| refused(mgf))?;
    Ok(KeyTransport::RsaOaep { digest, mgf })
}

fn cipher_value(parent: &Element) -> Result<Vec<u8>, DecryptionError> {
    let value = parent.only_child(XENC, "CipherData")?.only_child(XENC, "CipherValue")?;
    decode_base64(value.text()?).ok_or_else(|| malformed("CipherValue is not base64"))
}

fn malformed(what: &str) -> DecryptionError {
    DecryptionError::Malformed(what.to_owned())
}

#[cfg(test)]
pub(super) mod tests_support {
    use super::*;

    /// The content key of encrypted data, for tests that encrypt other octets under it.
    pub(in crate::xml::enc) fn content_key(parent: &Element, own: &DecryptionKey, out: &mut Vec<u8>) {
        let parts = Parts::read(parent, &DecryptionPolicy::default()).unwrap();
        out.extend_from_slice(parts.keys[0].unwrap_with(own).unwrap().expose());
    }
}
