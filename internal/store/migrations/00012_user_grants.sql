-- +goose Up
CREATE TABLE user_grants (
    connection_id TEXT   NOT NULL PRIMARY KEY REFERENCES connections (id),
    version       BIGINT NOT NULL,
    app           TEXT   NOT NULL,
    public        BIGINT NOT NULL, -- 1 = the refresh token may be used once only
    refresh_token BYTEA  NOT NULL, -- sealed; wiped at the end
    sent_at       BIGINT NOT NULL, -- when it was last about to be sent, with no answer stored since; 0 = none is open
    refresh_by    BIGINT NOT NULL, -- when the refresh token ends
    consent_by    BIGINT NOT NULL, -- when no refresh helps any more
    refresh_at    BIGINT NOT NULL, -- when an idle one is refreshed, so that the chain goes on; 0 = never
    ask_at        BIGINT NOT NULL, -- when the person is to be asked to consent again
    asked_at      BIGINT NOT NULL, -- when the person was asked to consent again; 0 = no need yet
    ended_at      BIGINT NOT NULL, -- 0 = lives
    due_at        BIGINT NOT NULL, -- the earlier of refresh_at and ask_at that is still to come; 0 = none
    created_at    BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL
);
CREATE INDEX user_grants_due ON user_grants (due_at) WHERE due_at > 0;
