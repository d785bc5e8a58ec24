//! What can be wrong with a database, told apart so that an operator knows what to do.

use sqlx::migrate::MigrateError;

/// Why the store does not answer. None of it holds stored data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The file is damaged, or no database.
    #[error("the database is corrupt or the file is no database; restore it, or remove it to begin anew")]
    Corrupt,
    /// The disk, or the file's quota, is full.
    #[error("the database cannot grow: the disk is full")]
    Full,
    /// Another process holds the lock for longer than we wait.
    #[error("the database is locked by another process")]
    Locked,
    /// The schema is one that a newer eidas-gateway wrote, or that something else changed.
    #[error(
        "the database has schema version {found}, which this eidas-gateway does not know; use a newer one"
    )]
    NewerSchema {
        /// The first version that we do not know.
        found: i64,
    },
    /// The file, or its directory, cannot be written to.
    #[error("the database is read-only; give the service write access to the file and its directory")]
    ReadOnly,
    /// It cannot be opened or reached, for another reason.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The address is none that we understand.
    #[error("the database URL must begin with sqlite:")]
    Url,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => {
                let code = database.code().and_then(|code| code.parse::<u32>().ok());
                // The low octet is the primary result code (https://sqlite.org/rescode.html).
                match code.map(|code| code & 0xff) {
                    Some(5 | 6) => Self::Locked,
                    Some(8) => Self::ReadOnly,
                    Some(11 | 26) => Self::Corrupt,
                    Some(13) => Self::Full,
                    _ => Self::Unavailable(database.message().to_owned()),
                }
            }
            sqlx::Error::PoolTimedOut => Self::Locked,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Corrupt,
            _ => Self::Unavailable(error.to_string()),
        }
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
