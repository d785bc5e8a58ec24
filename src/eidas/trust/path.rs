//! Whether an anchor of a country vouches for the signer of its metadata (Interoperability Architecture 1.4
//! §6.2 to §6.5).
//!
//! An anchor is a name and a key that the operator pinned. It vouches for itself, in whatever certificate its
//! key comes, without a signature of its own being looked at; and for whom it issued. Whether anything on the
//! path was revoked is decided in [`super::revocation`].

use super::check::{CountryTrust, TrustRefusal, refuse};
use crate::clock::Timestamp;
use crate::crypto::path::{self, PathError, PathRules};
use crate::crypto::{Certificate, CertificateError};

/// The path from `signer` to an anchor, through `chain` if need be: the signer first. Alone if it is pinned.
pub(super) fn vouched(
    signer: &Certificate,
    chain: &[Certificate],
    trust: &CountryTrust,
    now: Timestamp,
) -> Result<Vec<Certificate>, TrustRefusal> {
    let pinned = trust.anchors.iter().any(|anchor| anchor.spki() == signer.spki());
    if pinned && signer.valid_at(now) {
        return Ok(vec![signer.clone()]);
    }
    let rules = PathRules { allow_pkcs1: trust.accept_pkcs1_certificates };
    match path::build(signer, chain, &trust.anchors, rules, now) {
        Ok(path) => Ok(path.certificates().to_vec()),
        Err(error) => {
            let detail = format!("{}: {error} ({})", trust.country, signer.fingerprint_hex());
            Err(refuse(code(&error), detail))
        }
    }
}

fn code(error: &PathError) -> &'static str {
    match error {
        PathError::NoAnchor => "no_anchor",
        PathError::NoPath(_) => "signer_unknown",
        PathError::Expired(_) => "certificate_expired",
        PathError::NotYetValid(_) => "certificate_not_yet_valid",
        PathError::Key(..) => "signer_key",
        PathError::Usage(_) => "signer_usage",
        PathError::Link(_, CertificateError::Algorithm(_)) => "certificate_algorithm",
        PathError::Critical(_) | PathError::TooLong(_) | PathError::Link(..) => "signer_path",
    }
}
