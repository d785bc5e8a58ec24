//! Microsoft Entra External ID: discovery with certain members, the secret in the form, claims of the ID token.
//!
//! The gateway is configured with the block of docs/brokers/entra.md, Entra with examples/entra.

use std::collections::BTreeMap;

use eidas_gateway::crypto::jose::JwsAlgorithm;
use serde_json::{Map, Value};

use super::{
    Outcome, Proof, Registered, challenge, code, gateway_as_documented, id_token_for, jwks, redeem_as,
    refuse, visit_as, word,
};
use crate::copied::{client_block, document};
use crate::smtp::PostOffice;
use crate::support::{ISSUER, World, get};

const PAGE: &str = "docs/brokers/entra.md";

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

/// Both are registered, and Entra uses either.
const REDIRECTS: [&str; 2] = [
    "https://contoso.ciamlogin.com/00000000-0000-0000-0000-000000000000/federation/oauth2",
    "https://contoso.ciamlogin.com/contoso.onmicrosoft.com/federation/oauth2",
];

/// examples/entra/identity-provider.json, for the gateway of the tests.
fn provider() -> Value {
    let text = document("examples/entra/identity-provider.json").replace("https://eidas.example.org", ISSUER);
    serde_json::from_str(&text).unwrap()
}

async fn login(world: &World) -> Outcome<BTreeMap<String, Value>> {
    login_with(world, &provider(), REDIRECTS[0], "plain").await
}

/// The attributes of the person.
async fn login_with(
    world: &World,
    provider: &Value,
    redirect: &str,
    citizen: &'static str,
) -> Outcome<BTreeMap<String, Value>> {
    let path = word(provider, "wellKnownEndpoint").strip_prefix(ISSUER).unwrap();
    let discovery = world.send(get(path)).await.json();
    if let Some(missing) = NEEDED.iter().find(|name| discovery.get(**name).is_none()) {
        return Err(format!("discovery lacks {missing}"));
    }
    // With upper and lower case.
    if discovery["issuer"] != provider["issuer"] {
        return refuse("issuer");
    }
    let lists =
        |name: &str, word: &str| discovery[name].as_array().unwrap().iter().any(|found| found == word);
    let response_type = word(provider, "responseType");
    if !lists("token_endpoint_auth_methods_supported", "client_secret_post")
        || !lists("response_types_supported", response_type)
    {
        return refuse("not supported");
    }
    let client = Registered { id: word(provider, "clientId"), redirect };
    let challenge = challenge();
    let request = [
        ("client_id", client.id),
        ("redirect_uri", redirect),
        ("response_type", response_type),
        ("scope", word(provider, "scope")),
        ("state", "s"),
        ("nonce", "n"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let callback = visit_as(world, client, &request, citizen).await?;
    // A secret is posted, or signs; there is no other way.
    let kind = word(&provider["clientAuthentication"], "@odata.type");
    assert_eq!(kind, "#microsoft.graph.oidcClientSecretAuthentication");
    let tokens = redeem_as(world, client, code(&callback)?, Proof::Post, true).await?;
    let claims = id_token_for(client, &tokens, &jwks(world).await, &[JwsAlgorithm::RS256])?;
    if claims.get("nonce").is_none_or(|nonce| nonce != "n") {
        return refuse("nonce");
    }
    let person = mapped(provider["inboundClaimMapping"].as_object().unwrap(), &claims);
    match ["sub", "given_name", "family_name"].iter().find(|name| !person.contains_key(**name)) {
        Some(missing) => Err(format!("the ID token lacks {missing}")),
        None => Ok(person),
    }
}

/// What the mapping makes of the claims; the address, an object there, is spread out.
fn mapped(mapping: &Map<String, Value>, claims: &Map<String, Value>) -> BTreeMap<String, Value> {
    let each = mapping.iter().flat_map(|(attribute, claim)| match claim {
        Value::Object(within) => mapped(within, claims),
        claim => {
            let found = claims.get(claim.as_str().unwrap());
            found.map(|value| (attribute.clone(), value.clone())).into_iter().collect()
        }
    });
    each.collect()
}

/// An account is made only for somebody with an address that was verified.
fn account(person: &BTreeMap<String, Value>) -> Outcome<String> {
    match (person.get("email"), person.get("email_verified")) {
        (Some(Value::String(address)), Some(Value::Bool(true))) => Ok(address.clone()),
        _ => refuse("a verified e-mail address is needed"),
    }
}

const ALIAS: &str = "email_source = \"alias\"\nemail_alias_domain = \"eid.example.org\"";

#[tokio::test]
async fn claims_arrive_in_the_id_token_and_make_an_account() {
    let world = gateway_as_documented(PAGE, ALIAS, None).await;
    for redirect in REDIRECTS {
        let person = login_with(&world, &provider(), redirect, "plain").await.unwrap();
        assert_eq!((&person["given_name"], &person["family_name"]), (&"Astrid".into(), &"Lindqvist".into()));
        assert_eq!(person["name"], "Astrid Lindqvist");
        assert_eq!(account(&person), Ok(format!("{}@eid.example.org", person["sub"].as_str().unwrap())));
    }
}

#[tokio::test]
async fn an_address_and_a_telephone_number_arrive_if_both_sides_say_so() {
    let own = format!("{ALIAS}\nattributes = [\"CurrentAddress\", \"PhoneNumber\"]");
    let world = gateway_as_documented(PAGE, &own, None).await;
    let without = login_with(&world, &provider(), REDIRECTS[0], "nationalities").await.unwrap();
    assert!(!without.contains_key("locality") && !without.contains_key("phone_number"));
    let mut provider = provider();
    provider["scope"] = format!("{} address phone", word(&provider, "scope")).into();
    let person = login_with(&world, &provider, REDIRECTS[0], "nationalities").await.unwrap();
    for (name, value) in
        [("locality", "Wien"), ("postal_code", "1010"), ("country", "AT"), ("phone_number", "+43720123456")]
    {
        assert_eq!(person[name], value, "{name}");
    }
    assert_eq!(person["phone_number_verified"], false);
}

#[tokio::test]
async fn without_more_the_person_is_asked_for_the_address_that_an_account_needs() {
    let office = PostOffice::open().await;
    let world = gateway_as_documented(PAGE, "", Some(office.mailer())).await;
    assert_eq!(login(&world).await, refuse("the person is asked for an address"));
    let world = gateway_as_documented(PAGE, "email_source = \"none\"", None).await;
    assert_eq!(account(&login(&world).await.unwrap()), refuse("a verified e-mail address is needed"));
    let world = gateway_as_documented(PAGE, ALIAS, None).await;
    let mut provider = provider();
    provider["scope"] = word(&provider, "scope").replace(" email", "").into();
    let person = login_with(&world, &provider, REDIRECTS[0], "plain").await.unwrap();
    assert_eq!(account(&person), refuse("a verified e-mail address is needed"));
}

#[tokio::test]
async fn it_asks_no_userinfo_and_does_not_use_the_header() {
    let own = format!("{ALIAS}\nclaims_in_id_token = false\nuserinfo = \"json\"");
    let world = gateway_as_documented(PAGE, &own, None).await;
    assert_eq!(login(&world).await, refuse("the ID token lacks given_name"));
    let own = format!("{ALIAS}\nauthentication = \"client_secret_basic\"");
    let world = gateway_as_documented(PAGE, &own, None).await;
    assert_eq!(login(&world).await, refuse("invalid_client"));
}

/// The page, the request and the block say the same.
#[test]
fn the_portals_form_is_filled_in_as_the_request_is() {
    let (page, block) = (document(PAGE), client_block(PAGE));
    let request: Value = serde_json::from_str(&document("examples/entra/identity-provider.json")).unwrap();
    for (field, member) in [
        ("Well-known endpoint", "wellKnownEndpoint"),
        ("OpenID Issuer URI", "issuer"),
        ("Client ID", "clientId"),
        ("Scope", "scope"),
        ("Response type", "responseType"),
    ] {
        let row = format!("| {field} | `{}`", word(&request, member));
        assert!(page.lines().any(|line| line.starts_with(&row)), "{row}");
    }
    assert!(block.contains(&format!("id = \"{}\"\n", word(&request, "clientId"))));
    let secret =
        word(&request["clientAuthentication"], "clientSecret").strip_prefix("the content of ").unwrap();
    assert!(block.contains(&format!("secret_file = \"{secret}\"\n")));
    for redirect in REDIRECTS {
        assert!(block.contains(&format!("\"{redirect}\"")), "{redirect}");
    }
}
