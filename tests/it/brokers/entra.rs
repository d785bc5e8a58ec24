//! Microsoft Entra External ID: discovery with certain members, the secret in the form, claims of the ID token.

use eidas_gateway::crypto::jose::JwsAlgorithm;
use serde_json::{Map, Value};

use super::{
    Outcome, Proof, challenge, code, discovery, gateway_with_mail, gateway_with_secret, id_token, jwks,
    redeem, refuse, visit,
};
use crate::smtp::PostOffice;
use crate::support::{ISSUER, REDIRECT, World};

/// The members without which a provider cannot be set up.
const NEEDED: [&str; 7] = [
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "token_endpoint_auth_methods_supported",
    "response_types_supported",
    "subject_types_supported",
    "jwks_uri",
];

async fn login(world: &World) -> Outcome<Map<String, Value>> {
    let discovery = discovery(world).await;
    if let Some(missing) = NEEDED.iter().find(|name| discovery.get(**name).is_none()) {
        return Err(format!("discovery lacks {missing}"));
    }
    // With upper and lower case.
    if discovery["issuer"] != ISSUER {
        return refuse("issuer");
    }
    let lists =
        |name: &str, word: &str| discovery[name].as_array().unwrap().iter().any(|found| found == word);
    if !lists("token_endpoint_auth_methods_supported", "client_secret_post")
        || !lists("response_types_supported", "code")
    {
        return refuse("not supported");
    }
    let challenge = challenge();
    let request = [
        ("client_id", "broker"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", "openid profile email eidas"),
        ("state", "s"),
        ("nonce", "n"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let callback = visit(world, &request).await?;
    let tokens = redeem(world, code(&callback)?, Proof::Post, true).await?;
    let claims = id_token(&tokens, &jwks(world).await, &[JwsAlgorithm::RS256])?;
    if claims.get("nonce").is_none_or(|nonce| nonce != "n") {
        return refuse("nonce");
    }
    match ["sub", "given_name", "family_name"].iter().find(|name| !claims.contains_key(**name)) {
        Some(missing) => Err(format!("the ID token lacks {missing}")),
        None => Ok(claims),
    }
}

/// An account is made only for somebody with an address that was verified.
fn account(claims: &Map<String, Value>) -> Outcome<String> {
    match (claims.get("email"), claims.get("email_verified")) {
        (Some(Value::String(address)), Some(Value::Bool(true))) => Ok(address.clone()),
        _ => refuse("a verified e-mail address is needed"),
    }
}

const SECRET: &str = "secret_file = \"broker.secret\"";
const ALIAS: &str = "email_source = \"alias\"\nemail_alias_domain = \"eid.example.org\"";

#[tokio::test]
async fn claims_arrive_in_the_id_token_and_make_an_account() {
    let claims = login(&gateway_with_secret("entra", ALIAS).await).await.unwrap();
    assert_eq!((&claims["given_name"], &claims["family_name"]), (&"Astrid".into(), &"Lindqvist".into()));
    assert_eq!(claims["name"], "Astrid Lindqvist");
    assert_eq!(account(&claims), Ok(format!("{}@eid.example.org", claims["sub"].as_str().unwrap())));
}

#[tokio::test]
async fn without_more_the_person_is_asked_for_the_address_that_an_account_needs() {
    let office = PostOffice::open().await;
    let world = gateway_with_mail("entra", SECRET, Some(office.mailer())).await;
    assert_eq!(login(&world).await, refuse("the person is asked for an address"));
    let claims = login(&gateway_with_secret("entra", "email_source = \"none\"").await).await.unwrap();
    assert_eq!(account(&claims), refuse("a verified e-mail address is needed"));
}

#[tokio::test]
async fn it_asks_no_userinfo_and_does_not_use_the_header() {
    let world =
        gateway_with_secret("entra", &format!("{ALIAS}\nclaims_in_id_token = false\nuserinfo = \"json\""))
            .await;
    assert_eq!(login(&world).await, refuse("the ID token lacks given_name"));
    let world =
        gateway_with_secret("entra", &format!("{ALIAS}\nauthentication = \"client_secret_basic\"")).await;
    assert_eq!(login(&world).await, refuse("invalid_client"));
}
