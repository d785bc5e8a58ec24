//! The operations on logins, words and pushed requests, in PostgreSQL.

use super::Postgres;
use crate::clock::Timestamp;
use crate::store::{
    Abandoned, Answered, Departed, Departure, Hash, Held, Issued, LoginRow, NewAccessToken, NewAnswer,
    NewCode, NewLogin, NewPushed, Opened, Outcome, Purged, Redeemed, Reply, Revocation, Store, StoreError,
    Stored, Taken, Use,
};

impl Store for Postgres {
    fn begin<'a>(&'a self, login: &'a NewLogin) -> Reply<'a, ()> {
        const SQL: &str = "INSERT INTO logins \
            (id, state, created, expires, keep_until, browser_hash, request_id, payload) \
            VALUES ($1, 'wait', $2, $3, $3, $4, $5, $6)";
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
            WHERE id = $1 AND state = 'wait' AND expires > $2";
        Box::pin(self.waiting(SQL, id, now))
    }

    fn depart<'a>(&'a self, departure: &'a Departure, now: Timestamp) -> Reply<'a, Departed> {
        const SQL: &str = "UPDATE logins SET request_id = $2, payload = $3 \
            WHERE id = $1 AND state = 'wait' AND expires > $4";
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
        const SQL: &str = "DELETE FROM logins WHERE id = $1 AND state = 'wait' AND expires > $2";
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
            WHERE request_id = $1 AND state = 'wait' AND expires > $2";
        Box::pin(self.waiting(SQL, request_id, now))
    }

    fn answer<'a>(&'a self, answer: &'a NewAnswer, now: Timestamp) -> Reply<'a, Answered> {
        const SQL: &str = "UPDATE logins SET state = 'back', response_id = $3, assertion_id = $4, \
            keep_until = GREATEST($5, $8), handle_hash = $6, sealed = $7, expires = $8 \
            WHERE id = $1 AND request_id = $2 AND state = 'wait' AND expires > $9";
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
            // Only the identifiers can be there already: the handle is fresh and random.
            Ok(match self.change_unless_taken(query).await? {
                None => Answered::Replayed,
                Some(0) => Answered::Gone,
                Some(_) => Answered::Taken,
            })
        })
    }

    fn take_outcome<'a>(
        &'a self,
        handle_hash: &'a Hash,
        browser_hash: &'a Hash,
        now: Timestamp,
    ) -> Reply<'a, Taken> {
        const TAKE: &str = "UPDATE logins SET state = 'took' \
            WHERE handle_hash = $1 AND browser_hash = $2 AND state = 'back' AND expires > $3 \
            RETURNING id, payload, sealed";
        const EXPLAIN: &str =
            "SELECT id FROM logins WHERE handle_hash = $1 AND state = 'back' AND expires > $2";
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
        const SQL: &str = "UPDATE logins SET state = 'back', handle_hash = $2, sealed = $3, expires = $4, \
            keep_until = GREATEST(keep_until, $4) WHERE id = $1 AND state = 'took' AND expires > $5";
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
        const SQL: &str = "UPDATE logins SET state = 'code', code_hash = $2, sealed = $3, payload = '', \
            expires = $4, keep_until = GREATEST(keep_until, $4) \
            WHERE id = $1 AND state = 'took' AND expires > $5";
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
            WHERE code_hash = $1 AND state = 'code' AND expires > $2 RETURNING id, sealed";
        const REVOKE: &str = "UPDATE logins SET state = 'dead', token_hash = NULL, sealed = NULL \
            WHERE code_hash = $1 AND state IN ('used', 'live', 'dead') RETURNING id";
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
        const SQL: &str = "UPDATE logins SET state = 'live', token_hash = $2, sealed = $3, expires = $4, \
            keep_until = GREATEST(keep_until, $4) \
            WHERE code_hash = $1 AND state = 'used' AND expires > $5";
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
            "SELECT id, sealed FROM logins WHERE token_hash = $1 AND state = 'live' AND expires > $2";
        Box::pin(self.opened(SQL, token_hash, now))
    }

    fn find_code<'a>(&'a self, code_hash: &'a Hash, now: Timestamp) -> Reply<'a, Option<Opened>> {
        const SQL: &str =
            "SELECT id, sealed FROM logins WHERE code_hash = $1 AND state = 'code' AND expires > $2";
        Box::pin(self.opened(SQL, code_hash, now))
    }

    fn revoke_token<'a>(&'a self, hash: &'a Hash, now: Timestamp) -> Reply<'a, Revocation> {
        const SQL: &str = "UPDATE logins SET state = 'dead', token_hash = NULL, sealed = NULL \
            WHERE (token_hash = $1 AND state = 'live' \
                OR code_hash = $1 AND state IN ('code', 'used', 'live')) AND expires > $2";
        Box::pin(async move {
            let query = sqlx::query(SQL).bind(hash.as_slice()).bind(now.millis());
            Ok(match self.change(query).await? {
                0 => Revocation::Gone,
                _ => Revocation::Revoked,
            })
        })
    }

    fn use_once<'a>(&'a self, word: &'a Hash, until: Timestamp, now: Timestamp) -> Reply<'a, Use> {
        const SQL: &str = "INSERT INTO used_words (hash, until) VALUES ($1, $2) \
            ON CONFLICT (hash) DO UPDATE SET until = excluded.until WHERE used_words.until <= $3";
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
            "INSERT INTO pushed_requests (hash, sealed, expires, keep_until) VALUES ($1, $2, $3, $4)";
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
        const SQL: &str = "SELECT sealed FROM pushed_requests WHERE hash = $1 AND expires > $2";
        Box::pin(async move {
            let query = sqlx::query_as::<_, (Vec<u8>,)>(SQL).bind(hash.as_slice()).bind(now.millis());
            Ok(self.row(query).await?.map(|(sealed,)| sealed))
        })
    }

    fn finish_pushed<'a>(&'a self, hash: &'a Hash) -> Reply<'a, Use> {
        const SQL: &str = "DELETE FROM pushed_requests WHERE hash = $1";
        Box::pin(async move {
            Ok(match self.change(sqlx::query(SQL).bind(hash.as_slice())).await? {
                0 => Use::Again,
                _ => Use::First,
            })
        })
    }

    fn purge(&self, now: Timestamp) -> Reply<'_, Purged> {
        // Rows that another instance is purging, or a login is using, are left to them: nobody waits, and so
        // nobody waits in a circle.
        const REMOVE: &str = "DELETE FROM logins WHERE id IN (SELECT id FROM logins \
            WHERE expires <= $1 AND keep_until <= $1 FOR UPDATE SKIP LOCKED)";
        const EMPTY: &str = "UPDATE logins SET state = 'over', payload = '', sealed = NULL, request_id = NULL, \
            handle_hash = NULL, code_hash = NULL, token_hash = NULL, expires = keep_until \
            WHERE id IN (SELECT id FROM logins WHERE expires <= $1 FOR UPDATE SKIP LOCKED)";
        const PUSHED: &str = "DELETE FROM pushed_requests WHERE hash IN (SELECT hash FROM pushed_requests \
            WHERE keep_until <= $1 FOR UPDATE SKIP LOCKED)";
        const WORDS: &str = "DELETE FROM used_words WHERE hash IN (SELECT hash FROM used_words \
            WHERE until <= $1 FOR UPDATE SKIP LOCKED)";
        const SESSIONS: &str = "DELETE FROM sessions WHERE cookie_hash IN (SELECT cookie_hash FROM sessions \
            WHERE expires <= $1 FOR UPDATE SKIP LOCKED)";
        Box::pin(async move {
            let removed = self.change(sqlx::query(REMOVE).bind(now.millis())).await?;
            let emptied = self.change(sqlx::query(EMPTY).bind(now.millis())).await?;
            for other in [PUSHED, WORDS, SESSIONS] {
                self.change(sqlx::query(other).bind(now.millis())).await?;
            }
            Ok(Purged { removed, emptied })
        })
    }

    fn check(&self) -> Reply<'_, ()> {
        // A standby, which is read-only, refuses it although no row is there to write.
        const SQL: &str = "UPDATE logins SET expires = expires WHERE id = ''";
        Box::pin(async move {
            self.change(sqlx::query(SQL)).await?;
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

impl Postgres {
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
        // PostgreSQL has no texts with a NUL, and takes a question with one for a fault.
        if key.contains('\0') {
            return Ok(None);
        }
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
