//! `preset`: what a kind of broker needs, laid under the client's own block before that is read.
//!
//! The values and their reasons stand in `presets.toml`. Whatever the block itself says counts; what it does
//! not say is taken from the preset, and only then from the default of the option.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A kind of broker whose needs are known (docs/presets.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Keycloak, as the broker of a realm.
    Keycloak,
    /// authentik, with an OAuth source.
    Authentik,
    /// Microsoft Entra External ID.
    Entra,
    /// Django with `mozilla-django-oidc`.
    Django,
    /// Auth0, with an enterprise connection of type "back channel".
    Auth0,
    /// Okta, with a generic OpenID Connect identity provider.
    Okta,
    /// Zitadel, with a generic OIDC provider.
    Zitadel,
    /// Any client of the FAPI 2.0 Security Profile.
    Fapi2,
    /// An application of your own that can do everything.
    Strict,
}

/// A value that came from a preset.
#[derive(Clone, Debug)]
pub(super) struct Laid {
    /// The option, as in `client[0].authentication`.
    pub(super) path: String,
    /// Where the block names its preset.
    pub(super) at: usize,
    /// The name of the preset.
    pub(super) preset: String,
}

/// Lays under each `[[client]]` block what its preset says. A preset that does not exist is left to whoever
/// reads the block.
pub(super) fn lay(root: &mut DeTable<'_>) -> Vec<Laid> {
    let Ok(presets) = DeTable::parse(TEXT) else { return Vec::new() };
    let Some(DeValue::Array(clients)) = root.get_mut("client").map(Spanned::get_mut) else {
        return Vec::new();
    };
    let mut laid = Vec::new();
    for (n, client) in clients.iter_mut().enumerate() {
        let DeValue::Table(client) = client.get_mut() else { continue };
        let Some((key, word)) = client.get_key_value("preset") else { continue };
        let (at, span, word) = (key.span().start, word.span(), word.get_ref().as_str().map(str::to_owned));
        let Some(word) = word else { continue };
        let Some(DeValue::Table(values)) = presets.get_ref().get(word.as_str()).map(Spanned::get_ref) else {
            continue;
        };
        for (key, value) in values {
            let option = key.get_ref();
            if client.contains_key(option.as_ref()) || is_let_go(option, values, client) {
                continue;
            }
            let path = format!("client[{n}].{option}");
            laid.push(Laid { path, at, preset: word.clone() });
            // Spans of another text would name a wrong place.
            let value = Spanned::new(span.clone(), value.get_ref().clone());
            client.insert(Spanned::new(span.clone(), option.clone()), value);
        }
    }
    laid
}

/// Whether `option` only has a meaning together with another one, of which the block says something else than
/// the preset.
fn is_let_go(option: &str, preset: &DeTable<'_>, client: &DeTable<'_>) -> bool {
    let word = |table: &DeTable<'_>, key: &str| match table.get(key).map(Spanned::get_ref) {
        Some(DeValue::Boolean(value)) => Some(value.to_string()),
        value => value.and_then(DeValue::as_str).map(str::to_owned),
    };
    let mut belonging = BELONGS_TO.iter().filter(|(belongs, _)| *belongs == option);
    belonging.any(|(_, to)| client.contains_key(*to) && word(client, to) != word(preset, to))
}

/// Options that go with another one.
const BELONGS_TO: &[(&str, &str)] = &[
    ("assertion_alg", "authentication"),
    ("assertion_audience", "authentication"),
    ("request_object_alg", "require_request_object"),
];

const TEXT: &str = include_str!("presets.toml");

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::config::{Authentication, Client, Config, TokenAlgorithm};

    /// A configuration with one client that says who it is, what else `own` says, and nothing more.
    fn read(preset: &str, own: &str) -> Result<Client, Vec<(usize, String, &'static str, String)>> {
        let text = format!("{BASE}preset = \"{preset}\"\n{own}\n");
        match Config::read(Path::new("x.toml"), text, Path::new("/")) {
            Ok(config) => Ok(config.client[0].clone()),
            Err(faults) => Err(faults.0.into_iter().map(|f| (f.line, f.key, f.code, f.message)).collect()),
        }
    }

    /// What the client must say itself.
    fn necessary(preset: &str) -> &'static str {
        match preset {
            "fapi2" | "strict" => "jwks_file = \"broker.jwks\"",
            _ => "secret_file = \"broker.secret\"",
        }
    }

    fn presets() -> Vec<(String, toml::Table)> {
        let all: toml::Table = TEXT.parse().unwrap();
        all.into_iter().map(|(name, values)| (name, values.as_table().unwrap().clone())).collect()
    }

    #[test]
    fn every_preset_has_its_values_and_is_complete_but_for_who_the_client_is() {
        let schema = serde_json::to_value(schemars::schema_for!(Preset)).unwrap();
        let words = schema["oneOf"].as_array().unwrap().iter().map(|one| one["const"].as_str().unwrap());
        let words: BTreeSet<_> = words.collect();
        let presets = presets();
        let named: BTreeSet<_> = presets.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(named, words);
        for (name, values) in presets {
            let client = read(&name, necessary(&name)).unwrap();
            let client = toml::Table::try_from(client).unwrap();
            for (option, value) in values {
                assert_eq!(client.get(&option), Some(&value), "{name}: {option}");
            }
        }
    }

    #[test]
    fn what_the_block_says_itself_counts() {
        let client = read("entra", &format!("{}\nrequire_pkce = false", necessary("entra"))).unwrap();
        assert!(!client.require_pkce);
        assert_eq!(client.authentication, Authentication::ClientSecretPost);
        // And so does what it says about something that the preset ties another option to.
        let own = "authentication = \"client_secret_basic\"\nsecret_file = \"broker.secret\"";
        let client = read("fapi2", own).unwrap();
        assert_eq!((client.assertion_alg, client.require_par), (None, true));
        let own = "authentication = \"private_key_jwt\"\njwks_file = \"broker.jwks\"";
        assert_eq!(read("fapi2", own).unwrap().assertion_alg, Some(TokenAlgorithm::PS256));
        // Who has no keys signs no requests either, but has to say so.
        let own = "authentication = \"client_secret_basic\"\nsecret_file = \"broker.secret\"";
        let missing = read("strict", own).unwrap_err();
        assert_eq!(missing.iter().map(|fault| fault.1.as_str()).collect::<Vec<_>>(), ["client[0].jwks_file"]);
        let client = read("strict", &format!("{own}\nrequire_request_object = false")).unwrap();
        assert_eq!((client.request_object_alg, client.require_request_object), (None, false));
    }

    #[test]
    fn faults_are_named_where_they_stand_in_the_block() {
        let own = "secret_hash = \"00\"\nsector_id = \"*\"";
        let found = read("strict", own).unwrap_err();
        let found: Vec<_> = found.iter().map(|(line, key, code, _)| (*line, key.as_str(), *code)).collect();
        let preset = BASE.lines().count() + 1;
        // `jwks_file` is missing because of the preset, but it is the block that lacks it.
        let block = preset - 5;
        let expected = [
            (block, "client[0].jwks_file", "missing_key"),
            (preset + 1, "client[0].secret_hash", "contradiction"),
            (preset + 2, "client[0].sector_id", "bad_value"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_preset_that_does_not_exist_is_a_fault() {
        let found = read("keyclock", "secret_file = \"x\"").unwrap_err();
        let found: Vec<_> = found.iter().map(|(line, key, code, _)| (*line, key.as_str(), *code)).collect();
        assert_eq!(found, [(BASE.lines().count() + 1, "client[0].preset", "unknown_value")]);
    }

    const BASE: &str = r#"[server]
issuer = "https://eidas.example.org"
[connector]
country = "SE"
organization = { name = "Example Agency", url = "https://www.example.org/" }
support_contact = { email = "support@example.org" }
technical_contact = { email = "eidas@example.org" }
signing = { key_file = "signing.key", certificate_file = "signing.crt" }
encryption = [{ key_file = "encryption.key", certificate_file = "encryption.crt" }]
[oidc]
signing_key = [{ key_file = "token.key", algorithm = "RS256" }]
[subject]
key_file = "subject.key"
[smtp]
host = "mail.example.org"
from = "login@example.org"
[[client]]
id = "broker"
name = "Broker"
redirect_uris = ["https://broker.example.org/callback"]
sector = "public"
"#;
}
