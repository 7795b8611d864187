-- +goose Up
CREATE TABLE events (
    id            TEXT   NOT NULL PRIMARY KEY,
    type          TEXT   NOT NULL, -- connection.degraded and so on
    at            BIGINT NOT NULL,
    app           TEXT   NOT NULL,
    connection_id TEXT   NOT NULL, -- empty = before there was one
    object        TEXT   NOT NULL, -- the ID that it is about
    cause         TEXT   NOT NULL,
    detail        TEXT   NOT NULL, -- one sentence
    dispatched_at BIGINT NOT NULL  -- when the deliveries were made of it; 0 = not yet
);
CREATE INDEX events_undispatched ON events (at) WHERE dispatched_at = 0;
CREATE INDEX events_connection ON events (connection_id, at);
