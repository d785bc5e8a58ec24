//! One test a rule, by a request that breaks only that rule.

use super::*;
use crate::crypto::jose::JwsKey;
use crate::oidc::client::{self, SecretHash};
use crate::oidc::request_object::Fault;
use crate::oidc::test_support::{keys, now, provider};
use crate::oidc::{Clients, RedirectUri, form, scope};

const CALLBACK: &str = "https://rp.example/cb";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn issuer() -> Issuer {
    Issuer::parse("https://eidas.example.org").unwrap()
}

fn client() -> Client {
    let uris = vec![RedirectUri::register(CALLBACK).unwrap()];
    Client::new("kc", SecretHash::of("secret"), uris)
}

/// A request that passes, and the changes of one test: a parameter is replaced, added, or (with an empty
/// value) taken out.
fn changed(changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let good = [
        ("client_id", "kc"),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid profile email"),
        ("state", "s&t=1"),
        ("nonce", "n-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = good.iter().filter(|(name, _)| changes.iter().all(|(n, _)| n != name));
    let all = kept.chain(changes.iter().filter(|(_, value)| !value.is_empty()));
    all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn run(client: Client, changes: &[(&str, &str)]) -> Result<AuthorizationRequest, AuthorizeRefusal> {
    checked(client, &changed(changes))
}

/// As the web layer does it.
fn checked(
    client: Client,
    parameters: &[(String, String)],
) -> Result<AuthorizationRequest, AuthorizeRefusal> {
    let clients = Clients::new([client]).unwrap();
    let id = client_id(parameters).map_err(AuthorizeRefusal::Page)?;
    let client = clients.lookup(id).ok_or(AuthorizeRefusal::Page(PageRefusal::ClientUnknown))?;
    check(parameters, client, &provider())
}

fn location(response: &AuthorizationResponse) -> String {
    response.deliver(keys(), &issuer(), now()).unwrap().location()
}

fn passed(changes: &[(&str, &str)]) -> AuthorizationRequest {
    run(client(), changes).unwrap()
}

fn page(changes: &[(&str, &str)]) -> PageRefusal {
    match run(client(), changes).unwrap_err() {
        AuthorizeRefusal::Page(refusal) => refusal,
        AuthorizeRefusal::Redirect(response) => panic!("redirects to {}", location(&response.response)),
    }
}

/// Error and description of a refusal that goes back to the client, which must carry state and issuer.
fn redirected(changes: &[(&str, &str)]) -> (OAuthError, String) {
    let (response, answer) = answer(run(client(), changes).unwrap_err());
    assert_eq!(answer.get("state").map(String::as_str), Some("s&t=1"));
    (response.error, response.description.to_string())
}

fn answer(refusal: AuthorizeRefusal) -> (ErrorResponse, std::collections::BTreeMap<String, String>) {
    let AuthorizeRefusal::Redirect(response) = refusal else { panic!("stays with us: {refusal:?}") };
    let location = location(&response.response);
    let query = location.strip_prefix("https://rp.example/cb?").unwrap();
    let answer: std::collections::BTreeMap<_, _> = form::parse(query).unwrap().into_iter().collect();
    assert_eq!(answer["iss"], "https://eidas.example.org");
    assert_eq!(answer["error"], response.error.as_str());
    assert_eq!(answer["error_description"], response.description.as_str());
    assert!(!answer.contains_key("code"));
    (response, answer)
}

fn invalid(description: &str) -> (OAuthError, String) {
    (OAuthError::InvalidRequest, description.to_owned())
}

#[test]
fn a_request_that_breaks_no_rule_passes() {
    let request = passed(&[]);
    assert_eq!(request.client_id, "kc");
    assert_eq!(request.redirect_uri, CALLBACK);
    assert_eq!(request.state.as_deref(), Some("s&t=1"));
    assert_eq!(request.nonce.as_deref(), Some("n-1"));
    assert_eq!(request.code_challenge, Some(CodeChallenge::parse(CHALLENGE).unwrap()));
    assert_eq!((request.country, request.max_age), (None, None));
}

#[test]
fn the_order_of_parameters_does_not_matter() {
    let mut reversed = changed(&[]);
    reversed.reverse();
    assert_eq!(checked(client(), &reversed), Ok(passed(&[])));
}

#[test]
fn unknown_parameters_are_ignored_even_if_repeated() {
    let odd = [("display", "popup"), ("kc_idp_hint", "eidas"), ("resource", "a"), ("resource", "b")];
    assert_eq!(passed(&odd), passed(&[]));
}

#[test]
fn an_unknown_client_gets_a_page() {
    assert_eq!(page(&[("client_id", "")]), PageRefusal::ClientMissing);
    assert_eq!(
        page(&[("client_id", "other"), ("redirect_uri", "https://evil.example")]),
        PageRefusal::ClientUnknown
    );
    assert_eq!(page(&[("client_id", "kc"), ("client_id", "kc")]), PageRefusal::ClientRepeated);
}

#[test]
fn an_unregistered_redirect_uri_gets_a_page_whatever_else_is_wrong() {
    assert_eq!(page(&[("redirect_uri", "")]), PageRefusal::RedirectUriMissing);
    assert_eq!(page(&[("redirect_uri", "https://rp.example/cb/")]), PageRefusal::RedirectUriUnregistered);
    let repeated = [("redirect_uri", CALLBACK), ("redirect_uri", "https://evil.example")];
    assert_eq!(page(&repeated), PageRefusal::RedirectUriRepeated);
    let more = [("redirect_uri", "https://evil.example"), ("response_type", "token"), ("request", "x")];
    assert_eq!(page(&more), PageRefusal::RedirectUriUnregistered);
}

#[test]
fn page_refusals_have_codes_of_their_own() {
    let all = [
        PageRefusal::ClientMissing,
        PageRefusal::ClientRepeated,
        PageRefusal::ClientUnknown,
        PageRefusal::RedirectUriMissing,
        PageRefusal::RedirectUriRepeated,
        PageRefusal::RedirectUriUnregistered,
        PageRefusal::RequestObjectInvalid,
        PageRefusal::RequestUriInvalid,
    ];
    assert_eq!(all.map(PageRefusal::code).into_iter().collect::<BTreeSet<_>>().len(), all.len());
}

#[test]
fn state_comes_back_as_it_was_up_to_2048_octets() {
    let long = "x".repeat(2048);
    assert_eq!(passed(&[("state", &long)]).state, Some(long));
    assert_eq!(passed(&[("state", "")]).state, None);
    let (response, answer) = answer(run(client(), &[("state", &"x".repeat(2049))]).unwrap_err());
    assert_eq!(response.description.as_str(), "state is longer than 2048 octets");
    assert_eq!(answer.get("state"), None);
}

#[test]
fn a_repeated_state_is_not_given_back() {
    let (response, answer) = answer(run(client(), &[("state", "a"), ("state", "b")]).unwrap_err());
    assert_eq!(response.description.as_str(), "state is repeated");
    assert_eq!(answer.get("state"), None);
}

#[test]
fn no_known_parameter_may_be_repeated() {
    for name in [
        "acr_values",
        "claims",
        "claims_locales",
        "code_challenge",
        "code_challenge_method",
        "display",
        "eidas_country",
        "id_token_hint",
        "login_hint",
        "max_age",
        "nonce",
        "prompt",
        "purpose",
        "registration",
        "request",
        "request_uri",
        "response_mode",
        "response_type",
        "scope",
        "ui_locales",
    ] {
        assert_eq!(redirected(&[(name, "a"), (name, "a")]), invalid(&format!("{name} is repeated")));
    }
}

#[test]
fn request_objects_are_not_supported() {
    assert_eq!(redirected(&[("request", "eyJ")]).0, OAuthError::RequestNotSupported);
    assert_eq!(redirected(&[("request_uri", "urn:x")]).0, OAuthError::RequestUriNotSupported);
    assert_eq!(redirected(&[("registration", "{}")]).0, OAuthError::RegistrationNotSupported);
}

#[test]
fn a_client_that_must_sign_is_refused_without_a_signature() {
    let objects = client::RequestObjects { algorithm: JwsAlgorithm::ES256, required: true };
    let client = Client { request_objects: Some(objects), ..client() };
    let (response, _) = answer(run(client.clone(), &[]).unwrap_err());
    assert_eq!(response.description.as_str(), "this client must sign its requests");
    let object = RequestObject { parameters: changed(&[]), once: None };
    assert_eq!(check_object(&object, &client, &provider()), Ok(passed(&[])));
    let pushed = push_object(&[], &object, &client, &provider(), [7; 32]).unwrap();
    assert_eq!(AuthorizationRequest { pushed: None, ..pushed }, passed(&[]));
    let referred = [("request_uri".to_owned(), "urn:x".to_owned())];
    assert!(push_object(&referred, &object, &client, &provider(), [7; 32]).is_err());
}

#[test]
fn a_refused_request_object_is_told_where_it_is_safe_to() {
    let refused = |parameters: Option<&[(&str, &str)]>, outside: &[(&str, &str)]| {
        let parameters = parameters.map(changed);
        let refused = Refused { fault: Fault::Expired, parameters };
        refuse_object(&refused, &changed(outside), &client(), &provider())
    };
    let evil = [("redirect_uri", "https://evil.example")];
    for told in [refused(Some(&[]), &evil), refused(None, &[])] {
        let (response, answer) = answer(told);
        assert_eq!(response.error, OAuthError::InvalidRequestObject);
        assert_eq!(answer["error_description"], "the request object has expired");
        assert_eq!(answer["state"], "s&t=1");
    }
    let page = AuthorizeRefusal::Page(PageRefusal::RequestObjectInvalid);
    assert_eq!(refused(Some(&evil), &[]), page);
    assert_eq!(refused(None, &evil), page);
    assert_eq!(refused(None, &[("redirect_uri", "")]), page);
}

#[test]
fn response_type_must_be_code() {
    assert_eq!(redirected(&[("response_type", "")]), invalid("response_type is missing"));
    for other in ["token", "id_token", "code id_token", "Code", "none"] {
        assert_eq!(redirected(&[("response_type", other)]).0, OAuthError::UnsupportedResponseType, "{other}");
    }
}

#[test]
fn response_mode_is_one_that_we_know() {
    assert_eq!(passed(&[("response_mode", "query")]).response_mode, ResponseMode::Query);
    assert_eq!(passed(&[("response_mode", "form_post")]).response_mode, ResponseMode::FormPost);
    for other in ["fragment", "Form_post", "fragment.jwt", "web_message"] {
        let refused = invalid("response_mode is none that is supported");
        assert_eq!(redirected(&[("response_mode", other)]), refused, "{other}");
    }
}

#[test]
fn every_answer_travels_in_the_mode_that_was_asked_for() {
    let form_post = ("response_mode", "form_post");
    let success = passed(&[form_post]).success("c0de", &issuer());
    assert_eq!((success.mode, success.redirect_uri.as_str()), (ResponseMode::FormPost, CALLBACK));
    let expected = [("code", "c0de"), ("state", "s&t=1"), ("iss", "https://eidas.example.org")];
    assert_eq!(success.parameters, expected.map(|(name, value)| (name, value.to_owned())));
    assert_eq!(format!("{success:?}"), "AuthorizationResponse(FormPost, [\"code\", \"state\", \"iss\"])");
    // Also for rules that come before the one for the mode itself.
    let too_long = "x".repeat(2049);
    for broken in [("state", too_long.as_str()), ("response_type", "token"), ("prompt", "none")] {
        let AuthorizeRefusal::Redirect(refused) = run(client(), &[form_post, broken]).unwrap_err() else {
            panic!("stays with us: {broken:?}");
        };
        assert_eq!(refused.response.mode, ResponseMode::FormPost, "{broken:?}");
    }
}

#[test]
fn scope_must_contain_openid() {
    for scope in ["", "profile", "OPENID", "openid,profile"] {
        assert_eq!(redirected(&[("scope", scope)]).0, OAuthError::InvalidScope, "{scope}");
    }
}

#[test]
fn scopes_that_the_client_does_not_have_are_ignored() {
    let request = passed(&[("scope", "email  eidas openid offline_access https://x/y")]);
    assert_eq!(scope::join(&request.scope), "openid eidas");
    let without = Client { scopes: BTreeSet::new(), ..client() };
    assert_eq!(scope::join(&run(without, &[]).unwrap().scope), "openid");
}

#[test]
fn scope_has_fifty_words_at_most() {
    let words = |n: usize| format!("openid{}", " x".repeat(n - 1));
    assert!(run(client(), &[("scope", &words(50))]).is_ok());
    assert_eq!(redirected(&[("scope", &words(51))]), invalid("scope has more than 50 words"));
}

#[test]
fn acr_values_have_2048_octets_at_most() {
    let long = "a ".repeat(1024);
    assert_eq!(passed(&[("acr_values", &long)]).acr.voluntary.len(), 1024);
    let longer = format!("{long}a");
    assert_eq!(redirected(&[("acr_values", &longer)]), invalid("acr_values is longer than 2048 octets"));
}

#[test]
fn nonce_has_512_octets_at_most() {
    let long = "n".repeat(512);
    assert_eq!(passed(&[("nonce", &long)]).nonce, Some(long));
    assert_eq!(redirected(&[("nonce", &"n".repeat(513))]), invalid("nonce is longer than 512 octets"));
}

#[test]
fn nonce_is_required_of_clients_set_so() {
    assert_eq!(passed(&[("nonce", "")]).nonce, None);
    let strict = Client { require_nonce: true, ..client() };
    let (response, _) = answer(run(strict, &[("nonce", "")]).unwrap_err());
    assert_eq!(response.description.as_str(), "nonce is missing");
}

#[test]
fn pkce_is_required_unless_the_client_is_set_otherwise() {
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    assert_eq!(redirected(&without), invalid("code_challenge is missing: switch on PKCE with S256"));
    let lenient = Client { require_pkce: false, ..client() };
    assert_eq!(run(lenient.clone(), &without).unwrap().code_challenge, None);
    assert!(run(lenient, &[]).unwrap().code_challenge.is_some());
}

#[test]
fn pkce_is_s256_even_where_it_is_optional() {
    let lenient = Client { require_pkce: false, ..client() };
    let bad: [(&[(&str, &str)], &str); 5] = [
        (&[("code_challenge_method", "plain")], "code_challenge_method must be S256"),
        (&[("code_challenge_method", "")], "code_challenge_method must be S256"),
        (&[("code_challenge_method", "s256")], "code_challenge_method must be S256"),
        (&[("code_challenge", "abc")], "code_challenge is no S256 value"),
        (&[("code_challenge", "")], "code_challenge_method is there without code_challenge"),
    ];
    for (changes, description) in bad {
        let (response, _) = answer(run(lenient.clone(), changes).unwrap_err());
        assert_eq!(response.description.as_str(), description);
        assert_eq!(response.error, OAuthError::InvalidRequest);
    }
}

#[test]
fn claims_must_be_well_formed() {
    assert_eq!(redirected(&[("claims", "{")]), invalid("claims is malformed"));
    let request = passed(&[("claims", r#"{"userinfo":{"name":{"essential":true}}}"#)]);
    assert!(request.claims.userinfo["name"].essential);
}

#[test]
fn acr_values_and_essential_acr_are_told_apart() {
    let claims = r#"{"id_token":{"acr":{"essential":true,"values":["high"]}}}"#;
    let request = passed(&[("acr_values", "low substantial"), ("claims", claims)]);
    assert_eq!(request.acr.voluntary, ["low", "substantial"]);
    assert_eq!(request.acr.essential, Some(vec!["high".to_owned()]));
}

#[test]
fn the_person_named_by_the_claims_must_be_the_one_who_logs_in() {
    let subjects = |claims: &str| passed(&[("claims", claims)]).subject;
    let print = |sub: &str| provider().blinding.of(&sub.into());
    assert_eq!(subjects(r#"{"id_token":{"sub":{"value":"a"}}}"#), [[print("a")].into()]);
    assert_eq!(subjects(r#"{"userinfo":{"sub":{"values":["a","b"]}}}"#), [[print("a"), print("b")].into()]);
    let both = subjects(r#"{"id_token":{"sub":{"value":"a"}},"userinfo":{"sub":{"value":"b"}}}"#);
    assert_eq!(both, [[print("a")].into(), [print("b")].into()]);
    assert_eq!(subjects(r#"{"id_token":{"sub":{"essential":true}},"userinfo":{"sub":null}}"#), []);
}

#[test]
fn the_person_named_by_a_token_of_ours_must_be_the_one_who_logs_in() {
    let sign = |iss: &str, keys: &SigningKeys| {
        let claims = serde_json::json!({
            "iss": iss, "sub": "somebody", "aud": "another", "azp": "another", "at_hash": "h", "exp": 1
        });
        keys.for_algorithm(JwsAlgorithm::RS256).unwrap().sign("JWT", claims.as_object().unwrap()).unwrap()
    };
    let good = sign(issuer().as_str(), keys());
    let request = passed(&[("id_token_hint", &good)]);
    assert_eq!(request.subject, [[provider().blinding.of(&"somebody".into())].into()]);
    let stored = serde_json::to_string(&request).unwrap();
    assert!(!stored.contains("somebody") && !stored.contains(&good), "{stored}");
    let strangers = SigningKeys::new(vec![JwsKey::generate(JwsAlgorithm::RS256).unwrap()]).unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).unwrap());
    let others = [sign("https://other.example", keys()), sign(issuer().as_str(), &strangers), unsigned];
    for bad in others.iter().map(String::as_str).chain(["x", "a.b.c"]) {
        let refused = redirected(&[("id_token_hint", bad)]);
        assert_eq!(refused, invalid("id_token_hint is no ID token of this provider"));
    }
}

#[test]
fn purpose_has_3_to_300_characters_of_plain_text() {
    let described = "Für die <b>Anmeldung</b> & mehr";
    assert_eq!(passed(&[("purpose", described)]).purpose.as_deref(), Some(described));
    assert_eq!(passed(&[("purpose", &"é".repeat(300))]).purpose.map(|text| text.chars().count()), Some(300));
    for bad in ["ab", &"x".repeat(301), "line\nline", "abc\u{202e}cba", "abc\u{2029}cba", "a\u{200f}bc"] {
        let refused = invalid("purpose must have 3 to 300 characters of plain text");
        assert_eq!(redirected(&[("purpose", bad)]), refused, "{bad:?}");
    }
}

#[test]
fn what_a_request_compares_with_is_not_stored() {
    let claims = r#"{"userinfo":{"birthdate":{"value":"1977-03-12"},"sub":{"value":"XB/XX/1"}}}"#;
    let request = passed(&[("claims", claims)]);
    assert!(request.claims.userinfo["birthdate"].values.is_empty());
    let stored = serde_json::to_string(&request).unwrap();
    assert!(!stored.contains("1977") && !stored.contains("XB/XX"), "{stored}");
}

#[test]
fn max_age_is_a_whole_number_of_seconds() {
    assert_eq!(passed(&[("max_age", "0")]).max_age, Some(0));
    assert_eq!(passed(&[("max_age", "10000")]).max_age, Some(10_000));
    for bad in ["-1", "+1", "1.5", "x", " 1", "99999999999999999999"] {
        assert_eq!(
            redirected(&[("max_age", bad)]),
            invalid("max_age must be a whole number of seconds"),
            "{bad}"
        );
    }
}

#[test]
fn ui_locales_never_break_a_login() {
    assert_eq!(passed(&[("ui_locales", "se de-AT  en")]).ui_locales, ["se", "de-AT", "en"]);
    let odd = format!("x ../../etc {} el", "a".repeat(36));
    assert_eq!(passed(&[("ui_locales", &odd)]).ui_locales, ["el"]);
    assert_eq!(passed(&[("ui_locales", &"de ".repeat(100))]).ui_locales.len(), 10);
}

#[test]
fn a_login_hint_is_neither_printed_nor_stored() {
    let request = passed(&[("login_hint", "maria@example.org")]);
    assert_eq!(request.login_hint.as_ref().unwrap().expose(), "maria@example.org");
    assert!(!format!("{request:?}").contains("maria"));
    assert!(!serde_json::to_string(&request).unwrap().contains("maria"));
    assert_eq!(passed(&[("login_hint", &"x".repeat(513))]).login_hint, None);
}

#[test]
fn the_country_comes_from_the_parameter_then_the_claim_then_the_scope() {
    let parameter = ("eidas_country", "es");
    let claim = ("claims", r#"{"id_token":{"eidas_country":{"value":"IT"}}}"#);
    let scope = ("scope", "openid eidas:country:ee");
    assert_eq!(passed(&[parameter, claim, scope]).country.as_deref(), Some("ES"));
    assert_eq!(passed(&[claim, scope]).country.as_deref(), Some("IT"));
    assert_eq!(passed(&[scope]).country.as_deref(), Some("EE"));
}

#[test]
fn what_is_no_country_code_leaves_the_choice_to_the_person() {
    for odd in ["E", "ESP", "E1", "é", "../"] {
        assert_eq!(passed(&[("eidas_country", odd)]).country, None, "{odd}");
    }
    let two = r#"{"id_token":{"eidas_country":{"values":["ES","IT"]}}}"#;
    assert_eq!(passed(&[("claims", two)]).country, None);
}

#[test]
fn prompt_none_gets_login_required_since_eidas_always_asks() {
    assert_eq!(redirected(&[("prompt", "none")]).0, OAuthError::LoginRequired);
    assert_eq!(redirected(&[("prompt", "none login")]), invalid("prompt=none excludes every other prompt"));
}

#[test]
fn other_prompts_pass_and_unknown_ones_are_ignored() {
    let request = passed(&[("prompt", "login consent create")]);
    assert_eq!(request.prompt, [Prompt::Consent, Prompt::Login].into());
    assert_eq!(passed(&[("prompt", "select_account")]).prompt, [Prompt::SelectAccount].into());
}

#[test]
fn prompt_none_is_judged_after_everything_else() {
    assert_eq!(redirected(&[("prompt", "none"), ("max_age", "x")]).0, OAuthError::InvalidRequest);
}

#[test]
fn a_success_carries_code_state_and_issuer() {
    let location = location(&passed(&[]).success("c0de", &issuer()));
    let expected = "https://rp.example/cb?code=c0de&state=s%26t%3D1&iss=https%3A%2F%2Feidas.example.org";
    assert_eq!(location, expected);
}

#[test]
fn an_answer_keeps_the_query_of_the_redirect_uri_and_cannot_be_split() {
    let uri = "https://rp.example/cb?tenant=a";
    let client = Client { redirect_uris: vec![RedirectUri::register(uri).unwrap()], ..client() };
    let request = run(client, &[("redirect_uri", uri), ("state", "a\r\nSet-Cookie: b#\u{e9}")]).unwrap();
    let location = location(&request.success("c", &issuer()));
    assert!(
        location.starts_with("https://rp.example/cb?tenant=a&code=c&state=a%0D%0ASet-Cookie"),
        "{location}"
    );
    assert!(location.is_ascii() && !location.contains('#'));
}

#[test]
fn a_request_survives_being_stored() {
    let claims = r#"{"id_token":{"acr":{"essential":true,"values":["a",1]}},"userinfo":{"name":null}}"#;
    let all = [("claims", claims), ("prompt", "login"), ("max_age", "5"), ("eidas_country", "SE")];
    let request = passed(&all);
    let json = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<AuthorizationRequest>(&json).unwrap(), request);
}

fn pushed(client: &Client, changes: &[(&str, &str)]) -> Result<AuthorizationRequest, (OAuthError, String)> {
    push(&changed(changes), client, &provider(), [7; 32])
        .map_err(|error| (error.error, error.description.to_string()))
}

#[test]
fn a_pushed_request_passes_the_same_table() {
    let request = pushed(&client(), &[]).unwrap();
    assert_eq!(request.pushed, Some([7; 32]));
    assert_eq!(AuthorizationRequest { pushed: None, ..request }, passed(&[]));
    let unsupported = (OAuthError::UnsupportedResponseType, "response_type must be code".to_owned());
    assert_eq!(pushed(&client(), &[("response_type", "code id_token")]), Err(unsupported));
    assert_eq!(pushed(&client(), &[("state", "a"), ("state", "b")]), Err(invalid("state is repeated")));
}

#[test]
fn what_cannot_be_pushed_is_told_at_once() {
    let unregistered = invalid("redirect_uri is not registered for this client");
    assert_eq!(pushed(&client(), &[("redirect_uri", "https://evil.example")]), Err(unregistered));
    assert_eq!(pushed(&client(), &[("redirect_uri", "")]), Err(invalid("redirect_uri is missing")));
    let nested = invalid("request_uri cannot be pushed");
    assert_eq!(pushed(&client(), &[("request_uri", "urn:x")]), Err(nested));
}

#[test]
fn a_client_can_be_made_to_push() {
    let client = Client { require_par: true, ..client() };
    assert!(pushed(&client, &[]).is_ok());
    let (response, _) = answer(run(client, &[]).unwrap_err());
    assert_eq!(response.error, OAuthError::InvalidRequest);
    assert_eq!(response.description.as_str(), "this client must push its requests");
}

#[test]
fn a_reference_is_one_of_ours_and_names_its_client() {
    let of = |pairs: &[(&str, &str)]| {
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        reference(&pairs).map(|found| found.map(|(client, word)| (client.to_owned(), word.to_owned())))
    };
    let uri = ("request_uri", "urn:ietf:params:oauth:request_uri:abc");
    assert_eq!(of(&[("client_id", "kc"), uri]), Ok(Some(("kc".to_owned(), "abc".to_owned()))));
    assert_eq!(of(&[uri]), Err(PageRefusal::ClientMissing));
    assert_eq!(of(&[("client_id", "a"), ("client_id", "b"), uri]), Err(PageRefusal::ClientRepeated));
    for other in [&[][..], &[uri, uri], &[("request_uri", "https://rp.example/request")]] {
        assert_eq!(of(other), Ok(None));
    }
}
