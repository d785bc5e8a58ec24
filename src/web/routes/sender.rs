//! Which key the sender of a request shows: by a DPoP proof in its header (RFC 9449), or by the certificate with which
//! it speaks TLS (RFC 8705).

use axum::extract::Request;
use axum::http::HeaderMap;

use super::client::{ClientRefusal, store_refusal};
use crate::login::Failure;
use crate::oidc::client::BoundTokens;
use crate::oidc::dpop::{self, Fault, Proof, Sent};
use crate::oidc::token::TokenError;
use crate::oidc::userinfo::{self, Scheme, UserinfoError};
use crate::oidc::{AccessToken, Client, Confirmation, OAuthError};
use crate::store::{StoreError, Use};
use crate::web::services::Services;

/// What a request says of the key of its sender. Nothing of it is believed yet.
pub(super) struct Sender {
    method: String,
    /// As in discovery.
    path: &'static str,
    proof: Result<String, Fault>,
    /// The hash of the certificate by which it speaks TLS.
    certificate: Option<String>,
}

impl Sender {
    /// The sender of a request to the endpoint at `path`.
    pub(super) fn of(services: &Services, request: &Request, path: &'static str) -> Self {
        let certificate = services.certificate(request).map(|certificate| certificate.thumbprint());
        let (method, proof) = (request.method().as_str().to_owned(), proof(request.headers()));
        Self { method, path, proof, certificate }
    }

    /// The proof, which is good unless it was used before.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub(super) fn proof(&self, services: &Services, access_token: Option<&str>) -> Result<Proof, Fault> {
        let proof = self.proof.as_ref().map_err(|fault| *fault)?;
        let addresses = services.addresses(self.path);
        let (method, now) = (self.method.as_str(), services.now());
        dpop::judge(proof, &Sent { method, addresses: &addresses, access_token, now })
    }

    /// What the tokens of `client` are bound to from now on, or the code that it asks for. It must show that the
    /// key is its own.
    ///
    /// # Errors
    /// `invalid_dpop_proof`.
    pub(super) async fn confirmation(
        &self,
        services: &Services,
        client: &Client,
        failure: Failure,
    ) -> Result<Option<Confirmation>, ClientRefusal> {
        let refused =
            |fault: Fault| (failure, TokenError::new(OAuthError::InvalidDpopProof, &fault.to_string()));
        match client.bound_tokens {
            BoundTokens::None => Ok(None),
            BoundTokens::Mtls => match &self.certificate {
                Some(hash) => Ok(Some(Confirmation::X5tS256(hash.clone()))),
                None => {
                    let message = "a client certificate is needed, to which the token is bound";
                    Err((failure, TokenError::new(OAuthError::InvalidRequest, message)))
                }
            },
            BoundTokens::Dpop => {
                let proof = self.proof(services, None).map_err(refused)?;
                if !is_fresh(services, &proof).await.map_err(|error| store_refusal(&error))? {
                    return Err(refused(Fault::Replayed));
                }
                Ok(Some(Confirmation::Jkt(proof.thumbprint)))
            }
        }
    }

    /// Makes sure that whoever presents `word`, which stands for `token`, has the key that it is bound to.
    ///
    /// # Errors
    /// If that was not shown.
    pub(super) async fn holds(
        &self,
        services: &Services,
        token: &AccessToken,
        scheme: Scheme,
        word: &str,
    ) -> Result<(), (Failure, UserinfoError)> {
        let refused = |error| (Failure::AccessTokenRefused, error);
        let proof = match scheme {
            Scheme::Dpop => Some(self.proof(services, Some(word))),
            Scheme::Bearer => None,
        };
        let proof = proof.transpose().map_err(|fault| refused(UserinfoError::Proof(fault)))?;
        let proved = proof.as_ref().map(|proof| proof.thumbprint.as_str());
        let certificate = self.certificate.as_deref();
        userinfo::held(token.confirmation.as_ref(), scheme, proved, certificate).map_err(refused)?;
        // Last, so that only who has a token and its key makes us remember anything.
        let Some(proof) = proof else { return Ok(()) };
        match is_fresh(services, &proof).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(refused(UserinfoError::Proof(Fault::Replayed))),
            Err(error) => Err((store_refusal(&error).0, UserinfoError::Unavailable)),
        }
    }

    /// Whether a proof came along, good or bad.
    pub(super) fn shows_a_proof(&self) -> bool {
        self.proof != Err(Fault::Missing)
    }
}

/// Notes the proof as used, on all instances; of all who send it, one is the first.
pub(super) async fn is_fresh(services: &Services, proof: &Proof) -> Result<bool, StoreError> {
    let used = services.store.use_once(&proof.once.hash, proof.once.until, services.now()).await?;
    Ok(used == Use::First)
}

fn proof(headers: &HeaderMap) -> Result<String, Fault> {
    let mut proofs = headers.get_all("dpop").into_iter();
    match (proofs.next(), proofs.next()) {
        (None, _) => Err(Fault::Missing),
        (Some(one), None) => one.to_str().map(str::to_owned).map_err(|_| Fault::Malformed),
        (Some(_), Some(_)) => Err(Fault::Several),
    }
}
