//! `xenc:AgreementMethod` with ECDH-ES and ConcatKDF (XML Encryption 1.1 §5.4.1, §5.6.4).

use super::decrypt::DecryptionError;
use super::encrypt::{EncryptionOptions, KdfInfo};
use super::{CONCAT_KDF, ECDH_ES};
use crate::crypto::{
    Certificate, Curve, DigestAlgorithm, KeyError, KeyKind, KeyWrapAlgorithm, PrivateKey, PublicKey, keywrap,
};
use crate::secret::Secret;
use crate::xml::tree::Element;
use crate::xml::{DS, DSIG11, XENC, XENC11, decode_base64, encode_base64};

/// What a peer says about the agreed key.
pub(super) struct Agreement {
    pub(super) originator: PublicKey,
    digest: DigestAlgorithm,
    other_info: Vec<u8>,
}

/// The fields of OtherInfo, in the order in which ConcatKDF takes them.
const OTHER_INFO: [&str; 5] = ["AlgorithmID", "PartyUInfo", "PartyVInfo", "SuppPubInfo", "SuppPrivInfo"];
/// Octets of one such field.
const MAX_FIELD: usize = 1024;

impl Agreement {
    /// Reads `xenc:AgreementMethod`.
    pub(super) fn read(method: &Element) -> Result<Self, DecryptionError> {
        let uri = method.required_attribute("Algorithm")?;
        if uri != ECDH_ES {
            return Err(DecryptionError::Algorithm(uri.to_owned()));
        }
        // How a nonce enters ConcatKDF is defined nowhere, and no peer sends one.
        if method.children(XENC, "KA-Nonce").next().is_some() {
            return Err(DecryptionError::Algorithm("KA-Nonce".to_owned()));
        }
        let derivation = method.only_child(XENC11, "KeyDerivationMethod")?;
        let uri = derivation.required_attribute("Algorithm")?;
        if uri != CONCAT_KDF {
            return Err(DecryptionError::Algorithm(uri.to_owned()));
        }
        let parameters = derivation.only_child(XENC11, "ConcatKDFParams")?;
        let uri = parameters.only_child(DS, "DigestMethod")?.required_attribute("Algorithm")?;
        let digest =
            DigestAlgorithm::from_uri(uri).ok_or_else(|| DecryptionError::Algorithm(uri.to_owned()))?;
        let mut other_info = Vec::new();
        for name in OTHER_INFO {
            other_info.extend(bit_string(parameters.attribute(name).unwrap_or_default())?);
        }
        Ok(Self {
            originator: originator(method.only_child(XENC, "OriginatorKeyInfo")?)?,
            digest,
            other_info,
        })
    }

    /// The key that wraps the content key, from the shared secret Z.
    pub(super) fn wrapping_key(&self, z: &[u8], how: KeyWrapAlgorithm) -> Secret<Vec<u8>> {
        keywrap::concat_kdf(self.digest, z, &self.other_info, how.key_octets())
    }
}

/// A field of OtherInfo: hexBinary whose first octet counts the padding bits of the last one. The CEF
/// node writes `0000`, others `00` for nothing, or leave it out.
fn bit_string(hex: &str) -> Result<Vec<u8>, DecryptionError> {
    let hex = hex.trim();
    if hex.is_empty() {
        return Ok(Vec::new());
    }
    let malformed =
        || DecryptionError::Malformed("ConcatKDFParams are not bit strings in hexadecimal".to_owned());
    if !hex.len().is_multiple_of(2)
        || hex.len() > 2 * MAX_FIELD
        || !hex.bytes().all(|b| b.is_ascii_hexdigit())
    {
        return Err(malformed());
    }
    let octets: Option<Vec<u8>> =
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(hex.get(i..i + 2)?, 16).ok()).collect();
    match octets.as_deref().and_then(<[u8]>::split_first) {
        Some((0, value)) => Ok(value.to_vec()),
        _ => Err(malformed()),
    }
}

/// The originator's ephemeral key: `dsig11:ECKeyValue` on a named curve, or `dsig11:DEREncodedKeyValue`.
/// If both are there, they must be the same key.
fn originator(info: &Element) -> Result<PublicKey, DecryptionError> {
    let named = match info.optional_child(DS, "KeyValue")? {
        Some(value) => Some(named_curve_key(value.only_child(DSIG11, "ECKeyValue")?)?),
        None => None,
    };
    let encoded = match info.optional_child(DSIG11, "DEREncodedKeyValue")? {
        Some(value) => Some(encoded_key(value)?),
        None => None,
    };
    match (named, encoded) {
        (Some(named), Some(encoded)) if named != encoded => {
            Err(DecryptionError::Malformed("OriginatorKeyInfo holds two different keys".to_owned()))
        }
        (Some(key), _) | (None, Some(key)) => Ok(key),
        (None, None) => Err(DecryptionError::Malformed("OriginatorKeyInfo holds no key".to_owned())),
    }
}

fn named_curve_key(value: &Element) -> Result<PublicKey, DecryptionError> {
    let urn = value.only_child(DSIG11, "NamedCurve")?.required_attribute("URI")?;
    let curve = Curve::from_urn(urn).ok_or_else(|| DecryptionError::Algorithm(urn.to_owned()))?;
    let point = decode_base64(value.only_child(DSIG11, "PublicKey")?.text()?);
    point.and_then(|point| PublicKey::from_point(curve, &point).ok()).ok_or_else(|| {
        DecryptionError::Malformed("the originator's key is not a point on its curve".to_owned())
    })
}

fn encoded_key(value: &Element) -> Result<PublicKey, DecryptionError> {
    decode_base64(value.text()?)
        .and_then(|der| PublicKey::from_spki(&der).ok())
        .filter(|key| matches!(key.kind(), KeyKind::Ec(_)))
        .ok_or_else(|| {
            DecryptionError::Malformed("DEREncodedKeyValue is not a key on a named curve".to_owned())
        })
}

/// Wraps `content_key` for an elliptic-curve certificate and describes how.
pub(super) fn wrap_for(
    recipient: &Certificate,
    curve: Curve,
    options: &EncryptionOptions,
    content_key: &[u8],
) -> Result<(Element, Vec<u8>), KeyError> {
    let (digest, how) = (options.kdf, options.wrap);
    let ephemeral = PrivateKey::generate(KeyKind::Ec(curve))?;
    let z = ephemeral.agree(&recipient.public_key()?)?;
    let (field, other_info): (_, &[u8]) = match options.kdf_info {
        KdfInfo::ZeroOctets => (Some("0000"), &[0, 0, 0]),
        KdfInfo::Empty => (Some("00"), &[]),
        KdfInfo::Absent => (None, &[]),
    };
    let kek = keywrap::concat_kdf(digest, z.expose(), other_info, how.key_octets());
    let wrapped = keywrap::wrap(how, kek.expose(), content_key)?;

    let parameters = Element::new(XENC11, "ConcatKDFParams")
        .with_some("AlgorithmID", field)
        .with_some("PartyUInfo", field)
        .with_some("PartyVInfo", field)
        .child(Element::new(DS, "DigestMethod").with("Algorithm", digest.uri()));
    let point = encode_base64(&ephemeral.public_key()?.to_point()?);
    let key = Element::new(DSIG11, "ECKeyValue")
        .child(Element::new(DSIG11, "NamedCurve").with("URI", curve.urn()))
        .child(Element::new(DSIG11, "PublicKey").with_text(point));
    let certificate = Element::new(DS, "X509Certificate").with_text(recipient.base64());
    let method = Element::new(XENC, "AgreementMethod")
        .with("Algorithm", ECDH_ES)
        .child(Element::new(XENC11, "KeyDerivationMethod").with("Algorithm", CONCAT_KDF).child(parameters))
        .child(Element::new(XENC, "OriginatorKeyInfo").child(Element::new(DS, "KeyValue").child(key)))
        .child(Element::new(XENC, "RecipientKeyInfo").child(Element::new(DS, "X509Data").child(certificate)));
    Ok((Element::new(DS, "KeyInfo").child(method), wrapped))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_string_is_what_follows_the_count_of_padding_bits() {
        for (hex, expected) in
            [("", vec![]), ("00", vec![]), ("0000", vec![0]), ("0000002A", vec![0, 0, 0x2a])]
        {
            assert_eq!(bit_string(hex).unwrap(), expected, "{hex}");
        }
        for hex in ["01ff", "0", "zz", "000", "00zz", "é"] {
            assert!(bit_string(hex).is_err(), "{hex}");
        }
        assert!(bit_string(&"00".repeat(1025)).is_err());
    }
}
