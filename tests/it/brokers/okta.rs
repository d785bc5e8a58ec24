//! Okta, a generic OpenID Connect identity provider: four addresses typed in by hand, and a template for user names.

use eidas_gateway::crypto::jose::JwsAlgorithm;

use super::{
    Outcome, Proof, SCOPE, challenge, code, gateway_with_secret, id_token, jwks, redeem, refuse, visit,
};
use crate::support::{REDIRECT, World};

/// Where the user name comes from.
#[derive(Clone, Copy)]
enum Template {
    /// `idpuser.email`, unless somebody changes it.
    Email,
    /// `idpuser.externalId`: the `sub`.
    ExternalId,
}

/// User name and given name.
async fn login(world: &World, template: Template) -> Outcome<(String, String)> {
    let challenge = challenge();
    let request = [
        ("client_id", "broker"),
        ("redirect_uri", REDIRECT),
        ("response_type", "code"),
        ("scope", SCOPE),
        ("state", "s"),
        ("nonce", "n"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    let callback = visit(world, &request).await?;
    let tokens = redeem(world, code(&callback)?, Proof::Post, true).await?;
    let claims = id_token(&tokens, &jwks(world).await, &[JwsAlgorithm::RS256])?;
    let text = |name: &str| claims.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    let name = match template {
        Template::Email => text("email"),
        Template::ExternalId => text("sub"),
    };
    match (name, text("given_name")) {
        (Some(name), Some(given)) => Ok((name, given)),
        (None, _) => refuse("a user without a name"),
        (_, None) => refuse("a user without a profile"),
    }
}

#[tokio::test]
async fn the_subject_is_the_name_of_the_user() {
    let world = gateway_with_secret("okta", "").await;
    let (name, given) = login(&world, Template::ExternalId).await.unwrap();
    assert_eq!((name.len(), given.as_str()), (43, "Astrid"));
    assert_eq!(login(&world, Template::Email).await, refuse("a user without a name"));
}

#[tokio::test]
async fn without_the_optional_userinfo_it_needs_the_id_token() {
    let world = gateway_with_secret("okta", "claims_in_id_token = false").await;
    assert_eq!(login(&world, Template::ExternalId).await, refuse("a user without a profile"));
}
