//! The operations on clients, in PostgreSQL.

use super::Postgres;
use crate::store::clients::{Added, Changed, ClientStore, StoredClient, of_row};
use crate::store::{Reply, StoreError};

impl ClientStore for Postgres {
    fn clients_version(&self) -> Reply<'_, u64> {
        const SQL: &str = "SELECT COALESCE(SUM(revision), 0)::BIGINT FROM clients";
        Box::pin(async move {
            let row = self.row(sqlx::query_as::<_, (i64,)>(SQL)).await?;
            row.and_then(|(version,)| u64::try_from(version).ok()).ok_or(StoreError::Corrupt)
        })
    }

    fn clients(&self) -> Reply<'_, Vec<StoredClient>> {
        const SQL: &str = "SELECT id, revision, sealed FROM clients ORDER BY id";
        Box::pin(async move {
            let rows = self.rows(sqlx::query_as(SQL)).await?;
            rows.into_iter().map(of_row).collect()
        })
    }

    fn add_client<'a>(&'a self, id: &'a str, sealed: &'a [u8]) -> Reply<'a, Added> {
        const SQL: &str =
            "INSERT INTO clients (id, revision, sealed) VALUES ($1, 1, $2) ON CONFLICT (id) DO NOTHING";
        Box::pin(async move {
            Ok(match self.change(sqlx::query(SQL).bind(id).bind(sealed)).await? {
                0 => Added::Taken,
                _ => Added::Added,
            })
        })
    }

    fn change_client<'a>(&'a self, client: &'a StoredClient, sealed: &'a [u8]) -> Reply<'a, Changed> {
        const SQL: &str =
            "UPDATE clients SET sealed = $3, revision = revision + 1 WHERE id = $1 AND revision = $2";
        Box::pin(async move {
            let revision = i64::try_from(client.revision).map_err(|_| StoreError::Corrupt)?;
            let query = sqlx::query(SQL).bind(&client.id).bind(revision).bind(sealed);
            Ok(match self.change(query).await? {
                0 => Changed::Overtaken,
                _ => Changed::Changed,
            })
        })
    }
}
