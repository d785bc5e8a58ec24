//! Authorization requests that a client has signed (RFC 9101).

use std::sync::Arc;

use serde_json::Value;

use crate::oidc::Client;
use crate::oidc::authorize;
use crate::oidc::request_object::{self, Fault, Refused, RequestObject};
use crate::store::{StoreError, Use};
use crate::web::services::Services;

/// The request object among `parameters`, if there is one and `client` may sign; once more with keys fetched anew,
/// if it was signed with one that we do not know. An object with an identifier is used up by this.
///
/// # Errors
/// If the store does not answer.
pub(super) async fn open(
    services: &Services,
    client: &Client,
    parameters: &[(String, String)],
) -> Result<Option<Result<RequestObject, Refused>>, StoreError> {
    let Some((object, algorithm)) = authorize::request_object(parameters, client) else { return Ok(None) };
    let now = services.now();
    let judge = |keys: Option<Arc<Value>>| {
        request_object::judge(object, client, algorithm, keys.as_deref(), &services.issuer, now)
    };
    let judged = match judge(services.client_keys(client).await) {
        Err(refused) if refused.fault == Fault::UnknownKey => {
            judge(services.client_keys_afresh(client).await)
        }
        judged => judged,
    };
    let object = match judged {
        Ok(object) => object,
        Err(refused) => return Ok(Some(Err(refused))),
    };
    if let Some(once) = &object.once
        && services.store.use_once(&once.hash, once.until, now).await? == Use::Again
    {
        let refused = Refused { fault: Fault::Replayed, parameters: Some(object.parameters) };
        return Ok(Some(Err(refused)));
    }
    Ok(Some(Ok(object)))
}
