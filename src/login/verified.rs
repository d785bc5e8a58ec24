//! `verified_claims` (OpenID Connect for Identity Assurance 1.0): the claims of a person together with what
//! vouches for them, the eIDAS trust framework. Only a level of a notified scheme does: for every other the
//! answer has no verified claims.

use serde_json::{Map, Value, json};

use super::claims::{self, Released};
use super::policy::ClientPolicy;
use crate::clock::Timestamp;
use crate::eidas::Identity;
use crate::oidc::verified::{Known, Measure, VERIFIED_CLAIMS};
use crate::oidc::{AuthorizationRequest, Blinding};

/// The trust framework, as the OpenID Foundation registers it.
pub const TRUST_FRAMEWORK: &str = "eidas";
/// The type of all our evidence.
pub const EVIDENCE: &str = "electronic_record";
/// The type of the record: what the notified scheme knows of the holder of an eID. Which register that comes
/// from, no country says.
pub const RECORD: &str = "eidas_notified_eid";

/// Adds the verified claims that `request` asks for, in each place that it asks for them.
pub(super) fn add(
    released: &mut Released,
    identity: &Identity,
    request: &AuthorizationRequest,
    policy: &ClientPolicy,
    blinding: &Blinding,
    now: Timestamp,
) {
    let Some(verification) = verification(identity).filter(|_| policy.verified_claims) else { return };
    let claims: Map<String, Value> = claims::vouched_for(identity, policy);
    let known = Known { verification: &verification, claims: &claims };
    let measure = Measure { blinding, now };
    let asked = &request.claims;
    for (asked, place) in [
        (&asked.verified_id_token, &mut released.id_token),
        (&asked.verified_userinfo, &mut released.userinfo),
    ] {
        if let Some(answer) = asked.as_ref().and_then(|asked| asked.answer(&known, &measure)) {
            place.expose_mut().insert(VERIFIED_CLAIMS.to_owned(), answer);
        }
    }
}

/// Takes the verified claims out of `claims` and gives back the claims in them, for whoever wants to know what is
/// said and not what vouches for it.
pub(super) fn take_apart(claims: &mut Map<String, Value>) -> Map<String, Value> {
    let entries = match claims.remove(VERIFIED_CLAIMS) {
        None => Vec::new(),
        Some(Value::Array(entries)) => entries,
        Some(entry) => vec![entry],
    };
    let within = entries.into_iter().filter_map(|mut entry| match entry.get_mut("claims")?.take() {
        Value::Object(claims) => Some(claims),
        _ => None,
    });
    within.flatten().collect()
}

/// Who verified, by which rules, and how that is proved (Identity Assurance Schema Definition §5.4). `None`
/// unless the level is a notified one.
fn verification(identity: &Identity) -> Option<Value> {
    let level = identity.level.notified()?;
    let time = identity.authn_instant.to_string();
    let (country, code) = (identity.country.english_name(), identity.country.iso());
    Some(json!({
        "trust_framework": TRUST_FRAMEWORK,
        "assurance_level": level.short(),
        "time": time,
        // What the node's operator finds the login by.
        "verification_process": identity.response_id,
        "evidence": [{
            "type": EVIDENCE,
            "time": time,
            // The person has authenticated to who keeps the record.
            "check_details": [{
                "check_method": "auth",
                "organization": format!("eIDAS node of {country}"),
                "check_id": identity.assertion_id,
                "time": time,
            }],
            "record": {
                "type": RECORD,
                "source": { "name": format!("Notified eID scheme of {country}"), "country_code": code },
            },
        }],
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_can_be_told_from_what_vouches_for_it() {
        let entry =
            |claims: Value| json!({ "verification": { "trust_framework": "eidas" }, "claims": claims });
        let taken = |verified: Value| {
            let mut claims = Map::from_iter([("sub".to_owned(), json!("s"))]);
            claims.insert(VERIFIED_CLAIMS.to_owned(), verified);
            let within = take_apart(&mut claims);
            assert_eq!(Value::Object(claims), json!({ "sub": "s" }));
            Value::Object(within)
        };
        assert_eq!(taken(entry(json!({ "name": "A" }))), json!({ "name": "A" }));
        let both = json!([entry(json!({ "name": "A" })), entry(json!({ "gender": "female" }))]);
        assert_eq!(taken(both), json!({ "name": "A", "gender": "female" }));
        assert_eq!(take_apart(&mut Map::new()), Map::new());
    }
}
