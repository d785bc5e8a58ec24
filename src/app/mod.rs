//! The composition root: from a configuration to running parts. The only place that knows everything.

pub mod countries;
mod demo;
pub mod doctor;
mod gateway;
mod health;
mod live;
mod logging;
mod monitor;
mod reload;
mod server;
mod tls;

pub use demo::{Demo, DemoError, demo};
pub use gateway::{Gateway, ServeError, fetcher, key_fetcher, serve};
pub use health::{Unwell, health};
pub use server::Server;
pub use tls::tls;
