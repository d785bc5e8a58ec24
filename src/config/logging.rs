//! `[logging]`: what the gateway says while it runs. It never says anything about a person.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the gateway says while it runs.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logging {
    /// Plain text, JSON lines, or what fits: text on a terminal, JSON elsewhere.
    #[serde(default)]
    pub format: Format,
    /// The least serious level that is written.
    #[serde(default)]
    pub level: LogLevel,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// Plain text.
    Text,
}

/// How serious a log line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something failed that should not.
    Error,
    /// Something needs attention.
    Warn,
    /// What happens in the course of things.
    #[default]
    Info,
    /// For those who look for a fault.
    Debug,
}
