//! Token introspection (RFC 7662): what a client may know of an access token that it was given itself.
//!
//! A client sees its own tokens only. Of everybody else's, of those that have ended and of words that never
//! were a token it learns the same: that they are not active (RFC 7662 §2.2). About the person there is
//! nothing but `sub`; claims are for userinfo.

use serde_json::{Map, Value, json};

use super::token::TokenError;
use super::{AccessToken, Client, Issuer, OAuthError, discovery, scope};

/// Makes sure that `client` may ask: whoever can call themselves by its name could otherwise try out tokens
/// (RFC 7662 §2.1).
///
/// # Errors
/// `invalid_client` for a public client.
pub fn may_ask(client: &Client) -> Result<(), TokenError> {
    match client.is_public() {
        true => Err(TokenError::new(OAuthError::InvalidClient, "a public client cannot introspect tokens")),
        false => Ok(()),
    }
}

/// The answer about `token` for `client` (RFC 7662 §2.2); `None` is a word that opens nothing (any more).
#[must_use]
pub fn answer(token: Option<&AccessToken>, client: &Client, issuer: &Issuer) -> Value {
    match token.filter(|token| token.client_id == client.id) {
        Some(token) => active(token, issuer),
        None => json!({ "active": false }),
    }
}

fn active(token: &AccessToken, issuer: &Issuer) -> Value {
    let mut answer = Map::new();
    let mut put = |name: &str, value: Value| answer.insert(name.to_owned(), value);
    put("active", true.into());
    put("scope", scope::join(&token.scope).into());
    put("client_id", token.client_id.as_str().into());
    put("token_type", token.token_type().into());
    put("exp", token.expires.unix().into());
    put("iat", token.issued.unix().into());
    put("sub", token.sub.expose().as_str().into());
    // What it opens.
    put("aud", issuer.endpoint(discovery::path::USERINFO).into());
    put("iss", issuer.as_str().into());
    if let Some(confirmation) = &token.confirmation {
        // RFC 8705 §3.2, RFC 9449 §6.2.
        put("cnf", json!(confirmation));
    }
    answer.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::Confirmation;
    use crate::oidc::test_support::{client, grant, issuer, now};

    fn told(confirmation: Option<Confirmation>) -> Value {
        let token = AccessToken::of(&grant(), &client(), confirmation, now());
        answer(Some(&token), &client(), &issuer())
    }

    #[test]
    fn a_client_is_told_what_its_token_is_good_for_and_nothing_about_the_person() {
        let expected = json!({
            "active": true,
            "scope": "openid profile",
            "client_id": "kc",
            "token_type": "Bearer",
            "exp": now().unix() + 300,
            "iat": now().unix(),
            "sub": "pairwise-sub",
            "aud": "https://eidas.example.org/userinfo",
            "iss": "https://eidas.example.org",
        });
        assert_eq!(told(None), expected);
    }

    #[test]
    fn the_key_that_a_token_is_bound_to_is_told() {
        let dpop = told(Some(Confirmation::Jkt("thumb".to_owned())));
        assert_eq!((&dpop["token_type"], &dpop["cnf"]), (&json!("DPoP"), &json!({"jkt": "thumb"})));
        let tls = told(Some(Confirmation::X5tS256("hash".to_owned())));
        assert_eq!((&tls["token_type"], &tls["cnf"]), (&json!("Bearer"), &json!({"x5t#S256": "hash"})));
    }

    #[test]
    fn nothing_else_is_said_of_a_token_of_another_client_or_of_none() {
        let token = AccessToken::of(&grant(), &client(), None, now());
        let other = Client { id: "other".to_owned(), ..client() };
        assert_eq!(answer(Some(&token), &other, &issuer()), json!({"active": false}));
        assert_eq!(answer(None, &client(), &issuer()), json!({"active": false}));
    }
}
