//! Whether an anchor of a country vouches for the signer of its metadata (Interoperability Architecture 1.4
//! §6.2 to §6.5).
//!
//! An anchor is a name and a key that the operator pinned. It vouches for itself, in whatever certificate its
//! key comes, without a signature of its own being looked at; and for whom it issued. Revocation is not asked
//! for here: a node is revoked by its metadata's short life, or by removing the anchor.

use super::check::{CountryTrust, TrustRefusal, refuse};
use crate::clock::Timestamp;
use crate::crypto::Certificate;
use crate::crypto::path::{self, PathError, PathRules};

/// Whether `signer` is an anchor, or there is a path from an anchor to it through `chain`.
pub(super) fn vouched(
    signer: &Certificate,
    chain: &[Certificate],
    trust: &CountryTrust,
    now: Timestamp,
) -> Result<(), TrustRefusal> {
    let pinned = trust.anchors.iter().any(|anchor| anchor.spki() == signer.spki());
    if pinned && signer.valid_at(now) {
        return Ok(());
    }
    let rules = PathRules { allow_pkcs1: trust.accept_pkcs1_certificates };
    match path::build(signer, chain, &trust.anchors, rules, now) {
        Ok(_) => Ok(()),
        Err(error) => {
            let code = match &error {
                PathError::NoAnchor => "no_anchor",
                PathError::NoPath(_) => "signer_unknown",
                PathError::Expired(_) => "certificate_expired",
                _ => "signer_path",
            };
            Err(refuse(code, format!("{}: {error} ({})", trust.country, signer.fingerprint_hex())))
        }
    }
}
