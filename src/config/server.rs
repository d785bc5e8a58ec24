//! `[server]`: where the gateway is reached and where it listens.

use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Profile;
use super::client::is_host_name;
use super::client_certificate::CertificateHeader;
use super::fault::Findings;
use crate::outbound::{is_local_host, url_parts};

/// Where the gateway is reached and where it listens.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The public address of the gateway, without a path or trailing slash: the issuer of every ID
    /// token, and the base of every address that member states and brokers are told.
    pub issuer: String,
    /// Address and port to listen on.
    #[serde(default = "default_listen")]
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Certificate and key for HTTPS. Leave out when a reverse proxy in front ends TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// How the proxy in front tells of the certificate that a client showed to it, for clients that prove by it who
    /// they are or to which their tokens are bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate: Option<CertificateHeader>,
    /// Seconds that running requests are given to end after SIGTERM.
    #[serde(default = "default_shutdown")]
    pub shutdown_seconds: u64,
}

/// Certificate and key for HTTPS.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// PEM file with the server certificate and its chain.
    pub certificate_file: PathBuf,
    /// PEM file with the private key (PKCS#8).
    pub key_file: PathBuf,
    /// A second name of this host, which the certificate covers too: under it, and nowhere else, clients are asked for
    /// a certificate by which they prove who they are, or to which their tokens are bound. Discovery names it in
    /// `mtls_endpoint_aliases`. Behind a proxy that ends TLS: `[server.client_certificate]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate_host: Option<String>,
}

impl Server {
    fn client_certificate_host(&self) -> Option<&str> {
        self.tls.as_ref()?.client_certificate_host.as_deref()
    }

    /// Whether clients can show certificates at all.
    pub(super) fn asks_for_certificates(&self) -> bool {
        self.client_certificate.is_some() || self.client_certificate_host().is_some()
    }

    /// The address at which clients show certificates, if it is not the issuer's: under the name for it, at the
    /// issuer's port.
    #[must_use]
    pub fn certificate_base(&self) -> Option<String> {
        if let Some(set) = &self.client_certificate {
            return set.base.clone();
        }
        let host = self.client_certificate_host()?;
        let port = self.issuer.rsplit_once(':').map(|(_, port)| port);
        let port = port.filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
        Some(port.map_or_else(|| format!("https://{host}"), |port| format!("https://{host}:{port}")))
    }

    pub(crate) fn check(&self, profile: Profile, findings: &mut Findings) {
        let key = "server.issuer";
        let Some(url) = url_parts(&self.issuer) else {
            findings.add(key, "bad_url", format!("`{}` is not an http or https address", self.issuer));
            return;
        };
        if !url.path.is_empty() {
            findings.add(key, "bad_url", "the issuer is an origin: no path, query or trailing slash");
        }
        if let Some(host) = self.client_certificate_host() {
            let key = "server.tls.client_certificate_host";
            if !is_host_name(host) {
                findings.add(key, "bad_value", "a DNS name: letters, digits, hyphens and dots");
            } else if host.eq_ignore_ascii_case(url.host) {
                let message =
                    "browsers would ask people for certificates: it is another name than the issuer's";
                findings.add(key, "contradiction", message);
            } else if self.client_certificate.is_some() {
                let message = "[server.client_certificate] says that a proxy asks for certificates";
                findings.add(key, "contradiction", message);
            }
        }
        let plain = url.scheme == "http";
        if plain && profile == Profile::Production {
            findings.add(key, "https_required", "under profile = \"production\" the issuer must be https");
        } else if plain && !is_local_host(url.host) {
            findings.add(key, "https_required", "an http issuer is possible on localhost only");
        }
    }
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

fn default_shutdown() -> u64 {
    20
}
