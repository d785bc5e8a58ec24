-- What SQLite has in 0001 to 0004. From here on the two databases have the same numbers.
--
-- Times are in milliseconds since 1970. Texts that something is ordered by have COLLATE "C", so that the order
-- is that of the octets, whatever the database's own is.

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
-- expires     when the present state is given up
-- keep_until  when the row may go, if that is later
CREATE TABLE logins (
    id           TEXT   NOT NULL PRIMARY KEY,
    state        TEXT   NOT NULL
                 CHECK (state IN ('wait', 'back', 'took', 'code', 'used', 'live', 'dead', 'over')),
    created      BIGINT NOT NULL,
    expires      BIGINT NOT NULL,
    keep_until   BIGINT NOT NULL,
    browser_hash BYTEA  NOT NULL,
    request_id   TEXT,
    response_id  TEXT,
    assertion_id TEXT,
    handle_hash  BYTEA,
    code_hash    BYTEA,
    token_hash   BYTEA,
    payload      TEXT   NOT NULL,
    sealed       BYTEA
) WITH (
    -- Each login is written some eight times and removed within the hour: what it leaves behind is cleaned away
    -- after a few hundred of them, not after a fifth of the table.
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000
);
-- It is ciphertext, which does not get shorter.
ALTER TABLE logins ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE UNIQUE INDEX logins_request   ON logins (request_id)   WHERE request_id   IS NOT NULL;
CREATE UNIQUE INDEX logins_response  ON logins (response_id)  WHERE response_id  IS NOT NULL;
CREATE UNIQUE INDEX logins_assertion ON logins (assertion_id) WHERE assertion_id IS NOT NULL;
CREATE UNIQUE INDEX logins_handle    ON logins (handle_hash)  WHERE handle_hash  IS NOT NULL;
CREATE UNIQUE INDEX logins_code      ON logins (code_hash)    WHERE code_hash    IS NOT NULL;
CREATE UNIQUE INDEX logins_token     ON logins (token_hash)   WHERE token_hash   IS NOT NULL;
CREATE INDEX logins_expires ON logins (expires);

-- What is known of other nodes. All of it is published by them; nothing here is about a person.
--
-- source   the country's eIDAS code (`EE`), or `list:` and the name of a MetadataServiceList
-- state    trusted  judged and found good when it was fetched; it is judged again by whoever reads it
--          pending  good, but it changes whom is believed: it waits for a person
-- changes  of a pending document: what it would change, as a JSON list of sentences
CREATE TABLE metadata_documents (
    source        TEXT   COLLATE "C" NOT NULL,
    state         TEXT   COLLATE "C" NOT NULL CHECK (state IN ('trusted', 'pending')),
    url           TEXT   NOT NULL,
    octets        BYTEA  NOT NULL,
    sha256        BYTEA  NOT NULL,
    etag          TEXT,
    last_modified TEXT,
    fetched       BIGINT NOT NULL,
    valid_until   BIGINT NOT NULL,
    changes       TEXT   NOT NULL,
    PRIMARY KEY (source, state)
);

-- How the last attempt to refresh went.
CREATE TABLE metadata_refreshes (
    source    TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    attempted BIGINT NOT NULL,
    failures  BIGINT NOT NULL,
    code      TEXT,
    detail    TEXT,
    next      BIGINT NOT NULL
);

-- Documents that a person has approved.
CREATE TABLE metadata_approvals (
    source   TEXT   NOT NULL,
    sha256   BYTEA  NOT NULL,
    approved BIGINT NOT NULL,
    PRIMARY KEY (source, sha256)
);

-- Counts the changes of documents and approvals, so that other instances notice them.
CREATE TABLE metadata_version (
    id      BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL
);
INSERT INTO metadata_version (id, version) VALUES (1, 0);

-- Words that may be used once, such as the identifiers of client assertions, as SHA-256 values.
CREATE TABLE used_words (
    hash  BYTEA  NOT NULL PRIMARY KEY,
    until BIGINT NOT NULL
);
CREATE INDEX used_words_until ON used_words (until);

-- Authorization requests that clients have pushed, sealed under the reference that the client got. A row goes
-- when the first login that began with it ends.
--
-- expires     until when a login can begin with it
-- keep_until  until when such a login can end
CREATE TABLE pushed_requests (
    hash       BYTEA  NOT NULL PRIMARY KEY,
    sealed     BYTEA  NOT NULL,
    expires    BIGINT NOT NULL,
    keep_until BIGINT NOT NULL
);
CREATE INDEX pushed_requests_keep_until ON pushed_requests (keep_until);
