//! Tests of the whole gateway, driven from outside: requests in, answers out, in one process.

mod login;
mod support;
//! Integration tests, in one binary.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod attacks;
mod cef;
mod metadata;
mod sec;
mod stage;
mod cli;
