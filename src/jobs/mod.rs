//! What runs beside the requests: loops around decisions that are made elsewhere.

mod expiry;
mod metadata;
mod purge;

pub use expiry::{Alarms, Trusted, Watched, watch_expiry};
pub use metadata::{Fetch, Keeper, Sources, Surroundings};
pub use purge::purge;
