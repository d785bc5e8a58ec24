//! How many logins may wait at a time.
//!
//! Anybody can begin a login, or push a request under the name of a public client, and each takes room in the
//! database until it ends. The bound is far above what
//! citizens do and far below what a disk holds. Who is let in is not decided here: limits for each address
//! belong in the reverse proxy, which knows the addresses.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::clock::Timestamp;

/// The ends of the logins begun, in their order.
#[derive(Debug, Default)]
pub(super) struct Crowd(Mutex<VecDeque<Timestamp>>);

impl Crowd {
    /// Lets in a login that begins at `now` and lasts until `expires`, unless [`MOST`] others still do. Those
    /// that ended early count until then.
    pub(super) fn admit(&self, now: Timestamp, expires: Timestamp) -> bool {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while waiting.front().is_some_and(|end| *end <= now) {
            waiting.pop_front();
        }
        let room = waiting.len() < MOST;
        if room {
            waiting.push_back(expires);
        }
        room
    }
}

/// Logins at a time: more than a hundred begun every second.
const MOST: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_waits_outside_when_a_hundred_thousand_are_in() {
        let at = Timestamp::from_unix;
        let crowd = Crowd::default();
        assert!(crowd.admit(at(0), at(900)));
        assert!((1..MOST).all(|_| crowd.admit(at(1), at(901))));
        assert!(!crowd.admit(at(2), at(902)));
        assert!(!crowd.admit(at(899), at(1799)));
        // The first has ended.
        assert!(crowd.admit(at(900), at(1800)));
        assert!(!crowd.admit(at(900), at(1800)));
    }
}
