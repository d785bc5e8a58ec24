//! Sessions, for clients that are configured to have them: the answer of a login is kept for the same client,
//! sealed under a cookie, and given again without asking the person, as far as the new request allows that.
//!
//! A session repeats an answer; it never composes another one. What it was made for is a part of it, and a
//! request for anything else is a new login (docs/adr, one client for each session).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Normalised;
use super::choose::{self, Login};
use super::claims;
use super::interlude::Paused;
use super::policy::{self, ClientPolicy};
use super::vault::{self, Purpose};
use crate::clock::Timestamp;
use crate::crypto::hash;
use crate::eidas::CountryCode;
use crate::ids::{self, Random};
use crate::oidc::authorize::Prompt;
use crate::oidc::{AuthorizationRequest, Blinding, Client, Fingerprint};

/// What is needed to answer the same client again. Lives sealed under the browser's cookie.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Its name in ID tokens (OpenID Connect Front-Channel Logout §3, `sid`).
    pub sid: String,
    /// The login that it began with.
    pub login: String,
    /// The country that the answer comes from.
    country: CountryCode,
    /// The answer.
    normalised: Normalised,
    /// What the answer was made for.
    asked: [u8; 32],
}

/// Why a session does not answer a request; in the order in which it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// There is none.
    #[error("there is no session")]
    NoSession,
    /// The client wants the person to be asked.
    #[error("the request has a prompt that asks the person")]
    Prompted,
    /// Other claims are asked for, or the client may have others than before.
    #[error("the request asks for something else than the session holds")]
    OtherQuestion,
    /// Another person is asked for.
    #[error("the request names another person")]
    OtherPerson,
    /// Another country is asked for.
    #[error("the request names another country")]
    OtherCountry,
    /// The authentication is older than the client accepts.
    #[error("the authentication is older than max_age")]
    TooOld,
    /// The level is below what is asked for now.
    #[error("the level of the session is too low")]
    LevelTooLow,
}

impl Session {
    /// A session that begins with this login. `paused` is what is released now.
    #[must_use]
    pub fn begin(
        login: &Login,
        paused: &Paused,
        client: &Client,
        policy: &ClientPolicy,
        random: &dyn Random,
    ) -> Self {
        Self {
            sid: ids::handle(random),
            login: login.id.clone(),
            country: paused.country,
            normalised: paused.normalised.clone(),
            asked: asked(&login.request, client, policy),
        }
    }

    /// Seals it under a fresh word, which is the value of the browser's cookie and stands nowhere else.
    pub fn seal(&self, random: &dyn Random) -> (String, Vec<u8>) {
        let cookie = ids::token(random);
        let sealed = vault::seal(&cookie, Purpose::Session, self, random);
        (cookie, sealed)
    }

    /// Opens what was sealed under `cookie`.
    #[must_use]
    pub fn open(cookie: &str, sealed: &[u8]) -> Option<Self> {
        vault::open(cookie, Purpose::Session, sealed)
    }

    /// The answer to `request`, if the person need not be asked.
    ///
    /// # Errors
    /// The first rule that says otherwise.
    pub fn answer(
        &self,
        request: &AuthorizationRequest,
        client: &Client,
        policy: &ClientPolicy,
        blinding: &Blinding,
        now: Timestamp,
    ) -> Result<Normalised, Obstacle> {
        nobody_is_to_be_asked(request)?;
        the_question_is_the_same(self, request, client, policy)?;
        the_person_is_the_same(self, request, blinding)?;
        the_country_is_the_same(self, request)?;
        it_is_recent_enough(self, request, now)?;
        the_level_is_high_enough(self, request, policy)?;
        Ok(self.normalised.clone())
    }
}

fn nobody_is_to_be_asked(request: &AuthorizationRequest) -> Result<(), Obstacle> {
    let asks = |prompt: &Prompt| *prompt != Prompt::None;
    if request.prompt.iter().any(asks) { Err(Obstacle::Prompted) } else { Ok(()) }
}

fn the_question_is_the_same(
    session: &Session,
    request: &AuthorizationRequest,
    client: &Client,
    policy: &ClientPolicy,
) -> Result<(), Obstacle> {
    if asked(request, client, policy) == session.asked { Ok(()) } else { Err(Obstacle::OtherQuestion) }
}

/// Whom an `id_token_hint`, or a claim with a value, names.
fn the_person_is_the_same(
    session: &Session,
    request: &AuthorizationRequest,
    blinding: &Blinding,
) -> Result<(), Obstacle> {
    let here = blinding.of(&Value::String(session.normalised.sub.expose().clone()));
    let is_other = |named: &BTreeSet<Fingerprint>| !named.contains(&here);
    if request.subject.iter().any(is_other) { Err(Obstacle::OtherPerson) } else { Ok(()) }
}

fn the_country_is_the_same(session: &Session, request: &AuthorizationRequest) -> Result<(), Obstacle> {
    match choose::named_country(request) {
        Some(country) if country != session.country => Err(Obstacle::OtherCountry),
        _ => Ok(()),
    }
}

/// To the second, as the client reckons with `auth_time`. `max_age=0` asks the person in any case (OpenID Connect
/// Core §3.1.2.1), and an age that the verification may have counts like one of the authentication: the session
/// repeats it.
fn it_is_recent_enough(
    session: &Session,
    request: &AuthorizationRequest,
    now: Timestamp,
) -> Result<(), Obstacle> {
    let age = now.unix().saturating_sub(session.normalised.auth_time.unix());
    let ages = request.max_age.into_iter().chain(request.claims.verified_max_age());
    match ages.min().map(i64::try_from) {
        Some(Ok(max_age)) if max_age == 0 || age > max_age => Err(Obstacle::TooOld),
        _ => Ok(()),
    }
}

fn the_level_is_high_enough(
    session: &Session,
    request: &AuthorizationRequest,
    policy: &ClientPolicy,
) -> Result<(), Obstacle> {
    let acr = policy::acr(policy, &request.acr, &session.normalised.level);
    acr.map(|_| ()).map_err(|_| Obstacle::LevelTooLow)
}

/// What an answer is made for: scopes and claims of the request, and whatever in the registration of the client
/// decides what is released and what the person was told. The level is left out: it is compared by order.
fn asked(request: &AuthorizationRequest, client: &Client, policy: &ClientPolicy) -> [u8; 32] {
    let mut claims = request.claims.clone();
    for place in [&mut claims.id_token, &mut claims.userinfo] {
        // These two have rules of their own.
        place.remove("acr");
        place.remove("sub");
    }
    let released: Vec<_> = claims::released_attributes(request, policy);
    // Fingerprints do not print, but are written.
    let claims = serde_json::to_string(&claims).unwrap_or_default();
    let question = (&request.scope, claims, claims::wanted_claims(request, policy), released);
    let answer = (&client.id, client.claims_in_id_token(), policy.subject, &policy.sector, policy.kind);
    // Inside of claims that are objects.
    let parts = (policy.person_identifier, policy.representation, policy.flat_address);
    let told = (policy.consent, &policy.purpose, &request.purpose, policy.verified_claims, &policy.email);
    hash::sha256(format!("{question:?} {answer:?} {parts:?} {told:?}").as_bytes())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::eidas::{AssuranceLevel, Loa, SpType};
    use crate::ids::CountingRandom;
    use crate::login::tests::request;
    use crate::login::{Consent, SubjectMode};
    use crate::oidc::client::{ClaimsInIdToken, SecretHash};
    use crate::oidc::{RedirectUri, RequestedAcr, UserinfoForm};
    use crate::secret::Personal;

    fn client() -> Client {
        let uri = RedirectUri::register("https://rp.example/cb").unwrap();
        Client::new("rp", SecretHash::of("secret"), vec![uri])
    }

    fn policy() -> ClientPolicy {
        ClientPolicy::new("Service", "s", SpType::Public)
    }

    fn began() -> Timestamp {
        Timestamp::from_unix(1_795_000_000)
    }

    fn blinding() -> Blinding {
        Blinding::new([3; 32])
    }

    fn ask() -> AuthorizationRequest {
        request("openid profile", None)
    }

    fn session() -> Session {
        let normalised = Normalised {
            level: AssuranceLevel::Notified(Loa::Substantial),
            sub: Personal::new("sub".to_owned()),
            auth_time: began(),
            txn: "_response".to_owned(),
            id_token: Personal::default(),
            userinfo: Personal::default(),
        };
        let login = Login { id: "L".to_owned(), request: ask(), expires: began() };
        let paused = Paused::new(CountryCode::parse("EL").unwrap(), normalised);
        Session::begin(&login, &paused, &client(), &policy(), &CountingRandom::default())
    }

    fn obstacle(change: impl FnOnce(&mut AuthorizationRequest)) -> Option<Obstacle> {
        let mut request = ask();
        change(&mut request);
        let now = began() + Duration::from_secs(100);
        session().answer(&request, &client(), &policy(), &blinding(), now).err()
    }

    #[test]
    fn the_same_question_gets_the_same_answer() {
        let answer = session().answer(&ask(), &client(), &policy(), &blinding(), began());
        assert_eq!(answer, Ok(session().normalised));
        assert_eq!(obstacle(|request| request.prompt = [Prompt::None].into()), None);
        assert_eq!(obstacle(|request| request.nonce = Some("another".to_owned())), None);
        assert_eq!(obstacle(|request| request.state = Some("another".to_owned())), None);
    }

    #[test]
    fn a_prompt_that_asks_is_never_silent() {
        for prompt in [Prompt::Consent, Prompt::Login, Prompt::SelectAccount] {
            assert_eq!(obstacle(|request| request.prompt = [prompt].into()), Some(Obstacle::Prompted));
        }
    }

    #[test]
    fn another_question_is_another_login() {
        let other = Some(Obstacle::OtherQuestion);
        assert_eq!(obstacle(|request| request.scope = ["openid".to_owned()].into()), other);
        let more = request("openid profile", Some(serde_json::json!({ "id_token": { "gender": null } })));
        assert_eq!(obstacle(|request| *request = more), other);
        // A claim of the level is no question of its own.
        let acr = serde_json::json!({ "id_token": { "acr": { "values": ["low"] } } });
        assert_eq!(obstacle(|request_| *request_ = request("openid profile", Some(acr))), None);
    }

    #[test]
    fn another_registration_is_another_login() {
        type Change = fn(&mut Client, &mut ClientPolicy);
        let changes: [Change; 8] = [
            |client, _| client.id = "another".to_owned(),
            |client, _| client.claims_in_id_token = ClaimsInIdToken::All,
            |client, _| client.userinfo = UserinfoForm::Off,
            |_, policy| policy.person_identifier = true,
            |_, policy| policy.subject = SubjectMode::Shared,
            |_, policy| policy.sector = "another".to_owned(),
            |_, policy| policy.consent = Consent::Required,
            |_, policy| policy.purpose = Some("another".to_owned()),
        ];
        for (n, change) in changes.into_iter().enumerate() {
            let (mut client, mut policy) = (client(), policy());
            change(&mut client, &mut policy);
            let answer = session().answer(&ask(), &client, &policy, &blinding(), began());
            assert_eq!(answer, Err(Obstacle::OtherQuestion), "{n}");
        }
    }

    #[test]
    fn another_person_is_another_login() {
        let named = |sub: &str| vec![[blinding().of(&Value::String(sub.to_owned()))].into()];
        assert_eq!(obstacle(|request| request.subject = named("sub")), None);
        assert_eq!(obstacle(|request| request.subject = named("other")), Some(Obstacle::OtherPerson));
        let both = [named("sub"), named("other")].concat();
        assert_eq!(obstacle(|request| request.subject = both), Some(Obstacle::OtherPerson));
    }

    #[test]
    fn another_country_is_another_login() {
        assert_eq!(obstacle(|request| request.country = Some("EL".to_owned())), None);
        assert_eq!(obstacle(|request| request.country = Some("GR".to_owned())), None);
        assert_eq!(obstacle(|request| request.country = Some("EE".to_owned())), Some(Obstacle::OtherCountry));
    }

    #[test]
    fn max_age_counts_from_the_authentication() {
        for (max_age, expected) in [(0, Some(Obstacle::TooOld)), (99, Some(Obstacle::TooOld)), (100, None)] {
            assert_eq!(obstacle(|request| request.max_age = Some(max_age)), expected, "{max_age}");
        }
        assert_eq!(obstacle(|request| request.max_age = Some(u64::MAX)), None);
        let at_once = AuthorizationRequest { max_age: Some(0), ..ask() };
        let answer = session().answer(&at_once, &client(), &policy(), &blinding(), began());
        assert_eq!(answer, Err(Obstacle::TooOld));
    }

    #[test]
    fn the_age_of_a_verification_counts_as_well() {
        let asked = |max_age: u64| {
            let verification = json!({ "trust_framework": null, "time": { "max_age": max_age } });
            let verified = json!({ "verification": verification, "claims": { "given_name": null } });
            request("openid profile", Some(json!({ "userinfo": { "verified_claims": verified } })))
        };
        for (max_age, expected) in [(99, Some(Obstacle::TooOld)), (100, None)] {
            let request = asked(max_age);
            let paused = Paused::new(session().country, session().normalised);
            let login = Login { id: "L".to_owned(), request: request.clone(), expires: began() };
            let session = Session::begin(&login, &paused, &client(), &policy(), &CountingRandom::default());
            let now = began() + Duration::from_secs(100);
            let answer = session.answer(&request, &client(), &policy(), &blinding(), now);
            assert_eq!(answer.err(), expected, "{max_age}");
        }
    }

    #[test]
    fn a_level_that_is_too_low_now_is_another_login() {
        let essential =
            |word: &str| RequestedAcr { voluntary: Vec::new(), essential: Some(vec![word.to_owned()]) };
        assert_eq!(obstacle(|request| request.acr = essential("substantial")), None);
        assert_eq!(obstacle(|request| request.acr = essential("high")), Some(Obstacle::LevelTooLow));
        let strict = ClientPolicy { min_loa: Loa::High, ..policy() };
        let answer = session().answer(&ask(), &client(), &strict, &blinding(), began());
        assert_eq!(answer, Err(Obstacle::LevelTooLow));
    }

    #[test]
    fn a_session_opens_for_its_cookie_and_says_nothing_when_printed() {
        let (cookie, sealed) = session().seal(&CountingRandom::default());
        assert_eq!(Session::open(&cookie, &sealed), Some(session()));
        assert_eq!(Session::open("another", &sealed), None);
        assert!(format!("{:?}", session()).contains("sub: [personal]"));
    }
}
