//! The TLS certificate of a client (RFC 8705): by which it proves who it is, or to which its tokens are bound.
//!
//! That the client has the key of the certificate was shown in the TLS handshake; here it is only compared.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::form;
use crate::clock::Timestamp;
use crate::crypto::Certificate;

/// A certificate whose key the sender of a request has shown to be its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate(Certificate);

impl ClientCertificate {
    /// Reads the value of the header `Client-Cert` (RFC 9440 §2.1): DER in base64 between colons.
    #[must_use]
    pub fn from_rfc9440(value: &str) -> Option<Self> {
        let base64 = value.trim_matches([' ', '\t']).strip_prefix(':')?.strip_suffix(':')?;
        Certificate::from_der(&STANDARD.decode(base64).ok()?).ok().map(Self)
    }

    /// Reads a certificate in PEM whose special characters are percent-encoded, as nginx writes
    /// `$ssl_client_escaped_cert`.
    #[must_use]
    pub fn from_escaped_pem(value: &str) -> Option<Self> {
        // A plus sign that was left alone is one.
        let pem = form::decode(&value.replace('+', "%2B"))?;
        match Certificate::from_pem(pem.as_bytes()).ok()?.as_slice() {
            [one] => Some(Self(one.clone())),
            _ => None,
        }
    }

    /// The member `x5t#S256` of `cnf`: SHA-256 of the DER, in base64url (RFC 8705 §3.1).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.fingerprint())
    }

    /// Whether a client's key set holds this certificate, by itself (`x5c`) or by its hash (`x5t#S256`), and it is
    /// valid at `now` (RFC 8705 §2.2). Who issued it does not matter.
    #[must_use]
    pub fn is_among(&self, keys: &Value, now: Timestamp) -> bool {
        let keys = keys.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        self.0.valid_at(now) && keys.iter().any(|key| self.is_of(key))
    }

    fn is_of(&self, key: &Value) -> bool {
        let held = key.get("x5c").and_then(|chain| chain.get(0)).and_then(Value::as_str);
        let hash = key.get("x5t#S256").and_then(Value::as_str);
        match (held, hash) {
            // Both are of one certificate (RFC 7517 §4.9).
            (Some(held), hash) => {
                held == self.0.base64() && hash.is_none_or(|hash| hash == self.thumbprint())
            }
            (None, Some(hash)) => hash == self.thumbprint(),
            (None, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::crypto::{CertificateRequest, Curve, KeyKind, KeyUsage, PrivateKey};
    use crate::ids::CountingRandom;
    use crate::oidc::test_support::now;

    fn certificate() -> Certificate {
        let request = CertificateRequest {
            common_name: "client".to_owned(),
            organization: None,
            country: None,
            not_before: now() - Duration::from_secs(60),
            not_after: now() + Duration::from_secs(60),
            usage: KeyUsage::Signing,
        };
        let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
        key.self_signed(&request, &CountingRandom::default()).unwrap()
    }

    fn escaped(pem: &str) -> String {
        let mut escaped = String::new();
        form::encode_onto(&mut escaped, pem);
        escaped
    }

    #[test]
    fn a_certificate_is_read_from_the_header_of_a_proxy() {
        let certificate = certificate();
        let expected = Some(ClientCertificate(certificate.clone()));
        assert_eq!(ClientCertificate::from_rfc9440(&format!(":{}:", certificate.base64())), expected);
        assert_eq!(ClientCertificate::from_escaped_pem(&escaped(&certificate.pem())), expected);
        // HAProxy and others leave the plus sign alone.
        assert_eq!(
            ClientCertificate::from_escaped_pem(&escaped(&certificate.pem()).replace("%2B", "+")),
            expected
        );
        for wrong in
            ["", ":", "::", ":AAAA:", &certificate.base64(), "%zz", &format!(":{}", certificate.base64())]
        {
            assert_eq!(ClientCertificate::from_rfc9440(wrong), None, "{wrong}");
            assert_eq!(ClientCertificate::from_escaped_pem(wrong), None, "{wrong}");
        }
        let two = escaped(&[certificate.pem(), certificate.pem()].concat());
        assert_eq!(ClientCertificate::from_escaped_pem(&two), None);
    }

    #[test]
    fn a_key_set_names_a_certificate_by_itself_or_by_its_hash() {
        let mine = ClientCertificate(certificate());
        let (held, hash) = (mine.0.base64(), mine.thumbprint());
        let other = ClientCertificate(certificate());
        let among = |key: Value| mine.is_among(&json!({ "keys": [json!({"kty": "EC"}), key] }), now());
        assert!(among(json!({ "x5c": [held] })));
        assert!(among(json!({ "x5t#S256": hash })));
        assert!(among(json!({ "x5c": [held, other.0.base64()], "x5t#S256": hash })));
        assert!(!among(json!({ "x5c": [other.0.base64(), held] })));
        assert!(!among(json!({ "x5c": [held], "x5t#S256": other.thumbprint() })));
        assert!(!among(json!({ "x5t#S256": other.thumbprint() })));
        assert!(!among(json!({ "x5c": [] })) && !among(json!({})));
        assert!(!mine.is_among(&json!({}), now()));
        let keys = json!({ "keys": [{ "x5c": [held] }] });
        assert!(!mine.is_among(&keys, now() + Duration::from_secs(61)));
        assert!(!mine.is_among(&keys, now() - Duration::from_secs(61)));
    }
}
