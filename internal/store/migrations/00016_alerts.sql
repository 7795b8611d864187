-- +goose Up
CREATE TABLE alerts (
    id            TEXT   NOT NULL PRIMARY KEY,
    version       BIGINT NOT NULL,
    app           TEXT   NOT NULL,
    connection_id TEXT   NOT NULL, -- empty = about the app
    subject       TEXT   NOT NULL, -- the cause, or the type of event
    opened        TEXT   NOT NULL, -- type of the event that opened it
    opened_at     BIGINT NOT NULL,
    tell_at       BIGINT NOT NULL, -- when people are told, if it is open still
    closed_at     BIGINT NOT NULL  -- 0 = open
);
CREATE UNIQUE INDEX alerts_open ON alerts (app, connection_id, subject) WHERE closed_at = 0;
