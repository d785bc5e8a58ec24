//! `cargo bench`: CPU per operation beside the raw cryptography of the same keys in the same run, and the
//! whole login against the gateway as a process of its own. Machines are shared and noisy: read the
//! ratios. docs/performance.md keeps the figures.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench stops where it fails"
)]

mod cpu;
mod http;
mod login;
mod operations;

/// `cargo bench -- operations` or `-- login` runs one half only.
fn main() {
    let only = std::env::args().find(|a| a == "operations" || a == "login");
    if only.as_deref() != Some("login") {
        operations::run();
    }
    if only.as_deref() != Some("operations") {
        login::run();
    }
}
