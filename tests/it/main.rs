//! Integration tests, in one binary: rules judged from outside the library, the whole gateway driven in one
//! process, and the program itself.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it fails"
)]

mod attacks;
mod bcp;
mod brokers;
mod cef;
mod certificates;
mod cli;

mod client_assertion;
mod client_keys;
mod clients;
mod conformance;
mod consent;
mod copied;
mod demo;
mod ekyc;
mod email;
mod encrypted;
mod examples;
mod fapi2;
mod form_post;
#[path = "../../src/store/postgres/fresh.rs"]
mod fresh_postgres;
mod instances;
mod jar;
mod jarm;
mod lifecycle;
mod login;
mod logout;
mod newcomer;
mod par;
mod picker;
mod published;
mod publisher;
mod reload;
mod request;
mod rollover;
mod sec;
mod smtp;
mod sources;
mod sso;
mod stage;
mod support;
mod tls;
mod token_rollover;
mod tokens;
mod trust;
mod wishes;
