-- Authorization requests that clients have pushed, sealed under the reference that the client got. A row goes
-- when the first login that began with it ends.
--
-- expires     until when a login can begin with it, in milliseconds since 1970
-- keep_until  until when such a login can end
CREATE TABLE pushed_requests (
    hash       BLOB    NOT NULL PRIMARY KEY,
    sealed     BLOB    NOT NULL,
    expires    INTEGER NOT NULL,
    keep_until INTEGER NOT NULL
) STRICT;
CREATE INDEX pushed_requests_keep_until ON pushed_requests (keep_until);
