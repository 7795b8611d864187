-- +goose Up
CREATE TABLE health (
    connection_id  TEXT   NOT NULL PRIMARY KEY REFERENCES connections (id),
    version        BIGINT NOT NULL,
    app            TEXT   NOT NULL,
    state          TEXT   NOT NULL, -- ok, degraded, needs_consent
    cause          TEXT   NOT NULL, -- empty = all is well
    since          BIGINT NOT NULL, -- when state or cause last changed
    failures       BIGINT NOT NULL, -- in a row, with this cause
    probe_at       BIGINT NOT NULL, -- when NetSuite is asked again; 0 = no need
    evidence       TEXT   NOT NULL, -- JSON: what was seen last
    repair_link_id TEXT   NOT NULL, -- the link that was made for this cause; empty = none
    updated_at     BIGINT NOT NULL
);
CREATE INDEX health_probe ON health (probe_at) WHERE probe_at > 0;
