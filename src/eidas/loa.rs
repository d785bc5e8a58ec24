//! Levels of assurance: what a person's login was worth, and what a request demands of it.
//!
//! Three levels are notified and ordered. Everything else is a URI that only ever equals itself
//! (Message Format 1.4 §2.4.1 and §3.1, Interoperability Architecture 1.4 §5 step 7).

use serde::{Deserialize, Serialize};

/// A notified level of assurance, in rising order (Regulation (EU) 910/2014 Art 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Loa {
    /// Limited confidence.
    Low,
    /// Substantial confidence.
    Substantial,
    /// High confidence.
    High,
}

impl Loa {
    /// All levels, in rising order.
    pub const ALL: [Self; 3] = [Self::Low, Self::Substantial, Self::High];

    /// The URI in `AuthnContextClassRef`.
    #[must_use]
    pub fn uri(self) -> &'static str {
        match self {
            Self::Low => "http://eidas.europa.eu/LoA/low",
            Self::Substantial => "http://eidas.europa.eu/LoA/substantial",
            Self::High => "http://eidas.europa.eu/LoA/high",
        }
    }

    /// `low`, `substantial` or `high`.
    #[must_use]
    pub fn short(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Substantial => "substantial",
            Self::High => "high",
        }
    }

    /// The level with this URI, compared octet by octet.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.uri() == uri)
    }

    /// The level with this short name.
    #[must_use]
    pub fn from_short(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.short() == name)
    }
}

/// The level that a response states.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AssuranceLevel {
    /// One of the three notified levels.
    Notified(Loa),
    /// A level of a scheme that is not notified: a URI without order.
    NonNotified(String),
}

/// What is not a level of assurance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the URI of a level of assurance")]
pub struct NotALevel;

impl AssuranceLevel {
    /// Reads the URI of a level. The prefix of the notified levels is theirs alone (Message Format 1.4
    /// §3.1), so `…/LoA/High` is nothing at all; and what is not an absolute URI (the `test` of German
    /// test cards) is nothing either.
    #[must_use]
    pub fn from_uri(uri: &str) -> Option<Self> {
        if let Some(level) = Loa::from_uri(uri) {
            return Some(Self::Notified(level));
        }
        let absolute =
            uri.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty());
        let clean = uri.chars().all(|c| c.is_ascii_graphic());
        (absolute && clean && !uri.starts_with(NOTIFIED_PREFIX)).then(|| Self::NonNotified(uri.to_owned()))
    }

    /// The URI in `AuthnContextClassRef`.
    #[must_use]
    pub fn uri(&self) -> &str {
        match self {
            Self::Notified(level) => level.uri(),
            Self::NonNotified(uri) => uri,
        }
    }

    /// The notified level, if it is one.
    #[must_use]
    pub fn notified(&self) -> Option<Loa> {
        match self {
            Self::Notified(level) => Some(*level),
            Self::NonNotified(_) => None,
        }
    }

    /// As [`Self::from_uri`], and reads the spelling `http://eidas.europa.eu/LoA/NotNotified/low` that older
    /// Swedish libraries use as the official `http://eidas.europa.eu/NotNotified/LoA/low`. Only for
    /// countries with that [quirk](super::quirk::Quirks::loa_aliases); it is never sent.
    #[must_use]
    pub(crate) fn from_uri_or_alias(uri: &str) -> Option<Self> {
        match uri.strip_prefix("http://eidas.europa.eu/LoA/NotNotified/") {
            Some(level) => Loa::from_short(level)
                .map(|level| Self::NonNotified(format!("{NON_NOTIFIED_PREFIX}{}", level.short()))),
            None => Self::from_uri(uri),
        }
    }
}

impl TryFrom<String> for AssuranceLevel {
    type Error = NotALevel;
    fn try_from(uri: String) -> Result<Self, NotALevel> {
        Self::from_uri(&uri).ok_or(NotALevel)
    }
}

impl From<AssuranceLevel> for String {
    fn from(level: AssuranceLevel) -> Self {
        level.uri().to_owned()
    }
}

/// The level that a request demands: `saml2p:RequestedAuthnContext`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestedLoa {
    /// `Comparison="minimum"`: this notified level or a higher one.
    Minimum(Loa),
    /// `Comparison="exact"`: one of these URIs, of which at least one is not notified.
    Exact(Vec<String>),
}

/// Why a demand cannot be sent (Message Format 1.4 §2.4.1, and what the CEF node 2.9 refuses).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoaDemandError {
    /// Not a level of assurance.
    #[error("{0:?} is not the URI of a level of assurance")]
    NotALevel(String),
    /// The same URI twice.
    #[error("{0} is listed twice")]
    Duplicate(String),
    /// Only notified levels (or none): that must be asked with `minimum`.
    #[error("a list of exact levels needs one that is not notified; notified levels are asked as a minimum")]
    OnlyNotified,
    /// A notified level is listed and a higher one is not.
    #[error("a list with the notified level {listed} must also hold {missing}", listed = .0.short(), missing = .1.short())]
    HigherMissing(Loa, Loa),
}

impl RequestedLoa {
    /// "This level or better, and non-notified schemes that claim as much": the exact list for it.
    #[must_use]
    pub fn with_non_notified(minimum: Loa) -> Self {
        let levels: Vec<Loa> = Loa::ALL.into_iter().filter(|level| *level >= minimum).collect();
        let notified = levels.iter().map(|level| level.uri().to_owned());
        let others = levels.iter().map(|level| format!("{NON_NOTIFIED_PREFIX}{}", level.short()));
        Self::Exact(notified.chain(others).collect())
    }

    /// Whether `level` satisfies the demand. A level that is not notified never satisfies a minimum.
    #[must_use]
    pub fn admits(&self, level: &AssuranceLevel) -> bool {
        match (self, level) {
            (Self::Minimum(minimum), AssuranceLevel::Notified(level)) => level >= minimum,
            (Self::Minimum(_), AssuranceLevel::NonNotified(_)) => false,
            (Self::Exact(list), level) => list.iter().any(|uri| uri == level.uri()),
        }
    }

    /// Whether a node will take the demand.
    ///
    /// # Errors
    /// The first rule that the list breaks.
    pub fn check(&self) -> Result<(), LoaDemandError> {
        let Self::Exact(list) = self else { return Ok(()) };
        let mut levels = Vec::with_capacity(list.len());
        for uri in list {
            let level =
                AssuranceLevel::from_uri(uri).ok_or_else(|| LoaDemandError::NotALevel(uri.clone()))?;
            if levels.contains(&level) {
                return Err(LoaDemandError::Duplicate(uri.clone()));
            }
            levels.push(level);
        }
        if levels.iter().all(|level| level.notified().is_some()) {
            return Err(LoaDemandError::OnlyNotified);
        }
        let lowest = levels.iter().filter_map(AssuranceLevel::notified).min();
        let missing = lowest.and_then(|lowest| {
            let higher = Loa::ALL.into_iter().filter(|level| *level > lowest);
            higher.map(|h| (lowest, h)).find(|(_, h)| !levels.contains(&AssuranceLevel::Notified(*h)))
        });
        match missing {
            Some((lowest, missing)) => Err(LoaDemandError::HigherMissing(lowest, missing)),
            None => Ok(()),
        }
    }

    /// The value of `Comparison`.
    #[must_use]
    pub fn comparison(&self) -> &'static str {
        match self {
            Self::Minimum(_) => "minimum",
            Self::Exact(_) => "exact",
        }
    }

    /// The `AuthnContextClassRef` values.
    #[must_use]
    pub fn class_refs(&self) -> Vec<String> {
        match self {
            Self::Minimum(level) => vec![level.uri().to_owned()],
            Self::Exact(list) => list.clone(),
        }
    }
}

/// RFC 3986 §3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

const NOTIFIED_PREFIX: &str = "http://eidas.europa.eu/LoA/";
const NON_NOTIFIED_PREFIX: &str = "http://eidas.europa.eu/NotNotified/LoA/";

#[cfg(test)]
mod tests {
    use super::*;

    fn level(uri: &str) -> AssuranceLevel {
        AssuranceLevel::from_uri(uri).unwrap()
    }

    #[test]
    fn look_alikes_of_the_notified_levels_are_nothing() {
        let look_alikes = [
            "http://eidas.europa.eu/LoA/High",
            "http://eidas.europa.eu/LoA/high ",
            "http://eidas.europa.eu/LoA/",
            "http://eidas.europa.eu/LoA/test",
            "http://eidas.europa.eu/LoA/NotNotified/low",
            "test",
            "test#high",
            "",
            "high",
        ];
        for uri in look_alikes {
            assert_eq!(AssuranceLevel::from_uri(uri), None, "{uri:?}");
        }
    }

    #[test]
    fn a_minimum_is_met_by_notified_levels_of_its_height() {
        let minimum = RequestedLoa::Minimum(Loa::Substantial);
        assert!(!minimum.admits(&level("http://eidas.europa.eu/LoA/low")));
        assert!(minimum.admits(&level("http://eidas.europa.eu/LoA/substantial")));
        assert!(minimum.admits(&level("http://eidas.europa.eu/LoA/high")));
        assert!(!minimum.admits(&level("http://eidas.europa.eu/NotNotified/LoA/high")));
        assert!(!minimum.admits(&level("HTTP://eidas.europa.eu/LoA/high")));
    }

    #[test]
    fn an_exact_list_is_met_by_its_members_only() {
        let list = RequestedLoa::with_non_notified(Loa::Substantial);
        assert_eq!(list.check(), Ok(()));
        assert!(list.admits(&level("http://eidas.europa.eu/NotNotified/LoA/high")));
        assert!(!list.admits(&level("http://eidas.europa.eu/NotNotified/LoA/low")));
        assert!(!list.admits(&level("http://eidas.europa.eu/LoA/low")));
    }

    #[test]
    fn what_the_node_would_refuse_is_refused_here() {
        let exact =
            |uris: &[&str]| RequestedLoa::Exact(uris.iter().map(|u| (*u).to_owned()).collect()).check();
        let (low, sub, high) = (Loa::Low.uri(), Loa::Substantial.uri(), Loa::High.uri());
        let other = "http://eidas.europa.eu/NotNotified/LoA/low";
        assert_eq!(exact(&[]), Err(LoaDemandError::OnlyNotified));
        assert_eq!(exact(&[low, sub, high]), Err(LoaDemandError::OnlyNotified));
        assert_eq!(exact(&[other]), Ok(()));
        assert_eq!(exact(&[other, low]), Err(LoaDemandError::HigherMissing(Loa::Low, Loa::Substantial)));
        assert_eq!(exact(&[other, low, sub]), Err(LoaDemandError::HigherMissing(Loa::Low, Loa::High)));
        assert_eq!(exact(&[other, low, sub, high]), Ok(()));
        assert_eq!(exact(&[other, other]), Err(LoaDemandError::Duplicate(other.to_owned())));
        assert_eq!(exact(&["test"]), Err(LoaDemandError::NotALevel("test".to_owned())));
    }

    #[test]
    fn the_old_spelling_is_an_alias_of_the_new_one() {
        let old = "http://eidas.europa.eu/LoA/NotNotified/substantial";
        let new =
            AssuranceLevel::NonNotified("http://eidas.europa.eu/NotNotified/LoA/substantial".to_owned());
        assert_eq!(AssuranceLevel::from_uri_or_alias(old), Some(new));
        assert_eq!(AssuranceLevel::from_uri_or_alias("http://eidas.europa.eu/LoA/NotNotified/High"), None);
    }
}
