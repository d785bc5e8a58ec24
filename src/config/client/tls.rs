//! `tls_client_auth`: the name in the client's certificate, and who may have issued it.

use std::net::IpAddr;

use super::{Authentication, Client};
use crate::config::fault::Findings;
use crate::config::files::Files;
use crate::crypto::name::{CertificateName, DistinguishedName};
use crate::oidc::ClientAuthentication;
use crate::oidc::tls_client_auth::Expected;

impl Client {
    pub(super) fn check_tls(&self, at: &str, findings: &mut Findings) {
        let mut add = |key: &str, code, message: String| findings.add(format!("{at}.{key}"), code, message);
        let mut names = self.certificate_names().into_iter().filter_map(|(key, text, _)| text.map(|_| key));
        let (first, second) = (names.next(), names.next());
        if self.authentication != Authentication::TlsClientAuth {
            let files = (!self.tls_client_auth_ca_files.is_empty()).then_some(CA_FILES);
            for key in first.into_iter().chain(second).chain(names).chain(files) {
                add(key, "contradiction", "only tls_client_auth has one".to_owned());
            }
            return;
        }
        match (first, second) {
            (None, _) => {
                let keys = self.certificate_names().map(|(key, ..)| key).join(", ");
                add("tls_client_auth_subject_dn", "missing_key", format!("one of {keys} is needed"));
            }
            (Some(first), Some(second)) => {
                add(second, "contradiction", format!("{first} is given as well"));
            }
            (Some(key), None) => {
                if let Err(message) = self.certificate_name() {
                    add(key, "bad_value", message);
                }
            }
        }
        if self.tls_client_auth_ca_files.is_empty() {
            add(CA_FILES, "missing_key", "nobody is trusted to issue certificates otherwise".to_owned());
        }
    }

    pub(in crate::config) fn open_tls(
        &self,
        at: &str,
        files: &mut Files<'_>,
    ) -> Option<ClientAuthentication> {
        let mut authorities = Vec::new();
        for (n, file) in self.tls_client_auth_ca_files.iter().enumerate() {
            let at = format!("{at}.{CA_FILES}[{n}]");
            let certificates = files.certificates(&at, file).unwrap_or_default();
            if certificates.iter().any(|certificate| !certificate.is_authority()) {
                let message = format!("{} holds a certificate that is no authority's", file.display());
                files.findings.add(at, "bad_certificate", message);
            }
            authorities.extend(certificates);
        }
        let name = self.certificate_name().ok()?;
        Some(ClientAuthentication::Tls(Box::new(Expected { name, authorities })))
    }

    /// The name that is registered. The first, if there are several.
    fn certificate_name(&self) -> Result<CertificateName, String> {
        let mut names = self.certificate_names().into_iter();
        let (text, read) = names.find_map(|(_, text, read)| Some((text?, read))).ok_or_else(String::new)?;
        read(text)
    }

    fn certificate_names(&self) -> [(&'static str, Option<&str>, Read); 5] {
        [
            ("tls_client_auth_subject_dn", self.tls_client_auth_subject_dn.as_deref(), subject),
            ("tls_client_auth_san_dns", self.tls_client_auth_san_dns.as_deref(), dns),
            ("tls_client_auth_san_uri", self.tls_client_auth_san_uri.as_deref(), uri),
            ("tls_client_auth_san_ip", self.tls_client_auth_san_ip.as_deref(), ip),
            ("tls_client_auth_san_email", self.tls_client_auth_san_email.as_deref(), email),
        ]
    }
}

type Read = fn(&str) -> Result<CertificateName, String>;

fn subject(text: &str) -> Result<CertificateName, String> {
    DistinguishedName::parse(text).map(CertificateName::Subject).map_err(|error| error.to_string())
}

fn dns(text: &str) -> Result<CertificateName, String> {
    if is_host_name(text) {
        return Ok(CertificateName::Dns(text.to_owned()));
    }
    Err("a DNS name: letters, digits, hyphens and dots".to_owned())
}

fn uri(text: &str) -> Result<CertificateName, String> {
    let has_scheme =
        text.split_once(':').is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty());
    if has_scheme && text.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(CertificateName::Uri(text.to_owned()));
    }
    Err("a URI".to_owned())
}

fn ip(text: &str) -> Result<CertificateName, String> {
    match text.parse() {
        Ok(IpAddr::V4(address)) => Ok(CertificateName::Ip(address.octets().to_vec())),
        Ok(IpAddr::V6(address)) => Ok(CertificateName::Ip(address.octets().to_vec())),
        Err(_) => Err("an IP address".to_owned()),
    }
}

fn email(text: &str) -> Result<CertificateName, String> {
    let has_both = text.split_once('@').is_some_and(|(who, host)| !who.is_empty() && is_host_name(host));
    if has_both && text.bytes().all(|b| b.is_ascii_graphic()) {
        return Ok(CertificateName::Email(text.to_owned()));
    }
    Err("an e-mail address".to_owned())
}

/// Whether `text` is a DNS name, in ASCII and without a dot at its end.
pub(in crate::config) fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

const CA_FILES: &str = "tls_client_auth_ca_files";
