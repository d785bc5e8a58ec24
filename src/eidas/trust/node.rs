//! A node whose metadata was found trustworthy, and whether it can serve a request.

use std::collections::BTreeSet;
use std::fmt;

use crate::clock::Timestamp;
use crate::crypto::{Certificate, PublicKey};
use crate::eidas::attribute::Attribute;
use crate::eidas::country::CountryCode;
use crate::eidas::kind::{SpType, SubjectKind};
use crate::eidas::loa::{AssuranceLevel, RequestedLoa};
use crate::eidas::quirk::Quirks;
use crate::eidas::request::Ask;
use crate::saml::names::NAMEID_UNSPECIFIED;

/// An eIDAS-Service that may be asked. Only [`super::check()`] makes one.
#[derive(Clone, Debug)]
pub struct TrustedNode {
    pub(super) country: CountryCode,
    pub(super) entity_id: String,
    pub(super) sso_post: String,
    pub(super) signing: Vec<(Certificate, PublicKey)>,
    pub(super) loas: Vec<AssuranceLevel>,
    pub(super) attributes: BTreeSet<Attribute>,
    pub(super) name_id_formats: Vec<String>,
    pub(super) requires_requester_id: bool,
    pub(super) protocol_versions: Vec<ProtocolVersion>,
    pub(super) application_identifier: Option<String>,
    pub(super) valid_until: Timestamp,
    pub(super) cache_duration: Option<std::time::Duration>,
    pub(super) vouched_by: VouchedBy,
    pub(super) warnings: Vec<String>,
    pub(super) quirks: Quirks,
}

/// Why metadata is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VouchedBy {
    /// A path to an anchor of the country: the signer first, the anchor last, the same if it signed itself.
    Path(Vec<Certificate>),
    /// The operator compared this very file: its SHA-256.
    PinnedFile([u8; 32]),
}

/// A version of the set of eIDAS specifications, as in `1.4` or `1.4.1`; the patch level says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProtocolVersion {
    /// As in 1.
    pub major: u16,
    /// As in 4.
    pub minor: u16,
}

impl ProtocolVersion {
    /// Reads `major.minor` and ignores what follows.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('.');
        let mut number = || parts.next()?.parse().ok();
        Some(Self { major: number()?, minor: number()? })
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Why a node cannot serve a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// Its metadata has lapsed.
    #[error("the metadata of {0} has expired")]
    Expired(CountryCode),
    /// None of its levels is enough.
    #[error("{0} offers no level of assurance that would do")]
    Loa(CountryCode),
    /// It does not publish the minimum data set.
    #[error("{country} does not publish {missing}, so it cannot serve a {kind} person", kind = .kind.as_str())]
    MinimumDataSet {
        /// The country.
        country: CountryCode,
        /// The kind of person asked.
        kind: SubjectKind,
        /// FriendlyName of the first attribute missing.
        missing: &'static str,
    },
    /// It wants to know who a private relying party is, and that one has no RequesterID.
    #[error("{0} demands a RequesterID of private relying parties and the client has none")]
    RequesterId(CountryCode),
    /// It wants a RequesterID, but cannot read `Scoping`.
    #[error("{0} demands a RequesterID, but its quirk skip_scoping forbids sending one")]
    RequesterIdUnsendable(CountryCode),
    /// It speaks no version that we speak.
    #[error("{0} speaks no version of the eIDAS specifications that we speak")]
    ProtocolVersion(CountryCode),
}

impl TrustedNode {
    /// The country.
    #[must_use]
    pub fn country(&self) -> CountryCode {
        self.country
    }

    /// The entityID, which is also the Issuer of its responses.
    #[must_use]
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// Where requests are posted.
    #[must_use]
    pub fn sso_post(&self) -> &str {
        &self.sso_post
    }

    /// The keys that sign its responses.
    #[must_use]
    pub fn signing_keys(&self) -> Vec<PublicKey> {
        self.signing.iter().map(|(_, key)| key.clone()).collect()
    }

    /// The keys that sign its responses and whose certificates are valid at `now`.
    #[must_use]
    pub fn signing_keys_at(&self, now: Timestamp) -> Vec<PublicKey> {
        let valid = self.signing.iter().filter(|(certificate, _)| certificate.valid_at(now));
        valid.map(|(_, key)| key.clone()).collect()
    }

    /// The certificates of those keys.
    pub fn signing_certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.signing.iter().map(|(certificate, _)| certificate)
    }

    /// The levels of assurance it publishes; empty if it publishes none, which means all.
    #[must_use]
    pub fn loas(&self) -> &[AssuranceLevel] {
        &self.loas
    }

    /// The attributes it publishes.
    #[must_use]
    pub fn attributes(&self) -> &BTreeSet<Attribute> {
        &self.attributes
    }

    /// The NameID formats it publishes.
    #[must_use]
    pub fn name_id_formats(&self) -> &[String] {
        &self.name_id_formats
    }

    /// Whether it demands a RequesterID of private relying parties (Message Format 1.4 §3.4).
    #[must_use]
    pub fn requires_requester_id(&self) -> bool {
        self.requires_requester_id
    }

    /// The versions of the eIDAS specifications it publishes.
    #[must_use]
    pub fn protocol_versions(&self) -> &[ProtocolVersion] {
        &self.protocol_versions
    }

    /// Its software, as it says.
    #[must_use]
    pub fn application_identifier(&self) -> Option<&str> {
        self.application_identifier.as_deref()
    }

    /// From when on its metadata must not be used.
    #[must_use]
    pub fn valid_until(&self) -> Timestamp {
        self.valid_until
    }

    /// `cacheDuration` of the metadata.
    #[must_use]
    pub fn cache_duration(&self) -> Option<std::time::Duration> {
        self.cache_duration
    }

    /// The certificate that signed the metadata; none if the operator pinned the file.
    #[must_use]
    pub fn metadata_signer(&self) -> Option<&Certificate> {
        match &self.vouched_by {
            VouchedBy::Path(path) => path.first(),
            VouchedBy::PinnedFile(_) => None,
        }
    }

    /// Why the metadata is believed.
    #[must_use]
    pub fn vouched_by(&self) -> &VouchedBy {
        &self.vouched_by
    }

    /// What an operator should know, though it stops nothing: keys that were left out, certificates about to
    /// expire, signatures of an old kind.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The country's deviations.
    #[must_use]
    pub fn quirks(&self) -> &Quirks {
        &self.quirks
    }

    /// Whether the metadata is valid at `now`. Asked at every use, not only when metadata is loaded: a node is
    /// revoked by letting its metadata lapse (Interoperability Architecture 1.4 §6.2).
    #[must_use]
    pub fn usable_at(&self, now: Timestamp) -> bool {
        now < self.valid_until
    }

    /// Whether the node can serve a request like this one (time is checked by [`Self::usable_at`]).
    ///
    /// # Errors
    /// The first reason why not.
    pub fn can_serve(&self, ask: &Ask) -> Result<(), Unavailable> {
        self.speaks_our_version()?;
        self.publishes_data_set(ask.kind)?;
        self.reaches(&ask.loa)?;
        self.accepts_requester(ask)
    }

    /// The set's versions 1.1 and later differ in nothing that would stop us; a node that publishes none is
    /// taken for a current one.
    fn speaks_our_version(&self) -> Result<(), Unavailable> {
        let ours = |version: &ProtocolVersion| version.major == 1 && version.minor >= 1;
        match self.protocol_versions.as_slice() {
            [] => Ok(()),
            versions if versions.iter().any(ours) => Ok(()),
            _ => Err(Unavailable::ProtocolVersion(self.country)),
        }
    }

    /// Message Format 1.4 §2.3.2: a Service without the mandatory attributes of a kind cannot be asked for it.
    fn publishes_data_set(&self, kind: SubjectKind) -> Result<(), Unavailable> {
        match Attribute::mandatory(kind).find(|attribute| !self.attributes.contains(attribute)) {
            None => Ok(()),
            Some(missing) => Err(Unavailable::MinimumDataSet {
                country: self.country,
                kind,
                missing: missing.friendly_name(),
            }),
        }
    }

    /// Any published level that satisfies the demand will do, not just the very level demanded.
    fn reaches(&self, demand: &RequestedLoa) -> Result<(), Unavailable> {
        if self.loas.is_empty() || self.loas.iter().any(|level| demand.admits(level)) {
            return Ok(());
        }
        Err(Unavailable::Loa(self.country))
    }

    fn accepts_requester(&self, ask: &Ask) -> Result<(), Unavailable> {
        let demanded = self.requires_requester_id && ask.sp_type == SpType::Private;
        match (demanded, &ask.requester_id, self.quirks.skip_scoping) {
            (false, _, _) | (true, Some(_), false) => Ok(()),
            (true, None, _) => Err(Unavailable::RequesterId(self.country)),
            (true, Some(_), true) => Err(Unavailable::RequesterIdUnsendable(self.country)),
        }
    }

    /// Whether the node takes `unspecified` as a NameIDPolicy.
    pub(crate) fn takes_unspecified(&self) -> bool {
        self.name_id_formats.is_empty() || self.name_id_formats.iter().any(|f| f == NAMEID_UNSPECIFIED)
    }
}
