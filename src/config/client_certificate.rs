//! `[server.client_certificate]`: how the proxy in front of the gateway tells of the certificate that a client
//! showed to it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Config;
use super::client::{BoundTokens, Client};
use super::fault::Findings;
use crate::outbound::{Network, url_parts};

/// How the proxy in front of the gateway tells of the certificate that a client showed to it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateHeader {
    /// The addresses of the proxies that are believed, as `10.1.2.3` or `10.1.2.0/24`. A header that comes from
    /// anybody else is not looked at.
    #[schemars(with = "Vec<String>")]
    pub proxies: Vec<Network>,
    /// The name of the header.
    #[serde(default = "default_header")]
    pub header: String,
    /// How the certificate is written in it.
    #[serde(default)]
    pub form: HeaderForm,
    /// The address at which clients show certificates, if it is not the issuer's: its endpoints are named as
    /// `mtls_endpoint_aliases`. The proxy leads both to the same gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

/// How a certificate is written in a header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeaderForm {
    /// DER in base64 between colons (RFC 9440).
    #[default]
    Rfc9440,
    /// PEM with percent-encoding: `$ssl_client_escaped_cert` of nginx.
    EscapedPem,
}

impl CertificateHeader {
    pub(super) fn check(&self, findings: &mut Findings) {
        let mut add = |key: &str, code, message| {
            findings.add(format!("server.client_certificate.{key}"), code, message);
        };
        if self.proxies.is_empty() {
            add("proxies", "missing_key", "without a proxy that is believed the header says nothing");
        }
        let is_name = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        if self.header.is_empty() || !self.header.bytes().all(is_name) {
            add("header", "bad_value", "the name of a header: letters, digits and hyphens");
        }
        let is_origin = |base: &String| {
            url_parts(base).is_some_and(|parts| parts.scheme == "https" && parts.path.is_empty())
        };
        if self.base.as_ref().is_some_and(|base| !is_origin(base)) {
            add("base", "bad_url", "an https address without a path or trailing slash");
        }
    }
}

impl Config {
    /// Whether `client`, if it needs a certificate, can show one.
    pub(super) fn check_certificate_of(&self, client: &Client, at: &str, findings: &mut Findings) {
        let needs = [
            ("authentication", client.authentication.is_by_certificate()),
            ("bound_tokens", client.bound_tokens == BoundTokens::Mtls),
        ];
        for (key, _) in needs.iter().filter(|(_, needed)| *needed && !self.server.asks_for_certificates()) {
            let message = "nobody asks for certificates: server.tls.client_certificate_host, or behind a proxy \
                [server.client_certificate], is needed";
            findings.add(format!("{at}.{key}"), "contradiction", message);
        }
    }
}

fn default_header() -> String {
    "Client-Cert".to_owned()
}
