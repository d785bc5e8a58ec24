//! `[[country]]`: one block for each member state whose citizens can log in.

use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Profile;
use super::fault::Findings;
use crate::eidas::{CountryCode, Quirks};
use crate::outbound::url_parts;

/// One member state whose citizens can log in: where its node's metadata is and what vouches for it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Country {
    /// The country, as eIDAS writes it (`EL` for Greece). Its anchors vouch for this country alone.
    pub code: String,
    /// The https address of the node's metadata. Either this or `metadata_file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_url: Option<String>,
    /// A file with the node's metadata. Either this or `metadata_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_file: Option<PathBuf>,
    /// The entityID to look for, if the metadata holds several entities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
    /// PEM files with the certificates that vouch for this country's metadata.
    pub anchor_files: Vec<PathBuf>,
    /// Accept RSA PKCS#1 v1.5 as the signature on X.509 certificates of the chain. Signatures
    /// on XML are never accepted in that form.
    #[serde(default)]
    pub accept_pkcs1_certificates: bool,
    /// Known deviations of this country's node that are to be tolerated, and how far its clock may be
    /// off (docs/quirks.md).
    #[serde(default)]
    #[schemars(schema_with = "quirks_schema")]
    pub quirks: Quirks,
}

impl Country {
    pub(crate) fn check(&self, at: &str, profile: Profile, findings: &mut Findings) {
        let code = CountryCode::parse(&self.code);
        if !code.is_some_and(|code| CountryCode::participants().any(|one| one == code) || code.is_test()) {
            let message = format!("`{}` is not a country that takes part in eIDAS", self.code);
            findings.add(format!("{at}.code"), "unknown_country", message);
        }
        if profile == Profile::Production && code.is_some_and(CountryCode::is_test) {
            let message = "test countries (XA to XZ) need profile = \"test\"";
            findings.add(format!("{at}.code"), "test_country", message);
        }
        match (&self.metadata_url, &self.metadata_file) {
            (None, None) => {
                findings.add(
                    format!("{at}.metadata_url"),
                    "missing_key",
                    "metadata_url or metadata_file is needed",
                );
            }
            (Some(_), Some(_)) => {
                findings.add(format!("{at}.metadata_file"), "contradiction", "metadata_url is given as well");
            }
            (Some(url), None) => match url_parts(url) {
                None => findings.add(format!("{at}.metadata_url"), "bad_url", "not an https address"),
                Some(parts) if parts.scheme == "http" && profile == Profile::Production => {
                    findings.add(
                        format!("{at}.metadata_url"),
                        "https_required",
                        "metadata is fetched by https only",
                    );
                }
                Some(_) => {}
            },
            (None, Some(_)) => {}
        }
        if self.anchor_files.is_empty() {
            findings.add(
                format!("{at}.anchor_files"),
                "missing_key",
                "without an anchor nothing can be trusted",
            );
        }
        if self.quirks.clock_skew > 300 {
            findings.add(format!("{at}.quirks.clock_skew"), "out_of_range", "at most 300 seconds");
        }
    }
}

/// The switches are defined in `eidas::quirk`; their names and kinds are read off the defaults.
fn quirks_schema(_: &mut SchemaGenerator) -> Schema {
    let defaults = serde_json::to_value(Quirks::default()).unwrap_or_default();
    let properties: Map<String, Value> = defaults
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let kind = match value {
                Value::Bool(_) => "boolean",
                Value::Number(_) => "integer",
                _ => "string",
            };
            (name.clone(), json!({ "type": kind, "default": value }))
        })
        .collect();
    json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
}
