//! The allow-lists of eIDAS Cryptographic Requirements 1.4: URI, algorithm, minimum key size. An
//! algorithm that is not here has no name in this program, so it is refused before any cryptography.

use openssl::hash::MessageDigest;
use openssl::nid::Nid;

/// Hash functions for digests, signatures, OAEP and the KDF: SHA-2 with 256 bits and more
/// (CR §3.3; URIs of XML Encryption 1.1 and RFC 6931).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DigestAlgorithm {
    /// `http://www.w3.org/2001/04/xmlenc#sha256`
    Sha256,
    /// `http://www.w3.org/2001/04/xmldsig-more#sha384`
    Sha384,
    /// `http://www.w3.org/2001/04/xmlenc#sha512`
    Sha512,
}

impl DigestAlgorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// The `ds:DigestMethod` URI.
    #[must_use]
    pub fn uri(self) -> &'static str {
        match self {
            Self::Sha256 => "http://www.w3.org/2001/04/xmlenc#sha256",
            Self::Sha384 => "http://www.w3.org/2001/04/xmldsig-more#sha384",
            Self::Sha512 => "http://www.w3.org/2001/04/xmlenc#sha512",
        }
    }

    /// The algorithm of a `ds:DigestMethod` URI.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.uri() == uri)
    }

    /// The `xenc11:MGF` URI of MGF1 with this hash (XML Encryption 1.1 §5.5.2).
    #[must_use]
    pub fn mgf_uri(self) -> &'static str {
        match self {
            Self::Sha256 => "http://www.w3.org/2009/xmlenc11#mgf1sha256",
            Self::Sha384 => "http://www.w3.org/2009/xmlenc11#mgf1sha384",
            Self::Sha512 => "http://www.w3.org/2009/xmlenc11#mgf1sha512",
        }
    }

    /// The hash of an `xenc11:MGF` URI. MGF1 with SHA-1, the default where the element is absent, is
    /// not on the list.
    #[must_use]
    pub fn from_mgf_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.mgf_uri() == uri)
    }

    /// The octets of the hash.
    #[must_use]
    pub fn size(self) -> usize {
        self.openssl().size()
    }

    pub(crate) fn openssl(self) -> MessageDigest {
        match self {
            Self::Sha256 => MessageDigest::sha256(),
            Self::Sha384 => MessageDigest::sha384(),
            Self::Sha512 => MessageDigest::sha512(),
        }
    }
}

/// XML signature algorithms (CR §3.1, RFC 6931). No PKCS#1 v1.5, no HMAC, no SHA-1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// RSASSA-PSS with MGF1 of the same hash and a salt of its length.
    RsaPss(DigestAlgorithm),
    /// ECDSA.
    Ecdsa(DigestAlgorithm),
}

impl SignatureAlgorithm {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::RsaPss(DigestAlgorithm::Sha256),
        Self::RsaPss(DigestAlgorithm::Sha384),
        Self::RsaPss(DigestAlgorithm::Sha512),
        Self::Ecdsa(DigestAlgorithm::Sha256),
        Self::Ecdsa(DigestAlgorithm::Sha384),
        Self::Ecdsa(DigestAlgorithm::Sha512),
    ];

    /// The `ds:SignatureMethod` URI.
    #[must_use]
    pub fn uri(self) -> &'static str {
        use DigestAlgorithm::{Sha256, Sha384, Sha512};
        match self {
            Self::RsaPss(Sha256) => "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1",
            Self::RsaPss(Sha384) => "http://www.w3.org/2007/05/xmldsig-more#sha384-rsa-MGF1",
            Self::RsaPss(Sha512) => "http://www.w3.org/2007/05/xmldsig-more#sha512-rsa-MGF1",
            Self::Ecdsa(Sha256) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            Self::Ecdsa(Sha384) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
            Self::Ecdsa(Sha512) => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
        }
    }

    /// The algorithm of a `ds:SignatureMethod` URI.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.uri() == uri)
    }

    /// The hash that is signed.
    #[must_use]
    pub fn digest(self) -> DigestAlgorithm {
        match self {
            Self::RsaPss(digest) | Self::Ecdsa(digest) => digest,
        }
    }

    /// Whether a key of this kind makes such signatures.
    #[must_use]
    pub fn fits(self, kind: KeyKind) -> bool {
        matches!((self, kind), (Self::RsaPss(_), KeyKind::Rsa(_)) | (Self::Ecdsa(_), KeyKind::Ec(_)))
    }

    /// The smallest key, in bits, for `alg:SigningMethod` in metadata.
    #[must_use]
    pub fn min_key_size(self) -> u32 {
        match self {
            Self::RsaPss(_) => KeyKind::MIN_RSA_BITS,
            Self::Ecdsa(_) => KeyKind::MIN_EC_BITS,
        }
    }
}

/// Named curves (CR §3.1): NIST and Brainpool, 256 bits and more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Curve {
    /// NIST P-256.
    P256,
    /// NIST P-384.
    P384,
    /// NIST P-521.
    P521,
    /// brainpoolP256r1 (RFC 5639).
    BrainpoolP256r1,
    /// brainpoolP384r1 (RFC 5639).
    BrainpoolP384r1,
    /// brainpoolP512r1 (RFC 5639).
    BrainpoolP512r1,
}

impl Curve {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::P256,
        Self::P384,
        Self::P521,
        Self::BrainpoolP256r1,
        Self::BrainpoolP384r1,
        Self::BrainpoolP512r1,
    ];

    /// The curve as `urn:oid:…`, the form of `dsig11:NamedCurve` (XML Signature 1.1 §4.5.2.3).
    #[must_use]
    pub fn urn(self) -> &'static str {
        match self {
            Self::P256 => "urn:oid:1.2.840.10045.3.1.7",
            Self::P384 => "urn:oid:1.3.132.0.34",
            Self::P521 => "urn:oid:1.3.132.0.35",
            Self::BrainpoolP256r1 => "urn:oid:1.3.36.3.3.2.8.1.1.7",
            Self::BrainpoolP384r1 => "urn:oid:1.3.36.3.3.2.8.1.1.11",
            Self::BrainpoolP512r1 => "urn:oid:1.3.36.3.3.2.8.1.1.13",
        }
    }

    /// The curve of an `urn:oid:…`.
    #[must_use]
    pub fn from_urn(urn: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.urn() == urn)
    }

    /// The name people use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::BrainpoolP256r1 => "brainpoolP256r1",
            Self::BrainpoolP384r1 => "brainpoolP384r1",
            Self::BrainpoolP512r1 => "brainpoolP512r1",
        }
    }

    /// The size of the field in bits.
    #[must_use]
    pub fn bits(self) -> u32 {
        match self {
            Self::P256 | Self::BrainpoolP256r1 => 256,
            Self::P384 | Self::BrainpoolP384r1 => 384,
            Self::P521 => 521,
            Self::BrainpoolP512r1 => 512,
        }
    }

    /// The octets of a coordinate, and of `r` and `s` (RFC 4050 §3.3): 66 for P-521.
    #[must_use]
    pub fn field_octets(self) -> usize {
        self.bits().div_ceil(8) as usize
    }

    /// The hash of the curve's strength.
    #[must_use]
    pub fn matching_digest(self) -> DigestAlgorithm {
        match self {
            Self::P256 | Self::BrainpoolP256r1 => DigestAlgorithm::Sha256,
            Self::P384 | Self::BrainpoolP384r1 => DigestAlgorithm::Sha384,
            Self::P521 | Self::BrainpoolP512r1 => DigestAlgorithm::Sha512,
        }
    }

    pub(crate) fn nid(self) -> Nid {
        match self {
            Self::P256 => Nid::X9_62_PRIME256V1,
            Self::P384 => Nid::SECP384R1,
            Self::P521 => Nid::SECP521R1,
            Self::BrainpoolP256r1 => Nid::BRAINPOOL_P256R1,
            Self::BrainpoolP384r1 => Nid::BRAINPOOL_P384R1,
            Self::BrainpoolP512r1 => Nid::BRAINPOOL_P512R1,
        }
    }

    pub(crate) fn from_nid(nid: Nid) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.nid() == nid)
    }
}

/// What a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// RSA with so many bits of modulus.
    Rsa(u32),
    /// An elliptic-curve key on a named curve.
    Ec(Curve),
}

impl KeyKind {
    /// The smallest RSA modulus, in bits (CR §3.1, §3.2.2.1).
    pub const MIN_RSA_BITS: u32 = 3072;
    /// The largest RSA modulus we spend time on, in bits.
    pub const MAX_RSA_BITS: u32 = 16384;
    /// The smallest curve, in bits (CR §3.1, §3.2.2.2).
    pub const MIN_EC_BITS: u32 = 256;
}

impl std::fmt::Display for KeyKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rsa(bits) => write!(f, "RSA {bits}"),
            Self::Ec(curve) => write!(f, "EC {}", curve.name()),
        }
    }
}

/// Content encryption (CR §3.2.1): AES-GCM. No CBC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentAlgorithm {
    /// `http://www.w3.org/2009/xmlenc11#aes128-gcm`
    Aes128Gcm,
    /// `http://www.w3.org/2009/xmlenc11#aes192-gcm`
    Aes192Gcm,
    /// `http://www.w3.org/2009/xmlenc11#aes256-gcm`
    Aes256Gcm,
}

impl ContentAlgorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Aes128Gcm, Self::Aes192Gcm, Self::Aes256Gcm];

    /// The `xenc:EncryptionMethod` URI.
    #[must_use]
    pub fn uri(self) -> &'static str {
        match self {
            Self::Aes128Gcm => "http://www.w3.org/2009/xmlenc11#aes128-gcm",
            Self::Aes192Gcm => "http://www.w3.org/2009/xmlenc11#aes192-gcm",
            Self::Aes256Gcm => "http://www.w3.org/2009/xmlenc11#aes256-gcm",
        }
    }

    /// The algorithm of an `xenc:EncryptionMethod` URI.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.uri() == uri)
    }

    /// The octets of the key.
    #[must_use]
    pub fn key_octets(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes192Gcm => 24,
            Self::Aes256Gcm => 32,
        }
    }
}

/// Key wrapping under an agreed key (CR §3.2.2.2, RFC 3394).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyWrapAlgorithm {
    /// `http://www.w3.org/2001/04/xmlenc#kw-aes128`
    Aes128,
    /// `http://www.w3.org/2001/04/xmlenc#kw-aes256`
    Aes256,
}

impl KeyWrapAlgorithm {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Aes128, Self::Aes256];

    /// The `xenc:EncryptionMethod` URI.
    #[must_use]
    pub fn uri(self) -> &'static str {
        match self {
            Self::Aes128 => "http://www.w3.org/2001/04/xmlenc#kw-aes128",
            Self::Aes256 => "http://www.w3.org/2001/04/xmlenc#kw-aes256",
        }
    }

    /// The algorithm of an `xenc:EncryptionMethod` URI.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.uri() == uri)
    }

    /// The octets of the wrapping key.
    #[must_use]
    pub fn key_octets(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Aes256 => 32,
        }
    }
}

/// RSA key transport (CR §3.2.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyTransport {
    /// `http://www.w3.org/2009/xmlenc11#rsa-oaep` with its digest and the hash of MGF1.
    RsaOaep {
        /// The OAEP hash.
        digest: DigestAlgorithm,
        /// The hash of MGF1.
        mgf: DigestAlgorithm,
    },
    /// `http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p`: MGF1 is fixed to SHA-1. Only for peers of
    /// protocol version 1.2 and 1.3 that are allowed it.
    RsaOaepMgf1p {
        /// The OAEP hash.
        digest: DigestAlgorithm,
    },
}

impl KeyTransport {
    /// The URI of [`KeyTransport::RsaOaep`].
    pub const RSA_OAEP: &'static str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
    /// The URI of [`KeyTransport::RsaOaepMgf1p`].
    pub const RSA_OAEP_MGF1P: &'static str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_uri_leads_back_to_its_algorithm() {
        for a in SignatureAlgorithm::ALL {
            assert_eq!(SignatureAlgorithm::from_uri(a.uri()), Some(a));
        }
        for a in DigestAlgorithm::ALL {
            assert_eq!(DigestAlgorithm::from_uri(a.uri()), Some(a));
            assert_eq!(DigestAlgorithm::from_mgf_uri(a.mgf_uri()), Some(a));
        }
        for a in ContentAlgorithm::ALL {
            assert_eq!(ContentAlgorithm::from_uri(a.uri()), Some(a));
        }
        for a in KeyWrapAlgorithm::ALL {
            assert_eq!(KeyWrapAlgorithm::from_uri(a.uri()), Some(a));
        }
        for c in Curve::ALL {
            assert_eq!(Curve::from_urn(c.urn()), Some(c));
            assert_eq!(Curve::from_nid(c.nid()), Some(c));
        }
    }

    #[test]
    fn what_is_not_on_the_list_has_no_name() {
        let refused = [
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
            "http://www.w3.org/2007/05/xmldsig-more#sha1-rsa-MGF1",
            "http://www.w3.org/2007/05/xmldsig-more#sha224-rsa-MGF1",
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1",
            "http://www.w3.org/2009/xmldsig11#dsa-sha256",
        ];
        for uri in refused {
            assert_eq!(SignatureAlgorithm::from_uri(uri), None, "{uri}");
        }
        assert_eq!(DigestAlgorithm::from_uri("http://www.w3.org/2000/09/xmldsig#sha1"), None);
        assert_eq!(DigestAlgorithm::from_mgf_uri("http://www.w3.org/2009/xmlenc11#mgf1sha1"), None);
        assert_eq!(ContentAlgorithm::from_uri("http://www.w3.org/2001/04/xmlenc#aes256-cbc"), None);
    }
}
