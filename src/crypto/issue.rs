//! Making certificates: for `init`, `keys generate`, the demo, and tests. None of these is a certification
//! authority's work; a member state's PKI issues what is used in earnest.

use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::x509::extension::{AuthorityKeyIdentifier, BasicConstraints, SubjectKeyIdentifier};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder};

use super::certificate::{Certificate, KeyUsage};
use super::{KeyError, KeyKind, PrivateKey};
use crate::clock::Timestamp;
use crate::ids::{Random, octets};

/// What goes into a certificate that we make.
#[derive(Clone, Debug)]
pub struct CertificateRequest {
    /// `CN` of the subject.
    pub common_name: String,
    /// `O` of the subject.
    pub organization: Option<String>,
    /// `C` of the subject, two letters.
    pub country: Option<String>,
    /// Start of validity, to the second.
    pub not_before: Timestamp,
    /// End of validity, to the second.
    pub not_after: Timestamp,
    /// What the key is for.
    pub usage: KeyUsage,
}

impl PrivateKey {
    /// A certificate for this key, signed by itself.
    ///
    /// # Errors
    /// [`KeyError::Operation`].
    pub fn self_signed(
        &self,
        request: &CertificateRequest,
        random: &dyn Random,
    ) -> Result<Certificate, KeyError> {
        let name = subject_name(request)?;
        let public = PKey::public_key_from_der(&self.openssl().public_key_to_der()?)?;
        issue(self, &name, &name, &public, request, random)
    }

    /// A certificate for `subject_key`, signed by this key as `issuer`.
    ///
    /// # Errors
    /// [`KeyError::Operation`].
    pub fn issue(
        &self,
        issuer: &Certificate,
        subject_key: &PrivateKey,
        request: &CertificateRequest,
        random: &dyn Random,
    ) -> Result<Certificate, KeyError> {
        let issuer_certificate = X509::from_der(issuer.der())?;
        let public = PKey::public_key_from_der(&subject_key.openssl().public_key_to_der()?)?;
        let subject = subject_name(request)?;
        let issuer_name = X509Name::from_der(&issuer_certificate.subject_name().to_der()?)?;
        issue(self, &issuer_name, &subject, &public, request, random)
    }
}

fn subject_name(request: &CertificateRequest) -> Result<X509Name, KeyError> {
    let mut name = X509NameBuilder::new()?;
    if let Some(country) = &request.country {
        name.append_entry_by_nid(Nid::COUNTRYNAME, country)?;
    }
    if let Some(organization) = &request.organization {
        name.append_entry_by_nid(Nid::ORGANIZATIONNAME, organization)?;
    }
    name.append_entry_by_nid(Nid::COMMONNAME, &request.common_name)?;
    Ok(name.build())
}

fn issue(
    key: &PrivateKey,
    issuer: &X509Name,
    subject: &X509Name,
    public: &PKey<Public>,
    request: &CertificateRequest,
    random: &dyn Random,
) -> Result<Certificate, KeyError> {
    let mut serial = octets::<16>(random);
    // Positive and not shorter: RFC 5280 §4.1.2.2.
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    let serial = Asn1Integer::from_bn(&*BigNum::from_slice(&serial)?)?;
    builder.set_serial_number(&serial)?;
    builder.set_issuer_name(issuer)?;
    builder.set_subject_name(subject)?;
    builder.set_pubkey(public)?;
    let (not_before, not_after) =
        (Asn1Time::from_unix(request.not_before.unix())?, Asn1Time::from_unix(request.not_after.unix())?);
    builder.set_not_before(&not_before)?;
    builder.set_not_after(&not_after)?;
    if request.usage == KeyUsage::Authority {
        builder.append_extension(BasicConstraints::new().critical().ca().build()?)?;
    } else {
        builder.append_extension(BasicConstraints::new().critical().build()?)?;
    }
    let mut usage = openssl::x509::extension::KeyUsage::new();
    usage.critical();
    match (request.usage, public.id()) {
        (KeyUsage::Signing, _) => usage.digital_signature(),
        (KeyUsage::Encryption, openssl::pkey::Id::RSA) => usage.key_encipherment(),
        (KeyUsage::Encryption, _) => usage.key_agreement(),
        (KeyUsage::Authority, _) => usage.key_cert_sign().crl_sign(),
        (KeyUsage::RevocationList, _) => usage.crl_sign(),
    };
    builder.append_extension(usage.build()?)?;
    let identifier = SubjectKeyIdentifier::new().build(&builder.x509v3_context(None, None))?;
    builder.append_extension(identifier)?;
    if issuer.try_cmp(subject)? == std::cmp::Ordering::Equal {
        let identifier =
            AuthorityKeyIdentifier::new().keyid(false).build(&builder.x509v3_context(None, None));
        if let Ok(identifier) = identifier {
            builder.append_extension(identifier)?;
        }
    }
    let digest = match key.kind() {
        KeyKind::Rsa(_) => MessageDigest::sha256(),
        KeyKind::Ec(curve) => curve.matching_digest().openssl(),
    };
    builder.sign(key.openssl(), digest)?;
    Certificate::from_der(&builder.build().to_der()?).map_err(|_| KeyError::Operation)
}
