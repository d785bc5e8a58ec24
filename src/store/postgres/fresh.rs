//! For tests: an empty schema on the server that the environment variable EIDAS_GATEWAY_TEST_POSTGRES names by
//! its URL. Tests of the store and those in tests/it have this file in common.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{Connection as _, PgConnection};

/// A schema of its own for a test, removed afterwards.
#[derive(Debug)]
pub(crate) struct Fresh {
    server: String,
    schema: String,
}

impl Fresh {
    /// Says so if there is no server for tests, and that `test` is skipped.
    pub(crate) async fn new(test: &str) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let Some(server) = server() else {
            println!("skipped: {test}: EIDAS_GATEWAY_TEST_POSTGRES is not set");
            return None;
        };
        let schema = format!("gw{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let fresh = Self { server, schema };
        fresh.execute(format!("DROP SCHEMA IF EXISTS {} CASCADE", fresh.schema)).await;
        fresh.execute(format!("CREATE SCHEMA {}", fresh.schema)).await;
        Some(fresh)
    }

    /// Its address, as a gateway is told it.
    pub(crate) fn url(&self) -> String {
        let separator = if self.server.contains('?') { '&' } else { '?' };
        format!("{}{separator}options[search_path]={}", self.server, self.schema)
    }

    async fn execute(&self, sql: String) {
        let mut connection = PgConnection::connect(&self.server).await.unwrap();
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(self.execute(format!("DROP SCHEMA {} CASCADE", self.schema)));
            });
        });
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "which server there is for tests is not a setting of the gateway"
)]
fn server() -> Option<String> {
    std::env::var("EIDAS_GATEWAY_TEST_POSTGRES").ok()
}
