//! Keys. A [`PublicKey`] exists only if it is strong enough; a [`SigningKey`] or [`DecryptionKey`] only
//! if key and certificate belong together.

use std::fmt;
use std::sync::Arc;

use openssl::bn::BigNum;
use openssl::derive::Deriver;
use openssl::ec::{Asn1Flag, EcGroup, EcKey, EcPoint, PointConversionForm};
use openssl::ecdsa::EcdsaSig;
use openssl::encrypt::{Decrypter, Encrypter};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{Id, PKey, Private, Public};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Signer, Verifier};

use super::{Certificate, Curve, DigestAlgorithm, KeyKind, KeyTransport, SignatureAlgorithm};
use crate::secret::Secret;

/// Why a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Neither RSA nor an elliptic curve.
    #[error("the key is neither RSA nor on an elliptic curve")]
    Kind,
    /// RSA below 3072 or above 16384 bits.
    #[error("an RSA key of {0} bits; 3072 to 16384 are allowed")]
    RsaSize(u32),
    /// An RSA key whose public exponent is even or below 3.
    #[error("the RSA key has an unsound public exponent")]
    RsaExponent,
    /// A curve that is not one of the six, or explicit curve parameters.
    #[error("the key is not on a named curve P-256, P-384, P-521 or brainpoolP256r1, P384r1, P512r1")]
    Curve,
    /// Octets that are no key.
    #[error("this is not a private key in PEM or PKCS#8 without a passphrase")]
    Malformed,
    /// Key and certificate are not a pair.
    #[error("the private key does not belong to the certificate")]
    Mismatch,
    /// The algorithm wants another kind of key.
    #[error("{0} cannot be used with a key of kind {1}")]
    Algorithm(&'static str, KeyKind),
    /// OpenSSL refused an operation.
    #[error("the cryptographic operation failed")]
    Operation,
}

impl From<ErrorStack> for KeyError {
    fn from(_: ErrorStack) -> Self {
        Self::Operation
    }
}

/// The signature does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct SignatureInvalid;

/// A public key that meets CR §3.1 and §3.2.2: RSA of 3072 bits and more, or a named curve.
#[derive(Clone)]
pub struct PublicKey {
    key: PKey<Public>,
    kind: KeyKind,
}

impl PublicKey {
    pub(super) fn new(key: PKey<Public>) -> Result<Self, KeyError> {
        let kind = kind_of(&key)?;
        if let KeyKind::Rsa(bits) = kind {
            if !(KeyKind::MIN_RSA_BITS..=KeyKind::MAX_RSA_BITS).contains(&bits) {
                return Err(KeyError::RsaSize(bits));
            }
            let rsa = key.rsa()?;
            if !rsa.e().is_bit_set(0) || rsa.e().num_bits() < 2 {
                return Err(KeyError::RsaExponent);
            }
        }
        Ok(Self { key, kind })
    }

    /// A point on a named curve in the uncompressed form `04‖X‖Y` (XML Signature 1.1 §4.5.2.3.1).
    /// OpenSSL checks that it is on the curve, which keeps invalid-curve attacks out.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if it is not.
    pub fn from_point(curve: Curve, point: &[u8]) -> Result<Self, KeyError> {
        let uncompressed = point.first() == Some(&4) && point.len() == 1 + 2 * curve.field_octets();
        if !uncompressed {
            return Err(KeyError::Malformed);
        }
        let mut context = openssl::bn::BigNumContext::new()?;
        let group = EcGroup::from_curve_name(curve.nid())?;
        let point = EcPoint::from_bytes(&group, point, &mut context).map_err(|_| KeyError::Malformed)?;
        let key = EcKey::from_public_key(&group, &point).map_err(|_| KeyError::Malformed)?;
        key.check_key().map_err(|_| KeyError::Malformed)?;
        Self::new(PKey::from_ec_key(key)?)
    }

    /// A `SubjectPublicKeyInfo` in DER (`dsig11:DEREncodedKeyValue`).
    ///
    /// # Errors
    /// [`KeyError::Malformed`], or a key that is too weak.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let key = PKey::public_key_from_der(der).map_err(|_| KeyError::Malformed)?;
        if let Ok(elliptic) = key.ec_key() {
            elliptic.check_key().map_err(|_| KeyError::Malformed)?;
        }
        Self::new(key)
    }

    /// The point `04‖X‖Y` of an elliptic-curve key.
    ///
    /// # Errors
    /// [`KeyError::Kind`] for an RSA key.
    pub fn to_point(&self) -> Result<Vec<u8>, KeyError> {
        let key = self.key.ec_key().map_err(|_| KeyError::Kind)?;
        let mut context = openssl::bn::BigNumContext::new()?;
        Ok(key.public_key().to_bytes(key.group(), PointConversionForm::UNCOMPRESSED, &mut context)?)
    }

    /// Kind and size.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Verifies `signature` over `data`. An ECDSA signature is `r‖s` of equal length; peers that
    /// write P-521 values without the leading zero octets (130 instead of 132) are understood.
    ///
    /// # Errors
    /// [`SignatureInvalid`], whatever the reason.
    pub fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        data: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureInvalid> {
        if !algorithm.fits(self.kind) {
            return Err(SignatureInvalid);
        }
        match self.verify_openssl(algorithm, data, signature) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(SignatureInvalid),
        }
    }

    fn verify_openssl(
        &self,
        algorithm: SignatureAlgorithm,
        data: &[u8],
        signature: &[u8],
    ) -> Result<bool, ErrorStack> {
        let digest = algorithm.digest().openssl();
        let mut verifier = Verifier::new(digest, &self.key)?;
        match self.kind {
            KeyKind::Rsa(_) => {
                verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
                verifier.set_rsa_mgf1_md(digest)?;
                // RFC 6931 §2.3.10: the salt is as long as the hash.
                verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
                verifier.verify_oneshot(signature, data)
            }
            KeyKind::Ec(curve) => {
                let half = signature.len() / 2;
                if !signature.len().is_multiple_of(2) || half == 0 || half > curve.field_octets() {
                    return Ok(false);
                }
                let (r, s) = signature.split_at(half);
                let pair = EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
                verifier.verify_oneshot(&pair.to_der()?, data)
            }
        }
    }

    /// Encrypts a content key for this RSA key.
    pub(crate) fn transport(&self, how: KeyTransport, content_key: &[u8]) -> Result<Vec<u8>, KeyError> {
        let mut encrypter = Encrypter::new(&self.key)?;
        let (digest, mgf) = oaep_digests(how);
        encrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        encrypter.set_rsa_oaep_md(digest)?;
        encrypter.set_rsa_mgf1_md(mgf)?;
        let mut out = vec![0; encrypter.encrypt_len(content_key)?];
        let written = encrypter.encrypt(content_key, &mut out)?;
        out.truncate(written);
        Ok(out)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.key.public_eq(&other.key)
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.kind)
    }
}

/// A private key, of any size: what it may be used for is decided where it is used.
#[derive(Clone)]
pub struct PrivateKey {
    key: PKey<Private>,
    kind: KeyKind,
}

impl PrivateKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`KeyError::Operation`] if OpenSSL cannot make one.
    pub fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        let key = match kind {
            KeyKind::Rsa(bits) => PKey::from_rsa(Rsa::generate(bits)?)?,
            KeyKind::Ec(curve) => {
                let mut group = EcGroup::from_curve_name(curve.nid())?;
                group.set_asn1_flag(Asn1Flag::NAMED_CURVE);
                PKey::from_ec_key(EcKey::generate(&group)?)?
            }
        };
        Ok(Self { key, kind })
    }

    /// Reads a PEM file: PKCS#8, PKCS#1 or SEC 1, without a passphrase.
    ///
    /// # Errors
    /// [`KeyError::Malformed`], [`KeyError::Kind`], [`KeyError::Curve`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        // The callback keeps OpenSSL from asking for a passphrase on the terminal.
        let key = PKey::private_key_from_pem_callback(pem, |_| Err(ErrorStack::get()))
            .map_err(|_| KeyError::Malformed)?;
        Ok(Self { kind: kind_of(&key)?, key })
    }

    /// Reads PKCS#8 in DER.
    ///
    /// # Errors
    /// As [`PrivateKey::from_pem`].
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let key = PKey::private_key_from_der(der).map_err(|_| KeyError::Malformed)?;
        Ok(Self { kind: kind_of(&key)?, key })
    }

    /// PKCS#8 in PEM.
    ///
    /// # Errors
    /// [`KeyError::Operation`].
    pub fn to_pem(&self) -> Result<Secret<Vec<u8>>, KeyError> {
        Ok(Secret::new(self.key.private_key_to_pem_pkcs8()?))
    }

    /// Kind and size.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The public half, if it is strong enough.
    ///
    /// # Errors
    /// [`KeyError::RsaSize`] and its like.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        PublicKey::new(PKey::public_key_from_der(&self.key.public_key_to_der()?)?)
    }

    pub(super) fn openssl(&self) -> &PKey<Private> {
        &self.key
    }

    /// Signs `data`: PSS octets, or `r‖s`, each as long as the curve's field (RFC 4050 §3.3).
    pub(super) fn sign(&self, algorithm: SignatureAlgorithm, data: &[u8]) -> Result<Vec<u8>, KeyError> {
        if !algorithm.fits(self.kind) {
            return Err(KeyError::Algorithm(algorithm.uri(), self.kind));
        }
        let digest = algorithm.digest().openssl();
        let mut signer = Signer::new(digest, &self.key)?;
        match self.kind {
            KeyKind::Rsa(_) => {
                signer.set_rsa_padding(Padding::PKCS1_PSS)?;
                signer.set_rsa_mgf1_md(digest)?;
                signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
                Ok(signer.sign_oneshot_to_vec(data)?)
            }
            KeyKind::Ec(curve) => {
                let pair = EcdsaSig::from_der(&signer.sign_oneshot_to_vec(data)?)?;
                let octets = i32::try_from(curve.field_octets()).map_err(|_| KeyError::Operation)?;
                Ok([pair.r().to_vec_padded(octets)?, pair.s().to_vec_padded(octets)?].concat())
            }
        }
    }

    /// The shared secret Z with a key on the same curve: the x-coordinate, as long as the field
    /// (NIST SP 800-56A §5.7.1.2).
    pub(crate) fn agree(&self, other: &PublicKey) -> Result<Secret<Vec<u8>>, KeyError> {
        let KeyKind::Ec(curve) = self.kind else { return Err(KeyError::Kind) };
        if other.kind != self.kind {
            return Err(KeyError::Curve);
        }
        let mut deriver = Deriver::new(&self.key)?;
        deriver.set_peer(&other.key)?;
        let z = deriver.derive_to_vec()?;
        // OpenSSL pads Z to the field's length; a shorter one would give a wrong key, so it is refused.
        if z.len() != curve.field_octets() {
            return Err(KeyError::Operation);
        }
        Ok(Secret::new(z))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.kind)
    }
}

/// A private key that signs, with its certificate and its algorithm.
#[derive(Clone, Debug)]
pub struct SigningKey(Arc<Signing>);

#[derive(Debug)]
struct Signing {
    key: PrivateKey,
    certificate: Certificate,
    algorithm: SignatureAlgorithm,
}

impl SigningKey {
    /// Puts key and certificate together. Without `algorithm`: PSS with SHA-256, or ECDSA with the
    /// hash of the curve's strength.
    ///
    /// # Errors
    /// [`KeyError::Mismatch`], a key that is too weak, or an algorithm for another kind of key.
    pub fn new(
        key: PrivateKey,
        certificate: Certificate,
        algorithm: Option<SignatureAlgorithm>,
    ) -> Result<Self, KeyError> {
        matching(&key, &certificate)?;
        let algorithm = algorithm.unwrap_or(match key.kind {
            KeyKind::Rsa(_) => SignatureAlgorithm::RsaPss(DigestAlgorithm::Sha256),
            KeyKind::Ec(curve) => SignatureAlgorithm::Ecdsa(curve.matching_digest()),
        });
        if !algorithm.fits(key.kind) {
            return Err(KeyError::Algorithm(algorithm.uri(), key.kind));
        }
        Ok(Self(Arc::new(Signing { key, certificate, algorithm })))
    }

    /// The algorithm of its signatures.
    #[must_use]
    pub fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm
    }

    /// The certificate that goes with the key.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.0.certificate
    }

    /// Signs `data`.
    ///
    /// # Errors
    /// [`KeyError::Operation`].
    pub fn sign(&self, data: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.0.key.sign(self.0.algorithm, data)
    }
}

/// A private key that unwraps content keys, with the certificate that peers encrypt to.
#[derive(Clone, Debug)]
pub struct DecryptionKey(Arc<Decryption>);

#[derive(Debug)]
struct Decryption {
    key: PrivateKey,
    certificate: Certificate,
}

impl DecryptionKey {
    /// Puts key and certificate together.
    ///
    /// # Errors
    /// [`KeyError::Mismatch`] or a key that is too weak.
    pub fn new(key: PrivateKey, certificate: Certificate) -> Result<Self, KeyError> {
        matching(&key, &certificate)?;
        Ok(Self(Arc::new(Decryption { key, certificate })))
    }

    /// The certificate that goes with the key.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.0.certificate
    }

    /// Kind and size.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.0.key.kind
    }

    /// Unwraps a transported content key.
    pub(crate) fn untransport(&self, how: KeyTransport, wrapped: &[u8]) -> Result<Secret<Vec<u8>>, KeyError> {
        let mut decrypter = Decrypter::new(&self.0.key.key)?;
        let (digest, mgf) = oaep_digests(how);
        decrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
        decrypter.set_rsa_oaep_md(digest)?;
        decrypter.set_rsa_mgf1_md(mgf)?;
        let mut out = vec![0; decrypter.decrypt_len(wrapped)?];
        let written = decrypter.decrypt(wrapped, &mut out)?;
        out.truncate(written);
        Ok(Secret::new(out))
    }

    /// Agrees on Z with the originator's ephemeral key.
    pub(crate) fn agree(&self, originator: &PublicKey) -> Result<Secret<Vec<u8>>, KeyError> {
        self.0.key.agree(originator)
    }
}

fn matching(key: &PrivateKey, certificate: &Certificate) -> Result<(), KeyError> {
    let public = certificate.public_key()?;
    if key.key.public_eq(&public.key) { Ok(()) } else { Err(KeyError::Mismatch) }
}

fn kind_of<T: openssl::pkey::HasPublic>(key: &PKey<T>) -> Result<KeyKind, KeyError> {
    match key.id() {
        Id::RSA => Ok(KeyKind::Rsa(key.bits())),
        Id::EC => {
            let name = key.ec_key()?.group().curve_name().ok_or(KeyError::Curve)?;
            Curve::from_nid(name).map(KeyKind::Ec).ok_or(KeyError::Curve)
        }
        _ => Err(KeyError::Kind),
    }
}

fn oaep_digests(how: KeyTransport) -> (MessageDigest, MessageDigest) {
    match how {
        KeyTransport::RsaOaep { digest, mgf } => (digest.openssl(), mgf.openssl()),
        // XML Encryption 1.1 §5.5.2: this URI fixes the mask generation function to MGF1 with SHA-1.
        KeyTransport::RsaOaepMgf1p { digest } => (digest.openssl(), MessageDigest::sha1()),
    }
}

#[cfg(test)]
mod tests;
