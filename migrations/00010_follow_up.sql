-- +goose Up

-- What a call with an idempotency key made, for a day: the call that comes again is answered from here. Key and input
-- are kept as SHA-256 alone, because either may name a customer; the answer holds ids, never what is behind them.
CREATE TABLE idempotency_keys (
    user_id    uuid NOT NULL REFERENCES users,
    key        bytea NOT NULL CHECK (length(key) = 32),
    mutation   text NOT NULL,
    input      bytea NOT NULL CHECK (length(input) = 32),
    answer     jsonb, -- null only inside the transaction that makes it
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- The list of mails by status, by occasion and by recipient, each the newest first.
CREATE INDEX notifications_status ON notifications (status, created_at DESC, id DESC);
CREATE INDEX notifications_kind ON notifications (kind, created_at DESC, id DESC);
CREATE INDEX notifications_to ON notifications (to_fold, created_at DESC, id DESC);
