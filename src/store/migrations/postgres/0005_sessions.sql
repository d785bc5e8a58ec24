-- One row for each session of a person with one client, for clients that are configured to have them.
--
-- cookie_hash  of the value of the browser's cookie, under which `sealed` is sealed
-- sid_hash     of the `sid` that stands in ID tokens, by which a logout finds the session
-- expires      in milliseconds since 1970
CREATE TABLE sessions (
    cookie_hash BYTEA  NOT NULL PRIMARY KEY,
    sid_hash    BYTEA  NOT NULL UNIQUE,
    client_id   TEXT   NOT NULL,
    sealed      BYTEA  NOT NULL,
    expires     BIGINT NOT NULL
);
CREATE INDEX sessions_expires ON sessions (expires);
