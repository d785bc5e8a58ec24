-- One row for each session of a person with one client, for clients that are configured to have them.
--
-- cookie_hash  of the value of the browser's cookie, under which `sealed` is sealed
-- sid_hash     of the `sid` that stands in ID tokens, by which a logout finds the session
-- expires      in milliseconds since 1970
CREATE TABLE sessions (
    cookie_hash BLOB    NOT NULL PRIMARY KEY,
    sid_hash    BLOB    NOT NULL UNIQUE,
    client_id   TEXT    NOT NULL,
    sealed      BLOB    NOT NULL,
    expires     INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_expires ON sessions (expires);
