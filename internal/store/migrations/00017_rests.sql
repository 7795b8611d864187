-- +goose Up
CREATE TABLE rests (
    work     TEXT   NOT NULL, -- the kind of background work
    item     TEXT   NOT NULL, -- what it is done with: a connection
    failures BIGINT NOT NULL, -- how often it failed in a row
    until    BIGINT NOT NULL, -- when it is tried again
    PRIMARY KEY (work, item)
);
