-- +goose Up
CREATE TABLE deliveries (
    id          TEXT   NOT NULL PRIMARY KEY,
    version     BIGINT NOT NULL,
    event_id    TEXT   NOT NULL REFERENCES events (id),
    endpoint_id TEXT   NOT NULL, -- may have been removed since
    alert_id    TEXT   NOT NULL, -- empty for webhooks
    closing     BIGINT NOT NULL, -- 1 = tells that the alert is closed
    state       TEXT   NOT NULL, -- pending, delivered, given_up, dropped
    attempts    BIGINT NOT NULL, -- begun
    due_at      BIGINT NOT NULL, -- of the next attempt; moved ahead before one begins
    status      BIGINT NOT NULL, -- HTTP status of the last answer; 0 = none
    error       TEXT   NOT NULL, -- what went wrong, in our words
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);
CREATE UNIQUE INDEX deliveries_once ON deliveries (event_id, endpoint_id, alert_id, closing);
CREATE INDEX deliveries_due ON deliveries (due_at) WHERE state = 'pending';
CREATE INDEX deliveries_alert ON deliveries (alert_id) WHERE alert_id <> '';
CREATE INDEX deliveries_endpoint ON deliveries (endpoint_id, created_at);
