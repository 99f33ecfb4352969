-- +goose Up

CREATE TABLE users (
    id                   uuid PRIMARY KEY,
    name                 text NOT NULL CHECK (btrim(name) <> ''),
    name_fold            text COLLATE "C" NOT NULL,
    email                text NOT NULL,
    email_fold           text COLLATE "C" NOT NULL CONSTRAINT users_email_key UNIQUE,
    role                 text NOT NULL CHECK (role IN ('ADMIN', 'MANAGER', 'AGENT', 'STAKEHOLDER', 'PARTNER', 'INTAKE')),
    active               boolean NOT NULL DEFAULT true,
    created_at           timestamptz NOT NULL,
    -- What the user may see: filters as they were given; null: no filter. An empty filter would restrict nothing, and
    -- only a mistake makes one.
    scope_customer       jsonb CHECK (jsonb_typeof(scope_customer) = 'object' AND scope_customer <> '{}'),
    scope_response       jsonb CHECK (jsonb_typeof(scope_response) = 'object' AND scope_response <> '{}'),
    own_cases_only       boolean NOT NULL DEFAULT false,
    -- Hides customers' names, addresses, phone numbers and comments from the user.
    personal_data_hidden boolean NOT NULL DEFAULT false,
    -- An administrator could remove a restriction of their own, so that it would restrict nothing.
    CONSTRAINT users_admin_check CHECK (role <> 'ADMIN' OR
        (scope_customer IS NULL AND scope_response IS NULL AND NOT own_cases_only AND NOT personal_data_hidden))
);
-- The list of users, which is sorted by name.
CREATE INDEX users_name ON users (name_fold, id);

CREATE TABLE api_tokens (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users,
    name         text NOT NULL,
    hash         bytea NOT NULL CONSTRAINT api_tokens_hash_key UNIQUE CHECK (length(hash) = 32),
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz,
    expires_at   timestamptz,
    revoked_at   timestamptz
);
-- The foreign key: PostgreSQL looks here when a user is deleted.
CREATE INDEX api_tokens_user ON api_tokens (user_id);

-- The result of each call that had an idempotency key, kept for a day: a repeated call is answered from here. Key and
-- input are stored as SHA-256 only, because either may name a customer. The answer holds ids, never personal data.
CREATE TABLE idempotency_keys (
    user_id    uuid NOT NULL REFERENCES users,
    key        bytea NOT NULL CHECK (length(key) = 32),
    mutation   text NOT NULL,
    input      bytea NOT NULL CHECK (length(input) = 32),
    answer     jsonb, -- null only inside the transaction that makes the answer
    created_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, key)
);
-- Deleting keys that are older than a day.
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
