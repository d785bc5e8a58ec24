//! The conformance suite on PostgreSQL, for one instance and for two, and what is particular to servers. Without
//! a server for tests they say that they are skipped.

use std::sync::Arc;

use super::fresh::Fresh;
use super::*;
use crate::store::conformance::{self, answered, instances, login, suite};
use crate::store::{Store, Taken};

mod alone {
    use super::*;

    async fn server(test: &str) -> Option<(Arc<dyn Store>, Fresh)> {
        let fresh = Fresh::new(test).await?;
        Some((crate::store::open(&fresh.url()).await.unwrap(), fresh))
    }

    suite!(server);
}

mod two_instances {
    use super::*;

    async fn server(test: &str) -> Option<([Arc<dyn Store>; 2], Fresh)> {
        let fresh = Fresh::new(test).await?;
        let url = fresh.url();
        let open = || crate::store::open(&url);
        Some(([open().await.unwrap(), open().await.unwrap()], fresh))
    }

    instances::suite!(server);
}

#[tokio::test]
async fn a_first_start_of_four_instances_at_once_succeeds() {
    let Some(fresh) = Fresh::new("a_first_start_of_four_instances_at_once_succeeds").await else { return };
    let starts: Vec<_> = (0..4)
        .map(|_| {
            let url = fresh.url();
            tokio::spawn(async move { Postgres::open(&url).await.map(|_| ()) })
        })
        .collect();
    for start in starts {
        assert_eq!(start.await.unwrap(), Ok(()));
    }
}

#[tokio::test]
async fn a_schema_of_a_newer_version_is_left_alone() {
    let Some(fresh) = Fresh::new("a_schema_of_a_newer_version_is_left_alone").await else { return };
    let store = Postgres::open(&fresh.url()).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
        VALUES (9999, 'tomorrow', TRUE, '\\x00', 0)";
    store.change(sqlx::query(newer)).await.unwrap();
    let refused = Postgres::open(&fresh.url()).await.unwrap_err();
    assert_eq!(refused, StoreError::NewerSchema { found: 9999 });
}

#[tokio::test]
async fn a_wrong_user_password_or_database_is_told_apart() {
    let Some(fresh) = Fresh::new("a_wrong_user_password_or_database_is_told_apart").await else { return };
    let url = fresh.url();
    let (start, rest) = url.split_once("://").unwrap();
    let (_, place) = rest.split_once('@').unwrap();
    let (host, _) = place.split_once('/').unwrap();
    let refused = |url: String| async move { Postgres::open(&url).await.unwrap_err() };
    let stranger = refused(format!("{start}://stranger:s3cret-s3cret@{place}")).await;
    assert!(matches!(stranger, StoreError::Refused(_)), "{stranger}");
    assert!(!stranger.to_string().contains("s3cret"), "{stranger}");
    let (user, _) = rest.split_once('@').unwrap();
    let missing = refused(format!("{start}://{user}@{host}/there-is-none")).await;
    let said = "database \"there-is-none\" does not exist".to_owned();
    assert_eq!(missing, StoreError::Missing(said));
    // Who insists does not speak to a server without TLS, nor to one that nobody vouches for.
    let (unknown, _) = url.split_once('?').unwrap();
    let clear = refused(format!("{unknown}?sslmode=verify-full")).await;
    assert!(matches!(clear, StoreError::Tls(_)), "{clear}");
}

#[tokio::test]
async fn a_server_that_is_not_there_does_not_answer() {
    let refused = Postgres::open("postgres://gw:s3cret@127.0.0.1:1/gateway").await.unwrap_err();
    assert!(matches!(refused, StoreError::Unreachable(_)), "{refused}");
    assert!(!refused.to_string().contains("s3cret"));
    for url in ["postgres://gw:s3cret@/x", "postgres://gw:s3cret@host:port/x"] {
        let refused = Postgres::open(url).await.unwrap_err();
        assert!(!refused.to_string().contains("s3cret"), "{refused}");
    }
}

#[tokio::test]
async fn a_standby_is_read_only() {
    let Some(fresh) = Fresh::new("a_standby_is_read_only").await else { return };
    let store = Postgres::open(&fresh.url()).await.unwrap();
    answered(&(Arc::new(store) as Arc<dyn Store>), 1).await;
    // As a standby does: it answers, and refuses to write.
    let url = format!("{}&options[default_transaction_read_only]=on", fresh.url());
    let options = options(&url).unwrap();
    let standby = Postgres(pool(options));
    assert_eq!(standby.check().await, Err(StoreError::ReadOnly));
    assert_eq!(standby.begin(&login(2)).await, Err(StoreError::ReadOnly));
}

#[tokio::test]
async fn connections_that_the_server_ended_are_replaced() {
    const NAME: &str = "eidas-gateway-test-ended";
    let Some(fresh) = Fresh::new("connections_that_the_server_ended_are_replaced").await else { return };
    let outside = Postgres::open(&fresh.url()).await.unwrap();
    let options = options(&fresh.url()).unwrap().application_name(NAME);
    let store: Arc<dyn Store> = Arc::new(Postgres(pool(options)));
    answered(&store, 1).await;
    // Those of this test alone: they have its name.
    let end = "SELECT pg_terminate_backend(pid)::TEXT FROM pg_stat_activity WHERE application_name = $1";
    outside.change(sqlx::query(end).bind(NAME)).await.unwrap();
    // What rested a moment only is not asked whether it is there, and fails once.
    let mut attempts = (0..CONNECTIONS).map(|_| ());
    while let Err(error) = store.check().await {
        assert!(matches!(error, StoreError::Unreachable(_)), "{error}");
        attempts.next().unwrap();
    }
    assert!(matches!(conformance::take(&store, 1).await, Taken::Outcome(_)));
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let Some(fresh) = Fresh::new("a_closed_store_says_so").await else { return };
    let store = Postgres::open(&fresh.url()).await.unwrap();
    store.close().await.unwrap();
    store.close().await.unwrap();
    assert_eq!(store.check().await, Err(StoreError::Unavailable("it is closed".to_owned())));
}

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index() {
    let Some(fresh) = Fresh::new("every_statement_finds_its_rows_by_an_index").await else { return };
    // Of an empty table the server would read all of it.
    let url = format!("{}&options[enable_seqscan]=off", fresh.url());
    let store = Postgres::open(&url).await.unwrap();
    for (table, condition) in [
        ("logins", "id = '1' AND state = 'wait'"),
        ("logins", "request_id = '1' AND state = 'wait'"),
        ("logins", "handle_hash = '1' AND browser_hash = '1'"),
        ("logins", "code_hash = '1' AND state = 'code'"),
        ("logins", "token_hash = '1' AND state = 'live'"),
        ("logins", "expires <= 1 AND keep_until <= 1"),
        ("used_words", "until <= 1"),
        ("pushed_requests", "hash = '1'"),
        ("pushed_requests", "keep_until <= 1"),
        ("sessions", "cookie_hash = '1' OR sid_hash = '1'"),
        ("sessions", "expires <= 1"),
    ] {
        let sql = sqlx::AssertSqlSafe(format!("EXPLAIN SELECT * FROM {table} WHERE {condition}"));
        let plan: Vec<(String,)> = store.rows(sqlx::query_as(sql)).await.unwrap();
        assert!(plan.iter().any(|(step,)| step.contains("Index Cond")), "{condition}: {plan:?}");
    }
}

#[tokio::test]
async fn waiting_statements_are_judged_anew_whatever_the_default_of_the_role() {
    let test = "waiting_statements_are_judged_anew_whatever_the_default_of_the_role";
    let Some(fresh) = Fresh::new(test).await else { return };
    let url = format!("{}&options[default_transaction_isolation]=serializable", fresh.url());
    let store = Postgres::open(&url).await.unwrap();
    let level = sqlx::query_as("SELECT current_setting('transaction_isolation')");
    assert_eq!(store.row(level).await, Ok(Some(("read committed".to_owned(),))));
}

#[test]
fn who_is_not_here_is_spoken_to_in_tls() {
    let mode = |url: &str| format!("{:?}", options(url).unwrap().get_ssl_mode());
    for here in ["postgres://gw@localhost/x", "postgres://gw@127.0.0.1/x", "postgres://gw@[::1]/x"] {
        assert_eq!(mode(here), "Prefer", "{here}");
    }
    assert_eq!(mode("postgres:///x?host=/run/postgresql"), "Prefer");
    assert_eq!(mode("postgres://gw@db.example/x"), "VerifyFull");
    assert_eq!(mode("postgres://gw@10.0.0.1/x"), "VerifyFull");
    assert_eq!(mode("postgres://gw@db.example/x?sslmode=require"), "Require");
}
