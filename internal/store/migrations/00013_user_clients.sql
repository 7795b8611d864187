-- +goose Up
ALTER TABLE apps ADD COLUMN user_client_secret BYTEA NOT NULL DEFAULT ''; -- sealed; empty for a public user client
ALTER TABLE clients ADD COLUMN users BIGINT NOT NULL DEFAULT 0;           -- 1 = may take tokens of all persons' connections of the app
