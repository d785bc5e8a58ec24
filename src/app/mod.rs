//! The composition root: from a configuration to running parts. The only place that knows everything.

pub mod countries;
mod demo;
pub mod doctor;
mod gateway;
mod health;
mod live;
mod logging;
mod monitor;
mod new_file;
pub mod registry;
mod reload;
mod server;
mod tls;
mod token_keys;

pub use demo::{Demo, DemoError, demo};
pub use gateway::{Gateway, ServeError, fetcher, key_fetcher, serve};
pub use health::{Unwell, health};
pub use new_file::{new_file, replace_file};
pub use server::Server;
pub use tls::{Tls, tls};
pub use token_keys::{RotateError, rotate_token_keys};
