//! The token endpoint (RFC 6749 §4.1.3, OpenID Connect Core §3.1.3): who asks, and what a code becomes.
//!
//! [`request`] reads the form and authenticates the client; the caller then redeems the code in the
//! store, once; [`redeem`] checks that the code was this client's and builds the answer.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Client, Clients, ErrorDescription, Grant, Issuer, OAuthError, SigningKeys, form, id_token, scope,
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
}

/// The answer that carries the tokens (RFC 6749 §5.1). Goes out with `Cache-Control: no-store`.
#[derive(Clone, Serialize)]
pub struct TokenResponse {
    /// Opaque; opens userinfo.
    pub access_token: String,
    /// Always `Bearer`, in this spelling: authentik repeats it as the scheme.
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: u64,
    /// The signed ID token.
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
}

impl TokenError {
    /// An error with its description.
    #[must_use]
    pub fn new(error: OAuthError, description: &str) -> Self {
        Self { error, description: ErrorDescription::new(description) }
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

/// Reads a token request and authenticates its client.
///
/// # Errors
/// The first rule that it breaks.
pub fn request(
    parameters: &[(String, String)],
    authorization: Option<&str>,
    clients: &Clients,
) -> Result<TokenRequest, TokenError> {
    no_parameter_is_repeated(parameters)?;
    let credentials = credentials(parameters, authorization)?;
    let client = the_client_is_authentic(&credentials, clients)?;
    the_grant_type_is_authorization_code(parameters)?;
    let code = one(parameters, "code").ok_or_else(|| invalid("code is missing"))?;
    let redirect_uri = one(parameters, "redirect_uri").ok_or_else(|| invalid("redirect_uri is missing"))?;
    Ok(TokenRequest {
        client,
        code: Secret::new(code.to_owned()),
        redirect_uri: redirect_uri.to_owned(),
        code_verifier: one(parameters, "code_verifier").map(|verifier| Secret::new(verifier.to_owned())),
    })
}

/// Turns a code's grant into tokens, if the code is this client's. `access_token` is fresh from
/// [`crate::ids::token`].
///
/// # Errors
/// `invalid_grant` if client, redirect URI or PKCE verifier are not those of the code; `server_error` if
/// the ID token cannot be signed.
pub fn redeem(
    request: &TokenRequest,
    grant: &Grant,
    keys: &SigningKeys,
    access_token: &str,
    now: Timestamp,
    issuer: &Issuer,
) -> Result<TokenResponse, TokenError> {
    let client = &request.client;
    the_code_is_the_clients(request, grant)?;
    the_redirect_uri_is_the_codes(request, grant)?;
    the_verifier_meets_the_challenge(request, grant)?;
    let claims = id_token::claims(grant, client, access_token, now, issuer);
    let id_token = id_token::sign(&claims, client, keys)
        .map_err(|_| TokenError::new(OAuthError::ServerError, "the ID token could not be signed"))?;
    Ok(TokenResponse {
        access_token: access_token.to_owned(),
        token_type: "Bearer",
        expires_in: client.access_token_lifetime.as_secs(),
        id_token,
        scope: scope::join(&grant.scope),
    })
}

/// How a client says who it is.
struct Credentials {
    id: String,
    secret: Secret<String>,
    sent: Sent,
}

#[derive(Clone, Copy, PartialEq)]
enum Sent {
    Basic,
    Post,
}

fn no_parameter_is_repeated(parameters: &[(String, String)]) -> Result<(), TokenError> {
    let repeated = |name: &&&str| parameters.iter().filter(|(n, _)| n == **name).count() > 1;
    match KNOWN.iter().find(repeated) {
        Some(name) => Err(invalid(&format!("{name} is repeated"))),
        None => Ok(()),
    }
}

/// RFC 6749 §2.3: one way of authenticating per request.
fn credentials(
    parameters: &[(String, String)],
    authorization: Option<&str>,
) -> Result<Credentials, TokenError> {
    let id = one(parameters, "client_id");
    let secret = one(parameters, "client_secret");
    match (authorization, id, secret) {
        (Some(_), _, Some(_)) => Err(invalid("the client authenticates in two ways at once")),
        (Some(header), id, None) => {
            let credentials = basic_credentials(header)
                .ok_or_else(|| invalid_client("the Authorization header holds no HTTP Basic credentials"))?;
            match id {
                Some(id) if id != credentials.id => {
                    Err(invalid("client_id differs from the one in the Authorization header"))
                }
                _ => Ok(credentials),
            }
        }
        (None, Some(id), Some(secret)) => {
            Ok(Credentials { id: id.to_owned(), secret: Secret::new(secret.to_owned()), sent: Sent::Post })
        }
        (None, _, _) => Err(invalid_client("the client does not authenticate")),
    }
}

/// HTTP Basic, with identifier and secret form-encoded (RFC 6749 §2.3.1).
fn basic_credentials(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim_matches(' ')).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some(Credentials { id: form::decode(id)?, secret: Secret::new(form::decode(secret)?), sent: Sent::Basic })
}

/// One answer for every way to fail, so that it tells nothing about which clients there are.
fn the_client_is_authentic(credentials: &Credentials, clients: &Clients) -> Result<Arc<Client>, TokenError> {
    let is_authentic = |client: &&Arc<Client>| {
        let authentication = &client.authentication;
        let method_fits = match credentials.sent {
            Sent::Basic => authentication.method.allows_basic(),
            Sent::Post => authentication.method.allows_post(),
        };
        authentication.secret.is_of(credentials.secret.expose()) && method_fits
    };
    let client = clients.lookup(&credentials.id).filter(is_authentic).cloned();
    client.ok_or_else(|| invalid_client("client authentication failed"))
}

fn the_grant_type_is_authorization_code(parameters: &[(String, String)]) -> Result<(), TokenError> {
    match one(parameters, "grant_type") {
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
        (None, None) => Ok(()),
        (Some(challenge), Some(verifier)) if challenge.is_met_by(verifier.expose()) => Ok(()),
        (Some(_), Some(_)) => Err(invalid_grant("code_verifier does not meet the code_challenge")),
        (Some(_), None) => Err(invalid_grant("code_verifier is missing")),
        (None, Some(_)) => Err(invalid_grant("code_verifier is there, but there was no code_challenge")),
    }
}

fn invalid(description: &str) -> TokenError {
    TokenError::new(OAuthError::InvalidRequest, description)
}

fn invalid_client(description: &str) -> TokenError {
    TokenError::new(OAuthError::InvalidClient, description)
}

fn invalid_grant(description: &str) -> TokenError {
    TokenError::new(OAuthError::InvalidGrant, description)
}

/// The value of a parameter; one without a value counts as left out (RFC 6749 §3.2).
fn one<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, value)| value.as_str())
}

/// Parameters that may be there once only (RFC 6749 §3.2).
const KNOWN: [&str; 6] =
    ["client_id", "client_secret", "code", "code_verifier", "grant_type", "redirect_uri"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::jose::{self, JwsAlgorithm, JwsKey};
    use crate::oidc::client::AuthenticationMethod;
    use crate::oidc::pkce::CodeChallenge;
    use crate::oidc::test_support::{CALLBACK, SECRET, VERIFIER, client, grant, issuer, now};

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

    fn basic(credentials: &str) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    fn good() -> String {
        basic(&format!("kc:{SECRET}"))
    }

    fn run(changes: &[(&str, &str)], authorization: Option<&str>) -> Result<TokenRequest, TokenError> {
        request(&form(changes), authorization, &Clients::new([client()]).unwrap())
    }

    fn refused(changes: &[(&str, &str)], authorization: Option<&str>) -> (OAuthError, String) {
        let error = run(changes, authorization).unwrap_err();
        (error.error, error.description.to_string())
    }

    fn invalid(description: &str) -> (OAuthError, String) {
        (OAuthError::InvalidRequest, description.to_owned())
    }

    #[test]
    fn a_client_authenticates_by_basic_or_by_post() {
        let post = [("client_id", "kc"), ("client_secret", SECRET)];
        for request in [run(&[], Some(&good())), run(&post, None), run(&[("client_id", "kc")], Some(&good()))]
        {
            let request = request.unwrap();
            assert_eq!(request.client.id, "kc");
            assert_eq!(request.code.expose(), "c0de");
            assert_eq!(request.redirect_uri, CALLBACK);
            assert_eq!(request.code_verifier.unwrap().expose(), VERIFIER);
        }
    }

    #[test]
    fn basic_credentials_are_form_encoded() {
        assert!(run(&[], Some(&basic(&format!("%6bc:{}", SECRET.replace('-', "%2D"))))).is_ok());
        assert!(run(&[], Some(&good().replace("Basic", "bAsIc"))).is_ok());
    }

    #[test]
    fn what_is_no_basic_header_is_invalid_client() {
        for header in ["", "Basic", "Basic !!!", "Bearer abc", &basic("kc"), &basic("kc:%zz"), "Basic /w=="] {
            let (error, _) = refused(&[], Some(header));
            assert_eq!(error, OAuthError::InvalidClient, "{header}");
        }
    }

    #[test]
    fn two_ways_of_authenticating_are_one_too_many() {
        let expected = invalid("the client authenticates in two ways at once");
        assert_eq!(refused(&[("client_secret", SECRET)], Some(&good())), expected);
        assert_eq!(refused(&[("client_id", "kc"), ("client_secret", SECRET)], Some(&good())), expected);
    }

    #[test]
    fn the_client_id_of_the_form_must_be_that_of_the_header() {
        let expected = invalid("client_id differs from the one in the Authorization header");
        assert_eq!(refused(&[("client_id", "other")], Some(&good())), expected);
    }

    #[test]
    fn wrong_secret_unknown_client_and_wrong_method_look_alike() {
        let expected = (OAuthError::InvalidClient, "client authentication failed".to_owned());
        assert_eq!(refused(&[], Some(&basic("kc:wrong"))), expected);
        assert_eq!(refused(&[], Some(&basic(&format!("other:{SECRET}")))), expected);
        assert_eq!(refused(&[("client_id", "kc"), ("client_secret", "wrong")], None), expected);
        let set = |method| {
            let mut client = client();
            client.authentication.method = method;
            Clients::new([client]).unwrap()
        };
        let only_post = set(AuthenticationMethod::ClientSecretPost);
        let error = request(&form(&[]), Some(&good()), &only_post).unwrap_err();
        assert_eq!((error.error, error.description.to_string()), expected);
        let only_basic = set(AuthenticationMethod::ClientSecretBasic);
        let post = form(&[("client_id", "kc"), ("client_secret", SECRET)]);
        let error = request(&post, None, &only_basic).unwrap_err();
        assert_eq!((error.error, error.description.to_string()), expected);
    }

    #[test]
    fn a_client_that_proves_nothing_is_invalid_client() {
        for changes in [&[][..], &[("client_id", "kc")], &[("client_secret", SECRET)]] {
            assert_eq!(refused(changes, None).0, OAuthError::InvalidClient, "{changes:?}");
        }
    }

    #[test]
    fn invalid_client_is_401_with_a_challenge() {
        let error = run(&[], None).unwrap_err();
        assert_eq!(error.status(), 401);
        assert_eq!(error.www_authenticate(), Some("Basic realm=\"token\", charset=\"UTF-8\""));
        let body =
            json!({"error": "invalid_client", "error_description": "the client does not authenticate"});
        assert_eq!(error.body(), body);
    }

    #[test]
    fn other_errors_are_400_without_a_challenge() {
        let error = run(&[("code", "")], Some(&good())).unwrap_err();
        assert_eq!((error.status(), error.www_authenticate()), (400, None));
    }

    #[test]
    fn only_codes_are_redeemed() {
        assert_eq!(refused(&[("grant_type", "")], Some(&good())), invalid("grant_type is missing"));
        for other in ["refresh_token", "client_credentials", "password", "Authorization_Code"] {
            let (error, _) = refused(&[("grant_type", other)], Some(&good()));
            assert_eq!(error, OAuthError::UnsupportedGrantType, "{other}");
        }
    }

    #[test]
    fn code_and_redirect_uri_must_be_there_once() {
        assert_eq!(refused(&[("code", "")], Some(&good())), invalid("code is missing"));
        assert_eq!(refused(&[("redirect_uri", "")], Some(&good())), invalid("redirect_uri is missing"));
        for name in KNOWN {
            let expected = invalid(&format!("{name} is repeated"));
            assert_eq!(refused(&[(name, "a"), (name, "a")], Some(&good())), expected);
        }
    }

    #[test]
    fn the_client_is_judged_before_the_rest_of_the_form() {
        assert_eq!(refused(&[("grant_type", "x"), ("code", "")], None).0, OAuthError::InvalidClient);
    }

    fn redeemed(request: &TokenRequest, grant: &Grant) -> Result<TokenResponse, TokenError> {
        let keys = SigningKeys::new(vec![JwsKey::generate(JwsAlgorithm::RS256).unwrap()]).unwrap();
        redeem(request, grant, &keys, "access", now(), &issuer())
    }

    fn bound(changes: &[(&str, &str)], grant: &Grant) -> String {
        let request = run(changes, Some(&good())).unwrap();
        let error = redeemed(&request, grant).unwrap_err();
        assert_eq!((error.error, error.status()), (OAuthError::InvalidGrant, 400));
        error.description.to_string()
    }

    #[test]
    fn a_code_becomes_tokens() {
        let keys = SigningKeys::new(vec![JwsKey::generate(JwsAlgorithm::RS256).unwrap()]).unwrap();
        let request = run(&[], Some(&good())).unwrap();
        let response = redeem(&request, &grant(), &keys, "access", now(), &issuer()).unwrap();
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
        let request = run(&[("code_verifier", "")], Some(&good())).unwrap();
        assert!(redeemed(&request, &without).is_ok());
    }

    #[test]
    fn a_client_whose_key_is_missing_gets_server_error() {
        let client = Client { id_token_alg: JwsAlgorithm::ES512, ..client() };
        let request = request(&form(&[]), Some(&good()), &Clients::new([client]).unwrap()).unwrap();
        let error = redeemed(&request, &grant()).unwrap_err();
        assert_eq!((error.error, error.status()), (OAuthError::ServerError, 500));
    }

    #[test]
    fn neither_request_nor_grant_prints_what_it_guards() {
        let request = run(&[], Some(&good())).unwrap();
        let printed = format!("{request:?} {:?}", grant());
        for word in ["c0de", VERIFIER, SECRET, "pairwise-sub", "ES\"", "García"] {
            assert!(!printed.contains(word), "{word} in {printed}");
        }
        assert_eq!(grant().code_challenge, Some(CodeChallenge::of(VERIFIER)));
    }
}
