//! The store in a SQLite file: one statement for each operation, on one connection.
//!
//! SQLite has one writer at a time, and nearly every operation here writes; a second connection would
//! only wait for the first and double the memory. Statements are prepared once and cached.

use std::io::ErrorKind;
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::time::Instant;

use super::{
    Abandoned, Answered, Departed, Departure, Hash, Issued, LoginRow, NewAccessToken, NewAnswer, NewCode,
    NewLogin, Opened, Outcome, Purged, Redeemed, Reply, Store, StoreError, Stored, Taken,
};
use crate::clock::Timestamp;

/// A SQLite database.
#[derive(Clone, Debug)]
pub struct Sqlite(SqlitePool);

static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations/sqlite");

/// How long an operation waits for another process that holds the lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long the start waits between two attempts.
const RETRY: Duration = Duration::from_millis(20);

impl Sqlite {
    /// Opens the database at `url`, creates it if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError`] says what is wrong with the database.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_patiently(url, PATIENCE).await
    }

    async fn open_patiently(url: &str, patience: Duration) -> Result<Self, StoreError> {
        let options = options(url, patience)?;
        // With `mode=` in the URL the operator says whether a file is to be made.
        if !url.contains(":memory:") && !url.contains("mode=") {
            create_file(options.get_filename())?;
        }
        let pool = connect(options, patience).await?;
        migrate(&pool).await?;
        Ok(Self(pool))
    }
}

fn options(url: &str, patience: Duration) -> Result<SqliteConnectOptions, StoreError> {
    Ok(SqliteConnectOptions::from_str(url)?
        .busy_timeout(patience)
        .foreign_keys(true)
        // With NORMAL a power failure may lose the last moments, but never damages the file; a login
        // that is lost is begun again.
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        // What is removed is overwritten with zeros, not only forgotten.
        .pragma("secure_delete", "ON")
        .disable_statement_logging())
}

/// A new file is for us alone to read; SQLite gives its companions the same mode.
fn create_file(path: &Path) -> Result<(), StoreError> {
    let mut new = std::fs::OpenOptions::new();
    new.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    match new.open(path) {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            ErrorKind::AlreadyExists => Ok(()),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Err(StoreError::ReadOnly),
            _ => Err(StoreError::Unavailable(format!("{}: {error}", path.display()))),
        },
    }
}

async fn connect(options: SqliteConnectOptions, patience: Duration) -> Result<SqlitePool, StoreError> {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(patience + Duration::from_secs(10));
    let give_up = Instant::now() + patience;
    loop {
        match pool.clone().connect_with(options.clone()).await.map_err(StoreError::from) {
            // SQLite does not wait for the lock under which a new file is switched to write-ahead
            // logging, so two processes that start at once have to try again.
            Err(StoreError::Locked) if Instant::now() < give_up => tokio::time::sleep(RETRY).await,
            other => return other,
        }
    }
}

/// All under one lock, so that of two processes that start at once the second finds the work done.
async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    // As `run`, whose bounds the compiler cannot prove for a transaction.
    MIGRATIONS.run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await?;
    Ok(())
}

impl Store for Sqlite {
    fn begin<'a>(&'a self, login: &'a NewLogin) -> Reply<'a, ()> {
        const SQL: &str = "INSERT INTO logins \
            (id, state, created, expires, keep_until, browser_hash, request_id, payload) \
            VALUES (?1, 'waiting', ?2, ?3, ?3, ?4, ?5, ?6)";
        Box::pin(async move {
            let query = sqlx::query(SQL)
                .bind(&login.id)
                .bind(login.created.millis())
                .bind(login.expires.millis())
                .bind(login.browser_hash.as_slice())
                .bind(&login.request_id)
                .bind(&login.payload);
            query.execute(&self.0).await?;
            Ok(())
        })
    }

    fn find<'a>(&'a self, id: &'a str, now: Timestamp) -> Reply<'a, Option<LoginRow>> {
        const SQL: &str = "SELECT id, browser_hash, request_id, payload, created, expires FROM logins \
            WHERE id = ?1 AND state = 'waiting' AND expires > ?2";
        Box::pin(self.waiting(SQL, id, now))
    }

    fn depart<'a>(&'a self, departure: &'a Departure, now: Timestamp) -> Reply<'a, Departed> {
        const SQL: &str = "UPDATE logins SET request_id = ?2, payload = ?3 \
            WHERE id = ?1 AND state = 'waiting' AND expires > ?4";
        Box::pin(async move {
            let query = sqlx::query(SQL)
                .bind(&departure.login_id)
                .bind(&departure.request_id)
                .bind(&departure.payload)
                .bind(now.millis());
            Ok(match query.execute(&self.0).await?.rows_affected() {
                0 => Departed::Gone,
                _ => Departed::Noted,
            })
        })
    }

    fn abandon<'a>(&'a self, id: &'a str, now: Timestamp) -> Reply<'a, Abandoned> {
        const SQL: &str = "DELETE FROM logins WHERE id = ?1 AND state = 'waiting' AND expires > ?2";
        Box::pin(async move {
            let query = sqlx::query(SQL).bind(id).bind(now.millis());
            Ok(match query.execute(&self.0).await?.rows_affected() {
                0 => Abandoned::Gone,
                _ => Abandoned::Ended,
            })
        })
    }

    fn find_by_request<'a>(&'a self, request_id: &'a str, now: Timestamp) -> Reply<'a, Option<LoginRow>> {
        const SQL: &str = "SELECT id, browser_hash, request_id, payload, created, expires FROM logins \
            WHERE request_id = ?1 AND state = 'waiting' AND expires > ?2";
        Box::pin(self.waiting(SQL, request_id, now))
    }

    fn answer<'a>(&'a self, answer: &'a NewAnswer, now: Timestamp) -> Reply<'a, Answered> {
        const SQL: &str = "UPDATE logins SET state = 'answered', response_id = ?3, assertion_id = ?4, \
            keep_until = max(?5, ?8), handle_hash = ?6, sealed = ?7, expires = ?8 \
            WHERE id = ?1 AND request_id = ?2 AND state = 'waiting' AND expires > ?9";
        Box::pin(async move {
            let query = sqlx::query(SQL)
                .bind(&answer.login_id)
                .bind(&answer.request_id)
                .bind(&answer.response_id)
                .bind(&answer.assertion_id)
                .bind(answer.keep_ids_until.millis())
                .bind(answer.handle_hash.as_slice())
                .bind(answer.sealed.as_slice())
                .bind(answer.expires.millis())
                .bind(now.millis());
            match query.execute(&self.0).await {
                Ok(done) if done.rows_affected() == 0 => Ok(Answered::Gone),
                Ok(_) => Ok(Answered::Taken),
                // Only the identifiers can be there already: the handle is fresh and random.
                Err(sqlx::Error::Database(e)) if e.is_unique_violation() => Ok(Answered::Replayed),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn take_outcome<'a>(
        &'a self,
        handle_hash: &'a Hash,
        browser_hash: &'a Hash,
        now: Timestamp,
    ) -> Reply<'a, Taken> {
        const TAKE: &str = "UPDATE logins SET state = 'taken' \
            WHERE handle_hash = ?1 AND browser_hash = ?2 AND state = 'answered' AND expires > ?3 \
            RETURNING id, payload, sealed";
        const EXPLAIN: &str =
            "SELECT id FROM logins WHERE handle_hash = ?1 AND state = 'answered' AND expires > ?2";
        Box::pin(async move {
            let taken = sqlx::query_as::<_, (String, String, Vec<u8>)>(TAKE)
                .bind(handle_hash.as_slice())
                .bind(browser_hash.as_slice())
                .bind(now.millis());
            if let Some((login_id, payload, sealed)) = taken.fetch_optional(&self.0).await? {
                return Ok(Taken::Outcome(Outcome { login_id, payload, sealed }));
            }
            let others =
                sqlx::query_as::<_, (String,)>(EXPLAIN).bind(handle_hash.as_slice()).bind(now.millis());
            Ok(match others.fetch_optional(&self.0).await? {
                Some((login_id,)) => Taken::OtherBrowser { login_id },
                None => Taken::Gone,
            })
        })
    }

    fn issue_code<'a>(&'a self, code: &'a NewCode, now: Timestamp) -> Reply<'a, Issued> {
        const SQL: &str = "UPDATE logins SET state = 'code', code_hash = ?2, sealed = ?3, payload = '', \
            expires = ?4, keep_until = max(keep_until, ?4) \
            WHERE id = ?1 AND state = 'taken' AND expires > ?5";
        Box::pin(async move {
            let query = sqlx::query(SQL)
                .bind(&code.login_id)
                .bind(code.code_hash.as_slice())
                .bind(code.sealed.as_slice())
                .bind(code.expires.millis())
                .bind(now.millis());
            Ok(match query.execute(&self.0).await?.rows_affected() {
                0 => Issued::Gone,
                _ => Issued::Issued,
            })
        })
    }

    fn redeem_code<'a>(&'a self, code_hash: &'a Hash, now: Timestamp) -> Reply<'a, Redeemed> {
        const REDEEM: &str = "UPDATE logins SET state = 'redeemed' \
            WHERE code_hash = ?1 AND state = 'code' AND expires > ?2 RETURNING id, sealed";
        const REVOKE: &str = "UPDATE logins SET state = 'revoked', token_hash = NULL, sealed = NULL \
            WHERE code_hash = ?1 AND state IN ('redeemed', 'token', 'revoked') RETURNING id";
        Box::pin(async move {
            let redeemed =
                sqlx::query_as::<_, (String, Vec<u8>)>(REDEEM).bind(code_hash.as_slice()).bind(now.millis());
            if let Some((login_id, sealed)) = redeemed.fetch_optional(&self.0).await? {
                return Ok(Redeemed::Grant { login_id, sealed });
            }
            let revoked = sqlx::query_as::<_, (String,)>(REVOKE).bind(code_hash.as_slice());
            Ok(match revoked.fetch_optional(&self.0).await? {
                Some((login_id,)) => Redeemed::Reused { login_id },
                None => Redeemed::Unknown,
            })
        })
    }

    fn put_access_token<'a>(&'a self, token: &'a NewAccessToken, now: Timestamp) -> Reply<'a, Stored> {
        const SQL: &str = "UPDATE logins SET state = 'token', token_hash = ?2, sealed = ?3, expires = ?4, \
            keep_until = max(keep_until, ?4) \
            WHERE code_hash = ?1 AND state = 'redeemed' AND expires > ?5";
        Box::pin(async move {
            let query = sqlx::query(SQL)
                .bind(token.code_hash.as_slice())
                .bind(token.token_hash.as_slice())
                .bind(token.sealed.as_slice())
                .bind(token.expires.millis())
                .bind(now.millis());
            Ok(match query.execute(&self.0).await?.rows_affected() {
                0 => Stored::Revoked,
                _ => Stored::Stored,
            })
        })
    }

    fn find_access_token<'a>(&'a self, token_hash: &'a Hash, now: Timestamp) -> Reply<'a, Option<Opened>> {
        const SQL: &str =
            "SELECT id, sealed FROM logins WHERE token_hash = ?1 AND state = 'token' AND expires > ?2";
        Box::pin(async move {
            let query =
                sqlx::query_as::<_, (String, Vec<u8>)>(SQL).bind(token_hash.as_slice()).bind(now.millis());
            let row = query.fetch_optional(&self.0).await?;
            Ok(row.map(|(login_id, sealed)| Opened { login_id, sealed }))
        })
    }

    fn purge(&self, now: Timestamp) -> Reply<'_, Purged> {
        const REMOVE: &str = "DELETE FROM logins WHERE keep_until <= ?1 AND expires <= ?1";
        const EMPTY: &str = "UPDATE logins SET state = 'over', payload = '', sealed = NULL, request_id = NULL, \
            handle_hash = NULL, code_hash = NULL, token_hash = NULL WHERE expires <= ?1 AND state <> 'over'";
        Box::pin(async move {
            let removed = sqlx::query(REMOVE).bind(now.millis()).execute(&self.0).await?.rows_affected();
            let emptied = sqlx::query(EMPTY).bind(now.millis()).execute(&self.0).await?.rows_affected();
            // The log still holds pages as they were; after this it is empty.
            sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.0).await?;
            Ok(Purged { removed, emptied })
        })
    }

    fn check(&self) -> Reply<'_, ()> {
        // Takes the write lock, which a read-only or locked database refuses, and writes nothing.
        const SQL: &str = "UPDATE logins SET expires = expires WHERE id = ''";
        Box::pin(async move {
            sqlx::query(SQL).execute(&self.0).await?;
            Ok(())
        })
    }

    fn close(&self) -> Reply<'_, ()> {
        Box::pin(async move {
            self.0.close().await;
            Ok(())
        })
    }
}

impl Sqlite {
    async fn waiting(
        &self,
        sql: &'static str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<LoginRow>, StoreError> {
        type Row = (String, Vec<u8>, Option<String>, String, i64, i64);
        let query = sqlx::query_as::<_, Row>(sql).bind(key).bind(now.millis());
        let Some((id, browser_hash, request_id, payload, created, expires)) =
            query.fetch_optional(&self.0).await?
        else {
            return Ok(None);
        };
        Ok(Some(LoginRow {
            id,
            browser_hash: browser_hash.try_into().map_err(|_| StoreError::Corrupt)?,
            request_id,
            payload,
            created: Timestamp::from_millis(created),
            expires: Timestamp::from_millis(expires),
        }))
    }
}

#[cfg(test)]
mod tests;
