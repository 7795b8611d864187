-- +goose Up
ALTER TABLE links ADD COLUMN expiry_told_at BIGINT NOT NULL DEFAULT 0; -- when it was told that nobody used the link in time; 0 = not
CREATE INDEX links_expiry ON links (expires_at) WHERE run_id = '' AND revoked_at = 0 AND expiry_told_at = 0;
