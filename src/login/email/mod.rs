//! E-mail for brokers that make no account without one. A national eID says nothing about e-mail, so a client
//! may be set to an alias, which is made of the `sub`, or to an address that the person is asked for once and
//! that a one-time code proves.
//!
//! Everything is decided here and nothing is done: what an address looks like, how long a code lives and how
//! often it may be guessed, and under which key an address is kept. Neither an address nor a code prints.

mod address;
mod mailbox;
mod verification;

pub use address::{EmailAddress, is_domain};
pub use mailbox::Mailbox;
pub use verification::{CODE_LIFETIME, CODES_A_DAY, Dialogue, NotTaken, PAUSE, TRIES, Tried};

/// Where a client's `email` comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum EmailSource {
    /// From the country, if it sends one: the optional attribute `EmailAddress`.
    #[default]
    Country,
    /// From the person, who is asked once and proves the address by a code.
    Collect,
    /// `<sub>@domain`.
    Alias {
        /// The operator's own domain.
        domain: String,
    },
}

impl EmailSource {
    /// Whether the country is asked for the address.
    pub(super) fn is_country(&self) -> bool {
        *self == Self::Country
    }
}
