//! What an access token stands for. The token itself is a random word (RFC 6749 §1.4 lets it be opaque).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::token::TokenError;
use super::{Client, Grant, OAuthError, UserinfoForm, form};
use crate::clock::Timestamp;
use crate::secret::{Personal, Secret};

/// What an access token stands for. It lives sealed under the token, and nowhere in clear outside memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessToken {
    /// The client that it was given to.
    pub client_id: String,
    /// The subject, as this client knows it.
    pub sub: Personal<String>,
    /// The scopes granted.
    pub scope: BTreeSet<String>,
    /// When it was given out.
    pub issued: Timestamp,
    /// When it ends.
    pub expires: Timestamp,
    /// The key that whoever presents it must have; `None` for one that anybody may present (RFC 6750).
    pub confirmation: Option<Confirmation>,
    /// Joins the token to our audit trail (RFC 8417 §2.2).
    pub txn: Option<String>,
    /// The claims that it opens at userinfo: all of them, `sub` and `acr` included.
    pub claims: Personal<Map<String, Value>>,
}

/// The key that an access token is bound to (RFC 7800 §3.1), as the members of `cnf`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confirmation {
    /// The RFC 7638 thumbprint of the DPoP key, in base64url (RFC 9449 §6).
    #[serde(rename = "jkt")]
    Jkt(String),
    /// The SHA-256 of the client's TLS certificate, in base64url (RFC 8705 §3).
    #[serde(rename = "x5t#S256")]
    X5tS256(String),
}

impl AccessToken {
    /// What the token stands for that `client` gets for a code of `grant` at `now`. The claims for userinfo
    /// have the `sub` of the ID token, and `acr`, without which authentik knows no level; there are none for a
    /// client that has userinfo turned off.
    #[must_use]
    pub fn of(grant: &Grant, client: &Client, confirmation: Option<Confirmation>, now: Timestamp) -> Self {
        let mut claims = Map::new();
        if client.userinfo != UserinfoForm::Off {
            claims.clone_from(grant.userinfo_claims.expose());
            claims.insert("sub".to_owned(), grant.sub.expose().as_str().into());
            claims.insert("acr".to_owned(), grant.acr.as_str().into());
        }
        Self {
            client_id: client.id.clone(),
            sub: grant.sub.clone(),
            scope: grant.scope.clone(),
            issued: now,
            expires: now + client.access_token_lifetime,
            confirmation,
            txn: grant.txn.clone(),
            claims: Personal::new(claims),
        }
    }

    /// How it is presented.
    #[must_use]
    pub fn token_type(&self) -> &'static str {
        token_type(self.confirmation.as_ref())
    }
}

/// How a token that is bound so is presented (RFC 6750 §6.1.1, RFC 9449 §5).
pub(super) fn token_type(confirmation: Option<&Confirmation>) -> &'static str {
    match confirmation {
        Some(Confirmation::Jkt(_)) => "DPoP",
        Some(Confirmation::X5tS256(_)) | None => "Bearer",
    }
}

/// The token that a client asks about (RFC 7662 §2.1) or wants to end (RFC 7009 §2.1). Any text will do: what
/// is no token of ours opens nothing. `token_type_hint` says nothing that we could not see ourselves.
///
/// # Errors
/// `invalid_request` if there is none, or a parameter is repeated.
pub fn presented(parameters: &[(String, String)]) -> Result<Secret<String>, TokenError> {
    let invalid = |description: String| TokenError::new(OAuthError::InvalidRequest, &description);
    form::unrepeated(parameters, &["token", "token_type_hint"])
        .map_err(|name| invalid(format!("{name} is repeated")))?;
    let token = form::one(parameters, "token").ok_or_else(|| invalid("token is missing".to_owned()))?;
    Ok(Secret::new(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::oidc::test_support::{client, grant, now};

    #[test]
    fn userinfo_holds_the_claims_with_the_subject_and_level_of_the_id_token() {
        let token = AccessToken::of(&grant(), &client(), None, now());
        let expected = json!({
            "sub": "pairwise-sub",
            "acr": "http://eidas.europa.eu/LoA/high",
            "family_name": "García",
        });
        assert_eq!(Value::Object(token.claims.expose().clone()), expected);
        assert_eq!((token.issued, token.expires), (now(), now() + Duration::from_secs(300)));
        assert_eq!((token.client_id.as_str(), token.sub.expose().as_str()), ("kc", "pairwise-sub"));
    }

    #[test]
    fn nothing_is_kept_for_a_client_that_has_userinfo_turned_off() {
        let client = Client { userinfo: UserinfoForm::Off, ..client() };
        let token = AccessToken::of(&grant(), &client, None, now());
        assert!(token.claims.expose().is_empty());
        assert_eq!(token.sub.expose(), "pairwise-sub");
    }

    #[test]
    fn it_is_read_back_as_it_was_sealed_and_does_not_print_the_person() {
        for confirmation in [
            None,
            Some(Confirmation::Jkt("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".to_owned())),
            Some(Confirmation::X5tS256("bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2".to_owned())),
        ] {
            let token = AccessToken::of(&grant(), &client(), confirmation, now());
            let text = serde_json::to_string(&token).unwrap();
            assert_eq!(serde_json::from_str::<AccessToken>(&text).unwrap(), token);
            let printed = format!("{token:?}");
            assert!(!printed.contains("García") && !printed.contains("pairwise-sub"), "{printed}");
        }
    }

    #[test]
    fn a_client_presents_one_token_of_any_form() {
        let read = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            let token = presented(&pairs).map(|token| token.expose().clone());
            token.map_err(|error| (error.error, error.description.to_string()))
        };
        for token in ["abc", " ", "\u{0}", "\u{1f600}", "a b"] {
            assert_eq!(read(&[("token", token), ("token_type_hint", "refresh_token")]), Ok(token.to_owned()));
        }
        let invalid = |text: &str| Err((OAuthError::InvalidRequest, text.to_owned()));
        assert_eq!(read(&[]), invalid("token is missing"));
        assert_eq!(read(&[("token", "")]), invalid("token is missing"));
        assert_eq!(read(&[("token", "a"), ("token", "a")]), invalid("token is repeated"));
        let hints = [("token", "a"), ("token_type_hint", "access_token"), ("token_type_hint", "code")];
        assert_eq!(read(&hints), invalid("token_type_hint is repeated"));
    }

    #[test]
    fn a_confirmation_is_written_as_cnf_has_it() {
        let cnf = |confirmation: Confirmation| serde_json::to_value(confirmation).unwrap();
        assert_eq!(cnf(Confirmation::Jkt("a".to_owned())), json!({"jkt": "a"}));
        assert_eq!(cnf(Confirmation::X5tS256("a".to_owned())), json!({"x5t#S256": "a"}));
    }
}
