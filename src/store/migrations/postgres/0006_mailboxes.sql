-- Addresses that persons have proven to be theirs, for clients that demand one. They stay until somebody removes
-- them.
--
-- tag     an HMAC of the sub and its sector, under a key that is not in the database
-- sealed  the address, under a key that belongs to the tag
CREATE TABLE mailboxes (
    tag    BYTEA NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL
);
