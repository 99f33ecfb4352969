-- +goose Up

-- When the personal data was removed for good; see internal/casework/erase.go for what that means.
ALTER TABLE customers ADD COLUMN erased_at timestamptz;
ALTER TABLE notes ADD COLUMN redacted_at timestamptz;

-- Customers not heard of for so many days are erased; null: never.
ALTER TABLE settings ADD COLUMN erase_after_days integer
    CONSTRAINT settings_erase_after_days_check CHECK (erase_after_days BETWEEN 1 AND 36500);

-- What the timer looks for. What else keeps a customer (a case, a response that came in late) is looked at one by one.
CREATE INDEX customers_last_heard ON customers (greatest(created_at, last_response_at)) WHERE erased_at IS NULL;

-- A response whose customer was erased must not come in again, and the survey tool's id of it may be personal. So the
-- id is kept as a hash that says nothing without the key, which never leaves the database but in a dump of it.
CREATE TABLE erasure_key (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    key      bytea NOT NULL CHECK (length(key) = 32)
);
INSERT INTO erasure_key (key)
    VALUES (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')); -- 244 random bits
CREATE TABLE erased_response_ids (
    hash        bytea PRIMARY KEY CHECK (length(hash) = 32),
    response_id uuid NOT NULL REFERENCES responses
);
-- Nested, as HMAC is (RFC 2104): the outer hash shuts out whoever would lengthen the inner one.
-- +goose StatementBegin
CREATE FUNCTION erased_id(id text) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256('\x01'::bytea || key || sha256('\x00'::bytea || key || convert_to(id, 'UTF8'))) FROM erasure_key
$$;
-- +goose StatementEnd
