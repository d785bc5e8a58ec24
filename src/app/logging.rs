//! Log lines: plain text for people on a terminal, one JSON object a line for machines. On standard error,
//! since standard output belongs to what a command prints.

use std::io::{self, IsTerminal as _};

use tracing::Level;

use crate::config::{Format, LogLevel, Logging};

/// Starts writing log lines. A second call changes nothing.
pub(crate) fn start(logging: &Logging) {
    let level = match logging.level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    let on_terminal = io::stderr().is_terminal();
    let subscriber =
        tracing_subscriber::fmt().with_writer(io::stderr).with_max_level(level).with_target(false);
    let _ = match logging.format {
        Format::Json => subscriber.json().flatten_event(true).try_init(),
        Format::Auto if !on_terminal => subscriber.json().flatten_event(true).try_init(),
        Format::Auto | Format::Text => subscriber.with_ansi(on_terminal).try_init(),
    };
}
