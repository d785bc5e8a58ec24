//! The operations on proven addresses, in PostgreSQL.

use super::Postgres;
use crate::store::mailbox::MailboxStore;
use crate::store::{Hash, Reply};

impl MailboxStore for Postgres {
    fn put_mailbox<'a>(&'a self, tag: &'a Hash, sealed: &'a [u8]) -> Reply<'a, ()> {
        const SQL: &str = "INSERT INTO mailboxes (tag, sealed) VALUES ($1, $2) \
            ON CONFLICT (tag) DO UPDATE SET sealed = excluded.sealed";
        Box::pin(async move {
            self.change(sqlx::query(SQL).bind(tag.as_slice()).bind(sealed)).await?;
            Ok(())
        })
    }

    fn find_mailbox<'a>(&'a self, tag: &'a Hash) -> Reply<'a, Option<Vec<u8>>> {
        const SQL: &str = "SELECT sealed FROM mailboxes WHERE tag = $1";
        Box::pin(async move {
            let row = self.row(sqlx::query_as::<_, (Vec<u8>,)>(SQL).bind(tag.as_slice())).await?;
            Ok(row.map(|(sealed,)| sealed))
        })
    }

    fn drop_mailbox<'a>(&'a self, tag: &'a Hash) -> Reply<'a, bool> {
        const SQL: &str = "DELETE FROM mailboxes WHERE tag = $1";
        Box::pin(async move { Ok(self.change(sqlx::query(SQL).bind(tag.as_slice())).await? > 0) })
    }
}
