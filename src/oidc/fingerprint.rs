//! Values that a request names and that may tell about a person: `sub`, a date of birth that is to match.
//! A request waits in the database until its login ends, so it keeps fingerprints in their place.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::crypto::hash;
use crate::secret::Secret;

/// The key of the deployment under which fingerprints are made: whoever has the database but not this key
/// cannot try values out.
#[derive(Clone, Debug)]
pub struct Blinding(Secret<[u8; 32]>);

impl Blinding {
    /// A key of 256 bits.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self(Secret::new(key))
    }

    /// The fingerprint of a JSON value.
    #[must_use]
    pub fn of(&self, value: &Value) -> Fingerprint {
        let mac = hash::hmac_sha256(self.0.expose(), sorted(value).to_string().as_bytes());
        Fingerprint(URL_SAFE_NO_PAD.encode(mac))
    }
}

/// The same value with the members of all objects in order, so that equal values are equal texts.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().map(|(name, value)| (name, sorted(value))).collect();
            sorted.into_iter().map(|(name, value)| (name.clone(), value)).collect::<Map<_, _>>().into()
        }
        Value::Array(elements) => elements.iter().map(sorted).collect::<Vec<_>>().into(),
        other => other.clone(),
    }
}

/// HMAC-SHA-256 of a value, in base64url: good for asking whether another value is the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprint")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_values_and_no_others_have_one_fingerprint_under_one_key() {
        let key = Blinding::new([1; 32]);
        assert_eq!(key.of(&json!({"a": 1, "b": [2]})), key.of(&json!({"b": [2], "a": 1})));
        for other in [json!("1"), json!(1), json!(null), json!("a")] {
            assert_ne!(key.of(&json!("b")), key.of(&other), "{other}");
        }
        assert_ne!(key.of(&json!("b")), Blinding::new([2; 32]).of(&json!("b")));
        assert_eq!(format!("{:?} {:?}", key, key.of(&json!("b"))), "Blinding([secret]) Fingerprint");
    }
}
