//! Scopes: space-separated words (RFC 6749 §3.3). Words that we do not know are ignored, since brokers
//! send fixed lists (authentik always adds `email`).

use std::collections::BTreeSet;

/// The scope that makes a request an OpenID request (OpenID Connect Core §3.1.2.1).
pub const OPENID: &str = "openid";

/// Names and birth date (OpenID Connect Core §5.4).
pub const PROFILE: &str = "profile";

/// Names the country in a scope, as in `eidas:country:ee` (the way of the Estonian TARA service).
pub const COUNTRY_PREFIX: &str = "eidas:country:";

/// More words than any request needs.
pub(crate) const MAX_WORDS: usize = 50;

/// The words of a scope parameter.
pub(crate) fn words(scope: &str) -> impl Iterator<Item = &str> {
    scope.split(' ').filter(|word| !word.is_empty())
}

/// A scope as one text, in a stable order.
#[must_use]
pub fn join(scope: &BTreeSet<String>) -> String {
    let rest = scope.iter().map(String::as_str).filter(|word| *word != OPENID);
    let openid = scope.contains(OPENID).then_some(OPENID);
    openid.into_iter().chain(rest).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openid_comes_first_and_the_order_is_stable() {
        let scope = words("profile eidas  openid").map(str::to_owned).collect();
        assert_eq!(join(&scope), "openid eidas profile");
    }
}
