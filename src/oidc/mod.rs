//! The OpenID Provider as pure rules: what a broker's request must look like, what it is answered, and
//! what a token says. Authorization code flow with PKCE (RFC 6749, RFC 7636, OpenID Connect Core 1.0).
//!
//! Knows nothing of eIDAS: levels of assurance are `acr` strings here, a country is a word that the
//! broker sent. Does no I/O, reads no clock, draws no random numbers; [`crate::login`] joins it to the
//! other side and the web layer carries its answers.

pub mod access_token;
pub mod acr;
pub mod authorize;
pub mod claims;
pub mod client;
pub mod client_assertion;
pub mod client_authentication;
pub mod client_certificate;
pub mod discovery;
pub mod dpop;
pub mod encryption;
pub mod error;
pub mod fingerprint;
pub mod form;
pub mod grant;
pub mod id_token;
pub mod introspection;
pub mod issuer;
pub mod keys;
pub mod logout;
mod numeric_date;
pub mod once;
pub mod pkce;
pub mod redirect_uri;
pub mod request_object;
pub mod scope;
#[cfg(test)]
mod test_support;
pub mod tls_client_auth;
pub mod token;
pub mod token_keys;
pub mod userinfo;
pub mod verified;

pub use access_token::{AccessToken, Confirmation};
pub use acr::RequestedAcr;
pub use authorize::{
    AuthorizationRequest, AuthorizationResponse, AuthorizeRefusal, Delivery, Provider, ResponseMode,
};
pub use claims::ClaimsRequest;
pub use client::{Client, ClientAuthentication, ClientKeys, Clients};
pub use encryption::{Encryption, Keyring, UserinfoForm};
pub use error::{ErrorDescription, OAuthError};
pub use fingerprint::{Blinding, Fingerprint};
pub use grant::Grant;
pub use issuer::Issuer;
pub use keys::SigningKeys;
pub use redirect_uri::RedirectUri;
pub use request_object::RequestObject;
pub use token_keys::TokenKeys;
