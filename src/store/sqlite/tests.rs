//! The conformance suite on SQLite, in a file and in memory, and what is particular to files.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::store::conformance::{
    self, answer, answered, at, coded, departed, departure, hash, instances, login, suite, token, tokened,
};
use crate::store::{NewAnswer, NewCode};

mod in_memory {
    use super::*;

    async fn memory(_: &str) -> Option<(Arc<dyn Store>, ())> {
        Some((crate::store::open("sqlite::memory:").await.unwrap(), ()))
    }

    suite!(memory);
}

mod in_a_file {
    use super::*;

    async fn file(_: &str) -> Option<(Arc<dyn Store>, Directory)> {
        let directory = Directory::new();
        Some((directory.open().await, directory))
    }

    suite!(file);
}

mod two_processes_on_one_file {
    use super::*;

    async fn file(_: &str) -> Option<([Arc<dyn Store>; 2], Directory)> {
        let directory = Directory::new();
        Some(([directory.open().await, directory.open().await], directory))
    }

    instances::suite!(file);
}

#[tokio::test]
async fn replays_are_refused_after_a_restart_too() {
    let directory = Directory::new();
    let store = directory.open().await;
    answered(&store, 1).await;
    store.close().await.unwrap();

    let store = directory.open().await;
    departed(&store, 2).await;
    for replay in [
        NewAnswer { response_id: answer(1).response_id, ..answer(2) },
        NewAnswer { assertion_id: answer(1).assertion_id, ..answer(2) },
    ] {
        assert_eq!(store.answer(&replay, at(3)).await, Ok(Answered::Replayed));
    }
    assert_eq!(store.answer(&answer(1), at(3)).await, Ok(Answered::Gone));
}

#[tokio::test]
async fn a_first_start_of_two_processes_at_once_succeeds() {
    let directory = Directory::new();
    let url = directory.url();
    let starts: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { Sqlite::open(&url).await.map(|_| ()) })
        })
        .collect();
    for start in starts {
        assert_eq!(start.await.unwrap(), Ok(()));
    }
}

#[tokio::test]
async fn after_a_purge_the_files_hold_nothing_of_what_expired() {
    const MARKER: &str = "Papadopoulou-marker";
    let directory = Directory::new();
    let store = directory.open().await;
    let marked = || MARKER.repeat(400).into_bytes();
    // One login is left at each step, so that every column has held the marker.
    store.begin(&NewLogin { payload: MARKER.repeat(400), ..login(1) }).await.unwrap();
    departed(&store, 2).await;
    store.depart(&Departure { payload: MARKER.repeat(300), ..departure(2) }, at(1)).await.unwrap();
    departed(&store, 3).await;
    store.answer(&NewAnswer { sealed: marked(), ..answer(3) }, at(2)).await.unwrap();
    answered(&store, 4).await;
    store.take_outcome(&hash("handle", 4), &hash("browser", 4), at(3)).await.unwrap();
    store.issue_code(&NewCode { sealed: marked(), ..conformance::code(4) }, at(3)).await.unwrap();
    coded(&store, 5).await;
    store.redeem_code(&hash("code", 5), at(6)).await.unwrap();
    store.put_access_token(&NewAccessToken { sealed: marked(), ..token(5) }, at(7)).await.unwrap();
    store.begin(&NewLogin { payload: MARKER.to_owned(), ..login(6) }).await.unwrap();
    store.abandon(&login(6).id, at(7)).await.unwrap();
    assert!(directory.holds(MARKER));

    let purged = store.purge(at(900)).await.unwrap();
    assert_eq!(purged, Purged { removed: 5, emptied: 0 });
    assert!(!directory.holds(MARKER));
    assert!(!directory.holds("_assertion-3"));
}

#[tokio::test]
async fn what_expired_is_gone_from_the_files_although_its_identifiers_are_kept() {
    let directory = Directory::new();
    let store = directory.open().await;
    answered(&store, 1).await;
    tokened(&store, 2).await;
    assert!(directory.holds("sealed outcome 1"));
    assert_eq!(store.purge(at(70)).await, Ok(Purged { removed: 0, emptied: 1 }));
    assert!(!directory.holds("sealed outcome 1"));
    assert!(directory.holds("_assertion-1") && directory.holds("sealed claims 2"));
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let store = Sqlite::open("sqlite::memory:").await.unwrap();
    store.close().await.unwrap();
    store.close().await.unwrap();
    assert_eq!(store.check().await, Err(StoreError::Unavailable("it is closed".to_owned())));
}

#[tokio::test]
async fn nobody_else_may_read_the_database() {
    let directory = Directory::new();
    answered(&directory.open().await, 1).await;
    for entry in std::fs::read_dir(&directory.0).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", entry.path().display());
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_corrupt() {
    let directory = Directory::new();
    std::fs::write(directory.file(), "not a database, but long enough to be looked at ".repeat(100)).unwrap();
    assert_eq!(Sqlite::open(&directory.url()).await.unwrap_err(), StoreError::Corrupt);
}

#[tokio::test]
async fn a_damaged_database_is_corrupt() {
    let directory = Directory::new();
    let store = directory.open().await;
    answered(&store, 1).await;
    store.close().await.unwrap();
    let mut octets = std::fs::read(directory.file()).unwrap();
    octets[4096..].fill(0xAA);
    std::fs::write(directory.file(), octets).unwrap();
    let damaged = match Sqlite::open(&directory.url()).await {
        Ok(store) => store.find(&login(1).id, at(1)).await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(damaged, StoreError::Corrupt);
}

#[tokio::test]
async fn a_database_that_another_process_holds_is_locked() {
    let directory = Directory::new();
    let store = Sqlite::open_patiently(&directory.url(), Duration::from_millis(20)).await.unwrap();
    store.begin(&login(1)).await.unwrap();
    let other = Sqlite::open(&directory.url()).await.unwrap();
    let mut other = other.connection().await.unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    assert_eq!(store.begin(&login(2)).await, Err(StoreError::Locked));
    assert_eq!(store.check().await, Err(StoreError::Locked));
    // Reading goes on beside a writer.
    assert!(store.find(&login(1).id, at(1)).await.unwrap().is_some());
    lock.rollback().await.unwrap();
    assert_eq!(store.begin(&login(2)).await, Ok(()));
}

#[tokio::test]
async fn a_database_that_is_locked_at_the_start_is_locked() {
    let directory = Directory::new();
    let other = Sqlite::open(&directory.url()).await.unwrap();
    other.close().await.unwrap();
    let options = SqliteConnectOptions::from_str(&directory.url()).unwrap();
    let mut holder = options.connect().await.unwrap();
    sqlx::query("PRAGMA locking_mode = EXCLUSIVE").execute(&mut holder).await.unwrap();
    sqlx::query("BEGIN EXCLUSIVE").execute(&mut holder).await.unwrap();
    let error = Sqlite::open_patiently(&directory.url(), Duration::from_millis(20)).await.unwrap_err();
    assert_eq!(error, StoreError::Locked);
}

#[tokio::test]
async fn a_read_only_database_is_read_only() {
    let directory = Directory::new();
    directory.open().await.close().await.unwrap();
    let url = format!("{}?mode=ro", directory.url());
    let error = match Sqlite::open(&url).await {
        Ok(store) => store.check().await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error, StoreError::ReadOnly);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_not_touched() {
    let directory = Directory::new();
    let store = Sqlite::open(&directory.url()).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
        VALUES (9001, 'from the future', TRUE, x'00', 0)";
    sqlx::query(newer).execute(&mut *store.connection().await.unwrap()).await.unwrap();
    store.close().await.unwrap();
    let error = Sqlite::open(&directory.url()).await.unwrap_err();
    assert_eq!(error, StoreError::NewerSchema { found: 9001 });
}

#[tokio::test]
async fn a_schema_that_something_else_changed_is_not_touched() {
    let directory = Directory::new();
    let store = Sqlite::open(&directory.url()).await.unwrap();
    sqlx::query("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1")
        .execute(&mut *store.connection().await.unwrap())
        .await
        .unwrap();
    store.close().await.unwrap();
    let error = Sqlite::open(&directory.url()).await.unwrap_err();
    assert_eq!(error, StoreError::NewerSchema { found: 1 });
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_unavailable() {
    let error = Sqlite::open("sqlite:///nonexistent/gateway.db").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

#[tokio::test]
async fn only_known_databases_are_opened() {
    for url in ["", "gateway.db", "mysql://localhost/x"] {
        assert_eq!(crate::store::open(url).await.err(), Some(StoreError::Url), "{url}");
    }
}

#[tokio::test]
async fn writes_are_logged_ahead_and_what_is_deleted_is_overwritten() {
    let directory = Directory::new();
    let store = Sqlite::open(&directory.url()).await.unwrap();
    let pragma = async |name: &'static str| {
        let sql = sqlx::AssertSqlSafe(format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"));
        sqlx::query_scalar::<_, String>(sql).fetch_one(&mut *store.connection().await.unwrap()).await.unwrap()
    };
    assert_eq!(pragma("journal_mode").await, "wal");
    assert_eq!(pragma("synchronous").await, "1");
    assert_eq!(pragma("secure_delete").await, "1");
    assert_eq!(pragma("foreign_keys").await, "1");
}

#[tokio::test]
async fn every_step_finds_its_row_by_an_index() {
    let store = Sqlite::open("sqlite::memory:").await.unwrap();
    for condition in [
        "id = ?1 AND state = 'wait'",
        "request_id = ?1 AND state = 'wait'",
        "handle_hash = ?1 AND browser_hash = ?2",
        "code_hash = ?1 AND state = 'code'",
        "token_hash = ?1 AND state = 'live'",
        "expires <= ?1 AND keep_until <= ?1",
        "expires <= ?1",
    ] {
        let sql = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN SELECT * FROM logins WHERE {condition}"));
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(sql).fetch_all(&mut *store.connection().await.unwrap()).await.unwrap();
        assert!(plan.iter().all(|step| step.3.contains("USING INDEX")), "{condition}: {plan:?}");
    }
}

/// A directory of its own for a test, removed afterwards.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let name = format!("eidas-gateway-store-{}", crate::ids::handle(&crate::ids::SystemRandom));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("gateway.db")
    }

    fn url(&self) -> String {
        format!("sqlite://{}", self.file().display())
    }

    async fn open(&self) -> Arc<dyn Store> {
        crate::store::open(&self.url()).await.unwrap()
    }

    /// Whether any file in it, log and shared memory included, holds `text`.
    fn holds(&self, text: &str) -> bool {
        let holds = |path: &Path| {
            let octets = std::fs::read(path).unwrap();
            octets.windows(text.len()).any(|window| window == text.as_bytes())
        };
        std::fs::read_dir(&self.0).unwrap().any(|entry| holds(&entry.unwrap().path()))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
