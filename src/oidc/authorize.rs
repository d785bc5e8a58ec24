//! The authorization request: an ordered table of rules, one small function each.
//!
//! Until the client and its redirect URI are known, an error stays with us ([`AuthorizeRefusal::Page`]);
//! afterwards every error goes back to the client ([`AuthorizeRefusal::Redirect`]). Parameters that we do
//! not know, and parameters without a value, are ignored (RFC 6749 §3.1).

mod response;
mod rules;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use self::response::{AuthorizationResponse, Delivery, ResponseMode};
use super::fingerprint::{Blinding, Fingerprint};
use super::pkce::CodeChallenge;
use super::request_object::{Refused, RequestObject};
use super::token::TokenError;
use super::{ClaimsRequest, Client, ErrorDescription, Issuer, OAuthError, RequestedAcr, SigningKeys};
use crate::crypto::jose::JwsAlgorithm;
use crate::secret::Personal;

/// A request that passed every rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationRequest {
    /// The registered client.
    pub client_id: String,
    /// Where the answer goes: a registered URI, as presented.
    pub redirect_uri: String,
    /// How the answer travels.
    pub response_mode: ResponseMode,
    /// The algorithm of the answer, if it is to be signed.
    pub response_alg: JwsAlgorithm,
    /// The scopes granted: asked for, and the client's. Always with `openid`.
    pub scope: BTreeSet<String>,
    /// Given back as it came.
    pub state: Option<String>,
    /// Given back in the ID token.
    pub nonce: Option<String>,
    /// The PKCE challenge that the code is bound to.
    pub code_challenge: Option<CodeChallenge>,
    /// The thumbprint of the key that the code is bound to (RFC 9449 §10).
    #[serde(default)]
    pub dpop_jkt: Option<String>,
    /// The levels asked for.
    pub acr: RequestedAcr,
    /// The claims asked for one by one.
    pub claims: ClaimsRequest,
    /// What the client wants to happen with the person.
    pub prompt: BTreeSet<Prompt>,
    /// The greatest age of the authentication that the client accepts, in seconds. A country is always asked
    /// to authenticate anew, and an answer to the contrary is refused (SEC-26).
    pub max_age: Option<u64>,
    /// Languages for our pages, best first; well-formed BCP 47 tags.
    pub ui_locales: Vec<String>,
    /// Who the client thinks will log in. Kept in memory only: it may name a person, and an eIDAS request
    /// has no place for it.
    #[serde(skip)]
    pub login_hint: Option<Personal<String>>,
    /// Who has to log in, if the client names somebody: `sub` must be in each of the sets (OpenID Connect
    /// Core §3.1.2.2). One comes from `id_token_hint`, others from `claims`.
    pub subject: Vec<BTreeSet<Fingerprint>>,
    /// Two letters in upper case, if the client named the country already.
    pub country: Option<String>,
    /// What the login is for, in words for the person; 3 to 300 characters.
    pub purpose: Option<String>,
    /// If the client pushed the request (RFC 9126): SHA-256 of the reference to it.
    #[serde(default)]
    pub pushed: Option<[u8; 32]>,
}

/// The `prompt` values (OpenID Connect Core §3.1.2.1). An eIDAS login always asks the person anew, so all that
/// ask for something are met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Ask for consent.
    Consent,
    /// Ask for the login again.
    Login,
    /// Ask nothing: the request of a client that has sessions, and for nobody else.
    None,
    /// Ask which account.
    SelectAccount,
}

/// Why a request is not taken, and who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizeRefusal {
    /// The person, on a page of ours: there is no one trustworthy to redirect to.
    Page(PageRefusal),
    /// The client, in the way that it asked for.
    Redirect(ErrorResponse),
}

/// Why there is no one to redirect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageRefusal {
    /// No `client_id`.
    #[error("client_id is missing")]
    ClientMissing,
    /// `client_id` is there more than once.
    #[error("client_id is repeated")]
    ClientRepeated,
    /// No such client.
    #[error("client_id is unknown")]
    ClientUnknown,
    /// No `redirect_uri`.
    #[error("redirect_uri is missing")]
    RedirectUriMissing,
    /// `redirect_uri` is there more than once.
    #[error("redirect_uri is repeated")]
    RedirectUriRepeated,
    /// The client has not registered this `redirect_uri`.
    #[error("redirect_uri is not registered for this client")]
    RedirectUriUnregistered,
    /// The request object is not in order, and nothing else says where the client is to be told.
    #[error("the request object is not in order")]
    RequestObjectInvalid,
    /// `request_uri` refers to no pushed request of this client, or no longer.
    #[error("request_uri refers to no pushed request of this client")]
    RequestUriInvalid,
}

impl PageRefusal {
    /// A stable word for pages, logs and audit.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::ClientMissing => "client_missing",
            Self::ClientRepeated => "client_repeated",
            Self::ClientUnknown => "client_unknown",
            Self::RedirectUriMissing => "redirect_uri_missing",
            Self::RedirectUriRepeated => "redirect_uri_repeated",
            Self::RedirectUriUnregistered => "redirect_uri_unregistered",
            Self::RequestObjectInvalid => "request_object_invalid",
            Self::RequestUriInvalid => "request_uri_invalid",
        }
    }
}

/// An error that goes back to the client (RFC 6749 §4.1.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    /// The error code.
    pub error: OAuthError,
    /// For the client's developer.
    pub description: ErrorDescription,
    /// What the client is told: `error`, `error_description`, `state` and `iss`.
    pub response: AuthorizationResponse,
}

/// The provider, as far as requests are judged by it.
#[derive(Clone, Debug)]
pub struct Provider<'a> {
    /// Who we are.
    pub issuer: &'a Issuer,
    /// What `id_token_hint` must be signed with.
    pub keys: SigningKeys,
    /// What keeps values of the request that may tell about a person.
    pub blinding: &'a Blinding,
}

/// The client that the parameters name. Not proved: anybody can send a browser here.
///
/// # Errors
/// If they do not name one once.
pub fn client_id(parameters: &[(String, String)]) -> Result<&str, PageRefusal> {
    let mut named = parameters.iter().filter(|(name, _)| name == "client_id").map(|(_, id)| id.as_str());
    match (named.next(), named.next()) {
        (_, Some(_)) => Err(PageRefusal::ClientRepeated),
        (None | Some(""), None) => Err(PageRefusal::ClientMissing),
        (Some(id), None) => Ok(id),
    }
}

/// Runs the table over the parameters of an authorization request, as decoded from the query or form, of the
/// client that [`client_id`] names.
///
/// # Errors
/// The first rule that the request breaks.
pub fn check(
    parameters: &[(String, String)],
    client: &Client,
    provider: &Provider<'_>,
) -> Result<AuthorizationRequest, AuthorizeRefusal> {
    judge(&Parameters { pairs: parameters, provider, signed: false }, client)
}

/// Runs the table over a request that `client` has signed: what stood outside of the object does not count.
///
/// # Errors
/// The first rule that the request breaks.
pub fn check_object(
    object: &RequestObject,
    client: &Client,
    provider: &Provider<'_>,
) -> Result<AuthorizationRequest, AuthorizeRefusal> {
    judge(&Parameters { pairs: &object.parameters, provider, signed: true }, client)
}

/// The request object among the parameters, and what `client` signs with; nothing if it may not sign.
#[must_use]
pub fn request_object<'a>(
    parameters: &'a [(String, String)],
    client: &Client,
) -> Option<(&'a str, JwsAlgorithm)> {
    let algorithm = client.request_objects?.algorithm;
    let mut objects = parameters.iter().filter(|(name, _)| name == "request").map(|(_, object)| object);
    let object = objects.next().filter(|object| !object.is_empty())?;
    objects.next().is_none().then_some((object.as_str(), algorithm))
}

/// Tells `client` that its request object is refused: where the object says, if the client did sign it, and
/// otherwise where the parameters outside say. Both only if it is registered.
#[must_use]
pub fn refuse_object(
    refused: &Refused,
    outside: &[(String, String)],
    client: &Client,
    provider: &Provider<'_>,
) -> AuthorizeRefusal {
    let pairs = refused.parameters.as_deref().unwrap_or(outside);
    let parameters = Parameters { pairs, provider, signed: false };
    let Ok(redirect_uri) = the_redirect_uri_is_registered(&parameters, client) else {
        return AuthorizeRefusal::Page(PageRefusal::RequestObjectInvalid);
    };
    let mut request = AuthorizationRequest::empty(client, redirect_uri);
    let mode = parameters.one("response_mode").and_then(ResponseMode::from_name);
    request.response_mode = mode.unwrap_or(ResponseMode::Query);
    // A state that is none is left out.
    let _ = rules::state(&parameters, &mut request);
    let error = OAuthError::InvalidRequestObject;
    let description = ErrorDescription::new(&refused.fault.to_string());
    let response = request.error(error, &description, provider.issuer);
    AuthorizeRefusal::Redirect(ErrorResponse { error, description, response })
}

fn judge(parameters: &Parameters<'_>, client: &Client) -> Result<AuthorizationRequest, AuthorizeRefusal> {
    let redirect_uri = the_redirect_uri_is_registered(parameters, client).map_err(AuthorizeRefusal::Page)?;
    let mut request = AuthorizationRequest::empty(client, redirect_uri);
    // Before any rule, so that every error travels in the way that the client asked for.
    let mode = parameters.one("response_mode").and_then(ResponseMode::from_name);
    request.response_mode = mode.unwrap_or(ResponseMode::Query);
    match run(parameters, client, &mut request) {
        Ok(()) => Ok(request),
        Err(rules::Denied(error, description)) => {
            let description = ErrorDescription::new(description);
            let response = request.error(error, &description, parameters.provider.issuer);
            Err(AuthorizeRefusal::Redirect(ErrorResponse { error, description, response }))
        }
    }
}

/// Runs the table over a request that `client`, which has proved who it is, pushes (RFC 9126 §2.1). `hash` is
/// that of the reference which it will get.
///
/// # Errors
/// The first rule that the request breaks: the client is told at once.
pub fn push(
    parameters: &[(String, String)],
    client: &Client,
    provider: &Provider<'_>,
    hash: [u8; 32],
) -> Result<AuthorizationRequest, TokenError> {
    judge_pushed(&Parameters { pairs: parameters, provider, signed: false }, client, hash)
}

/// The same for a request that `client` has signed, which is in `form` (RFC 9126 §3).
///
/// # Errors
/// The first rule that the request breaks.
pub fn push_object(
    form: &[(String, String)],
    object: &RequestObject,
    client: &Client,
    provider: &Provider<'_>,
    hash: [u8; 32],
) -> Result<AuthorizationRequest, TokenError> {
    nothing_is_pushed_by_reference(&Parameters { pairs: form, provider, signed: false })?;
    judge_pushed(&Parameters { pairs: &object.parameters, provider, signed: true }, client, hash)
}

fn nothing_is_pushed_by_reference(parameters: &Parameters<'_>) -> Result<(), TokenError> {
    match parameters.all("request_uri").is_empty() {
        true => Ok(()),
        false => Err(TokenError::new(OAuthError::InvalidRequest, "request_uri cannot be pushed")),
    }
}

fn judge_pushed(
    parameters: &Parameters<'_>,
    client: &Client,
    hash: [u8; 32],
) -> Result<AuthorizationRequest, TokenError> {
    nothing_is_pushed_by_reference(parameters)?;
    let refused = |refusal: PageRefusal| TokenError::new(OAuthError::InvalidRequest, &refusal.to_string());
    let redirect_uri = the_redirect_uri_is_registered(parameters, client).map_err(refused)?;
    let mut request = AuthorizationRequest::empty(client, redirect_uri);
    request.pushed = Some(hash);
    match run(parameters, client, &mut request) {
        Ok(()) => Ok(request),
        Err(rules::Denied(error, description)) => Err(TokenError::new(error, description)),
    }
}

fn run(
    parameters: &Parameters<'_>,
    client: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), rules::Denied> {
    rules::RULES.iter().try_for_each(|rule| rule(parameters, client, request))?;
    request.claims.forget_values();
    Ok(())
}

/// Client and reference, if the parameters refer to a pushed request. All others are then ignored: what counts
/// is what was pushed (RFC 9126 §4, RFC 9101 §6.3).
///
/// # Errors
/// If the client is not named once.
pub fn reference(parameters: &[(String, String)]) -> Result<Option<(&str, &str)>, PageRefusal> {
    let mut uris = parameters.iter().filter(|(name, _)| name == "request_uri").map(|(_, uri)| uri);
    let reference = uris.next().and_then(|uri| uri.strip_prefix(REQUEST_URI));
    let Some(reference) = reference.filter(|_| uris.next().is_none()) else { return Ok(None) };
    Ok(Some((client_id(parameters)?, reference)))
}

/// What the `request_uri` of a pushed request begins with (RFC 9126 §2.2).
pub const REQUEST_URI: &str = "urn:ietf:params:oauth:request_uri:";

fn the_redirect_uri_is_registered(
    parameters: &Parameters<'_>,
    client: &Client,
) -> Result<String, PageRefusal> {
    match parameters.all("redirect_uri").as_slice() {
        [] => Err(PageRefusal::RedirectUriMissing),
        [""] => Err(PageRefusal::RedirectUriMissing),
        [uri] if client.redirect_uris.iter().any(|registered| registered.matches(uri)) => {
            Ok((*uri).to_owned())
        }
        [_] => Err(PageRefusal::RedirectUriUnregistered),
        _ => Err(PageRefusal::RedirectUriRepeated),
    }
}

impl AuthorizationRequest {
    fn empty(client: &Client, redirect_uri: String) -> Self {
        Self {
            client_id: client.id.clone(),
            redirect_uri,
            response_mode: ResponseMode::Query,
            response_alg: client.authorization_response_alg.unwrap_or(client.id_token_alg),
            scope: BTreeSet::new(),
            state: None,
            nonce: None,
            code_challenge: None,
            dpop_jkt: None,
            acr: RequestedAcr::default(),
            claims: ClaimsRequest::default(),
            prompt: BTreeSet::new(),
            max_age: None,
            ui_locales: Vec::new(),
            login_hint: None,
            subject: Vec::new(),
            country: None,
            purpose: None,
            pushed: None,
        }
    }

    /// Binds the code to the key of the proof that came with a pushed request (RFC 9449 §10.1).
    ///
    /// # Errors
    /// `invalid_dpop_proof` if the request names another key.
    pub fn bind(&mut self, thumbprint: String) -> Result<(), TokenError> {
        match &self.dpop_jkt {
            Some(named) if *named != thumbprint => {
                let message = "the DPoP proof is of another key than dpop_jkt";
                Err(TokenError::new(OAuthError::InvalidDpopProof, message))
            }
            _ => {
                self.dpop_jkt = Some(thumbprint);
                Ok(())
            }
        }
    }

    /// The answer with a code (RFC 6749 §4.1.2, RFC 9207 §2).
    #[must_use]
    pub fn success(&self, code: &str, issuer: &Issuer) -> AuthorizationResponse {
        self.respond(vec![("code", code.to_owned())], issuer)
    }

    /// The answer with an error (RFC 6749 §4.1.2.1, RFC 9207 §2).
    #[must_use]
    pub fn error(
        &self,
        error: OAuthError,
        description: &ErrorDescription,
        issuer: &Issuer,
    ) -> AuthorizationResponse {
        let (error, description) = (error.as_str().to_owned(), description.as_str().to_owned());
        self.respond(vec![("error", error), ("error_description", description)], issuer)
    }

    fn respond(&self, mut parameters: Vec<(&'static str, String)>, issuer: &Issuer) -> AuthorizationResponse {
        parameters.extend(self.state.as_ref().map(|state| ("state", state.clone())));
        parameters.push(("iss", issuer.as_str().to_owned()));
        AuthorizationResponse {
            mode: self.response_mode,
            client_id: self.client_id.clone(),
            redirect_uri: self.redirect_uri.clone(),
            algorithm: self.response_alg,
            parameters,
        }
    }
}

/// The parameters as they came, and whom they came to.
struct Parameters<'a> {
    pairs: &'a [(String, String)],
    provider: &'a Provider<'a>,
    /// Whether they stood in a request object that holds.
    signed: bool,
}

impl<'a> Parameters<'a> {
    fn all(&self, name: &str) -> Vec<&'a str> {
        self.pairs.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a parameter that is known to be there once at most; one without a value counts as
    /// left out (RFC 6749 §3.1).
    fn one(&self, name: &str) -> Option<&'a str> {
        self.pairs.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests;
