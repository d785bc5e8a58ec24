//! `[[country]]`: one block for each member state whose citizens can log in.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Profile;
use super::fault::Findings;
use crate::outbound::url_parts;

/// One member state whose citizens can log in: where its node's metadata is and what vouches for it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Country {
    /// The country, as eIDAS writes it (`EL` for Greece). Its anchors vouch for this country alone.
    pub code: String,
    /// The name on the country page. Default: the country's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The https address of the node's metadata. Either this or `metadata_file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_url: Option<String>,
    /// A file with the node's metadata. Either this or `metadata_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_file: Option<PathBuf>,
    /// PEM files with the certificates that vouch for this country's metadata.
    pub anchor_files: Vec<PathBuf>,
    /// Accept RSA PKCS#1 v1.5 as the signature on X.509 certificates of the chain (TRUST-20). Signatures
    /// on XML are never accepted in that form.
    #[serde(default)]
    pub accept_pkcs1_certificates: bool,
    /// How far this country's clock may be off, in seconds; at most 300.
    #[serde(default = "default_skew")]
    pub clock_skew_seconds: u64,
    /// Known deviations of this country's node that are to be tolerated, by name.
    #[serde(default)]
    pub quirks: Vec<String>,
}

impl Country {
    pub(crate) fn check(&self, at: &str, profile: Profile, findings: &mut Findings) {
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
        if self.clock_skew_seconds > 300 {
            findings.add(format!("{at}.clock_skew_seconds"), "out_of_range", "at most 300 seconds");
        }
    }
}

fn default_skew() -> u64 {
    60
}
