//! The relying party's two pages: log in, and what came of it.

use askama::Template;
use serde_json::{Map, Value};

use super::flow::{LoggedIn, Problem};
use super::steps::Step;
use super::{Offer, RelyingParty};

/// `/`: the ways to log in.
#[derive(Template)]
#[template(path = "shop_home.html", config = "src/node/askama.toml")]
pub(super) struct HomePage<'a> {
    pub(super) about: &'a RelyingParty,
}

/// `/account`: the claims, or the error, and the ten steps.
#[derive(Template)]
#[template(path = "shop_result.html", config = "src/node/askama.toml")]
pub(super) struct ResultPage<'a> {
    pub(super) about: &'a RelyingParty,
    pub(super) offer: &'a Offer,
    pub(super) result: &'a Result<LoggedIn, Problem>,
    pub(super) steps: &'a [Step],
}

/// A claim as it is shown.
struct Claim {
    name: String,
    label: String,
    value: String,
    /// Whether the value is an identifier or address rather than words.
    code: bool,
}

impl ResultPage<'_> {
    /// The claims about the person, those of userinfo and those that only the ID token has, without the
    /// protocol's own.
    fn claims(&self, person: &LoggedIn) -> Vec<Claim> {
        let mut all = person.userinfo.clone();
        for (name, value) in &person.id_token {
            all.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let mut claims: Vec<_> = all.iter().filter(|(name, _)| !PROTOCOL.contains(&name.as_str())).collect();
        claims.sort_by_key(|(name, _)| (rank(name), (*name).clone()));
        let claim = |(name, value): (&String, &Value)| {
            let value = show(value);
            let code = value.split_whitespace().any(|word| word.len() > LONG_WORD);
            Claim { name: name.clone(), label: label(name), value, code }
        };
        claims.into_iter().map(claim).collect()
    }

    fn person_name(&self, person: &LoggedIn) -> String {
        let find = |name: &str| text(&person.userinfo, name).or_else(|| text(&person.id_token, name));
        find("name").or_else(|| find("eidas_legal_name")).unwrap_or_else(|| "citizen".to_owned())
    }

    fn raw(&self, claims: &Map<String, Value>) -> String {
        serde_json::to_string_pretty(claims).unwrap_or_default()
    }

    fn number(&self, index: &usize) -> usize {
        index + 1
    }
}

fn text(claims: &Map<String, Value>, name: &str) -> Option<String> {
    claims.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// The known claims in the order in which a person would read them.
const ORDER: [(&str, &str); 31] = [
    ("name", "Name"),
    ("given_name", "First name"),
    ("given_name_original", "First name, original script"),
    ("family_name", "Family name"),
    ("family_name_original", "Family name, original script"),
    ("birthdate", "Date of birth"),
    ("eidas_date_of_birth", "Date of birth, as stated"),
    ("eidas_birth_name", "Name at birth"),
    ("eidas_birth_name_original", "Name at birth, original script"),
    ("place_of_birth", "Place of birth"),
    ("eidas_place_of_birth", "Place of birth, as stated"),
    ("nationalities", "Nationalities"),
    ("gender", "Gender"),
    ("address", "Address"),
    ("email", "Email address"),
    ("email_verified", "Email address verified"),
    ("phone_number", "Phone number"),
    ("phone_number_verified", "Phone number verified"),
    ("eidas_legal_name", "Organisation"),
    ("eidas_legal_person_identifier", "Organisation's identifier"),
    ("eidas_legal", "About the organisation"),
    ("eidas_representative", "Represented by"),
    ("eidas_country", "Country"),
    ("eidas_subject_type", "Kind of person"),
    ("eidas_person_identifier", "Person identifier"),
    ("acr", "Level of assurance"),
    ("eidas_loa", "Level of assurance, eIDAS"),
    ("amr", "Method"),
    ("verified_claims", "Verified under"),
    ("sub", "Identifier for this service"),
    ("txn", "Transaction"),
];

/// No word of a language that people read in a table is longer.
const LONG_WORD: usize = 24;

/// Claims that say something about the token and nothing about the person.
const PROTOCOL: [&str; 8] = ["iss", "aud", "exp", "iat", "nonce", "at_hash", "azp", "auth_time"];

fn rank(name: &str) -> usize {
    ORDER.iter().position(|(known, _)| *known == name).unwrap_or(ORDER.len())
}

fn label(name: &str) -> String {
    let known = ORDER.iter().find(|(known, _)| *known == name);
    known.map_or_else(|| name.replace('_', " "), |(_, label)| (*label).to_owned())
}

/// A value in one or more lines of text.
fn show(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(show).collect::<Vec<_>>().join(", "),
        // An address says itself once more as a whole.
        Value::Object(parts) if parts.contains_key("formatted") => {
            parts.get("formatted").map(show).unwrap_or_default()
        }
        Value::Object(parts) => {
            let lines =
                parts.iter().map(|(name, value)| format!("{}: {}", name.replace('_', " "), show(value)));
            lines.collect::<Vec<_>>().join("\n")
        }
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
