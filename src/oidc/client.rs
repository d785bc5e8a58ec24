//! Registered clients, and the secrets by which they prove who they are.
//!
//! Secrets are drawn here with 256 bits, so a plain SHA-256 is enough to hold them: there is nothing to
//! guess. Identifiers and secrets keep to `A-Z a-z 0-9 . _ ~ -`, on which every form of encoding that
//! brokers apply to HTTP Basic credentials agrees.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::{Encryption, RedirectUri, UserinfoForm, scope, tls_client_auth};
use crate::crypto::hash;
use crate::crypto::jose::{self, JwksFault, JwsAlgorithm};
use crate::ids::Random;
use crate::secret::Secret;

/// A relying party, as registered by the operator.
#[derive(Clone, Debug)]
pub struct Client {
    /// The `client_id`; see [`is_client_word`].
    pub id: String,
    /// What people are told it is called.
    pub name: String,
    /// How it authenticates at the token endpoint.
    pub authentication: ClientAuthentication,
    /// What its tokens are bound to.
    pub bound_tokens: BoundTokens,
    /// Its public keys, for all that it signs and that is encrypted to it.
    pub keys: Option<ClientKeys>,
    /// Where answers may go; at least one.
    pub redirect_uris: Vec<RedirectUri>,
    /// How long a session lasts in which it is answered without asking the person again; `None` for no sessions.
    pub sso: Option<Duration>,
    /// Where a browser may go after a logout.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// Whether a request without `code_challenge` is refused (RFC 9700 §2.1.1).
    pub require_pkce: bool,
    /// Whether a request that was not pushed is refused (RFC 9126 §6).
    pub require_par: bool,
    /// How it signs its authorization requests, if it may.
    pub request_objects: Option<RequestObjects>,
    /// Whether a request without `nonce` is refused. Off by default, since authentik sends none.
    pub require_nonce: bool,
    /// The algorithm that signs its ID tokens.
    pub id_token_alg: JwsAlgorithm,
    /// How its ID tokens are encrypted, if they are.
    pub id_token_encryption: Option<Encryption>,
    /// How its claims leave the userinfo endpoint.
    pub userinfo: UserinfoForm,
    /// The algorithm that signs answers to its authorization requests, if it asks for signed ones (JARM §4).
    /// `None`: that of its ID tokens.
    pub authorization_response_alg: Option<JwsAlgorithm>,
    /// The scopes that it is granted if it asks for them; others are ignored.
    pub scopes: BTreeSet<String>,
    /// Which claims go into the ID token besides userinfo.
    pub claims_in_id_token: ClaimsInIdToken,
    /// How far `iat` is set back, for libraries that allow a token no time before their own clock
    /// (PyJWT).
    pub iat_backdate: Duration,
    /// How long an access token, and with it the claims for userinfo, lives.
    pub access_token_lifetime: Duration,
}

impl Client {
    /// A client with the safe defaults: PKCE, RS256, the scopes
    /// `openid profile eidas`, 300 s for access tokens.
    #[must_use]
    pub fn new(
        id: &str,
        authentication: impl Into<ClientAuthentication>,
        redirect_uris: Vec<RedirectUri>,
    ) -> Self {
        Self {
            id: id.to_owned(),
            name: id.to_owned(),
            authentication: authentication.into(),
            bound_tokens: BoundTokens::None,
            keys: None,
            redirect_uris,
            sso: None,
            post_logout_redirect_uris: Vec::new(),
            require_pkce: true,
            require_par: false,
            request_objects: None,
            require_nonce: false,
            id_token_alg: JwsAlgorithm::RS256,
            id_token_encryption: None,
            userinfo: UserinfoForm::Json,
            authorization_response_alg: None,
            scopes: [scope::OPENID, scope::PROFILE, "eidas"].map(str::to_owned).into(),
            claims_in_id_token: ClaimsInIdToken::Minimal,
            iat_backdate: Duration::from_secs(5),
            access_token_lifetime: Duration::from_secs(300),
        }
    }
}

/// What the access tokens of a client are bound to, so that nobody else can use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BoundTokens {
    /// Nothing: whoever has a token can use it (RFC 6750).
    None,
    /// A key of the client, which it shows with each request (RFC 9449).
    Dpop,
    /// The certificate that the client shows in TLS (RFC 8705 §3).
    Mtls,
}

impl Client {
    /// Whether it is a public client (RFC 6749 §2.1): anybody can say that they are it.
    #[must_use]
    pub fn is_public(&self) -> bool {
        matches!(self.authentication, ClientAuthentication::Public)
    }

    /// Whether a request without `code_challenge` is refused: for a public client nothing else binds the code to
    /// who asked for it.
    #[must_use]
    pub fn must_use_pkce(&self) -> bool {
        self.require_pkce || self.is_public()
    }

    /// Which claims its ID tokens hold: all, if there is no other place where it could find them.
    #[must_use]
    pub fn claims_in_id_token(&self) -> ClaimsInIdToken {
        match self.userinfo {
            UserinfoForm::Off => ClaimsInIdToken::All,
            _ => self.claims_in_id_token,
        }
    }
}

/// How a client signs its authorization requests (RFC 9101), with one of its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestObjects {
    /// The one algorithm that is accepted.
    pub algorithm: JwsAlgorithm,
    /// Whether a request that is not signed is refused (§10.5).
    pub required: bool,
}

/// How a client authenticates at the token endpoint, and against what.
#[derive(Clone, Debug)]
pub enum ClientAuthentication {
    /// `none`: it has nothing to prove who it is with (OpenID Connect Core §9).
    Public,
    /// `self_signed_tls_client_auth`: it shows a certificate that its key set names (RFC 8705 §2.2).
    SelfSignedTls,
    /// `tls_client_auth`: it shows a certificate that an authority issued to it (RFC 8705 §2.1).
    Tls(Box<tls_client_auth::Expected>),
    /// It sends a secret.
    Secret {
        /// Where it sends it.
        place: SecretPlace,
        /// What the secret is compared with.
        hash: SecretHash,
    },
    /// It signs a JWT (RFC 7523).
    Assertion {
        /// What the signature is checked with.
        key: AssertionKey,
        /// What `aud` has to say.
        audience: AssertionAudience,
    },
}

impl From<SecretHash> for ClientAuthentication {
    /// The secret of this hash, sent as the client likes.
    fn from(hash: SecretHash) -> Self {
        Self::Secret { place: SecretPlace::Any, hash }
    }
}

/// Where a client sends its secret (OpenID Connect Core §9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretPlace {
    /// `client_secret_basic` or `client_secret_post`, as the client likes.
    Any,
    /// `client_secret_basic` only.
    Basic,
    /// `client_secret_post` only.
    Post,
}

/// What the signature of a client assertion is checked with.
#[derive(Clone, Debug)]
pub enum AssertionKey {
    /// `private_key_jwt`: the client's public keys ([`Client::keys`]).
    Public {
        /// The one algorithm that is accepted.
        algorithm: JwsAlgorithm,
    },
    /// `client_secret_jwt`: the secret itself, with HS256; any of these.
    Secret(Vec<Secret<String>>),
}

/// A client's public keys: a JWK Set (RFC 7517 §5), or where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientKeys {
    /// The set itself.
    Inline(Arc<Value>),
    /// `jwks_uri` (OpenID Connect Dynamic Client Registration §2): the https address at which the client publishes
    /// the set.
    Uri(String),
}

/// Reads a JWK Set that a client has published.
///
/// # Errors
/// If it is none, or holds a key that is not public.
pub fn read_keys(octets: &[u8]) -> Result<Value, JwksFault> {
    let jwks: Value = serde_json::from_slice(octets).map_err(|_| JwksFault::Malformed)?;
    jose::check_public_keys(&jwks).map(|()| jwks)
}

/// Whom a client assertion has to name as its audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssertionAudience {
    /// The issuer, the token endpoint or that for pushed requests (RFC 9126 §2), as a string or in a list of nothing else.
    Endpoint,
    /// The issuer, as a string (FAPI 2.0 Security Profile §5.3.2.1).
    Issuer,
}

/// Which claims the ID token holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimsInIdToken {
    /// All that userinfo holds; for brokers that look nowhere else (Entra External ID).
    All,
    /// The subject, the levels, and what the `claims` parameter asks for there.
    Minimal,
}

/// The SHA-256 of a client secret, and of the one before while both count.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash([u8; 32], Option<[u8; 32]>);

impl SecretHash {
    /// The hash of a secret.
    #[must_use]
    pub fn of(secret: &str) -> Self {
        Self(hash::sha256(secret.as_bytes()), None)
    }

    /// The same, with which the secret `before` counts as well.
    #[must_use]
    pub fn or(self, before: &str) -> Self {
        Self(self.0, Some(hash::sha256(before.as_bytes())))
    }

    /// Reads a hash from 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut octets = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (octet, digits) in octets.iter_mut().zip(text.as_bytes().chunks(2)) {
            let value = digits
                .iter()
                .try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))?;
            *octet = u8::try_from(value).ok()?;
        }
        Some(Self(octets, None))
    }

    /// Whether `secret` is the one, in time that does not depend on how much of it is right.
    #[must_use]
    pub fn is_of(&self, secret: &str) -> bool {
        let presented = hash::sha256(secret.as_bytes());
        let is_before = self.1.is_some_and(|before| hash::equal(&presented, &before));
        hash::equal(&presented, &self.0) | is_before
    }
}

impl fmt::Display for SecretHash {
    /// 64 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hash::hex(&self.0))
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash([secret])")
    }
}

/// A new client secret: 43 letters and digits, 256 bits.
#[must_use]
pub fn generate_secret(random: &dyn Random) -> Secret<String> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    // 62^43 is a little more than 2^256.
    let mut secret = String::with_capacity(43);
    while secret.len() < 43 {
        // Draws of 248 and above would favour the first letters, so they are drawn again.
        let [draw] = crate::ids::octets::<1>(random);
        if let Some(letter) = ALPHABET.get(usize::from(draw) % ALPHABET.len()).filter(|_| draw < 248) {
            secret.push(char::from(*letter));
        }
    }
    Secret::new(secret)
}

/// Whether a text may be a client identifier or a client secret: 1 to 255 of `A-Z a-z 0-9 . _ ~ -`.
#[must_use]
pub fn is_client_word(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-');
    (1..=255).contains(&text.len()) && text.bytes().all(allowed)
}

/// The registered clients, by identifier.
#[derive(Clone, Debug, Default)]
pub struct Clients(HashMap<String, Arc<Client>>);

impl Clients {
    /// Takes the clients in.
    ///
    /// # Errors
    /// The first client that cannot be registered.
    pub fn new(clients: impl IntoIterator<Item = Client>) -> Result<Self, RegistrationError> {
        let mut registered = HashMap::new();
        for client in clients {
            if !is_client_word(&client.id) {
                return Err(RegistrationError::Id(client.id));
            }
            if client.redirect_uris.is_empty() {
                return Err(RegistrationError::NoRedirectUri(client.id));
            }
            if let Some(twice) = registered.insert(client.id.clone(), Arc::new(client)) {
                return Err(RegistrationError::Twice(twice.id.clone()));
            }
        }
        Ok(Self(registered))
    }

    /// Takes one more client in.
    ///
    /// # Errors
    /// If it cannot be registered; the others are as they were.
    pub fn register(&mut self, client: Client) -> Result<(), RegistrationError> {
        if self.0.contains_key(&client.id) {
            return Err(RegistrationError::Twice(client.id));
        }
        let one = Self::new([client])?;
        self.0.extend(one.0);
        Ok(())
    }

    /// The client with this identifier.
    #[must_use]
    pub fn lookup(&self, id: &str) -> Option<&Arc<Client>> {
        self.0.get(id)
    }

    /// All clients, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Client>> {
        self.0.values()
    }
}

/// Why a client cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// The identifier is empty, too long, or holds other characters.
    #[error("client id {0:?}: only A-Z a-z 0-9 . _ ~ - are allowed, at most 255 of them")]
    Id(String),
    /// There is nowhere to send an answer.
    #[error("client {0}: no redirect URI")]
    NoRedirectUri(String),
    /// Two clients have one identifier.
    #[error("client {0} is there twice")]
    Twice(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{CountingRandom, SystemRandom};

    fn uris() -> Vec<RedirectUri> {
        vec![RedirectUri::register("https://rp.example/cb").unwrap()]
    }

    #[test]
    fn a_secret_and_the_one_before_count_and_no_other() {
        let hash = SecretHash::of("new");
        assert!(hash.is_of("new") && !hash.is_of("old"));
        let both = hash.or("old");
        assert!(both.is_of("new") && both.is_of("old") && !both.is_of("other") && !both.is_of(""));
    }

    #[test]
    fn a_client_more_is_taken_in_unless_it_is_there() {
        let client = |id: &str| Client::new(id, SecretHash::of("secret"), uris());
        let mut clients = Clients::new([client("one")]).unwrap();
        assert_eq!(clients.register(client("two")), Ok(()));
        assert_eq!(clients.register(client("one")), Err(RegistrationError::Twice("one".to_owned())));
        assert_eq!(clients.register(client("o n e")), Err(RegistrationError::Id("o n e".to_owned())));
        assert_eq!(clients.iter().count(), 2);
    }

    #[test]
    fn a_generated_secret_needs_no_encoding_and_is_long() {
        let random = CountingRandom::default();
        let secrets: BTreeSet<_> = (0..100).map(|_| generate_secret(&random).expose().clone()).collect();
        assert_eq!(secrets.len(), 100);
        for secret in secrets {
            assert!(secret.len() == 43 && secret.bytes().all(|b| b.is_ascii_alphanumeric()), "{secret}");
        }
    }

    #[test]
    fn only_the_secret_itself_meets_its_hash() {
        let secret = generate_secret(&SystemRandom);
        let hash = SecretHash::of(secret.expose());
        assert!(hash.is_of(secret.expose()));
        for other in ["", "x", &secret.expose()[1..], &format!("{}x", secret.expose())] {
            assert!(!hash.is_of(other));
        }
        assert_eq!(SecretHash::from_hex(&hash.to_string()), Some(hash.clone()));
        assert_eq!(SecretHash::from_hex(&hash.to_string().to_uppercase()), Some(hash));
    }

    #[test]
    fn a_hash_is_64_hexadecimal_digits() {
        for text in ["", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64), &"é".repeat(32), &"+1".repeat(32)]
        {
            assert_eq!(SecretHash::from_hex(text), None, "{text}");
        }
    }

    #[test]
    fn a_client_prints_no_secret_and_no_hash() {
        let client = Client::new("kc", SecretHash::of("s3cret"), uris());
        let printed = format!("{client:?}");
        assert!(printed.contains("SecretHash([secret])") && !printed.contains("s3cret"), "{printed}");
    }

    #[test]
    fn clients_are_registered_once_with_a_redirect_uri_and_a_plain_identifier() {
        let client = |id: &str| Client::new(id, SecretHash::of("x"), uris());
        let clients = Clients::new([client("a"), client("b.c_d~e-F9")]).unwrap();
        assert_eq!(clients.lookup("a").unwrap().id, "a");
        assert!(clients.lookup("A").is_none());
        assert_eq!(clients.iter().count(), 2);
        let refused = |clients: [Client; 2]| Clients::new(clients).unwrap_err();
        assert_eq!(refused([client("a"), client("a")]), RegistrationError::Twice("a".to_owned()));
        assert_eq!(refused([client("a"), client("b c")]), RegistrationError::Id("b c".to_owned()));
        let nowhere = Client::new("n", SecretHash::of("x"), vec![]);
        assert_eq!(refused([client("a"), nowhere]), RegistrationError::NoRedirectUri("n".to_owned()));
    }
}
