//! authentik 2026.8, an OAuth source: no nonce, its own scopes, userinfo as plain JSON, the scheme that it was told.
//!
//! The gateway is configured with the block of docs/brokers/authentik.md, the source with examples/authentik.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::Value;

use super::{
    Outcome, Proof, Registered, challenge, code, gateway_as_documented, redeem_as, refuse, userinfo,
    visit_as, word,
};
use crate::copied::document;
use crate::smtp::PostOffice;
use crate::support::{ISSUER, World, get};

const PAGE: &str = "docs/brokers/authentik.md";

/// examples/authentik/blueprint.yaml, for the gateway of the tests. As much of YAML is read as stands in it.
struct Blueprint(String);

impl Blueprint {
    fn read() -> Self {
        Self(document("examples/authentik/blueprint.yaml").replace("https://eidas.example.org", ISSUER))
    }

    /// The lines of the entry of a model.
    fn entry(&self, model: &str) -> impl Iterator<Item = &str> {
        let mut entries = self.0.split("\n  - model: ");
        entries.find_map(|entry| entry.strip_prefix(model)?.strip_prefix('\n')).unwrap().lines()
    }

    /// A value of the source.
    fn source(&self, key: &str) -> &str {
        let mut lines = self.entry("authentik_sources_oauth.oauthsource");
        lines.find_map(|line| line.strip_prefix("      ")?.strip_prefix(key)?.strip_prefix(": ")).unwrap()
    }

    /// The Python of a model, line by line.
    fn expression(&self, model: &str) -> impl Iterator<Item = &str> {
        self.entry(model)
            .skip_while(|line| *line != "      expression: |")
            .skip(1)
            .map_while(|line| line.strip_prefix("        ").map(str::trim))
    }

    /// What the property mapping keeps of a person; dictionaries within it are spread out.
    fn user(&self, info: &Value) -> Outcome<BTreeMap<String, Value>> {
        let lines = self.expression("authentik_sources_oauth.oauthsourcepropertymapping");
        let pairs = lines.filter_map(|line| line.strip_suffix(',')?.split_once(": "));
        pairs.map(|(key, value)| Ok((key.trim_matches('"').to_owned(), evaluate(value, info)?))).collect()
    }

    /// What the policy says.
    fn admits(&self, info: &Value) -> bool {
        let mut lines = self.expression("authentik_policies_expression.expressionpolicy");
        let asked = lines.find_map(|line| line.strip_prefix("return info.get(\"")?.strip_suffix("\") in ("));
        let found = &info[asked.unwrap()];
        lines.filter_map(|line| line.strip_prefix('"')?.strip_suffix("\",")).any(|word| found == word)
    }
}

/// The value of a Python expression over `info`.
fn evaluate(expression: &str, info: &Value) -> Outcome<Value> {
    let text = |quoted: &str| Some(quoted.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    if let Some((first, second)) = expression.split_once(" + ") {
        let both = [evaluate(first, info)?, evaluate(second, info)?];
        return Ok(both.iter().map(|one| one.as_str().unwrap()).collect::<String>().into());
    }
    if let Some(name) = expression.strip_prefix("info[").and_then(|rest| text(rest.strip_suffix(']')?)) {
        return info.get(&name).cloned().ok_or(format!("KeyError: {name}"));
    }
    if let Some(arguments) = expression.strip_prefix("info.get(").and_then(|rest| rest.strip_suffix(')')) {
        let (name, default) = arguments.split_once(", ").unwrap_or((arguments, "None"));
        let found = info.get(text(name).unwrap());
        return Ok(found.cloned().unwrap_or_else(|| text(default).into()));
    }
    Ok(text(expression).unwrap().into())
}

/// The userinfo dictionary that property mappings and policies see.
async fn login(world: &World, citizen: &'static str) -> Outcome<Value> {
    let blueprint = Blueprint::read();
    let path = |key| blueprint.source(key).strip_prefix(ISSUER).unwrap();
    // Applying the blueprint fetches this document, and needs all four.
    let discovery = world.send(get(path("oidc_well_known_url"))).await.json();
    for (name, key) in [
        ("authorization_endpoint", "authorization_url"),
        ("token_endpoint", "access_token_url"),
        ("userinfo_endpoint", "profile_url"),
        ("jwks_uri", "oidc_jwks_url"),
    ] {
        assert_eq!(word(&discovery, name), blueprint.source(key));
    }
    let redirect =
        format!("https://authentik.example.org/source/oauth/callback/{}/", blueprint.source("slug"));
    let source = Registered { id: blueprint.source("consumer_key"), redirect: &redirect };
    let scope = match blueprint.source("additional_scopes") {
        instead if instead.starts_with('*') => instead[1..].to_owned(),
        more => format!("openid email profile {more}"),
    };
    let challenge = challenge();
    let mut request = vec![
        ("client_id", source.id),
        ("redirect_uri", source.redirect),
        ("response_type", "code"),
        ("state", "hK2Vw9sQ1xR7yT4uI6oP3aS5dF8gJ0kL"),
        ("scope", &scope),
    ];
    let pkce = blueprint.source("pkce") == "S256";
    if pkce {
        request.extend([("code_challenge", challenge.as_str()), ("code_challenge_method", "S256")]);
    }
    let callback = visit_as(world, source, &request, citizen).await?;
    let proof = match blueprint.source("authorization_code_auth_method") {
        "basic_auth" => Proof::Basic,
        _ => Proof::Post,
    };
    let tokens = redeem_as(world, source, code(&callback)?, proof, pkce).await?;
    // The type of the token is the scheme. The ID token is not looked at.
    let answer = userinfo(world, word(&tokens, "token_type"), &tokens).await;
    if answer.status != StatusCode::OK {
        return refuse("userinfo");
    }
    serde_json::from_str(&answer.body).map_err(|_| "userinfo is no JSON".to_owned())
}

#[tokio::test]
async fn a_source_enrols_a_person() {
    let info = login(&gateway_as_documented(PAGE, "", None).await, "plain").await.unwrap();
    let (blueprint, sub) = (Blueprint::read(), word(&info, "sub"));
    assert_eq!(sub.len(), 43);
    let user = blueprint.user(&info).unwrap();
    for (key, value) in [
        ("username", format!("eidas-{sub}").as_str()),
        ("name", "Astrid Lindqvist"),
        ("email", ""),
        ("loa", "http://eidas.europa.eu/LoA/high"),
        ("acr", "http://eidas.europa.eu/LoA/high"),
        ("country", "XB"),
        ("given_name", "Astrid"),
        ("family_name", "Lindqvist"),
        ("birthdate", "1977-03-12"),
        ("subject_type", "natural"),
    ] {
        assert_eq!(user[key], value, "{key}");
    }
    assert_eq!(user.len(), 10);
    assert!(blueprint.admits(&info));
}

#[tokio::test]
async fn its_policy_holds_where_the_gateway_is_set_too_low() {
    let world = gateway_as_documented(PAGE, "", None).await;
    assert!(login(&world, "low").await.is_err());
    let info = login(&gateway_as_documented(PAGE, "min_loa = \"low\"", None).await, "low").await.unwrap();
    assert_eq!(word(&info, "eidas_loa"), "http://eidas.europa.eu/LoA/low");
    assert!(!Blueprint::read().admits(&info));
}

#[tokio::test]
async fn it_never_sends_a_nonce_and_puts_the_secret_into_the_header() {
    let world = gateway_as_documented(PAGE, "require_nonce = true", None).await;
    assert_eq!(login(&world, "plain").await, refuse("invalid_request"));
    let world = gateway_as_documented(PAGE, "authentication = \"client_secret_post\"", None).await;
    assert_eq!(login(&world, "plain").await, refuse("invalid_client"));
}

#[tokio::test]
async fn it_cannot_read_userinfo_that_is_signed() {
    let world = gateway_as_documented(PAGE, "userinfo = \"signed\"", None).await;
    assert_eq!(login(&world, "plain").await, refuse("userinfo is no JSON"));
}

#[tokio::test]
async fn an_address_is_asked_for_if_that_is_set() {
    let office = PostOffice::open().await;
    let world = gateway_as_documented(PAGE, "email_source = \"collect\"", Some(office.mailer())).await;
    assert_eq!(login(&world, "plain").await, refuse("the person is asked for an address"));
}
