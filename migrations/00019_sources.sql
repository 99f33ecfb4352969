-- +goose Up

-- Survey tools that post responses to /intake/NAME, and how their JSON is read.
CREATE TABLE sources (
    id          uuid PRIMARY KEY,
    name        text NOT NULL CONSTRAINT sources_name_key UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    tool        text NOT NULL CHECK (tool IN ('TYPEFORM', 'DELIGHTED', 'SURVEYMONKEY', 'QUALTRICS', 'GOOGLE_FORMS', 'CUSTOM')),
    survey      text NOT NULL, -- where the payload names none
    on_conflict text NOT NULL CHECK (on_conflict IN ('REJECT', 'UPDATE')),
    mapping     jsonb NOT NULL CHECK (jsonb_typeof(mapping) = 'array' AND jsonb_array_length(mapping) > 0), -- [{field, path}]
    condition   jsonb CHECK (jsonb_typeof(condition) = 'object'), -- {path, values}; null: each payload is a response
    -- The secret itself, not a hash, because checking a signature needs it.
    secret      text,
    user_id     uuid REFERENCES users, -- as whom signed deliveries without a token are stored; null: they need a token
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    CHECK (user_id IS NULL OR secret IS NOT NULL)
);

-- The last deliveries of each source, and what became of them.
CREATE TABLE source_deliveries (
    id          uuid PRIMARY KEY,
    source_id   uuid NOT NULL CONSTRAINT source_deliveries_source_fkey REFERENCES sources ON DELETE CASCADE,
    received_at timestamptz NOT NULL,
    fate        text NOT NULL CHECK (fate IN ('ACCEPTED', 'COMPLETED', 'KNOWN', 'IGNORED', 'REFUSED')),
    response_id uuid REFERENCES responses, -- null: there is none
    code        text,                      -- of the first fault; null: there is none
    field       text,                      -- which the first fault concerns
    path        text,                      -- at which it was looked for
    -- Both may have personal data. They go when the customer is erased, and after 30 days.
    error       text,
    payload     text,
    CHECK ((fate IN ('ACCEPTED', 'COMPLETED', 'KNOWN')) = (response_id IS NOT NULL)),
    CHECK ((fate = 'REFUSED') = (code IS NOT NULL))
);
-- The deliveries of a source, the newest first.
CREATE INDEX source_deliveries_newest ON source_deliveries (source_id, received_at DESC, id DESC);
-- Erasing a customer.
CREATE INDEX source_deliveries_response ON source_deliveries (response_id) WHERE payload IS NOT NULL OR error IS NOT NULL;
-- Removing old payloads.
CREATE INDEX source_deliveries_old ON source_deliveries (received_at) WHERE payload IS NOT NULL OR error IS NOT NULL;

CREATE CONSTRAINT TRIGGER configuration_changed AFTER INSERT OR UPDATE OR DELETE ON sources
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION configuration_changed();
