//! The token endpoint (RFC 6749 §4.1.3, OpenID Connect Core §3.1.3): who asks, and what a code becomes.
//!
//! [`request`] reads the form of a client that [`super::client_authentication`] knows; the caller then redeems
//! the code in the store, once; [`redeem`] checks that the code was this client's and builds the answer.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Client, Confirmation, ErrorDescription, Grant, Issuer, Keyring, OAuthError, access_token, form, id_token,
    scope,
};
use crate::clock::Timestamp;
use crate::secret::Secret;

/// A well-formed request of an authenticated client.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// The client that proved who it is.
    pub client: Arc<Client>,
    /// The authorization code.
    pub code: Secret<String>,
    /// The redirect URI that the client says the code came to.
    pub redirect_uri: String,
    /// The PKCE verifier.
    pub code_verifier: Option<Secret<String>>,
    /// The key that the client has shown to be its own, to which the access token is bound.
    pub confirmation: Option<Confirmation>,
}

/// The answer that carries the tokens (RFC 6749 §5.1). Goes out with `Cache-Control: no-store`.
#[derive(Clone, Serialize)]
pub struct TokenResponse {
    /// Opaque; opens userinfo.
    pub access_token: String,
    /// `Bearer`, in this spelling: authentik repeats it as the scheme. `DPoP` for a token that is bound to a key
    /// of the client (RFC 9449 §5).
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: u64,
    /// The ID token: signed, and encrypted if the client wants that.
    pub id_token: String,
    /// The scopes granted.
    pub scope: String,
}

impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenResponse([secret])")
    }
}

/// An error answer (RFC 6749 §5.2). Goes out with `Cache-Control: no-store`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenError {
    /// The error code.
    pub error: OAuthError,
    /// For the client's developer.
    pub description: ErrorDescription,
    /// For the operator's log alone: what the client must not be told, because it may be somebody else.
    pub fact: Option<&'static str>,
}

impl TokenError {
    /// An error with its description.
    #[must_use]
    pub fn new(error: OAuthError, description: &str) -> Self {
        Self { error, description: ErrorDescription::new(description), fact: None }
    }

    /// The same, with what only the log says.
    #[must_use]
    pub fn with_fact(self, fact: &'static str) -> Self {
        Self { fact: Some(fact), ..self }
    }

    /// What the log says: the description, and what the client is not told.
    #[must_use]
    pub fn in_full(&self) -> String {
        match self.fact {
            Some(fact) => format!("{}: {fact}", self.description),
            None => self.description.to_string(),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.error.status()
    }

    /// The value of the `WWW-Authenticate` header, which a 401 must have (RFC 9110 §11.6.1).
    #[must_use]
    pub fn www_authenticate(&self) -> Option<&'static str> {
        (self.status() == 401).then_some("Basic realm=\"token\", charset=\"UTF-8\"")
    }

    /// The JSON body.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({ "error": self.error, "error_description": self.description })
    }
}

/// Reads the token request of a client that has proved who it is, but for the key that it shows.
///
/// # Errors
/// The first rule that it breaks.
pub fn request(parameters: &[(String, String)], client: Arc<Client>) -> Result<TokenRequest, TokenError> {
    no_parameter_is_repeated(parameters)?;
    the_grant_type_is_authorization_code(parameters)?;
    let code = form::one(parameters, "code").ok_or_else(|| invalid("code is missing"))?;
    let redirect_uri =
        form::one(parameters, "redirect_uri").ok_or_else(|| invalid("redirect_uri is missing"))?;
    Ok(TokenRequest {
        client,
        code: Secret::new(code.to_owned()),
        redirect_uri: redirect_uri.to_owned(),
        code_verifier: form::one(parameters, "code_verifier")
            .map(|verifier| Secret::new(verifier.to_owned())),
        confirmation: None,
    })
}

fn no_parameter_is_repeated(parameters: &[(String, String)]) -> Result<(), TokenError> {
    form::unrepeated(parameters, &KNOWN).map_err(|name| invalid(&format!("{name} is repeated")))
}

/// Turns a code's grant into tokens, if the code is this client's. `access_token` is fresh from
/// [`crate::ids::token`].
///
/// # Errors
/// `invalid_grant` if client, redirect URI or PKCE verifier are not those of the code; `server_error` if
/// the ID token cannot be made.
pub fn redeem(
    request: &TokenRequest,
    grant: &Grant,
    keys: &Keyring<'_>,
    access_token: &str,
    now: Timestamp,
    issuer: &Issuer,
) -> Result<TokenResponse, TokenError> {
    let client = &request.client;
    the_code_is_the_clients(request, grant)?;
    the_redirect_uri_is_the_codes(request, grant)?;
    the_verifier_meets_the_challenge(request, grant)?;
    the_key_is_the_codes(request, grant)?;
    let claims = id_token::claims(grant, client, access_token, now, issuer);
    let id_token = id_token::make(&claims, client, keys)
        .map_err(|error| TokenError::new(OAuthError::ServerError, &error.to_string()))?;
    Ok(TokenResponse {
        access_token: access_token.to_owned(),
        token_type: access_token::token_type(request.confirmation.as_ref()),
        expires_in: client.access_token_lifetime.as_secs(),
        id_token,
        scope: scope::join(&grant.scope),
    })
}

fn the_grant_type_is_authorization_code(parameters: &[(String, String)]) -> Result<(), TokenError> {
    match form::one(parameters, "grant_type") {
        Some("authorization_code") => Ok(()),
        Some(_) => {
            Err(TokenError::new(OAuthError::UnsupportedGrantType, "grant_type must be authorization_code"))
        }
        None => Err(invalid("grant_type is missing")),
    }
}

fn the_code_is_the_clients(request: &TokenRequest, grant: &Grant) -> Result<(), TokenError> {
    match request.client.id == grant.client_id {
        true => Ok(()),
        false => Err(invalid_grant("the code was issued to another client")),
    }
}

fn the_redirect_uri_is_the_codes(request: &TokenRequest, grant: &Grant) -> Result<(), TokenError> {
    match request.redirect_uri == grant.redirect_uri {
        true => Ok(()),
        false => Err(invalid_grant("redirect_uri is not the one of the authorization request")),
    }
}

/// A verifier for a code without challenge means that someone took the challenge out (RFC 9700 §4.8.2).
fn the_verifier_meets_the_challenge(request: &TokenRequest, grant: &Grant) -> Result<(), TokenError> {
    match (&grant.code_challenge, &request.code_verifier) {
        (None, None) if !request.client.is_public() => Ok(()),
        (None, None) => Err(invalid_grant("a public client needs a code_challenge")),
        (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier.expose()) => Ok(()),
        (Some(_), Some(_)) => Err(invalid_grant("code_verifier does not meet the code_challenge")),
        (Some(_), None) => Err(invalid_grant("code_verifier is missing")),
        (None, Some(_)) => Err(invalid_grant("code_verifier is there, but there was no code_challenge")),
    }
}

/// RFC 9449 §10.
fn the_key_is_the_codes(request: &TokenRequest, grant: &Grant) -> Result<(), TokenError> {
    match (&grant.dpop_jkt, &request.confirmation) {
        (None, _) => Ok(()),
        (Some(bound), Some(Confirmation::Jkt(shown))) if bound == shown => Ok(()),
        (Some(_), _) => Err(invalid_grant("the code is bound to another key")),
    }
}

fn invalid(description: &str) -> TokenError {
    TokenError::new(OAuthError::InvalidRequest, description)
}

fn invalid_grant(description: &str) -> TokenError {
    TokenError::new(OAuthError::InvalidGrant, description)
}

/// Parameters that may be there once only (RFC 6749 §3.2).
const KNOWN: [&str; 4] = ["code", "code_verifier", "grant_type", "redirect_uri"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::jose::{self, JwsAlgorithm, JwsKey};
    use crate::oidc::pkce::CodeChallenge;
    use crate::oidc::test_support::{CALLBACK, VERIFIER, client, grant, issuer, now};
    use crate::oidc::{ClientAuthentication, SigningKeys};

    fn form(changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let good = [
            ("grant_type", "authorization_code"),
            ("code", "c0de"),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let kept = good.iter().filter(|(name, _)| changes.iter().all(|(n, _)| n != name));
        let all = kept.chain(changes.iter().filter(|(_, value)| !value.is_empty()));
        all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn run(changes: &[(&str, &str)]) -> Result<TokenRequest, TokenError> {
        request(&form(changes), Arc::new(client()))
    }

    fn refused(changes: &[(&str, &str)]) -> (OAuthError, String) {
        let error = run(changes).unwrap_err();
        (error.error, error.description.to_string())
    }

    fn invalid(description: &str) -> (OAuthError, String) {
        (OAuthError::InvalidRequest, description.to_owned())
    }

    #[test]
    fn invalid_client_is_401_with_a_challenge() {
        let error = TokenError::new(OAuthError::InvalidClient, "the client does not authenticate");
        assert_eq!(error.status(), 401);
        assert_eq!(error.www_authenticate(), Some("Basic realm=\"token\", charset=\"UTF-8\""));
        let body =
            json!({"error": "invalid_client", "error_description": "the client does not authenticate"});
        assert_eq!(error.body(), body);
    }

    #[test]
    fn other_errors_are_400_without_a_challenge() {
        let error = run(&[("code", "")]).unwrap_err();
        assert_eq!((error.status(), error.www_authenticate()), (400, None));
    }

    #[test]
    fn only_codes_are_redeemed() {
        assert_eq!(refused(&[("grant_type", "")]), invalid("grant_type is missing"));
        for other in ["refresh_token", "client_credentials", "password", "Authorization_Code"] {
            let (error, _) = refused(&[("grant_type", other)]);
            assert_eq!(error, OAuthError::UnsupportedGrantType, "{other}");
        }
    }

    #[test]
    fn code_and_redirect_uri_must_be_there_once() {
        assert_eq!(refused(&[("code", "")]), invalid("code is missing"));
        assert_eq!(refused(&[("redirect_uri", "")]), invalid("redirect_uri is missing"));
        for name in KNOWN {
            let expected = invalid(&format!("{name} is repeated"));
            assert_eq!(refused(&[(name, "a"), (name, "a")]), expected);
        }
    }

    fn redeemed(request: &TokenRequest, grant: &Grant) -> Result<TokenResponse, TokenError> {
        let keys = SigningKeys::new(vec![JwsKey::generate(JwsAlgorithm::RS256).unwrap()]).unwrap();
        let keys = Keyring { ours: &keys, clients: None };
        redeem(request, grant, &keys, "access", now(), &issuer())
    }

    fn bound(changes: &[(&str, &str)], grant: &Grant) -> String {
        let request = run(changes).unwrap();
        let error = redeemed(&request, grant).unwrap_err();
        assert_eq!((error.error, error.status()), (OAuthError::InvalidGrant, 400));
        error.description.to_string()
    }

    #[test]
    fn a_code_becomes_tokens() {
        let keys = SigningKeys::new(vec![JwsKey::generate(JwsAlgorithm::RS256).unwrap()]).unwrap();
        let request = run(&[]).unwrap();
        let response =
            redeem(&request, &grant(), &Keyring { ours: &keys, clients: None }, "access", now(), &issuer())
                .unwrap();
        let json = serde_json::to_value(&response).unwrap();
        assert_eq!(json["access_token"], "access");
        assert_eq!(json["token_type"], "Bearer");
        assert_eq!(json["expires_in"], 300);
        assert_eq!(json["scope"], "openid profile");
        let claims = jose::verify(&response.id_token, &keys.jwks(), &[JwsAlgorithm::RS256]).unwrap();
        assert_eq!(claims["sub"], "pairwise-sub");
        assert_eq!(format!("{response:?}"), "TokenResponse([secret])");
    }

    #[test]
    fn a_code_of_another_client_is_refused() {
        let other = Grant { client_id: "other".to_owned(), ..grant() };
        assert_eq!(bound(&[], &other), "the code was issued to another client");
    }

    #[test]
    fn a_code_sent_elsewhere_is_refused() {
        let expected = "redirect_uri is not the one of the authorization request";
        for uri in ["https://rp.example/cb/", "https://rp.example/CB", "https://rp.example/other"] {
            assert_eq!(bound(&[("redirect_uri", uri)], &grant()), expected, "{uri}");
        }
    }

    #[test]
    fn a_code_without_its_verifier_is_refused() {
        assert_eq!(bound(&[("code_verifier", "")], &grant()), "code_verifier is missing");
        let wrong = VERIFIER.replace('d', "e");
        assert_eq!(
            bound(&[("code_verifier", &wrong)], &grant()),
            "code_verifier does not meet the code_challenge"
        );
    }

    #[test]
    fn a_verifier_without_challenge_is_a_downgrade_and_refused() {
        let without = Grant { code_challenge: None, ..grant() };
        assert_eq!(bound(&[], &without), "code_verifier is there, but there was no code_challenge");
        let request = run(&[("code_verifier", "")]).unwrap();
        assert!(redeemed(&request, &without).is_ok());
    }

    #[test]
    fn a_public_client_has_no_code_without_a_challenge() {
        let public = Client { authentication: ClientAuthentication::Public, ..client() };
        let request = request(&form(&[("code_verifier", "")]), Arc::new(public)).unwrap();
        let error = redeemed(&request, &Grant { code_challenge: None, ..grant() }).unwrap_err();
        let expected = (OAuthError::InvalidGrant, "a public client needs a code_challenge");
        assert_eq!((error.error, error.description.as_str()), expected);
    }

    #[test]
    fn a_code_that_is_bound_to_a_key_needs_that_key() {
        let bound = Grant { dpop_jkt: Some("mine".to_owned()), ..grant() };
        let shown = |confirmation| redeemed(&TokenRequest { confirmation, ..run(&[]).unwrap() }, &bound);
        let mine = shown(Some(Confirmation::Jkt("mine".to_owned()))).unwrap();
        assert_eq!(mine.token_type, "DPoP");
        for other in [None, Some(Confirmation::Jkt("other".to_owned()))] {
            let error = shown(other).unwrap_err();
            let expected = (OAuthError::InvalidGrant, "the code is bound to another key");
            assert_eq!((error.error, error.description.as_str()), expected);
        }
    }

    #[test]
    fn a_client_whose_key_is_missing_gets_server_error() {
        let client = Client { id_token_alg: JwsAlgorithm::ES512, ..client() };
        let request = request(&form(&[]), Arc::new(client)).unwrap();
        let error = redeemed(&request, &grant()).unwrap_err();
        assert_eq!((error.error, error.status()), (OAuthError::ServerError, 500));
    }

    #[test]
    fn neither_request_nor_grant_prints_what_it_guards() {
        let request = run(&[]).unwrap();
        let printed = format!("{request:?} {:?}", grant());
        for word in ["c0de", VERIFIER, "pairwise-sub", "ES\"", "García"] {
            assert!(!printed.contains(word), "{word} in {printed}");
        }
        assert_eq!(grant().code_challenge, Some(CodeChallenge::of(VERIFIER)));
    }
}
