//! The command line: one file per command. It reads arguments, calls what it names and prints what comes
//! back; it decides nothing.
//!
//! `check` commands print one JSON object on standard output and exit 0 (accepted) or 1 (refused). Other
//! failures are one line on standard error and exit 1. What cannot be understood exits 2.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::{Clock as _, SystemClock, Timestamp};
use crate::config::{Config, Faults, Opened};

mod clients;
mod config;
mod demo;
mod doctor;
mod email;
mod health;
mod init;
mod keys;
mod metadata;
mod new_file;
mod request;
mod response;
mod rotate;
mod rotate_token;
mod serve;

/// Lets citizens of other EU member states log in to your services with their own eID.
#[derive(Debug, Parser)]
#[command(name = "eidas-gateway", version, about, max_term_width = 100, after_help = FIRST_STEPS)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try everything on this machine: gateway, a simulated member state and a demo relying party.
    Demo(demo::Arguments),
    /// Run the gateway.
    Serve(ConfigFile),
    /// Write a commented gateway.toml, with keys and certificates to start from.
    Init(init::Arguments),
    /// Check, show or describe the configuration.
    #[command(subcommand)]
    Config(config::Command),
    /// List the clients, and manage those in the database.
    #[command(subcommand)]
    Clients(clients::Command),
    /// List the keys in use, make new ones, or plan the change to new ones.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Our own metadata, and a verdict on that of others.
    #[command(subcommand)]
    Metadata(metadata::Command),
    /// Build a request.
    #[command(subcommand)]
    Request(request::Command),
    /// Judge a response.
    #[command(subcommand)]
    Response(response::Command),
    /// Remove addresses that persons have proven.
    #[command(subcommand)]
    Email(email::Command),
    /// Say what is wrong with a deployment, or soon will be, and which page helps. Exits 1 if somebody has to act.
    Doctor(doctor::Arguments),
    /// Ask the gateway that runs on this machine whether it is well: exit status 0 or 1. For containers.
    Health(ConfigFile),
}

const FIRST_STEPS: &str = "To see it: eidas-gateway demo\nTo begin:  eidas-gateway init DIR, then docs/getting-started.md\n\
                           In doubt:  eidas-gateway doctor --config FILE";

/// Runs the command that the process was started with.
#[must_use]
pub fn run() -> ExitCode {
    let done = match CommandLine::parse().command {
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Serve(file) => serve::run(&file),
        Command::Init(arguments) => init::run(&arguments),
        Command::Config(command) => config::run(&command),
        Command::Clients(command) => clients::run(&command),
        Command::Keys(command) => keys::run(&command),
        Command::Metadata(command) => metadata::run(&command),
        Command::Request(command) => request::run(&command),
        Command::Response(command) => response::run(&command),
        Command::Email(command) => email::run(&command),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Health(file) => health::run(&file),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "{}", failure.0);
            ExitCode::FAILURE
        }
    }
}

/// What a command that could not do its work says.
#[derive(Debug)]
struct Failure(String);

impl Failure {
    /// `what` could not be done, because of `why`.
    fn new(what: &str, why: impl std::fmt::Display) -> Self {
        Self(format!("{what}: {why}"))
    }
}

impl From<Faults> for Failure {
    fn from(faults: Faults) -> Self {
        Self(format!("{faults}\n    docs/configuration.md"))
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// How a command ends.
type Done = Result<ExitCode, Failure>;

/// The option that names the configuration file.
#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file.
    #[arg(long, default_value = "gateway.toml", value_name = "FILE")]
    config: PathBuf,
}

impl ConfigFile {
    /// Reads the file and opens all that it refers to, as of `now`.
    fn load(&self, now: Timestamp) -> Result<(Config, Opened), Failure> {
        Ok(Config::load(&self.config, now)?)
    }
}

/// The verdict of a `check` command.
#[derive(Debug, Serialize)]
struct Verdict {
    verdict: &'static str,
    #[serde(flatten)]
    details: Value,
}

impl Verdict {
    fn accepted(details: Value) -> Self {
        Self { verdict: "accepted", details }
    }

    fn refused(details: Value) -> Self {
        Self { verdict: "refused", details }
    }

    /// A refusal by the rule named `rule`.
    fn by_rule(rule: &str, code: &str, detail: &str) -> Self {
        Self::refused(json!({ "rule": rule, "code": code, "detail": detail }))
    }

    /// No verdict on the thing itself: something that is needed to judge it is missing or broken.
    fn not_judged(failure: &Failure) -> Self {
        Self::refused(json!({ "code": "not_judged", "detail": failure.0 }))
    }

    /// Prints the verdict and turns it into an exit code.
    fn print(&self) -> Done {
        print_json(self)?;
        Ok(if self.verdict == "accepted" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Prints one JSON object over several lines.
fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::new("cannot print", error))?;
    print(&text)
}

/// Prints text and ends the line. A reader that has seen enough, as `head` has, is no fault.
fn print(text: &str) -> Result<(), Failure> {
    match write_line(text) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

fn write_line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// The present, for commands that judge by it.
fn now() -> Timestamp {
    SystemClock.now()
}

/// Reads a time on the command line, as in `2026-11-21T17:56:39Z`.
fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "a time is written as 2026-11-21T17:56:39Z".to_owned())
}

/// Reads a SHA-256 on the command line.
fn sha256(text: &str) -> Result<[u8; 32], String> {
    crate::config::decode_sha256(text).ok_or_else(|| "a SHA-256 has 64 hexadecimal digits".to_owned())
}

/// Runs asynchronous work to its end, on one thread.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(work))
}
