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
/// One of `metadata_url`, `metadata_file` and `list` says where it is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Country {
    /// The country, as eIDAS writes it (`EL` for Greece). Its anchors vouch for this country alone.
    pub code: String,
    /// The https address of the node's metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_url: Option<String>,
    /// A file with the node's metadata.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_file: Option<PathBuf>,
    /// The name of the `[[metadata_list]]` that says where the node's metadata is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    /// The entityID to look for, if the metadata or the list holds several entities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
    /// What makes the metadata believable.
    #[serde(default)]
    pub trust: Trust,
    /// PEM files with the certificates that vouch for this country's metadata. A country of a list may
    /// leave them to the list.
    #[serde(default)]
    pub anchor_files: Vec<PathBuf>,
    /// With `trust = "pinned_file"`: SHA-256 of the metadata document, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_sha256: Option<String>,
    /// What becomes of the country while nobody says whether the certificates between its anchor and the
    /// signer of its metadata were revoked. Certificates that name no source need no answer.
    #[serde(default)]
    pub revocation: Revocation,
    /// A new address, signer or signing key in the metadata waits for `metadata approve`.
    #[serde(default)]
    pub review: bool,
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

/// What makes the metadata of a country believable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// A signature for which one of the country's anchors vouches.
    #[default]
    Anchors,
    /// That it is the very document whose SHA-256 is in `metadata_sha256`, signed or not: for the German
    /// middleware, whose metadata is unsigned by specification.
    PinnedFile,
}

/// What becomes of a country while nobody says whether its certificates were revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Revocation {
    /// Its metadata is refused.
    Hard,
    /// Its metadata is accepted, and the operator is told.
    #[default]
    Soft,
    /// Nobody is asked.
    Off,
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
        self.check_source(at, profile, findings);
        self.check_trust(at, findings);
        if self.quirks.clock_skew > 300 {
            findings.add(format!("{at}.quirks.clock_skew"), "out_of_range", "at most 300 seconds");
        }
    }
}

impl Country {
    fn check_source(&self, at: &str, profile: Profile, findings: &mut Findings) {
        let given = [
            ("metadata_url", self.metadata_url.is_some()),
            ("metadata_file", self.metadata_file.is_some()),
            ("list", self.list.is_some()),
        ];
        let mut given = given.iter().filter(|(_, given)| *given).map(|(key, _)| key);
        match (given.next(), given.next()) {
            (None, _) => findings.add(
                format!("{at}.metadata_url"),
                "missing_key",
                "metadata_url, metadata_file or list is needed",
            ),
            (Some(first), Some(second)) => {
                findings.add(format!("{at}.{second}"), "contradiction", format!("{first} is given as well"));
            }
            _ => {}
        }
        if let Some(url) = &self.metadata_url {
            check_url(format!("{at}.metadata_url"), url, profile, findings);
        }
    }

    fn check_trust(&self, at: &str, findings: &mut Findings) {
        let digest = self.metadata_sha256.as_deref();
        if digest.is_some_and(|text| super::decode_sha256(text).is_none()) {
            findings.add(format!("{at}.metadata_sha256"), "bad_value", "not 64 hexadecimal digits");
        }
        match self.trust {
            Trust::PinnedFile => {
                if digest.is_none() {
                    let message = "without the SHA-256 of the document nothing is pinned";
                    findings.add(format!("{at}.metadata_sha256"), "missing_key", message);
                }
                let beside = [("anchor_files", !self.anchor_files.is_empty()), ("list", self.list.is_some())];
                for (key, _) in beside.iter().filter(|(_, given)| *given) {
                    let message = "a pinned document is believed by itself";
                    findings.add(format!("{at}.{key}"), "contradiction", message);
                }
            }
            Trust::Anchors => {
                if digest.is_some() {
                    let message = "only trust = \"pinned_file\" looks at it";
                    findings.add(format!("{at}.metadata_sha256"), "contradiction", message);
                }
                if self.anchor_files.is_empty() && self.list.is_none() {
                    let message = "without an anchor nothing can be trusted; anchor_files names the certificate that the \
                                   country's operator has given you";
                    findings.add(format!("{at}.anchor_files"), "missing_key", message);
                }
            }
        }
    }
}

/// An address that documents are fetched from.
pub(super) fn check_url(at: String, url: &str, profile: Profile, findings: &mut Findings) {
    match url_parts(url) {
        None => findings.add(at, "bad_url", "not an https address"),
        Some(parts) if parts.scheme == "http" && profile == Profile::Production => {
            findings.add(at, "https_required", "documents are fetched by https only");
        }
        Some(_) => {}
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
