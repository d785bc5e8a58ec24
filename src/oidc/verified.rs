//! Requests for `verified_claims` (OpenID Connect for Identity Assurance 1.0 §5, §7): which claims, verified by
//! whom and how. What is known is cut down to what was asked for, and what does not fit is left out; neither is
//! ever an error (§5.7).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::claims::{self, ClaimsMalformed};
use super::fingerprint::{Blinding, Fingerprint};
use crate::clock::Timestamp;

/// The member of a request, and of a token, that all this is in.
pub const VERIFIED_CLAIMS: &str = "verified_claims";

/// What stands at `verified_claims` in one place of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// An object: the answer is an object.
    One(Request),
    /// An array: the answer is one too.
    Several(Vec<Request>),
}

/// One request for verified claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    verification: BTreeMap<String, Wish>,
    claims: BTreeMap<String, Wish>,
}

/// What is asked of one element.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Wish {
    /// The element as it is.
    Any,
    /// The element if it fits (§5.5).
    Fitting {
        /// One of these values; empty if any will do.
        values: Vec<Fingerprint>,
        /// A time no further back than so many seconds.
        max_age: Option<u64>,
    },
    /// These members of an object.
    Members(BTreeMap<String, Wish>),
    /// Elements of an array, each of which fits one of these.
    Elements(Vec<Wish>),
}

/// What is known about a person, and what vouches for it.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The `verification` element, in full.
    pub verification: &'a Value,
    /// Every claim that is vouched for.
    pub claims: &'a Map<String, Value>,
}

/// What a request's values and ages are measured by.
#[derive(Clone, Copy, Debug)]
pub struct Measure<'a> {
    /// What made the fingerprints.
    pub blinding: &'a Blinding,
    /// The time.
    pub now: Timestamp,
}

/// Something known does not fit what was asked for.
struct Unfit;

impl Asked {
    /// The names of the claims that are asked for.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.requests().iter().flat_map(|request| request.claims.keys().map(String::as_str))
    }

    /// The least of the ages, in seconds, that times may have.
    #[must_use]
    pub fn max_age(&self) -> Option<u64> {
        let wishes = self
            .requests()
            .iter()
            .flat_map(|request| request.verification.values().chain(request.claims.values()));
        wishes.filter_map(Wish::max_age).min()
    }

    /// What is answered: nothing that was not asked for (§7), and `None` if nothing is left.
    #[must_use]
    pub fn answer(&self, known: &Known<'_>, measure: &Measure<'_>) -> Option<Value> {
        let answers: Vec<_> =
            self.requests().iter().filter_map(|request| request.answer(known, measure)).collect();
        match self {
            _ if answers.is_empty() => None,
            Self::One(_) => answers.into_iter().next(),
            Self::Several(_) => Some(answers.into()),
        }
    }

    fn requests(&self) -> &[Request] {
        match self {
            Self::One(request) => std::slice::from_ref(request),
            Self::Several(requests) => requests,
        }
    }
}

impl Request {
    /// A requirement on the verification that is not met leaves all out, one on a claim leaves the claim out
    /// (§5.7.4). Without a claim there is nothing to vouch for.
    fn answer(&self, known: &Known<'_>, measure: &Measure<'_>) -> Option<Value> {
        let verification = members(&self.verification, known.verification, measure).ok()??;
        let fitting = self.claims.iter().filter_map(|(name, wish)| {
            let value = wish.fit(known.claims.get(name)?, measure).ok()??;
            Some((name.clone(), value))
        });
        let claims: Map<_, _> = fitting.collect();
        (!claims.is_empty()).then(|| json!({ "verification": verification, "claims": claims }))
    }
}

impl Wish {
    /// What of `known` is answered; `None` if it has another shape than the request thinks.
    fn fit(&self, known: &Value, measure: &Measure<'_>) -> Result<Option<Value>, Unfit> {
        match self {
            Self::Any => Ok(Some(known.clone())),
            Self::Fitting { values, max_age } => {
                let fits = values.is_empty() || values.contains(&measure.blinding.of(known));
                let young = max_age.is_none_or(|age| is_within(known, age, measure.now));
                if fits && young { Ok(Some(known.clone())) } else { Err(Unfit) }
            }
            Self::Members(wishes) => members(wishes, known, measure),
            Self::Elements(wishes) => {
                let Some(elements) = known.as_array() else { return Ok(None) };
                let fitting = elements.iter().filter_map(|element| {
                    wishes.iter().find_map(|wish| wish.fit(element, measure).ok().flatten())
                });
                let fitting: Vec<_> = fitting.collect();
                if fitting.is_empty() { Err(Unfit) } else { Ok(Some(fitting.into())) }
            }
        }
    }

    /// The least of the ages in it.
    fn max_age(&self) -> Option<u64> {
        match self {
            Self::Any => None,
            Self::Fitting { max_age, .. } => *max_age,
            Self::Members(wishes) => wishes.values().filter_map(Self::max_age).min(),
            Self::Elements(wishes) => wishes.iter().filter_map(Self::max_age).min(),
        }
    }

    /// Whether it insists on a value, so that an element which is not there does not do.
    fn insists(&self) -> bool {
        match self {
            Self::Any => false,
            Self::Fitting { values, .. } => !values.is_empty(),
            Self::Members(wishes) => wishes.values().any(Self::insists),
            Self::Elements(wishes) => wishes.iter().any(Self::insists),
        }
    }
}

/// The members of an object that are asked for, and those without which the object would be malformed.
fn members(
    wishes: &BTreeMap<String, Wish>,
    known: &Value,
    measure: &Measure<'_>,
) -> Result<Option<Value>, Unfit> {
    let Some(object) = known.as_object() else { return Ok(None) };
    let mut answer = Map::new();
    for (name, wish) in wishes {
        match object.get(name) {
            Some(value) => answer.extend(wish.fit(value, measure)?.map(|value| (name.clone(), value))),
            None if wish.insists() => return Err(Unfit),
            None => {}
        }
    }
    if answer.is_empty() {
        return Ok(None);
    }
    for name in MANDATORY {
        answer.extend(object.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    Ok(Some(answer.into()))
}

/// Whether a time is at most `age` seconds back. What is no time has no age (§5.5.2).
fn is_within(known: &Value, age: u64, now: Timestamp) -> bool {
    let text = known.as_str().unwrap_or_default();
    let time = Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}T00:00:00Z")));
    time.is_none_or(|time| now.since(time).as_secs() <= age)
}

/// Reads requests, and makes sure that no more values have to be kept than any client needs.
pub(super) struct Reader<'a> {
    blinding: &'a Blinding,
    left: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(blinding: &'a Blinding) -> Self {
        Self { blinding, left: MAX_VALUES }
    }

    /// Reads what stands at `verified_claims`.
    pub(super) fn read(&mut self, value: Value) -> Result<Option<Asked>, ClaimsMalformed> {
        match value {
            Value::Null => Ok(None),
            Value::Array(requests) => {
                let requests: Result<_, _> = requests.into_iter().map(|each| self.request(each)).collect();
                Ok(Some(Asked::Several(requests?)))
            }
            one => Ok(Some(Asked::One(self.request(one)?))),
        }
    }

    /// `verification` must name the trust framework, be it by `null`, and `claims` a claim if it is an object
    /// (§5.3, §5.4).
    fn request(&mut self, value: Value) -> Result<Request, ClaimsMalformed> {
        let Value::Object(mut members) = value else { return Err(ClaimsMalformed) };
        let Some(Value::Object(verification)) = members.remove("verification") else {
            return Err(ClaimsMalformed);
        };
        if !verification.contains_key("trust_framework") {
            return Err(ClaimsMalformed);
        }
        let claims = match members.remove("claims") {
            Some(Value::Null) => Map::new(),
            Some(Value::Object(claims)) if !claims.is_empty() => claims,
            _ => return Err(ClaimsMalformed),
        };
        Ok(Request {
            verification: verification
                .into_iter()
                .map(|(name, value)| Ok((name, self.wish(value)?)))
                .collect::<Result<_, _>>()?,
            claims: claims
                .into_iter()
                .map(|(name, value)| Ok((name, self.claim(value)?)))
                .collect::<Result<_, _>>()?,
        })
    }

    /// A wish for an element of the verification, whose members are named one by one.
    fn wish(&mut self, value: Value) -> Result<Wish, ClaimsMalformed> {
        match value {
            Value::Null => Ok(Wish::Any),
            Value::Array(elements) => {
                let wishes: Result<_, _> = elements.into_iter().map(|element| self.wish(element)).collect();
                Ok(Wish::Elements(wishes?))
            }
            Value::Object(members) if members.is_empty() => Ok(Wish::Any),
            Value::Object(members) if is_about_a_value(&members) => self.claim(Value::Object(members)),
            Value::Object(members) => {
                let wishes = members.into_iter().map(|(name, value)| Ok((name, self.wish(value)?)));
                Ok(Wish::Members(wishes.collect::<Result<_, _>>()?))
            }
            _ => Err(ClaimsMalformed),
        }
    }

    /// A wish for a claim: as in any `claims` request, and with `max_age`.
    fn claim(&mut self, value: Value) -> Result<Wish, ClaimsMalformed> {
        let max_age = match value.get("max_age") {
            None => None,
            Some(age) => Some(age.as_u64().ok_or(ClaimsMalformed)?),
        };
        let asked = claims::claim(value)?;
        self.left = self.left.checked_sub(asked.values.len()).ok_or(ClaimsMalformed)?;
        let values: Vec<_> = asked.values.iter().map(|value| self.blinding.of(value)).collect();
        Ok(match (values.is_empty(), max_age) {
            (true, None) => Wish::Any,
            _ => Wish::Fitting { values, max_age },
        })
    }
}

/// Whether an object says what a value must be, and does not name members of an element.
fn is_about_a_value(members: &Map<String, Value>) -> bool {
    members.get("value").is_some_and(|value| value.is_string() || value.is_number() || value.is_boolean())
        || members.get("values").is_some_and(Value::is_array)
        || members.get("max_age").is_some_and(Value::is_number)
        || members.get("essential").is_some_and(Value::is_boolean)
}

/// What an element must have wherever it can have it (Identity Assurance Schema Definition §5.4).
const MANDATORY: [&str; 3] = ["check_method", "trust_framework", "type"];
/// More values than a request compares.
const MAX_VALUES: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::test_support::now;

    fn blinding() -> Blinding {
        Blinding::new([3; 32])
    }

    fn read(request: Value) -> Result<Option<Asked>, ClaimsMalformed> {
        Reader::new(&blinding()).read(request)
    }

    /// What is answered to a request, out of what is known.
    fn answer(request: Value) -> Option<Value> {
        let verification = json!({
            "trust_framework": "eidas",
            "assurance_level": "high",
            "time": "2026-11-21T10:15:00Z",
            "evidence": [{
                "type": "electronic_record",
                "check_details": [{ "check_method": "auth", "check_id": "_1" }],
                "record": { "type": "eid", "source": { "country_code": "GR", "name": "Greek eID" } },
            }],
        });
        let claims = json!({ "given_name": "Eleni", "birthdate": "1984-02-29", "nationalities": ["GR"] });
        let known = Known { verification: &verification, claims: claims.as_object().unwrap() };
        let asked = read(request).unwrap().unwrap();
        let stored = serde_json::to_string(&asked).unwrap();
        assert!(!stored.contains("Eleni") && !stored.contains("1984"), "{stored}");
        let asked: Asked = serde_json::from_str(&stored).unwrap();
        asked.answer(&known, &Measure { blinding: &blinding(), now: now() })
    }

    fn verification(wanted: Value) -> Option<Value> {
        let mut verification = json!({ "trust_framework": null });
        verification.as_object_mut().unwrap().extend(wanted.as_object().unwrap().clone());
        let answered = answer(json!({ "verification": verification, "claims": { "given_name": null } }))?;
        Some(answered["verification"].clone())
    }

    fn claims(wanted: Value) -> Option<Value> {
        let answered = answer(json!({ "verification": { "trust_framework": null }, "claims": wanted }))?;
        assert_eq!(answered["verification"], json!({ "trust_framework": "eidas" }));
        Some(answered["claims"].clone())
    }

    #[test]
    fn what_is_asked_for_is_answered_and_nothing_else() {
        let eleni = || Some(json!({ "given_name": "Eleni" }));
        for wish in [json!(null), json!({}), json!({"essential": true}), json!({"essential": false, "x": 1})]
        {
            assert_eq!(claims(json!({ "given_name": wish })), eleni());
        }
        let level = Some(json!({ "trust_framework": "eidas", "assurance_level": "high" }));
        assert_eq!(verification(json!({ "assurance_level": null, "policy": null })), level);
    }

    #[test]
    fn unknown_claims_are_left_out_and_nothing_is_answered_if_none_is_left() {
        let eleni = Some(json!({ "given_name": "Eleni" }));
        for unknown in ["nickname", "claim%1/a&,.b", "verified_claims"] {
            assert_eq!(claims(json!({ "given_name": null, unknown: { "essential": true } })), eleni);
            assert_eq!(claims(json!({ unknown: null })), None);
        }
        assert_eq!(claims(Value::Null), None);
    }

    #[test]
    fn a_claim_that_does_not_fit_is_left_out() {
        let both = |given_name: Value| claims(json!({ "given_name": given_name, "nationalities": null }));
        let all = json!({ "given_name": "Eleni", "nationalities": ["GR"] });
        assert_eq!(both(json!({ "value": "Eleni" })), Some(all.clone()));
        assert_eq!(both(json!({ "values": ["Maria", "Eleni"] })), Some(all));
        for other in [json!({ "value": "Maria" }), json!({ "values": ["eleni"] })] {
            assert_eq!(both(other), Some(json!({ "nationalities": ["GR"] })));
        }
        let born = |age: u64| claims(json!({ "birthdate": { "max_age": age } })).is_some();
        assert_eq!([born(60 * 60), born(100 * 366 * 86_400)], [false, true]);
    }

    #[test]
    fn a_verification_that_does_not_fit_leaves_all_out() {
        for unfit in [
            json!({ "trust_framework": { "value": "de_aml" } }),
            json!({ "assurance_level": { "values": ["low", "substantial"] } }),
            json!({ "time": { "max_age": 29 } }),
            json!({ "policy": { "value": "x" } }),
            json!({ "evidence": [{ "type": { "value": "document" } }] }),
            json!({ "evidence": [{ "type": null, "record": { "type": { "value": "population_register" } } }] }),
            json!({ "evidence": [] }),
        ] {
            assert_eq!(verification(unfit.clone()), None, "{unfit}");
        }
        for fit in [
            json!({ "trust_framework": { "value": "eidas" } }),
            json!({ "assurance_level": { "values": ["substantial", "high"] } }),
            json!({ "time": { "max_age": 30 } }),
        ] {
            assert!(verification(fit.clone()).is_some(), "{fit}");
        }
    }

    #[test]
    fn evidence_is_cut_down_to_what_was_asked_for_and_stays_well_formed() {
        let evidence =
            |wanted: Value| verification(json!({ "evidence": wanted })).unwrap()["evidence"].clone();
        assert_eq!(
            evidence(json!([{ "type": { "value": "electronic_record" } }])),
            json!([{ "type": "electronic_record" }])
        );
        let document = json!({ "type": { "value": "document" }, "document_details": null });
        let source =
            json!({ "type": { "value": "electronic_record" }, "record": { "source": { "name": null } } });
        let expected = json!([{
            "type": "electronic_record",
            "record": { "type": "eid", "source": { "name": "Greek eID" } },
        }]);
        assert_eq!(evidence(json!([document, source])), expected);
        let checks = json!([{ "type": null, "check_details": [{ "check_id": null }] }]);
        let expected = json!([{
            "type": "electronic_record",
            "check_details": [{ "check_method": "auth", "check_id": "_1" }],
        }]);
        assert_eq!(evidence(checks), expected);
    }

    #[test]
    fn several_requests_have_several_answers() {
        let one = |framework: &str| {
            json!({
                "verification": { "trust_framework": { "value": framework } },
                "claims": { "given_name": null },
            })
        };
        let expected = json!([{
            "verification": { "trust_framework": "eidas" },
            "claims": { "given_name": "Eleni" },
        }]);
        assert_eq!(answer(json!([one("de_aml"), one("eidas")])), Some(expected));
        assert_eq!(answer(json!([one("de_aml")])), None);
        assert_eq!(answer(json!([])), None);
        let asked = read(json!([one("a"), one("b")])).unwrap().unwrap();
        assert_eq!(asked.claims().collect::<Vec<_>>(), ["given_name", "given_name"]);
    }

    #[test]
    fn what_has_another_form_is_refused() {
        let fine = json!({ "trust_framework": null });
        for malformed in [
            json!("all"),
            json!({}),
            json!({ "verification": fine }),
            json!({ "verification": fine, "claims": {} }),
            json!({ "verification": fine, "claims": ["given_name"] }),
            json!({ "verification": fine, "claims": { "given_name": 1 } }),
            json!({ "verification": fine, "claims": { "birthdate": { "max_age": -1 } } }),
            json!({ "verification": {}, "claims": { "given_name": null } }),
            json!({ "verification": null, "claims": { "given_name": null } }),
            json!({ "verification": { "trust_framework": "eidas" }, "claims": { "given_name": null } }),
            json!([{ "claims": { "given_name": null } }]),
        ] {
            assert_eq!(read(malformed.clone()), Err(ClaimsMalformed), "{malformed}");
        }
        assert_eq!(read(Value::Null), Ok(None));
        let many = |n: usize| json!({ "verification": fine, "claims": { "x": { "values": vec!["v"; n] } } });
        assert!(read(many(100)).is_ok());
        assert_eq!(read(many(101)), Err(ClaimsMalformed));
    }
}
