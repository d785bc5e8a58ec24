//! Between step 8 and step 9: what the person is asked before the code is made.
//!
//! The outcome of a login is taken from the store once. If the person has to see or say something first, it is
//! put back under a fresh handle, together with what has been said so far, and a page carries that handle; the
//! form of the page takes it again. So each page counts once, in one tab of one browser.
//!
//! [`next`] is the whole order of the pages. A new one is a word of [`Interlude`], a step in `STEPS`, and what
//! it needs to remember in [`Progress`].

use serde::{Deserialize, Serialize};

use super::answer::Normalised;
use super::email::Dialogue;
use super::policy::{ClientPolicy, Consent};
use super::vault::{self, Purpose};
use crate::eidas::CountryCode;
use crate::ids::{self, Random};
use crate::oidc::AuthorizationRequest;
use crate::oidc::authorize::Prompt;

/// Claims that are ready to be released, while the person is asked something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Paused {
    /// The country that they come from.
    pub country: CountryCode,
    /// The claims.
    pub normalised: Normalised,
    /// What has been asked and answered.
    pub progress: Progress,
}

/// What the person has seen and said on the pages so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// How far the person has come in proving an e-mail address.
    #[serde(default)]
    pub email: Dialogue,
    /// The person has seen what will be released, and agreed if that was the question.
    pub agreed: bool,
}

/// A page between the answer and the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interlude {
    /// The person is asked for an e-mail address, and for the code that proves it.
    Email,
    /// What will be released is shown; to go on is enough.
    Notice,
    /// What will be released is shown, and the person agrees or refuses.
    Consent,
}

/// The next page for the person, or none: then the code is made.
#[must_use]
pub fn next(policy: &ClientPolicy, request: &AuthorizationRequest, paused: &Paused) -> Option<Interlude> {
    STEPS.iter().find_map(|step| step(policy, request, paused))
}

type Step = fn(&ClientPolicy, &AuthorizationRequest, &Paused) -> Option<Interlude>;

/// In order. The release is last: it shows everything.
const STEPS: &[Step] = &[the_person_has_an_address, the_person_knows_what_is_released];

fn the_person_has_an_address(
    policy: &ClientPolicy,
    request: &AuthorizationRequest,
    paused: &Paused,
) -> Option<Interlude> {
    paused.normalised.lacks_email(request, policy).then_some(Interlude::Email)
}

/// `prompt=consent` asks, whatever the client is set to (OpenID Connect Core §3.1.2.1).
fn the_person_knows_what_is_released(
    policy: &ClientPolicy,
    request: &AuthorizationRequest,
    paused: &Paused,
) -> Option<Interlude> {
    match policy.consent {
        _ if paused.progress.agreed => None,
        Consent::Required => Some(Interlude::Consent),
        _ if request.prompt.contains(&Prompt::Consent) => Some(Interlude::Consent),
        Consent::Notice => Some(Interlude::Notice),
        Consent::Off => None,
    }
}

impl Paused {
    /// At the beginning: nothing has been asked.
    #[must_use]
    pub fn new(country: CountryCode, normalised: Normalised) -> Self {
        Self { country, normalised, progress: Progress::default() }
    }

    /// Seals it under a fresh handle, which goes into the page's form and nowhere else.
    pub fn seal(&self, random: &dyn Random) -> (String, Vec<u8>) {
        let handle = ids::token(random);
        let sealed = self.seal_under(&handle, random);
        (handle, sealed)
    }

    /// Seals it under the handle that it was taken by, because the person stays on the same page.
    pub fn seal_under(&self, handle: &str, random: &dyn Random) -> Vec<u8> {
        vault::seal(handle, Purpose::Interlude, self, random)
    }

    /// Opens what was sealed under `handle`.
    #[must_use]
    pub fn open(handle: &str, sealed: &[u8]) -> Option<Self> {
        vault::open(handle, Purpose::Interlude, sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::eidas::{AssuranceLevel, Loa, SpType};
    use crate::ids::CountingRandom;
    use crate::login::tests::request;
    use crate::secret::Personal;

    fn paused() -> Paused {
        let normalised = Normalised {
            level: AssuranceLevel::Notified(Loa::High),
            sub: Personal::new("sub".to_owned()),
            auth_time: Timestamp::from_unix(1_795_000_000),
            txn: "_response".to_owned(),
            id_token: Personal::default(),
            userinfo: Personal::default(),
        };
        Paused::new(CountryCode::parse("EE").unwrap(), normalised)
    }

    fn asked(consent: Consent, prompt: Option<Prompt>, agreed: bool) -> Option<Interlude> {
        let policy = ClientPolicy { consent, ..ClientPolicy::new("Service", "s", SpType::Public) };
        let mut request = request("openid", None);
        request.prompt = prompt.into_iter().collect();
        let progress = Progress { agreed, ..Progress::default() };
        next(&policy, &request, &Paused { progress, ..paused() })
    }

    #[test]
    fn the_release_is_shown_as_the_client_is_set_and_prompt_consent_always_asks() {
        let (consent, notice) = (Some(Interlude::Consent), Some(Interlude::Notice));
        for (mode, prompt, expected) in [
            (Consent::Off, None, None),
            (Consent::Off, Some(Prompt::Login), None),
            (Consent::Off, Some(Prompt::Consent), consent),
            (Consent::Notice, None, notice),
            (Consent::Notice, Some(Prompt::Consent), consent),
            (Consent::Required, None, consent),
            (Consent::Required, Some(Prompt::Login), consent),
        ] {
            assert_eq!(asked(mode, prompt, false), expected, "{mode:?} {prompt:?}");
            assert_eq!(asked(mode, prompt, true), None, "{mode:?} {prompt:?}");
        }
    }

    #[test]
    fn what_is_paused_opens_for_its_handle_and_for_no_other_step() {
        let (handle, sealed) = paused().seal(&CountingRandom::default());
        assert_eq!(Paused::open(&handle, &sealed), Some(paused()));
        assert_eq!(Paused::open("other", &sealed), None);
        assert_eq!(crate::login::Outcome::open(&handle, &sealed), None);
    }
}
