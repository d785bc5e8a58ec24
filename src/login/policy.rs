//! What a client may ask for and learn, as registered; and what one request therefore asks of a country.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::claims;
use super::email::EmailSource;
use super::failure::Failure;
use super::subject::SubjectMode;
use crate::eidas::attribute::Attribute;
use crate::eidas::{Ask, AssuranceLevel, Loa, RequestedLoa, SpType, SubjectKind};
use crate::oidc::{AuthorizationRequest, RequestedAcr};

/// The registered properties of a client that concern eIDAS. Everything a request can want is cut down to
/// this; nothing here can be changed by a request.
#[derive(Clone, Debug)]
pub struct ClientPolicy {
    /// The name of the service that people see.
    pub service: String,
    /// What the login is for, in the person's words; for the country page.
    pub purpose: Option<String>,
    /// Whether the person sees, on the way back, what will be released.
    pub consent: Consent,
    /// Public or private sector (SPType).
    pub sp_type: SpType,
    /// The identifier of a private relying party, for countries that demand one (RequesterID).
    pub requester_id: Option<String>,
    /// The name that the node shows (ProviderName).
    pub provider_name: Option<String>,
    /// The lowest level of assurance that is good enough, whatever a request says.
    pub min_loa: Loa,
    /// Whether schemes that are not notified will do, if they claim the same height. For tests.
    pub accept_non_notified: bool,
    /// Whether natural or legal persons log in.
    pub kind: SubjectKind,
    /// Whether somebody may act for the subject.
    pub representation: bool,
    /// The optional attributes that the client may have.
    pub attributes: BTreeSet<Attribute>,
    /// Whether the client may have the eIDAS identifier itself.
    pub person_identifier: bool,
    /// Where `email` comes from.
    pub email: EmailSource,
    /// How `sub` is made.
    pub subject: SubjectMode,
    /// Clients of one sector see the same pairwise `sub`.
    pub sector: String,
    /// How `acr` is written.
    pub acr: AcrStyle,
    /// The client's own word for a level, in requests and in `acr`.
    pub acr_words: BTreeMap<Loa, String>,
    /// Whether the client may have claims together with what vouches for them (`verified_claims`).
    pub verified_claims: bool,
    /// Whether ID tokens say `amr: ["eidas"]`, which is not a registered value (RFC 8176).
    pub amr: bool,
    /// What the broker is told when the level of assurance cannot be had.
    pub level_error: LevelError,
    /// Whether a citizen who cancelled at the node goes straight back to the broker, instead of being
    /// offered another try.
    pub cancel_goes_back: bool,
    /// Whether the parts of `address` stand at the top level as well, for brokers that cannot look into an object.
    pub flat_address: bool,
}

/// How `acr` is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AcrStyle {
    /// The eIDAS URI.
    #[default]
    Uri,
    /// `low`, `substantial`, `high` for notified levels; the URI for others.
    Short,
}

/// Whether the person sees what will be released before the client gets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// No. The default: most countries show it, and ask, before they answer.
    #[default]
    Off,
    /// It is shown.
    Notice,
    /// It is shown, and the person has to agree.
    Required,
}

/// What the broker is told when the level of assurance cannot be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LevelError {
    /// `access_denied`: Keycloak shows its login page again.
    AccessDenied,
    /// `unmet_authentication_requirements`, if the level was essential to the broker; else `access_denied`. The
    /// default.
    #[default]
    Unmet,
}

impl ClientPolicy {
    /// A policy that asks for the least: natural persons, `substantial`, pairwise subjects.
    #[must_use]
    pub fn new(service: &str, sector: &str, sp_type: SpType) -> Self {
        Self {
            service: service.to_owned(),
            purpose: None,
            consent: Consent::default(),
            sp_type,
            requester_id: None,
            provider_name: None,
            min_loa: Loa::Substantial,
            accept_non_notified: false,
            kind: SubjectKind::Natural,
            representation: false,
            attributes: BTreeSet::new(),
            person_identifier: false,
            email: EmailSource::default(),
            subject: SubjectMode::default(),
            sector: sector.to_owned(),
            acr: AcrStyle::default(),
            acr_words: BTreeMap::new(),
            verified_claims: false,
            amr: true,
            level_error: LevelError::default(),
            cancel_goes_back: false,
            flat_address: false,
        }
    }

    /// What a country will be asked for on behalf of `request`: everything except who asks is decided here.
    ///
    /// # Errors
    /// [`Failure::LevelUnknown`].
    pub(crate) fn ask(&self, request: &AuthorizationRequest) -> Result<Ask, Failure> {
        let floor = floor(self, &request.acr)?;
        Ok(Ask {
            sp_type: self.sp_type,
            requester_id: self.requester_id.clone(),
            kind: self.kind,
            loa: if self.accept_non_notified {
                RequestedLoa::with_non_notified(floor)
            } else {
                RequestedLoa::Minimum(floor)
            },
            attributes: claims::wanted_attributes(request, self),
            provider_name: self.provider_name.clone(),
            representation: self.representation,
        })
    }

    /// The level that an `acr` value names: by the client's own word, its URI, its short name, or what other
    /// countries' gateways call it.
    fn level(&self, value: &str) -> Option<Loa> {
        let own = self.acr_words.iter().find(|(_, word)| *word == value).map(|(level, _)| *level);
        let elsewhere = match value {
            "eidas-loa-low" | "eidas1" => Some(Loa::Low),
            "eidas-loa-substantial" | "eidas2" => Some(Loa::Substantial),
            "eidas-loa-high" | "eidas3" => Some(Loa::High),
            _ => None,
        };
        own.or_else(|| Loa::from_uri(value)).or_else(|| Loa::from_short(value)).or(elsewhere)
    }
}

/// The level to ask for: the client's own minimum, or the lowest level that the request names if that is
/// higher. Essential values bind; without them the voluntary ones count, and unknown voluntary values do
/// not exist.
///
/// # Errors
/// [`Failure::LevelUnknown`]: the broker insists on values and knows none of ours.
pub(crate) fn floor(policy: &ClientPolicy, acr: &RequestedAcr) -> Result<Loa, Failure> {
    let lowest = |values: &[String]| values.iter().filter_map(|value| policy.level(value)).min();
    let named = match acr.essential.as_deref() {
        None => lowest(&acr.voluntary),
        Some(essential) => Some(lowest(essential).ok_or(Failure::LevelUnknown)?),
    };
    Ok(named.map_or(policy.min_loa, |named| named.max(policy.min_loa)))
}

/// `acr` for an achieved `level`: the level itself in the client's style, except when the broker insisted
/// on values: then the highest of these that was reached, as the broker spelled it. `eidas_loa` always
/// holds the truth.
///
/// # Errors
/// [`Failure::LevelTooLow`]: below the floor, or below every essential value. This is the second look at the
/// level, right before the code is made.
pub(crate) fn acr(
    policy: &ClientPolicy,
    acr: &RequestedAcr,
    achieved: &AssuranceLevel,
) -> Result<String, Failure> {
    let floor = floor(policy, acr)?;
    let demand = if policy.accept_non_notified {
        RequestedLoa::with_non_notified(floor)
    } else {
        RequestedLoa::Minimum(floor)
    };
    if !demand.admits(achieved) {
        return Err(Failure::LevelTooLow);
    }
    let Some(notified) = achieved.notified() else {
        return Ok(achieved.uri().to_owned());
    };
    if let Some(essential) = acr.essential.as_deref() {
        let reached = essential.iter().filter_map(|value| Some((policy.level(value)?, value)));
        let best = reached.filter(|(level, _)| *level <= notified).max_by_key(|(level, _)| *level);
        return best.map(|(_, value)| value.clone()).ok_or(Failure::LevelTooLow);
    }
    let usual = match policy.acr {
        AcrStyle::Uri => notified.uri(),
        AcrStyle::Short => notified.short(),
    };
    Ok(policy.acr_words.get(&notified).map_or(usual, String::as_str).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> ClientPolicy {
        ClientPolicy::new("Service", "s", SpType::Public)
    }

    fn values(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn requested(voluntary: &str, essential: Option<&str>) -> RequestedAcr {
        RequestedAcr { voluntary: values(voluntary), essential: essential.map(values) }
    }

    #[test]
    fn the_floor_is_the_higher_of_policy_and_request() {
        let cases = [
            ("", None, Ok(Loa::Substantial)),
            ("low", None, Ok(Loa::Substantial)),
            ("high", None, Ok(Loa::High)),
            ("high substantial", None, Ok(Loa::Substantial)),
            ("eidas3 whatever", None, Ok(Loa::High)),
            ("whatever", None, Ok(Loa::Substantial)),
            ("low", Some("http://eidas.europa.eu/LoA/high"), Ok(Loa::High)),
            ("high", Some("low whatever"), Ok(Loa::Substantial)),
            ("high", Some("whatever"), Err(Failure::LevelUnknown)),
            // Values were named, and none of them was a text.
            ("high", Some(""), Err(Failure::LevelUnknown)),
        ];
        for (voluntary, essential, expected) in cases {
            let requested = requested(voluntary, essential);
            assert_eq!(floor(&policy(), &requested), expected, "{requested:?}");
        }
    }

    #[test]
    fn acr_tells_what_was_reached_in_the_words_asked_for() {
        let policy = policy();
        let short = ClientPolicy { acr: AcrStyle::Short, ..policy.clone() };
        let high = AssuranceLevel::Notified(Loa::High);
        let told = |policy: &ClientPolicy, essential| acr(policy, &requested("", essential), &high);
        assert_eq!(told(&policy, None).as_deref(), Ok(Loa::High.uri()));
        assert_eq!(told(&short, None).as_deref(), Ok("high"));
        assert_eq!(told(&policy, Some("substantial")).as_deref(), Ok("substantial"));
        assert_eq!(told(&policy, Some("low eidas2")).as_deref(), Ok("eidas2"));
    }

    #[test]
    fn a_client_may_have_words_of_its_own_for_the_levels() {
        let words = [(Loa::Substantial, "2"), (Loa::High, "3")].map(|(level, word)| (level, word.to_owned()));
        let policy = ClientPolicy { acr_words: words.into(), ..policy() };
        assert_eq!(floor(&policy, &requested("3 2", None)), Ok(Loa::Substantial));
        assert_eq!(floor(&policy, &requested("", Some("3"))), Ok(Loa::High));
        assert_eq!(floor(&policy, &requested("", Some("1"))), Err(Failure::LevelUnknown));
        let told =
            |essential, level| acr(&policy, &requested("", essential), &AssuranceLevel::Notified(level));
        assert_eq!(told(None, Loa::High).as_deref(), Ok("3"));
        assert_eq!(told(Some("2"), Loa::High).as_deref(), Ok("2"));
        // The other words are understood as before.
        assert_eq!(told(Some("eidas2"), Loa::High).as_deref(), Ok("eidas2"));
        let low = ClientPolicy { min_loa: Loa::Low, ..policy.clone() };
        let level = AssuranceLevel::Notified(Loa::Low);
        assert_eq!(acr(&low, &requested("", None), &level).as_deref(), Ok(Loa::Low.uri()));
    }

    #[test]
    fn a_level_below_the_floor_gets_no_acr() {
        let policy = policy();
        let low = AssuranceLevel::Notified(Loa::Low);
        let other = AssuranceLevel::NonNotified("http://eidas.europa.eu/NotNotified/LoA/high".to_owned());
        for level in [&low, &other] {
            assert_eq!(acr(&policy, &requested("", None), level), Err(Failure::LevelTooLow));
        }
        let substantial = AssuranceLevel::Notified(Loa::Substantial);
        assert_eq!(acr(&policy, &requested("", Some("high")), &substantial), Err(Failure::LevelTooLow));
        let lenient = ClientPolicy { accept_non_notified: true, ..policy };
        assert_eq!(acr(&lenient, &requested("", None), &other).as_deref(), Ok(other.uri()));
    }
}
