//! How a person becomes a `sub`.
//!
//! The identifier that a member state sends is up to 256 characters of anything and often a national
//! number, so by default it is not shown: the subject is an HMAC of it under a key of the deployment,
//! separate for each sector (pairwise, OpenID Connect Core §8.1). Octets are used exactly as received: no
//! case folding, no Unicode normalisation, or one person could become another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::email::Mailbox;
use crate::crypto::hash::{hex, hmac_sha256};
use crate::crypto::seal;
use crate::eidas::{Person, Subject};
use crate::ids::Random;
use crate::oidc::Blinding;
use crate::secret::Secret;

/// What kind of `sub` a client gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectMode {
    /// One per person and sector; two sectors cannot compare notes. The default.
    #[default]
    Pairwise,
    /// One per person, the same for every client in this mode.
    Shared,
    /// The eIDAS identifier itself. Only for a client that may have it.
    Raw,
}

/// The key that makes subjects. To lose it is to orphan every account, so it has a version and a check
/// value that can be written down next to the backup.
#[derive(Clone, Debug)]
pub struct SubjectKey {
    version: u32,
    key: Secret<[u8; 32]>,
}

/// Why no subject can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// `sub` has room for 255 ASCII characters (OpenID Connect Core §2), and truncation would be a lie.
    #[error("the identifier does not fit into a raw sub")]
    RawTooLong,
    /// A representative and the person they represent would share one raw `sub`.
    #[error("a raw sub cannot tell a representative from the person represented")]
    RawRepresentative,
}

impl SubjectKey {
    /// A key of 256 bits with the number it has in the configuration.
    #[must_use]
    pub fn new(version: u32, key: [u8; 32]) -> Self {
        Self { version, key: Secret::new(key) }
    }

    /// The number of this key.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Sixteen hexadecimal digits that tell this key from any other without revealing it. The operator
    /// keeps them; at start they are compared, so that a wrong key file is found before the first login.
    #[must_use]
    pub fn check_value(&self) -> String {
        let message =
            [b"eidas-sub-check".as_slice(), SEPARATOR.as_bytes(), &self.version.to_be_bytes()].concat();
        let mac = hmac_sha256(self.key.expose(), &message);
        let mut digits = hex(&mac);
        digits.truncate(16);
        digits
    }

    /// What keeps the values that requests compare with, such as an expected `sub`.
    #[must_use]
    pub fn blinding(&self) -> Blinding {
        Blinding::new(hmac_sha256(self.key.expose(), b"eidas-request-values"))
    }

    /// The `sub` of `subject` for a client of `sector` in `mode`.
    ///
    /// # Errors
    /// Only in [`SubjectMode::Raw`], see [`SubjectError`].
    pub fn derive(&self, mode: SubjectMode, sector: &str, subject: &Subject) -> Result<String, SubjectError> {
        match mode {
            SubjectMode::Pairwise => Ok(self.opaque(sector, subject)),
            SubjectMode::Shared => Ok(self.opaque(EVERY_SECTOR, subject)),
            SubjectMode::Raw => raw(subject),
        }
    }

    /// Where the address of the person that the clients of `sector` know as `sub` is kept.
    #[must_use]
    pub fn mailbox(&self, sector: &str, sub: &str) -> Mailbox {
        let parts = [MAILBOX, sector, sub].join(SEPARATOR);
        Mailbox::new(hmac_sha256(self.key.expose(), parts.as_bytes()))
    }

    /// Seals what the database keeps of the client `id`. Nobody without this key reads it, or can make a client of
    /// their own.
    pub fn seal_client(&self, id: &str, plain: &[u8], random: &dyn Random) -> Vec<u8> {
        seal::seal(&self.clients(), id, plain, random)
    }

    /// Opens what [`Self::seal_client`] made for this client.
    #[must_use]
    pub fn open_client(&self, id: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        seal::open(&self.clients(), id, sealed)
    }

    fn clients(&self) -> [u8; 32] {
        hmac_sha256(self.key.expose(), CLIENTS.as_bytes())
    }

    /// base64url(HMAC-SHA-256(key, scheme, sector, type, identifier)), the parts joined by 0x1F.
    ///
    /// Somebody who acts for another is a subject of their own: the pair of both, each with their kind, for
    /// a country may give a person and a company the same identifier. Otherwise a representative would open
    /// the account of the person represented.
    fn opaque(&self, sector: &str, subject: &Subject) -> String {
        let mut parts = vec![SCHEME, sector, subject_type(subject)];
        let represented = &subject.person;
        if let Some(representative) = &subject.representative {
            parts.extend([represented.kind().as_str(), identifier(represented)]);
            parts.extend([representative.kind().as_str(), identifier(representative)]);
        } else {
            parts.push(identifier(represented));
        }
        URL_SAFE_NO_PAD.encode(hmac_sha256(self.key.expose(), parts.join(SEPARATOR).as_bytes()))
    }
}

fn identifier(person: &Person) -> &str {
    person.identifier().expose().as_str()
}

/// `natural`, `legal`, or `representative` when somebody acts for the subject.
#[must_use]
pub(super) fn subject_type(subject: &Subject) -> &'static str {
    match (&subject.representative, &subject.person) {
        (Some(_), _) => "representative",
        (None, Person::Natural(_)) => "natural",
        (None, Person::Legal(_)) => "legal",
    }
}

/// The identifier itself; octets that are not ASCII, and `%`, as `%XX`. `%` always, so that an identifier
/// that holds an escape of its own does not become that of somebody else.
fn raw(subject: &Subject) -> Result<String, SubjectError> {
    if subject.representative.is_some() {
        return Err(SubjectError::RawRepresentative);
    }
    let identifier = identifier(&subject.person);
    let mut sub = String::with_capacity(identifier.len());
    for octet in identifier.bytes() {
        match octet {
            b'%' | 0x80.. => {
                use std::fmt::Write as _;
                let _ = write!(sub, "%{octet:02X}");
            }
            _ => sub.push(char::from(octet)),
        }
    }
    if sub.len() > MAX_SUB { Err(SubjectError::RawTooLong) } else { Ok(sub) }
}

const SCHEME: &str = "eidas-sub-1";
const CLIENTS: &str = "eidas-clients-1";
const MAILBOX: &str = "eidas-mailbox-1";
const EVERY_SECTOR: &str = "*";
/// ASCII "unit separator"; the configuration refuses control characters in a sector.
const SEPARATOR: &str = "\u{1f}";
const MAX_SUB: usize = 255;
