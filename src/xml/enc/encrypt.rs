//! Encrypting an element for a certificate: what the simulated member state does, and the tests.

use super::{TYPE_ELEMENT, agreement};
use crate::crypto::{
    Certificate, ContentAlgorithm, DigestAlgorithm, KeyError, KeyKind, KeyTransport, KeyWrapAlgorithm,
    keywrap,
};
use crate::ids::{Random, message_id};
use crate::secret::Secret;
use crate::xml::tree::Element;
use crate::xml::{DS, XENC, XENC11, encode_base64, write};

/// Which algorithms to use. The certificate decides between key transport and key agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptionOptions {
    /// For the content.
    pub content: ContentAlgorithm,
    /// For an RSA certificate.
    pub transport: KeyTransport,
    /// For an elliptic-curve certificate.
    pub wrap: KeyWrapAlgorithm,
    /// The hash of ConcatKDF.
    pub kdf: DigestAlgorithm,
    /// How ConcatKDF's parameters say that there is nothing to say.
    pub kdf_info: KdfInfo,
}

/// `AlgorithmID`, `PartyUInfo` and `PartyVInfo` of ConcatKDF (XML Encryption 1.1 §5.4.1) as peers write them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KdfInfo {
    /// `0000`: one zero octet each, as the CEF node does.
    #[default]
    ZeroOctets,
    /// `00`: a bit string of no bits.
    Empty,
    /// The attributes are left out.
    Absent,
}

impl Default for EncryptionOptions {
    /// What the CEF node does.
    fn default() -> Self {
        Self {
            content: ContentAlgorithm::Aes256Gcm,
            transport: KeyTransport::RsaOaep {
                digest: DigestAlgorithm::Sha256,
                mgf: DigestAlgorithm::Sha256,
            },
            wrap: KeyWrapAlgorithm::Aes256,
            kdf: DigestAlgorithm::Sha256,
            kdf_info: KdfInfo::default(),
        }
    }
}

/// Encrypts `plaintext` for `recipient`: an `xenc:EncryptedData` with its `xenc:EncryptedKey` inside, as
/// the CEF node places it.
///
/// # Errors
/// A certificate whose key is refused; [`KeyError::Operation`].
pub fn encrypt(
    plaintext: &Element,
    recipient: &Certificate,
    options: &EncryptionOptions,
    random: &dyn Random,
) -> Result<Element, KeyError> {
    let (content, key) = parts(plaintext, recipient, options, random)?;
    Ok(data(options.content, Element::new(DS, "KeyInfo").child(key), &content, random))
}

/// As [`encrypt`], with the `xenc:EncryptedKey` beside the `xenc:EncryptedData`, which refers to it: the
/// other placement that SAML core §2.3.4 allows. Returns data, then key.
///
/// # Errors
/// As [`encrypt`].
pub fn encrypt_with_sibling_key(
    plaintext: &Element,
    recipient: &Certificate,
    options: &EncryptionOptions,
    random: &dyn Random,
) -> Result<(Element, Element), KeyError> {
    let (content, key) = parts(plaintext, recipient, options, random)?;
    let id = key.attribute("Id").unwrap_or_default();
    let retrieval = Element::new(DS, "RetrievalMethod")
        .with("Type", "http://www.w3.org/2001/04/xmlenc#EncryptedKey")
        .with("URI", format!("#{id}"));
    let data = data(options.content, Element::new(DS, "KeyInfo").child(retrieval), &content, random);
    Ok((data, key))
}

fn parts(
    plaintext: &Element,
    recipient: &Certificate,
    options: &EncryptionOptions,
    random: &dyn Random,
) -> Result<(Vec<u8>, Element), KeyError> {
    let mut content_key = vec![0; options.content.key_octets()];
    random.fill(&mut content_key);
    let content_key = Secret::new(content_key);
    let content =
        keywrap::encrypt_content(options.content, content_key.expose(), write(plaintext).as_bytes(), random)?;
    Ok((content, encrypted_key(recipient, options, content_key.expose(), random)?))
}

fn encrypted_key(
    recipient: &Certificate,
    options: &EncryptionOptions,
    content_key: &[u8],
    random: &dyn Random,
) -> Result<Element, KeyError> {
    let public = recipient.public_key()?;
    let (method, info, wrapped) = match public.kind() {
        KeyKind::Rsa(_) => {
            let certificate = Element::new(DS, "X509Certificate").with_text(recipient.base64());
            let info = Element::new(DS, "KeyInfo").child(Element::new(DS, "X509Data").child(certificate));
            (transport_method(options.transport), info, public.transport(options.transport, content_key)?)
        }
        KeyKind::Ec(curve) => {
            let method = Element::new(XENC, "EncryptionMethod").with("Algorithm", options.wrap.uri());
            let (info, wrapped) = agreement::wrap_for(recipient, curve, options, content_key)?;
            (method, info, wrapped)
        }
    };
    Ok(Element::new(XENC, "EncryptedKey")
        .with("Id", message_id(random))
        .child(method)
        .child(info)
        .child(cipher_data(&wrapped)))
}

fn transport_method(transport: KeyTransport) -> Element {
    let digest_method =
        |digest: DigestAlgorithm| Element::new(DS, "DigestMethod").with("Algorithm", digest.uri());
    match transport {
        KeyTransport::RsaOaep { digest, mgf } => Element::new(XENC, "EncryptionMethod")
            .with("Algorithm", KeyTransport::RSA_OAEP)
            .child(digest_method(digest))
            .child(Element::new(XENC11, "MGF").with("Algorithm", mgf.mgf_uri())),
        KeyTransport::RsaOaepMgf1p { digest } => Element::new(XENC, "EncryptionMethod")
            .with("Algorithm", KeyTransport::RSA_OAEP_MGF1P)
            .child(digest_method(digest)),
    }
}

fn data(algorithm: ContentAlgorithm, info: Element, content: &[u8], random: &dyn Random) -> Element {
    Element::new(XENC, "EncryptedData")
        .with("Id", message_id(random))
        .with("Type", TYPE_ELEMENT)
        .child(Element::new(XENC, "EncryptionMethod").with("Algorithm", algorithm.uri()))
        .child(info)
        .child(cipher_data(content))
}

fn cipher_data(octets: &[u8]) -> Element {
    let value = Element::new(XENC, "CipherValue").with_text(encode_base64(octets));
    Element::new(XENC, "CipherData").child(value)
}
