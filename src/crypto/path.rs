//! RFC 5280 path building, from an anchor to a signer, for the small PKIs that sign eIDAS metadata.
//!
//! An anchor is a certificate that a person has checked. It vouches for itself, and for what it issued.
//! Validity, keyUsage, basicConstraints, path length, key sizes and algorithms are checked at each step;
//! revocation is asked for by the caller ([`Path::links`] says of whom).

use super::certificate::{Certificate, CertificateError, KeyUsage};
use super::key::KeyError;
use crate::clock::Timestamp;

/// Certificates on one path, the anchor included.
const MAX_LENGTH: usize = 6;
/// Signatures verified while searching for one path.
const MAX_STEPS: usize = 64;

/// What a country's certificates are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathRules {
    /// Accept certificates signed with RSA PKCS#1 v1.5 and SHA-2. Most of those deployed are.
    pub allow_pkcs1: bool,
}

/// A path that was found valid: the signer first, the anchor last. They are the same certificate if the
/// signer is pinned itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<Certificate>);

impl Path {
    /// The signer.
    #[must_use]
    pub fn signer(&self) -> Option<&Certificate> {
        self.0.first()
    }

    /// The anchor.
    #[must_use]
    pub fn anchor(&self) -> Option<&Certificate> {
        self.0.last()
    }

    /// All certificates, the signer first.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.0
    }

    /// Each certificate below the anchor with its issuer: those whose revocation can be asked for.
    pub fn links(&self) -> impl Iterator<Item = (&Certificate, &Certificate)> {
        self.0.iter().zip(self.0.iter().skip(1))
    }
}

/// Why there is no path. Where several were tried, the one that came nearest to the anchor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No anchor is configured, so nothing can be trusted.
    #[error("no trust anchor is configured")]
    NoAnchor,
    /// Nothing leads from the signer to an anchor.
    #[error("no path leads from {0} to a trust anchor")]
    NoPath(String),
    /// A certificate on the path is not valid any more.
    #[error("the certificate {0} has expired")]
    Expired(String),
    /// A certificate on the path is not valid yet.
    #[error("the certificate {0} is not valid yet")]
    NotYetValid(String),
    /// A certificate on the path has a key that is not accepted.
    #[error("the key of {0} is not accepted: {1}")]
    Key(String, KeyError),
    /// The signer's certificate is not for signatures.
    #[error("the certificate {0} does not permit signatures")]
    Usage(String),
    /// A certificate on the path has a critical extension that is not understood.
    #[error("the certificate {0} has a critical extension that is not understood")]
    Critical(String),
    /// An authority issued through more intermediates than it may.
    #[error("the path below {0} is longer than it allows")]
    TooLong(String),
    /// A link is wrong.
    #[error("the certificate {0} is not vouched for: {1}")]
    Link(String, CertificateError),
}

impl PathError {
    /// How far the search had come, to report the failure that says most.
    fn weight(&self) -> u8 {
        match self {
            Self::NoAnchor | Self::NoPath(_) => 0,
            Self::Link(_, CertificateError::NotAuthority) => 1,
            Self::Link(..) => 2,
            _ => 3,
        }
    }
}

/// Builds a path from `signer` to one of the `anchors`, through `intermediates` if need be.
///
/// # Errors
/// [`PathError`]; without anchors always.
pub fn build(
    signer: &Certificate,
    intermediates: &[Certificate],
    anchors: &[Certificate],
    rules: PathRules,
    now: Timestamp,
) -> Result<Path, PathError> {
    if anchors.is_empty() {
        return Err(PathError::NoAnchor);
    }
    sound(signer, now)?;
    if !signer.permits(KeyUsage::Signing) {
        return Err(PathError::Usage(signer.subject().to_owned()));
    }
    let mut search = Search { intermediates, anchors, rules, now, steps: 0, nearest: None };
    let mut path = vec![signer.clone()];
    if search.extend(&mut path) {
        return Ok(Path(path));
    }
    Err(search.nearest.unwrap_or_else(|| PathError::NoPath(signer.subject().to_owned())))
}

struct Search<'a> {
    intermediates: &'a [Certificate],
    anchors: &'a [Certificate],
    rules: PathRules,
    now: Timestamp,
    steps: usize,
    nearest: Option<PathError>,
}

impl Search<'_> {
    /// Extends `path`, whose last certificate is sound, to an anchor.
    fn extend(&mut self, path: &mut Vec<Certificate>) -> bool {
        let Some(last) = path.last().cloned() else { return false };
        // A certificate with the key and name of an anchor is that anchor, also when it was renewed.
        if self
            .anchors
            .iter()
            .any(|a| *a == last || (a.spki() == last.spki() && a.subject() == last.subject()))
        {
            return true;
        }
        if path.len() >= MAX_LENGTH {
            return false;
        }
        for issuer in self.anchors.iter().chain(self.intermediates) {
            if issuer.subject() != last.issuer() || path.contains(issuer) {
                continue;
            }
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return false;
            }
            match self.link(&last, issuer, path.len() - 1) {
                Ok(()) => {
                    path.push(issuer.clone());
                    if self.extend(path) {
                        return true;
                    }
                    path.pop();
                }
                Err(error) => self.note(error),
            }
        }
        false
    }

    /// Whether `issuer` may vouch for `subject`, below which `below` authorities stand already.
    fn link(&self, subject: &Certificate, issuer: &Certificate, below: usize) -> Result<(), PathError> {
        subject
            .is_issued_by(issuer, self.rules.allow_pkcs1)
            .map_err(|error| PathError::Link(subject.subject().to_owned(), error))?;
        if issuer.path_length().is_some_and(|most| below > most as usize) {
            return Err(PathError::TooLong(issuer.subject().to_owned()));
        }
        sound(issuer, self.now)
    }

    fn note(&mut self, error: PathError) {
        if self.nearest.as_ref().is_none_or(|nearest| nearest.weight() < error.weight()) {
            self.nearest = Some(error);
        }
    }
}

/// What every certificate on a path must be: valid now, with an accepted key, understood.
fn sound(certificate: &Certificate, now: Timestamp) -> Result<(), PathError> {
    let subject = || certificate.subject().to_owned();
    if now < certificate.not_before() {
        return Err(PathError::NotYetValid(subject()));
    }
    if !certificate.valid_at(now) {
        return Err(PathError::Expired(subject()));
    }
    certificate.public_key().map_err(|error| PathError::Key(subject(), error))?;
    if certificate.has_unknown_critical_extension() {
        return Err(PathError::Critical(subject()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::crypto::{CertificateRequest, Curve, KeyKind, PrivateKey};
    use crate::ids::SystemRandom;

    const DAY: Duration = Duration::from_secs(86_400);

    fn now() -> Timestamp {
        Timestamp::from_unix(1_760_000_000)
    }

    fn request(name: &str, usage: KeyUsage, days: u32) -> CertificateRequest {
        CertificateRequest {
            common_name: name.to_owned(),
            organization: None,
            country: None,
            not_before: now() - DAY,
            not_after: now() + DAY * days,
            usage,
        }
    }

    fn key() -> PrivateKey {
        PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap()
    }

    fn root(name: &str) -> (PrivateKey, Certificate) {
        let key = key();
        let certificate = key.self_signed(&request(name, KeyUsage::Authority, 100), &SystemRandom).unwrap();
        (key, certificate)
    }

    fn issued(
        by: &(PrivateKey, Certificate),
        name: &str,
        usage: KeyUsage,
        days: u32,
    ) -> (PrivateKey, Certificate) {
        let key = key();
        let certificate = by.0.issue(&by.1, &key, &request(name, usage, days), &SystemRandom).unwrap();
        (key, certificate)
    }

    fn path(
        signer: &Certificate,
        intermediates: &[Certificate],
        anchors: &[Certificate],
    ) -> Result<Path, PathError> {
        build(signer, intermediates, anchors, PathRules::default(), now())
    }

    #[test]
    fn a_pinned_certificate_vouches_for_itself() {
        let key = key();
        let pinned = key.self_signed(&request("signer", KeyUsage::Signing, 10), &SystemRandom).unwrap();
        let found = path(&pinned, &[], std::slice::from_ref(&pinned)).unwrap();
        assert_eq!(found.certificates(), std::slice::from_ref(&pinned));
        assert_eq!(found.links().count(), 0);
        // Renewed with the same key and name.
        let renewed = key.self_signed(&request("signer", KeyUsage::Signing, 20), &SystemRandom).unwrap();
        assert!(path(&renewed, &[], std::slice::from_ref(&pinned)).is_ok());
        let renamed = key.self_signed(&request("other", KeyUsage::Signing, 20), &SystemRandom).unwrap();
        assert_eq!(path(&renamed, &[], &[pinned]), Err(PathError::NoPath("CN=other".to_owned())));
    }

    #[test]
    fn a_path_leads_through_intermediates_in_any_order() {
        let root = root("root");
        let first = issued(&root, "first", KeyUsage::Authority, 50);
        let second = issued(&first, "second", KeyUsage::Authority, 50);
        let signer = issued(&second, "signer", KeyUsage::Signing, 50).1;
        let bag = [second.1.clone(), first.1.clone()];
        let found = path(&signer, &bag, std::slice::from_ref(&root.1)).unwrap();
        assert_eq!(found.certificates(), [signer.clone(), second.1.clone(), first.1.clone(), root.1.clone()]);
        assert_eq!(found.links().count(), 3);
        // An intermediate may be the anchor.
        assert!(path(&signer, &[], std::slice::from_ref(&second.1)).is_ok());
        let missing = path(&signer, &bag[1..], std::slice::from_ref(&root.1));
        assert_eq!(missing, Err(PathError::NoPath("CN=signer".to_owned())));
    }

    #[test]
    fn no_anchor_means_no() {
        let (_, root) = root("root");
        assert_eq!(path(&root, std::slice::from_ref(&root), &[]), Err(PathError::NoAnchor));
    }

    #[test]
    fn an_impostor_with_the_anchors_name_is_refused() {
        let (genuine, impostor) = (root("root"), root("root"));
        let signer = issued(&impostor, "signer", KeyUsage::Signing, 10).1;
        let refused = path(&signer, std::slice::from_ref(&impostor.1), std::slice::from_ref(&genuine.1));
        assert_eq!(refused, Err(PathError::Link("CN=signer".to_owned(), CertificateError::Signature)));
    }

    #[test]
    fn an_end_entity_cannot_issue() {
        let root = root("root");
        let end = issued(&root, "end", KeyUsage::Signing, 10);
        let signer = issued(&end, "signer", KeyUsage::Signing, 10).1;
        let refused = path(&signer, &[end.1], std::slice::from_ref(&root.1));
        assert_eq!(refused, Err(PathError::Link("CN=signer".to_owned(), CertificateError::NotAuthority)));
    }

    #[test]
    fn every_certificate_on_the_path_must_be_valid_now() {
        let root = root("root");
        let middle = issued(&root, "middle", KeyUsage::Authority, 5);
        let signer = issued(&middle, "signer", KeyUsage::Signing, 50).1;
        let bag = [middle.1.clone()];
        let at = |days: u32| {
            build(&signer, &bag, std::slice::from_ref(&root.1), PathRules::default(), now() + DAY * days)
        };
        assert!(at(5).is_ok());
        assert_eq!(at(6), Err(PathError::Expired("CN=middle".to_owned())));
        assert_eq!(at(51), Err(PathError::Expired("CN=signer".to_owned())));
        let early =
            build(&signer, &bag, std::slice::from_ref(&root.1), PathRules::default(), now() - DAY * 2);
        assert_eq!(early, Err(PathError::NotYetValid("CN=signer".to_owned())));
    }

    #[test]
    fn a_signer_must_be_permitted_to_sign_and_strong() {
        let root = root("root");
        let wrong = issued(&root, "signer", KeyUsage::Encryption, 10).1;
        let refused = path(&wrong, &[], std::slice::from_ref(&root.1));
        assert_eq!(refused, Err(PathError::Usage("CN=signer".to_owned())));
        let weak = PrivateKey::generate(KeyKind::Rsa(2048)).unwrap();
        let weak =
            root.0.issue(&root.1, &weak, &request("weak", KeyUsage::Signing, 10), &SystemRandom).unwrap();
        let refused = path(&weak, &[], std::slice::from_ref(&root.1));
        assert_eq!(refused, Err(PathError::Key("CN=weak".to_owned(), KeyError::RsaSize(2048))));
    }

    #[test]
    fn a_ring_of_issuers_ends() {
        let (a, b) = (root("a"), root("b"));
        // a issued by b and b issued by a, neither trusted.
        let a_by_b = b.0.issue(&b.1, &a.0, &request("a", KeyUsage::Authority, 10), &SystemRandom).unwrap();
        let b_by_a = a.0.issue(&a.1, &b.0, &request("b", KeyUsage::Authority, 10), &SystemRandom).unwrap();
        let signer = issued(&a, "signer", KeyUsage::Signing, 10).1;
        let refused = path(&signer, &[a_by_b, b_by_a], &[root("elsewhere").1]);
        assert_eq!(refused, Err(PathError::NoPath("CN=signer".to_owned())));
    }
}
