//! Revocation: what a CRL or an OCSP answer says of a certificate (RFC 5280 §6.3, RFC 6960).
//!
//! Octets and time in, a fact out. Fetching, caching, and what to do when nobody answers are decided by
//! others.

use openssl::asn1::{Asn1GeneralizedTimeRef, Asn1Time, Asn1TimeRef};
use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspCertId, OcspCertStatus, OcspFlag, OcspRequest, OcspResponse, OcspResponseStatus};
use openssl::pkey::PKey;
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{CrlStatus, X509, X509Crl};
use x509_parser::prelude::{CertificateRevocationList, FromDer};

use super::Certificate;
use super::certificate::KeyUsage;
use crate::clock::Timestamp;

/// What the issuer says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// Not revoked; ask again by this time.
    Good {
        /// `nextUpdate`.
        until: Timestamp,
    },
    /// Revoked.
    Revoked,
}

/// Why an answer is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RevocationError {
    /// Octets that are no CRL or OCSP response.
    #[error("this is no revocation list or OCSP response")]
    Malformed,
    /// Issued by somebody else than the certificate's issuer.
    #[error("the answer is from another issuer")]
    OtherIssuer,
    /// The issuer's certificate does not permit it to sign revocation lists.
    #[error("the issuer may not sign revocation lists")]
    Usage,
    /// The signature does not verify.
    #[error("the answer is not signed by the issuer")]
    Signature,
    /// Not yet valid, or superseded, or without an end.
    #[error("the answer is not valid at this time")]
    Outdated,
    /// A critical extension, such as a list that covers a part of the certificates only.
    #[error("the list has a critical extension that is not understood")]
    Critical,
    /// The responder has no answer.
    #[error("the responder does not know the certificate, or cannot answer")]
    Unknown,
}

/// What the revocation list `crl` (DER) says of `certificate`.
///
/// # Errors
/// [`RevocationError`] if the list says nothing that counts.
pub fn by_crl(
    crl: &[u8],
    certificate: &Certificate,
    issuer: &Certificate,
    now: Timestamp,
) -> Result<Revocation, RevocationError> {
    let (rest, facts) = CertificateRevocationList::from_der(crl).map_err(|_| RevocationError::Malformed)?;
    if !rest.is_empty() {
        return Err(RevocationError::Malformed);
    }
    if facts.issuer().to_string() != issuer.subject() || certificate.issuer() != issuer.subject() {
        return Err(RevocationError::OtherIssuer);
    }
    // Issuing distribution points and deltas are critical: a list that covers only a part is refused.
    let entries = facts.iter_revoked_certificates().flat_map(|revoked| revoked.extensions());
    if facts.extensions().iter().chain(entries).any(|extension| extension.critical) {
        return Err(RevocationError::Critical);
    }
    if !issuer.permits(KeyUsage::RevocationList) {
        return Err(RevocationError::Usage);
    }
    let list = X509Crl::from_der(crl).map_err(|_| RevocationError::Malformed)?;
    let key = PKey::public_key_from_der(issuer.spki()).map_err(|_| RevocationError::Signature)?;
    if !list.verify(&key).unwrap_or(false) {
        return Err(RevocationError::Signature);
    }
    let from = timestamp(list.last_update()).ok_or(RevocationError::Malformed)?;
    let until = list.next_update().and_then(timestamp).ok_or(RevocationError::Outdated)?;
    if now < from || now > until {
        return Err(RevocationError::Outdated);
    }
    let subject = X509::from_der(certificate.der()).map_err(|_| RevocationError::Malformed)?;
    Ok(match list.get_by_cert(&subject) {
        CrlStatus::NotRevoked | CrlStatus::RemoveFromCrl(_) => Revocation::Good { until },
        CrlStatus::Revoked(_) => Revocation::Revoked,
    })
}

/// The OCSP request about `certificate`, in DER. No nonce: answers may come from a cache, and are bounded
/// by their own times.
///
/// # Errors
/// [`RevocationError::Malformed`].
pub fn ocsp_request(certificate: &Certificate, issuer: &Certificate) -> Result<Vec<u8>, RevocationError> {
    let built = || {
        let mut request = OcspRequest::new()?;
        request.add_id(certificate_id(certificate, issuer)?)?;
        request.to_der()
    };
    built().map_err(|_| RevocationError::Malformed)
}

/// What the OCSP response `answer` (DER) says of `certificate`. It must be signed by the issuer, or by a
/// responder whom the issuer named for it (RFC 6960 §4.2.2.2).
///
/// # Errors
/// [`RevocationError`] if it says nothing that counts.
pub fn by_ocsp(
    answer: &[u8],
    certificate: &Certificate,
    issuer: &Certificate,
    now: Timestamp,
) -> Result<Revocation, RevocationError> {
    let response = OcspResponse::from_der(answer).map_err(|_| RevocationError::Malformed)?;
    if response.status() != OcspResponseStatus::SUCCESSFUL {
        return Err(RevocationError::Unknown);
    }
    let basic = response.basic().map_err(|_| RevocationError::Malformed)?;
    let signed = || {
        let issuer = X509::from_der(issuer.der())?;
        let mut parameters = X509VerifyParam::new()?;
        parameters.set_time(now.unix());
        // The issuer is where the chain ends, even if it is no root.
        parameters.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
        let mut store = X509StoreBuilder::new()?;
        store.set_param(&parameters)?;
        store.add_cert(issuer.clone())?;
        let mut known = Stack::new()?;
        known.push(issuer)?;
        basic.verify(&known, &store.build(), OcspFlag::empty())
    };
    signed().map_err(|_| RevocationError::Signature)?;
    let id = certificate_id(certificate, issuer).map_err(|_| RevocationError::Malformed)?;
    let status = basic.find_status(&id).ok_or(RevocationError::Unknown)?;
    let from = generalized(status.this_update).ok_or(RevocationError::Malformed)?;
    let until = status.next_update().and_then(generalized).ok_or(RevocationError::Outdated)?;
    if now < from || now > until {
        return Err(RevocationError::Outdated);
    }
    match status.status {
        OcspCertStatus::GOOD => Ok(Revocation::Good { until }),
        OcspCertStatus::REVOKED => Ok(Revocation::Revoked),
        _ => Err(RevocationError::Unknown),
    }
}

/// SHA-1 names the certificate here; it protects nothing, and it is what every responder knows
/// (RFC 5019 §2.1.1).
fn certificate_id(
    certificate: &Certificate,
    issuer: &Certificate,
) -> Result<OcspCertId, openssl::error::ErrorStack> {
    let (subject, issuer) = (X509::from_der(certificate.der())?, X509::from_der(issuer.der())?);
    OcspCertId::from_cert(MessageDigest::sha1(), &subject, &issuer)
}

fn timestamp(time: &Asn1TimeRef) -> Option<Timestamp> {
    let since = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    Some(Timestamp::from_unix(i64::from(since.days) * 86_400 + i64::from(since.secs)))
}

/// A GeneralizedTime as OpenSSL prints it: `Nov 21 09:15:02 2026 GMT`.
fn generalized(time: &Asn1GeneralizedTimeRef) -> Option<Timestamp> {
    let printed = time.to_string();
    let [month, day, clock, year, "GMT"] = printed.split_ascii_whitespace().collect::<Vec<_>>()[..] else {
        return None;
    };
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = MONTHS.iter().position(|m| *m == month)? + 1;
    let day: u8 = day.parse().ok()?;
    Timestamp::parse(&format!("{year}-{month:02}-{day:02}T{clock}Z"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use openssl::x509::X509CrlBuilder;
    use openssl::x509::extension::AuthorityKeyIdentifier;

    use super::*;
    use crate::crypto::{CertificateRequest, Curve, KeyKind, PrivateKey};
    use crate::ids::SystemRandom;

    const DAY: Duration = Duration::from_secs(86_400);

    fn now() -> Timestamp {
        Timestamp::from_unix(1_760_000_000)
    }

    fn request(name: &str, usage: KeyUsage) -> CertificateRequest {
        CertificateRequest {
            common_name: name.to_owned(),
            organization: None,
            country: None,
            not_before: now() - DAY,
            not_after: now() + DAY * 10,
            usage,
        }
    }

    struct Pki {
        key: PrivateKey,
        issuer: Certificate,
        good: Certificate,
        bad: Certificate,
    }

    fn pki() -> Pki {
        let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
        let issuer = key.self_signed(&request("issuer", KeyUsage::Authority), &SystemRandom).unwrap();
        let issue = |name: &str| {
            let subject = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
            key.issue(&issuer, &subject, &request(name, KeyUsage::Signing), &SystemRandom).unwrap()
        };
        Pki { good: issue("good"), bad: issue("bad"), issuer, key }
    }

    impl Pki {
        /// A list that revokes `bad`, signed by `signer`.
        fn crl(&self, signer: &PrivateKey, from: Timestamp, until: Timestamp) -> Vec<u8> {
            let issuer = X509::from_der(self.issuer.der()).unwrap();
            let mut builder = X509CrlBuilder::new().unwrap();
            builder.set_issuer_name(issuer.subject_name()).unwrap();
            builder.set_last_update(&Asn1Time::from_unix(from.unix()).unwrap()).unwrap();
            builder.set_next_update(&Asn1Time::from_unix(until.unix()).unwrap()).unwrap();
            let mut context = openssl::x509::X509::builder().unwrap();
            context.set_issuer_name(issuer.subject_name()).unwrap();
            let identifier =
                AuthorityKeyIdentifier::new().keyid(true).build(&context.x509v3_context(Some(&issuer), None));
            builder.append_extension(identifier.unwrap()).unwrap();
            // CRLNumber ::= INTEGER
            let number = openssl::x509::X509Extension::new_from_der(
                &openssl::asn1::Asn1Object::from_str("2.5.29.20").unwrap(),
                false,
                &openssl::asn1::Asn1OctetString::new_from_bytes(&[2, 1, 1]).unwrap(),
            );
            builder.append_extension(number.unwrap()).unwrap();
            // RevokedCertificate ::= SEQUENCE { userCertificate INTEGER, revocationDate UTCTime }
            let serial = X509::from_der(self.bad.der()).unwrap().serial_number().to_bn().unwrap().to_vec();
            let size = u8::try_from(serial.len()).unwrap();
            let entry = [&[0x02, size][..], &serial, &[0x17, 13], b"250101000000Z"].concat();
            let entry = [&[0x30, u8::try_from(entry.len()).unwrap()][..], &entry].concat();
            let revoked = openssl::x509::X509Revoked::from_der(&entry).unwrap();
            builder.add_revoked(revoked).unwrap();
            builder.sign(signer.openssl(), MessageDigest::sha256()).unwrap();
            builder.build().unwrap().to_der().unwrap()
        }
    }

    #[test]
    fn a_list_tells_the_good_from_the_revoked() {
        let pki = pki();
        let list = pki.crl(&pki.key, now() - DAY, now() + DAY);
        assert_eq!(by_crl(&list, &pki.good, &pki.issuer, now()), Ok(Revocation::Good { until: now() + DAY }));
        assert_eq!(by_crl(&list, &pki.bad, &pki.issuer, now()), Ok(Revocation::Revoked));
    }

    #[test]
    fn a_list_outside_its_time_says_nothing() {
        let pki = pki();
        let list = pki.crl(&pki.key, now() - DAY, now() + DAY);
        for at in [now() + DAY * 2, now() - DAY * 2] {
            assert_eq!(by_crl(&list, &pki.good, &pki.issuer, at), Err(RevocationError::Outdated));
        }
    }

    #[test]
    fn a_list_of_another_issuer_or_key_says_nothing() {
        let (pki, other) = (pki(), pki());
        let forged = pki.crl(&other.key, now() - DAY, now() + DAY);
        assert_eq!(by_crl(&forged, &pki.good, &pki.issuer, now()), Err(RevocationError::Signature));
        let list = pki.crl(&pki.key, now() - DAY, now() + DAY);
        let refused = by_crl(&list, &pki.good, &pki.good, now());
        assert_eq!(refused, Err(RevocationError::OtherIssuer));
        assert_eq!(by_crl(b"none", &pki.good, &pki.issuer, now()), Err(RevocationError::Malformed));
    }

    #[test]
    fn an_ocsp_answer_must_be_one() {
        let pki = pki();
        let request = ocsp_request(&pki.good, &pki.issuer).unwrap();
        assert!(OcspRequest::from_der(&request).is_ok());
        assert_eq!(by_ocsp(b"none", &pki.good, &pki.issuer, now()), Err(RevocationError::Malformed));
        let later = OcspResponse::create(OcspResponseStatus::TRY_LATER, None).unwrap().to_der().unwrap();
        assert_eq!(by_ocsp(&later, &pki.good, &pki.issuer, now()), Err(RevocationError::Unknown));
    }

    /// Inside the week in which the answers in tests/vectors/ocsp are valid.
    const NOT_LONG_AFTER: Timestamp = Timestamp::from_unix(1795292763);

    fn vector(name: &str) -> Vec<u8> {
        std::fs::read(format!("{}/tests/vectors/ocsp/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    fn ocsp(answer: &str, about: &str, at: Timestamp) -> Result<Revocation, RevocationError> {
        let certificate = |name: &str| Certificate::from_der(&vector(name)).unwrap();
        by_ocsp(&vector(answer), &certificate(about), &certificate("issuer.crt"), at)
    }

    #[test]
    fn an_ocsp_answer_of_the_issuer_or_its_responder_counts() {
        for answer in ["good-by-issuer.der", "good-by-responder.der"] {
            let good = ocsp(answer, "good.crt", NOT_LONG_AFTER);
            assert!(
                matches!(good, Ok(Revocation::Good { until }) if until > NOT_LONG_AFTER),
                "{answer}: {good:?}"
            );
        }
        assert_eq!(ocsp("bad-by-issuer.der", "bad.crt", NOT_LONG_AFTER), Ok(Revocation::Revoked));
    }

    #[test]
    fn an_ocsp_answer_of_anybody_else_or_about_another_does_not_count() {
        let impostor = ocsp("good-by-impostor.der", "good.crt", NOT_LONG_AFTER);
        assert_eq!(impostor, Err(RevocationError::Signature));
        let other = ocsp("good-by-issuer.der", "bad.crt", NOT_LONG_AFTER);
        assert_eq!(other, Err(RevocationError::Unknown));
    }

    #[test]
    fn an_ocsp_answer_outside_its_time_does_not_count() {
        for at in [NOT_LONG_AFTER + DAY * 8, NOT_LONG_AFTER - DAY * 8] {
            assert!(ocsp("good-by-issuer.der", "good.crt", at).is_err(), "{at}");
        }
        let late = ocsp("good-by-issuer.der", "good.crt", NOT_LONG_AFTER + DAY * 8);
        assert_eq!(late, Err(RevocationError::Outdated));
    }
}
