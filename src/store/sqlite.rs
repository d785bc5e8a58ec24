//! The store in a SQLite file: one statement for each operation, on one connection.
//!
//! SQLite has one writer at a time, and nearly every operation here writes; a second connection would
//! only wait for the first and double the memory. Statements are prepared once and cached.

mod clients;
mod mailbox;
mod metadata;
mod session;

use std::io::ErrorKind;
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::query::{Query, QueryAs};
use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteRow, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, FromRow};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};
use tokio::time::Instant;

use super::{
    Abandoned, Answered, Departed, Departure, Hash, Held, Issued, LoginRow, NewAccessToken, NewAnswer,
    NewCode, NewLogin, NewPushed, Opened, Outcome, Purged, Redeemed, Reply, Revocation, Store, StoreError,
    Stored, Taken, Use,
};
use crate::clock::Timestamp;
use crate::store::error::CLOSED;

/// A SQLite database: its one connection, until it is closed.
///
/// A pool of one would do the same and start a task after each statement to take the connection back.
#[derive(Debug)]
pub struct Sqlite(Mutex<Option<SqliteConnection>>);

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
        let mut connection = connect(options, patience).await?;
        migrate(&mut connection).await?;
        Ok(Self(Mutex::new(Some(connection))))
    }

    async fn connection(&self) -> Result<MappedMutexGuard<'_, SqliteConnection>, StoreError> {
        let closed = |_| StoreError::Unavailable(CLOSED.to_owned());
        MutexGuard::try_map(self.0.lock().await, Option::as_mut).map_err(closed)
    }

    /// How many rows a statement changed.
    async fn change(&self, query: Query<'_, sqlx::Sqlite, SqliteArguments>) -> Result<u64, StoreError> {
        Ok(query.execute(&mut *self.connection().await?).await?.rows_affected())
    }

    /// The row that a statement returns, if any. Reads to the end: a statement that writes is committed
    /// only then, and only then says that it could not be.
    async fn row<T>(
        &self,
        query: QueryAs<'_, sqlx::Sqlite, T, SqliteArguments>,
    ) -> Result<Option<T>, StoreError>
    where
        T: Send + Unpin + for<'r> FromRow<'r, SqliteRow>,
    {
        Ok(query.fetch_all(&mut *self.connection().await?).await?.pop())
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
        // In pages. A login writes the same few pages again and again; a longer log writes them into the
        // file once. The purge empties it.
        .pragma("wal_autocheckpoint", "4000")
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
            ErrorKind::NotFound => {
                Err(StoreError::Unavailable(format!("{}: there is no such folder; make it", path.display())))
            }
            _ => Err(StoreError::Unavailable(format!("{}: {error}", path.display()))),
        },
    }
}

async fn connect(options: SqliteConnectOptions, patience: Duration) -> Result<SqliteConnection, StoreError> {
    let give_up = Instant::now() + patience;
    loop {
        match options.connect().await.map_err(StoreError::from) {
            // SQLite does not wait for the lock under which a new file is switched to write-ahead
            // logging, so two processes that start at once have to try again.
            Err(StoreError::Locked) if Instant::now() < give_up => tokio::time::sleep(RETRY).await,
            other => return other,
        }
    }
}

/// All under one lock, so that of two processes that start at once the second finds the work done.
async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    // As `run`, whose bounds the compiler cannot prove for a transaction.
    MIGRATIONS.run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await?;
    Ok(())
}

impl Store for Sqlite {
    fn begin<'a>(&'a self, login: &'a NewLogin) -> Reply<'a, ()> {
        const SQL: &str = "INSERT INTO logins \
            (id, state, created, expires, keep_until, browser_hash, request_id, payload) \
            VALUES (?1, 'wait', ?2, ?3, ?3, ?4, ?5, ?6)";
        Box::pin(async move {
            let query = sqlx::query(SQL)
                .bind(&login.id)
                .bind(login.created.millis())
                .bind(login.expires.millis())
                .bind(login.browser_hash.as_slice())
                .bind(&login.request_id)
                .bind(&login.payload);
            self.change(query).await?;
            Ok(())
        })
    }

    fn find<'a>(&'a self, id: &'a str, now: Timestamp) -> Reply<'a, Option<LoginRow>> {
        const SQL: &str = "SELECT id, browser_hash, request_id, payload, created, expires FROM logins \
            WHERE id = ?1 AND state = 'wait' AND expires > ?2";
        Box::pin(self.waiting(SQL, id, now))
    }

    fn depart<'a>(&'a self, departure: &'a Departure, now: Timestamp) -> Reply<'a, Departed> {
        const SQL: &str = "UPDATE logins SET request_id = ?2, payload = ?3 \
            WHERE id = ?1 AND state = 'wait' AND expires > ?4";
        Box::pin(async move {
            let query = sqlx::query(SQL)
                .bind(&departure.login_id)
                .bind(&departure.request_id)
                .bind(&departure.payload)
                .bind(now.millis());
            Ok(match self.change(query).await? {
                0 => Departed::Gone,
                _ => Departed::Noted,
            })
        })
    }

    fn abandon<'a>(&'a self, id: &'a str, now: Timestamp) -> Reply<'a, Abandoned> {
        const SQL: &str = "DELETE FROM logins WHERE id = ?1 AND state = 'wait' AND expires > ?2";
        Box::pin(async move {
            let query = sqlx::query(SQL).bind(id).bind(now.millis());
            Ok(match self.change(query).await? {
                0 => Abandoned::Gone,
                _ => Abandoned::Ended,
            })
        })
    }

    fn find_by_request<'a>(&'a self, request_id: &'a str, now: Timestamp) -> Reply<'a, Option<LoginRow>> {
        const SQL: &str = "SELECT id, browser_hash, request_id, payload, created, expires FROM logins \
            WHERE request_id = ?1 AND state = 'wait' AND expires > ?2";
        Box::pin(self.waiting(SQL, request_id, now))
    }

    fn answer<'a>(&'a self, answer: &'a NewAnswer, now: Timestamp) -> Reply<'a, Answered> {
        const SQL: &str = "UPDATE logins SET state = 'back', response_id = ?3, assertion_id = ?4, \
            keep_until = max(?5, ?8), handle_hash = ?6, sealed = ?7, expires = ?8 \
            WHERE id = ?1 AND request_id = ?2 AND state = 'wait' AND expires > ?9";
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
            match query.execute(&mut *self.connection().await?).await {
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
        const TAKE: &str = "UPDATE logins SET state = 'took' \
            WHERE handle_hash = ?1 AND browser_hash = ?2 AND state = 'back' AND expires > ?3 \
            RETURNING id, payload, sealed";
        const EXPLAIN: &str =
            "SELECT id FROM logins WHERE handle_hash = ?1 AND state = 'back' AND expires > ?2";
        Box::pin(async move {
            let taken = sqlx::query_as::<_, (String, String, Vec<u8>)>(TAKE)
                .bind(handle_hash.as_slice())
                .bind(browser_hash.as_slice())
                .bind(now.millis());
            if let Some((login_id, payload, sealed)) = self.row(taken).await? {
                return Ok(Taken::Outcome(Outcome { login_id, payload, sealed }));
            }
            let others =
                sqlx::query_as::<_, (String,)>(EXPLAIN).bind(handle_hash.as_slice()).bind(now.millis());
            Ok(match self.row(others).await? {
                Some((login_id,)) => Taken::OtherBrowser { login_id },
                None => Taken::Gone,
            })
        })
    }

    fn hold<'a>(&'a self, held: &'a Held, now: Timestamp) -> Reply<'a, Issued> {
        const SQL: &str = "UPDATE logins SET state = 'back', handle_hash = ?2, sealed = ?3, expires = ?4, \
            keep_until = max(keep_until, ?4) WHERE id = ?1 AND state = 'took' AND expires > ?5";
        Box::pin(async move {
            let query = sqlx::query(SQL)
                .bind(&held.login_id)
                .bind(held.handle_hash.as_slice())
                .bind(held.sealed.as_slice())
                .bind(held.expires.millis())
                .bind(now.millis());
            Ok(match self.change(query).await? {
                0 => Issued::Gone,
                _ => Issued::Issued,
            })
        })
    }

    fn issue_code<'a>(&'a self, code: &'a NewCode, now: Timestamp) -> Reply<'a, Issued> {
        const SQL: &str = "UPDATE logins SET state = 'code', code_hash = ?2, sealed = ?3, payload = '', \
            expires = ?4, keep_until = max(keep_until, ?4) \
            WHERE id = ?1 AND state = 'took' AND expires > ?5";
        Box::pin(async move {
            let query = sqlx::query(SQL)
                .bind(&code.login_id)
                .bind(code.code_hash.as_slice())
                .bind(code.sealed.as_slice())
                .bind(code.expires.millis())
                .bind(now.millis());
            Ok(match self.change(query).await? {
                0 => Issued::Gone,
                _ => Issued::Issued,
            })
        })
    }

    fn redeem_code<'a>(&'a self, code_hash: &'a Hash, now: Timestamp) -> Reply<'a, Redeemed> {
        const REDEEM: &str = "UPDATE logins SET state = 'used' \
            WHERE code_hash = ?1 AND state = 'code' AND expires > ?2 RETURNING id, sealed";
        const REVOKE: &str = "UPDATE logins SET state = 'dead', token_hash = NULL, sealed = NULL \
            WHERE code_hash = ?1 AND state IN ('used', 'live', 'dead') RETURNING id";
        Box::pin(async move {
            let redeemed =
                sqlx::query_as::<_, (String, Vec<u8>)>(REDEEM).bind(code_hash.as_slice()).bind(now.millis());
            if let Some((login_id, sealed)) = self.row(redeemed).await? {
                return Ok(Redeemed::Grant { login_id, sealed });
            }
            let revoked = sqlx::query_as::<_, (String,)>(REVOKE).bind(code_hash.as_slice());
            Ok(match self.row(revoked).await? {
                Some((login_id,)) => Redeemed::Reused { login_id },
                None => Redeemed::Unknown,
            })
        })
    }

    fn put_access_token<'a>(&'a self, token: &'a NewAccessToken, now: Timestamp) -> Reply<'a, Stored> {
        const SQL: &str = "UPDATE logins SET state = 'live', token_hash = ?2, sealed = ?3, expires = ?4, \
            keep_until = max(keep_until, ?4) \
            WHERE code_hash = ?1 AND state = 'used' AND expires > ?5";
        Box::pin(async move {
            let query = sqlx::query(SQL)
                .bind(token.code_hash.as_slice())
                .bind(token.token_hash.as_slice())
                .bind(token.sealed.as_slice())
                .bind(token.expires.millis())
                .bind(now.millis());
            Ok(match self.change(query).await? {
                0 => Stored::Revoked,
                _ => Stored::Stored,
            })
        })
    }

    fn find_access_token<'a>(&'a self, token_hash: &'a Hash, now: Timestamp) -> Reply<'a, Option<Opened>> {
        const SQL: &str =
            "SELECT id, sealed FROM logins WHERE token_hash = ?1 AND state = 'live' AND expires > ?2";
        Box::pin(self.opened(SQL, token_hash, now))
    }

    fn find_code<'a>(&'a self, code_hash: &'a Hash, now: Timestamp) -> Reply<'a, Option<Opened>> {
        const SQL: &str =
            "SELECT id, sealed FROM logins WHERE code_hash = ?1 AND state = 'code' AND expires > ?2";
        Box::pin(self.opened(SQL, code_hash, now))
    }

    fn revoke_token<'a>(&'a self, hash: &'a Hash, now: Timestamp) -> Reply<'a, Revocation> {
        const SQL: &str = "UPDATE logins SET state = 'dead', token_hash = NULL, sealed = NULL \
            WHERE (token_hash = ?1 AND state = 'live' \
                OR code_hash = ?1 AND state IN ('code', 'used', 'live')) AND expires > ?2";
        Box::pin(async move {
            let query = sqlx::query(SQL).bind(hash.as_slice()).bind(now.millis());
            Ok(match self.change(query).await? {
                0 => Revocation::Gone,
                _ => Revocation::Revoked,
            })
        })
    }

    fn use_once<'a>(&'a self, word: &'a Hash, until: Timestamp, now: Timestamp) -> Reply<'a, Use> {
        const SQL: &str = "INSERT INTO used_words (hash, until) VALUES (?1, ?2) \
            ON CONFLICT (hash) DO UPDATE SET until = excluded.until WHERE until <= ?3";
        Box::pin(async move {
            let query = sqlx::query(SQL).bind(word.as_slice()).bind(until.millis()).bind(now.millis());
            Ok(match self.change(query).await? {
                0 => Use::Again,
                _ => Use::First,
            })
        })
    }

    fn put_pushed<'a>(&'a self, pushed: &'a NewPushed) -> Reply<'a, ()> {
        const SQL: &str =
            "INSERT INTO pushed_requests (hash, sealed, expires, keep_until) VALUES (?1, ?2, ?3, ?4)";
        Box::pin(async move {
            let query = sqlx::query(SQL)
                .bind(pushed.hash.as_slice())
                .bind(pushed.sealed.as_slice())
                .bind(pushed.expires.millis())
                .bind(pushed.keep_until.millis());
            self.change(query).await?;
            Ok(())
        })
    }

    fn find_pushed<'a>(&'a self, hash: &'a Hash, now: Timestamp) -> Reply<'a, Option<Vec<u8>>> {
        const SQL: &str = "SELECT sealed FROM pushed_requests WHERE hash = ?1 AND expires > ?2";
        Box::pin(async move {
            let query = sqlx::query_as::<_, (Vec<u8>,)>(SQL).bind(hash.as_slice()).bind(now.millis());
            Ok(self.row(query).await?.map(|(sealed,)| sealed))
        })
    }

    fn finish_pushed<'a>(&'a self, hash: &'a Hash) -> Reply<'a, Use> {
        const SQL: &str = "DELETE FROM pushed_requests WHERE hash = ?1";
        Box::pin(async move {
            Ok(match self.change(sqlx::query(SQL).bind(hash.as_slice())).await? {
                0 => Use::Again,
                _ => Use::First,
            })
        })
    }

    fn purge(&self, now: Timestamp) -> Reply<'_, Purged> {
        const REMOVE: &str = "DELETE FROM logins WHERE expires <= ?1 AND keep_until <= ?1";
        const EMPTY: &str = "UPDATE logins SET state = 'over', payload = '', sealed = NULL, request_id = NULL, \
            handle_hash = NULL, code_hash = NULL, token_hash = NULL, expires = keep_until \
            WHERE expires <= ?1";
        Box::pin(async move {
            let removed = self.change(sqlx::query(REMOVE).bind(now.millis())).await?;
            let emptied = self.change(sqlx::query(EMPTY).bind(now.millis())).await?;
            const PUSHED: &str = "DELETE FROM pushed_requests WHERE keep_until <= ?1";
            self.change(sqlx::query(PUSHED).bind(now.millis())).await?;
            self.change(sqlx::query("DELETE FROM sessions WHERE expires <= ?1").bind(now.millis())).await?;
            self.change(sqlx::query("DELETE FROM used_words WHERE until <= ?1").bind(now.millis())).await?;
            // The log still holds pages as they were; after this it is empty.
            self.change(sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")).await?;
            Ok(Purged { removed, emptied })
        })
    }

    fn check(&self) -> Reply<'_, ()> {
        // Takes the write lock, which a read-only or locked database refuses, and writes nothing.
        const SQL: &str = "UPDATE logins SET expires = expires WHERE id = ''";
        Box::pin(async move {
            self.change(sqlx::query(SQL)).await?;
            Ok(())
        })
    }

    fn close(&self) -> Reply<'_, ()> {
        Box::pin(async move {
            match self.0.lock().await.take() {
                Some(connection) => Ok(connection.close().await?),
                None => Ok(()),
            }
        })
    }
}

impl Sqlite {
    async fn opened(
        &self,
        sql: &'static str,
        hash: &Hash,
        now: Timestamp,
    ) -> Result<Option<Opened>, StoreError> {
        let query = sqlx::query_as::<_, (String, Vec<u8>)>(sql).bind(hash.as_slice()).bind(now.millis());
        Ok(self.row(query).await?.map(|(login_id, sealed)| Opened { login_id, sealed }))
    }

    async fn waiting(
        &self,
        sql: &'static str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<LoginRow>, StoreError> {
        type Row = (String, Vec<u8>, Option<String>, String, i64, i64);
        let query = sqlx::query_as::<_, Row>(sql).bind(key).bind(now.millis());
        let Some((id, browser_hash, request_id, payload, created, expires)) = self.row(query).await? else {
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
