-- +goose Up
CREATE TABLE apps (
    name          TEXT   NOT NULL PRIMARY KEY, -- the app's name; part of its callback address
    version       BIGINT NOT NULL,             -- grows with every write; writes compare and swap on it
    definition    TEXT   NOT NULL,             -- the checked definition, as JSON
    client_secret BYTEA  NOT NULL,             -- sealed; empty for a public consent client
    logo          BYTEA  NOT NULL,             -- the brand's picture
    logo_type     TEXT   NOT NULL,             -- its media type
    checked_at    BIGINT NOT NULL              -- when NetSuite proved client ID and redirect URI; 0 = not proven
);
