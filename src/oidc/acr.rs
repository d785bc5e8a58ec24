//! Which authentication context class references a request asks for (OpenID Connect Core §5.5.1.1).
//! What they mean is decided in `login`; here they are words.

use serde::{Deserialize, Serialize};

use super::claims::ClaimsRequest;

/// The `acr` values of a request, in the order of preference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedAcr {
    /// Wished for: `acr_values`, and a `claims` request for `acr` that is not essential.
    pub voluntary: Vec<String>,
    /// Demanded: a `claims` request for `acr` that is essential and names values. An answer with none of
    /// them is an error.
    pub essential: Option<Vec<String>>,
}

impl RequestedAcr {
    /// Joins `acr_values` and the `acr` member of the `claims` parameter. A request for `acr` in the ID
    /// token goes before one in userinfo.
    pub(crate) fn of(acr_values: Option<&str>, claims: &ClaimsRequest) -> Self {
        let mut requested = Self { voluntary: acr_values.map(words).unwrap_or_default(), essential: None };
        for claim in [claims.id_token.get("acr"), claims.userinfo.get("acr")].into_iter().flatten() {
            let values = claim.values.iter().filter_map(|v| v.as_str().map(str::to_owned));
            if claim.essential && !claim.values.is_empty() {
                requested.essential.get_or_insert_with(|| values.collect());
            } else {
                requested.voluntary.extend(values);
            }
        }
        requested
    }

    /// Whether nothing was asked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.voluntary.is_empty() && self.essential.is_none()
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::Blinding;

    fn requested(acr_values: Option<&str>, claims: &str) -> RequestedAcr {
        RequestedAcr::of(acr_values, &ClaimsRequest::parse(claims, &Blinding::new([3; 32])).unwrap())
    }

    #[test]
    fn acr_values_are_voluntary_and_keep_their_order() {
        let acr = requested(Some("high  substantial"), "{}");
        assert_eq!(acr.voluntary, ["high", "substantial"]);
        assert_eq!(acr.essential, None);
    }

    #[test]
    fn an_essential_claim_with_values_is_essential() {
        let acr = requested(None, r#"{"id_token":{"acr":{"essential":true,"values":["a","b"]}}}"#);
        assert_eq!(acr.essential, Some(vec!["a".to_owned(), "b".to_owned()]));
        let acr = requested(None, r#"{"userinfo":{"acr":{"essential":true,"value":"a"}}}"#);
        assert_eq!(acr.essential, Some(vec!["a".to_owned()]));
    }

    #[test]
    fn essential_without_values_demands_nothing_since_acr_is_always_there() {
        assert!(requested(None, r#"{"id_token":{"acr":{"essential":true}}}"#).is_empty());
    }

    #[test]
    fn essential_with_values_that_are_no_text_cannot_be_met() {
        let acr = requested(None, r#"{"id_token":{"acr":{"essential":true,"values":[3]}}}"#);
        assert_eq!(acr.essential, Some(vec![]));
    }

    #[test]
    fn a_voluntary_claim_joins_the_acr_values() {
        let acr = requested(Some("a"), r#"{"id_token":{"acr":{"value":"b"}},"userinfo":{"acr":null}}"#);
        assert_eq!(acr.voluntary, ["a", "b"]);
    }
}
