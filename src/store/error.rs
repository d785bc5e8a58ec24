//! What can be wrong with a database, told apart so that an operator knows what to do.

use sqlx::migrate::MigrateError;

/// Why the store does not answer. None of it holds stored data, nor a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No connection can be had: the server has none left, or all of ours are taken, or it went away.
    #[error("no connection to the database server can be had: it is down, or all connections are taken")]
    Busy,
    /// The file is damaged, or no database.
    #[error("the database is corrupt or the file is no database; restore it, or remove it to begin anew")]
    Corrupt,
    /// The database cannot hold every character.
    #[error("the database has the encoding {0}; make one with the encoding UTF8")]
    Encoding(String),
    /// The server's role may not do what has to be done.
    #[error("the database user lacks a right: {0}; make it the owner of the database")]
    Forbidden(String),
    /// The disk, or the file's quota, is full.
    #[error("the database cannot grow: the disk is full")]
    Full,
    /// Another process holds the lock for longer than we wait.
    #[error("the database is locked by another process")]
    Locked,
    /// The server has no database of this name.
    #[error("the server has no such database: {0}; make it (CREATE DATABASE), or correct database.url")]
    Missing(String),
    /// The schema is one that a newer eidas-gateway wrote, or that something else changed.
    #[error(
        "the database has schema version {found}, which this eidas-gateway does not know; use a newer one"
    )]
    NewerSchema {
        /// The first version that we do not know.
        found: i64,
    },
    /// The file, or its directory, cannot be written to; or the server is a standby.
    #[error(
        "the database is read-only; give the service write access to the file and its directory, or name the primary server"
    )]
    ReadOnly,
    /// The server does not let this user in.
    #[error("the database server refuses us: {0}; check user and password in database.url")]
    Refused(String),
    /// The connection to the server cannot be protected.
    #[error("no TLS with the database server: {0}; see sslmode and sslrootcert of database.url")]
    Tls(String),
    /// It cannot be opened or used, for another reason.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// No server answers.
    #[error("the database server does not answer: {0}")]
    Unreachable(String),
    /// The address is none that we understand.
    #[error("the database URL must be sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE")]
    Url,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(database) => {
                match database.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
                    Some(error) => of_postgres(error.code(), error.message()),
                    None => of_sqlite(database.code().as_deref(), database.message()),
                }
            }
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::PoolClosed => Self::Unavailable(CLOSED.to_owned()),
            sqlx::Error::Tls(error) => Self::Tls(error.to_string()),
            sqlx::Error::Io(error) => Self::Unreachable(error.to_string()),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Corrupt,
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// What is said of a store that was closed.
pub(super) const CLOSED: &str = "it is closed";

/// The low octet is the primary result code (<https://sqlite.org/rescode.html>).
fn of_sqlite(code: Option<&str>, message: &str) -> StoreError {
    match code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff) {
        Some(5 | 6) => StoreError::Locked,
        Some(8) => StoreError::ReadOnly,
        Some(11 | 26) => StoreError::Corrupt,
        Some(13) => StoreError::Full,
        _ => StoreError::Unavailable(message.to_owned()),
    }
}

/// By SQLSTATE (PostgreSQL, appendix A).
fn of_postgres(code: &str, message: &str) -> StoreError {
    match code {
        // Invalid authorization, invalid password.
        "28000" | "28P01" => StoreError::Refused(message.to_owned()),
        "3D000" => StoreError::Missing(message.to_owned()),
        "42501" => StoreError::Forbidden(message.to_owned()),
        "25006" => StoreError::ReadOnly,
        // Lock not available, deadlock, serialization failure, statement timeout.
        "55P03" | "40P01" | "40001" | "57014" => StoreError::Locked,
        "53100" => StoreError::Full,
        "53300" => StoreError::Busy,
        // Starting up, shutting down, crashed.
        "57P01" | "57P02" | "57P03" => StoreError::Unreachable(message.to_owned()),
        "XX001" | "XX002" => StoreError::Corrupt,
        _ => StoreError::Unavailable(message.to_owned()),
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            MigrateError::VersionMissing(found)
            | MigrateError::VersionMismatch(found)
            | MigrateError::VersionTooNew(found, _) => Self::NewerSchema { found },
            other => Self::Unavailable(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_told_apart_by_its_code() {
        let said = || "said".to_owned();
        let rows = [
            ("28P01", StoreError::Refused(said())),
            ("28000", StoreError::Refused(said())),
            ("3D000", StoreError::Missing(said())),
            ("42501", StoreError::Forbidden(said())),
            ("25006", StoreError::ReadOnly),
            ("55P03", StoreError::Locked),
            ("40P01", StoreError::Locked),
            ("40001", StoreError::Locked),
            ("57014", StoreError::Locked),
            ("53100", StoreError::Full),
            ("53300", StoreError::Busy),
            ("57P03", StoreError::Unreachable(said())),
            ("XX001", StoreError::Corrupt),
            ("42P01", StoreError::Unavailable(said())),
        ];
        for (code, expected) in rows {
            assert_eq!(of_postgres(code, "said"), expected, "{code}");
        }
    }
}
