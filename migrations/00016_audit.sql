-- +goose Up

ALTER TABLE settings
    -- How long a token works that is created without a time of its own.
    ADD token_lifetime_days  integer NOT NULL DEFAULT 365 CHECK (token_lifetime_days BETWEEN 1 AND 3650),
    -- How long entries of the audit are kept.
    ADD audit_retention_days integer NOT NULL DEFAULT 400 CHECK (audit_retention_days BETWEEN 30 AND 3650);

-- A token may allow less than its user: a lower role, a scope of its own, no personal data. Null and false add nothing.
ALTER TABLE api_tokens
    ADD role                 text CHECK (role IN ('ADMIN', 'MANAGER', 'AGENT', 'STAKEHOLDER', 'PARTNER', 'INTAKE')),
    ADD scope_customer       jsonb CHECK (jsonb_typeof(scope_customer) = 'object' AND scope_customer <> '{}'),
    ADD scope_response       jsonb CHECK (jsonb_typeof(scope_response) = 'object' AND scope_response <> '{}'),
    ADD own_cases_only       boolean NOT NULL DEFAULT false,
    ADD personal_data_hidden boolean NOT NULL DEFAULT false,
    -- The secret before the last rotation, which works until the time given.
    ADD previous_hash        bytea CONSTRAINT api_tokens_previous_hash_key UNIQUE CHECK (length(previous_hash) = 32),
    ADD previous_until       timestamptz,
    -- The setting CLOSELOOP_ADMIN_TOKEN has given the token.
    ADD given                boolean NOT NULL DEFAULT false,
    ADD CHECK ((previous_hash IS NULL) = (previous_until IS NULL)),
    -- An administrator could remove a restriction of their own, so that it would restrict nothing.
    ADD CONSTRAINT api_tokens_admin_check CHECK (role <> 'ADMIN' OR
        (scope_customer IS NULL AND scope_response IS NULL AND NOT own_cases_only AND NOT personal_data_hidden));

-- Who changed the configuration, who erased or exported customers, and who signed in. Entries hold no secret, and of
-- customers nothing but the id, because they outlive an erasure.
CREATE TABLE audit_events (
    id          uuid PRIMARY KEY,
    at          timestamptz NOT NULL,
    action      text NOT NULL,
    actor_id    uuid REFERENCES users,      -- null: the program itself, or nobody known was refused
    token_id    uuid REFERENCES api_tokens, -- null: not over the API
    program     text,                       -- the part of the program that did it; null: a user did
    object_type text NOT NULL,
    object_id   text,                       -- the object's id as the API shows it; null: the object has none
    before      jsonb,
    after       jsonb,
    address     text,                       -- from which the caller connected; null: not known
    times       integer NOT NULL CHECK (times > 0)
);
-- The list, newest first: of everything, of one user, of one object, of one kind of change.
CREATE INDEX audit_events_newest ON audit_events (at DESC, id DESC);
CREATE INDEX audit_events_actor ON audit_events (actor_id, at DESC, id DESC);
CREATE INDEX audit_events_object ON audit_events (object_id, at DESC, id DESC);
CREATE INDEX audit_events_action ON audit_events (action, at DESC, id DESC);
-- The last sign-in of a token.
CREATE INDEX audit_events_token ON audit_events (token_id, at DESC);
-- A user's own webhooks.
CREATE INDEX webhooks_owner ON webhooks (owner_id, created_at DESC, id DESC);
