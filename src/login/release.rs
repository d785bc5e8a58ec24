//! Step 9: the claims become a grant, sealed under a code that goes to the broker.

use super::answer::Normalised;
use super::choose::Login;
use super::failure::Failure;
use super::policy::{self, ClientPolicy};
use super::vault::{self, Purpose};
use crate::ids::{self, Random};
use crate::oidc::{AuthorizationResponse, Grant, Issuer};

/// A code has been made. Once the store has it, the login is over.
#[derive(Clone)]
pub struct CodeIssued {
    /// What the store keeps of the code.
    pub code_hash: [u8; 32],
    /// The grant, sealed under the code.
    pub sealed: Vec<u8>,
    /// What the broker gets, by way of the browser: the code.
    pub response: AuthorizationResponse,
}

impl std::fmt::Debug for CodeIssued {
    /// Without the response: it holds the code.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CodeIssued")
    }
}

impl Normalised {
    /// Makes the code. The level is compared with the request once more, because this is the last moment
    /// at which it can be (SEC-32). `sid` names the session that begins with it, or that it is from.
    ///
    /// # Errors
    /// [`Failure::LevelTooLow`].
    pub fn release(
        self,
        login: &Login,
        policy: &ClientPolicy,
        issuer: &Issuer,
        sid: Option<&str>,
        random: &dyn Random,
    ) -> Result<CodeIssued, Failure> {
        let request = &login.request;
        let acr = policy::acr(policy, &request.acr, &self.level)?;
        let grant = Grant {
            client_id: request.client_id.clone(),
            redirect_uri: request.redirect_uri.clone(),
            code_challenge: request.code_challenge.clone(),
            dpop_jkt: request.dpop_jkt.clone(),
            nonce: request.nonce.clone(),
            scope: request.scope.clone(),
            sub: self.sub,
            auth_time: self.auth_time,
            acr,
            amr: if policy.amr { vec![AMR.to_owned()] } else { Vec::new() },
            txn: Some(self.txn),
            sid: sid.map(str::to_owned),
            id_token_claims: self.id_token,
            userinfo_claims: self.userinfo,
        };
        let code = ids::token(random);
        Ok(CodeIssued {
            code_hash: vault::digest(&code),
            sealed: vault::seal(&code, Purpose::Code, &grant, random),
            response: request.success(&code, issuer),
        })
    }
}

/// Not registered for RFC 8176, which has no word for a notified eID of another country.
const AMR: &str = "eidas";
