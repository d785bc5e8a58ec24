//! The operations on metadata, in PostgreSQL.

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{Connection as _, Executor as _};

use super::Postgres;
use crate::clock::Timestamp;
use crate::store::metadata::{Document, DocumentState, MetadataStore, Refresh};
use crate::store::{Hash, Reply, StoreError};

type Statement<'q> = Query<'q, sqlx::Postgres, PgArguments>;

impl Postgres {
    /// Runs the statements in one transaction; if any of them changed a row, the version is another.
    async fn change_metadata(
        &self,
        statements: impl IntoIterator<Item = Statement<'_>>,
    ) -> Result<u64, StoreError> {
        const VERSION: &str = "UPDATE metadata_version SET version = version + 1";
        let mut connection = self.connection().await?;
        let mut transaction = connection.begin().await?;
        let mut changed = 0;
        for statement in statements {
            changed += statement.execute(&mut *transaction).await?.rows_affected();
        }
        if changed > 0 {
            transaction.execute(sqlx::query(VERSION)).await?;
        }
        transaction.commit().await?;
        Ok(changed)
    }
}

impl MetadataStore for Postgres {
    fn metadata_version(&self) -> Reply<'_, u64> {
        Box::pin(async move {
            let row = self.row(sqlx::query_as::<_, (i64,)>("SELECT version FROM metadata_version")).await?;
            let version = row.and_then(|(version,)| u64::try_from(version).ok());
            version.ok_or(StoreError::Corrupt)
        })
    }

    fn documents(&self) -> Reply<'_, Vec<Document>> {
        const SQL: &str = "SELECT source, state, url, octets, sha256, etag, last_modified, fetched, \
            valid_until, changes FROM metadata_documents ORDER BY source, state DESC";
        type Row =
            (String, String, String, Vec<u8>, Vec<u8>, Option<String>, Option<String>, i64, i64, String);
        Box::pin(async move {
            let rows = self.rows(sqlx::query_as::<_, Row>(SQL)).await?;
            let documents = rows.into_iter().map(|row| {
                let (source, state, url, octets, sha256, etag, last_modified, fetched, valid_until, changes) =
                    row;
                Ok(Document {
                    source,
                    state: DocumentState::parse(&state)?,
                    url,
                    octets,
                    sha256: sha256.try_into().map_err(|_| StoreError::Corrupt)?,
                    etag,
                    last_modified,
                    fetched: Timestamp::from_millis(fetched),
                    valid_until: Timestamp::from_millis(valid_until),
                    changes: serde_json::from_str(&changes).map_err(|_| StoreError::Corrupt)?,
                })
            });
            documents.collect()
        })
    }

    fn put_document<'a>(&'a self, document: &'a Document) -> Reply<'a, ()> {
        const PUT: &str = "INSERT INTO metadata_documents (source, state, url, octets, sha256, etag, \
            last_modified, fetched, valid_until, changes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
            ON CONFLICT (source, state) DO UPDATE SET url = excluded.url, octets = excluded.octets, \
            sha256 = excluded.sha256, etag = excluded.etag, last_modified = excluded.last_modified, \
            fetched = excluded.fetched, valid_until = excluded.valid_until, changes = excluded.changes";
        const UNPEND: &str =
            "DELETE FROM metadata_documents WHERE source = $1 AND $2::TEXT = 'trusted' AND state = 'pending'";
        Box::pin(async move {
            let changes = serde_json::Value::from(document.changes.clone()).to_string();
            let put = sqlx::query(PUT)
                .bind(&document.source)
                .bind(document.state.as_str())
                .bind(&document.url)
                .bind(document.octets.as_slice())
                .bind(document.sha256.as_slice())
                .bind(&document.etag)
                .bind(&document.last_modified)
                .bind(document.fetched.millis())
                .bind(document.valid_until.millis())
                .bind(changes);
            let unpend = sqlx::query(UNPEND).bind(&document.source).bind(document.state.as_str());
            self.change_metadata([put, unpend]).await?;
            Ok(())
        })
    }

    fn confirm_document<'a>(&'a self, source: &'a str, fetched: Timestamp) -> Reply<'a, ()> {
        const SQL: &str =
            "UPDATE metadata_documents SET fetched = $2 WHERE source = $1 AND state = 'trusted'";
        Box::pin(async move {
            self.change(sqlx::query(SQL).bind(source).bind(fetched.millis())).await?;
            Ok(())
        })
    }

    fn drop_document<'a>(&'a self, source: &'a str, state: DocumentState) -> Reply<'a, bool> {
        const SQL: &str = "DELETE FROM metadata_documents WHERE source = $1 AND state = $2";
        Box::pin(async move {
            let dropped = sqlx::query(SQL).bind(source).bind(state.as_str());
            Ok(self.change_metadata([dropped]).await? > 0)
        })
    }

    fn expire_documents(&self, now: Timestamp) -> Reply<'_, Vec<(String, DocumentState)>> {
        const SQL: &str = "DELETE FROM metadata_documents WHERE valid_until <= $1 RETURNING source, state";
        Box::pin(async move {
            let query = sqlx::query_as::<_, (String, String)>(SQL).bind(now.millis());
            let rows = self.rows(query).await?;
            rows.into_iter().map(|(source, state)| Ok((source, DocumentState::parse(&state)?))).collect()
        })
    }

    fn note_refresh<'a>(&'a self, refresh: &'a Refresh) -> Reply<'a, ()> {
        const SQL: &str = "INSERT INTO metadata_refreshes (source, attempted, failures, code, detail, next) \
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (source) DO UPDATE SET \
            attempted = excluded.attempted, failures = excluded.failures, code = excluded.code, \
            detail = excluded.detail, next = excluded.next";
        Box::pin(async move {
            let query = sqlx::query(SQL)
                .bind(&refresh.source)
                .bind(refresh.attempted.millis())
                .bind(i64::from(refresh.failures))
                .bind(&refresh.code)
                .bind(&refresh.detail)
                .bind(refresh.next.millis());
            self.change(query).await?;
            Ok(())
        })
    }

    fn refreshes(&self) -> Reply<'_, Vec<Refresh>> {
        const SQL: &str =
            "SELECT source, attempted, failures, code, detail, next FROM metadata_refreshes ORDER BY source";
        type Row = (String, i64, i64, Option<String>, Option<String>, i64);
        Box::pin(async move {
            let rows = self.rows(sqlx::query_as::<_, Row>(SQL)).await?;
            let refreshes = rows.into_iter().map(|(source, attempted, failures, code, detail, next)| {
                Ok(Refresh {
                    source,
                    attempted: Timestamp::from_millis(attempted),
                    failures: u32::try_from(failures).map_err(|_| StoreError::Corrupt)?,
                    code,
                    detail,
                    next: Timestamp::from_millis(next),
                })
            });
            refreshes.collect()
        })
    }

    fn approve<'a>(&'a self, source: &'a str, sha256: &'a Hash, now: Timestamp) -> Reply<'a, ()> {
        const SQL: &str = "INSERT INTO metadata_approvals (source, sha256, approved) VALUES ($1, $2, $3) \
            ON CONFLICT (source, sha256) DO UPDATE SET approved = excluded.approved";
        Box::pin(async move {
            let approval = sqlx::query(SQL).bind(source).bind(sha256.as_slice()).bind(now.millis());
            self.change_metadata([approval]).await?;
            Ok(())
        })
    }

    fn is_approved<'a>(&'a self, source: &'a str, sha256: &'a Hash) -> Reply<'a, bool> {
        const SQL: &str = "SELECT 1::BIGINT FROM metadata_approvals WHERE source = $1 AND sha256 = $2";
        Box::pin(async move {
            let query = sqlx::query_as::<_, (i64,)>(SQL).bind(source).bind(sha256.as_slice());
            Ok(self.row(query).await?.is_some())
        })
    }
}
