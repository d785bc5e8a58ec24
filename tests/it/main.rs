//! Tests of the whole gateway, driven from outside: requests in, answers out, in one process.

mod login;
mod support;
