-- +goose Up
CREATE TABLE disconnections (
    connection_id TEXT   NOT NULL PRIMARY KEY REFERENCES connections (id),
    version       BIGINT NOT NULL,
    app           TEXT   NOT NULL,
    asked_at      BIGINT NOT NULL, -- when somebody wanted the end
    give_up_at    BIGINT NOT NULL, -- until then NetSuite is asked again
    due_at        BIGINT NOT NULL, -- when it is tried again; 0 = it is over
    attempts      BIGINT NOT NULL,
    ended_at      BIGINT NOT NULL, -- 0 = under way
    acts          TEXT   NOT NULL, -- JSON list of what was done at NetSuite, and what is left
    record        TEXT   NOT NULL  -- the signed record; empty = under way
);
CREATE INDEX disconnections_due ON disconnections (due_at) WHERE due_at > 0;

CREATE TABLE signing_keys (
    id          TEXT   NOT NULL PRIMARY KEY, -- RFC 7638 thumbprint of the public key
    n           BIGINT NOT NULL UNIQUE,      -- 1 for the first; two servers that start at once cannot both write it
    private_key BYTEA  NOT NULL,             -- sealed PKCS#8
    created_at  BIGINT NOT NULL
);
