//! The TLS certificate of a client (RFC 8705): by which it proves who it is, or to which its tokens are bound.
//!
//! That the client has the key of the certificate was shown in the TLS handshake; here it is only compared.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::form;
use crate::clock::Timestamp;
use crate::crypto::Certificate;

/// A certificate whose key the sender of a request has shown to be its own, and what came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificate {
    own: Certificate,
    intermediates: Vec<Certificate>,
}

impl ClientCertificate {
    /// `own`, whose key the sender has; with certificates of authorities that may lead to one that is trusted.
    #[must_use]
    pub fn new(own: Certificate, intermediates: Vec<Certificate>) -> Self {
        Self { own, intermediates }
    }

    /// Reads what was shown in a TLS handshake: DER, the sender's own certificate first.
    #[must_use]
    pub fn from_handshake<'a>(chain: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut chain = chain.into_iter().take(MOST + 1).map(Certificate::from_der);
        let own = chain.next()?.ok()?;
        Some(Self::new(own, chain.collect::<Result<_, _>>().ok()?))
    }

    /// Reads the value of the header `Client-Cert` (RFC 9440 §2.1): DER in base64 between colons.
    #[must_use]
    pub fn from_rfc9440(value: &str) -> Option<Self> {
        Some(Self::new(read_rfc9440(value)?, Vec::new()))
    }

    /// Adds what the headers `Client-Cert-Chain` hold (RFC 9440 §2.2): a list of the same. If it is not that, or a
    /// long one, nothing is added.
    #[must_use]
    pub fn with_rfc9440_chain<'a>(mut self, values: impl IntoIterator<Item = &'a str>) -> Self {
        let members = values.into_iter().flat_map(|value| value.split(','));
        let chain: Option<Vec<_>> = members.take(MOST + 1).map(read_rfc9440).collect();
        self.intermediates = chain.filter(|chain| chain.len() <= MOST).unwrap_or_default();
        self
    }

    /// Reads a certificate in PEM whose special characters are percent-encoded, as nginx writes
    /// `$ssl_client_escaped_cert`.
    #[must_use]
    pub fn from_escaped_pem(value: &str) -> Option<Self> {
        // A plus sign that was left alone is one.
        let pem = form::decode(&value.replace('+', "%2B"))?;
        match Certificate::from_pem(pem.as_bytes()).ok()?.as_slice() {
            [one] => Some(Self::new(one.clone(), Vec::new())),
            _ => None,
        }
    }

    /// The certificate itself.
    #[must_use]
    pub fn own(&self) -> &Certificate {
        &self.own
    }

    /// What came with it. Nothing of that is believed yet.
    #[must_use]
    pub fn intermediates(&self) -> &[Certificate] {
        &self.intermediates
    }

    /// The member `x5t#S256` of `cnf`: SHA-256 of the DER, in base64url (RFC 8705 §3.1).
    #[must_use]
    pub fn thumbprint(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.own.fingerprint())
    }

    /// Whether a client's key set holds this certificate, by itself (`x5c`) or by its hash (`x5t#S256`), and it is
    /// valid at `now` (RFC 8705 §2.2). Who issued it does not matter.
    #[must_use]
    pub fn is_among(&self, keys: &Value, now: Timestamp) -> bool {
        let keys = keys.get("keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        self.own.valid_at(now) && keys.iter().any(|key| self.is_of(key))
    }

    fn is_of(&self, key: &Value) -> bool {
        let held = key.get("x5c").and_then(|chain| chain.get(0)).and_then(Value::as_str);
        let hash = key.get("x5t#S256").and_then(Value::as_str);
        match (held, hash) {
            // Both are of one certificate (RFC 7517 §4.9).
            (Some(held), hash) => {
                held == self.own.base64() && hash.is_none_or(|hash| hash == self.thumbprint())
            }
            (None, Some(hash)) => hash == self.thumbprint(),
            (None, None) => false,
        }
    }
}

fn read_rfc9440(value: &str) -> Option<Certificate> {
    let base64 = value.trim_matches([' ', '\t']).strip_prefix(':')?.strip_suffix(':')?;
    Certificate::from_der(&STANDARD.decode(base64).ok()?).ok()
}

/// Most certificates that are looked at besides the sender's own.
const MOST: usize = 6;

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
        let expected = Some(ClientCertificate::new(certificate.clone(), Vec::new()));
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
    fn what_comes_with_a_certificate_is_all_or_nothing_and_not_long() {
        let (own, other) = (certificate(), certificate());
        let (own_value, other_value) = (format!(":{}:", own.base64()), format!(":{}:", other.base64()));
        let with = |values: &[&str]| {
            let certificate = ClientCertificate::from_rfc9440(&own_value).unwrap();
            certificate.with_rfc9440_chain(values.iter().copied()).intermediates().to_vec()
        };
        let two = format!("{other_value}, {own_value}");
        assert_eq!(with(&[]), []);
        assert_eq!(with(&[&two, &other_value]), [other.clone(), own.clone(), other.clone()]);
        assert_eq!(with(&[other_value.as_str(); 6]).len(), 6);
        for wrong in [&[other_value.as_str(); 7][..], &[""], &[&two, ":AAAA:"], &[&format!("{two},")]] {
            assert_eq!(with(wrong), []);
        }
        let chain = |chain: &[&[u8]]| ClientCertificate::from_handshake(chain.iter().copied());
        let expected = ClientCertificate::new(own.clone(), vec![other.clone()]);
        assert_eq!(chain(&[own.der(), other.der()]), Some(expected));
        assert_eq!(chain(&[own.der()]).unwrap().intermediates(), []);
        assert_eq!(chain(&[]), None);
        assert_eq!(chain(&[own.der(), b"x"]), None);
    }

    #[test]
    fn a_key_set_names_a_certificate_by_itself_or_by_its_hash() {
        let mine = ClientCertificate::new(certificate(), Vec::new());
        let (held, hash) = (mine.own.base64(), mine.thumbprint());
        let other = ClientCertificate::new(certificate(), Vec::new());
        let among = |key: Value| mine.is_among(&json!({ "keys": [json!({"kty": "EC"}), key] }), now());
        assert!(among(json!({ "x5c": [held] })));
        assert!(among(json!({ "x5t#S256": hash })));
        assert!(among(json!({ "x5c": [held, other.own.base64()], "x5t#S256": hash })));
        assert!(!among(json!({ "x5c": [other.own.base64(), held] })));
        assert!(!among(json!({ "x5c": [held], "x5t#S256": other.thumbprint() })));
        assert!(!among(json!({ "x5t#S256": other.thumbprint() })));
        assert!(!among(json!({ "x5c": [] })) && !among(json!({})));
        assert!(!mine.is_among(&json!({}), now()));
        let keys = json!({ "keys": [{ "x5c": [held] }] });
        assert!(!mine.is_among(&keys, now() + Duration::from_secs(61)));
        assert!(!mine.is_among(&keys, now() - Duration::from_secs(61)));
    }
}
