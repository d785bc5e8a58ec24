//! Steps 6 to 8: the node's answer is judged and becomes claims, or the reason why there are none.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::choose::Login;
use super::claims;
use super::countries::Countries;
use super::email::{EmailAddress, EmailSource, Mailbox};
use super::failure::Failure;
use super::policy::ClientPolicy;
use super::subject::SubjectKey;
use super::vault::{self, Purpose};
use super::verified;
use crate::clock::Timestamp;
use crate::eidas::{
    AssuranceLevel, Connector, CountryCode, Declined, Identity, Inbound, Meaning, Pending, response,
};
use crate::ids::{self, Random};
use crate::oidc::{AuthorizationRequest, Client};
use crate::secret::Personal;

/// A node has been asked, and its answer may come.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AwaitResponse {
    /// The login.
    pub login: Login,
    /// What was asked, of whom, when.
    pub pending: Pending,
    /// The word that the node has to send back unchanged.
    pub relay_state: String,
}

/// An answer that was refused. The login still waits.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The login, as it was.
    pub login: AwaitResponse,
    /// The row of the failure table.
    pub failure: Failure,
    /// The rule that refused it (`SEC-15`), and its word for the fact.
    pub rule: String,
    /// More for the log; nothing personal.
    pub detail: String,
}

/// A node's answer that holds: signed, decrypted, judged.
#[derive(Debug)]
pub struct Answered {
    /// The login.
    pub login: Login,
    /// What was asked.
    pub pending: Pending,
    /// The ID of the Response: it must never be taken again.
    pub response_id: String,
    /// The ID of the assertion, if there is one.
    pub assertion_id: Option<String>,
    /// Until when both have to be remembered: a copy would be refused for its age after that.
    pub remember_until: Timestamp,
    /// The names of attributes that came unasked.
    pub dropped: Vec<String>,
    /// The names of the quirks that were needed.
    pub tolerated: Vec<String>,
    /// The node's own words on a failure, for the log alone.
    pub message: Option<String>,
    /// What it says.
    pub outcome: Outcome,
}

/// What an answer comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The node says no.
    Declined(DeclinedAnswer),
    /// The claims that the broker will get.
    Normalised(Box<Normalised>),
}

/// A signed no.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeclinedAnswer {
    /// The row of the failure table.
    pub failure: Failure,
    /// The country that says so.
    pub country: CountryCode,
    /// The first and the second status code.
    pub status: (String, String),
}

/// What remains of an answer: what the broker asked for and may have, and nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalised {
    /// The level of assurance.
    pub level: AssuranceLevel,
    /// The subject.
    pub(crate) sub: Personal<String>,
    /// When the person authenticated.
    pub(crate) auth_time: Timestamp,
    /// The ID of the Response, for the `txn` claim (RFC 8417 §2.2): joins the broker's log to ours.
    pub txn: String,
    /// Claims for the ID token.
    pub(crate) id_token: Personal<Map<String, Value>>,
    /// Claims for userinfo.
    pub(crate) userinfo: Personal<Map<String, Value>>,
}

impl AwaitResponse {
    /// Judges `inbound` and turns it into claims.
    ///
    /// # Errors
    /// [`Refused`], which gives the login back: a refused answer does not end it.
    pub fn receive(
        self,
        inbound: Inbound,
        relay_state: Option<&str>,
        to: &Recipient<'_>,
        now: Timestamp,
    ) -> Result<Answered, Box<Refused>> {
        let refuse = |login: Self, failure, rule: &str, detail: String| {
            Box::new(Refused { login, failure, rule: rule.to_owned(), detail })
        };
        if now >= self.login.expires {
            return Err(refuse(self, Failure::LoginExpired, "SEC-13 expired", String::new()));
        }
        if relay_state.is_none_or(|came| !vault::same(came, &self.relay_state)) {
            let detail = "RelayState did not come back as it was sent".to_owned();
            return Err(refuse(self, Failure::AnswerUnexpected, "SEC-13 relay_state_mismatch", detail));
        }
        let node = match to.countries.node(self.pending.country, now) {
            Ok(node) => node,
            Err(failure) => return Err(refuse(self, failure, "SEC-14 metadata_expired", String::new())),
        };
        match response::judge(inbound, to.connector, node, &self.pending, now) {
            Ok(response::Outcome::Authenticated(identity)) => {
                match normalise(&identity, &self.login, to, now) {
                    Ok(normalised) => Ok(self.answered(&identity, normalised, now)),
                    Err(failure) => Err(refuse(self, failure, "normalise", String::new())),
                }
            }
            Ok(response::Outcome::Declined(declined)) => Ok(self.declined(declined, now)),
            Err(refusal) => {
                let rule = format!("{} {}", refusal.rule, refusal.code);
                Err(refuse(self, Failure::of_rule(refusal.rule), &rule, refusal.detail))
            }
        }
    }

    fn answered(self, identity: &Identity, normalised: Normalised, now: Timestamp) -> Answered {
        Answered {
            login: self.login,
            pending: self.pending,
            response_id: identity.response_id.clone(),
            assertion_id: Some(identity.assertion_id.clone()),
            remember_until: remember_until(identity.expires, now),
            dropped: identity.dropped.clone(),
            tolerated: identity.tolerated.clone(),
            message: None,
            outcome: Outcome::Normalised(Box::new(normalised)),
        }
    }

    fn declined(self, declined: Declined, now: Timestamp) -> Answered {
        let failure = match declined.meaning {
            Meaning::Cancelled => Failure::DeclinedCancelled,
            Meaning::Denied => Failure::DeclinedDenied,
            Meaning::NoAuthnContext => Failure::DeclinedLevel,
            Meaning::OurFault => Failure::DeclinedOurFault,
            Meaning::NodeFault => Failure::DeclinedNodeFault,
        };
        let status = (declined.top, declined.second.unwrap_or_default());
        let country = self.pending.country;
        Answered {
            login: self.login,
            pending: self.pending,
            response_id: declined.response_id,
            assertion_id: None,
            remember_until: now + super::choose::LIFETIME,
            dropped: Vec::new(),
            tolerated: Vec::new(),
            message: declined.message,
            outcome: Outcome::Declined(DeclinedAnswer { failure, country, status }),
        }
    }
}

/// Everything on our side that an answer is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Recipient<'a> {
    /// Who we are.
    pub connector: &'a Connector,
    /// Whom we trust now.
    pub countries: &'a Countries,
    /// The client.
    pub client: &'a Client,
    /// What the client may have.
    pub policy: &'a ClientPolicy,
    /// What makes subjects.
    pub subject_key: &'a SubjectKey,
}

/// Step 8. The level is looked at here too, so that nothing is stored that could not be released.
fn normalise(
    identity: &Identity,
    login: &Login,
    to: &Recipient<'_>,
    now: Timestamp,
) -> Result<Normalised, Failure> {
    let request = &login.request;
    super::policy::acr(to.policy, &request.acr, &identity.level)?;
    let sub = to
        .subject_key
        .derive(to.policy.subject, &to.policy.sector, &identity.subject)
        .map_err(|_| Failure::SubjectUnusable)?;
    let blinding = to.subject_key.blinding();
    let expected = blinding.of(&Value::String(sub.clone()));
    if request.subject.iter().any(|subjects| !subjects.contains(&expected)) {
        return Err(Failure::SubjectOther);
    }
    let mut released = claims::release(identity, request, to.policy, to.client.claims_in_id_token());
    verified::add(&mut released, identity, request, to.policy, &blinding, now);
    let normalised = Normalised {
        level: identity.level.clone(),
        sub: Personal::new(sub),
        auth_time: identity.authn_instant,
        txn: identity.response_id.clone(),
        id_token: released.id_token,
        userinfo: released.userinfo,
    };
    match &to.policy.email {
        EmailSource::Alias { domain } if claims::wants_email(&login.request) => {
            let alias = EmailAddress::alias(normalised.sub.expose(), domain);
            Ok(normalised.with_email(&alias.ok_or(Failure::SubjectUnusable)?))
        }
        _ => Ok(normalised),
    }
}

impl Answered {
    /// Seals the outcome under a fresh handle, which goes to the browser and nowhere else.
    pub fn seal(&self, random: &dyn Random) -> (String, Vec<u8>) {
        let handle = ids::token(random);
        let sealed = vault::seal(&handle, Purpose::Handle, &self.outcome, random);
        (handle, sealed)
    }
}

impl Outcome {
    /// Opens what was sealed under `handle`.
    #[must_use]
    pub fn open(handle: &str, sealed: &[u8]) -> Option<Self> {
        vault::open(handle, Purpose::Handle, sealed)
    }
}

impl Normalised {
    /// The same, with nobody authenticated after `at`: a node's clock may be ahead of ours, and every token of a
    /// session has to say the same time.
    #[must_use]
    pub fn authenticated_by(self, at: Timestamp) -> Self {
        Self { auth_time: self.auth_time.min(at), ..self }
    }

    /// Everything that the broker will get, for the page that shows it to its owner.
    #[must_use]
    pub fn claims(&self) -> Map<String, Value> {
        let mut claims = Map::new();
        for place in [&self.id_token, &self.userinfo] {
            let mut place = place.expose().clone();
            claims.extend(verified::take_apart(&mut place));
            claims.extend(place);
        }
        claims
    }

    /// Whether the person has to be asked for an e-mail address before this can be released.
    #[must_use]
    pub fn lacks_email(&self, request: &AuthorizationRequest, policy: &ClientPolicy) -> bool {
        policy.email == EmailSource::Collect
            && claims::wants_email(request)
            && !self.userinfo.expose().contains_key(claims::EMAIL)
    }

    /// Where the address of this person is kept for the clients of one sector.
    #[must_use]
    pub fn mailbox(&self, key: &SubjectKey, policy: &ClientPolicy) -> Mailbox {
        key.mailbox(&policy.sector, self.sub.expose())
    }

    /// The same with `address` as the person's, in the ID token and at userinfo: a client that is set so makes
    /// no account without, wherever it looks.
    #[must_use]
    pub fn with_email(self, address: &EmailAddress) -> Self {
        let with = |claims: Personal<Map<String, Value>>| {
            let mut claims = claims.into_inner();
            claims.extend(claims::of_email(address));
            Personal::new(claims)
        };
        Self { id_token: with(self.id_token), userinfo: with(self.userinfo), ..self }
    }

    /// The names of the claims that the broker will get, for the audit.
    #[must_use]
    pub fn claim_names(&self) -> Vec<&str> {
        let places = [&self.userinfo, &self.id_token];
        let names: BTreeSet<_> =
            places.into_iter().flat_map(|claims| claims.expose().keys().map(String::as_str)).collect();
        names.into_iter().collect()
    }
}

/// Until when the identifiers of an accepted answer have to be known. Until its assertion has ended; but a
/// node that lets it last for years does not fill our database: by then its IssueInstant is too old, and the
/// request that it names has long been given up.
fn remember_until(expires: Timestamp, now: Timestamp) -> Timestamp {
    (expires + SKEW).min(now + 2 * super::choose::LIFETIME)
}

/// How far clocks may differ, at most.
const SKEW: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_remembered_until_the_assertion_ends_and_no_longer_than_they_can_matter() {
        let now = Timestamp::parse("2026-11-21T12:00:00Z").unwrap();
        let until = |expires| remember_until(Timestamp::parse(expires).unwrap(), now).to_string();
        assert_eq!(until("2026-11-21T12:05:00Z"), "2026-11-21T12:10:00.000Z");
        assert_eq!(until("9999-12-31T23:59:59Z"), "2026-11-21T12:30:00.000Z");
    }
}
