//! From the octets of a metadata document to a [`TrustedNode`], or the reason why not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::node::{ProtocolVersion, TrustedNode, VouchedBy};
use super::path;
use super::revocation::{self, Answers, RevocationPolicy};
use crate::clock::Timestamp;
use crate::crypto::{Certificate, KeyError, KeyUsage, PublicKey};
use crate::eidas::attribute::{self, Attribute};
use crate::eidas::country::CountryCode;
use crate::eidas::loa::AssuranceLevel;
use crate::eidas::quirk::Quirks;
use crate::saml::ReadError;
use crate::saml::metadata::{EntityDescriptor, IdpSsoDescriptor, KeyUse, Role};
use crate::saml::names::{
    APPLICATION_IDENTIFIER, ASSURANCE_CERTIFICATION, CATEGORY_REQUESTER_ID, ENTITY_CATEGORY, HTTP_POST,
    PROTOCOL, PROTOCOL_VERSION,
};
use crate::xml::dsig::{self, ReferenceRule};
use crate::xml::{Document, Element, Limits, PinError, Pinned, Verified};

/// What the operator configured for one country.
#[derive(Clone, Debug)]
pub struct CountryTrust {
    /// The country; its node's metadata must say the same.
    pub country: CountryCode,
    /// The entityID expected, if configured: it chooses one entity of an aggregate.
    pub entity_id: Option<String>,
    /// Pinned certificates: the very signer of metadata (or another certificate of its key), or an authority
    /// that issued the signer.
    pub anchors: Vec<Certificate>,
    /// Deviations of the country.
    pub quirks: Quirks,
    /// Accepts certificates that their issuer signed with PKCS#1 v1.5 and SHA-2. Cryptographic Requirements
    /// 1.4 §3.5.1 want PSS or ECDSA; most certificates in use are not so. Says nothing of XML signatures.
    pub accept_pkcs1_certificates: bool,
    /// SHA-256 of the one document that is believed, signed or not: the German middleware's, which is
    /// unsigned by specification (Interoperability Architecture 1.4 §6.3). Then no anchor counts.
    pub pinned: Option<[u8; 32]>,
    /// What becomes of the country while nobody says whether its certificates were revoked.
    pub revocation: RevocationPolicy,
    /// Whether a person approves what [`is_trust`](super::lifecycle::Change::is_trust) before it counts.
    pub review: bool,
    /// The entities that MetadataServiceLists give to countries: none of them counts for another country.
    pub claims: Arc<BTreeMap<String, CountryCode>>,
}

impl CountryTrust {
    /// Trust in what these anchors vouch for, with nothing special about the country.
    #[must_use]
    pub fn new(country: CountryCode, anchors: Vec<Certificate>) -> Self {
        Self {
            country,
            entity_id: None,
            anchors,
            quirks: Quirks::default(),
            accept_pkcs1_certificates: false,
            pinned: None,
            revocation: RevocationPolicy::default(),
            review: false,
            claims: Arc::default(),
        }
    }
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

/// Judges a metadata document while nothing is known of revocation.
///
/// # Errors
/// As [`check_with`].
pub fn check(metadata: &[u8], trust: &CountryTrust, now: Timestamp) -> Result<TrustedNode, TrustRefusal> {
    check_with(metadata, trust, &Answers::default(), now)
}

/// Judges a metadata document: signature, signer, revocation, country, validity, and whether there is what
/// we need.
///
/// # Errors
/// [`TrustRefusal`] names the first rule that it breaks.
pub fn check_with(
    metadata: &[u8],
    trust: &CountryTrust,
    answers: &Answers,
    now: Timestamp,
) -> Result<TrustedNode, TrustRefusal> {
    let wanted = trust.entity_id.as_deref();
    let mut warnings = Vec::new();
    let (read, vouched_by) = if let Some(digest) = &trust.pinned {
        let pinned = Pinned::parse(metadata, &Limits::METADATA, digest).map_err(|error| match error {
            PinError::Digest { .. } => refuse("pin_mismatch", error.to_string()),
            PinError::Parse(error) => refuse("metadata_malformed", error.to_string()),
        })?;
        (EntityDescriptor::read(&pinned, wanted), VouchedBy::PinnedFile(*digest))
    } else {
        let document = Document::parse(metadata, &Limits::METADATA).map_err(refusal("metadata_malformed"))?;
        let (verified, path) = signed(document.root(), trust, now)?;
        warnings.extend(revocation::decide(&path, trust.revocation, answers, now)?);
        (EntityDescriptor::read(&verified, wanted), VouchedBy::Path(path))
    };
    let entity = read.map_err(|error| refuse(structure_code(&error), error.to_string()))?;
    if let Some(other) = trust.claims.get(&entity.entity_id).filter(|other| **other != trust.country) {
        let detail = format!("{} belongs to {other}, as a list says", entity.entity_id);
        return Err(refuse("entity_of_another_country", detail));
    }
    let Role::Idp(role) = &entity.role else {
        return Err(refuse("not_a_service", "the entity is no eIDAS-Service: it has no IDPSSODescriptor"));
    };
    same_country(role, trust.country)?;
    let valid_until = valid(&entity, now)?;
    speaks_saml(role)?;
    let sso_post = post_location(role)?;
    if !entity.entity_id.starts_with("https://") {
        warnings.push("the entityID is no https address".to_owned());
    }
    let signing = signing_keys(role, now, &mut warnings)?;
    let categories = entity.entity_attribute(ENTITY_CATEGORY);
    let versions = entity.entity_attribute(PROTOCOL_VERSION);
    Ok(TrustedNode {
        country: trust.country,
        sso_post,
        signing,
        loas: levels(&entity, &trust.quirks, &mut warnings)?,
        attributes: published_attributes(role),
        name_id_formats: role.common.name_id_formats.clone(),
        requires_requester_id: categories.contains(&CATEGORY_REQUESTER_ID),
        protocol_versions: versions.into_iter().filter_map(ProtocolVersion::parse).collect(),
        application_identifier: entity
            .entity_attribute(APPLICATION_IDENTIFIER)
            .first()
            .map(|s| (*s).to_owned()),
        valid_until,
        cache_duration: entity.cache_duration,
        vouched_by,
        warnings,
        quirks: trust.quirks.clone(),
        entity_id: entity.entity_id,
    })
}

/// The content that an anchor's signer signed, and the path to the signer, who comes first.
pub(super) fn signed(
    root: &Element,
    trust: &CountryTrust,
    now: Timestamp,
) -> Result<(Verified, Vec<Certificate>), TrustRefusal> {
    // The first certificate is the signer's, as nodes write it. It is a claim until an anchor vouches for it.
    let claimed = dsig::key_info(root).map_err(refusal("metadata_signature"))?;
    let Some((signer, chain)) = claimed.split_first() else {
        return Err(refuse("signer_missing", "the metadata signature holds no certificate"));
    };
    let path = path::vouched(signer, chain, trust, now)?;
    let key = signer.public_key().map_err(refusal("signer_key"))?;
    let verified =
        dsig::verify(root, &[key], ReferenceRule::OwnIdOrWhole).map_err(refusal("metadata_signature"))?;
    Ok((verified, path))
}

fn structure_code(error: &ReadError) -> &'static str {
    match error {
        ReadError::OtherEntity(_) => "entity_mismatch",
        ReadError::NoEntity => "entity_missing",
        ReadError::SeveralEntities => "entity_not_chosen",
        ReadError::DuplicateEntity => "entity_duplicate",
        _ => "metadata_structure",
    }
}

/// Decision D13: without this, the anchor of any member state could speak for any other.
fn same_country(role: &IdpSsoDescriptor, configured: CountryCode) -> Result<(), TrustRefusal> {
    let Some(text) = role.common.node_country.as_deref() else {
        return Err(refuse("country_missing", "the metadata names no NodeCountry"));
    };
    match CountryCode::parse(text) {
        Some(country) if country == configured => Ok(()),
        Some(country) => Err(refuse(
            "country_mismatch",
            format!("the metadata is of {country}, configured is {configured}"),
        )),
        None => Err(refuse("country_malformed", format!("{text:?} is no country code"))),
    }
}

/// Message Format 1.4 §2.1.1: `validUntil` must be there; and a node is revoked by letting it lapse.
fn valid(entity: &EntityDescriptor, now: Timestamp) -> Result<Timestamp, TrustRefusal> {
    match entity.valid_until {
        None => Err(refuse("valid_until_missing", "the metadata does not say until when it is valid")),
        Some(until) if now < until => Ok(until),
        Some(until) => Err(refuse("metadata_expired", format!("the metadata was valid until {until}"))),
    }
}

fn speaks_saml(role: &IdpSsoDescriptor) -> Result<(), TrustRefusal> {
    if role.common.protocols.iter().any(|protocol| protocol == PROTOCOL) {
        return Ok(());
    }
    Err(refuse("protocol", "the role does not support the SAML 2.0 protocol"))
}

/// Where requests are posted: the first address for it, if there are several. Plain http is for machines that talk to themselves.
fn post_location(role: &IdpSsoDescriptor) -> Result<String, TrustRefusal> {
    let Some(service) = role.single_sign_on_services.iter().find(|service| service.binding == HTTP_POST)
    else {
        return Err(refuse("no_post_binding", "the metadata has no SingleSignOnService for HTTP-POST"));
    };
    let location = &service.location;
    if location.starts_with("https://") || is_loopback(location) {
        return Ok(location.clone());
    }
    Err(refuse("sso_not_https", "the SingleSignOnService is no https address"))
}

/// Whether an http address is this machine itself, by a name that cannot be anything else (RFC 6761 §6.3).
fn is_loopback(address: &str) -> bool {
    let Some(rest) = address.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => host,
        _ => authority,
    };
    host == "localhost" || host.ends_with(".localhost") || host == "127.0.0.1" || host == "[::1]"
}

/// The keys declared for signing that are strong enough and whose certificate is valid. A weak or expired one
/// is left out, not a reason to refuse the rest; but one must remain, or the first of them is the reason.
fn signing_keys(
    role: &IdpSsoDescriptor,
    now: Timestamp,
    warnings: &mut Vec<String>,
) -> Result<Vec<(Certificate, PublicKey)>, TrustRefusal> {
    let encryption: Vec<&[u8]> =
        role.common.certificates(KeyUse::Encryption).map(Certificate::spki).collect();
    let mut keys = Vec::new();
    let mut left_out = Vec::new();
    for certificate in role.common.certificates(KeyUse::Signing) {
        let subject = certificate.subject();
        if !certificate.valid_at(now) {
            let (code, why) = match now < certificate.not_before() {
                true => ("key_not_yet_valid", "not valid yet"),
                false => ("key_expired", "expired"),
            };
            left_out.push((code, format!("left out, {why}: signing certificate {subject}")));
            continue;
        }
        if !certificate.permits(KeyUsage::Signing) {
            warnings.push(format!("the keyUsage of {subject} does not name digital signatures"));
        }
        if encryption.contains(&certificate.spki()) {
            warnings.push(format!("the key of {subject} is published for encryption as well"));
        }
        match certificate.public_key() {
            Ok(key) => keys.push((certificate.clone(), key)),
            Err(error) => {
                let code = match error {
                    KeyError::RsaSize(_) => "key_size",
                    KeyError::Curve => "key_curve",
                    _ => "key_unfit",
                };
                left_out.push((code, format!("left out, {error}: signing certificate {subject}")));
            }
        }
    }
    if role.common.keys.iter().any(|key| key.usage.is_none()) {
        let message = "left out, a key that does not say what it is for (attribute use)";
        left_out.push(("key_without_use", message.to_owned()));
    }
    match left_out.first() {
        Some((code, detail)) if keys.is_empty() => Err(refuse(code, detail)),
        None if keys.is_empty() => Err(refuse("no_signing_key", "the metadata has no key for signing")),
        _ => {
            warnings.extend(left_out.into_iter().map(|(_, message)| message));
            Ok(keys)
        }
    }
}

/// The levels it publishes. None at all means any; but a list of which nothing can be understood is not that.
fn levels(
    entity: &EntityDescriptor,
    quirks: &Quirks,
    warnings: &mut Vec<String>,
) -> Result<Vec<AssuranceLevel>, TrustRefusal> {
    let mut levels = Vec::new();
    let published = entity.entity_attribute(ASSURANCE_CERTIFICATION);
    for uri in &published {
        let level = if quirks.loa_aliases {
            AssuranceLevel::from_uri_or_alias(uri)
        } else {
            AssuranceLevel::from_uri(uri)
        };
        match level {
            Some(level) => levels.push(level),
            None => warnings.push(format!("left out, not a level of assurance: {uri:?}")),
        }
    }
    if levels.is_empty() && !published.is_empty() {
        return Err(refuse("no_level", "the metadata lists levels of assurance, but none that exists"));
    }
    Ok(levels)
}

fn published_attributes(role: &IdpSsoDescriptor) -> BTreeSet<Attribute> {
    role.attributes.iter().filter_map(|published| attribute::by_name(&published.name)).collect()
}

/// Refuses with this code.
pub(in crate::eidas) fn refuse(code: &'static str, detail: impl Into<String>) -> TrustRefusal {
    TrustRefusal { code, detail: detail.into() }
}

/// Turns an error into a refusal with this code.
pub(in crate::eidas) fn refusal<E: std::fmt::Display>(code: &'static str) -> impl Fn(E) -> TrustRefusal {
    move |error| refuse(code, error.to_string())
}
