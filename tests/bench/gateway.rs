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

fn main() {
    operations::run();
    login::run();
}
