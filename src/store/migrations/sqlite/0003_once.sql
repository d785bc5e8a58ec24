-- Words that may be used once, such as the identifiers of client assertions, as SHA-256 values.
CREATE TABLE used_words (
    hash  BLOB    NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX used_words_until ON used_words (until);
