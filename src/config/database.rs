//! `[database]`: where running logins are kept.

use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::fault::Findings;
use super::files::Files;
use crate::secret::Secret;

/// Where running logins are kept. No personal data is kept in clear.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite:` and a file (relative to the configuration file), `sqlite::memory:` for one process that
    /// forgets everything when it stops, or `postgres://USER@HOST:PORT/DATABASE` for several instances
    /// ([PostgreSQL](operations.md#postgresql)).
    #[serde(default = "default_url")]
    pub url: String,
    /// File with the password for `url`; white space around it does not count. A password that stands in `url`
    /// itself is written with percent signs for everything but letters and digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: default_url(), password_file: None }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Database {
    pub(crate) fn check(&self, findings: &mut Findings) {
        let mut add = |key, code, message: &str| findings.add(format!("database.{key}"), code, message);
        if let Some(file) = self.url.strip_prefix("sqlite:") {
            if file.trim_start_matches('/').is_empty() {
                add("url", BAD_URL, "a database in a file is written as sqlite:FILE or sqlite::memory:");
            }
            if self.password_file.is_some() {
                add("password_file", "contradiction", "a file has no password");
            }
            return;
        }
        let server = ["postgres://", "postgresql://"].iter().find_map(|start| self.url.strip_prefix(start));
        let Some(server) = server else {
            let message = "a database is written as sqlite:FILE or postgres://USER@HOST/DATABASE";
            return add("url", BAD_URL, message);
        };
        let server = Server::of(server);
        if let Some(message) = server.fault() {
            add("url", BAD_URL, &message);
        }
        if self.password_file.is_some() && server.user.contains(':') {
            add("password_file", "contradiction", "the password stands in database.url as well");
        }
        if self.password_file.is_some() && server.user.is_empty() {
            add("password_file", "contradiction", "database.url names no user whose password it would be");
        }
    }

    /// The address as it may be shown: with its password masked.
    #[must_use]
    pub fn shown(&self) -> String {
        let masked = self.url.split_once("://").and_then(|(scheme, rest)| {
            // The last one: in a password it should be encoded, and perhaps is not.
            let (user, host) = rest.rsplit_once('@')?;
            let (user, _) = user.split_once(':')?;
            Some(format!("{scheme}://{user}:{MASK}@{host}"))
        });
        masked.unwrap_or_else(|| self.url.clone())
    }

    /// The address with its password.
    pub(crate) fn open(&self, files: &mut Files<'_>) -> Option<Secret<String>> {
        let Some(file) = &self.password_file else { return Some(Secret::new(self.url.clone())) };
        let at = "database.password_file";
        let octets = Secret::new(files.read(at, file)?);
        let password = octets.expose().trim_ascii();
        if password.is_empty() {
            files.findings.add(at, "bad_secret", format!("{} is empty", file.display()));
            return None;
        }
        let (user, server) = self.url.split_once('@')?;
        let mut url = format!("{user}:");
        for octet in password {
            if octet.is_ascii_alphanumeric() {
                url.push(char::from(*octet));
            } else {
                url.push_str(&format!("%{octet:02X}"));
            }
        }
        Some(Secret::new(format!("{url}@{server}")))
    }
}

/// The parts of `postgres://USER@HOST/DATABASE?PARAMETERS` after the slashes.
struct Server<'a> {
    /// With the password, if it is there.
    user: &'a str,
    host: &'a str,
    database: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Server<'a> {
    fn of(text: &'a str) -> Self {
        let (place, query) = text.split_once('?').unwrap_or((text, ""));
        let (authority, database) = place.split_once('/').unwrap_or((place, ""));
        let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
        let parameters = query.split('&').filter(|parameter| !parameter.is_empty());
        let parameters = parameters.map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")));
        Self { user, host, database, parameters: parameters.collect() }
    }

    /// What is wrong with it, without quoting anything but the names of parameters that we know: what stands at
    /// a wrong place may be a password.
    fn fault(&self) -> Option<String> {
        let parameter =
            |name| self.parameters.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
        let reserved = |text: &str| text.contains(['@', '#', '[', ']', ' ']);
        if reserved(self.user) || self.database.contains(['@', '#', ' ', '/']) {
            return Some(
                "write characters other than letters and digits as %40 in user and password".to_owned(),
            );
        }
        if self.host.is_empty() && parameter("host").is_none() {
            return Some("a server is needed: postgres://USER@HOST/DATABASE".to_owned());
        }
        if self.database.is_empty() {
            return Some("a database is needed: postgres://USER@HOST/DATABASE".to_owned());
        }
        if self.parameters.iter().any(|(name, _)| *name == "password") {
            return Some("the password stands after the user, or in password_file".to_owned());
        }
        let known = |name: &str| PARAMETERS.contains(&name) || name.starts_with("options[");
        if self.parameters.iter().any(|(name, _)| !known(name)) {
            return Some(format!("the parameters after `?` are {}", PARAMETERS.join(", ")));
        }
        if parameter("sslmode").is_some_and(|mode| !MODES.contains(&mode)) {
            return Some(format!("sslmode is one of {}", MODES.join(", ")));
        }
        for name in ["sslrootcert", "sslcert", "sslkey"] {
            if parameter(name).is_some_and(|file| !file.starts_with(['/', '%'])) {
                return Some(format!("{name} is the whole path of a file"));
            }
        }
        None
    }
}

/// What may stand after the `?`.
const PARAMETERS: &[&str] = &["host", "options", "sslcert", "sslkey", "sslmode", "sslrootcert"];

/// How a connection is protected. Not `allow`, which would mean `disable`.
const MODES: &[&str] = &["disable", "prefer", "require", "verify-ca", "verify-full"];

const BAD_URL: &str = "bad_database_url";

/// What stands for a secret that is not shown.
pub(super) const MASK: &str = "********";

impl Database {
    /// The file that the address names, if it names one.
    #[must_use]
    pub fn file(&self) -> Option<PathBuf> {
        let file = self.url.strip_prefix("sqlite:").map(|file| file.strip_prefix("//").unwrap_or(file))?;
        let file = file.split('?').next().filter(|file| *file != ":memory:")?;
        let mut parts = file.split('%');
        let mut octets = parts.next().unwrap_or_default().as_bytes().to_vec();
        for part in parts {
            let (digits, rest) = part.split_at_checked(2)?;
            octets.push(u8::from_str_radix(digits, 16).ok()?);
            octets.extend_from_slice(rest.as_bytes());
        }
        String::from_utf8(octets).ok().map(PathBuf::from)
    }

    /// Makes a relative path in the address start at `base`, whose characters are those of a path and not of
    /// an address.
    pub(crate) fn resolve(&mut self, base: &Path) {
        let file = self.url.strip_prefix("sqlite:").map(|file| file.strip_prefix("//").unwrap_or(file));
        let Some(file) = file.filter(|file| *file != ":memory:" && !file.starts_with('/')) else { return };
        let base = base.to_string_lossy().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
        let separator = if base.is_empty() || base.ends_with('/') { "" } else { "/" };
        self.url = format!("sqlite:{base}{separator}{file}");
    }
}

fn default_url() -> String {
    "sqlite:gateway.db".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn a_relative_file_starts_at_the_folder_of_the_configuration() {
        let rows = [
            ("sqlite:gateway.db", "/etc/gw", "sqlite:/etc/gw/gateway.db"),
            ("sqlite://data/gateway.db?mode=rwc", "/etc/gw/", "sqlite:/etc/gw/data/gateway.db?mode=rwc"),
            ("sqlite:gateway.db", "/srv/100% mine?", "sqlite:/srv/100%25 mine%3F/gateway.db"),
            ("sqlite:gateway.db", "", "sqlite:gateway.db"),
            ("sqlite:///var/lib/gateway.db", "/etc", "sqlite:///var/lib/gateway.db"),
            ("sqlite::memory:", "/etc", "sqlite::memory:"),
        ];
        for (url, base, expected) in rows {
            let mut database = Database { url: url.to_owned(), ..Database::default() };
            database.resolve(Path::new(base));
            assert_eq!(database.url, expected);
        }
    }

    #[test]
    fn the_file_that_an_address_names_is_known() {
        let rows = [
            ("sqlite:/srv/100%25 mine%3F/gateway.db?mode=rwc", Some("/srv/100% mine?/gateway.db")),
            ("sqlite:///var/lib/gateway.db", Some("/var/lib/gateway.db")),
            ("sqlite::memory:", None),
        ];
        for (url, expected) in rows {
            let database = Database { url: url.to_owned(), ..Database::default() };
            assert_eq!(database.file(), expected.map(PathBuf::from), "{url}");
        }
    }

    #[test]
    fn a_password_is_masked() {
        let rows = [
            ("postgres://gw:s3cret@db/x", "postgres://gw:********@db/x"),
            ("postgres://gw:s3@c/r:et@db/x", "postgres://gw:********@db/x"),
            ("postgres://gw@db/x", "postgres://gw@db/x"),
            ("sqlite:/var/lib/gw.db", "sqlite:/var/lib/gw.db"),
        ];
        for (url, expected) in rows {
            let database = Database { url: url.to_owned(), ..Database::default() };
            assert_eq!(database.shown(), expected);
            assert_eq!(format!("{database:?}"), expected);
        }
    }

    #[test]
    fn an_address_of_a_server_is_checked() {
        let good = [
            "postgres://gw:p%40ss@db.example:5432/gateway",
            "postgresql://gw@localhost/gateway?sslmode=disable",
            "postgres://gw@db/gateway?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem",
            "postgres:///gateway?host=/run/postgresql",
            "postgres://gw@[::1]/gateway?options[search_path]=gw&options=-c%20synchronous_commit%3Doff",
        ];
        let bad = [
            ("mysql://gw@db/gateway", "a database is written as"),
            ("postgres:gateway", "a database is written as"),
            ("postgres://gw:p@ss@db/gateway", "write characters other than"),
            ("postgres://gw:p/ss@db/gateway", "write characters other than"),
            ("postgres://gw@db/gateway#1", "write characters other than"),
            ("postgres:///gateway", "a server is needed"),
            ("postgres://gw@db", "a database is needed"),
            ("postgres://gw@db/", "a database is needed"),
            ("postgres://gw@db/gateway?password=s3cret", "the password stands after the user"),
            ("postgres://gw@db/gateway?pasword=s3cret", "the parameters after `?` are"),
            ("postgres://gw@db/gateway?sslmode=allow", "sslmode is one of"),
            ("postgres://gw@db/gateway?sslrootcert=db.pem", "sslrootcert is the whole path"),
            ("sqlite://", "a database in a file is written as"),
        ];
        let faults = |url: &str| {
            let mut findings = Findings::default();
            Database { url: url.to_owned(), ..Database::default() }.check(&mut findings);
            findings.0
        };
        for url in good {
            assert_eq!(faults(url), [], "{url}");
        }
        for (url, expected) in bad {
            let [fault] = &faults(url)[..] else { panic!("{url}: {:?}", faults(url)) };
            assert_eq!((fault.key.as_str(), fault.code), ("database.url", "bad_database_url"), "{url}");
            assert!(fault.message.starts_with(expected), "{url}: {}", fault.message);
            assert!(!fault.message.contains("s3cret"));
        }
    }

    #[test]
    fn a_password_file_goes_with_a_user_and_no_other_password() {
        let keys = |url: &str| {
            let mut findings = Findings::default();
            let password_file = Some(PathBuf::from("password"));
            Database { url: url.to_owned(), password_file }.check(&mut findings);
            findings.0.into_iter().map(|fault| (fault.key, fault.code)).collect::<Vec<_>>()
        };
        let contradiction = [("database.password_file".to_owned(), "contradiction")];
        assert_eq!(keys("postgres://gw@db/gateway"), []);
        assert_eq!(keys("postgres://gw:s3cret@db/gateway"), contradiction);
        assert_eq!(keys("postgres://db/gateway"), contradiction);
        assert_eq!(keys("sqlite:gateway.db"), contradiction);
    }

    #[test]
    fn a_password_from_a_file_is_put_into_the_address() {
        let file = std::env::temp_dir().join(format!("eidas-gateway-password-{}", std::process::id()));
        let open = |text: &str| {
            std::fs::write(&file, text).unwrap();
            let mut findings = Findings::default();
            let mut files = Files { findings: &mut findings, now: Timestamp::from_unix(0) };
            let url = "postgres://gw@db/gateway?sslmode=require".to_owned();
            let opened = Database { url, password_file: Some(file.clone()) }.open(&mut files);
            (opened.map(|url| url.expose().clone()), findings.0.first().map(|fault| fault.code))
        };
        let expected = "postgres://gw:p%40%2F%3A%20x@db/gateway?sslmode=require".to_owned();
        assert_eq!(open("p@/: x\n"), (Some(expected), None));
        assert_eq!(open("\n"), (None, Some("bad_secret")));
        std::fs::remove_file(&file).unwrap();
        let mut findings = Findings::default();
        let mut files = Files { findings: &mut findings, now: Timestamp::from_unix(0) };
        let database = Database { url: "postgres://gw@db/x".to_owned(), password_file: Some(file) };
        assert!(database.open(&mut files).is_none());
        assert_eq!(findings.0.first().map(|fault| fault.code), Some("file_missing"));
    }
}
