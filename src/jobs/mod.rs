//! What runs beside the requests: loops around decisions that are made elsewhere.

mod metadata;
mod purge;

pub use metadata::Metadata;
pub use purge::purge;
