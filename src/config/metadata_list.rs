//! `[[metadata_list]]`: lists that say where the metadata of countries is.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Profile;
use super::country::check_url;
use super::fault::Findings;

/// A MetadataServiceList (Message Format 1.4 Appendix A): where the nodes of many countries publish their
/// metadata, and by which certificates it is signed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetadataList {
    /// What countries call it in their `list`.
    pub name: String,
    /// A file with the list. Without `anchor_files` it is believed as it lies there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// The https address of the list. Either this or `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// PEM files with the certificates that vouch for the list.
    #[serde(default)]
    pub anchor_files: Vec<PathBuf>,
    /// Accept RSA PKCS#1 v1.5 as the signature on X.509 certificates between an anchor and the signer of
    /// the list.
    #[serde(default)]
    pub accept_pkcs1_certificates: bool,
}

impl MetadataList {
    pub(crate) fn check(&self, at: &str, profile: Profile, findings: &mut Findings) {
        if self.name.is_empty() {
            findings.add(format!("{at}.name"), "bad_value", "a list needs a name");
        }
        match (&self.file, &self.url) {
            (None, None) => findings.add(format!("{at}.url"), "missing_key", "url or file is needed"),
            (Some(_), Some(_)) => {
                findings.add(format!("{at}.url"), "contradiction", "file is given as well");
            }
            (None, Some(url)) => {
                check_url(format!("{at}.url"), url, profile, findings);
                if self.anchor_files.is_empty() {
                    let message = "a list that is fetched must be signed by somebody";
                    findings.add(format!("{at}.anchor_files"), "missing_key", message);
                }
            }
            (Some(_), None) => {}
        }
    }
}
