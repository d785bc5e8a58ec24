-- One row for each login, from the broker's request to its tokens.
--
-- state   wait  for the person to choose, or for the node's answer
--         back  the node's answer is verified; sealed = the outcome, under the handle
--         took  the browser came for the outcome
--         code  a code is issued; sealed = the grant, under the code
--         used  the code was redeemed
--         live  an access token is issued; sealed = the claims for userinfo, under the token
--         dead  the code was presented twice
--         over  expired; kept for its used identifiers only
--
-- All states have one length: a step that changes nothing else then writes a single page.
--
-- expires     when the present state is given up, in milliseconds since 1970
-- keep_until  when the row may go, if that is later
CREATE TABLE logins (
    id           TEXT    NOT NULL UNIQUE,
    state        TEXT    NOT NULL
                 CHECK (state IN ('wait', 'back', 'took', 'code', 'used', 'live', 'dead', 'over')),
    created      INTEGER NOT NULL,
    expires      INTEGER NOT NULL,
    keep_until   INTEGER NOT NULL,
    browser_hash BLOB    NOT NULL,
    request_id   TEXT,
    response_id  TEXT,
    assertion_id TEXT,
    handle_hash  BLOB,
    code_hash    BLOB,
    token_hash   BLOB,
    payload      TEXT    NOT NULL,
    sealed       BLOB
) STRICT;

CREATE UNIQUE INDEX logins_request   ON logins (request_id)   WHERE request_id   IS NOT NULL;
CREATE UNIQUE INDEX logins_response  ON logins (response_id)  WHERE response_id  IS NOT NULL;
CREATE UNIQUE INDEX logins_assertion ON logins (assertion_id) WHERE assertion_id IS NOT NULL;
CREATE UNIQUE INDEX logins_handle    ON logins (handle_hash)  WHERE handle_hash  IS NOT NULL;
CREATE UNIQUE INDEX logins_code      ON logins (code_hash)    WHERE code_hash    IS NOT NULL;
CREATE UNIQUE INDEX logins_token     ON logins (token_hash)   WHERE token_hash   IS NOT NULL;
CREATE INDEX logins_expires ON logins (expires);
