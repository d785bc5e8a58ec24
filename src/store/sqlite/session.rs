//! The operations on sessions, in SQLite.

use super::Sqlite;
use crate::clock::Timestamp;
use crate::store::session::{NewSession, SessionCode, SessionRow, SessionStore};
use crate::store::{Hash, Issued, Reply};

impl SessionStore for Sqlite {
    fn begin_session<'a>(&'a self, session: &'a NewSession) -> Reply<'a, ()> {
        const SQL: &str = "INSERT INTO sessions (cookie_hash, sid_hash, client_id, sealed, expires) \
            VALUES (?1, ?2, ?3, ?4, ?5)";
        Box::pin(async move {
            let query = sqlx::query(SQL)
                .bind(session.cookie_hash.as_slice())
                .bind(session.sid_hash.as_slice())
                .bind(&session.client_id)
                .bind(session.sealed.as_slice())
                .bind(session.expires.millis());
            self.change(query).await?;
            Ok(())
        })
    }

    fn find_session<'a>(&'a self, cookie_hash: &'a Hash, now: Timestamp) -> Reply<'a, Option<SessionRow>> {
        const SQL: &str = "SELECT client_id, sealed FROM sessions WHERE cookie_hash = ?1 AND expires > ?2";
        Box::pin(async move {
            let query =
                sqlx::query_as::<_, (String, Vec<u8>)>(SQL).bind(cookie_hash.as_slice()).bind(now.millis());
            Ok(self.row(query).await?.map(|(client_id, sealed)| SessionRow { client_id, sealed }))
        })
    }

    fn issue_from_session<'a>(&'a self, code: &'a SessionCode, now: Timestamp) -> Reply<'a, Issued> {
        const SQL: &str = "INSERT INTO logins \
            (id, state, created, expires, keep_until, browser_hash, code_hash, payload, sealed) \
            SELECT ?1, 'code', ?5, ?4, ?4, cookie_hash, ?3, '', ?6 FROM sessions \
            WHERE cookie_hash = ?2 AND expires > ?5";
        Box::pin(async move {
            let query = sqlx::query(SQL)
                .bind(&code.login_id)
                .bind(code.cookie_hash.as_slice())
                .bind(code.code_hash.as_slice())
                .bind(code.expires.millis())
                .bind(now.millis())
                .bind(code.sealed.as_slice());
            Ok(match self.change(query).await? {
                0 => Issued::Gone,
                _ => Issued::Issued,
            })
        })
    }

    fn end_session<'a>(&'a self, hash: &'a Hash) -> Reply<'a, bool> {
        const SQL: &str = "DELETE FROM sessions WHERE cookie_hash = ?1 OR sid_hash = ?1";
        Box::pin(async move { Ok(self.change(sqlx::query(SQL).bind(hash.as_slice())).await? > 0) })
    }
}
