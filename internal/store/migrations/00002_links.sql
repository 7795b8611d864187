-- +goose Up
CREATE TABLE links (
    id            TEXT   NOT NULL PRIMARY KEY,
    version       BIGINT NOT NULL,
    token_hash    TEXT   NOT NULL, -- SHA-256 of the token in the link; the token itself is nowhere
    app           TEXT   NOT NULL, -- the app that the link connects to
    kind          TEXT   NOT NULL, -- sent or session
    customer      TEXT   NOT NULL, -- the name that the recipient sees
    expect        TEXT   NOT NULL, -- JSON list of the account IDs allowed; empty = a person confirms
    metadata      TEXT   NOT NULL, -- JSON object of the app's own
    return_url    TEXT   NOT NULL, -- where the browser goes at the end
    finalise_hash TEXT   NOT NULL, -- SHA-256 of the secret that finalises a session run
    run_id        TEXT   NOT NULL, -- the run that the link leads to; empty = not started
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL, -- last moment at which the run can be started
    revoked_at    BIGINT NOT NULL  -- 0 = not withdrawn
);
CREATE UNIQUE INDEX links_token_hash ON links (token_hash) WHERE token_hash <> '';
CREATE INDEX links_app ON links (app, created_at);
