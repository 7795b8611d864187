-- +goose Up
CREATE TABLE connections (
    id                TEXT   NOT NULL PRIMARY KEY,
    version           BIGINT NOT NULL,
    app               TEXT   NOT NULL,
    link_id           TEXT   NOT NULL, -- the link that it came from
    customer          TEXT   NOT NULL, -- the customer's name
    metadata          TEXT   NOT NULL, -- JSON object of the app's own
    account           TEXT   NOT NULL, -- NetSuite account ID
    kind              TEXT   NOT NULL, -- machine
    state             TEXT   NOT NULL, -- pending, connected, disconnected
    role_id           BIGINT NOT NULL, -- role that the certificate is mapped to
    role_name         TEXT   NOT NULL,
    entity            BIGINT NOT NULL, -- entity that the certificate is mapped to
    entity_name       TEXT   NOT NULL,
    certificate_id    TEXT   NOT NULL, -- the certificate that signs now; empty = none yet
    concurrency_limit BIGINT NOT NULL, -- of the account; 0 = not known
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL
);
-- One live connection for an account and app; those that were disconnected stay as history.
CREATE UNIQUE INDEX connections_live ON connections (app, account) WHERE state <> 'disconnected';

CREATE TABLE certificates (
    id            TEXT   NOT NULL PRIMARY KEY, -- SHA-256 thumbprint
    version       BIGINT NOT NULL,
    connection_id TEXT   NOT NULL REFERENCES connections (id),
    app           TEXT   NOT NULL,
    state         TEXT   NOT NULL, -- planned, uploading, uploaded, tested, active, retiring, revoked
    netsuite_id   TEXT   NOT NULL, -- the certificate ID as NetSuite lists it; the thumbprint in every pair seen
    pem           TEXT   NOT NULL, -- the X.509 certificate
    private_key   BYTEA  NOT NULL, -- sealed PKCS#8; wiped when revoked
    not_before    BIGINT NOT NULL,
    valid_until   BIGINT NOT NULL,
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
CREATE INDEX certificates_connection ON certificates (connection_id);
CREATE INDEX certificates_app ON certificates (app);

CREATE TABLE access_tokens (
    connection_id  TEXT   NOT NULL PRIMARY KEY REFERENCES connections (id),
    version        BIGINT NOT NULL,
    certificate_id TEXT   NOT NULL, -- the certificate whose key asked for it
    token          BYTEA  NOT NULL, -- sealed access token
    minted_at      BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL
);
