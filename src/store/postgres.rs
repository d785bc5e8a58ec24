//! The store on a PostgreSQL server: the same operations as on SQLite, for several instances at once.
//!
//! Each operation is one conditional statement under READ COMMITTED. A statement that finds its row locked
//! waits for whoever holds it and then judges its condition anew, on the row as it was left (PostgreSQL,
//! "Transaction Isolation" §13.2.1); so of two that want the row in one state, the second finds it in the
//! next one and changes nothing. Statements are prepared once on each connection.

mod clients;
mod logins;
mod mailbox;
mod metadata;
mod session;

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgRow, PgSslMode};
use sqlx::query::{Query, QueryAs};
use sqlx::{ConnectOptions as _, Connection as _, FromRow};
use tokio::time::timeout;

use super::StoreError;

/// A PostgreSQL database and the few connections that this instance has to it.
#[derive(Debug)]
pub struct Postgres(PgPool);

static MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations/postgres");

/// How many connections an instance has at most. A statement takes a fraction of a millisecond, and the
/// signatures of a login take several: more connections would only stand idle.
const CONNECTIONS: u32 = 10;

/// How long an operation waits for a connection, and then for its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a statement may take at the server, a little less than we wait for it; in milliseconds.
const STATEMENT: &str = "4000";

/// How long a connection may rest before it is asked whether it is still there.
const REST: Duration = Duration::from_secs(1);

/// How long the start waits for another instance that is changing the schema.
const SCHEMA: Duration = Duration::from_secs(60);

impl Postgres {
    /// Connects to the database at `url` and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError`] says what is wrong with the database.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let options = options(url)?;
        // By itself first: a pool would try again and again and then only say that it took too long.
        prepare(&options).await?;
        Ok(Self(pool(options)))
    }

    async fn connection(&self) -> Result<PoolConnection<sqlx::Postgres>, StoreError> {
        Ok(self.0.acquire().await?)
    }

    /// How many rows a statement changed; `None` if that would have taken a value which has to be the only one
    /// and is there already. A connection that does not answer in time is given up: the server behind it may be
    /// gone without a word.
    async fn change_unless_taken(
        &self,
        query: Query<'_, sqlx::Postgres, PgArguments>,
    ) -> Result<Option<u64>, StoreError> {
        let mut connection = self.connection().await?;
        match timeout(PATIENCE, query.execute(&mut *connection)).await {
            Ok(Ok(done)) => Ok(Some(done.rows_affected())),
            Ok(Err(sqlx::Error::Database(error))) if error.is_unique_violation() => Ok(None),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(given_up(connection)),
        }
    }

    /// How many rows a statement changed.
    async fn change(&self, query: Query<'_, sqlx::Postgres, PgArguments>) -> Result<u64, StoreError> {
        let taken = || StoreError::Unavailable("a value that has to be the only one is there".to_owned());
        self.change_unless_taken(query).await?.ok_or_else(taken)
    }

    /// The rows that a statement returns.
    async fn rows<T>(&self, query: QueryAs<'_, sqlx::Postgres, T, PgArguments>) -> Result<Vec<T>, StoreError>
    where
        T: Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        let mut connection = self.connection().await?;
        match timeout(PATIENCE, query.fetch_all(&mut *connection)).await {
            Ok(rows) => Ok(rows?),
            Err(_) => Err(given_up(connection)),
        }
    }

    /// The row that a statement returns, if any.
    async fn row<T>(
        &self,
        query: QueryAs<'_, sqlx::Postgres, T, PgArguments>,
    ) -> Result<Option<T>, StoreError>
    where
        T: Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        Ok(self.rows(query).await?.pop())
    }
}

/// Connections are made when they are needed.
fn pool(options: PgConnectOptions) -> PgPool {
    let options = options.options([
        // A role or database may have another default, under which a waiting statement fails.
        ("default_transaction_isolation", "read committed"),
        ("statement_timeout", STATEMENT),
        ("idle_in_transaction_session_timeout", STATEMENT),
    ]);
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .min_connections(1)
        .acquire_timeout(PATIENCE)
        .test_before_acquire(false)
        .before_acquire(|connection, about| {
            Box::pin(async move {
                if about.idle_for > REST {
                    connection.ping().await?;
                }
                Ok(true)
            })
        });
    pool.connect_lazy_with(options)
}

fn given_up(mut connection: PoolConnection<sqlx::Postgres>) -> StoreError {
    connection.close_on_drop();
    StoreError::Unreachable("no answer in time".to_owned())
}

fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
    // What exactly is wrong with it might quote the password.
    let options = PgConnectOptions::from_str(url).map_err(|_| StoreError::Url)?;
    let remote = options.get_socket().is_none() && !is_here(options.get_host());
    let says = ["sslmode=", "ssl-mode="].iter().any(|name| url.contains(name));
    // Left to itself the library would talk in clear to whoever says that it cannot do TLS.
    let options = if remote && !says { options.ssl_mode(PgSslMode::VerifyFull) } else { options };
    let options = options.application_name("eidas-gateway").disable_statement_logging();
    // It would tell at each start that its tables are there.
    Ok(options.options([("client_min_messages", "warning")]))
}

/// Whether a server's name is one of this machine.
fn is_here(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || host.starts_with('/') || address.is_ok_and(|address| address.is_loopback())
}

/// Brings the schema up to date. Of instances that start at once one does it, under a lock of the server's,
/// and the others find it done.
async fn prepare(options: &PgConnectOptions) -> Result<(), StoreError> {
    let connecting = timeout(PATIENCE, options.connect()).await;
    let mut connection = match connecting {
        Ok(Err(sqlx::Error::Io(error))) => return Err(StoreError::Unreachable(error.to_string())),
        Ok(connected) => connected?,
        Err(_) => return Err(StoreError::Unreachable("no answer in time".to_owned())),
    };
    let encoding = sqlx::query_as::<_, (String,)>("SELECT current_setting('server_encoding')");
    let (encoding,) = encoding.fetch_one(&mut connection).await?;
    if encoding != "UTF8" {
        return Err(StoreError::Encoding(encoding));
    }
    match timeout(SCHEMA, migrate(&mut connection)).await {
        Ok(done) => done?,
        Err(_) => return Err(StoreError::Locked),
    }
    Ok(connection.close().await?)
}

async fn migrate(connection: &mut PgConnection) -> Result<(), StoreError> {
    Ok(MIGRATIONS.run_direct(None, connection, false).await?)
}

#[cfg(test)]
mod fresh;
#[cfg(test)]
mod tests;
