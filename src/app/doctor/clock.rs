//! Whether another machine has the same time as this one.

use std::time::Duration;

use super::{Finding, Severity};
use crate::clock::Timestamp;

/// What to say of a host whose answer is of another time than ours. Whose clock is wrong nobody knows, but if two
/// hosts say the same, it is ours.
pub(super) fn apart(host: &str, theirs: Timestamp, ours: Timestamp) -> Option<Finding> {
    let (between, which) =
        if ours > theirs { (ours.since(theirs), "ahead of") } else { (theirs.since(ours), "behind") };
    if between <= TOLERATED {
        return None;
    }
    let message = format!(
        "our clock is {} seconds {which} that of {host}, which says that it is {theirs}; one of them is wrong",
        between.as_secs()
    );
    Some(Finding { severity: Severity::Warning, code: "clocks_apart", message, page: PAGE })
}

/// Member states and clients allow for a minute, or less.
const TOLERATED: Duration = Duration::from_secs(30);

const PAGE: &str = "docs/operations.md#the-clock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_be_half_a_minute_apart() {
        let ours = Timestamp::from_unix(1_000_000_000);
        let said = |seconds: i64| {
            let found = apart("node.example", Timestamp::from_unix(1_000_000_000 + seconds), ours);
            found.map(|finding| (finding.severity, finding.code, finding.message))
        };
        assert_eq!([said(0), said(30), said(-30)], [None, None, None]);
        let message = |of: &str| format!("our clock is 31 seconds {of}; one of them is wrong");
        let expected = |of: &str| Some((Severity::Warning, "clocks_apart", message(of)));
        assert_eq!(
            said(-31),
            expected("ahead of that of node.example, which says that it is 2001-09-09T01:46:09.000Z")
        );
        assert_eq!(
            said(31),
            expected("behind that of node.example, which says that it is 2001-09-09T01:47:11.000Z")
        );
    }
}
