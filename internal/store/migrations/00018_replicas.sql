-- +goose Up
CREATE TABLE replicas (
    id         TEXT   NOT NULL PRIMARY KEY, -- a serving process
    started_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL,             -- its last beat
    acts_on    BIGINT NOT NULL              -- the newest switch that it acts on; it never signs with what was replaced by then
);

-- Each change of the certificate that a connection signs with has a number. The numbers grow in the order of the commits, so
-- that nobody's clock decides whether a replica knows of a change.
CREATE TABLE switches (
    connection_id TEXT   NOT NULL PRIMARY KEY, -- empty: the row that counts
    n             BIGINT NOT NULL              -- number of the connection's newest switch
);
INSERT INTO switches (connection_id, n) VALUES ('', 0);
