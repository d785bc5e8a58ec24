//! The composition root: from a configuration to running parts. The only place that knows everything.

mod demo;
mod gateway;
mod logging;
mod monitor;
mod server;
mod tls;

pub use demo::{Demo, DemoError, demo};
pub use gateway::{ServeError, fetcher, serve};
pub use server::Server;
pub use tls::tls;
