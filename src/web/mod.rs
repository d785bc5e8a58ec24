//! What browsers and brokers see: HTTP in, HTTP out. Extract, call, save, render; what is decided is decided
//! in `oidc`, `eidas` and `login`. It never sees XML.
//!
//! [`router()`] has every route. Cookies are in `cookie`, the headers that every answer carries in `answer`,
//! the ways a failure is told to the citizen, the broker, the log and the audit in `trouble`.

mod answer;
mod client_certificate;
mod client_keys;
mod cookie;
mod crowd;
mod form;
mod guesses;
mod ourselves;
pub mod pages;
mod router;
mod routes;
mod services;
mod text;
mod trouble;

pub use client_certificate::{CertificateHeader, HeaderForm};
pub use client_keys::KeySources;
pub use router::{metrics, router};
pub use services::{OutOfTurn, Parts, Services};
