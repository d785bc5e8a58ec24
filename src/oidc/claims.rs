//! The `claims` request parameter (OpenID Connect Core §5.5).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::fingerprint::Blinding;
use super::verified::{Asked, Reader, VERIFIED_CLAIMS};

/// Which claims a request asks for one by one, and where it wants them. Members that we do not know
/// (`purpose`, names of other profiles) are left out, as §5.5 demands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    /// Claims wanted in the ID token, by name.
    pub id_token: BTreeMap<String, ClaimRequest>,
    /// Claims wanted from the userinfo endpoint, by name.
    pub userinfo: BTreeMap<String, ClaimRequest>,
    /// Verified claims wanted in the ID token.
    pub verified_id_token: Option<Asked>,
    /// Verified claims wanted from the userinfo endpoint.
    pub verified_userinfo: Option<Asked>,
}

/// How one claim is asked for (OpenID Connect Core §5.5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRequest {
    /// The client says that it cannot work without it.
    pub essential: bool,
    /// The values that it wants, from `value` or `values`; empty if any will do. Only the rules of the
    /// authorization request see them: a value can tell about a person, and a request is stored.
    #[serde(skip)]
    pub values: Vec<Value>,
}

impl ClaimsRequest {
    /// Reads the JSON text of the parameter.
    ///
    /// # Errors
    /// If it is not JSON or not of the form that §5.5 describes.
    pub fn parse(text: &str, blinding: &Blinding) -> Result<Self, ClaimsMalformed> {
        if text.len() > MAX_OCTETS {
            return Err(ClaimsMalformed);
        }
        let mut members: Map<String, Value> = serde_json::from_str(text).map_err(|_| ClaimsMalformed)?;
        let mut reader = Reader::new(blinding);
        let (id_token, verified_id_token) = place(members.remove("id_token"), &mut reader)?;
        let (userinfo, verified_userinfo) = place(members.remove("userinfo"), &mut reader)?;
        Ok(Self { id_token, userinfo, verified_id_token, verified_userinfo })
    }

    /// Whether `name` is asked for as a verified claim, wherever it is wanted.
    #[must_use]
    pub fn any_verified(&self, name: &str) -> bool {
        let places = [&self.verified_id_token, &self.verified_userinfo];
        places.into_iter().flatten().any(|asked| asked.claims().any(|claim| claim == name))
    }

    /// The greatest age, in seconds, that every time in the verified claims may have, if the request says one.
    #[must_use]
    pub fn verified_max_age(&self) -> Option<u64> {
        let places = [&self.verified_id_token, &self.verified_userinfo];
        places.into_iter().flatten().filter_map(Asked::max_age).min()
    }

    /// Drops the values: whoever had to read them has done so.
    pub(super) fn forget_values(&mut self) {
        for claim in self.id_token.values_mut().chain(self.userinfo.values_mut()) {
            claim.values.clear();
        }
    }

    /// The request for `name`, wherever it is wanted.
    #[must_use]
    pub fn any(&self, name: &str) -> Option<&ClaimRequest> {
        self.id_token.get(name).or_else(|| self.userinfo.get(name))
    }
}

/// The parameter is not what OpenID Connect Core §5.5 describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the claims parameter is malformed")]
pub struct ClaimsMalformed;

type Place = (BTreeMap<String, ClaimRequest>, Option<Asked>);

fn place(member: Option<Value>, reader: &mut Reader<'_>) -> Result<Place, ClaimsMalformed> {
    let mut claims = match member {
        None | Some(Value::Null) => return Ok(Place::default()),
        Some(Value::Object(claims)) => claims,
        Some(_) => return Err(ClaimsMalformed),
    };
    // It has a form of its own.
    let verified = claims.remove(VERIFIED_CLAIMS).map_or(Ok(None), |value| reader.read(value))?;
    let plain: Result<_, _> = claims.into_iter().map(|(name, request)| Ok((name, claim(request)?))).collect();
    Ok((plain?, verified))
}

/// Reads the request for one claim.
pub(super) fn claim(request: Value) -> Result<ClaimRequest, ClaimsMalformed> {
    let mut members = match request {
        Value::Null => return Ok(ClaimRequest::default()),
        Value::Object(members) => members,
        _ => return Err(ClaimsMalformed),
    };
    let essential = match members.remove("essential") {
        None => false,
        Some(Value::Bool(essential)) => essential,
        Some(_) => return Err(ClaimsMalformed),
    };
    let values = match (members.remove("value"), members.remove("values")) {
        (None, None) => Vec::new(),
        (Some(value), None) => vec![value],
        (None, Some(Value::Array(values))) => values,
        _ => return Err(ClaimsMalformed),
    };
    Ok(ClaimRequest { essential, values })
}

/// A list of claims is short; this is room for every one that is registered.
const MAX_OCTETS: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Result<ClaimsRequest, ClaimsMalformed> {
        ClaimsRequest::parse(text, &Blinding::new([3; 32]))
    }

    #[test]
    fn the_example_of_the_specification_is_read() {
        let request = parse(
            r#"{"userinfo":{"given_name":{"essential":true},"nickname":null,
                "http://example.info/claims/groups":null},
                "id_token":{"auth_time":{"essential":true},"acr":{"values":["urn:mace:silver"]}}}"#,
        )
        .unwrap();
        assert!(request.userinfo["given_name"].essential);
        assert_eq!(request.userinfo["nickname"], ClaimRequest::default());
        assert_eq!(request.id_token["acr"].values, [json!("urn:mace:silver")]);
        assert_eq!(request.userinfo.len(), 3);
    }

    #[test]
    fn a_single_value_is_a_list_of_one() {
        let request = parse(r#"{"id_token":{"sub":{"value":"248289761001"}}}"#).unwrap();
        assert_eq!(request.any("sub").unwrap().values, [json!("248289761001")]);
    }

    #[test]
    fn unknown_members_are_left_out() {
        let text = r#"{"x":1,"id_token":null,"userinfo":{"name":{"purpose":"p"}}}"#;
        let request = parse(text).unwrap();
        assert_eq!(request.userinfo.keys().collect::<Vec<_>>(), ["name"]);
    }

    #[test]
    fn verified_claims_stand_apart_from_the_others() {
        let verified = r#"{"verification":{"trust_framework":null},"claims":{"given_name":null}}"#;
        let text = format!(r#"{{"id_token":{{"verified_claims":{verified},"name":null}},"userinfo":{{}}}}"#);
        let request = parse(&text).unwrap();
        assert_eq!(request.id_token.keys().collect::<Vec<_>>(), ["name"]);
        assert!(request.verified_id_token.is_some() && request.verified_userinfo.is_none());
        assert!(request.any_verified("given_name") && !request.any_verified("name"));
        assert_eq!(parse(r#"{"userinfo":{"verified_claims":[{}]}}"#), Err(ClaimsMalformed));
    }

    #[test]
    fn values_are_not_stored() {
        let mut request = parse(r#"{"userinfo":{"birthdate":{"value":"1977-03-12"}}}"#).unwrap();
        assert!(!serde_json::to_string(&request).unwrap().contains("1977"));
        request.forget_values();
        assert_eq!(request.userinfo["birthdate"], ClaimRequest::default());
    }

    #[test]
    fn what_has_another_form_is_refused() {
        let texts = [
            "",
            "[]",
            "null",
            "{",
            r#"{"id_token":[]}"#,
            r#"{"id_token":{"acr":true}}"#,
            r#"{"id_token":{"acr":{"essential":"yes"}}}"#,
            r#"{"id_token":{"acr":{"values":"high"}}}"#,
            r#"{"id_token":{"acr":{"value":"a","values":["b"]}}}"#,
        ];
        for text in texts {
            assert_eq!(parse(text), Err(ClaimsMalformed), "{text}");
        }
        let deep = format!(r#"{{"id_token":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
        assert_eq!(parse(&deep), Err(ClaimsMalformed));
        let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(MAX_OCTETS));
        assert_eq!(parse(&long), Err(ClaimsMalformed));
    }
}
