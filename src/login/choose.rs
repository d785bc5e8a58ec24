//! Steps 1 to 4: a request becomes a login, a country is chosen, the browser departs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::answer::AwaitResponse;
use super::claims;
use super::countries::{Countries, Obstacle, Offer};
use super::email::EmailSource;
use super::failure::Failure;
use super::policy::{ClientPolicy, LevelError};
use crate::clock::Timestamp;
use crate::eidas::attribute::Attribute;
use crate::eidas::{Ask, Connector, CountryCode, OutgoingRequest, request};
use crate::ids::{self, Random};
use crate::oidc::authorize::Prompt;
use crate::oidc::{AuthorizationRequest, OAuthError};

/// What stays the same through a login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Login {
    /// Our name for it: a word of 128 bits, in addresses and in the cookie's name.
    pub id: String,
    /// What the broker asked.
    pub request: AuthorizationRequest,
    /// From when on it is too late.
    pub expires: Timestamp,
}

/// A login as the store keeps it between two requests of the browser.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Nobody has been asked yet, or the last country said no.
    ChooseCountry(Box<ChooseCountry>),
    /// A node has been asked.
    AwaitResponse(Box<AwaitResponse>),
}

/// The citizen has to choose a country.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChooseCountry {
    /// The login.
    pub login: Login,
    /// The country that said no, if one did.
    pub last: Option<CountryCode>,
}

/// What the browser takes to the node.
#[derive(Clone, Debug)]
pub struct Departure {
    /// The node's SingleSignOnService.
    pub destination: String,
    /// The signed AuthnRequest in base64 (SAML bindings §3.5.4).
    pub saml_request: String,
    /// An opaque word that has to come back.
    pub relay_state: String,
}

impl Login {
    /// What the login is for: in the words of the request, or those that the operator has registered.
    #[must_use]
    pub fn purpose<'a>(&'a self, policy: &'a ClientPolicy) -> Option<&'a str> {
        self.request.purpose.as_deref().or(policy.purpose.as_deref())
    }

    /// What the broker is told if the login ends with `failure`; `server_error` if the table has nothing.
    #[must_use]
    pub fn oauth_error(&self, failure: Failure, policy: &ClientPolicy) -> OAuthError {
        match failure.row().oauth {
            Some(OAuthError::UnmetAuthenticationRequirements) => {
                let essential = self.request.acr.essential.is_some();
                match policy.level_error {
                    LevelError::Unmet if essential => OAuthError::UnmetAuthenticationRequirements,
                    LevelError::Unmet | LevelError::AccessDenied => OAuthError::AccessDenied,
                }
            }
            Some(error) => error,
            None => OAuthError::ServerError,
        }
    }
}

impl State {
    /// What stays the same.
    #[must_use]
    pub fn login(&self) -> &Login {
        match self {
            Self::ChooseCountry(state) => &state.login,
            Self::AwaitResponse(state) => &state.login,
        }
    }

    /// Back to the choice of a country, whatever has happened so far.
    #[must_use]
    pub fn choose_again(self) -> ChooseCountry {
        match self {
            Self::ChooseCountry(state) => *state,
            Self::AwaitResponse(state) => {
                ChooseCountry { login: state.login, last: Some(state.pending.country) }
            }
        }
    }

    /// As the store keeps it.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Our own types: maps have string keys, so there is nothing that JSON cannot hold.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    /// [`Failure::StateUnreadable`].
    pub fn from_json(text: &str) -> Result<Self, Failure> {
        serde_json::from_str(text).map_err(|_| Failure::StateUnreadable)
    }
}

impl ChooseCountry {
    /// A login for `request`, if any country can serve it.
    ///
    /// # Errors
    /// [`Failure::LevelUnknown`], [`Failure::NoCountryAtLevel`] or [`Failure::NoCountry`]; with the login,
    /// for the error goes to its broker.
    pub fn begin(
        request: AuthorizationRequest,
        policy: &ClientPolicy,
        countries: &Countries,
        random: &dyn Random,
        now: Timestamp,
    ) -> Result<Self, (Box<Login>, Failure)> {
        let login = Login { id: ids::handle(random), request, expires: now + LIFETIME };
        let state = Self { login, last: None };
        match state.offers(policy, countries, now) {
            Ok(_) => Ok(state),
            Err(failure) => Err((Box::new(state.login), failure)),
        }
    }

    /// The countries, of which at least one can be chosen.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub fn offers(
        &self,
        policy: &ClientPolicy,
        countries: &Countries,
        now: Timestamp,
    ) -> Result<Vec<Offer>, Failure> {
        let offers = countries.offers(&policy.ask(&self.login.request)?, now);
        if offers.iter().any(|offer| offer.obstacle.is_none()) {
            return Ok(offers);
        }
        // Somebody is out of reach, or nobody is there at all: that can change. Otherwise it is the level.
        let may_change =
            offers.is_empty() || offers.iter().any(|offer| offer.obstacle == Some(Obstacle::OutOfReach));
        Err(if may_change { Failure::NoCountry } else { Failure::NoCountryAtLevel })
    }

    /// The country that the broker named and that can serve the request: then nobody needs to be asked, unless
    /// the broker wants just that (`prompt=select_account`).
    #[must_use]
    pub fn preselected(
        &self,
        policy: &ClientPolicy,
        countries: &Countries,
        now: Timestamp,
    ) -> Option<CountryCode> {
        if self.login.request.prompt.contains(&Prompt::SelectAccount) {
            // Which account is which country here.
            return None;
        }
        let country = named_country(&self.login.request)?;
        let ask = policy.ask(&self.login.request).ok()?;
        countries.choose(country, &ask, now).is_ok().then_some(country)
    }

    /// The level of assurance, in the word for the page: `low`, `substantial`, `high`.
    #[must_use]
    pub fn level(&self, policy: &ClientPolicy) -> &'static str {
        super::policy::floor(policy, &self.login.request.acr).map_or("", |level| level.short())
    }

    /// The attributes that will reach the broker.
    #[must_use]
    pub fn released_attributes(&self, policy: &ClientPolicy) -> Vec<Attribute> {
        claims::released_attributes(&self.login.request, policy)
    }

    /// Whether the person will be asked for an e-mail address, unless one is known from an earlier login.
    #[must_use]
    pub fn asks_for_email(&self, policy: &ClientPolicy) -> bool {
        policy.email == EmailSource::Collect && claims::wants_email(&self.login.request)
    }

    /// Steps 3 and 4: the signed request for the node of `country`, and the login that waits for its answer.
    ///
    /// # Errors
    /// That the country cannot be asked, or that the request cannot be built. The login stays as it is.
    pub fn depart(
        self,
        country: CountryCode,
        policy: &ClientPolicy,
        connector: &Connector,
        countries: &Countries,
        random: &dyn Random,
        now: Timestamp,
    ) -> Result<(AwaitResponse, Departure), Box<DepartureRefused>> {
        let outgoing = match self.outgoing(country, policy, connector, countries, random, now) {
            Ok(outgoing) => outgoing,
            Err((failure, detail)) => {
                return Err(Box::new(DepartureRefused { choice: self, failure, detail }));
            }
        };
        let relay_state = ids::handle(random);
        let departure = Departure {
            destination: outgoing.destination,
            saml_request: outgoing.saml_request,
            relay_state: relay_state.clone(),
        };
        Ok((AwaitResponse { login: self.login, pending: outgoing.pending, relay_state }, departure))
    }

    fn outgoing(
        &self,
        country: CountryCode,
        policy: &ClientPolicy,
        connector: &Connector,
        countries: &Countries,
        random: &dyn Random,
        now: Timestamp,
    ) -> Result<OutgoingRequest, (Failure, String)> {
        let without_detail = |failure| (failure, String::new());
        let ask = policy.ask(&self.login.request).map_err(without_detail)?;
        let node = countries.choose(country, &ask, now).map_err(without_detail)?;
        request::build(connector, node, &ask, random, now)
            .map_err(|refusal| (Failure::RequestNotBuilt, refusal.to_string()))
    }

    /// The level of assurance and the attribute names that are asked for, in words for the audit.
    #[must_use]
    pub fn loa_in_words(&self, policy: &ClientPolicy) -> String {
        policy.ask(&self.login.request).map_or_else(|_| String::new(), |ask| loa_in_words(&ask))
    }
}

/// Why a browser cannot depart. The login is as it was.
#[derive(Clone, Debug)]
pub struct DepartureRefused {
    /// The login.
    pub choice: ChooseCountry,
    /// The row of the failure table.
    pub failure: Failure,
    /// More for the log; nothing personal is known yet.
    pub detail: String,
}

/// The country that the broker named, if it is one.
pub(super) fn named_country(request: &AuthorizationRequest) -> Option<CountryCode> {
    let named = request.country.as_deref()?;
    // Greece is EL here, and GR to everybody who knows ISO only.
    CountryCode::parse(if named == "GR" { "EL" } else { named })
}

/// `minimum http://…/substantial`
fn loa_in_words(ask: &Ask) -> String {
    format!("{} {}", ask.loa.comparison(), ask.loa.class_refs().join(" "))
}

/// How long a login may take, from the broker's request to the code.
pub(super) const LIFETIME: Duration = Duration::from_mins(15);
