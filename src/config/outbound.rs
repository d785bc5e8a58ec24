//! `[outbound]`: how far the gateway reaches out by itself (for the metadata of countries).

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outbound::Network;

/// How far the gateway reaches out by itself.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outbound {
    /// PEM file with the certification authorities of the web. Default: that of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Seconds that one answer may take, from the first octet sent to the last received.
    #[serde(default = "default_timeout")]
    pub timeout_seconds: u64,
    /// Networks that may be called although they are private (as `10.1.2.0/24`).
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub allow_networks: Vec<Network>,
}

impl Default for Outbound {
    fn default() -> Self {
        Self { ca_file: None, timeout_seconds: default_timeout(), allow_networks: Vec::new() }
    }
}

fn default_timeout() -> u64 {
    10
}
