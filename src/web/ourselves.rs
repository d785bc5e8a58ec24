//! The eIDAS-Connector that we are at this moment, and our metadata as it is published.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::http::header::{IF_MODIFIED_SINCE, IF_NONE_MATCH};

use crate::clock::Timestamp;
use crate::eidas::metadata::{self, VALID_FOR};
use crate::eidas::{Connector, Rollover};
use crate::ids::{self, Random};
use crate::login::Failure;

/// Keeps what follows from our keys and the clock until one of them moves on.
pub(super) struct Ourselves(Mutex<Kept>);

struct Kept {
    rollover: Arc<Rollover>,
    connector: Arc<Connector>,
    /// While the clock is in here, `connector` is right.
    from: Timestamp,
    until: Option<Timestamp>,
    published: Option<Arc<Published>>,
}

/// Our signed metadata.
pub(super) struct Published {
    pub(super) xml: Bytes,
    /// Names this very document; quoted, as in the header.
    pub(super) etag: String,
    /// When it was signed, as in the header.
    pub(super) last_modified: String,
    signed: Timestamp,
    renew_at: Timestamp,
}

impl Ourselves {
    pub(super) fn new(rollover: Rollover, now: Timestamp) -> Self {
        Self(Mutex::new(Kept::new(Arc::new(rollover), now)))
    }

    pub(super) fn replace(&self, rollover: Rollover, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Kept::new(Arc::new(rollover), now);
    }

    pub(super) fn rollover(&self) -> Arc<Rollover> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner).rollover)
    }

    /// Ourselves at `now`.
    pub(super) fn connector(&self, now: Timestamp) -> Arc<Connector> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.move_to(now);
        Arc::clone(&kept.connector)
    }

    /// Our metadata at `now`, no older than half of its validity and never with other keys than those of
    /// this moment.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub(super) fn metadata(&self, now: Timestamp, random: &dyn Random) -> Result<Arc<Published>, Failure> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.move_to(now);
        let fresh = |published: &&Arc<Published>| (published.signed..published.renew_at).contains(&now);
        if let Some(published) = kept.published.as_ref().filter(fresh) {
            return Ok(Arc::clone(published));
        }
        let xml =
            metadata::publish(&kept.connector, VALID_FOR, now, random).map_err(|_| Failure::KeyUnusable)?;
        let published = Arc::new(Published {
            xml: Bytes::from(xml),
            etag: format!("\"{}\"", ids::handle(random)),
            last_modified: now.http_date(),
            signed: now,
            renew_at: now + VALID_FOR / 2,
        });
        kept.published = Some(Arc::clone(&published));
        Ok(published)
    }
}

impl Kept {
    fn new(rollover: Arc<Rollover>, now: Timestamp) -> Self {
        let (connector, until) = (Arc::new(rollover.at(now)), rollover.next_change(now));
        Self { rollover, connector, from: now, until, published: None }
    }

    fn move_to(&mut self, now: Timestamp) {
        if now < self.from || self.until.is_some_and(|until| until <= now) {
            *self = Self::new(Arc::clone(&self.rollover), now);
        }
    }
}

impl Published {
    /// Whether somebody who sends `headers` has this document (RFC 9110 §13.1.2, §13.1.3; dates are compared
    /// as text, since only we make them).
    pub(super) fn is_what(&self, headers: &HeaderMap) -> bool {
        let header = |name| headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let mut named = header(IF_NONE_MATCH).peekable();
        if named.peek().is_none() {
            return header(IF_MODIFIED_SINCE).any(|since| since == self.last_modified);
        }
        let weak = |tag: &str| tag.trim().trim_start_matches("W/") == self.etag || tag.trim() == "*";
        named.flat_map(|list| list.split(',')).any(weak)
    }
}
