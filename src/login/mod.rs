//! One login, from the broker's request to the code: the only place where the two worlds meet.
//!
//! Each state is a struct and each step consumes it:
//! [`ChooseCountry`] —depart→ [`AwaitResponse`] —receive→ [`Answered`] —release→ [`CodeIssued`].
//! The steps are pure. Whoever calls them stores what comes out, and the store decides what happens once.
//! An answer that is refused gives the waiting login back, so that nobody can end a login by posting
//! rubbish; a signed answer that says no is an answer, and the citizen chooses again.
//!
//! The ten steps of a login have names used in code, logs and audit: see [`step`].

mod answer;
mod choose;
pub mod claims;
mod countries;
pub mod email;
pub mod failure;
pub mod interlude;
mod policy;
mod release;
pub mod session;
mod subject;
pub mod vault;
pub mod verified;

pub use answer::{Answered, AwaitResponse, DeclinedAnswer, Normalised, Outcome, Recipient, Refused};
pub use choose::{ChooseCountry, Departure, DepartureRefused, Login, State};
pub use countries::{Countries, Entry, Obstacle, Offer};
pub use failure::Failure;
pub use interlude::{Interlude, Paused};
pub use policy::{AcrStyle, ClientPolicy, Consent, LevelError};
pub use release::CodeIssued;
pub use subject::{SubjectError, SubjectKey, SubjectMode};

/// The names of the ten steps (docs/architecture.md).
pub mod step {
    /// 1: the broker's authorization request arrives.
    pub const REQUEST: &str = "request";
    /// 2: the citizen picks a member state.
    pub const COUNTRY: &str = "country";
    /// 3: the AuthnRequest is built and signed; the pending login is stored.
    pub const PREPARE: &str = "prepare";
    /// 4: the browser posts it to the node.
    pub const DEPART: &str = "depart";
    /// 5: the citizen authenticates in their own country.
    pub const AUTHENTICATE: &str = "authenticate";
    /// 6: the node's answer arrives.
    pub const RETURN: &str = "return";
    /// 7: signature, decryption, every rule of the response table.
    pub const VERIFY: &str = "verify";
    /// 8: attributes become claims.
    pub const NORMALISE: &str = "normalise";
    /// 9: the browser that began the login takes the code to the broker.
    pub const RELEASE: &str = "release";
    /// 10: the broker redeems the code.
    pub const REDEEM: &str = "redeem";
}

#[cfg(test)]
mod tests;
