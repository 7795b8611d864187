-- +goose Up
ALTER TABLE connections ADD COLUMN end_user TEXT NOT NULL DEFAULT ''; -- the app's name for the person; only of kind user
DROP INDEX connections_live;
-- One live machine connection for an account and app, and one user connection for each person; those that were disconnected stay as history.
CREATE UNIQUE INDEX connections_live ON connections (app, account, end_user) WHERE state <> 'disconnected';
CREATE INDEX connections_end_user ON connections (app, end_user) WHERE end_user <> '';

ALTER TABLE links ADD COLUMN connects      TEXT NOT NULL DEFAULT 'machine'; -- the kind of connection that it makes
ALTER TABLE links ADD COLUMN end_user      TEXT NOT NULL DEFAULT '';        -- the person whom a user connection is for
ALTER TABLE links ADD COLUMN connection_id TEXT NOT NULL DEFAULT '';        -- the connection that it repairs; empty = a new one
