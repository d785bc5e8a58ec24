//! The composition root: from a configuration to running parts. The only place that knows everything.

mod logging;
mod server;

pub use server::Server;
