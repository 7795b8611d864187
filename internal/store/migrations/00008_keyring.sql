-- +goose Up
CREATE TABLE keyring (
    n             BIGINT NOT NULL PRIMARY KEY, -- 1 for the first; two servers that start at once cannot both write it
    master_key_id TEXT   NOT NULL,             -- names the master key that wraps the set
    mode          TEXT   NOT NULL,             -- live or emulator: what this vault was made for
    wrapped       BYTEA  NOT NULL,             -- the data-key set, encrypted by the master key
    check_value   BYTEA  NOT NULL,             -- a known text, sealed with the data-key set
    created_at    BIGINT NOT NULL
);
