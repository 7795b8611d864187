-- +goose Up
CREATE TABLE runs (
    id            TEXT   NOT NULL PRIMARY KEY,
    version       BIGINT NOT NULL,
    app           TEXT   NOT NULL,
    link_id       TEXT   NOT NULL, -- the link that it was started from
    connection_id TEXT   NOT NULL, -- set from the key step on
    grant_id      TEXT   NOT NULL, -- the consent that the run works with now
    browser_hash  TEXT   NOT NULL, -- SHA-256 of the cookie secret of the browser that consented
    phase         TEXT   NOT NULL, -- told from the facts at each write, for listings; never read back
    due_at        BIGINT NOT NULL, -- when the worker looks again; 0 = only a person can help
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    calls         BIGINT NOT NULL, -- how many calls to NetSuite were begun; the next one's number
    facts         TEXT   NOT NULL  -- what the run has reached, as JSON
);
CREATE INDEX runs_due ON runs (due_at) WHERE due_at > 0;

CREATE TABLE grants (
    id                TEXT   NOT NULL PRIMARY KEY,
    version           BIGINT NOT NULL,
    run_id            TEXT   NOT NULL REFERENCES runs (id), -- the run that asked; never another one
    app               TEXT   NOT NULL,
    status            TEXT   NOT NULL, -- asked, redeeming, held, ending, revoked, void
    state_hash        TEXT   NOT NULL, -- SHA-256 of the OAuth state
    browser_hash      TEXT   NOT NULL, -- SHA-256 of the cookie secret of the browser that asked
    host              TEXT   NOT NULL, -- account whose log-in page was used; empty = system.netsuite.com
    account           TEXT   NOT NULL, -- what the redirect claimed
    role              BIGINT NOT NULL, -- what the redirect claimed
    entity            BIGINT NOT NULL, -- what the redirect claimed
    verifier          BYTEA  NOT NULL, -- sealed PKCE verifier; wiped at the end
    code              BYTEA  NOT NULL, -- sealed authorization code; wiped at the end
    tokens            BYTEA  NOT NULL, -- sealed access and refresh token; wiped at the end
    ask_before        BIGINT NOT NULL, -- end of the state's life
    access_expires_at BIGINT NOT NULL, -- end of the access token's life
    created_at        BIGINT NOT NULL,
    ended_at          BIGINT NOT NULL, -- 0 = not ended
    due_at            BIGINT NOT NULL, -- when the worker should revoke or try again; 0 = not
    attempts          BIGINT NOT NULL  -- failures in a row
);
CREATE UNIQUE INDEX grants_state_hash ON grants (state_hash) WHERE state_hash <> '';
CREATE INDEX grants_run ON grants (run_id);
CREATE INDEX grants_due ON grants (due_at) WHERE due_at > 0;

CREATE TABLE calls (
    run_id  TEXT   NOT NULL REFERENCES runs (id),
    n       BIGINT NOT NULL, -- 1, 2, 3 ... within the run
    at      BIGINT NOT NULL, -- when the request was about to leave
    purpose TEXT   NOT NULL, -- what for, in words
    method  TEXT   NOT NULL,
    url     TEXT   NOT NULL, -- without query
    status  BIGINT NOT NULL, -- HTTP status; 0 = no answer known
    PRIMARY KEY (run_id, n)
);
