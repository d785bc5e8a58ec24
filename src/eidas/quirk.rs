//! Known deviations of countries, each with a name and a switch (decision D12).
//!
//! The defaults are what the profile says, plus what has been seen to work with the EU's reference node and
//! the German middleware. A quirk can loosen a form; none can switch off a signature, an encryption, an
//! identity of the sender or a level of assurance.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The switches of one country.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// Leaves `Scoping` out of requests: some countries cannot read it (seen: DK). A country that demands
    /// a RequesterID for private relying parties then cannot serve those.
    pub skip_scoping: bool,
    /// When `Scoping/RequesterID` is sent.
    pub requester_id: RequesterIdRule,
    /// What `NameIDPolicy` asks for.
    pub name_id_policy: NameIdPolicyRule,
    /// When `ProviderName` is sent.
    pub provider_name: ProviderNameRule,
    /// Accepts `rsa-oaep-mgf1p`, the key transport of nodes before 1.4 (MGF1 with SHA-1).
    pub legacy_oaep: bool,
    /// Reads `…/LoA/NotNotified/low` as the official `…/NotNotified/LoA/low` (older Swedish libraries).
    pub loa_aliases: bool,
    /// Accepts our ACS address in place of our entityID as the assertion's audience, as the sample in
    /// Message Format 1.4 §6.5 has it.
    pub audience_acs_url: bool,
    /// Accepts identifiers whose second country code is not ours.
    pub any_destination_country: bool,
    /// Accepts dates of birth with unknown parts, as in `1964-00-00` (seen: DE). On unless switched off: a
    /// person without a full date of birth must be able to log in too.
    pub partial_dates: bool,
    /// Refuses assertions that have no signature of their own.
    pub require_assertion_signature: bool,
    /// Seconds by which the country's clock may differ from ours. More than 300 count as 300.
    pub clock_skew: u16,
}

/// When `Scoping/RequesterID` is sent (Message Format 1.4 §2.4.1: always, if it can be).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequesterIdRule {
    /// Whenever the client has one.
    #[default]
    Always,
    /// Only where the country's metadata demands it, and then only for private relying parties, as the
    /// CEF node 2.9 does.
    OnDemand,
}

/// What `NameIDPolicy` asks for. The NameID itself is never used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameIdPolicyRule {
    /// `unspecified` if the country publishes that format, or none at all; else no policy.
    #[default]
    Unspecified,
    /// No `NameIDPolicy` element.
    Omit,
    /// `persistent` (asked of others by DK).
    Persistent,
    /// `transient`
    Transient,
}

/// When `ProviderName` is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderNameRule {
    /// Whenever there is one.
    #[default]
    Always,
    /// Only in requests without a RequesterID (German middleware, issue 21).
    UnlessRequesterId,
    /// Never.
    Never,
}

impl Quirks {
    /// The tolerance for the country's clock, at most five minutes.
    #[must_use]
    pub fn skew(&self) -> Duration {
        Duration::from_secs(u64::from(self.clock_skew.min(300)))
    }

    /// The name of [`Self::legacy_oaep`].
    pub(crate) const LEGACY_OAEP: &'static str = "legacy_oaep";

    /// Each tolerance for the content of an answer that is on: its name, and these switches without it. (The
    /// clock is no tolerance in this sense: it is used by every millisecond.)
    pub(crate) fn tolerances(&self) -> impl Iterator<Item = (&'static str, Self)> {
        let rows = [
            ("loa_aliases", Self { loa_aliases: false, ..self.clone() }),
            ("audience_acs_url", Self { audience_acs_url: false, ..self.clone() }),
            ("any_destination_country", Self { any_destination_country: false, ..self.clone() }),
            ("partial_dates", Self { partial_dates: false, ..self.clone() }),
        ];
        let all = self.clone();
        rows.into_iter().filter(move |(_, strict)| *strict != all)
    }
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            skip_scoping: false,
            requester_id: RequesterIdRule::default(),
            name_id_policy: NameIdPolicyRule::default(),
            provider_name: ProviderNameRule::default(),
            legacy_oaep: false,
            loa_aliases: false,
            audience_acs_url: false,
            any_destination_country: false,
            partial_dates: true,
            require_assertion_signature: false,
            clock_skew: 60,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_may_never_differ_by_more_than_five_minutes() {
        assert_eq!(Quirks::default().skew(), Duration::from_secs(60));
        assert_eq!(Quirks { clock_skew: 3600, ..Quirks::default() }.skew(), Duration::from_secs(300));
    }

    #[test]
    fn a_misspelt_switch_is_refused() {
        let of = |json: &str| serde_json::from_str::<Quirks>(json);
        assert_eq!(of("{}").unwrap(), Quirks::default());
        assert!(of(r#"{"skip_scoping":true,"name_id_policy":"omit"}"#).is_ok());
        assert!(of(r#"{"skip-scoping":true}"#).is_err());
    }
}
