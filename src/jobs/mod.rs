//! What runs beside the requests: loops around decisions that are made elsewhere.

mod expiry;
mod metadata;
mod purge;

pub use expiry::{Alarms, Trusted, Watched, watch_expiry};
pub use metadata::Metadata;
pub use purge::purge;
