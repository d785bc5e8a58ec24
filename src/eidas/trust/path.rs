//! Whether an anchor of a country vouches for the signer of its metadata (Interoperability Architecture 1.4
//! §6.2 to §6.5).
//!
//! An anchor is a name and a key that the operator pinned (RFC 5280 §6.1.1): it vouches for itself without a
//! signature of its own being looked at, and for whom it issued. Revocation lists are not fetched: a node is
//! revoked by its metadata's short life, or by removing the anchor.

use super::check::{CountryTrust, TrustRefusal, refuse};
use crate::clock::Timestamp;
use crate::crypto::{Certificate, CertificateError};

/// The longest path: an anchor, two authorities between, the signer.
const MAX_STEPS: usize = 3;

/// Whether `signer` is an anchor, or there is a path from an anchor to it through `chain`.
pub(super) fn vouched(
    signer: &Certificate,
    chain: &[Certificate],
    trust: &CountryTrust,
    now: Timestamp,
) -> Result<(), TrustRefusal> {
    if trust.anchors.is_empty() {
        return Err(refuse("no_anchor", format!("no anchor is configured for {}", trust.country)));
    }
    if !signer.valid_at(now) {
        return Err(expired(signer));
    }
    if trust.anchors.iter().any(|anchor| anchor.spki() == signer.spki()) {
        return Ok(());
    }
    // Why the most promising path failed, for the operator: an old kind of signature, or an expired link.
    let mut hint = None;
    if path_to_anchor(signer, chain, trust, now, MAX_STEPS, &mut hint) {
        return Ok(());
    }
    Err(hint.unwrap_or_else(|| {
        refuse(
            "signer_unknown",
            format!(
                "no anchor of {} vouches for {} ({})",
                trust.country,
                signer.subject(),
                signer.fingerprint_hex()
            ),
        )
    }))
}

fn path_to_anchor(
    certificate: &Certificate,
    chain: &[Certificate],
    trust: &CountryTrust,
    now: Timestamp,
    steps: usize,
    hint: &mut Option<TrustRefusal>,
) -> bool {
    if steps == 0 {
        return false;
    }
    let mut issued_by =
        |issuer: &Certificate| match certificate.is_issued_by(issuer, trust.accept_pkcs1_certificates) {
            Ok(()) if !issuer.valid_at(now) => {
                *hint = Some(expired(issuer));
                false
            }
            Ok(()) => true,
            Err(error) => {
                if !matches!(error, CertificateError::OtherIssuer) {
                    let detail = format!("{} is not vouched for: {error}", certificate.subject());
                    *hint = Some(refuse("signer_path", detail));
                }
                false
            }
        };
    if trust.anchors.iter().any(&mut issued_by) {
        return true;
    }
    let issuers: Vec<&Certificate> =
        chain.iter().filter(|link| *link != certificate && issued_by(link)).collect();
    issuers.into_iter().any(|issuer| path_to_anchor(issuer, chain, trust, now, steps - 1, hint))
}

fn expired(certificate: &Certificate) -> TrustRefusal {
    refuse(
        "certificate_expired",
        format!(
            "the certificate {} is valid from {} to {}",
            certificate.subject(),
            certificate.not_before(),
            certificate.not_after()
        ),
    )
}
