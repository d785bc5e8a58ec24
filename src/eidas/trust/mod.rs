//! Whom we trust: a country's node, known by metadata that an anchor of that very country vouches for
//! (decision D13). There is no global trust store, and an anchor of one country says nothing of another.

mod check;
pub mod lifecycle;
mod node;
mod path;
pub mod revocation;

pub use self::check::{CountryTrust, TrustRefusal, check, check_with};
pub(in crate::eidas) use self::check::{refusal, refuse};
pub use self::node::{ProtocolVersion, TrustedNode, Unavailable, VouchedBy};
pub use self::revocation::{Answers, RevocationPolicy};
