//! Logout at the wish of a relying party (OpenID Connect RP-Initiated Logout 1.0).
//!
//! A token of ours says which session is meant; without one only the person can. An address to go to afterwards
//! counts if the client has registered exactly that one.

use serde_json::Value;

use super::{Clients, Issuer, SigningKeys, form};
use crate::crypto::jose;
use crate::secret::Personal;

/// A request that passed every rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    /// The client that asks, if it says so.
    pub client_id: Option<String>,
    /// What the ID token says that came with it.
    pub hint: Option<Hint>,
    /// Where the browser goes afterwards: a registered address, with `state` if there was one.
    pub location: Option<String>,
}

/// An ID token of ours that says who is to be logged out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// Whom it was issued to.
    pub client_id: String,
    /// Whom it is about.
    pub sub: Personal<String>,
    /// The session, if it was issued in one.
    pub sid: Option<String>,
}

/// Whether the person has to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A token of ours names the session, and it is no other than that of this browser.
    End,
    /// Anybody could have sent the browser here.
    Ask,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogoutRefusal {
    /// A parameter is there twice.
    #[error("a parameter is repeated")]
    Repeated,
    /// The hint is encrypted, and we keep no key that opens it.
    #[error("id_token_hint is encrypted: send the signed token that is inside")]
    HintEncrypted,
    /// The hint is no ID token that a key of ours has signed.
    #[error("id_token_hint is no ID token of this provider")]
    HintForged,
    /// No such client.
    #[error("client_id is unknown")]
    ClientUnknown,
    /// `client_id` is not the one that the token was issued to.
    #[error("id_token_hint was issued to another client")]
    ClientOther,
    /// There is an address and no client whose it could be.
    #[error("post_logout_redirect_uri needs id_token_hint or client_id")]
    ClientMissing,
    /// The address is not registered.
    #[error("post_logout_redirect_uri is not registered for this client")]
    AddressUnregistered,
    /// `state` is too long.
    #[error("state is longer than 2048 octets")]
    StateLong,
}

impl LogoutRefusal {
    /// A stable word for log and audit.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Repeated => "parameter_repeated",
            Self::HintEncrypted => "id_token_hint_encrypted",
            Self::HintForged => "id_token_hint_forged",
            Self::ClientUnknown => "client_unknown",
            Self::ClientOther => "client_other",
            Self::ClientMissing => "client_missing",
            Self::AddressUnregistered => "post_logout_redirect_uri_unregistered",
            Self::StateLong => "state_long",
        }
    }
}

/// Reads a request, as decoded from the query or form.
///
/// # Errors
/// The first rule that it breaks. Nothing is ended then, and nobody is sent anywhere.
pub fn check(
    parameters: &[(String, String)],
    clients: &Clients,
    keys: &SigningKeys,
    issuer: &Issuer,
) -> Result<LogoutRequest, LogoutRefusal> {
    form::unrepeated(parameters, &KNOWN).map_err(|_| LogoutRefusal::Repeated)?;
    let hint = form::one(parameters, "id_token_hint").map(|token| read_hint(token, keys, issuer));
    let hint = hint.transpose()?;
    let client_id = the_client(form::one(parameters, "client_id"), hint.as_ref(), clients)?;
    let location = the_address_is_registered(parameters, client_id.as_deref(), clients)?;
    Ok(LogoutRequest { client_id, hint, location })
}

impl LogoutRequest {
    /// Whether the person has to be asked: `own` is the `sid` of the session that this browser has with the
    /// client (§2: asked without a hint, or if the hint is not about the session that is there).
    #[must_use]
    pub fn judge(&self, own: Option<&str>) -> Verdict {
        match (&self.hint, own) {
            (None, _) => Verdict::Ask,
            (Some(_), None) => Verdict::End,
            (Some(hint), Some(own)) if hint.sid.as_deref() == Some(own) => Verdict::End,
            (Some(_), Some(_)) => Verdict::Ask,
        }
    }
}

/// It may have expired (§4). Only an ID token says for whom it is in `azp` and has the hash of an access token:
/// nothing else that we sign passes for one.
///
/// # Errors
/// [`LogoutRefusal::HintEncrypted`] or [`LogoutRefusal::HintForged`].
pub fn read_hint(token: &str, keys: &SigningKeys, issuer: &Issuer) -> Result<Hint, LogoutRefusal> {
    if token.split('.').count() == 5 {
        return Err(LogoutRefusal::HintEncrypted);
    }
    let claims =
        jose::verify(token, &keys.jwks(), &keys.algorithms()).map_err(|_| LogoutRefusal::HintForged)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let is_ours = text("iss") == Some(issuer.as_str()) && text("at_hash").is_some();
    let client_id = text("aud").filter(|client| is_ours && text("azp") == Some(client));
    let (client_id, sub) = client_id.zip(text("sub")).ok_or(LogoutRefusal::HintForged)?;
    let (client_id, sub) = (client_id.to_owned(), Personal::new(sub.to_owned()));
    Ok(Hint { client_id, sub, sid: text("sid").map(str::to_owned) })
}

fn the_client(
    named: Option<&str>,
    hint: Option<&Hint>,
    clients: &Clients,
) -> Result<Option<String>, LogoutRefusal> {
    let of_hint = hint.map(|hint| hint.client_id.as_str());
    if named.is_some_and(|named| of_hint.is_some_and(|of_hint| of_hint != named)) {
        return Err(LogoutRefusal::ClientOther);
    }
    match of_hint.or(named) {
        Some(client) if clients.lookup(client).is_none() => Err(LogoutRefusal::ClientUnknown),
        client => Ok(client.map(str::to_owned)),
    }
}

/// Compared octet by octet (§3). Without an address, `state` has nowhere to go.
fn the_address_is_registered(
    parameters: &[(String, String)],
    client_id: Option<&str>,
    clients: &Clients,
) -> Result<Option<String>, LogoutRefusal> {
    let state = form::one(parameters, "state");
    if state.is_some_and(|state| state.len() > MAX_STATE) {
        return Err(LogoutRefusal::StateLong);
    }
    let Some(address) = form::one(parameters, "post_logout_redirect_uri") else { return Ok(None) };
    let client = client_id.and_then(|client| clients.lookup(client)).ok_or(LogoutRefusal::ClientMissing)?;
    if !client.post_logout_redirect_uris.iter().any(|registered| registered.as_str() == address) {
        return Err(LogoutRefusal::AddressUnregistered);
    }
    let state: Vec<_> = state.map(|state| ("state", state)).into_iter().collect();
    Ok(Some(form::with_query(address, &state)))
}

/// The parameters of §2 that we read, none of which may be there twice.
pub const KNOWN: [&str; 4] = ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"];

const MAX_STATE: usize = 2048;

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::crypto::jose::{JwsAlgorithm, JwsKey};
    use crate::oidc::test_support::{client, issuer};
    use crate::oidc::{Client, RedirectUri};

    const AFTER: &str = "https://rp.example/after?x=1";

    struct Provider {
        keys: SigningKeys,
        clients: Clients,
    }

    impl Provider {
        fn new() -> Self {
            let keys = SigningKeys::new(vec![JwsKey::generate(JwsAlgorithm::RS256).unwrap()]).unwrap();
            let after = vec![RedirectUri::register(AFTER).unwrap()];
            let client = Client { post_logout_redirect_uris: after, ..client() };
            let other = Client { id: "other".to_owned(), ..client.clone() };
            Self { keys, clients: Clients::new([client, other]).unwrap() }
        }

        fn token(&self, change: impl FnOnce(&mut Map<String, Value>)) -> String {
            let claims = json!({
                "iss": issuer().as_str(), "sub": "s", "aud": "kc", "azp": "kc", "sid": "S",
                "at_hash": "h", "exp": 1,
            });
            let Value::Object(mut claims) = claims else { panic!("no object") };
            change(&mut claims);
            self.keys.for_algorithm(JwsAlgorithm::RS256).unwrap().sign("JWT", &claims).unwrap()
        }

        fn check(&self, parameters: &[(&str, &str)]) -> Result<LogoutRequest, LogoutRefusal> {
            let pairs: Vec<_> = parameters.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
            check(&pairs, &self.clients, &self.keys, &issuer())
        }
    }

    #[test]
    fn a_hint_that_has_expired_is_as_good_as_a_new_one() {
        let provider = Provider::new();
        let token = provider.token(|_| ());
        let request = provider
            .check(&[("id_token_hint", &token), ("post_logout_redirect_uri", AFTER), ("state", "a b")])
            .unwrap();
        let (sub, sid) = (Personal::new("s".to_owned()), Some("S".to_owned()));
        let hint = Hint { client_id: "kc".to_owned(), sub, sid };
        assert_eq!(request.hint, Some(hint));
        assert_eq!(request.client_id.as_deref(), Some("kc"));
        assert_eq!(request.location.as_deref(), Some("https://rp.example/after?x=1&state=a%20b"));
    }

    #[test]
    fn a_hint_is_an_id_token_of_ours_and_nothing_else() {
        let provider = Provider::new();
        let refused = |token: &str| provider.check(&[("id_token_hint", token)]).unwrap_err();
        let changes: [fn(&mut Map<String, Value>); 5] = [
            |claims| drop(claims.insert("iss".to_owned(), "https://other.example".into())),
            |claims| drop(claims.remove("sub")),
            |claims| drop(claims.remove("azp")),
            |claims| drop(claims.insert("azp".to_owned(), "other".into())),
            |claims| drop(claims.remove("at_hash")),
        ];
        for (n, change) in changes.into_iter().enumerate() {
            assert_eq!(refused(&provider.token(change)), LogoutRefusal::HintForged, "{n}");
        }
        let foreign = Provider::new().token(|_| ());
        assert_eq!(refused(&foreign), LogoutRefusal::HintForged);
        assert_eq!(refused("x"), LogoutRefusal::HintForged);
        assert_eq!(refused("a.b.c.d.e"), LogoutRefusal::HintEncrypted);
    }

    #[test]
    fn hint_and_client_say_the_same() {
        let provider = Provider::new();
        let token = provider.token(|_| ());
        let with = |client| provider.check(&[("id_token_hint", &token), ("client_id", client)]);
        assert_eq!(with("kc").unwrap().client_id.as_deref(), Some("kc"));
        assert_eq!(with("other").unwrap_err(), LogoutRefusal::ClientOther);
        assert_eq!(provider.check(&[("client_id", "nobody")]).unwrap_err(), LogoutRefusal::ClientUnknown);
        let gone = provider.token(|claims| {
            claims.insert("aud".to_owned(), "nobody".into());
            claims.insert("azp".to_owned(), "nobody".into());
        });
        let refused = provider.check(&[("id_token_hint", &gone)]).unwrap_err();
        assert_eq!(refused, LogoutRefusal::ClientUnknown);
    }

    #[test]
    fn an_address_is_registered_to_the_octet() {
        let provider = Provider::new();
        let to = |address| provider.check(&[("client_id", "kc"), ("post_logout_redirect_uri", address)]);
        assert_eq!(to(AFTER).unwrap().location.as_deref(), Some(AFTER));
        for other in ["https://rp.example/after", "https://rp.example/after?x=1&y=2", "https://evil.example/"]
        {
            assert_eq!(to(other).unwrap_err(), LogoutRefusal::AddressUnregistered, "{other}");
        }
        let nobodys = provider.check(&[("post_logout_redirect_uri", AFTER)]).unwrap_err();
        assert_eq!(nobodys, LogoutRefusal::ClientMissing);
    }

    #[test]
    fn parameters_are_there_once_and_short() {
        let provider = Provider::new();
        for name in KNOWN {
            assert_eq!(provider.check(&[(name, "a"), (name, "b")]).unwrap_err(), LogoutRefusal::Repeated);
        }
        let long = "s".repeat(2049);
        assert_eq!(provider.check(&[("state", &long)]).unwrap_err(), LogoutRefusal::StateLong);
        assert_eq!(provider.check(&[("state", &long[1..]), ("ui_locales", "de")]).unwrap().location, None);
    }

    #[test]
    fn the_person_is_asked_unless_a_token_names_the_session() {
        let provider = Provider::new();
        let token = provider.token(|_| ());
        let hinted = provider.check(&[("id_token_hint", &token)]).unwrap();
        assert_eq!(hinted.judge(None), Verdict::End);
        assert_eq!(hinted.judge(Some("S")), Verdict::End);
        assert_eq!(hinted.judge(Some("T")), Verdict::Ask);
        let unhinted = provider.check(&[("client_id", "kc")]).unwrap();
        assert_eq!(unhinted.judge(None), Verdict::Ask);
        assert_eq!(unhinted.judge(Some("S")), Verdict::Ask);
        let without = provider.token(|claims| drop(claims.remove("sid")));
        let without = provider.check(&[("id_token_hint", &without)]).unwrap();
        assert_eq!(without.judge(Some("S")), Verdict::Ask);
    }
}
