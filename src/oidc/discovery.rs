//! The provider's metadata (OpenID Connect Discovery §3, RFC 8414 §2).

use serde_json::{Value, json};

use super::{Issuer, SigningKeys};

/// Paths of the endpoints, below the issuer.
pub mod path {
    /// The authorization endpoint.
    pub const AUTHORIZE: &str = "/authorize";
    /// The JWK Set.
    pub const JWKS: &str = "/jwks";
    /// This metadata.
    pub const METADATA: &str = "/.well-known/openid-configuration";
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
    /// Languages of our pages, as BCP 47 tags in canonical case.
    pub ui_locales: Vec<String>,
}

/// The metadata document.
#[must_use]
pub fn document(issuer: &Issuer, offer: &Offer, keys: &SigningKeys) -> Value {
    let algorithms: Vec<&str> = keys.algorithms().iter().map(|algorithm| algorithm.as_str()).collect();
    let subject_types: &[&str] = if offer.public_subjects { &["pairwise", "public"] } else { &["pairwise"] };
    json!({
        "issuer": issuer.as_str(),
        "authorization_endpoint": issuer.endpoint(path::AUTHORIZE),
        "token_endpoint": issuer.endpoint(path::TOKEN),
        "userinfo_endpoint": issuer.endpoint(path::USERINFO),
        "jwks_uri": issuer.endpoint(path::JWKS),
        "scopes_supported": offer.scopes,
        "claims_supported": offer.claims,
        "claim_types_supported": ["normal"],
        "claims_parameter_supported": true,
        "acr_values_supported": offer.acr_values,
        "ui_locales_supported": offer.ui_locales,
        "subject_types_supported": subject_types,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "authorization_response_iss_parameter_supported": true,
        // Left out, both would mean something else: the default of the second is true.
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    })
}
