//! Certificates as facts. Whether one is trusted, and for what, is decided in `eidas::trust`.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::pkey::PKey;
use openssl::x509::X509;
use x509_parser::asn1_rs::Tag;
use x509_parser::prelude::{
    DistributionPointName, FromDer, GeneralName, ParsedExtension, X509Certificate, X509Extension,
};

use super::{KeyError, KeyKind, PublicKey};
use crate::clock::Timestamp;

/// Why octets are not a certificate, or why it is not the issuer's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not an X.509 certificate.
    #[error("this is not an X.509 certificate")]
    Malformed,
    /// A PEM file without a certificate.
    #[error("the file holds no certificate")]
    Empty,
    /// The issuer's name is not the subject of the other certificate.
    #[error("the certificate names another issuer")]
    OtherIssuer,
    /// The certificate that should have issued it may not issue certificates.
    #[error("the issuer is not a certification authority")]
    NotAuthority,
    /// The certificate is signed with an algorithm that is not accepted.
    #[error("the certificate is signed with {0}, which is not accepted")]
    Algorithm(String),
    /// The issuer's key is not accepted.
    #[error("the issuer's key is not accepted: {0}")]
    IssuerKey(KeyError),
    /// The signature on the certificate does not verify.
    #[error("the certificate is not signed by the issuer's key")]
    Signature,
}

/// An X.509 certificate.
#[derive(Clone)]
pub struct Certificate(Arc<Facts>);

struct Facts {
    der: Vec<u8>,
    subject: String,
    issuer: String,
    not_before: Timestamp,
    not_after: Timestamp,
    spki: Vec<u8>,
    key: Result<PublicKey, KeyError>,
    weak_kind: Option<KeyKind>,
    key_usage: Option<u16>,
    client_authentication: bool,
    authority: bool,
    path_length: Option<u32>,
    unknown_critical: bool,
    crls: Vec<String>,
    responders: Vec<String>,
    revocable: bool,
    signature_algorithm: String,
}

/// What a certificate's key may be used for (RFC 5280 §4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUsage {
    /// `digitalSignature`: messages and metadata.
    Signing,
    /// `keyEncipherment` or `keyAgreement`, after the kind of key.
    Encryption,
    /// `keyCertSign`: an authority.
    Authority,
    /// `cRLSign`: one that signs revocation lists.
    RevocationList,
}

impl Certificate {
    /// Reads DER. Nothing may follow the certificate.
    ///
    /// # Errors
    /// [`CertificateError::Malformed`].
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|_| CertificateError::Malformed)?;
        if !rest.is_empty() {
            return Err(CertificateError::Malformed);
        }
        let key_usage = parsed.key_usage().map_err(|_| CertificateError::Malformed)?;
        let constraints = parsed.basic_constraints().map_err(|_| CertificateError::Malformed)?;
        let (crls, responders, revocable) = revocation_sources(&parsed);
        let spki = parsed.public_key().raw.to_vec();
        let (key, weak_kind) = read_key(&parsed, &spki);
        Ok(Self(Arc::new(Facts {
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            not_before: Timestamp::from_unix(parsed.validity().not_before.timestamp()),
            not_after: Timestamp::from_unix(parsed.validity().not_after.timestamp()),
            key,
            weak_kind,
            key_usage: key_usage.map(|k| k.value.flags),
            client_authentication: permits_client_authentication(&parsed),
            authority: constraints.as_ref().is_some_and(|c| c.value.ca),
            path_length: constraints.and_then(|c| c.value.path_len_constraint),
            unknown_critical: parsed.extensions().iter().any(|e| e.critical && !understood(e)),
            crls,
            responders,
            revocable,
            signature_algorithm: parsed.signature_algorithm.algorithm.to_id_string(),
            der: der.to_vec(),
            spki,
        })))
    }

    /// Reads the content of `ds:X509Certificate`: base64 of DER, with any white space.
    ///
    /// # Errors
    /// [`CertificateError::Malformed`].
    pub fn from_base64(text: &str) -> Result<Self, CertificateError> {
        let compact: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        Self::from_der(&STANDARD.decode(compact).map_err(|_| CertificateError::Malformed)?)
    }

    /// Reads all certificates of a PEM file.
    ///
    /// # Errors
    /// [`CertificateError::Empty`] or [`CertificateError::Malformed`].
    pub fn from_pem(pem: &[u8]) -> Result<Vec<Self>, CertificateError> {
        let mut found = Vec::new();
        for block in x509_parser::pem::Pem::iter_from_buffer(pem) {
            let block = block.map_err(|_| CertificateError::Malformed)?;
            if block.label == "CERTIFICATE" {
                found.push(Self::from_der(&block.contents)?);
            }
        }
        if found.is_empty() { Err(CertificateError::Empty) } else { Ok(found) }
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The certificate in base64 on one line, for `ds:X509Certificate`.
    #[must_use]
    pub fn base64(&self) -> String {
        STANDARD.encode(&self.0.der)
    }

    /// The certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        let base64 = self.base64();
        let lines: Vec<&str> =
            base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }

    /// SHA-256 of the DER.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        super::hash::sha256(&self.0.der)
    }

    /// SHA-256 of the DER as people compare it: `AB:CD:…`.
    #[must_use]
    pub fn fingerprint_hex(&self) -> String {
        self.fingerprint().iter().map(|b| format!("{b:02X}")).collect::<Vec<_>>().join(":")
    }

    /// The subject's distinguished name.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The issuer's distinguished name.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Start of validity.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.0.not_before
    }

    /// End of validity.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.0.not_after
    }

    /// Whether `now` lies in the validity, both ends included (RFC 5280 §4.1.2.5).
    #[must_use]
    pub fn valid_at(&self, now: Timestamp) -> bool {
        self.0.not_before <= now && now <= self.0.not_after
    }

    /// The `SubjectPublicKeyInfo` in DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.0.spki
    }

    /// Kind and size of the key, even if it is too weak to be used.
    #[must_use]
    pub fn key_kind(&self) -> Option<KeyKind> {
        self.0.key.as_ref().map_or(self.0.weak_kind, |key| Some(key.kind()))
    }

    /// The key, if it is strong enough.
    ///
    /// # Errors
    /// [`KeyError::RsaSize`], [`KeyError::Curve`] and their like.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        self.0.key.clone()
    }

    /// Whether the keyUsage extension permits the use; without the extension every use is permitted
    /// (CR §3.5.2: certificates SHOULD carry keyUsage).
    #[must_use]
    pub fn permits(&self, usage: KeyUsage) -> bool {
        // Bits of RFC 5280 §4.2.1.3 as x509-parser counts them: digitalSignature is bit 0.
        let wanted = match usage {
            KeyUsage::Signing => 1,
            KeyUsage::Encryption => (1 << 2) | (1 << 4),
            KeyUsage::Authority => 1 << 5,
            KeyUsage::RevocationList => 1 << 6,
        };
        self.0.key_usage.is_none_or(|bits| bits & wanted != 0)
    }

    /// Whether the extKeyUsage extension permits to prove by it who one is as a TLS client; without the extension
    /// it is permitted (RFC 5280 §4.2.1.12).
    #[must_use]
    pub fn permits_client_authentication(&self) -> bool {
        self.0.client_authentication
    }

    /// Whether basicConstraints make it a certification authority.
    #[must_use]
    pub fn is_authority(&self) -> bool {
        self.0.authority
    }

    /// How many authorities may stand between this one and an end entity (RFC 5280 §4.2.1.9).
    #[must_use]
    pub fn path_length(&self) -> Option<u32> {
        self.0.path_length
    }

    /// Whether it has a critical extension that path validation here does not understand: such a
    /// certificate must not be used (RFC 5280 §4.2).
    #[must_use]
    pub fn has_unknown_critical_extension(&self) -> bool {
        self.0.unknown_critical
    }

    /// Where its issuer publishes revocation lists: http URLs of its cRLDistributionPoints.
    #[must_use]
    pub fn crl_urls(&self) -> &[String] {
        &self.0.crls
    }

    /// Who answers for its issuer by OCSP: http URLs of its authorityInfoAccess.
    #[must_use]
    pub fn ocsp_urls(&self) -> &[String] {
        &self.0.responders
    }

    /// Whether it says that its issuer tells of revocation, be it in a way that is not asked here (LDAP).
    #[must_use]
    pub fn names_revocation(&self) -> bool {
        self.0.revocable
    }

    /// Whether subject and issuer are the same name.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.0.subject == self.0.issuer
    }

    /// Whether `issuer` issued this certificate: names, right to issue, accepted key and algorithm,
    /// signature. Validity is not looked at. PKCS#1 v1.5 signatures with SHA-2 are accepted only if
    /// `allow_pkcs1`: CR §3.5.1 wants PSS or ECDSA, most deployed certificates have PKCS#1 v1.5.
    ///
    /// # Errors
    /// The first of the above that does not hold.
    pub fn is_issued_by(&self, issuer: &Certificate, allow_pkcs1: bool) -> Result<(), CertificateError> {
        if self.0.issuer != issuer.0.subject {
            return Err(CertificateError::OtherIssuer);
        }
        if !issuer.is_authority() || !issuer.permits(KeyUsage::Authority) {
            return Err(CertificateError::NotAuthority);
        }
        let algorithm = self.0.signature_algorithm.as_str();
        let accepted = match algorithm {
            // RSASSA-PSS (RFC 4055) and ecdsa-with-SHA256/384/512 (RFC 5758).
            "1.2.840.113549.1.1.10" => self.pss_with_sha2(),
            "1.2.840.10045.4.3.2" | "1.2.840.10045.4.3.3" | "1.2.840.10045.4.3.4" => true,
            // sha256/384/512WithRSAEncryption.
            "1.2.840.113549.1.1.11" | "1.2.840.113549.1.1.12" | "1.2.840.113549.1.1.13" => allow_pkcs1,
            _ => false,
        };
        if !accepted {
            return Err(CertificateError::Algorithm(algorithm_name(algorithm)));
        }
        issuer.public_key().map_err(CertificateError::IssuerKey)?;
        let key = PKey::public_key_from_der(issuer.spki()).map_err(|_| CertificateError::Signature)?;
        let certificate = X509::from_der(&self.0.der).map_err(|_| CertificateError::Malformed)?;
        match certificate.verify(&key) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(CertificateError::Signature),
        }
    }

    /// Whether an RSASSA-PSS certificate signature names SHA-2 with 256 bits or more.
    fn pss_with_sha2(&self) -> bool {
        use x509_parser::signature_algorithm::SignatureAlgorithm::RSASSA_PSS;
        let Ok((_, parsed)) = X509Certificate::from_der(&self.0.der) else { return false };
        let Ok(algorithm) =
            x509_parser::signature_algorithm::SignatureAlgorithm::try_from(&parsed.signature_algorithm)
        else {
            return false;
        };
        let RSASSA_PSS(parameters) = algorithm else { return false };
        ["2.16.840.1.101.3.4.2.1", "2.16.840.1.101.3.4.2.2", "2.16.840.1.101.3.4.2.3"]
            .contains(&parameters.hash_algorithm_oid().to_id_string().as_str())
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, {})", self.subject(), self.fingerprint_hex())
    }
}

/// The key if it is acceptable, and its kind if it is not.
fn read_key(parsed: &X509Certificate<'_>, spki: &[u8]) -> (Result<PublicKey, KeyError>, Option<KeyKind>) {
    // An EC key must name its curve: explicit parameters are refused even if they equal a named curve.
    let algorithm = &parsed.public_key().algorithm;
    let elliptic = algorithm.algorithm.to_id_string() == "1.2.840.10045.2.1";
    // By its tag: reading octets as an identifier succeeds with any.
    let named = algorithm.parameters.as_ref().is_some_and(|p| p.tag() == Tag::Oid);
    if elliptic && !named {
        return (Err(KeyError::Curve), None);
    }
    let Ok(key) = PKey::public_key_from_der(spki) else { return (Err(KeyError::Kind), None) };
    let bits = key.bits();
    match PublicKey::new(key) {
        Ok(key) => (Ok(key), None),
        Err(KeyError::RsaSize(size)) => (Err(KeyError::RsaSize(size)), Some(KeyKind::Rsa(bits))),
        Err(error) => (Err(error), None),
    }
}

fn permits_client_authentication(parsed: &X509Certificate<'_>) -> bool {
    let usage = parsed.extended_key_usage();
    usage.is_ok_and(|usage| usage.is_none_or(|usage| usage.value.client_auth || usage.value.any))
}

/// Critical extensions whose meaning is checked: keyUsage, basicConstraints. extKeyUsage does not bear
/// on signing metadata, nor do alternative names; where they matter they are looked at. Name constraints and policies are not evaluated, so they are not understood.
fn understood(extension: &X509Extension<'_>) -> bool {
    matches!(
        extension.parsed_extension(),
        ParsedExtension::BasicConstraints(_)
            | ParsedExtension::KeyUsage(_)
            | ParsedExtension::ExtendedKeyUsage(_)
            | ParsedExtension::SubjectAlternativeName(_)
            | ParsedExtension::SubjectKeyIdentifier(_)
            | ParsedExtension::AuthorityKeyIdentifier(_)
            | ParsedExtension::CRLDistributionPoints(_)
            | ParsedExtension::AuthorityInfoAccess(_)
    )
}

/// http URLs of revocation lists and of OCSP responders, and whether there are any such, by http or not. Both are signed, so http is enough, and https
/// would ask for revocation in turn (RFC 5280 §8).
fn revocation_sources(parsed: &X509Certificate<'_>) -> (Vec<String>, Vec<String>, bool) {
    const OCSP: &str = "1.3.6.1.5.5.7.48.1";
    let (mut crls, mut responders, mut named) = (Vec::new(), Vec::new(), false);
    let push = |list: &mut Vec<String>, name: &GeneralName<'_>| {
        if let GeneralName::URI(url) = name
            && url.starts_with("http://")
        {
            list.push((*url).to_owned());
        }
    };
    for extension in parsed.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::CRLDistributionPoints(points) => {
                named = true;
                for point in points.iter() {
                    if let Some(DistributionPointName::FullName(names)) = &point.distribution_point {
                        names.iter().for_each(|name| push(&mut crls, name));
                    }
                }
            }
            ParsedExtension::AuthorityInfoAccess(access) => {
                for description in &access.accessdescs {
                    if description.access_method.to_id_string() == OCSP {
                        named = true;
                        push(&mut responders, &description.access_location);
                    }
                }
            }
            _ => {}
        }
    }
    (crls, responders, named)
}

fn algorithm_name(oid: &str) -> String {
    match oid {
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption".to_owned(),
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption".to_owned(),
        "1.2.840.113549.1.1.10" => "RSASSA-PSS with a weak hash".to_owned(),
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption (PKCS#1 v1.5)".to_owned(),
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption (PKCS#1 v1.5)".to_owned(),
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption (PKCS#1 v1.5)".to_owned(),
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests;
