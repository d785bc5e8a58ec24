//! Keycloak 26, brokering: String casts, `azp`, an essential claim, userinfo that replaces, its map of errors.

use std::time::Duration;

use axum::http::StatusCode;
use eidas_gateway::clock::{Clock as _, Timestamp};
use eidas_gateway::crypto::jose::{self, JoseError, JwsAlgorithm, JwsKey};
use eidas_gateway::crypto::turn::Turn;
use eidas_gateway::oidc::TokenKeys;
use serde_json::{Map, Value, json};

use super::{
    Outcome, Proof, SCOPE, challenge, code, gateway_with_secret, jwks, redeem, refuse, userinfo, visit, word,
};
use crate::support::{ISSUER, World};

const NONCE: &str = "0c1m3mVQ2gJ0k8mQ0x3d1A";

/// An identity provider of type OpenID Connect, as the realm has it.
struct Keycloak {
    /// "Disable nonce".
    sends_nonce: bool,
    /// "Use PKCE".
    pkce: bool,
    /// What the application sent, and "forwarded query parameters" passes on.
    forwarded: Vec<(&'static str, String)>,
    /// The key set, and when it was fetched.
    known: Option<(Value, Timestamp)>,
}

/// What the realm knows afterwards.
#[derive(Debug, PartialEq)]
struct Account {
    username: String,
    given_name: Option<String>,
    broker_session: Option<String>,
    acr: String,
}

impl Keycloak {
    fn new() -> Self {
        Self { sends_nonce: true, pkce: true, forwarded: Vec::new(), known: None }
    }

    async fn login(&mut self, world: &World) -> Outcome<Account> {
        // Base64 of a JSON object: more than 100 characters.
        let state = "eyJydSI6Imh0dHBzOi8va2MuZXhhbXBsZS9yZWFsbXMvY2l0aXplbnMv".repeat(4);
        let challenge = challenge();
        let mut request = vec![
            ("scope", SCOPE),
            ("state", &state),
            ("response_type", "code"),
            ("client_id", "broker"),
            ("redirect_uri", crate::support::REDIRECT),
        ];
        if self.pkce {
            request.extend([("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")]);
        }
        if self.sends_nonce {
            request.push(("nonce", NONCE));
        }
        request.extend(self.forwarded.iter().map(|(name, value)| (*name, value.as_str())));
        let callback = visit(world, &request).await?;
        assert_eq!(callback.get("state"), Some(&state));
        let code = code(&callback).map_err(|error| mapped(&error).to_owned())?;
        let tokens = redeem(world, code, Proof::Post, self.pkce).await?;
        let claims = self.verify(world, &tokens).await?;
        for name in ["name", "given_name", "family_name", "preferred_username", "email"] {
            text(&claims, name)?;
        }
        let acr = text(&claims, "acr")?.unwrap_or_default();
        if !["http://eidas.europa.eu/LoA/substantial", "http://eidas.europa.eu/LoA/high"]
            .contains(&acr.as_str())
        {
            return refuse("the essential claim does not match");
        }
        let profile = self.userinfo(world, &tokens).await?;
        if profile.get("sub") != claims.get("sub") {
            return refuse("userinfo is about somebody else");
        }
        let username =
            [text(&profile, "preferred_username")?, text(&profile, "email")?, text(&profile, "sub")?];
        Ok(Account {
            username: username.into_iter().flatten().next().unwrap(),
            // What userinfo does not say is gone, whatever the ID token said.
            given_name: text(&profile, "given_name")?,
            broker_session: tokens["session_state"].as_str().map(|session| format!("eidas.{session}")),
            acr,
        })
    }

    async fn verify(&mut self, world: &World, tokens: &Value) -> Outcome<Map<String, Value>> {
        let now = world.clock.now();
        if self.known.is_none() {
            self.known = Some((jwks(world).await, now));
        }
        let token = word(tokens, "id_token");
        let known = self.known.clone().unwrap();
        let mut claims = jose::verify(token, &known.0, &JwsAlgorithm::ALL);
        // An unknown kid has the key set fetched again, but not within 10 seconds.
        if claims == Err(JoseError::UnknownKey) && known.1 + Duration::from_secs(10) <= now {
            self.known = Some((jwks(world).await, now));
            claims = jose::verify(token, &self.known.as_ref().unwrap().0, &JwsAlgorithm::ALL);
        }
        let claims = claims.map_err(|error| error.to_string())?;
        let is = |name: &str, value: &str| claims.get(name).is_some_and(|found| found == value);
        let checks = [
            (is("iss", ISSUER), "iss"),
            (is("aud", "broker"), "aud"),
            (!claims.contains_key("azp") || is("azp", "broker"), "azp"),
            // The clock skew is zero.
            (claims["exp"].as_i64().unwrap() > now.unix(), "exp"),
            (!self.sends_nonce || is("nonce", NONCE), "nonce"),
        ];
        match checks.iter().find(|(holds, _)| !holds) {
            Some((_, name)) => refuse(name),
            None => Ok(claims),
        }
    }

    async fn userinfo(&self, world: &World, tokens: &Value) -> Outcome<Map<String, Value>> {
        let answer = userinfo(world, "Bearer", tokens).await;
        if answer.status != StatusCode::OK {
            return refuse("userinfo");
        }
        match answer.header("content-type") {
            "application/json" => Ok(answer.json().as_object().unwrap().clone()),
            "application/jwt" => {
                let (known, _) = self.known.as_ref().unwrap();
                jose::verify(&answer.body, known, &JwsAlgorithm::ALL).map_err(|error| error.to_string())
            }
            other => Err(format!("userinfo as {other}")),
        }
    }
}

/// What it casts to String.
fn text(claims: &Map<String, Value>, name: &str) -> Outcome<Option<String>> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("ClassCastException: {name}")),
    }
}

/// What a person sees when the gateway answers with this error.
fn mapped(error: &str) -> &'static str {
    match error {
        "access_denied" => "the login page",
        "login_required" | "interaction_required" => "passed on",
        _ => "502 Unexpected error",
    }
}

#[tokio::test]
async fn a_realm_brokers_a_login() {
    let world = gateway_with_secret("keycloak", "").await;
    let account = Keycloak::new().login(&world).await.unwrap();
    assert_eq!(account.username.len(), 43);
    assert_eq!(account.given_name.as_deref(), Some("Astrid"));
    assert_eq!(account.acr, "http://eidas.europa.eu/LoA/high");
    assert_eq!(Keycloak::new().login(&world).await.unwrap().username, account.username);
}

#[tokio::test]
async fn a_realm_without_nonce_needs_a_gateway_that_does_not_insist() {
    let mut keycloak = Keycloak { sends_nonce: false, ..Keycloak::new() };
    assert!(keycloak.login(&gateway_with_secret("keycloak", "").await).await.is_ok());
    let world = gateway_with_secret("keycloak", "require_nonce = true").await;
    assert_eq!(keycloak.login(&world).await, refuse("502 Unexpected error"));
}

#[tokio::test]
async fn a_realm_without_pkce_is_refused() {
    let mut keycloak = Keycloak { pkce: false, ..Keycloak::new() };
    let world = gateway_with_secret("keycloak", "").await;
    assert_eq!(keycloak.login(&world).await, refuse("502 Unexpected error"));
    let world = gateway_with_secret("keycloak", "require_pkce = false").await;
    assert!(keycloak.login(&world).await.is_ok());
}

#[tokio::test]
async fn a_level_that_cannot_be_had_leads_back_to_the_login_page() {
    let claims = json!({ "id_token": { "acr": { "essential": true, "values": ["urn:gold"] } } });
    let mut keycloak = Keycloak { forwarded: vec![("claims", claims.to_string())], ..Keycloak::new() };
    assert_eq!(keycloak.login(&gateway_with_secret("keycloak", "").await).await, refuse("the login page"));
    let world = gateway_with_secret("keycloak", "level_error = \"unmet\"").await;
    assert_eq!(keycloak.login(&world).await, refuse("502 Unexpected error"));
}

#[tokio::test]
async fn the_essential_claim_is_the_text_of_the_level() {
    let world = gateway_with_secret("keycloak", "acr = \"short\"").await;
    assert_eq!(Keycloak::new().login(&world).await, refuse("the essential claim does not match"));
}

/// A change of key that was not announced: found after ten seconds, not before.
#[tokio::test]
async fn an_unknown_key_is_fetched_but_not_within_ten_seconds() {
    let world = gateway_with_secret("keycloak", "").await;
    let mut keycloak = Keycloak::new();
    keycloak.login(&world).await.unwrap();
    let key = JwsKey::generate(JwsAlgorithm::RS256).unwrap();
    world.services.set_token_keys(TokenKeys::new(vec![(Turn::FIRST, key)], Vec::new()).unwrap());
    assert_eq!(keycloak.login(&world).await, Err(JoseError::UnknownKey.to_string()));
    world.clock.advance(Duration::from_secs(10));
    assert!(keycloak.login(&world).await.is_ok());
}

#[test]
fn what_is_no_text_is_no_login() {
    let claims = json!({ "name": { "first": "A" }, "email": null });
    let claims = claims.as_object().unwrap();
    assert_eq!(text(claims, "name"), refuse("ClassCastException: name"));
    assert_eq!(text(claims, "email"), refuse("ClassCastException: email"));
    assert_eq!(text(claims, "family_name"), Ok(None));
}
