//! The provider's metadata (OpenID Connect Discovery §3, RFC 8414 §2).

use serde_json::{Value, json};

use super::{Issuer, ResponseMode, SigningKeys, dpop};
use crate::crypto::jose::JwsAlgorithm;
use crate::crypto::jwe::{JweAlgorithm, JweContentAlgorithm};

/// Paths of the endpoints, below the issuer.
pub mod path {
    /// The authorization endpoint.
    pub const AUTHORIZE: &str = "/authorize";
    /// The introspection endpoint.
    pub const INTROSPECT: &str = "/introspect";
    /// The endpoint for logouts.
    pub const END_SESSION: &str = "/end_session";
    /// The JWK Set.
    pub const JWKS: &str = "/jwks";
    /// This metadata.
    pub const METADATA: &str = "/.well-known/openid-configuration";
    /// The endpoint for pushed authorization requests.
    pub const PAR: &str = "/par";
    /// The revocation endpoint.
    pub const REVOKE: &str = "/revoke";
    /// The token endpoint.
    pub const TOKEN: &str = "/token";
    /// The userinfo endpoint.
    pub const USERINFO: &str = "/userinfo";
}

/// What a deployment offers, as far as this module cannot know it.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// `acr` values that can be asked for.
    pub acr_values: Vec<String>,
    /// Names of the claims that can be released.
    pub claims: Vec<String>,
    /// Scopes that some client may have.
    pub scopes: Vec<String>,
    /// Whether some client gets a `sub` that others get too.
    pub public_subjects: bool,
    /// Whether clients can show certificates in TLS (RFC 8705).
    pub certificates: bool,
    /// The address at which they do, if it is not the issuer's.
    pub certificate_base: Option<String>,
    /// Whether some client has nothing to prove who it is with.
    pub public_clients: bool,
    /// Languages of our pages, as BCP 47 tags in canonical case.
    pub ui_locales: Vec<String>,
    /// Whether some client may sign its requests.
    pub request_objects: bool,
    /// Whether every client has to.
    pub require_request_objects: bool,
    /// What vouches for claims, if some client may have that.
    pub verified_claims: Option<VerifiedClaims>,
}

/// What discovery says of `verified_claims` (OpenID Connect for Identity Assurance 1.0 §8).
#[derive(Clone, Debug)]
pub struct VerifiedClaims {
    /// The one trust framework.
    pub trust_framework: &'static str,
    /// The one type of evidence.
    pub evidence: &'static str,
    /// The one type of electronic record.
    pub record: &'static str,
    /// Names of the claims that can be vouched for.
    pub claims: Vec<&'static str>,
}

/// The metadata document.
#[must_use]
pub fn document(issuer: &Issuer, offer: &Offer, keys: &SigningKeys) -> Value {
    let algorithms: Vec<&str> = keys.algorithms().iter().map(|algorithm| algorithm.as_str()).collect();
    let claims: Vec<&str> =
        ABOUT_THE_LOGIN.into_iter().chain(offer.claims.iter().map(String::as_str)).collect();
    let subject_types: &[&str] = if offer.public_subjects { &["pairwise", "public"] } else { &["pairwise"] };
    let mut document = json!({
        "issuer": issuer.as_str(),
        "authorization_endpoint": issuer.endpoint(path::AUTHORIZE),
        "token_endpoint": issuer.endpoint(path::TOKEN),
        "pushed_authorization_request_endpoint": issuer.endpoint(path::PAR),
        "require_pushed_authorization_requests": false,
        "userinfo_endpoint": issuer.endpoint(path::USERINFO),
        "introspection_endpoint": issuer.endpoint(path::INTROSPECT),
        "revocation_endpoint": issuer.endpoint(path::REVOKE),
        "end_session_endpoint": issuer.endpoint(path::END_SESSION),
        "jwks_uri": issuer.endpoint(path::JWKS),
        "scopes_supported": offer.scopes,
        "claims_supported": claims,
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": true,
        "acr_values_supported": offer.acr_values,
        "ui_locales_supported": offer.ui_locales,
        "subject_types_supported": subject_types,
        "response_types_supported": ["code"],
        "response_modes_supported": ResponseMode::ALL.map(ResponseMode::as_str),
        "grant_types_supported": ["authorization_code"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": algorithms,
        "id_token_encryption_alg_values_supported": JweAlgorithm::ALL.map(JweAlgorithm::as_str),
        "id_token_encryption_enc_values_supported": JweContentAlgorithm::ALL.map(JweContentAlgorithm::as_str),
        "userinfo_signing_alg_values_supported": algorithms,
        "userinfo_encryption_alg_values_supported": JweAlgorithm::ALL.map(JweAlgorithm::as_str),
        "userinfo_encryption_enc_values_supported": JweContentAlgorithm::ALL.map(JweContentAlgorithm::as_str),
        "authorization_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": authentication_methods(offer),
        "token_endpoint_auth_signing_alg_values_supported": assertion_algorithms(),
        "introspection_endpoint_auth_methods_supported": authentication_methods(&Offer {
            public_clients: false,
            ..offer.clone()
        }),
        "introspection_endpoint_auth_signing_alg_values_supported": assertion_algorithms(),
        "revocation_endpoint_auth_methods_supported": authentication_methods(offer),
        "revocation_endpoint_auth_signing_alg_values_supported": assertion_algorithms(),
        "dpop_signing_alg_values_supported": dpop::ALGORITHMS.map(JwsAlgorithm::as_str),
        "authorization_response_iss_parameter_supported": true,
        // Left out, both would mean something else: the default of the second is true.
        "request_parameter_supported": offer.request_objects,
        "request_uri_parameter_supported": false,
        "verified_claims_supported": offer.verified_claims.is_some(),
    });
    if let Some(document) = document.as_object_mut().filter(|_| offer.certificates) {
        document.extend(certificates(offer));
    }
    if let Some(document) = document.as_object_mut().filter(|_| offer.request_objects) {
        let algorithms = json!(JwsAlgorithm::ALL.map(JwsAlgorithm::as_str));
        document.insert("request_object_signing_alg_values_supported".to_owned(), algorithms);
        document.insert("require_signed_request_object".to_owned(), offer.require_request_objects.into());
    }
    if let (Some(offer), Some(document)) = (&offer.verified_claims, document.as_object_mut()) {
        for (name, supported) in [
            ("trust_frameworks_supported", json!([offer.trust_framework])),
            ("evidence_supported", json!([offer.evidence])),
            ("electronic_records_supported", json!([offer.record])),
            ("claims_in_verified_claims_supported", json!(offer.claims)),
        ] {
            document.insert(name.to_owned(), supported);
        }
    }
    document
}

/// What RFC 8705 adds (§3.3, §5).
fn certificates(offer: &Offer) -> Vec<(String, Value)> {
    let mut members = vec![("tls_client_certificate_bound_access_tokens".to_owned(), true.into())];
    if let Some(base) = &offer.certificate_base {
        let endpoints = [
            ("token_endpoint", path::TOKEN),
            ("pushed_authorization_request_endpoint", path::PAR),
            ("userinfo_endpoint", path::USERINFO),
            ("introspection_endpoint", path::INTROSPECT),
            ("revocation_endpoint", path::REVOKE),
        ];
        let alias = |(name, path): (&str, &str)| (name.to_owned(), format!("{base}{path}").into());
        let aliases: serde_json::Map<String, Value> = endpoints.map(alias).into_iter().collect();
        members.push(("mtls_endpoint_aliases".to_owned(), aliases.into()));
    }
    members
}

/// The values of `token_endpoint_auth_methods_supported`; which of them is a client's, its registration says.
const AUTHENTICATION_METHODS: [&str; 4] =
    ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"];

fn authentication_methods(offer: &Offer) -> Vec<&'static str> {
    let by_certificate = ["tls_client_auth", "self_signed_tls_client_auth"].into_iter();
    let by_certificate = by_certificate.filter(|_| offer.certificates);
    let by_nothing = offer.public_clients.then_some("none");
    AUTHENTICATION_METHODS.into_iter().chain(by_certificate).chain(by_nothing).collect()
}

/// What client assertions may be signed with.
fn assertion_algorithms() -> Vec<&'static str> {
    JwsAlgorithm::ALL.map(JwsAlgorithm::as_str).into_iter().chain(["HS256"]).collect()
}

/// What every ID token says, or says if it can (OpenID Connect Core §2).
const ABOUT_THE_LOGIN: [&str; 11] =
    ["iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "acr", "amr", "txn"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::jose::{JwsAlgorithm, JwsKey};

    fn metadata(offer: &Offer) -> Value {
        let keys = SigningKeys::new(vec![JwsKey::generate(JwsAlgorithm::RS256).unwrap()]).unwrap();
        document(&Issuer::parse("https://eidas.example.org/op").unwrap(), offer, &keys)
    }

    #[test]
    fn everything_that_a_broker_reads_is_there() {
        let metadata = metadata(&Offer::default());
        // Keycloak, authentik, Entra and Auth0 together (their lists differ).
        for member in [
            "issuer",
            "authorization_endpoint",
            "token_endpoint",
            "userinfo_endpoint",
            "jwks_uri",
            "token_endpoint_auth_methods_supported",
            "response_types_supported",
            "subject_types_supported",
            "id_token_signing_alg_values_supported",
            "code_challenge_methods_supported",
            "claims_supported",
            "scopes_supported",
            "introspection_endpoint",
            "revocation_endpoint",
        ] {
            assert!(metadata.get(member).is_some(), "{member}");
        }
    }

    #[test]
    fn endpoints_lie_below_the_issuer() {
        let metadata = metadata(&Offer::default());
        assert_eq!(metadata["issuer"], "https://eidas.example.org/op");
        assert_eq!(metadata["token_endpoint"], "https://eidas.example.org/op/token");
        assert_eq!(metadata["jwks_uri"], "https://eidas.example.org/op/jwks");
    }

    #[test]
    fn request_objects_are_spoken_of_if_some_client_may_sign() {
        let offer = Offer { request_objects: true, require_request_objects: true, ..Offer::default() };
        let metadata = metadata(&offer);
        assert_eq!(metadata["request_parameter_supported"], true);
        assert_eq!(metadata["require_signed_request_object"], true);
        assert!(!metadata["request_object_signing_alg_values_supported"].to_string().contains("none"));
        let metadata = self::metadata(&Offer::default());
        assert_eq!(metadata["request_parameter_supported"], false);
        assert_eq!(metadata.get("require_signed_request_object"), None);
    }

    #[test]
    fn what_is_offered_is_what_the_deployment_and_its_keys_can_do() {
        let offer = Offer { acr_values: vec!["high".to_owned()], public_subjects: true, ..Offer::default() };
        let metadata = metadata(&offer);
        assert_eq!(metadata["acr_values_supported"], json!(["high"]));
        assert_eq!(metadata["subject_types_supported"], json!(["pairwise", "public"]));
        assert_eq!(metadata["id_token_signing_alg_values_supported"], json!(["RS256"]));
        assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
        assert_eq!(metadata["request_uri_parameter_supported"], false);
        let algorithms = &metadata["token_endpoint_auth_signing_alg_values_supported"];
        assert_eq!(*algorithms, json!(["RS256", "PS256", "ES256", "ES384", "ES512", "EdDSA", "HS256"]));
        let methods = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"];
        assert_eq!(metadata["token_endpoint_auth_methods_supported"], json!(methods));
        for what in ["id_token", "userinfo"] {
            let listed = |list: &str| &metadata[format!("{what}_{list}_values_supported")];
            assert_eq!(*listed("signing_alg"), json!(["RS256"]));
            assert_eq!(*listed("encryption_alg"), json!(["RSA-OAEP-256", "ECDH-ES", "ECDH-ES+A256KW"]));
            assert_eq!(*listed("encryption_enc"), json!(["A256GCM", "A128GCM"]));
        }
        assert!(!metadata.to_string().contains("none"));
        let proofs = json!(["PS256", "ES256", "ES384", "ES512", "EdDSA"]);
        assert_eq!(metadata["dpop_signing_alg_values_supported"], proofs);
    }

    #[test]
    fn certificates_are_offered_where_clients_can_show_them() {
        let base = Some("https://mtls.example.org".to_owned());
        let metadata = metadata(&Offer { certificates: true, certificate_base: base, ..Offer::default() });
        assert_eq!(metadata["tls_client_certificate_bound_access_tokens"], true);
        let methods = metadata["introspection_endpoint_auth_methods_supported"].as_array().unwrap();
        let last = [json!("tls_client_auth"), json!("self_signed_tls_client_auth")];
        assert!(methods.ends_with(&last), "{methods:?}");
        let aliases = metadata["mtls_endpoint_aliases"].as_object().unwrap();
        let base = "https://mtls.example.org";
        assert_eq!(aliases["token_endpoint"], format!("{base}/token"));
        assert_eq!(aliases.len(), 5);
    }

    #[test]
    fn authentication_by_nothing_is_offered_if_a_client_is_public() {
        let metadata = metadata(&Offer { public_clients: true, ..Offer::default() });
        let methods = metadata["token_endpoint_auth_methods_supported"].as_array().unwrap();
        assert_eq!(methods.last(), Some(&json!("none")));
    }
}
