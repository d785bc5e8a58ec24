//! The one table from what went wrong to what each side is told.
//!
//! Every refusal anywhere in a login is one [`Failure`], and every failure is one row: a stable code, whose
//! fault it is, the OAuth error for the broker, the text for the citizen, the HTTP status and the word for
//! the audit. docs/errors.md is printed from [`Failure::ALL`]. Details never pass through here: they go to
//! the log once, under the reference number that the page shows.

use serde::{Deserialize, Serialize};

use crate::oidc::OAuthError;

/// Who has to act before the same thing works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The broker (the relying party) sent something that cannot be served.
    Broker,
    /// The citizen decided so, or used an old page.
    Citizen,
    /// The gateway or its configuration.
    Gateway,
    /// The member state's node.
    Node,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Stable code of this failure for log and audit (`EG-2104`).
    pub code: &'static str,
    /// The code that the citizen's page shows. One for all refused answers: what exactly was wrong with a
    /// message is no one's business who might have forged it (SEC-33).
    pub shown: &'static str,
    /// Whose fault it is.
    pub fault: Fault,
    /// What the broker is told when the login ends here; `None` where nothing may be sent to a broker.
    pub oauth: Option<OAuthError>,
    /// Key of the page's text.
    pub text: &'static str,
    /// HTTP status of a page that shows it.
    pub status: u16,
    /// Whether the citizen may go on with the same login: try again, or choose another country.
    pub retry: bool,
    /// One sentence for docs/errors.md and for the log.
    pub meaning: &'static str,
}

macro_rules! table {
    ($(
        #[doc = $meaning:literal]
        $name:ident $code:literal shown $shown:literal, $fault:ident, $oauth:expr, $text:literal, $status:literal, $retry:expr;
    )*) => {
        /// Everything that can end a login or one step of it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Failure {
            $(#[doc = $meaning] $name,)*
        }

        impl Failure {
            /// All rows, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The row of this failure.
            #[must_use]
            pub const fn row(self) -> Row {
                match self {
                    $(Self::$name => Row {
                        code: $code,
                        shown: $shown,
                        fault: Fault::$fault,
                        oauth: $oauth,
                        text: $text,
                        status: $status,
                        retry: $retry,
                        meaning: $meaning.trim_ascii_start(),
                    },)*
                }
            }
        }
    };
}

const DENIED: Option<OAuthError> = Some(OAuthError::AccessDenied);
const SERVER: Option<OAuthError> = Some(OAuthError::ServerError);
const LATER: Option<OAuthError> = Some(OAuthError::TemporarilyUnavailable);
const LOGIN: Option<OAuthError> = Some(OAuthError::LoginRequired);
const UNMET: Option<OAuthError> = Some(OAuthError::UnmetAuthenticationRequirements);
const RETRY: bool = true;
const FINAL: bool = false;

table! {
    // 1: the broker's requests.
    /// The client or its redirect URI is not known, so there is no one to send an error to.
    RequestPage "EG-1001" shown "EG-1001", Broker, None, "request-unknown", 400, FINAL;
    /// The authorization request was refused by a rule of the rule table.
    RequestRefused "EG-1002" shown "EG-1002", Broker, Some(OAuthError::InvalidRequest), "request-refused", 400, FINAL;
    /// The client has no policy for logins: the configuration names it only half.
    ClientWithoutPolicy "EG-1003" shown "EG-1003", Gateway, SERVER, "our-fault", 500, FINAL;
    /// Every level of assurance that the broker insists on is unknown.
    LevelUnknown "EG-1004" shown "EG-1004", Broker, UNMET, "level-unavailable", 400, FINAL;
    /// The pushed authorization request was refused.
    PushRefused "EG-1005" shown "EG-1005", Broker, None, "request-refused", 400, FINAL;
    /// The request to log somebody out was refused.
    LogoutRefused "EG-1006" shown "EG-1006", Broker, None, "logout-refused", 400, FINAL;
    /// The token request was refused.
    TokenRefused "EG-1101" shown "EG-1101", Broker, None, "request-refused", 400, FINAL;
    /// A code was redeemed a second time; its access tokens are withdrawn.
    CodeReused "EG-1102" shown "EG-1102", Broker, None, "request-refused", 400, FINAL;
    /// The access token at userinfo is unknown, expired or withdrawn.
    AccessTokenRefused "EG-1103" shown "EG-1103", Broker, None, "request-refused", 401, FINAL;
    /// A client assertion was used a second time.
    AssertionReplayed "EG-1104" shown "EG-1104", Broker, None, "request-refused", 401, FINAL;
    /// The introspection request was refused.
    IntrospectionRefused "EG-1105" shown "EG-1105", Broker, None, "request-refused", 400, FINAL;
    /// The revocation request was refused.
    RevocationRefused "EG-1106" shown "EG-1106", Broker, None, "request-refused", 400, FINAL;
    /// Something is to be encrypted to the client, and no key of it that fits can be had.
    ClientKeyMissing "EG-1107" shown "EG-1107", Broker, None, "request-refused", 500, FINAL;

    // 2: the member state's answer.
    /// The answer is not one readable SAML Response (SEC-01 to SEC-06).
    AnswerUnreadable "EG-2101" shown "EG-2100", Node, SERVER, "answer-refused", 400, RETRY;
    /// The signature of the answer does not hold (SEC-07 to SEC-12).
    AnswerSignature "EG-2102" shown "EG-2100", Node, SERVER, "answer-refused", 400, RETRY;
    /// The answer belongs to no login that waits for one (SEC-13).
    AnswerUnexpected "EG-2103" shown "EG-2100", Node, SERVER, "answer-refused", 400, RETRY;
    /// The answer has another sender, addressee or time than it must (SEC-14 to SEC-16).
    AnswerEnvelope "EG-2104" shown "EG-2100", Node, SERVER, "answer-refused", 400, RETRY;
    /// The answer, or its assertion, has been used before (SEC-17, SEC-32).
    AnswerReplayed "EG-2105" shown "EG-2100", Node, SERVER, "answer-refused", 400, RETRY;
    /// The status of the answer is malformed (SEC-18).
    AnswerStatus "EG-2106" shown "EG-2100", Node, SERVER, "answer-refused", 400, RETRY;
    /// The assertion is not encrypted as it must be, or does not decrypt (SEC-19 to SEC-21).
    AnswerEncryption "EG-2107" shown "EG-2100", Node, SERVER, "answer-refused", 400, RETRY;
    /// The assertion breaks a rule of the profile (SEC-22 to SEC-26).
    AnswerAssertion "EG-2108" shown "EG-2100", Node, SERVER, "answer-refused", 400, RETRY;
    /// The level of assurance of the eID is below the one asked for (SEC-27).
    LevelTooLow "EG-2109" shown "EG-2109", Citizen, UNMET, "level-too-low", 403, RETRY;
    /// The person's identifier is not one that this country may issue to us (SEC-28).
    AnswerIdentifier "EG-2110" shown "EG-2100", Node, SERVER, "answer-refused", 400, RETRY;
    /// The set of attributes is incomplete, doubled or of the wrong kind (SEC-29).
    AnswerDataSet "EG-2111" shown "EG-2100", Node, SERVER, "answer-refused", 400, RETRY;
    /// Somebody acts for somebody else, and this service does not accept that (SEC-30).
    RepresentationRefused "EG-2112" shown "EG-2112", Citizen, DENIED, "representation-refused", 403, RETRY;
    /// Somebody else logged in than the person that the broker named.
    SubjectOther "EG-2113" shown "EG-2113", Citizen, LOGIN, "other-person", 403, RETRY;
    /// The answer was refused by a rule that this table does not group.
    AnswerRefused "EG-2199" shown "EG-2100", Node, SERVER, "answer-refused", 400, RETRY;
    /// The citizen cancelled, or the authentication failed, in their own country.
    DeclinedCancelled "EG-2201" shown "EG-2201", Citizen, DENIED, "declined-cancelled", 403, RETRY;
    /// The member state refuses this request or this service.
    DeclinedDenied "EG-2202" shown "EG-2202", Node, DENIED, "declined-denied", 403, RETRY;
    /// The member state cannot authenticate at the level asked for.
    DeclinedLevel "EG-2203" shown "EG-2203", Citizen, UNMET, "level-too-low", 403, RETRY;
    /// The member state says that our request is wrong: our fault, or its metadata is out of step.
    DeclinedOurFault "EG-2204" shown "EG-2204", Gateway, SERVER, "country-trouble", 502, RETRY;
    /// The member state reports trouble of its own.
    DeclinedNodeFault "EG-2205" shown "EG-2205", Node, LATER, "country-trouble", 502, RETRY;

    // 3: the login in this browser.
    /// The login is unknown, or so old that it has been forgotten.
    LoginUnknown "EG-3001" shown "EG-3001", Citizen, None, "login-expired", 404, FINAL;
    /// The login took longer than it may.
    LoginExpired "EG-3002" shown "EG-3002", Citizen, DENIED, "login-expired", 410, FINAL;
    /// The login was begun in another browser, or this one did not keep its cookie.
    WrongBrowser "EG-3003" shown "EG-3003", Citizen, None, "wrong-browser", 403, FINAL;
    /// The way back has been taken already: a reload, or the back button.
    AlreadyReleased "EG-3004" shown "EG-3004", Citizen, None, "already-released", 409, FINAL;
    /// A form of ours came without its token, or from a page that is not ours.
    ForgedForm "EG-3005" shown "EG-3005", Citizen, None, "forged-form", 403, FINAL;
    /// The citizen pressed cancel on a page of ours.
    CancelledHere "EG-3006" shown "EG-3006", Citizen, DENIED, "declined-cancelled", 403, FINAL;
    /// The citizen does not agree to what would be released.
    ConsentRefused "EG-3007" shown "EG-3007", Citizen, DENIED, "declined-cancelled", 403, FINAL;

    // 4: the countries.
    /// No country can serve this request at all.
    NoCountry "EG-4001" shown "EG-4001", Gateway, LATER, "no-country", 503, FINAL;
    /// No country offers the level of assurance that was asked for.
    NoCountryAtLevel "EG-4002" shown "EG-4002", Broker, UNMET, "level-unavailable", 400, FINAL;
    /// The chosen country cannot be reached: its metadata is missing, expired or not trusted.
    CountryUnavailable "EG-4003" shown "EG-4003", Node, LATER, "country-unavailable", 503, RETRY;
    /// The chosen country cannot serve this request.
    CountryUnable "EG-4004" shown "EG-4004", Node, UNMET, "country-unable", 400, RETRY;
    /// The country named is not one of ours.
    CountryUnknown "EG-4005" shown "EG-4005", Citizen, LATER, "country-unavailable", 400, RETRY;

    // 5: ourselves.
    /// The request for the member state could not be built.
    RequestNotBuilt "EG-5001" shown "EG-5001", Gateway, SERVER, "our-fault", 500, RETRY;
    /// The database did not answer.
    StoreUnavailable "EG-5002" shown "EG-5002", Gateway, LATER, "our-fault", 503, RETRY;
    /// What was stored could not be read back.
    StateUnreadable "EG-5003" shown "EG-5003", Gateway, SERVER, "our-fault", 500, FINAL;
    /// The identifier cannot be the subject in the mode that the client is set to.
    SubjectUnusable "EG-5004" shown "EG-5004", Gateway, SERVER, "our-fault", 500, RETRY;
    /// A key of ours did not sign.
    KeyUnusable "EG-5005" shown "EG-5005", Gateway, SERVER, "our-fault", 500, FINAL;
    /// More logins wait than the gateway keeps at a time.
    TooManyLogins "EG-5006" shown "EG-5006", Gateway, LATER, "our-fault", 503, FINAL;
    /// The mail server does not take our mail.
    MailNotSent "EG-5007" shown "EG-5007", Gateway, LATER, "mail-trouble", 503, FINAL;

    // 6: HTTP.
    /// There is no such page.
    NotFound "EG-6001" shown "EG-6001", Citizen, None, "not-found", 404, FINAL;
    /// The page cannot be called with this method.
    MethodNotAllowed "EG-6002" shown "EG-6002", Citizen, None, "method-not-allowed", 405, FINAL;
    /// The request is larger than it may be.
    TooLarge "EG-6003" shown "EG-6003", Citizen, None, "bad-request", 413, FINAL;
    /// The request is not the form that is expected here.
    BadForm "EG-6004" shown "EG-6004", Citizen, None, "bad-request", 400, FINAL;
}

impl Failure {
    /// The failure of a response that broke `rule` of the eIDAS response table (`SEC-15`).
    #[must_use]
    pub fn of_rule(rule: &str) -> Self {
        let number = rule.strip_prefix("SEC-").and_then(|n| n.parse::<u8>().ok());
        match number {
            Some(1..=6) => Self::AnswerUnreadable,
            Some(7..=12) => Self::AnswerSignature,
            Some(13) => Self::AnswerUnexpected,
            Some(14..=16) => Self::AnswerEnvelope,
            Some(17 | 32) => Self::AnswerReplayed,
            Some(18) => Self::AnswerStatus,
            Some(19..=21) => Self::AnswerEncryption,
            Some(22..=26) => Self::AnswerAssertion,
            Some(27) => Self::LevelTooLow,
            Some(28) => Self::AnswerIdentifier,
            Some(29) => Self::AnswerDataSet,
            Some(30) => Self::RepresentationRefused,
            _ => Self::AnswerRefused,
        }
    }

    /// Whether this is about an HTTP request alone and no login, such as what scanners leave behind. The log
    /// has it; the audit does not.
    #[must_use]
    pub const fn is_about_http(self) -> bool {
        matches!(self, Self::NotFound | Self::MethodNotAllowed | Self::TooLarge | Self::BadForm)
    }

    /// The failure that is known by `code`, in its own or its shown form. For the failure page's address.
    #[must_use]
    pub fn by_shown(code: &str) -> Option<Self> {
        if code == SHOWN_ANSWER_REFUSED {
            return Some(Self::AnswerRefused);
        }
        Self::ALL.iter().copied().find(|failure| failure.row().shown == code)
    }
}

/// What the page shows for every answer that was refused for its form (SEC-33).
const SHOWN_ANSWER_REFUSED: &str = "EG-2100";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_ordered_and_well_formed() {
        let codes: Vec<_> = Failure::ALL.iter().map(|f| f.row().code).collect();
        let mut sorted = codes.clone();
        sorted.sort_unstable();
        assert_eq!(codes, sorted);
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
        assert!(codes.iter().all(|c| c.len() == 7 && c.starts_with("EG-")));
    }

    #[test]
    fn every_refused_answer_looks_the_same_outside() {
        let outside = |f: Failure| {
            let row = f.row();
            (row.shown, row.text, row.status, row.oauth, row.retry)
        };
        for rule in (1..=32).filter(|n| ![27, 30, 31].contains(n)) {
            let failure = Failure::of_rule(&format!("SEC-{rule:02}"));
            assert_eq!(outside(failure), outside(Failure::AnswerRefused), "SEC-{rule:02}");
        }
    }

    #[test]
    fn what_a_page_shows_leads_back_to_the_same_page() {
        for failure in Failure::ALL {
            let back = Failure::by_shown(failure.row().shown).unwrap();
            assert_eq!(back.row().text, failure.row().text);
            assert_eq!(back.row().shown, failure.row().shown);
        }
        assert_eq!(Failure::by_shown("EG-2101"), None);
        assert_eq!(Failure::by_shown("<script>"), None);
    }
}
