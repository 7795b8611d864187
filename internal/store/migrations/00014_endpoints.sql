-- +goose Up
CREATE TABLE endpoints (
    id          TEXT   NOT NULL PRIMARY KEY,
    version     BIGINT NOT NULL,
    kind        TEXT   NOT NULL, -- webhook, email, slack, teams
    app         TEXT   NOT NULL, -- empty = all
    types       TEXT   NOT NULL, -- JSON: the types of events; none = all
    target      TEXT   NOT NULL, -- the address as it may be shown
    url         BYTEA  NOT NULL, -- sealed; empty for email
    secret      BYTEA  NOT NULL, -- sealed; signs webhooks
    old_secret  BYTEA  NOT NULL, -- sealed; signs beside it while the secret is changed
    old_until   BIGINT NOT NULL, -- until then
    disabled_at BIGINT NOT NULL, -- when it said that it is gone; 0 = in use
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
