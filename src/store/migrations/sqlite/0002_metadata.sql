-- What is known of other nodes. All of it is published by them; nothing here is about a person.
--
-- source   the country's eIDAS code (`EE`), or `list:` and the name of a MetadataServiceList
-- state    trusted  judged and found good when it was fetched; it is judged again by whoever reads it
--          pending  good, but it changes whom is believed: it waits for a person
-- changes  of a pending document: what it would change, as a JSON list of sentences
-- Times are in milliseconds since 1970.
CREATE TABLE metadata_documents (
    source        TEXT    NOT NULL,
    state         TEXT    NOT NULL CHECK (state IN ('trusted', 'pending')),
    url           TEXT    NOT NULL,
    octets        BLOB    NOT NULL,
    sha256        BLOB    NOT NULL,
    etag          TEXT,
    last_modified TEXT,
    fetched       INTEGER NOT NULL,
    valid_until   INTEGER NOT NULL,
    changes       TEXT    NOT NULL,
    PRIMARY KEY (source, state)
) STRICT;

-- How the last attempt to refresh went.
CREATE TABLE metadata_refreshes (
    source    TEXT    NOT NULL PRIMARY KEY,
    attempted INTEGER NOT NULL,
    failures  INTEGER NOT NULL,
    code      TEXT,
    detail    TEXT,
    next      INTEGER NOT NULL
) STRICT;

-- Documents that a person has approved.
CREATE TABLE metadata_approvals (
    source   TEXT    NOT NULL,
    sha256   BLOB    NOT NULL,
    approved INTEGER NOT NULL,
    PRIMARY KEY (source, sha256)
) STRICT;

-- Counts the changes of documents and approvals, so that other instances notice them.
CREATE TABLE metadata_version (
    id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO metadata_version (id, version) VALUES (1, 0);
