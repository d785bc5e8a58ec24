//! Who asks, at the endpoints that a client calls itself (RFC 6749 §2.3, RFC 7521 §4.2, RFC 8705 §2): HTTP Basic, a
//! secret in the form, a signed JWT, or the certificate by which it speaks TLS.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::client::SecretPlace;
use super::client_assertion::{self, Fault};
use super::client_certificate::ClientCertificate;
use super::once::Once;
use super::token::TokenError;
use super::{Client, ClientAuthentication, Issuer, OAuthError, form, tls_client_auth};
use crate::clock::Timestamp;
use crate::secret::Secret;

/// What a client gave as proof. It is good, unless it is one that may be used once and was used before.
#[derive(Clone, Debug)]
pub struct Proof {
    client: Arc<Client>,
    once: Option<Once>,
}

impl Proof {
    /// The word that must be noted as used, in the store, before the proof is accepted.
    #[must_use]
    pub fn once(&self) -> Option<&Once> {
        self.once.as_ref()
    }

    /// The client, if its proof was `fresh`.
    ///
    /// # Errors
    /// `invalid_client` if it was used before.
    pub fn accept(self, fresh: bool) -> Result<Arc<Client>, TokenError> {
        if fresh { Ok(self.client) } else { Err(invalid_client("the client assertion was used before")) }
    }
}

/// What a request says of the client that sent it. Nothing of it is believed yet.
#[derive(Clone, Debug)]
pub struct Credentials {
    id: String,
    given: Given,
}

impl Credentials {
    /// The client that sent the request, as it says.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.id
    }
}

/// By what a client means to prove who it is.
#[derive(Clone, Debug)]
enum Given {
    Nothing,
    Secret { secret: Secret<String>, sent: Sent },
    Assertion(Secret<String>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Sent {
    Basic,
    Post,
}

/// Why a client is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unproven {
    /// What it gave is wrong.
    Refused(TokenError),
    /// It signed with a key that we do not know; it may have published a newer set.
    UnknownKey,
}

impl From<TokenError> for Unproven {
    fn from(error: TokenError) -> Self {
        Self::Refused(error)
    }
}

impl From<Unproven> for TokenError {
    fn from(unproven: Unproven) -> Self {
        match unproven {
            Unproven::Refused(error) => error,
            Unproven::UnknownKey => failed(UNKNOWN_KEY),
        }
    }
}

/// Checks `credentials`, which name `client`, if there is such a client. `keys` are the client's public keys,
/// `certificate` is the one by which it speaks TLS.
///
/// # Errors
/// The first rule that they break.
pub fn check(
    credentials: &Credentials,
    client: Option<&Arc<Client>>,
    keys: Option<&Value>,
    certificate: Option<&ClientCertificate>,
    issuer: &Issuer,
    now: Timestamp,
) -> Result<Proof, Unproven> {
    let client = client.ok_or_else(|| match &credentials.given {
        Given::Nothing => silent(UNKNOWN_CLIENT),
        _ => failed(UNKNOWN_CLIENT),
    })?;
    let once = match &credentials.given {
        Given::Nothing if client.is_public() => None,
        Given::Nothing => {
            the_certificate_is_the_clients(certificate, client, keys, now)?;
            None
        }
        Given::Secret { secret, sent } => {
            the_secret_is_the_clients(secret, *sent, client)?;
            None
        }
        Given::Assertion(assertion) => {
            Some(the_assertion_is_the_clients(assertion, client, keys, issuer, now)?)
        }
    };
    Ok(Proof { client: Arc::clone(client), once })
}

/// Reads what a request says of the client that sent it.
///
/// # Errors
/// If it says nothing, or more than one thing.
pub fn read(parameters: &[(String, String)], authorization: Option<&str>) -> Result<Credentials, TokenError> {
    form::unrepeated(parameters, &KNOWN).map_err(|name| invalid(&format!("{name} is repeated")))?;
    one_way(parameters, authorization)
}

/// RFC 6749 §2.3: one way of authenticating per request.
fn one_way(parameters: &[(String, String)], authorization: Option<&str>) -> Result<Credentials, TokenError> {
    let id = form::one(parameters, "client_id");
    let secret = form::one(parameters, "client_secret");
    let assertion = form::one(parameters, "client_assertion");
    match (authorization, secret, assertion) {
        (Some(header), None, None) => by_header(header, id),
        (None, Some(secret), None) => match id {
            Some(id) => {
                let secret = Secret::new(secret.to_owned());
                Ok(Credentials { id: id.to_owned(), given: Given::Secret { secret, sent: Sent::Post } })
            }
            None => Err(silent(NO_CLIENT)),
        },
        (None, None, Some(assertion)) => {
            by_assertion(assertion, id, form::one(parameters, "client_assertion_type"))
        }
        (None, None, None) => match id {
            Some(id) => Ok(Credentials { id: id.to_owned(), given: Given::Nothing }),
            None => Err(silent(NO_CLIENT)),
        },
        _ => Err(invalid("the client authenticates in two ways at once")),
    }
}

fn by_header(header: &str, id: Option<&str>) -> Result<Credentials, TokenError> {
    let (named, secret) = basic_credentials(header)
        .ok_or_else(|| invalid_client("the Authorization header holds no HTTP Basic credentials"))?;
    match id {
        Some(id) if id != named => Err(invalid("client_id differs from the one in the Authorization header")),
        _ => Ok(Credentials { id: named, given: Given::Secret { secret, sent: Sent::Basic } }),
    }
}

fn by_assertion(assertion: &str, id: Option<&str>, kind: Option<&str>) -> Result<Credentials, TokenError> {
    if kind != Some(client_assertion::TYPE) {
        return Err(invalid("client_assertion_type is missing or unknown"));
    }
    let named = client_assertion::claimed_client(assertion)
        .ok_or_else(|| invalid_client("the client assertion names no client as its sub"))?;
    match id {
        // RFC 7521 §4.2.
        Some(id) if id != named => {
            Err(invalid_client("client_id differs from the one in the client assertion"))
        }
        _ => Ok(Credentials { id: named, given: Given::Assertion(Secret::new(assertion.to_owned())) }),
    }
}

/// HTTP Basic, with identifier and secret form-encoded (RFC 6749 §2.3.1).
fn basic_credentials(header: &str) -> Option<(String, Secret<String>)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim_matches(' ')).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form::decode(id)?, Secret::new(form::decode(secret)?)))
}

fn the_secret_is_the_clients(secret: &Secret<String>, sent: Sent, client: &Client) -> Result<(), TokenError> {
    let ClientAuthentication::Secret { place, hash } = &client.authentication else {
        return Err(failed("it sent a secret, and its `authentication` is another one"));
    };
    if !hash.is_of(secret.expose()) {
        return Err(failed("the secret is not the one of `secret_file` or `secret_hash`"));
    }
    match (sent, place) {
        (Sent::Basic, SecretPlace::Post) => Err(failed(
            "the secret is right, but came by HTTP Basic; its `authentication` is client_secret_post",
        )),
        (Sent::Post, SecretPlace::Basic) => Err(failed(
            "the secret is right, but came in the form; its `authentication` is client_secret_basic",
        )),
        _ => Ok(()),
    }
}

fn the_certificate_is_the_clients(
    certificate: Option<&ClientCertificate>,
    client: &Client,
    keys: Option<&Value>,
    now: Timestamp,
) -> Result<(), Unproven> {
    match (&client.authentication, certificate) {
        (ClientAuthentication::SelfSignedTls, Some(certificate)) => {
            match keys.is_some_and(|keys| certificate.is_among(keys, now)) {
                true => Ok(()),
                false => Err(Unproven::UnknownKey),
            }
        }
        (ClientAuthentication::Tls(expected), Some(certificate)) => {
            let judged = tls_client_auth::judge(certificate, expected, now);
            judged.map_err(|fault| invalid_client(&fault.to_string()).into())
        }
        (ClientAuthentication::SelfSignedTls | ClientAuthentication::Tls(_), None) => {
            Err(silent("it showed no certificate").into())
        }
        _ => Err(silent("its `authentication` asks for more than its client_id").into()),
    }
}

fn the_assertion_is_the_clients(
    assertion: &Secret<String>,
    client: &Client,
    keys: Option<&Value>,
    issuer: &Issuer,
    now: Timestamp,
) -> Result<Once, Unproven> {
    let ClientAuthentication::Assertion { key, audience } = &client.authentication else {
        return Err(failed("it sent an assertion, and its `authentication` is another one").into());
    };
    let judged = client_assertion::judge(assertion.expose(), client, key, keys, *audience, issuer, now);
    judged.map_err(|fault| match fault {
        Fault::UnknownKey => Unproven::UnknownKey,
        Fault::Signature => failed(SIGNATURE).into(),
        _ => invalid_client(&fault.to_string()).into(),
    })
}

/// One answer for every way to fail, so that it tells nothing about which clients there are; for an assertion,
/// until its signature has shown that the client itself asks. What is wrong with a certificate that an authority is to
/// vouch for is told: there is nothing in it to guess, and without a word the mistake is hard to find.
/// The `fact` is for the log.
fn failed(fact: &'static str) -> TokenError {
    invalid_client("client authentication failed").with_fact(fact)
}

/// A client that has to prove who it is, or that does not exist.
fn silent(fact: &'static str) -> TokenError {
    invalid_client("the client does not authenticate").with_fact(fact)
}

fn invalid(description: &str) -> TokenError {
    TokenError::new(OAuthError::InvalidRequest, description)
}

fn invalid_client(description: &str) -> TokenError {
    TokenError::new(OAuthError::InvalidClient, description)
}

// For the log.
const UNKNOWN_CLIENT: &str = "no [[client]] block has this id";
const NO_CLIENT: &str = "it does not say which client it is";
const UNKNOWN_KEY: &str = "it proves itself by a key that is not in `jwks`, `jwks_file` or at `jwks_uri`";
const SIGNATURE: &str =
    "the signature of its assertion does not hold: another key or secret, or not `assertion_alg`";

/// Parameters that may be there once only (RFC 6749 §3.2).
const KNOWN: [&str; 4] = ["client_assertion", "client_assertion_type", "client_id", "client_secret"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crypto::jose::{JwsAlgorithm, JwsKey};
    use crate::oidc::client::{AssertionAudience, AssertionKey, ClientKeys, SecretHash};
    use crate::oidc::test_support::{SECRET, client, issuer, now};

    fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn basic(credentials: &str) -> String {
        format!("Basic {}", STANDARD.encode(credentials))
    }

    fn good() -> String {
        basic(&format!("kc:{SECRET}"))
    }

    fn run_as(
        client: Client,
        pairs: &[(&str, &str)],
        authorization: Option<&str>,
    ) -> Result<Proof, TokenError> {
        let credentials = read(&form(pairs), authorization)?;
        let client = Arc::new(client);
        let client = (client.id == credentials.client_id()).then_some(&client);
        let keys = match client.and_then(|client| client.keys.as_ref()) {
            Some(ClientKeys::Inline(keys)) => Some(&**keys),
            _ => None,
        };
        Ok(check(&credentials, client, keys, None, &issuer(), now())?)
    }

    fn run(pairs: &[(&str, &str)], authorization: Option<&str>) -> Result<Proof, TokenError> {
        run_as(client(), pairs, authorization)
    }

    fn refused(pairs: &[(&str, &str)], authorization: Option<&str>) -> (OAuthError, String) {
        let error = run(pairs, authorization).unwrap_err();
        (error.error, error.description.to_string())
    }

    fn invalid(description: &str) -> (OAuthError, String) {
        (OAuthError::InvalidRequest, description.to_owned())
    }

    #[test]
    fn a_client_authenticates_by_basic_or_by_post() {
        let post = [("client_id", "kc"), ("client_secret", SECRET)];
        for proof in [run(&[], Some(&good())), run(&post, None), run(&[("client_id", "kc")], Some(&good()))] {
            let proof = proof.unwrap();
            assert_eq!(proof.once(), None);
            assert_eq!(proof.accept(true).unwrap().id, "kc");
        }
    }

    #[test]
    fn basic_credentials_are_form_encoded() {
        assert!(run(&[], Some(&basic(&format!("%6bc:{}", SECRET.replace('-', "%2D"))))).is_ok());
        assert!(run(&[], Some(&good().replace("Basic", "bAsIc"))).is_ok());
    }

    #[test]
    fn what_is_no_basic_header_is_invalid_client() {
        for header in ["", "Basic", "Basic !!!", "Bearer abc", &basic("kc"), &basic("kc:%zz"), "Basic /w=="] {
            assert_eq!(refused(&[], Some(header)).0, OAuthError::InvalidClient, "{header}");
        }
    }

    #[test]
    fn two_ways_of_authenticating_are_one_too_many() {
        let expected = invalid("the client authenticates in two ways at once");
        assert_eq!(refused(&[("client_secret", SECRET)], Some(&good())), expected);
        assert_eq!(refused(&[("client_id", "kc"), ("client_secret", SECRET)], Some(&good())), expected);
        assert_eq!(refused(&[("client_assertion", "a.b.c")], Some(&good())), expected);
        assert_eq!(refused(&[("client_assertion", "a.b.c"), ("client_secret", SECRET)], None), expected);
    }

    #[test]
    fn the_client_id_of_the_form_must_be_that_of_the_header() {
        let expected = invalid("client_id differs from the one in the Authorization header");
        assert_eq!(refused(&[("client_id", "other")], Some(&good())), expected);
    }

    #[test]
    fn wrong_secret_unknown_client_and_wrong_method_look_alike() {
        let expected = (OAuthError::InvalidClient, "client authentication failed".to_owned());
        assert_eq!(refused(&[], Some(&basic("kc:wrong"))), expected);
        assert_eq!(refused(&[], Some(&basic(&format!("other:{SECRET}")))), expected);
        let post = [("client_id", "kc"), ("client_secret", SECRET)];
        assert_eq!(refused(&[("client_id", "kc"), ("client_secret", "wrong")], None), expected);
        let set = |place| {
            let authentication = ClientAuthentication::Secret { place, hash: SecretHash::of(SECRET) };
            Client { authentication, ..client() }
        };
        let error = run_as(set(SecretPlace::Post), &[], Some(&good())).unwrap_err();
        assert_eq!((error.error, error.description.to_string()), expected);
        let error = run_as(set(SecretPlace::Basic), &post, None).unwrap_err();
        assert_eq!((error.error, error.description.to_string()), expected);
        let error = run_as(signing().0, &post, None).unwrap_err();
        assert_eq!((error.error, error.description.to_string()), expected);
        // An assertion of a client that has a secret, and of one that does not exist.
        let assertion = signing().1;
        let pairs =
            [("client_assertion", assertion.as_str()), ("client_assertion_type", client_assertion::TYPE)];
        assert_eq!(refused(&pairs, None), expected);
        let other = Client { id: "other".to_owned(), ..client() };
        let error = run_as(other, &pairs, None).unwrap_err();
        assert_eq!((error.error, error.description.to_string()), expected);
    }

    #[test]
    fn a_client_that_proves_nothing_is_invalid_client() {
        let type_only = [("client_id", "kc"), ("client_assertion_type", client_assertion::TYPE)];
        for pairs in [&[][..], &[("client_id", "kc")], &[("client_secret", SECRET)], &type_only] {
            assert_eq!(refused(pairs, None).0, OAuthError::InvalidClient, "{pairs:?}");
        }
    }

    #[test]
    fn a_public_client_says_who_it_is_and_proves_nothing() {
        let public = Client { authentication: ClientAuthentication::Public, ..client() };
        let proof = run_as(public.clone(), &[("client_id", "kc")], None).unwrap();
        assert_eq!(proof.accept(true).unwrap().id, "kc");
        // It has no secret, so what it sends in the place of one is wrong.
        let post = [("client_id", "kc"), ("client_secret", SECRET)];
        for (pairs, header) in [(&post[..], None), (&[][..], Some(good()))] {
            let error = run_as(public.clone(), pairs, header.as_deref()).unwrap_err();
            assert_eq!(error.description.as_str(), "client authentication failed");
        }
        // Whether a client exists is not told.
        let expected = (OAuthError::InvalidClient, "the client does not authenticate".to_owned());
        assert_eq!(refused(&[("client_id", "kc")], None), expected);
        assert_eq!(refused(&[("client_id", "other")], None), expected);
    }

    #[test]
    fn no_credential_may_be_repeated() {
        for name in KNOWN {
            let expected = invalid(&format!("{name} is repeated"));
            assert_eq!(refused(&[(name, "a"), (name, "a")], Some(&good())), expected);
        }
    }

    /// A client that signs, and an assertion of it.
    fn signing() -> (Client, String) {
        let key = JwsKey::generate(JwsAlgorithm::ES256).unwrap();
        let seconds = now().unix();
        let claims = json!({
            "iss": "kc", "sub": "kc", "aud": issuer().as_str(), "jti": "j-1", "exp": seconds + 60,
        });
        let assertion = key.sign("JWT", claims.as_object().unwrap()).unwrap();
        let keys = Some(ClientKeys::Inline(Arc::new(json!({ "keys": [key.public_jwk()] }))));
        let key = AssertionKey::Public { algorithm: JwsAlgorithm::ES256 };
        let authentication = ClientAuthentication::Assertion { key, audience: AssertionAudience::Issuer };
        (Client { authentication, keys, ..client() }, assertion)
    }

    #[test]
    fn a_signed_assertion_authenticates_once() {
        let (client, assertion) = signing();
        let pairs =
            [("client_assertion", assertion.as_str()), ("client_assertion_type", client_assertion::TYPE)];
        let proof = run_as(client.clone(), &pairs, None).unwrap();
        assert!(proof.once().is_some());
        assert_eq!(proof.clone().accept(true).unwrap().id, "kc");
        let error = proof.accept(false).unwrap_err();
        assert_eq!(error.error, OAuthError::InvalidClient);
        assert_eq!(error.description.as_str(), "the client assertion was used before");
        // With client_id it must be the same client.
        let with_id = |id| [pairs[0], pairs[1], ("client_id", id)];
        assert!(run_as(client.clone(), &with_id("kc"), None).is_ok());
        assert_eq!(run_as(client, &with_id("other"), None).unwrap_err().error, OAuthError::InvalidClient);
    }

    #[test]
    fn an_assertion_says_what_it_is_and_whose() {
        let missing = invalid("client_assertion_type is missing or unknown");
        assert_eq!(refused(&[("client_assertion", "a.b.c")], None), missing);
        let other = [("client_assertion", "a.b.c"), ("client_assertion_type", "urn:other")];
        assert_eq!(refused(&other, None), missing);
        let nobody = [("client_assertion", "a.b.c"), ("client_assertion_type", client_assertion::TYPE)];
        assert_eq!(refused(&nobody, None).0, OAuthError::InvalidClient);
    }

    #[test]
    fn a_proof_prints_no_assertion() {
        let (client, assertion) = signing();
        let pairs =
            [("client_assertion", assertion.as_str()), ("client_assertion_type", client_assertion::TYPE)];
        let printed = format!("{:?}", run_as(client, &pairs, None).unwrap());
        assert!(!printed.contains(&assertion), "{printed}");
    }
}
