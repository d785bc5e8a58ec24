//! `[connector]`: who we are toward member states (our SAML identity).

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Profile;
use super::client::Sector;
use super::fault::Findings;
use crate::eidas::CountryCode;
use crate::outbound::url_parts;

/// Who we are toward member states.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connector {
    /// The member state that this connector belongs to, as eIDAS writes it (`EL` for Greece).
    pub country: String,
    /// The entityID, which is the address of our metadata (Message Format 1.4 §2.1.1). Default: issuer + `/saml/metadata`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity_id: Option<String>,
    /// Where responses are posted to. Default: issuer + `/saml/acs`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acs_url: Option<String>,
    /// A name for the person to see at their own node, unless the client has one (ProviderName).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_name: Option<String>,
    /// Write SPType into our metadata instead of each request (Message Format 1.4 §4.1): then every client must be of
    /// this sector. Leave out to serve both sectors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sp_type: Option<Sector>,
    /// The organization that metadata names (Message Format 1.4 §2.1.1).
    pub organization: Organization,
    /// Whom other countries call when a login fails (Message Format 1.4 §2.1.1).
    pub support_contact: Contact,
    /// Whom other countries call about certificates and protocol (Message Format 1.4 §2.1.1).
    pub technical_contact: Contact,
    /// The key that signs requests.
    pub signing: KeyPair,
    /// The key that signs metadata. Default: the signing key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_signing: Option<KeyPair>,
    /// The keys that assertions are encrypted for. The first is published; the others still decrypt.
    pub encryption: Vec<KeyPair>,
    /// Certificates of signing keys to come, published ahead of their use (PEM files).
    #[serde(default)]
    pub next_signing_certificate_files: Vec<PathBuf>,
    /// Where `keys rotate` writes which key takes the place of which, and when. It need not exist.
    #[serde(default = "default_rotation_file")]
    pub rotation_file: PathBuf,
}

/// The organization behind the connector.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    /// Its registered name.
    pub name: String,
    /// Its name for people. Default: `name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Its home page.
    pub url: String,
    /// The language of the three, as in `en`.
    #[serde(default = "default_language")]
    pub language: String,
}

/// A person or desk to turn to.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// E-mail address.
    pub email: String,
    /// Given name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surname: Option<String>,
    /// Company.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<String>,
    /// Telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telephone: Option<String>,
}

/// A private key and its certificate.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyPair {
    /// The private key: PKCS#8 as PEM or DER. RSA of 3072 bits or more, or one of the six named curves.
    pub key_file: PathBuf,
    /// The certificate: PEM or DER. Further certificates in a PEM file are its chain.
    pub certificate_file: PathBuf,
    /// The hash of signatures made with this key; leave out for what fits the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// The hash of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Digest {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Connector {
    pub(crate) fn check(&self, profile: Profile, findings: &mut Findings) {
        match CountryCode::parse(&self.country) {
            None => findings.add("connector.country", "unknown_country", "two capital letters, as in EL"),
            Some(code) if code.is_test() && profile == Profile::Production => {
                let message = "test countries (XA to XZ) need profile = \"test\"";
                findings.add("connector.country", "test_country", message);
            }
            Some(_) => {}
        }
        for (key, value) in [("entity_id", &self.entity_id), ("acs_url", &self.acs_url)] {
            if value.as_ref().is_some_and(|url| url_parts(url).is_none()) {
                findings.add(format!("connector.{key}"), "bad_url", "not an http or https address");
            }
        }
        if url_parts(&self.organization.url).is_none() {
            findings.add("connector.organization.url", "bad_url", "not an http or https address");
        }
        for (key, contact) in
            [("support_contact", &self.support_contact), ("technical_contact", &self.technical_contact)]
        {
            if !contact.email.contains('@') {
                findings.add(format!("connector.{key}.email"), "bad_email", "not an e-mail address");
            }
        }
        if self.encryption.is_empty() {
            findings.add("connector.encryption", "missing_key", "at least one encryption key is needed");
        }
    }
}

fn default_rotation_file() -> PathBuf {
    PathBuf::from("keys/rotation.toml")
}

fn default_language() -> String {
    "en".to_owned()
}
