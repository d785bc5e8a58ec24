//! DPoP proofs (RFC 9449 §4): a JWT by which whoever sends a request shows that a key is theirs. Tokens are bound
//! to that key, so that a stolen one is of no use.
//!
//! [`judge`] runs the table of [`RULES`] (§4.3). That a proof counts once is for the store to decide. Nonces of
//! the server (§8) are not asked for: a proof lives for a minute, and counts once on all instances.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::numeric_date;
use super::once::Once;
use crate::clock::Timestamp;
use crate::crypto::hash;
use crate::crypto::jose::{self, JwsAlgorithm};

/// What a proof may be signed with (FAPI 2.0 Security Profile §5.4.1, and the longer curves).
pub const ALGORITHMS: [JwsAlgorithm; 5] =
    [JwsAlgorithm::PS256, JwsAlgorithm::ES256, JwsAlgorithm::ES384, JwsAlgorithm::ES512, JwsAlgorithm::EdDSA];

/// The request that a proof came with.
#[derive(Clone, Copy, Debug)]
pub struct Sent<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its address, as clients know it: from the configuration, without query.
    pub addresses: &'a [String],
    /// The access token that it presents.
    pub access_token: Option<&'a str>,
    /// When it came.
    pub now: Timestamp,
}

/// A proof that is in order, if it was not used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The RFC 7638 thumbprint of the key.
    pub thumbprint: String,
    /// The word that must be noted as used, in the store, before the proof counts.
    pub once: Once,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// There is none.
    #[error("a DPoP proof is needed")]
    Missing,
    /// There are several.
    #[error("there is more than one DPoP proof")]
    Several,
    /// Not a compact JWS of JSON objects, or too long.
    #[error("the DPoP proof is malformed")]
    Malformed,
    /// `typ` is not `dpop+jwt`.
    #[error("typ of the DPoP proof is not dpop+jwt")]
    Type,
    /// `alg` is not on the list.
    #[error("alg of the DPoP proof is not supported")]
    Algorithm,
    /// No `jwk`, or one that is not a public key for `alg`.
    #[error("jwk of the DPoP proof is not a public key")]
    Key,
    /// The signature does not verify.
    #[error("the signature of the DPoP proof does not verify")]
    Signature,
    /// `htm` is another method.
    #[error("htm of the DPoP proof is not the method of the request")]
    Method,
    /// `htu` is another address.
    #[error("htu of the DPoP proof is not the address of the request")]
    Address,
    /// `iat` is missing, or no number.
    #[error("iat of the DPoP proof is missing")]
    TimeMissing,
    /// A time is not a number.
    #[error("a time in the DPoP proof is not a number")]
    Time,
    /// `iat` is too long ago.
    #[error("the DPoP proof is too old")]
    Old,
    /// `iat` or `nbf` lies in the future.
    #[error("the DPoP proof is not valid yet")]
    Early,
    /// `exp` is past.
    #[error("the DPoP proof has expired")]
    Expired,
    /// No `jti`, or one that is too long.
    #[error("jti of the DPoP proof must have 1 to 255 octets")]
    Identifier,
    /// `ath` is not the hash of the access token.
    #[error("ath of the DPoP proof does not belong to the access token")]
    Token,
    /// The proof is good, but of another key than the one that the token or the code is bound to.
    #[error("the DPoP proof is of another key")]
    OtherKey,
    /// It was used before.
    #[error("the DPoP proof was used before")]
    Replayed,
}

/// Runs the table over a proof.
///
/// # Errors
/// The first rule that it breaks.
pub fn judge(proof: &str, sent: &Sent<'_>) -> Result<Proof, Fault> {
    let judged = Judged::read(proof, sent).ok_or(Fault::Malformed)?;
    RULES.iter().try_for_each(|rule| rule(&judged))?;
    let (jti, iat) = (judged.text("jti").ok_or(Fault::Identifier)?, judged.time("iat")?);
    let thumbprint = jose::thumbprint(judged.key()?).ok_or(Fault::Key)?;
    let until = Timestamp::from_unix(iat.ok_or(Fault::TimeMissing)?) + LIFE + Duration::from_secs(1);
    Ok(Proof { once: Once::of("dpop", &thumbprint, jti, until), thumbprint })
}

/// A proof taken apart, nothing of it believed yet, and what it is measured by.
struct Judged<'a> {
    proof: &'a str,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    sent: &'a Sent<'a>,
    /// In seconds.
    now: i64,
}

impl<'a> Judged<'a> {
    fn read(proof: &'a str, sent: &'a Sent<'a>) -> Option<Self> {
        let mut parts = proof.split('.').filter(|_| proof.len() <= MAX_LENGTH);
        let mut object = || serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok();
        let (header, claims) = (object()?, object()?);
        Some(Self { proof, header, claims, sent, now: sent.now.unix() })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    fn algorithm(&self) -> Result<JwsAlgorithm, Fault> {
        let name = self.header.get("alg").and_then(Value::as_str);
        let known = name.and_then(JwsAlgorithm::from_name).filter(|known| ALGORITHMS.contains(known));
        known.ok_or(Fault::Algorithm)
    }

    fn key(&self) -> Result<&Value, Fault> {
        self.header.get("jwk").ok_or(Fault::Key)
    }

    /// In seconds.
    fn time(&self, name: &str) -> Result<Option<i64>, Fault> {
        numeric_date::read(&self.claims, name).map_err(|_| Fault::Time)
    }
}

type Rule = fn(&Judged<'_>) -> Result<(), Fault>;

/// The rules, in order.
const RULES: &[Rule] = &[
    it_is_a_dpop_proof,
    its_algorithm_is_on_the_list,
    its_key_is_public,
    its_key_signed_it,
    it_is_for_this_method,
    it_is_for_this_address,
    it_was_made_just_now,
    it_is_valid_already,
    it_has_not_expired,
    it_has_an_identifier,
    it_is_for_this_token,
];

fn it_is_a_dpop_proof(judged: &Judged<'_>) -> Result<(), Fault> {
    match judged.header.get("typ").and_then(Value::as_str) {
        Some("dpop+jwt") => Ok(()),
        _ => Err(Fault::Type),
    }
}

fn its_algorithm_is_on_the_list(judged: &Judged<'_>) -> Result<(), Fault> {
    judged.algorithm().map(|_| ())
}

fn its_key_is_public(judged: &Judged<'_>) -> Result<(), Fault> {
    if jose::is_public_key_for(judged.key()?, judged.algorithm()?) { Ok(()) } else { Err(Fault::Key) }
}

fn its_key_signed_it(judged: &Judged<'_>) -> Result<(), Fault> {
    let verified = jose::verify_with(judged.proof, judged.key()?, judged.algorithm()?);
    verified.map(|_| ()).map_err(|_| Fault::Signature)
}

fn it_is_for_this_method(judged: &Judged<'_>) -> Result<(), Fault> {
    if judged.text("htm") == Some(judged.sent.method) { Ok(()) } else { Err(Fault::Method) }
}

fn it_is_for_this_address(judged: &Judged<'_>) -> Result<(), Fault> {
    let address = judged.text("htu").and_then(plain).ok_or(Fault::Address)?;
    let ours = judged.sent.addresses.iter().any(|ours| plain(ours).as_ref() == Some(&address));
    if ours { Ok(()) } else { Err(Fault::Address) }
}

/// An address without query and fragment (RFC 9449 §4.3), its scheme and host in lower case and without the port
/// that https has anyway (RFC 3986 §6.2).
fn plain(address: &str) -> Option<String> {
    let address = address.split(['?', '#']).next()?;
    let (scheme, rest) = address.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (scheme, mut authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
    let usual = if scheme == "https" { ":443" } else { ":80" };
    if let Some(host) = authority.strip_suffix(usual) {
        authority = host.to_owned();
    }
    Some(format!("{scheme}://{authority}{path}"))
}

fn it_was_made_just_now(judged: &Judged<'_>) -> Result<(), Fault> {
    let life = i64::try_from(LIFE.as_secs()).unwrap_or(i64::MAX);
    match judged.time("iat")? {
        None => Err(Fault::TimeMissing),
        Some(iat) if iat > judged.now + LEEWAY => Err(Fault::Early),
        Some(iat) if iat < judged.now - life => Err(Fault::Old),
        Some(_) => Ok(()),
    }
}

fn it_is_valid_already(judged: &Judged<'_>) -> Result<(), Fault> {
    match judged.time("nbf")? {
        Some(nbf) if nbf > judged.now + LEEWAY => Err(Fault::Early),
        _ => Ok(()),
    }
}

fn it_has_not_expired(judged: &Judged<'_>) -> Result<(), Fault> {
    match judged.time("exp")? {
        Some(exp) if exp + LEEWAY <= judged.now => Err(Fault::Expired),
        _ => Ok(()),
    }
}

fn it_has_an_identifier(judged: &Judged<'_>) -> Result<(), Fault> {
    match judged.text("jti") {
        Some(jti) if (1..=255).contains(&jti.len()) => Ok(()),
        _ => Err(Fault::Identifier),
    }
}

fn it_is_for_this_token(judged: &Judged<'_>) -> Result<(), Fault> {
    let Some(token) = judged.sent.access_token else { return Ok(()) };
    let expected = URL_SAFE_NO_PAD.encode(hash::sha256(token.as_bytes()));
    if judged.text("ath") == Some(&expected) { Ok(()) } else { Err(Fault::Token) }
}

/// Whether a text can be a thumbprint: the SHA-256 of something in base64url (RFC 9449 §10).
#[must_use]
pub fn is_thumbprint(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|octets| octets.len() == 32)
}

/// How far clocks may be apart, in seconds (FAPI 2.0 Security Profile §5.3.2.1: ten at least, sixty at most).
const LEEWAY: i64 = 10;
/// How long a proof lives: the other clock may be behind by ten seconds, and the way may be slow.
const LIFE: Duration = Duration::from_secs(60);
/// More than any proof needs.
const MAX_LENGTH: usize = 8 * 1024;

#[cfg(test)]
mod tests;
