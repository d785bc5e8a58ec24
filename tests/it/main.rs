//! Integration tests, in one binary: the whole gateway driven from outside, and the rules of messages,
//! metadata and trust with documents made for them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod attacks;
mod cef;
mod login;
mod published;
mod request;
mod sec;
mod stage;
mod support;
mod trust;
