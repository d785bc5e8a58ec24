//! The one-time code: how it is made, how long it lives, how often it may be guessed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::EmailAddress;
use crate::clock::Timestamp;
use crate::ids::{self, Random};
use crate::login::vault;
use crate::secret::Personal;

/// How long a code is good.
pub const CODE_LIFETIME: Duration = Duration::from_mins(10);

/// How often a code may be tried.
pub const TRIES: u8 = 5;

/// How long after a code has been sent to a person no other one is.
pub const PAUSE: Duration = Duration::from_secs(60);

/// How many codes are sent to one person on one day, whatever addresses they name: the gateway is not for
/// filling other people's mailboxes.
pub const CODES_A_DAY: u8 = 10;

/// How far a person has come in proving an address. Kept sealed between two requests, with the rest of the
/// login.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialogue {
    sent: Option<Sent>,
}

/// A code that is on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sent {
    address: EmailAddress,
    code: Personal<String>,
    expires: Timestamp,
    tries_left: u8,
}

/// What came of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is the one: this address is the person's.
    Right(EmailAddress),
    /// It is not.
    Wrong(Dialogue, NotTaken),
}

/// Why a code was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// It is another one; so many tries are left.
    Wrong {
        /// More than none.
        left: u8,
    },
    /// It was wrong for the last time. A new one is needed.
    Exhausted,
    /// It is too old. A new one is needed.
    Expired,
    /// None was sent, or none that still counts.
    NoneSent,
}

impl NotTaken {
    /// A word for the audit.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Wrong { .. } => "wrong",
            Self::Exhausted => "exhausted",
            Self::Expired => "expired",
            Self::NoneSent => "none_sent",
        }
    }
}

impl Dialogue {
    /// The address that a code was sent to, to be shown to the person who named it.
    #[must_use]
    pub fn address(&self) -> Option<&EmailAddress> {
        self.sent.as_ref().map(|sent| &sent.address)
    }

    /// A fresh code for `address`, and where that leads. One sent before counts no more.
    #[must_use]
    pub fn send(address: EmailAddress, now: Timestamp, random: &dyn Random) -> (Self, Personal<String>) {
        let code = Personal::new(ids::digits(random));
        let sent = Sent { address, code: code.clone(), expires: now + CODE_LIFETIME, tries_left: TRIES };
        (Self { sent: Some(sent) }, code)
    }

    /// Compares what was typed with the code. White space and hyphens do not count.
    #[must_use]
    pub fn try_code(self, typed: &str, now: Timestamp) -> Tried {
        let Some(mut sent) = self.sent else {
            return Tried::Wrong(Self::default(), NotTaken::NoneSent);
        };
        if sent.tries_left == 0 {
            return Tried::Wrong(Self { sent: Some(sent) }, NotTaken::NoneSent);
        }
        if now >= sent.expires {
            return Tried::Wrong(Self { sent: Some(sent) }, NotTaken::Expired);
        }
        let typed: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        if vault::same(&typed, sent.code.expose()) {
            return Tried::Right(sent.address);
        }
        sent.tries_left -= 1;
        let left = sent.tries_left;
        let why = if left == 0 { NotTaken::Exhausted } else { NotTaken::Wrong { left } };
        Tried::Wrong(Self { sent: Some(sent) }, why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::CountingRandom;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_000_000 + seconds)
    }

    fn sent() -> (Dialogue, String) {
        let address = EmailAddress::parse("maria@example.org").unwrap();
        let (dialogue, code) = Dialogue::send(address, at(0), &CountingRandom::default());
        (dialogue, code.into_inner())
    }

    fn wrong(dialogue: Dialogue, typed: &str, now: Timestamp) -> (Dialogue, NotTaken) {
        match dialogue.try_code(typed, now) {
            Tried::Wrong(dialogue, why) => (dialogue, why),
            Tried::Right(_) => panic!("taken"),
        }
    }

    #[test]
    fn the_code_is_good_for_ten_minutes() {
        let (dialogue, code) = sent();
        let address = dialogue.address().unwrap().clone();
        let typed = format!(" {} {}-{}\n", &code[..4], &code[4..6], &code[6..]);
        assert_eq!(dialogue.clone().try_code(&typed, at(599)), Tried::Right(address));
        assert_eq!(wrong(dialogue, &code, at(600)).1, NotTaken::Expired);
    }

    #[test]
    fn after_five_wrong_tries_the_right_code_is_no_use() {
        let (mut dialogue, code) = sent();
        for left in [4, 3, 2, 1] {
            let (next, why) = wrong(dialogue, "00000000", at(1));
            assert_eq!(why, NotTaken::Wrong { left });
            dialogue = next;
        }
        let (dialogue, why) = wrong(dialogue, "", at(1));
        assert_eq!(why, NotTaken::Exhausted);
        let (dialogue, why) = wrong(dialogue, &code, at(1));
        assert_eq!(why, NotTaken::NoneSent);
        assert!(dialogue.address().is_some(), "the page still knows where to send a new one");
    }

    #[test]
    fn a_new_code_ends_the_one_before() {
        let random = CountingRandom::default();
        let address = EmailAddress::parse("maria@example.org").unwrap();
        let (_, first) = Dialogue::send(address.clone(), at(0), &random);
        let (dialogue, second) = Dialogue::send(address.clone(), at(60), &random);
        assert_ne!(first, second);
        let (dialogue, why) = wrong(dialogue, first.expose(), at(61));
        assert_eq!(why, NotTaken::Wrong { left: 4 });
        assert_eq!(dialogue.try_code(second.expose(), at(61)), Tried::Right(address));
    }

    #[test]
    fn without_a_code_none_is_right() {
        assert_eq!(wrong(Dialogue::default(), "", at(0)).1, NotTaken::NoneSent);
    }

    #[test]
    fn neither_address_nor_code_prints() {
        let (dialogue, code) = sent();
        let printed = format!("{dialogue:?}");
        assert!(!printed.contains("maria") && !printed.contains(&code), "{printed}");
    }
}
