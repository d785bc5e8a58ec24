//! Keys that take turns: which of them is used, which ones others must know, at a given moment.
//!
//! Everything follows from two instants of each key and the present; nothing is remembered, so all instances
//! that read the same plan agree. How long before its use a key must be known, and how long after it, depends on
//! who has to know it, and is said by whoever has the keys.

use std::time::Duration;

use crate::clock::Timestamp;

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Not published yet.
    Waiting,
    /// Published, but not used yet.
    Next,
    /// In use.
    Active,
    /// Replaced, but somebody may still need it.
    Previous,
    /// Of no use to anybody.
    Retired,
}

impl Stage {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Next => "next",
            Self::Active => "active",
            Self::Previous => "previous",
            Self::Retired => "retired",
        }
    }
}

/// The two instants of a key, and what becomes of the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// From when it is published.
    pub publish_from: Timestamp,
    /// From when it takes the place of the key before it.
    pub use_from: Timestamp,
    /// How long the key before it is still needed from then on; `None` for as long as others may need it. Zero
    /// ends a key that has leaked: who does not know it any more believes nobody who holds it.
    pub keep: Option<Duration>,
}

impl Turn {
    /// The turn of a key that was there from the beginning.
    pub const FIRST: Self =
        Self { publish_from: Timestamp::from_unix(0), use_from: Timestamp::from_unix(0), keep: None };

    /// Until when the key before it is needed, if keys like it are needed for `keep`.
    fn keeps_until(&self, keep: Duration) -> Timestamp {
        self.use_from + self.keep.unwrap_or(keep)
    }
}

/// The stage at `now` of each of the keys for one use, which are needed for `keep` after they were replaced.
/// `turns` is in the order of `use_from`.
#[must_use]
pub fn stages(keep: Duration, turns: &[Turn], now: Timestamp) -> Vec<Stage> {
    let replaced = |n: usize| turns.iter().skip(n + 1).find(|next| next.use_from <= now);
    let stage = |(n, turn): (usize, &Turn)| match replaced(n) {
        Some(next) if now < next.keeps_until(keep) => Stage::Previous,
        Some(_) => Stage::Retired,
        None if turn.use_from <= now => Stage::Active,
        None if turn.publish_from <= now => Stage::Next,
        None => Stage::Waiting,
    };
    turns.iter().enumerate().map(stage).collect()
}

/// The keys for one use, in the order of `use_from`.
#[derive(Clone, Debug)]
pub struct Turns<K> {
    keep: Duration,
    turns: Vec<Turn>,
    keys: Vec<K>,
}

impl<K> Turns<K> {
    /// Keys that are needed for `keep` after they were replaced.
    #[must_use]
    pub fn new(keep: Duration, mut keys: Vec<(Turn, K)>) -> Self {
        keys.sort_by_key(|(turn, _)| turn.use_from);
        let (turns, keys) = keys.into_iter().unzip();
        Self { keep, turns, keys }
    }

    /// Every key with its turn and its stage.
    pub fn at(&self, now: Timestamp) -> impl Iterator<Item = (Stage, Turn, &K)> {
        let stages = stages(self.keep, &self.turns, now);
        stages.into_iter().zip(&self.turns).zip(&self.keys).map(|((stage, turn), key)| (stage, *turn, key))
    }

    /// The key that is used.
    #[must_use]
    pub fn active(&self, now: Timestamp) -> Option<&K> {
        self.at(now).find(|(stage, ..)| *stage == Stage::Active).map(|(.., key)| key)
    }

    /// The keys that are in one of `stages`.
    pub fn in_stage(&self, now: Timestamp, stages: &[Stage]) -> impl Iterator<Item = &K> {
        self.at(now).filter(move |(stage, ..)| stages.contains(stage)).map(|(.., key)| key)
    }

    /// When a stage changes.
    pub fn instants(&self) -> impl Iterator<Item = Timestamp> {
        self.turns.iter().flat_map(|turn| [turn.publish_from, turn.use_from, turn.keeps_until(self.keep)])
    }
}
