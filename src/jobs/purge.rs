//! Removes from the store what has expired. Expired rows are never used, whether this has run or not; it
//! keeps the database small, and personal data (sealed) no longer than needed.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::store::Store;

/// Purges the store every [`INTERVAL`], until dropped.
pub async fn purge(store: Arc<dyn Store>, clock: Arc<dyn Clock>) {
    loop {
        tokio::time::sleep(INTERVAL).await;
        if let Err(error) = store.purge(clock.now()).await {
            tracing::error!(%error, "expired logins could not be removed");
        }
    }
}

/// How often expired rows are removed.
const INTERVAL: Duration = Duration::from_secs(30);
