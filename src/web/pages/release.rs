//! What is about to be released, shown to the one whose data it is.

use askama::Template;
use serde_json::{Map, Value};

use super::words;

/// Between the answer of a country and the code: the claims with their values, who gets them, and why.
///
/// One form posts `decision` (`accept` or `refuse`), `handle` and `token` to `action`. Where the person is asked
/// the buttons are `#consent-accept` and `#consent-refuse`, where they are only told `#continue` and `#cancel`.
#[derive(Clone, Template)]
#[template(path = "release.html", config = "src/web/askama.toml")]
pub struct ReleasePage {
    /// Whether the person has to agree; otherwise this is a notice.
    pub asks: bool,
    /// The name of the service.
    pub service: String,
    /// Why it asks, in one sentence, if the operator has said.
    pub purpose: Option<String>,
    /// The name of the country that vouches for the data.
    pub country: String,
    /// The level of assurance reached: `low`, `substantial`, `high`, or a URI as it stands.
    pub level: String,
    /// The data, in the order in which they are shown.
    pub data: Vec<Datum>,
    /// The path that the decision is posted to.
    pub action: String,
    /// Which paused login it is about, sent as the field `handle`.
    pub handle: String,
    /// The login's anti-forgery token, sent as the field `token`.
    pub token: String,
}

/// One thing that is released.
#[derive(Clone, PartialEq, Eq)]
pub struct Datum {
    /// Its name in plain words.
    pub name: String,
    /// Its lines.
    pub lines: Vec<String>,
}

impl std::fmt::Debug for ReleasePage {
    /// Without the data: they are somebody's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReleasePage")
    }
}

impl std::fmt::Debug for Datum {
    /// Without the value.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Datum({})", self.name)
    }
}

impl ReleasePage {
    fn level_name(&self) -> &str {
        words::level_name(&self.level)
    }
}

impl Datum {
    /// What `claims` say, in plain words, each thing once. What describes the login and not the person has a
    /// place of its own on the page.
    #[must_use]
    pub fn of_claims(claims: &Map<String, Value>) -> Vec<Self> {
        let mut data: Vec<Self> = Vec::new();
        let known = words::CLAIMS.iter().filter_map(|(claim, _)| Some((*claim, claims.get(*claim)?)));
        let others = claims.iter().map(|(claim, value)| (claim.as_str(), value));
        let others = others.filter(|(claim, _)| {
            !words::ABOUT_THE_LOGIN.contains(claim) && words::CLAIMS.iter().all(|(known, _)| known != claim)
        });
        for (claim, value) in known.chain(others) {
            let lines = lines(value);
            let datum = Self { name: words::claim(claim).to_owned(), lines };
            if !datum.lines.is_empty() && !data.contains(&datum) {
                data.push(datum);
            }
        }
        data
    }
}

/// The value of a claim as lines of text: a list line by line, an object member by member.
fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Bool(yes) => vec![if *yes { "yes" } else { "no" }.to_owned()],
        Value::Number(number) => vec![number.to_string()],
        Value::String(text) => text.lines().map(str::to_owned).collect(),
        Value::Array(values) => values.iter().flat_map(lines).collect(),
        Value::Object(members) => match members.get("formatted").and_then(Value::as_str) {
            // An address says everything in this one member (OpenID Connect Core §5.1.1).
            Some(formatted) => formatted.lines().map(str::to_owned).collect(),
            None => members
                .iter()
                .map(|(name, value)| format!("{}: {}", words::claim(name), lines(value).join(", ")))
                .collect(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(claims: Value) -> Vec<(String, Vec<String>)> {
        let Value::Object(claims) = claims else { panic!("no object") };
        Datum::of_claims(&claims).into_iter().map(|datum| (datum.name, datum.lines)).collect()
    }

    fn datum(name: &str, lines: &[&str]) -> (String, Vec<String>) {
        (name.to_owned(), lines.iter().map(|line| (*line).to_owned()).collect())
    }

    #[test]
    fn claims_are_shown_by_their_human_names_in_one_order() {
        let claims = json!({
            "birthdate": "1977-03-12", "family_name": "Lindqvist", "given_name": "Astrid",
            "eidas_loa": "http://eidas.europa.eu/LoA/high", "eidas_subject_type": "natural",
            "nationalities": ["SE", "FI"], "custom": "x",
        });
        let expected = [
            datum("Given name", &["Astrid"]),
            datum("Family name", &["Lindqvist"]),
            datum("Date of birth", &["1977-03-12"]),
            datum("Nationality", &["SE", "FI"]),
            datum("custom", &["x"]),
        ];
        assert_eq!(shown(claims), expected);
    }

    #[test]
    fn a_date_of_birth_that_is_there_twice_is_shown_once() {
        let claims = json!({ "birthdate": "1977-03-12", "eidas_date_of_birth": "1977-03-12" });
        assert_eq!(shown(claims), [datum("Date of birth", &["1977-03-12"])]);
        let partial = json!({ "birthdate": "1964", "eidas_date_of_birth": "1964-00-00" });
        let expected = [datum("Date of birth", &["1964"]), datum("Date of birth", &["1964-00-00"])];
        assert_eq!(shown(partial), expected);
    }

    #[test]
    fn objects_are_shown_member_by_member_and_addresses_as_they_are_written() {
        let address = json!({ "address": { "formatted": "Ermou 12\n105 63 Athens", "country": "GR" } });
        assert_eq!(shown(address), [datum("Address", &["Ermou 12", "105 63 Athens"])]);
        let place = json!({ "place_of_birth": { "locality": "Patras", "country": "GR" } });
        assert_eq!(shown(place), [datum("Place of birth", &["Town: Patras", "Country: GR"])]);
        assert_eq!(shown(json!({ "email_verified": false })), [datum("Email address verified", &["no"])]);
    }

    #[test]
    fn no_value_prints() {
        let data = Datum::of_claims(&Map::from_iter([("family_name".to_owned(), json!("Lindqvist"))]));
        assert_eq!(format!("{data:?}"), "[Datum(Family name)]");
    }
}
