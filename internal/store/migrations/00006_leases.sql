-- +goose Up
CREATE TABLE leases (
    name        TEXT   NOT NULL PRIMARY KEY, -- what the holder may act on
    holder      TEXT   NOT NULL,             -- who may; empty = given back
    fence       BIGINT NOT NULL,             -- grows with each new holder; a row is never deleted, so it never falls
    valid_until BIGINT NOT NULL              -- from this moment on another holder may take it
);
