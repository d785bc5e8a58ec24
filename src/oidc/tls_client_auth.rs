//! `tls_client_auth` (RFC 8705 §2.1): a client proves who it is by a certificate that an authority issued to it, under
//! a name that it has registered.
//!
//! That the client has the key of the certificate was shown in the TLS handshake. [`judge`] runs the table of
//! [`RULES`]; there is no revocation here: a client whose key leaked is registered anew.

use super::client_certificate::ClientCertificate;
use crate::clock::Timestamp;
use crate::crypto::Certificate;
use crate::crypto::name::CertificateName;
use crate::crypto::path::{self, Path, PathError, PathRules};

/// What the certificate of a client must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The name that it was issued to.
    pub name: CertificateName,
    /// The authorities that may have issued it, themselves or through others, and those in between.
    pub authorities: Vec<Certificate>,
}

/// Why a certificate does not prove who shows it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No chain leads to an authority of the client, or something in it is not valid now.
    #[error("no authority of this client vouches for the certificate: {}", reason(.0))]
    Chain(PathError),
    /// The certificate stands among the authorities, but none of them issued it.
    #[error("the certificate is held for an authority, and was not issued by one")]
    Authority,
    /// It is not for TLS clients, or an authority in its chain may not issue such.
    #[error("the certificate is not for client authentication")]
    Usage,
    /// It was issued to somebody else.
    #[error("the certificate has another name")]
    Name,
}

/// Why there is no chain, in words that hold nothing of what the sender wrote into its certificates.
fn reason(error: &PathError) -> &'static str {
    match error {
        PathError::NoAnchor | PathError::NoPath(_) => "none of them issued it",
        PathError::Expired(_) => "it has ended, or one in its chain has",
        PathError::NotYetValid(_) => "it has not begun, or one in its chain has not",
        PathError::Key(..) => "its key, or one in its chain, is not accepted",
        PathError::Usage(_) => "its key is not for signatures",
        PathError::Critical(_) => "a critical extension is not understood",
        PathError::TooLong(_) => "the chain is longer than an authority allows",
        PathError::Link(..) => {
            "what names one of them as its issuer was not signed by it, or not in an accepted way"
        }
    }
}

/// Makes sure that `certificate` is what is `expected` of the client, at `now`.
///
/// # Errors
/// The first rule that it breaks.
pub fn judge(certificate: &ClientCertificate, expected: &Expected, now: Timestamp) -> Result<(), Fault> {
    let (own, between) = (certificate.own(), certificate.intermediates());
    // Most authorities sign by PKCS#1 v1.5.
    let rules = PathRules { allow_pkcs1: true };
    let path = path::build(own, between, &expected.authorities, rules, now).map_err(Fault::Chain)?;
    RULES.iter().try_for_each(|rule| rule(&Judged { own, expected, path: &path }))
}

/// A certificate with a chain that leads to an authority.
struct Judged<'a> {
    own: &'a Certificate,
    expected: &'a Expected,
    path: &'a Path,
}

type Rule = fn(&Judged<'_>) -> Result<(), Fault>;

/// What a certificate must be besides vouched for, in order.
const RULES: &[Rule] =
    &[an_authority_issued_it, it_is_for_client_authentication, it_has_the_name_of_the_client];

fn an_authority_issued_it(judged: &Judged<'_>) -> Result<(), Fault> {
    judged.path.links().next().map(|_| ()).ok_or(Fault::Authority)
}

/// The authority at the end was chosen by the operator, whatever it says of itself.
fn it_is_for_client_authentication(judged: &Judged<'_>) -> Result<(), Fault> {
    let mut below = judged.path.links().map(|(certificate, _)| certificate);
    if below.all(Certificate::permits_client_authentication) { Ok(()) } else { Err(Fault::Usage) }
}

fn it_has_the_name_of_the_client(judged: &Judged<'_>) -> Result<(), Fault> {
    if judged.expected.name.is_of(judged.own) { Ok(()) } else { Err(Fault::Name) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::crypto::CertificateError;
    use crate::crypto::name::DistinguishedName;
    use crate::crypto::name::tests::{Authority, CN, DNS, UTF8, Wanted};
    use crate::oidc::test_support::now;

    fn wanted() -> Wanted<'static> {
        Wanted { subject: vec![vec![(CN, UTF8, b"broker")]], life: (60, 60), ..Wanted::default() }
    }

    fn expected(authorities: &[&Authority]) -> Expected {
        let name = CertificateName::Subject(DistinguishedName::parse("CN=broker").unwrap());
        Expected { name, authorities: authorities.iter().map(|authority| authority.1.clone()).collect() }
    }

    fn run(own: &Certificate, between: &[&Authority], expected: &Expected) -> Result<(), Fault> {
        let between = between.iter().map(|authority| authority.1.clone()).collect();
        judge(&ClientCertificate::new(own.clone(), between), expected, now())
    }

    #[test]
    fn a_certificate_of_the_name_by_the_authority_is_the_clients() {
        let root = Authority::new("root", now());
        let own = root.issue(wanted(), now());
        assert_eq!(run(&own, &[], &expected(&[&root])), Ok(()));
        // A critical alternative name takes the place of a subject.
        let alternative = vec![(DNS, &b"broker.example"[..])];
        let own = root.issue(Wanted { subject: Vec::new(), alternative, ..wanted() }, now());
        let name = CertificateName::Dns("broker.example".to_owned());
        assert_eq!(run(&own, &[], &Expected { name, ..expected(&[&root]) }), Ok(()));
    }

    #[test]
    fn authorities_in_between_come_with_the_certificate_or_are_known() {
        let root = Authority::new("root", now());
        let middle = root.below("middle", now());
        let own = middle.issue(wanted(), now());
        assert_eq!(run(&own, &[&middle], &expected(&[&root])), Ok(()));
        assert_eq!(run(&own, &[], &expected(&[&root, &middle])), Ok(()));
        let nothing = PathError::NoPath("CN=broker".to_owned());
        assert_eq!(run(&own, &[], &expected(&[&root])), Err(Fault::Chain(nothing)));
    }

    #[test]
    fn another_authority_vouches_for_nothing_whatever_its_name() {
        let (root, other, same_name) =
            (Authority::new("root", now()), Authority::new("other", now()), Authority::new("root", now()));
        let broken = |authority: &Authority| {
            run(&authority.issue(wanted(), now()), &[authority], &expected(&[&root])).unwrap_err()
        };
        assert_eq!(broken(&other), Fault::Chain(PathError::NoPath("CN=broker".to_owned())));
        let signature = PathError::Link("CN=broker".to_owned(), CertificateError::Signature);
        assert_eq!(broken(&same_name), Fault::Chain(signature));
        let own = root.issue(wanted(), now());
        assert_eq!(run(&own, &[], &expected(&[])), Err(Fault::Chain(PathError::NoAnchor)));
    }

    #[test]
    fn a_certificate_counts_while_it_is_valid() {
        let root = Authority::new("root", now());
        let exactly = root.issue(Wanted { life: (0, 0), ..wanted() }, now());
        assert_eq!(run(&exactly, &[], &expected(&[&root])), Ok(()));
        let ended = root.issue(wanted(), now() - Duration::from_secs(61));
        let expired = PathError::Expired("CN=broker".to_owned());
        assert_eq!(run(&ended, &[], &expected(&[&root])), Err(Fault::Chain(expired)));
        let early = root.issue(wanted(), now() + Duration::from_secs(61));
        let early = run(&early, &[], &expected(&[&root]));
        assert_eq!(early, Err(Fault::Chain(PathError::NotYetValid("CN=broker".to_owned()))));
    }

    #[test]
    fn an_authority_is_not_its_own_client() {
        let root = Authority::new("broker", now());
        assert_eq!(
            run(&root.1, &[], &expected(&[&root])),
            Err(Fault::Chain(PathError::Usage("CN=broker".to_owned())))
        );
        // Nor is a certificate that was put among the authorities.
        let own = Authority::new("root", now()).issue(wanted(), now());
        let pinned = Expected { authorities: vec![own.clone()], ..expected(&[]) };
        assert_eq!(run(&own, &[], &pinned), Err(Fault::Authority));
    }

    #[test]
    fn a_certificate_for_something_else_is_not_for_clients() {
        let root = Authority::new("root", now());
        let with = |usage: &[&'static str]| {
            run(&root.issue(Wanted { usage: usage.to_vec(), ..wanted() }, now()), &[], &expected(&[&root]))
        };
        for good in [&[][..], &["clientAuth"], &["serverAuth", "clientAuth"], &["anyExtendedKeyUsage"]] {
            assert_eq!(with(good), Ok(()), "{good:?}");
        }
        for bad in [&["serverAuth"][..], &["emailProtection", "codeSigning"], &["1.2.3.4"]] {
            assert_eq!(with(bad), Err(Fault::Usage), "{bad:?}");
        }
    }

    #[test]
    fn a_certificate_of_another_name_is_somebody_elses() {
        let root = Authority::new("root", now());
        let subject = vec![vec![(CN, UTF8, &b"neighbour"[..])]];
        let own = root.issue(Wanted { subject, ..wanted() }, now());
        assert_eq!(run(&own, &[], &expected(&[&root])), Err(Fault::Name));
    }
}
