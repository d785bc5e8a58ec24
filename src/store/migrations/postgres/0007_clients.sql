-- Clients that are managed from the command line.
--
-- revision  how often the client was written; the sum of all is another after each change
-- sealed    its options and secrets, under a key that is not in the database
CREATE TABLE clients (
    id       TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    sealed   BYTEA  NOT NULL
);
