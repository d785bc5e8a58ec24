//! The life of a node's metadata, as decisions: when to look again, what a new document changes in trust,
//! and what is about to expire. The loops that act on them are in `jobs`.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::{TrustedNode, VouchedBy};
use crate::clock::Timestamp;
use crate::crypto::{Certificate, hash};

/// Never look more often than this.
const FLOOR: Duration = Duration::from_secs(60);
/// Look at least this often.
const CAP: Duration = Duration::from_secs(24 * 3600);
/// Without `cacheDuration`, look this often.
const DEFAULT: Duration = Duration::from_secs(3600);
/// Wait this long after a failure, doubled with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(60);
/// Wait at most this long after a failure.
const LAST_RETRY: Duration = Duration::from_secs(3600);
/// At least this long between two refreshes outside the schedule (a response bore an unknown key).
pub const OUT_OF_BAND: Duration = Duration::from_secs(60);

/// How long to wait until the next refresh: `cacheDuration`, or half of the time to `validUntil` if that is
/// sooner, never less than a minute or more than a day. `jitter` (0 to 255) takes away up to a tenth, so
/// that thirty countries and several instances do not ask all at once.
#[must_use]
pub fn next_refresh(node: &TrustedNode, now: Timestamp, jitter: u8) -> Duration {
    refresh_within(node.cache_duration, node.valid_until, now, jitter)
}

/// The same for a document of any kind, by what it says of its life.
#[must_use]
pub fn refresh_within(
    cache_duration: Option<Duration>,
    valid_until: Timestamp,
    now: Timestamp,
    jitter: u8,
) -> Duration {
    let half_life = valid_until.since(now) / 2;
    let wait = cache_duration.unwrap_or(DEFAULT).min(half_life).clamp(FLOOR, CAP);
    wait - wait / 10 * u32::from(jitter) / 255
}

/// How long to wait after `failures` refreshes that failed in a row: a minute, then twice as long each time,
/// at most an hour.
#[must_use]
pub fn retry_after(failures: u32, jitter: u8) -> Duration {
    let wait = FIRST_RETRY.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LAST_RETRY);
    wait - wait / 10 * u32::from(jitter) / 255
}

/// One difference between what is trusted and what would be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The node has another name.
    EntityId {
        /// Until now.
        from: String,
        /// From now on.
        to: String,
    },
    /// Citizens would be sent elsewhere.
    SsoPost {
        /// Until now.
        from: String,
        /// From now on.
        to: String,
    },
    /// Other metadata signer: subject and SHA-256.
    MetadataSigner {
        /// Until now.
        from: String,
        /// From now on.
        to: String,
    },
    /// Responses signed with this certificate would be accepted.
    SigningKeyAdded(String),
    /// Responses signed with this certificate would no longer be accepted.
    SigningKeyRemoved(String),
    /// A level of assurance appeared.
    LoaAdded(String),
    /// A level of assurance vanished.
    LoaRemoved(String),
    /// An attribute appeared.
    AttributeAdded(&'static str),
    /// An attribute vanished.
    AttributeRemoved(&'static str),
    /// Whether private relying parties need a RequesterID.
    RequesterId {
        /// From now on.
        required: bool,
    },
    /// The new document lapses before the one it would replace, although it differs: an old document may
    /// have been played back.
    Rollback {
        /// `validUntil` of the trusted one.
        from: Timestamp,
        /// `validUntil` of the new one.
        to: Timestamp,
    },
}

impl Change {
    /// Whether it changes whom is believed or where citizens are sent: what `review = true` makes a person
    /// approve.
    #[must_use]
    pub fn is_trust(&self) -> bool {
        matches!(
            self,
            Self::EntityId { .. }
                | Self::SsoPost { .. }
                | Self::MetadataSigner { .. }
                | Self::SigningKeyAdded(_)
        )
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EntityId { from, to } => write!(f, "the node would be called {to}, until now {from}"),
            Self::SsoPost { from, to } => write!(f, "citizens would be sent to {to}, until now {from}"),
            Self::MetadataSigner { from, to } => {
                write!(f, "the metadata would be vouched for by {to}, until now {from}")
            }
            Self::SigningKeyAdded(key) => write!(f, "responses signed by {key} would be accepted"),
            Self::SigningKeyRemoved(key) => {
                write!(f, "responses signed by {key} would no longer be accepted")
            }
            Self::LoaAdded(uri) => write!(f, "the level {uri} would be offered"),
            Self::LoaRemoved(uri) => write!(f, "the level {uri} would no longer be offered"),
            Self::AttributeAdded(name) => write!(f, "the attribute {name} would be available"),
            Self::AttributeRemoved(name) => write!(f, "the attribute {name} would no longer be available"),
            Self::RequesterId { required: true } => {
                f.write_str("private relying parties would need a RequesterID")
            }
            Self::RequesterId { required: false } => {
                f.write_str("private relying parties would no longer need a RequesterID")
            }
            Self::Rollback { from, to } => {
                write!(
                    f,
                    "the new document is valid until {to} only, the trusted one until {from}: is it an old one?"
                )
            }
        }
    }
}

/// What would change if `new` took the place of `old`. Nothing, if it says the same for longer.
#[must_use]
pub fn changes(old: &TrustedNode, new: &TrustedNode) -> Vec<Change> {
    let mut found = Vec::new();
    if old.entity_id != new.entity_id {
        found.push(Change::EntityId { from: old.entity_id.clone(), to: new.entity_id.clone() });
    }
    if old.sso_post != new.sso_post {
        found.push(Change::SsoPost { from: old.sso_post.clone(), to: new.sso_post.clone() });
    }
    let key = |node| TrustedNode::metadata_signer(node).map(Certificate::spki);
    if key(old) != key(new) || (key(old).is_none() && old.vouched_by != new.vouched_by) {
        let (from, to) = (voucher(old), voucher(new));
        found.push(Change::MetadataSigner { from, to });
    }
    let certificates = |node: &TrustedNode| -> BTreeSet<String> {
        node.signing.iter().map(|(certificate, _)| describe(certificate)).collect()
    };
    let (before, after) = (certificates(old), certificates(new));
    found.extend(after.difference(&before).cloned().map(Change::SigningKeyAdded));
    found.extend(before.difference(&after).cloned().map(Change::SigningKeyRemoved));
    let levels = |node: &TrustedNode| -> BTreeSet<String> {
        node.loas.iter().map(|level| level.uri().to_owned()).collect()
    };
    let (before, after) = (levels(old), levels(new));
    found.extend(after.difference(&before).cloned().map(Change::LoaAdded));
    found.extend(before.difference(&after).cloned().map(Change::LoaRemoved));
    let added = new.attributes.difference(&old.attributes);
    found.extend(added.map(|a| Change::AttributeAdded(a.friendly_name())));
    let removed = old.attributes.difference(&new.attributes);
    found.extend(removed.map(|a| Change::AttributeRemoved(a.friendly_name())));
    if old.requires_requester_id != new.requires_requester_id {
        found.push(Change::RequesterId { required: new.requires_requester_id });
    }
    if !found.is_empty() && new.valid_until < old.valid_until {
        found.push(Change::Rollback { from: old.valid_until, to: new.valid_until });
    }
    found
}

/// How near an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nearness {
    /// Within 60 days.
    Days60,
    /// Within 30 days.
    Days30,
    /// Within 7 days.
    Days7,
    /// It is over.
    Over,
}

impl Nearness {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Days60 => "within 60 days",
            Self::Days30 => "within 30 days",
            Self::Days7 => "within 7 days",
            Self::Over => "over",
        }
    }

    /// How near `end` is, if it is within 60 days.
    #[must_use]
    pub fn of(end: Timestamp, now: Timestamp) -> Option<Self> {
        const DAY: Duration = Duration::from_secs(86_400);
        let left = end.since(now);
        match left {
            Duration::ZERO => Some(Self::Over),
            _ if left <= DAY * 7 => Some(Self::Days7),
            _ if left <= DAY * 30 => Some(Self::Days30),
            _ if left <= DAY * 60 => Some(Self::Days60),
            _ => None,
        }
    }
}

/// A certificate that ends soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// What it is for: `trust anchor`, `metadata signer`, `signing certificate`.
    pub role: &'static str,
    /// Which one: subject and SHA-256.
    pub certificate: String,
    /// When it ends.
    pub end: Timestamp,
    /// How near that is.
    pub nearness: Nearness,
}

impl Expiry {
    /// The expiry of `certificate`, if it ends within 60 days.
    #[must_use]
    pub fn of(role: &'static str, certificate: &Certificate, now: Timestamp) -> Option<Self> {
        let end = certificate.not_after();
        let nearness = Nearness::of(end, now)?;
        Some(Self { role, certificate: describe(certificate), end, nearness })
    }

    /// The expiry of the metadata of `node`, if it ends within 60 days. That is bad news only if somebody has
    /// to replace it by hand.
    #[must_use]
    pub fn of_document(node: &TrustedNode, now: Timestamp) -> Option<Self> {
        let nearness = Nearness::of(node.valid_until, now)?;
        Some(Self { role: "metadata", certificate: node.entity_id.clone(), end: node.valid_until, nearness })
    }
}

/// The certificates of a country that end within 60 days, the soonest first: an operator hears of them
/// weeks before a login fails.
#[must_use]
pub fn expiries(node: Option<&TrustedNode>, anchors: &[Certificate], now: Timestamp) -> Vec<Expiry> {
    let mut found: Vec<Expiry> = certificates(node, anchors)
        .filter_map(|(role, certificate)| Expiry::of(role, certificate, now))
        .collect();
    found.sort_by_key(|expiry| expiry.end);
    found
}

/// All certificates of a country, each with what it is for.
pub fn certificates<'a>(
    node: Option<&'a TrustedNode>,
    anchors: &'a [Certificate],
) -> impl Iterator<Item = (&'static str, &'a Certificate)> {
    let anchors = anchors.iter().map(|anchor| ("trust anchor", anchor));
    let signer = node.and_then(TrustedNode::metadata_signer).map(|signer| ("metadata signer", signer));
    let signing = node.into_iter().flat_map(|node| &node.signing);
    anchors.chain(signer).chain(signing.map(|(certificate, _)| ("signing certificate", certificate)))
}

fn voucher(node: &TrustedNode) -> String {
    match &node.vouched_by {
        VouchedBy::Path(path) => path.first().map(describe).unwrap_or_default(),
        VouchedBy::PinnedFile(digest) => {
            format!("the pinned file with the SHA-256 {}", hash::hex(digest))
        }
    }
}

fn describe(certificate: &Certificate) -> String {
    format!("{} (SHA-256 {})", certificate.subject(), certificate.fingerprint_hex())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{CertificateRequest, Curve, KeyKind, KeyUsage, PrivateKey};
    use crate::eidas::attribute;
    use crate::eidas::{AssuranceLevel, CountryCode, Loa, Quirks};
    use crate::ids::SystemRandom;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(86_400);

    fn now() -> Timestamp {
        Timestamp::from_unix(1_763_722_800)
    }

    fn certificate(name: &str, days: u32) -> Certificate {
        let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
        let request = CertificateRequest {
            common_name: name.to_owned(),
            organization: None,
            country: None,
            not_before: now() - DAY,
            not_after: now() + DAY * days,
            usage: KeyUsage::Signing,
        };
        key.self_signed(&request, &SystemRandom).unwrap()
    }

    fn node() -> TrustedNode {
        let signing = certificate("signing", 100);
        TrustedNode {
            country: CountryCode::parse("XA").unwrap(),
            entity_id: "https://a/metadata".to_owned(),
            sso_post: "https://a/sso".to_owned(),
            signing: vec![(signing.clone(), signing.public_key().unwrap())],
            loas: vec![AssuranceLevel::Notified(Loa::High)],
            attributes: attribute::by_name(
                "http://eidas.europa.eu/attributes/naturalperson/PersonIdentifier",
            )
            .into_iter()
            .collect(),
            name_id_formats: Vec::new(),
            requires_requester_id: false,
            protocol_versions: Vec::new(),
            application_identifier: None,
            valid_until: now() + DAY,
            cache_duration: None,
            vouched_by: VouchedBy::Path(vec![certificate("metadata", 100)]),
            warnings: Vec::new(),
            quirks: Quirks::default(),
        }
    }

    #[test]
    fn the_next_refresh_is_the_sooner_of_cache_duration_and_half_life() {
        let with = |valid: Duration, cache: Option<Duration>| {
            next_refresh(
                &TrustedNode { valid_until: now() + valid, cache_duration: cache, ..node() },
                now(),
                0,
            )
        };
        assert_eq!(with(DAY, None), HOUR);
        assert_eq!(with(DAY, Some(HOUR * 6)), HOUR * 6);
        assert_eq!(with(HOUR * 4, Some(HOUR * 6)), HOUR * 2);
        assert_eq!(with(DAY * 30, Some(DAY * 10)), DAY);
        assert_eq!(with(Duration::from_secs(10), None), FLOOR);
        assert_eq!(with(Duration::ZERO, Some(HOUR)), FLOOR);
        assert_eq!(next_refresh(&node(), now(), 255), HOUR - HOUR / 10);
    }

    #[test]
    fn failures_are_retried_ever_less_often() {
        let waits: Vec<u64> = (1..9).map(|n| retry_after(n, 0).as_secs() / 60).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(retry_after(u32::MAX, 0), LAST_RETRY);
    }

    #[test]
    fn the_same_for_longer_is_no_change() {
        let (old, mut new) = (node(), node());
        new.signing = old.signing.clone();
        new.vouched_by = old.vouched_by.clone();
        new.valid_until = old.valid_until + DAY;
        assert_eq!(changes(&old, &new), []);
        // Nor is the same for a shorter time: the node was restarted, or asked another of its instances.
        new.valid_until = old.valid_until - HOUR;
        assert_eq!(changes(&old, &new), []);
    }

    #[test]
    fn every_difference_is_told_and_those_in_trust_are_marked() {
        let old = node();
        let mut new = node();
        new.sso_post = "https://b/sso".to_owned();
        new.entity_id = "https://b/metadata".to_owned();
        new.loas = vec![AssuranceLevel::Notified(Loa::Low)];
        new.attributes = attribute::by_name("http://eidas.europa.eu/attributes/naturalperson/Gender")
            .into_iter()
            .collect();
        new.requires_requester_id = true;
        new.valid_until = old.valid_until - HOUR;
        let found = changes(&old, &new);
        let trust = found.iter().filter(|change| change.is_trust()).count();
        // entityID, address, metadata signer, one key added.
        assert_eq!(trust, 4);
        assert_eq!(found.len(), 11);
        let words: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(words[1], "citizens would be sent to https://b/sso, until now https://a/sso");
        assert!(
            words
                .contains(&"the level http://eidas.europa.eu/LoA/high would no longer be offered".to_owned())
        );
        assert!(words.contains(&"private relying parties would need a RequesterID".to_owned()));
        assert!(matches!(found.last(), Some(Change::Rollback { .. })));
    }

    #[test]
    fn expiry_is_told_60_30_and_7_days_ahead() {
        for (days, expected) in [
            (61, None),
            (60, Some(Nearness::Days60)),
            (30, Some(Nearness::Days30)),
            (7, Some(Nearness::Days7)),
            (0, Some(Nearness::Over)),
        ] {
            assert_eq!(Nearness::of(now() + DAY * days, now()), expected, "{days}");
        }
        let anchor = certificate("anchor", 20);
        let found = expiries(Some(&node()), std::slice::from_ref(&anchor), now());
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].role, found[0].nearness), ("trust anchor", Nearness::Days30));
    }
}
