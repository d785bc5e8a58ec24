//! The table of rules for a request whose client and redirect URI are known.

use std::ops::RangeInclusive;

use serde_json::Value;

use super::{AuthorizationRequest, Parameters, Prompt, ResponseMode};
use crate::oidc::client::BoundTokens;
use crate::oidc::pkce::CodeChallenge;
use crate::oidc::{ClaimsRequest, Client, OAuthError, RequestedAcr, dpop, logout, scope};
use crate::secret::Personal;

/// A rule reads its parameters and writes what they say into the request.
pub(super) type Rule = fn(&Parameters<'_>, &Client, &mut AuthorizationRequest) -> Result<(), Denied>;

/// The rules for a request whose client and redirect URI are known, in order. `state` is first, so that
/// every later error carries it; `prompt` is last, so that `login_required` means that only the person is
/// missing.
pub(super) const RULES: &[Rule] = &[
    state_is_short_and_there_once,
    no_parameter_is_repeated,
    it_was_pushed_if_required,
    it_was_signed_if_required,
    request_object_is_not_supported,
    request_uri_is_not_supported,
    registration_is_not_supported,
    response_type_is_code,
    response_mode_is_known,
    scope_has_openid,
    nonce_is_short_and_there_if_required,
    code_challenge_is_s256_and_there_if_required,
    dpop_jkt_is_a_thumbprint,
    claims_are_well_formed,
    acr_values_are_words,
    the_person_is_named_by_the_claims,
    the_person_is_named_by_a_token_of_ours,
    max_age_is_a_number,
    ui_locales_are_tags,
    login_hint_is_short,
    country_is_two_letters,
    purpose_is_a_sentence,
    prompt_allows_a_page,
];

/// The error that a broken rule means, and what to tell the client's developer.
pub(super) struct Denied(pub(super) OAuthError, pub(super) &'static str);

fn invalid(description: &'static str) -> Denied {
    Denied(OAuthError::InvalidRequest, description)
}

fn state_is_short_and_there_once(
    parameters: &Parameters<'_>,
    _: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    state(parameters, request)
}

/// Reads the state, which every answer carries.
pub(super) fn state(parameters: &Parameters<'_>, request: &mut AuthorizationRequest) -> Result<(), Denied> {
    match parameters.all("state").as_slice() {
        [] | [""] => {}
        [state] if state.len() <= MAX_STATE => request.state = Some((*state).to_owned()),
        [_] => return Err(invalid("state is longer than 2048 octets")),
        _ => return Err(invalid("state is repeated")),
    }
    Ok(())
}

fn no_parameter_is_repeated(
    parameters: &Parameters<'_>,
    _: &Client,
    _: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    match KNOWN.iter().find(|(name, _)| parameters.all(name).len() > 1) {
        Some((_, repeated)) => Err(invalid(repeated)),
        None => Ok(()),
    }
}

fn it_was_pushed_if_required(
    _: &Parameters<'_>,
    client: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    match client.require_par && request.pushed.is_none() {
        true => Err(invalid("this client must push its requests")),
        false => Ok(()),
    }
}

/// RFC 9101 §10.5.
fn it_was_signed_if_required(
    parameters: &Parameters<'_>,
    client: &Client,
    _: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    match client.request_objects.is_some_and(|objects| objects.required) && !parameters.signed {
        true => Err(invalid("this client must sign its requests")),
        false => Ok(()),
    }
}

/// Of clients that may sign, a request object is opened before it gets here.
fn request_object_is_not_supported(
    parameters: &Parameters<'_>,
    _: &Client,
    _: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    match parameters.one("request") {
        Some(_) => Err(Denied(OAuthError::RequestNotSupported, "the request parameter is not supported")),
        None => Ok(()),
    }
}

fn request_uri_is_not_supported(
    parameters: &Parameters<'_>,
    _: &Client,
    _: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    match parameters.one("request_uri") {
        Some(_) => {
            Err(Denied(OAuthError::RequestUriNotSupported, "the request_uri parameter is not supported"))
        }
        None => Ok(()),
    }
}

fn registration_is_not_supported(
    parameters: &Parameters<'_>,
    _: &Client,
    _: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    match parameters.one("registration") {
        Some(_) => {
            Err(Denied(OAuthError::RegistrationNotSupported, "the registration parameter is not supported"))
        }
        None => Ok(()),
    }
}

fn response_type_is_code(
    parameters: &Parameters<'_>,
    _: &Client,
    _: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    match parameters.one("response_type") {
        Some("code") => Ok(()),
        Some(_) => Err(Denied(OAuthError::UnsupportedResponseType, "response_type must be code")),
        None => Err(invalid("response_type is missing")),
    }
}

fn response_mode_is_known(
    parameters: &Parameters<'_>,
    _: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    match parameters.one("response_mode") {
        None => request.response_mode = ResponseMode::Query,
        Some(mode) => {
            let known = ResponseMode::from_name(mode);
            request.response_mode = known.ok_or(invalid("response_mode is none that is supported"))?;
        }
    }
    Ok(())
}

fn scope_has_openid(
    parameters: &Parameters<'_>,
    client: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    let asked: Vec<&str> = scope::words(parameters.one("scope").unwrap_or_default()).collect();
    if asked.len() > scope::MAX_WORDS {
        return Err(invalid("scope has more than 50 words"));
    }
    if !asked.contains(&scope::OPENID) {
        return Err(Denied(OAuthError::InvalidScope, "scope must contain openid: let the client ask for it"));
    }
    let granted = asked.iter().filter(|word| **word == scope::OPENID || client.scopes.contains(**word));
    request.scope = granted.map(|word| (*word).to_owned()).collect();
    Ok(())
}

fn nonce_is_short_and_there_if_required(
    parameters: &Parameters<'_>,
    client: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    match parameters.one("nonce") {
        Some(nonce) if nonce.len() > MAX_NONCE => return Err(invalid("nonce is longer than 512 octets")),
        Some(nonce) => request.nonce = Some(nonce.to_owned()),
        None if client.require_nonce => return Err(invalid("nonce is missing")),
        None => {}
    }
    Ok(())
}

fn code_challenge_is_s256_and_there_if_required(
    parameters: &Parameters<'_>,
    client: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    request.code_challenge = match (parameters.one("code_challenge"), parameters.one("code_challenge_method"))
    {
        (None, None) if client.must_use_pkce() => {
            return Err(invalid("code_challenge is missing: switch on PKCE with S256"));
        }
        (None, None) => None,
        (None, Some(_)) => return Err(invalid("code_challenge_method is there without code_challenge")),
        (Some(challenge), Some("S256")) => {
            Some(CodeChallenge::parse(challenge).map_err(|_| invalid("code_challenge is no S256 value"))?)
        }
        // Without a method the challenge would be a plain one (RFC 7636 §4.3).
        (Some(_), _) => return Err(invalid("code_challenge_method must be S256")),
    };
    Ok(())
}

/// RFC 9449 §10: the key that the code is bound to. It matters to clients whose tokens are bound to keys.
fn dpop_jkt_is_a_thumbprint(
    parameters: &Parameters<'_>,
    client: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    let named = parameters.one("dpop_jkt").filter(|_| client.bound_tokens == BoundTokens::Dpop);
    if named.is_some_and(|thumbprint| !dpop::is_thumbprint(thumbprint)) {
        return Err(invalid("dpop_jkt is no SHA-256 thumbprint"));
    }
    request.dpop_jkt = named.map(str::to_owned);
    Ok(())
}

fn claims_are_well_formed(
    parameters: &Parameters<'_>,
    _: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    if let Some(claims) = parameters.one("claims") {
        request.claims = ClaimsRequest::parse(claims, parameters.provider.blinding)
            .map_err(|_| invalid("claims is malformed"))?;
    }
    Ok(())
}

fn acr_values_are_words(
    parameters: &Parameters<'_>,
    _: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    let values = parameters.one("acr_values");
    if values.is_some_and(|values| values.len() > MAX_ACR_VALUES) {
        return Err(invalid("acr_values is longer than 2048 octets"));
    }
    request.acr = RequestedAcr::of(values, &request.claims);
    Ok(())
}

/// A request for `sub` with a value, in the ID token or at userinfo (OpenID Connect Core §5.5.1).
fn the_person_is_named_by_the_claims(
    parameters: &Parameters<'_>,
    _: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    let asked = [&request.claims.id_token, &request.claims.userinfo].map(|claims| claims.get("sub"));
    let named = asked.into_iter().flatten().filter(|claim| !claim.values.is_empty());
    let blinding = parameters.provider.blinding;
    request.subject.extend(named.map(|claim| claim.values.iter().map(|value| blinding.of(value)).collect()));
    Ok(())
}

/// `id_token_hint`: what we once said of somebody (OpenID Connect Core §3.1.2.1). It may have expired.
fn the_person_is_named_by_a_token_of_ours(
    parameters: &Parameters<'_>,
    _: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    if let Some(hint) = parameters.one("id_token_hint") {
        let provider = parameters.provider;
        let hint = logout::read_hint(hint, &provider.keys, provider.issuer);
        let hint = hint.map_err(|_| invalid("id_token_hint is no ID token of this provider"))?;
        request.subject.push([provider.blinding.of(&Value::String(hint.sub.into_inner()))].into());
    }
    Ok(())
}

fn max_age_is_a_number(
    parameters: &Parameters<'_>,
    _: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    if let Some(max_age) = parameters.one("max_age") {
        // `parse` alone would take a leading plus sign.
        let digits = max_age.bytes().all(|b| b.is_ascii_digit());
        let seconds = max_age.parse().ok().filter(|_| digits);
        request.max_age = Some(seconds.ok_or(invalid("max_age must be a whole number of seconds"))?);
    }
    Ok(())
}

fn ui_locales_are_tags(
    parameters: &Parameters<'_>,
    _: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    // An unsupported locale is no error (OpenID Connect Core §3.1.2.1), so a malformed one is none either.
    let is_tag = |tag: &&str| {
        (2..=35).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let tags = parameters.one("ui_locales").unwrap_or_default().split(' ').filter(is_tag);
    request.ui_locales = tags.take(MAX_LOCALES).map(str::to_owned).collect();
    Ok(())
}

fn login_hint_is_short(
    parameters: &Parameters<'_>,
    _: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    let hint = parameters.one("login_hint").filter(|hint| hint.len() <= MAX_LOGIN_HINT);
    request.login_hint = hint.map(|hint| Personal::new(hint.to_owned()));
    Ok(())
}

/// A country may be named by the parameter `eidas_country`, by a `claims` request for the claim of that
/// name with a value, or by a scope. A word that is no country code leaves the choice to the person.
fn country_is_two_letters(
    parameters: &Parameters<'_>,
    _: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    let claimed = request.claims.any("eidas_country").and_then(|claim| match claim.values.as_slice() {
        [value] => value.as_str(),
        _ => None,
    });
    let scoped = || {
        let mut words = scope::words(parameters.one("scope").unwrap_or_default());
        words.find_map(|word| word.strip_prefix(scope::COUNTRY_PREFIX))
    };
    let named = parameters.one("eidas_country").or(claimed).or_else(scoped);
    let code = named.filter(|code| code.len() == 2 && code.bytes().all(|b| b.is_ascii_alphabetic()));
    request.country = code.map(str::to_ascii_uppercase);
    Ok(())
}

/// OpenID Connect for Identity Assurance asks for 3 to 300 characters. What steers a terminal or turns text
/// around has no place in a sentence.
fn purpose_is_a_sentence(
    parameters: &Parameters<'_>,
    _: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    let Some(purpose) = parameters.one("purpose") else { return Ok(()) };
    let steers = |c: char| c.is_control() || STEERING.iter().any(|range| range.contains(&c));
    if !(3..=300).contains(&purpose.chars().count()) || purpose.chars().any(steers) {
        return Err(invalid("purpose must have 3 to 300 characters of plain text"));
    }
    request.purpose = Some(purpose.to_owned());
    Ok(())
}

fn prompt_allows_a_page(
    parameters: &Parameters<'_>,
    client: &Client,
    request: &mut AuthorizationRequest,
) -> Result<(), Denied> {
    let words: Vec<&str> = scope::words(parameters.one("prompt").unwrap_or_default()).collect();
    match words.as_slice() {
        // Whether there is a session the browser says.
        ["none"] if client.sso.is_some() => {
            request.prompt = [Prompt::None].into();
            return Ok(());
        }
        ["none"] => {
            return Err(Denied(OAuthError::LoginRequired, "an eIDAS login always needs the person"));
        }
        words if words.contains(&"none") => {
            return Err(invalid("prompt=none excludes every other prompt"));
        }
        _ => {}
    }
    let known = words.iter().filter_map(|word| match *word {
        "consent" => Some(Prompt::Consent),
        "login" => Some(Prompt::Login),
        "select_account" => Some(Prompt::SelectAccount),
        _ => None,
    });
    request.prompt = known.collect();
    Ok(())
}

/// The parameters that may not be repeated (RFC 6749 §3.1), with what to say if they are. `client_id`,
/// `redirect_uri` and `state` have rules of their own.
const KNOWN: [(&str, &str); 21] = [
    ("acr_values", "acr_values is repeated"),
    ("claims", "claims is repeated"),
    ("claims_locales", "claims_locales is repeated"),
    ("code_challenge", "code_challenge is repeated"),
    ("code_challenge_method", "code_challenge_method is repeated"),
    ("display", "display is repeated"),
    ("dpop_jkt", "dpop_jkt is repeated"),
    ("eidas_country", "eidas_country is repeated"),
    ("id_token_hint", "id_token_hint is repeated"),
    ("login_hint", "login_hint is repeated"),
    ("max_age", "max_age is repeated"),
    ("nonce", "nonce is repeated"),
    ("prompt", "prompt is repeated"),
    ("purpose", "purpose is repeated"),
    ("registration", "registration is repeated"),
    ("request", "request is repeated"),
    ("request_uri", "request_uri is repeated"),
    ("response_mode", "response_mode is repeated"),
    ("response_type", "response_type is repeated"),
    ("scope", "scope is repeated"),
    ("ui_locales", "ui_locales is repeated"),
];

/// Characters that turn text around, break lines or take no room: marks, separators, embeddings and isolates.
const STEERING: [RangeInclusive<char>; 6] = [
    '\u{61c}'..='\u{61c}',
    '\u{200b}'..='\u{200b}',
    '\u{200e}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{feff}'..='\u{feff}',
];
const MAX_STATE: usize = 2048;
const MAX_ACR_VALUES: usize = 2048;
const MAX_NONCE: usize = 512;
const MAX_LOCALES: usize = 10;
const MAX_LOGIN_HINT: usize = 512;
