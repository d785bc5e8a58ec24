//! The way back to the client: the modes in which an answer travels, and what it says. If the client wants
//! to be sure of where an answer comes from, everything in it goes into one signed JWT (JWT Secured
//! Authorization Response Mode, JARM).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::crypto::jose::{JoseError, JwsAlgorithm};
use crate::oidc::{Issuer, SigningKeys, form};

/// How an authorization response travels (OAuth 2.0 Multiple Response Types §2.1, JARM §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    Query,
    /// In a form that the browser posts to the redirect URI (OAuth 2.0 Form Post Response Mode).
    FormPost,
    /// In a JWT, by the way that is usual for the response type: for `code` that is the query.
    Jwt,
    /// In a JWT in the query of the redirect URI.
    QueryJwt,
    /// In a JWT in a form that the browser posts to the redirect URI.
    FormPostJwt,
}

impl ResponseMode {
    /// All of them, in the order in which discovery lists them.
    pub const ALL: [Self; 5] = [Self::Query, Self::FormPost, Self::Jwt, Self::QueryJwt, Self::FormPostJwt];

    /// The `response_mode` value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::FormPost => "form_post",
            Self::Jwt => "jwt",
            Self::QueryJwt => "query.jwt",
            Self::FormPostJwt => "form_post.jwt",
        }
    }

    /// The mode of a `response_mode` value.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }

    /// Whether the answer is a signed JWT.
    #[must_use]
    pub fn is_signed(self) -> bool {
        matches!(self, Self::Jwt | Self::QueryJwt | Self::FormPostJwt)
    }

    fn is_form(self) -> bool {
        matches!(self, Self::FormPost | Self::FormPostJwt)
    }
}

/// What the client is told, and the way there. Its values do not print: one can be a code.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorizationResponse {
    /// How it travels.
    pub mode: ResponseMode,
    /// The client that is told.
    pub client_id: String,
    /// The client's redirect URI.
    pub redirect_uri: String,
    /// The algorithm of the JWT, in the modes that have one.
    pub algorithm: JwsAlgorithm,
    /// Names and values, in order; always with `iss`, and with `state` if there was one.
    pub parameters: Vec<(&'static str, String)>,
}

impl AuthorizationResponse {
    /// The answer as the browser carries it. In the signed modes it is the one parameter `response`: a JWT
    /// for this client, from us, that soon expires (JARM §2.1).
    ///
    /// # Errors
    /// If there is no key for the algorithm, or the key fails.
    pub fn deliver(
        &self,
        keys: &SigningKeys,
        issuer: &Issuer,
        now: Timestamp,
    ) -> Result<Delivery, JoseError> {
        let parameters = match self.mode.is_signed() {
            true => vec![("response", self.sign(keys, issuer, now)?)],
            false => self.parameters.clone(),
        };
        Ok(Delivery { by_form: self.mode.is_form(), redirect_uri: self.redirect_uri.clone(), parameters })
    }

    fn sign(&self, keys: &SigningKeys, issuer: &Issuer, now: Timestamp) -> Result<String, JoseError> {
        let mut claims: Map<String, Value> =
            self.parameters.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        claims.insert("iss".to_owned(), issuer.as_str().into());
        claims.insert("aud".to_owned(), self.client_id.as_str().into());
        claims.insert("exp".to_owned(), (now + LIFETIME).unix().into());
        let key = keys.for_algorithm(self.algorithm).ok_or(JoseError::Key(self.algorithm.as_str()))?;
        key.sign("JWT", &claims)
    }
}

impl std::fmt::Debug for AuthorizationResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.parameters.iter().map(|(name, _)| name).collect();
        write!(f, "AuthorizationResponse({:?}, {names:?})", self.mode)
    }
}

/// An answer that is ready to go. Its values do not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Whether the browser posts the parameters; otherwise they stand in the query.
    pub by_form: bool,
    /// The client's redirect URI.
    pub redirect_uri: String,
    /// Names and values, in order.
    pub parameters: Vec<(&'static str, String)>,
}

impl Delivery {
    /// The redirect URI with the parameters in its query: where a browser goes if nothing is posted.
    #[must_use]
    pub fn location(&self) -> String {
        let parameters: Vec<_> =
            self.parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        form::with_query(&self.redirect_uri, &parameters)
    }
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.parameters.iter().map(|(name, _)| name).collect();
        write!(f, "Delivery({names:?})")
    }
}

/// How long a signed answer is good for: a browser carries it at once. JARM §2.1 allows ten minutes.
const LIFETIME: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crypto::jose;
    use crate::oidc::test_support::{CALLBACK, issuer, keys, now};

    fn response(mode: ResponseMode) -> AuthorizationResponse {
        AuthorizationResponse {
            mode,
            client_id: "kc".to_owned(),
            redirect_uri: CALLBACK.to_owned(),
            algorithm: JwsAlgorithm::ES256,
            parameters: vec![
                ("code", "c0de".to_owned()),
                ("state", "s&t".to_owned()),
                ("iss", issuer().as_str().to_owned()),
            ],
        }
    }

    fn delivered(mode: ResponseMode) -> Delivery {
        response(mode).deliver(keys(), &issuer(), now()).unwrap()
    }

    #[test]
    fn plain_modes_carry_the_parameters_as_they_are() {
        assert_eq!(delivered(ResponseMode::FormPost).parameters, response(ResponseMode::FormPost).parameters);
        let query = delivered(ResponseMode::Query);
        assert_eq!(
            query.location(),
            "https://rp.example/cb?code=c0de&state=s%26t&iss=https%3A%2F%2Feidas.example.org"
        );
        assert!(delivered(ResponseMode::FormPost).by_form && !query.by_form);
    }

    #[test]
    fn signed_modes_carry_one_jwt_for_this_client_that_soon_expires() {
        for (mode, by_form) in
            [(ResponseMode::Jwt, false), (ResponseMode::QueryJwt, false), (ResponseMode::FormPostJwt, true)]
        {
            let delivery = delivered(mode);
            assert_eq!(delivery.by_form, by_form);
            let [("response", jwt)] = delivery.parameters.as_slice() else { panic!("{delivery:?}") };
            let claims = jose::verify(jwt, &keys().jwks(), &[JwsAlgorithm::ES256]).unwrap();
            let expected = json!({
                "iss": issuer().as_str(), "aud": "kc", "exp": now().unix() + 300, "code": "c0de", "state": "s&t",
            });
            assert_eq!(Value::Object(claims), expected);
        }
    }

    #[test]
    fn without_a_key_nothing_is_delivered_rather_than_something_unsigned() {
        let response =
            AuthorizationResponse { algorithm: JwsAlgorithm::EdDSA, ..response(ResponseMode::Jwt) };
        assert_eq!(response.deliver(keys(), &issuer(), now()), Err(JoseError::Key("EdDSA")));
    }

    #[test]
    fn neither_an_answer_nor_its_delivery_prints_the_code() {
        let printed = format!("{:?} {:?}", response(ResponseMode::Query), delivered(ResponseMode::Query));
        assert!(!printed.contains("c0de"), "{printed}");
    }
}
