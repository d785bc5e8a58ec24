//! The countries as they are now: for each one either a trusted node, or why there is none. A snapshot;
//! whoever refreshes metadata replaces it as a whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::failure::Failure;
use crate::clock::Timestamp;
use crate::eidas::trust::Unavailable;
use crate::eidas::{Ask, CountryCode, TrustedNode};

/// All countries that the deployment knows.
#[derive(Clone, Debug, Default)]
pub struct Countries(BTreeMap<CountryCode, Entry>);

/// One country.
#[derive(Clone, Debug)]
pub enum Entry {
    /// Its node's metadata is trusted. Whether it still is when used is asked then.
    Trusted(Arc<TrustedNode>),
    /// There is no trusted metadata; the reason is for the operator's log.
    Untrusted(String),
}

/// A country as the citizen is shown it. One that cannot be chosen is shown too, so that nobody looks for it
/// in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The country.
    pub country: CountryCode,
    /// Why it cannot be chosen; `None` if it can.
    pub obstacle: Option<Obstacle>,
}

/// Why a country cannot be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Its metadata is not there, not trusted or no longer valid: that may change at any moment.
    OutOfReach,
    /// Its node cannot serve this request (Interoperability Architecture 1.4 §4).
    Unable(Unavailable),
}

impl Countries {
    /// The snapshot of these entries.
    pub fn new(entries: impl IntoIterator<Item = (CountryCode, Entry)>) -> Self {
        Self(entries.into_iter().collect())
    }

    /// Every entry, in the order of codes.
    pub fn iter(&self) -> impl Iterator<Item = (CountryCode, &Entry)> {
        self.0.iter().map(|(country, entry)| (*country, entry))
    }

    /// The trusted node of `country`, if it may be used at `now`.
    ///
    /// # Errors
    /// [`Failure::CountryUnknown`] or [`Failure::CountryUnavailable`].
    pub fn node(&self, country: CountryCode, now: Timestamp) -> Result<&Arc<TrustedNode>, Failure> {
        match self.0.get(&country) {
            None => Err(Failure::CountryUnknown),
            Some(Entry::Trusted(node)) if node.usable_at(now) => Ok(node),
            Some(_) => Err(Failure::CountryUnavailable),
        }
    }

    /// Every country and whether the citizen may choose it for `ask`, by English name.
    pub(crate) fn offers(&self, ask: &Ask, now: Timestamp) -> Vec<Offer> {
        let obstacle = |entry: &Entry| match entry {
            Entry::Trusted(node) if node.usable_at(now) => node.can_serve(ask).err().map(Obstacle::Unable),
            Entry::Trusted(_) | Entry::Untrusted(_) => Some(Obstacle::OutOfReach),
        };
        let mut offers: Vec<_> =
            self.iter().map(|(country, entry)| Offer { country, obstacle: obstacle(entry) }).collect();
        offers.sort_by_key(|offer| offer.country.english_name());
        offers
    }

    /// The node of the country that was chosen for `ask`.
    ///
    /// # Errors
    /// As [`Self::node`], and [`Failure::CountryUnable`].
    pub(crate) fn choose(
        &self,
        country: CountryCode,
        ask: &Ask,
        now: Timestamp,
    ) -> Result<&Arc<TrustedNode>, Failure> {
        let node = self.node(country, now)?;
        node.can_serve(ask).map_err(|_| Failure::CountryUnable)?;
        Ok(node)
    }
}
