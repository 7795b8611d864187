-- +goose Up
ALTER TABLE links ADD COLUMN token BYTEA NOT NULL DEFAULT ''; -- sealed; only of repair links, which every reminder repeats
CREATE INDEX links_connection ON links (connection_id) WHERE connection_id <> '';
