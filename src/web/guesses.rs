//! How often clients fail to prove who they are.
//!
//! A secret has so many random bits that guessing it is hopeless; what guesses cost is our time and the log. After
//! a hundred in a minute under the name of one client, further ones are told to wait and are not written down. The
//! right secret is taken all the while: nobody can lock a client out by guessing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;

/// The failures of this minute, by registered client; all names that are not registered are one.
#[derive(Debug, Default)]
pub(super) struct Guesses(Mutex<HashMap<Option<String>, Count>>);

#[derive(Debug)]
struct Count {
    ends: Timestamp,
    failures: u32,
}

impl Guesses {
    /// Counts a failure under the name of `client` at `now`. How long to wait, if there were [`MOST`] before.
    pub(super) fn wrong(&self, client: Option<&str>, now: Timestamp) -> Option<Duration> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || Count { ends: now + WINDOW, failures: 0 };
        let count = counts.entry(client.map(str::to_owned)).or_insert_with(fresh);
        if count.ends <= now {
            *count = fresh();
        }
        if count.failures >= MOST {
            return Some(count.ends.since(now));
        }
        count.failures += 1;
        None
    }
}

/// Failures of one client in one window.
const MOST: u32 = 100;
const WINDOW: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hundred_and_first_failure_of_a_client_in_a_minute_waits_for_its_end() {
        let at = Timestamp::from_unix;
        let guesses = Guesses::default();
        assert!((0..100).all(|n| guesses.wrong(Some("a"), at(n / 10)).is_none()));
        assert_eq!(guesses.wrong(Some("a"), at(20)), Some(Duration::from_secs(40)));
        assert_eq!(guesses.wrong(Some("b"), at(20)), None);
        assert_eq!(guesses.wrong(None, at(20)), None);
        assert_eq!(guesses.wrong(Some("a"), at(60)), None);
    }
}
