//! The `claims` request parameter (OpenID Connect Core §5.5).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Which claims a request asks for one by one, and where it wants them. Members that we do not know
/// (`verified_claims`, `purpose`, names of other profiles) are left out, as §5.5 demands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimsRequest {
    /// Claims wanted in the ID token, by name.
    pub id_token: BTreeMap<String, ClaimRequest>,
    /// Claims wanted from the userinfo endpoint, by name.
    pub userinfo: BTreeMap<String, ClaimRequest>,
}

/// How one claim is asked for (OpenID Connect Core §5.5.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRequest {
    /// The client says that it cannot work without it.
    pub essential: bool,
    /// The values that it wants, from `value` or `values`; empty if any will do.
    pub values: Vec<Value>,
}

impl ClaimsRequest {
    /// Reads the JSON text of the parameter.
    ///
    /// # Errors
    /// If it is not JSON or not of the form that §5.5 describes.
    pub fn parse(text: &str) -> Result<Self, ClaimsMalformed> {
        if text.len() > MAX_OCTETS {
            return Err(ClaimsMalformed);
        }
        let mut members: Map<String, Value> = serde_json::from_str(text).map_err(|_| ClaimsMalformed)?;
        Ok(Self {
            id_token: place(members.remove("id_token"))?,
            userinfo: place(members.remove("userinfo"))?,
        })
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

fn place(member: Option<Value>) -> Result<BTreeMap<String, ClaimRequest>, ClaimsMalformed> {
    let claims = match member {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(claims)) => claims,
        Some(_) => return Err(ClaimsMalformed),
    };
    // verified_claims has a form of its own (OpenID Identity Assurance), which may be an array.
    let plain = claims.into_iter().filter(|(name, _)| name != "verified_claims");
    plain.map(|(name, request)| Ok((name, claim(request)?))).collect()
}

fn claim(request: Value) -> Result<ClaimRequest, ClaimsMalformed> {
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

    #[test]
    fn the_example_of_the_specification_is_read() {
        let request = ClaimsRequest::parse(
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
        let request = ClaimsRequest::parse(r#"{"id_token":{"sub":{"value":"248289761001"}}}"#).unwrap();
        assert_eq!(request.any("sub").unwrap().values, [json!("248289761001")]);
    }

    #[test]
    fn unknown_members_are_left_out() {
        let text = r#"{"x":1,"id_token":null,"userinfo":{"verified_claims":[{}],"name":{"purpose":"p"}}}"#;
        let request = ClaimsRequest::parse(text).unwrap();
        assert_eq!(request.userinfo.keys().collect::<Vec<_>>(), ["name"]);
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
            assert_eq!(ClaimsRequest::parse(text), Err(ClaimsMalformed), "{text}");
        }
        let deep = format!(r#"{{"id_token":{}1{}}}"#, "[".repeat(5000), "]".repeat(5000));
        assert_eq!(ClaimsRequest::parse(&deep), Err(ClaimsMalformed));
        let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(MAX_OCTETS));
        assert_eq!(ClaimsRequest::parse(&long), Err(ClaimsMalformed));
    }
}
