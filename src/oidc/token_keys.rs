//! The keys that sign tokens, over time: `next` is published, `active` signs, what it replaced stays published.
//!
//! A broker may know only the JWK Set that it fetched a day ago (Keycloak; authentik: three hours), and what it
//! fetched may have lain in a cache for [`JWKS_FRESH`]. So a key is published for at least [`KNOWN`] before it
//! signs, and for [`KEEP`] after it has signed for the last time.

use std::time::Duration;

use super::id_token;
use super::keys::{SigningKeys, SigningKeysError};
use crate::clock::Timestamp;
use crate::crypto::jose::{JwsAlgorithm, JwsKey};
use crate::crypto::turn::{Stage, Turn, Turns};

/// How long a cache may keep the JWK Set (`Cache-Control: max-age`).
pub const JWKS_FRESH: Duration = Duration::from_secs(3600);

/// The least time between the publication of a key and its first signature: the day for which Keycloak keeps
/// the JWK Set, and [`JWKS_FRESH`].
pub const KNOWN: Duration = Duration::from_secs(86_400 + JWKS_FRESH.as_secs());

/// That time if nobody says otherwise.
pub const AHEAD: Duration = Duration::from_secs(2 * 86_400);

/// How long a key stays published after the next one has taken its place: as long as what it signed can be
/// valid, and [`KNOWN`].
pub const KEEP: Duration = Duration::from_secs(id_token::LIFETIME.as_secs() + KNOWN.as_secs());

/// A key as a person is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenKeyState {
    /// What it signs with.
    pub algorithm: JwsAlgorithm,
    /// Its name in the JWK Set: its thumbprint (RFC 7638).
    pub kid: String,
    /// Where it is in its life.
    pub stage: Stage,
    /// Its two instants.
    pub turn: Turn,
}

/// A change of key that should be planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The algorithm of the key that is replaced, and of the one that replaces it.
    pub algorithm: JwsAlgorithm,
    /// From when the new key is used.
    pub use_from: Timestamp,
}

/// The provider's signing keys at any time.
#[derive(Clone, Debug)]
pub struct TokenKeys {
    /// The keys that take turns, for each algorithm.
    turns: Vec<(JwsAlgorithm, Turns<JwsKey>)>,
    /// Keys that are published at all times and sign nothing.
    published: Vec<JwsKey>,
    /// After how long a key is replaced by plan.
    rotate_after: Option<Duration>,
}

impl From<SigningKeys> for TokenKeys {
    /// Without any change of keys.
    fn from(keys: SigningKeys) -> Self {
        let mut algorithms = Vec::new();
        let (mut first, mut published) = (Vec::new(), Vec::new());
        for key in keys.all() {
            if algorithms.contains(&key.algorithm()) {
                published.push(key.clone());
            } else {
                algorithms.push(key.algorithm());
                first.push((Turn::FIRST, key.clone()));
            }
        }
        Self { turns: grouped(first), published, rotate_after: None }
    }
}

impl TokenKeys {
    /// The keys that take turns, the ones of each algorithm among themselves, and those that are only published.
    ///
    /// # Errors
    /// As [`SigningKeys::new`], of all of them together: not at any moment may two keys have one `kid`.
    pub fn new(turns: Vec<(Turn, JwsKey)>, published: Vec<JwsKey>) -> Result<Self, SigningKeysError> {
        SigningKeys::new(turns.iter().map(|(_, key)| key).chain(&published).cloned().collect())?;
        Ok(Self { turns: grouped(turns), published, rotate_after: None })
    }

    /// The same keys, each to be replaced after it was used for `period`.
    #[must_use]
    pub fn rotated_after(self, period: Option<Duration>) -> Self {
        Self { rotate_after: period, ..self }
    }

    /// The keys at `now`: those that sign, and after them those that are published too.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> SigningKeys {
        let in_stage = |stages: &'static [Stage]| {
            self.turns.iter().flat_map(move |(_, turns)| turns.in_stage(now, stages)).cloned()
        };
        let active = in_stage(&[Stage::Active]);
        SigningKeys::of(active.chain(in_stage(&[Stage::Next, Stage::Previous])).chain(self.published.clone()))
    }

    /// Every key that takes turns, and where it is at `now`.
    #[must_use]
    pub fn states(&self, now: Timestamp) -> Vec<TokenKeyState> {
        let state = |(stage, turn, key): (Stage, Turn, &JwsKey)| TokenKeyState {
            algorithm: key.algorithm(),
            kid: key.kid().to_owned(),
            stage,
            turn,
        };
        self.turns.iter().flat_map(|(_, turns)| turns.at(now).map(state)).collect()
    }

    /// The changes that should be planned at `now`, so that each new key is known to everybody when the time of
    /// the present one is over. The age of a key that was there from the beginning is not known: its time is over.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Vec<Due> {
        let Some(period) = self.rotate_after else { return Vec::new() };
        let due = |(algorithm, turns): &(JwsAlgorithm, Turns<JwsKey>)| {
            let under_way = turns.in_stage(now, &[Stage::Waiting, Stage::Next]).next().is_some();
            let (_, turn, _) = turns.at(now).find(|(stage, ..)| *stage == Stage::Active)?;
            let change = turn.use_from + period;
            let is_due = !under_way && change <= now + AHEAD;
            is_due.then(|| Due { algorithm: *algorithm, use_from: change.max(now + AHEAD) })
        };
        self.turns.iter().filter_map(due).collect()
    }

    /// The keys that are in use although their time is over, with the moment at which it was: nobody has planned
    /// a change. Of a key that was there from the beginning nobody knows.
    #[must_use]
    pub fn overdue(&self, now: Timestamp) -> Vec<(TokenKeyState, Timestamp)> {
        let Some(period) = self.rotate_after else { return Vec::new() };
        let over = |state: TokenKeyState| {
            let end = state.turn.use_from + period;
            let known = state.turn != Turn::FIRST;
            (known && state.stage == Stage::Active && end <= now).then_some((state, end))
        };
        self.states(now).into_iter().filter_map(over).collect()
    }
}

/// The keys of each algorithm, in the order in which the algorithms come first.
fn grouped(keys: Vec<(Turn, JwsKey)>) -> Vec<(JwsAlgorithm, Turns<JwsKey>)> {
    let mut groups: Vec<(JwsAlgorithm, Vec<(Turn, JwsKey)>)> = Vec::new();
    for (turn, key) in keys {
        match groups.iter_mut().find(|(algorithm, _)| *algorithm == key.algorithm()) {
            Some((_, group)) => group.push((turn, key)),
            None => groups.push((key.algorithm(), vec![(turn, key)])),
        }
    }
    groups.into_iter().map(|(algorithm, group)| (algorithm, Turns::new(KEEP, group))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(86_400);

    fn at(hours: u32) -> Timestamp {
        Timestamp::from_unix(1_800_000_000) + HOUR * hours
    }

    fn key(algorithm: JwsAlgorithm) -> JwsKey {
        JwsKey::generate(algorithm).unwrap()
    }

    fn kids(keys: &SigningKeys) -> Vec<&str> {
        keys.all().iter().map(JwsKey::kid).collect()
    }

    fn planned(hours: u32) -> Turn {
        Turn { publish_from: at(hours), use_from: at(hours) + AHEAD, keep: None }
    }

    #[test]
    fn a_key_is_published_before_it_signs_and_after_and_is_gone_in_the_end() {
        let (first, second) = (key(JwsAlgorithm::RS256), key(JwsAlgorithm::RS256));
        let (other, extra) = (key(JwsAlgorithm::ES256), key(JwsAlgorithm::ES256));
        let turns =
            vec![(Turn::FIRST, first.clone()), (planned(10), second.clone()), (Turn::FIRST, other.clone())];
        let keys = TokenKeys::new(turns, vec![extra.clone()]).unwrap();
        let (a, b, c, d) = (first.kid(), second.kid(), other.kid(), extra.kid());
        let expected = [
            (0, vec![a, c, d]),
            (9, vec![a, c, d]),
            (10, vec![a, c, b, d]),
            (57, vec![a, c, b, d]),
            (58, vec![b, c, a, d]),
            // A day, an hour, and the five minutes for which an ID token is valid.
            (83, vec![b, c, a, d]),
            (84, vec![b, c, d]),
        ];
        for (hour, expected) in expected {
            assert_eq!(kids(&keys.at(at(hour))), expected, "hour {hour}");
            // The first of each algorithm signs.
            assert_eq!(keys.at(at(hour)).for_algorithm(JwsAlgorithm::ES256).unwrap().kid(), c);
        }
    }

    /// Whoever fetched the key set, through a cache or not, at any hour can verify what is signed a day later,
    /// and what was signed just before can be verified by whoever fetches now.
    #[test]
    fn what_is_fetched_at_any_time_fits_what_is_signed_within_a_day() {
        let turns = [Turn::FIRST, planned(0), planned(50), planned(99)];
        let keys = turns.map(|turn| (turn, key(JwsAlgorithm::RS256)));
        let keys = TokenKeys::new(keys.into(), Vec::new()).unwrap();
        let mut seen = 0;
        for hour in 0..200 {
            let published = keys.at(at(hour));
            for used in hour..=hour + 25 {
                let signer = keys.at(at(used)).all()[0].clone();
                assert!(kids(&published).contains(&signer.kid()), "fetched {hour}, signed {used}");
            }
            for signed in hour.saturating_sub(25)..=hour {
                let signer = keys.at(at(signed)).all()[0].clone();
                assert!(kids(&published).contains(&signer.kid()), "signed {signed}, fetched {hour}");
            }
            seen = seen.max(published.all().len());
        }
        assert_eq!(seen, 3);
    }

    #[test]
    fn the_cache_header_leaves_a_day_between_publication_and_use() {
        assert!(KNOWN >= DAY + JWKS_FRESH && AHEAD >= KNOWN && KEEP >= id_token::LIFETIME + DAY);
    }

    #[test]
    fn a_key_that_leaked_is_gone_with_the_first_use_of_the_next_one() {
        let [first, second] = [(); 2].map(|()| key(JwsAlgorithm::RS256));
        let leaked = Turn { publish_from: at(5), use_from: at(5), keep: Some(Duration::ZERO) };
        let keys = TokenKeys::new(vec![(Turn::FIRST, first.clone()), (leaked, second.clone())], Vec::new());
        let keys = keys.unwrap();
        assert_eq!(kids(&keys.at(at(4))), [first.kid()]);
        assert_eq!(kids(&keys.at(at(5))), [second.kid()]);
    }

    #[test]
    fn a_change_is_due_so_early_that_the_next_key_is_known_in_time() {
        let [first, second, third] = [(); 3].map(|()| key(JwsAlgorithm::RS256));
        let due = |turns: &[(Turn, &JwsKey)], hour| {
            let turns = turns.iter().map(|(turn, key)| (*turn, (*key).clone())).collect();
            let keys = TokenKeys::new(turns, Vec::new()).unwrap().rotated_after(Some(DAY * 10));
            keys.due(at(hour)).iter().map(|due| due.use_from).collect::<Vec<_>>()
        };
        // Nobody knows how old the first one is.
        assert_eq!(due(&[(Turn::FIRST, &first)], 0), [at(48)]);
        let two = [(Turn::FIRST, &first), (planned(0), &second)];
        assert_eq!(due(&two, 0), []);
        assert_eq!(due(&two, 47), []);
        // In use since hour 48, so over at hour 288.
        assert_eq!(due(&two, 239), []);
        assert_eq!(due(&two, 240), [at(288)]);
        assert_eq!(due(&two, 500), [at(548)]);
        let three = [two[0], two[1], (planned(240), &third)];
        assert_eq!(due(&three, 240), []);
        assert_eq!(due(&three, 287), []);
        let never = TokenKeys::new(vec![(Turn::FIRST, first.clone())], Vec::new()).unwrap();
        assert_eq!(never.due(at(0)), []);
    }

    #[test]
    fn what_is_used_beyond_its_time_is_told() {
        let [first, second] = [(); 2].map(|()| key(JwsAlgorithm::RS256));
        let turns = vec![(Turn::FIRST, first.clone()), (planned(0), second.clone())];
        let keys = TokenKeys::new(turns, Vec::new()).unwrap().rotated_after(Some(DAY * 10));
        assert_eq!(keys.overdue(at(47)), []);
        assert_eq!(keys.overdue(at(287)), []);
        let found = keys.overdue(at(288));
        assert_eq!((found.len(), found[0].0.kid.as_str(), found[0].1), (1, second.kid(), at(288)));
    }

    #[test]
    fn no_two_keys_have_one_name_at_any_time() {
        let first = key(JwsAlgorithm::RS256);
        let twice =
            TokenKeys::new(vec![(Turn::FIRST, first.clone()), (planned(0), first.clone())], Vec::new());
        assert_eq!(twice.unwrap_err(), SigningKeysError::Twice(first.kid().to_owned()));
    }
}
