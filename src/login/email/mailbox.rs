//! Where a proven address is kept: sealed, under a tag that names nobody.

use super::EmailAddress;
use crate::crypto::{hash, seal};
use crate::ids::Random;
use crate::secret::Secret;

/// The place of one person's address for the clients of one sector. Both its tag and the key of what is in it
/// are made of the key that makes `sub`: without that key, a copy of the database tells neither whose an
/// address is nor what it says, and what was put into one place does not open in another.
#[derive(Clone, Debug)]
pub struct Mailbox {
    key: Secret<[u8; 32]>,
    tag: [u8; 32],
}

impl Mailbox {
    /// The place whose key is `key`: an HMAC of sector and `sub` under the subject key
    /// ([`crate::login::SubjectKey::mailbox`]).
    #[must_use]
    pub(in crate::login) fn new(key: [u8; 32]) -> Self {
        Self { tag: hash::hmac_sha256(&key, b"tag"), key: Secret::new(key) }
    }

    /// What the store knows it by.
    #[must_use]
    pub fn tag(&self) -> [u8; 32] {
        self.tag
    }

    /// A word for [`crate::store::Store::use_once`] that counts how often codes are sent to this person:
    /// `what` tells one count from another.
    #[must_use]
    pub fn word(&self, what: &str) -> [u8; 32] {
        hash::hmac_sha256(self.key.expose(), [b"sent ", what.as_bytes()].concat().as_slice())
    }

    /// Seals `address` for this place.
    pub fn seal(&self, address: &EmailAddress, random: &dyn Random) -> Vec<u8> {
        seal::seal(self.key.expose(), CONTEXT, address.expose().as_bytes(), random)
    }

    /// Opens what [`Self::seal`] made for this place.
    #[must_use]
    pub fn open(&self, sealed: &[u8]) -> Option<EmailAddress> {
        let plain = seal::open(self.key.expose(), CONTEXT, sealed)?;
        EmailAddress::parse(std::str::from_utf8(&plain).ok()?)
    }
}

const CONTEXT: &str = "verified e-mail address";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::CountingRandom;
    use crate::login::SubjectKey;

    fn mailbox(key: u8, sector: &str, sub: &str) -> Mailbox {
        SubjectKey::new(1, [key; 32]).mailbox(sector, sub)
    }

    #[test]
    fn an_address_opens_in_its_own_place_only() {
        let address = EmailAddress::parse("maria@example.org").unwrap();
        let here = mailbox(1, "town", "sub");
        let sealed = here.seal(&address, &CountingRandom::default());
        assert!(!String::from_utf8_lossy(&sealed).contains("maria"));
        assert_eq!(mailbox(1, "town", "sub").open(&sealed), Some(address));
        for other in [mailbox(2, "town", "sub"), mailbox(1, "city", "sub"), mailbox(1, "town", "sus")] {
            assert_eq!(other.open(&sealed), None);
            assert_ne!(other.tag(), here.tag());
            assert_ne!(other.word("pause"), here.word("pause"));
        }
    }

    #[test]
    fn tag_and_words_are_all_different() {
        let here = mailbox(1, "town", "sub");
        assert_ne!(here.tag(), here.word(""));
        assert_ne!(here.word("pause"), here.word("day 1"));
        assert!(!format!("{here:?}").contains(", 1, 1"), "the key does not print");
    }
}
