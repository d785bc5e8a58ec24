//! From the octets of a metadata document to a [`TrustedNode`], or the reason why not.

use super::node::TrustedNode;
use crate::clock::Timestamp;
use crate::crypto::Certificate;
use crate::eidas::country::CountryCode;
use crate::eidas::quirk::Quirks;

/// What the operator configured for one country.
#[derive(Clone, Debug)]
pub struct CountryTrust {
    /// The country; its node's metadata must say the same.
    pub country: CountryCode,
    /// The entityID expected, if configured: it chooses one entity of an aggregate.
    pub entity_id: Option<String>,
    /// Pinned certificates: the very signer of metadata, or an authority that issued the signer.
    pub anchors: Vec<Certificate>,
    /// Deviations of the country.
    pub quirks: Quirks,
    /// Accepts certificates that their issuer signed with PKCS#1 v1.5 and SHA-2. Cryptographic Requirements
    /// 1.4 §3.5.1 want PSS or ECDSA; most certificates in use are not so. Says nothing of XML signatures.
    pub accept_pkcs1_certificates: bool,
}

/// Why metadata is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct TrustRefusal {
    /// A stable word: `country_mismatch`.
    pub code: &'static str,
    /// What exactly was wrong.
    pub detail: String,
}

/// Judges a metadata document.
///
/// # Errors
/// [`TrustRefusal`] names the first rule that it breaks.
pub fn check(metadata: &[u8], trust: &CountryTrust, now: Timestamp) -> Result<TrustedNode, TrustRefusal> {
    let _ = (metadata, now);
    Err(TrustRefusal { code: "in_the_making", detail: trust.country.to_string() })
}
