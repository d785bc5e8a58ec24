//! Our keys over time: which one signs, which ones are published, which ones decrypt at a given moment.
//!
//! Peers may use our metadata as they have it until its `validUntil`. So a signing key is published two days
//! before it signs, and what has been replaced stays published, and still decrypts, for two days: twice as
//! long as our metadata is valid. Everything follows from two instants of each key and the present; nothing
//! is remembered, so all instances agree.

use std::time::Duration;

use super::connector::Connector;
use super::metadata::VALID_FOR;
use super::trust::lifecycle::Expiry;
use crate::clock::Timestamp;
use crate::crypto::turn::{self, Stage, Turn, Turns};
use crate::crypto::{Certificate, DecryptionKey, SigningKey};

/// How long a signing key is published before it signs, if nobody says otherwise.
pub const AHEAD: Duration = Duration::from_secs(2 * VALID_FOR.as_secs());

/// How long a key stays published, and still decrypts, after the next one has taken its place.
pub const KEEP: Duration = Duration::from_secs(2 * VALID_FOR.as_secs());

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyUse {
    /// Signs requests.
    Signing,
    /// Decrypts assertions.
    Encryption,
    /// Signs our metadata. Others have pinned its certificate, so its change is agreed with them beforehand.
    MetadataSigning,
}

impl KeyUse {
    /// The word for it, as on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::Encryption => "encryption",
            Self::MetadataSigning => "metadata-signing",
        }
    }

    /// How long a replaced key is still needed.
    fn keep(self) -> Duration {
        match self {
            Self::Signing | Self::Encryption => KEEP,
            // Who has our metadata has no more use for the key that signed it.
            Self::MetadataSigning => Duration::ZERO,
        }
    }
}

/// The stage at `now` of each of the keys for `usage`. `turns` is in the order of `use_from`.
///
/// Until `use_from` an encryption key is not published either: metadata has one.
#[must_use]
pub fn stages(usage: KeyUse, turns: &[Turn], now: Timestamp) -> Vec<Stage> {
    turn::stages(usage.keep(), turns, now)
}

/// A key as a person is told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyState {
    /// What it is for.
    pub usage: KeyUse,
    /// Where it is in its life.
    pub stage: Stage,
    /// Its two instants.
    pub turn: Turn,
    /// Its certificate.
    pub certificate: Certificate,
}

/// Ourselves, at any time.
#[derive(Clone, Debug)]
pub struct Rollover {
    /// Everything but the keys.
    template: Connector,
    signing: Turns<SigningKey>,
    encryption: Turns<DecryptionKey>,
    metadata_signing: Turns<(SigningKey, Vec<Certificate>)>,
}

impl From<Connector> for Rollover {
    /// Without any change of keys.
    fn from(connector: Connector) -> Self {
        let first = |key: &DecryptionKey| (Turn::FIRST, key.clone());
        let encryption = connector.decryption.first().map(first).into_iter().collect();
        let metadata = (connector.metadata_signing.clone(), connector.metadata_chain.clone());
        let signing = vec![(Turn::FIRST, connector.signing.clone())];
        Self::new(connector, signing, encryption, vec![(Turn::FIRST, metadata)])
    }
}

impl Rollover {
    /// The connector with the keys that take turns. The connector's own keys serve when no other does; its
    /// further signing certificates are published, and its further decryption keys decrypt, at all times.
    #[must_use]
    pub fn new(
        connector: Connector,
        signing: Vec<(Turn, SigningKey)>,
        encryption: Vec<(Turn, DecryptionKey)>,
        metadata_signing: Vec<(Turn, (SigningKey, Vec<Certificate>))>,
    ) -> Self {
        Self {
            template: connector,
            signing: Turns::new(KeyUse::Signing.keep(), signing),
            encryption: Turns::new(KeyUse::Encryption.keep(), encryption),
            metadata_signing: Turns::new(KeyUse::MetadataSigning.keep(), metadata_signing),
        }
    }

    /// Ourselves at `now`.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Connector {
        let mut connector = self.template.clone();
        if let Some(key) = self.signing.active(now) {
            connector.signing = key.clone();
        }
        let published = self.signing.in_stage(now, &[Stage::Next, Stage::Previous]);
        connector.extra_signing_certificates.extend(published.map(|key| key.certificate().clone()));
        if let Some((key, chain)) = self.metadata_signing.active(now) {
            connector.metadata_signing = key.clone();
            connector.metadata_chain.clone_from(chain);
        }
        if let Some(active) = self.encryption.active(now) {
            // A key that is still to come decrypts already: another instance's clock may be ahead of ours.
            let others = self.encryption.in_stage(now, &[Stage::Previous, Stage::Next, Stage::Waiting]);
            let further = self.template.decryption.iter().skip(1);
            connector.decryption = [active].into_iter().chain(others).chain(further).cloned().collect();
        }
        connector
    }

    /// When [`Self::at`] will be something else than at `now`.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        let instants = self.signing.instants().chain(self.encryption.instants());
        instants.chain(self.metadata_signing.instants()).filter(|at| *at > now).min()
    }

    /// Those of our certificates in use, now or later, that end within 60 days, the soonest first.
    #[must_use]
    pub fn expiries(&self, now: Timestamp) -> Vec<Expiry> {
        let mut found: Vec<Expiry> = self
            .states(now)
            .into_iter()
            .filter(|state| state.stage < Stage::Previous)
            .filter_map(|state| Expiry::of(state.usage.as_str(), &state.certificate, now))
            .collect();
        found.sort_by_key(|expiry| expiry.end);
        found
    }

    /// Every key that takes turns, and where it is at `now`.
    #[must_use]
    pub fn states(&self, now: Timestamp) -> Vec<KeyState> {
        fn all<'a, K>(
            usage: KeyUse,
            keys: &'a Turns<K>,
            now: Timestamp,
            certificate: impl Fn(&K) -> &Certificate + 'a,
        ) -> impl Iterator<Item = KeyState> + 'a {
            keys.at(now).map(move |(stage, turn, key)| {
                let certificate = certificate(key).clone();
                KeyState { usage, stage, turn, certificate }
            })
        }
        let signing = all(KeyUse::Signing, &self.signing, now, SigningKey::certificate);
        let encryption = all(KeyUse::Encryption, &self.encryption, now, DecryptionKey::certificate);
        let metadata =
            all(KeyUse::MetadataSigning, &self.metadata_signing, now, |(key, _)| key.certificate());
        signing.chain(encryption).chain(metadata).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(hours: u32) -> Timestamp {
        Timestamp::from_unix(1_800_000_000) + HOUR * hours
    }

    /// A second signing key, planned at hour 0, and a third, planned at hour 60.
    fn turns() -> [Turn; 3] {
        let planned = |hours| Turn { publish_from: at(hours), use_from: at(hours) + AHEAD, keep: None };
        [Turn::FIRST, planned(0), planned(60)]
    }

    #[test]
    fn a_key_goes_through_its_stages_by_the_clock() {
        use Stage::{Active, Next, Previous, Retired, Waiting};
        let rows = [
            (0, [Active, Next, Waiting]),
            (47, [Active, Next, Waiting]),
            (48, [Previous, Active, Waiting]),
            (60, [Previous, Active, Next]),
            (95, [Previous, Active, Next]),
            (96, [Retired, Active, Next]),
            (108, [Retired, Previous, Active]),
            (156, [Retired, Retired, Active]),
        ];
        for (hours, expected) in rows {
            assert_eq!(stages(KeyUse::Signing, &turns(), at(hours)), expected, "hour {hours}");
        }
        let before = at(0) - Duration::from_secs(1);
        assert_eq!(stages(KeyUse::Signing, &turns(), before), [Active, Waiting, Waiting]);
    }

    #[test]
    fn a_key_is_known_to_every_peer_as_long_as_it_is_used() {
        // A peer that fetched at any hour uses what it got until validUntil.
        for fetched in 0..200 {
            let published: Vec<bool> = stages(KeyUse::Signing, &turns(), at(fetched))
                .into_iter()
                .map(|stage| matches!(stage, Stage::Next | Stage::Active | Stage::Previous))
                .collect();
            for used in fetched..=fetched + 24 {
                let signs = stages(KeyUse::Signing, &turns(), at(used));
                let signs = signs.iter().position(|stage| *stage == Stage::Active).unwrap();
                assert!(published[signs], "fetched {fetched}, used {used}");
            }
            // And encrypts for the key it knows.
            let known = stages(KeyUse::Encryption, &turns(), at(fetched));
            let known = known.iter().position(|stage| *stage == Stage::Active).unwrap();
            for used in fetched..=fetched + 25 {
                assert_ne!(stages(KeyUse::Encryption, &turns(), at(used))[known], Stage::Retired);
            }
        }
    }

    #[test]
    fn a_key_that_has_leaked_ends_with_the_next_one_and_those_before_it_do_not() {
        use Stage::{Active, Previous, Retired};
        let [first, second, _] = turns();
        // The second key, in use since hour 48, leaks at hour 50.
        let leaked =
            |keep| [first, second, Turn { publish_from: at(50), use_from: at(50), keep: Some(keep) }];
        let now = |turns: &[Turn], hour| stages(KeyUse::Signing, turns, at(hour));
        assert_eq!(now(&leaked(Duration::ZERO), 49), [Previous, Active, Stage::Waiting]);
        assert_eq!(now(&leaked(Duration::ZERO), 50), [Previous, Retired, Active]);
        assert_eq!(now(&leaked(Duration::ZERO), 96), [Retired, Retired, Active]);
        assert_eq!(now(&leaked(HOUR), 50), [Previous, Previous, Active]);
        assert_eq!(now(&leaked(HOUR), 51), [Previous, Retired, Active]);
    }

    #[test]
    fn a_metadata_signer_is_not_kept() {
        let found = stages(KeyUse::MetadataSigning, &turns(), at(48));
        assert_eq!(found, [Stage::Retired, Stage::Active, Stage::Waiting]);
    }
}
