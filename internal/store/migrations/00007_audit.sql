-- +goose Up
CREATE TABLE audit (
    seq   BIGINT NOT NULL PRIMARY KEY, -- 1, 2, 3 ...
    at    BIGINT NOT NULL,             -- when the group was closed
    prev  TEXT   NOT NULL UNIQUE,      -- hash of the group before: two groups cannot follow the same one
    hash  TEXT   NOT NULL,             -- SHA-256 over prev and lines
    lines TEXT   NOT NULL              -- JSON list of what happened
);
