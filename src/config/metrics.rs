//! `[metrics]`: numbers for a monitoring system.

use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::Findings;

/// Numbers for a monitoring system (docs/operations.md).
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Address and port that serve `/metrics` and nothing else, by plain HTTP: loopback, or a network that only
    /// the monitoring system reaches. Default: no metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub listen: Option<SocketAddr>,
}

impl Metrics {
    pub(crate) fn check(&self, server: SocketAddr, findings: &mut Findings) {
        if self.listen == Some(server) {
            findings.add("metrics.listen", "contradiction", "server.listen has this address already");
        }
    }
}
