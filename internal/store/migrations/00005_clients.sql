-- +goose Up
CREATE TABLE clients (
    id            TEXT   NOT NULL PRIMARY KEY,
    version       BIGINT NOT NULL,
    app           TEXT   NOT NULL,
    secret_hashes TEXT   NOT NULL, -- JSON list of the SHA-256 of each valid secret; two while changing
    created_at    BIGINT NOT NULL,
    revoked_at    BIGINT NOT NULL  -- 0 = in use
);
CREATE INDEX clients_app ON clients (app);

CREATE TABLE client_connections (
    client_id     TEXT NOT NULL REFERENCES clients (id),
    connection_id TEXT NOT NULL REFERENCES connections (id), -- a connection that the client may take tokens of
    PRIMARY KEY (client_id, connection_id)
);
