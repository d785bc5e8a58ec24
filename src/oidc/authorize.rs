//! The authorization request: an ordered table of rules, one small function each.
//!
//! Until the client and its redirect URI are known, an error stays with us ([`AuthorizeRefusal::Page`]);
//! afterwards every error goes back to the client ([`AuthorizeRefusal::Redirect`]). Parameters that we do
//! not know, and parameters without a value, are ignored (RFC 6749 §3.1).

mod rules;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::pkce::CodeChallenge;
use super::token::TokenError;
use super::{ClaimsRequest, Client, Clients, ErrorDescription, Issuer, OAuthError, RequestedAcr, form};
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
    /// The greatest age of the authentication that the client accepts, in seconds.
    pub max_age: Option<u64>,
    /// Languages for our pages, best first; well-formed BCP 47 tags.
    pub ui_locales: Vec<String>,
    /// Who the client thinks will log in. Kept in memory only: it may name a person, and an eIDAS request
    /// has no place for it.
    #[serde(skip)]
    pub login_hint: Option<Personal<String>>,
    /// Two letters in upper case, if the client named the country already.
    pub country: Option<String>,
    /// Whether an `id_token_hint` was pushed. What it says is not kept: it names a person.
    #[serde(default)]
    pub hint_pushed: bool,
    /// If the client pushed the request (RFC 9126): SHA-256 of the reference to it.
    #[serde(default)]
    pub pushed: Option<[u8; 32]>,
}

/// How an authorization response travels (OAuth 2.0 Multiple Response Types §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    Query,
    /// In a form that the browser posts to the redirect URI (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

impl ResponseMode {
    /// All of them, in the order in which discovery lists them.
    pub const ALL: [Self; 2] = [Self::Query, Self::FormPost];

    /// The `response_mode` value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
        }
    }

    /// The mode of a `response_mode` value.
    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

/// What the client is told, and the way there. Its values do not print: one can be a code.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationResponse {
    /// How it travels.
    pub mode: ResponseMode,
    /// The client's redirect URI.
    pub redirect_uri: String,
    /// Names and values, in order; always with `iss`, and with `state` if there was one.
    pub parameters: Vec<(&'static str, String)>,
}

impl AuthorizationResponse {
    /// The redirect URI with the parameters in its query: where a browser goes in the mode `query`.
    #[must_use]
    pub fn location(&self) -> String {
        let parameters: Vec<_> =
            self.parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        form::with_query(&self.redirect_uri, &parameters)
    }
}

impl std::fmt::Debug for AuthorizationResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.parameters.iter().map(|(name, _)| name).collect();
        write!(f, "AuthorizationResponse({:?}, {names:?})", self.mode)
    }
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
            Self::RequestUriInvalid => "request_uri_invalid",
        }
    }
}

/// An error that goes back to the client (RFC 6749 §4.1.2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorResponse {
    /// The client that asked.
    pub client_id: String,
    /// The error code.
    pub error: OAuthError,
    /// For the client's developer.
    pub description: ErrorDescription,
    /// What the client is told: `error`, `error_description`, `state` and `iss`.
    pub response: AuthorizationResponse,
}

/// Runs the table over the parameters of an authorization request, as decoded from the query or form.
///
/// # Errors
/// The first rule that the request breaks.
pub fn check(
    parameters: &[(String, String)],
    clients: &Clients,
    issuer: &Issuer,
) -> Result<AuthorizationRequest, AuthorizeRefusal> {
    let parameters = Parameters(parameters);
    let client = the_client_is_known(&parameters, clients).map_err(AuthorizeRefusal::Page)?;
    let redirect_uri =
        the_redirect_uri_is_registered(&parameters, &client).map_err(AuthorizeRefusal::Page)?;
    let mut request = AuthorizationRequest::empty(&client, redirect_uri);
    // Before any rule, so that every error travels in the way that the client asked for.
    let mode = parameters.one("response_mode").and_then(ResponseMode::from_name);
    request.response_mode = mode.unwrap_or(ResponseMode::Query);
    match run(&parameters, &client, &mut request) {
        Ok(()) => Ok(request),
        Err(rules::Denied(error, description)) => {
            let description = ErrorDescription::new(description);
            let response = request.error(error, &description, issuer);
            let client_id = client.id.clone();
            Err(AuthorizeRefusal::Redirect(ErrorResponse { client_id, error, description, response }))
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
    hash: [u8; 32],
) -> Result<AuthorizationRequest, TokenError> {
    let parameters = Parameters(parameters);
    if !parameters.all("request_uri").is_empty() {
        return Err(TokenError::new(OAuthError::InvalidRequest, "request_uri cannot be pushed"));
    }
    let refused = |refusal: PageRefusal| TokenError::new(OAuthError::InvalidRequest, &refusal.to_string());
    let redirect_uri = the_redirect_uri_is_registered(&parameters, client).map_err(refused)?;
    let mut request = AuthorizationRequest::empty(client, redirect_uri);
    request.pushed = Some(hash);
    request.hint_pushed = parameters.one("id_token_hint").is_some();
    match run(&parameters, client, &mut request) {
        Ok(()) => Ok(request),
        Err(rules::Denied(error, description)) => Err(TokenError::new(error, description)),
    }
}

fn run(
    parameters: &Parameters<'_>,
    client: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), rules::Denied> {
    rules::RULES.iter().try_for_each(|rule| rule(parameters, client, request))
}

/// Client and reference, if the parameters refer to a pushed request. All others are then ignored: what counts
/// is what was pushed (RFC 9126 §4, RFC 9101 §6.3).
///
/// # Errors
/// If the client is not named once.
pub fn reference(parameters: &[(String, String)]) -> Result<Option<(&str, &str)>, PageRefusal> {
    let parameters = Parameters(parameters);
    let [Some(reference)] =
        parameters.all("request_uri").iter().map(|uri| uri.strip_prefix(REQUEST_URI)).collect::<Vec<_>>()[..]
    else {
        return Ok(None);
    };
    match parameters.all("client_id").as_slice() {
        [] | [""] => Err(PageRefusal::ClientMissing),
        [id] => Ok(Some((id, reference))),
        _ => Err(PageRefusal::ClientRepeated),
    }
}

/// What the `request_uri` of a pushed request begins with (RFC 9126 §2.2).
pub const REQUEST_URI: &str = "urn:ietf:params:oauth:request_uri:";

fn the_client_is_known(parameters: &Parameters<'_>, clients: &Clients) -> Result<Arc<Client>, PageRefusal> {
    match parameters.all("client_id").as_slice() {
        [] => Err(PageRefusal::ClientMissing),
        [""] => Err(PageRefusal::ClientMissing),
        [id] => clients.lookup(id).cloned().ok_or(PageRefusal::ClientUnknown),
        _ => Err(PageRefusal::ClientRepeated),
    }
}

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
            country: None,
            hint_pushed: false,
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
            redirect_uri: self.redirect_uri.clone(),
            parameters,
        }
    }
}

/// The parameters as they came.
struct Parameters<'a>(&'a [(String, String)]);

impl<'a> Parameters<'a> {
    fn all(&self, name: &str) -> Vec<&'a str> {
        self.0.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The value of a parameter that is known to be there once at most; one without a value counts as
    /// left out (RFC 6749 §3.1).
    fn one(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests;
