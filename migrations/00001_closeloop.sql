-- +goose Up

-- Text that is compared is stored twice: as given, and folded by Go (NFC, then case) in a *_fold column
-- with byte order, so that SQL and Go never differ on what 'the same text' means.

CREATE TABLE users (
    id         uuid PRIMARY KEY,
    name       text NOT NULL CHECK (btrim(name) <> ''),
    name_fold  text COLLATE "C" NOT NULL,
    email      text NOT NULL,
    email_fold text COLLATE "C" NOT NULL CONSTRAINT users_email_key UNIQUE,
    role       text NOT NULL CHECK (role IN ('ADMIN', 'MANAGER', 'AGENT', 'STAKEHOLDER', 'PARTNER', 'INTAKE')),
    active     boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL
);
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
CREATE INDEX api_tokens_user ON api_tokens (user_id);

CREATE TABLE settings (
    only_row            boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    currency            text NOT NULL DEFAULT 'EUR' CHECK (currency ~ '^[A-Z]{3}$'),
    time_zone           text NOT NULL DEFAULT 'UTC',
    central_addresses   jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(central_addresses) = 'array'),
    forced_status_order boolean NOT NULL DEFAULT false
);
INSERT INTO settings DEFAULT VALUES;

CREATE TABLE customers (
    id                    uuid PRIMARY KEY,
    number                bigint GENERATED ALWAYS AS IDENTITY,
    external_id           text CONSTRAINT customers_external_id_key UNIQUE,
    -- Set for customers that an import knows by name and country alone.
    name_key              text COLLATE "C" CONSTRAINT customers_name_key_key UNIQUE,
    first_name            text,
    last_name             text,
    email                 text,
    email_fold            text COLLATE "C",
    phone                 text,
    company               text,
    company_fold          text COLLATE "C",
    country               text CHECK (country ~ '^[A-Z]{2}$'),
    segment               text,
    segment_fold          text COLLATE "C",
    lifetime_value        numeric(24, 4),
    account_manager_email text,
    agent_email           text,
    attributes            jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    -- The time of the newest response: an older one must not overwrite the customer's data.
    last_response_at      timestamptz,
    created_at            timestamptz NOT NULL
);
CREATE INDEX customers_email ON customers (email_fold) WHERE email_fold IS NOT NULL;
CREATE INDEX customers_newest ON customers (created_at DESC, id DESC);

CREATE TABLE responses (
    id                     uuid PRIMARY KEY,
    external_id            text CONSTRAINT responses_external_id_key UNIQUE,
    customer_id            uuid NOT NULL REFERENCES customers,
    survey                 text,
    score                  smallint NOT NULL CONSTRAINT responses_score_check CHECK (score BETWEEN 0 AND 10),
    category               text NOT NULL GENERATED ALWAYS AS
                               (CASE WHEN score <= 6 THEN 'DETRACTOR' WHEN score <= 8 THEN 'PASSIVE' ELSE 'PROMOTER' END) STORED,
    comment                text,
    drivers                jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(drivers) = 'array'),
    contact_requested      boolean NOT NULL DEFAULT false,
    quote_consent          boolean,
    testimonial_likelihood double precision CHECK (testimonial_likelihood BETWEEN 0 AND 1),
    attributes             jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    responded_at           timestamptz NOT NULL,
    received_at            timestamptz NOT NULL,
    -- Copies of the customer's, kept by whoever writes the customer: a list is one table and one index.
    country                text,
    company_fold           text COLLATE "C",
    segment_fold           text COLLATE "C"
);
CREATE INDEX responses_newest ON responses (responded_at DESC, id DESC);
CREATE INDEX responses_customer ON responses (customer_id, responded_at DESC, id DESC);
CREATE INDEX responses_category ON responses (category, responded_at DESC, id DESC);
CREATE INDEX responses_country ON responses (country, responded_at DESC, id DESC);

CREATE TABLE rules (
    id                uuid PRIMARY KEY,
    name              text NOT NULL CHECK (btrim(name) <> ''),
    enabled           boolean NOT NULL,
    position          integer NOT NULL,
    scores            jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(scores) = 'array'),
    contact_requested boolean,
    filter            jsonb CHECK (jsonb_typeof(filter) = 'object' AND filter <> '{}'),
    opens_case        boolean NOT NULL,
    strategy          text NOT NULL CHECK (strategy IN ('UNASSIGNED', 'USER', 'ACCOUNT_MANAGER', 'AGENT')),
    user_id           uuid REFERENCES users,
    fallback_user_id  uuid REFERENCES users,
    follow_up_target  bigint CONSTRAINT rules_follow_up_target_check CHECK (follow_up_target > 0), -- microseconds
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    deleted_at        timestamptz,
    CHECK ((strategy = 'USER') = (user_id IS NOT NULL)),
    -- Positions are 1, 2, 3 … among the rules that are not deleted; deferred, because a move shifts several.
    CONSTRAINT rules_position_key EXCLUDE (position WITH =) WHERE (deleted_at IS NULL) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE rule_recipients (
    rule_id uuid NOT NULL REFERENCES rules,
    ordinal integer NOT NULL,
    kind    text NOT NULL CHECK (kind IN ('ADDRESS', 'USER', 'CENTRAL', 'ASSIGNEE', 'ACCOUNT_MANAGER', 'AGENT')),
    address text,
    user_id uuid REFERENCES users,
    PRIMARY KEY (rule_id, ordinal),
    CHECK ((kind = 'ADDRESS') = (address IS NOT NULL)),
    CHECK ((kind = 'USER') = (user_id IS NOT NULL))
);

CREATE TABLE cases (
    id                 uuid PRIMARY KEY,
    number             bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT cases_number_key UNIQUE,
    status             text NOT NULL CHECK (status IN ('OPEN', 'IN_PROGRESS', 'CLOSED')),
    origin             text NOT NULL CHECK (origin IN ('RULE', 'MANUAL')),
    customer_id        uuid NOT NULL REFERENCES customers,
    response_id        uuid CONSTRAINT cases_response_id_key UNIQUE REFERENCES responses,
    assignee_id        uuid REFERENCES users,
    assigned_at        timestamptz,
    assigned_by_id     uuid REFERENCES users,
    opened_by_id       uuid REFERENCES users,
    opened_at          timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    due_at             timestamptz,
    first_follow_up_at timestamptz,
    closed_at          timestamptz,
    reopen_count       integer NOT NULL DEFAULT 0,
    version            integer NOT NULL,
    -- Copies of the response's and the customer's, as on responses.
    score              smallint CHECK (score BETWEEN 0 AND 10),
    category           text,
    responded_at       timestamptz,
    contact_requested  boolean,
    country            text,
    company_fold       text COLLATE "C",
    segment_fold       text COLLATE "C",
    lifetime_value     numeric(24, 4),
    CHECK ((status = 'CLOSED') = (closed_at IS NOT NULL)),
    CHECK ((assignee_id IS NULL) = (assigned_at IS NULL)),
    CHECK ((origin = 'MANUAL') = (opened_by_id IS NOT NULL)),
    CHECK ((response_id IS NULL) = (score IS NULL))
);
CREATE INDEX cases_newest ON cases (opened_at DESC, id DESC);
CREATE INDEX cases_status ON cases (status, opened_at DESC, id DESC);
CREATE INDEX cases_assignee ON cases (assignee_id, opened_at DESC, id DESC);
CREATE INDEX cases_category ON cases (category, opened_at DESC, id DESC);
CREATE INDEX cases_country ON cases (country, opened_at DESC, id DESC);
CREATE INDEX cases_customer ON cases (customer_id, opened_at DESC, id DESC);
CREATE INDEX cases_due ON cases (due_at, id) WHERE first_follow_up_at IS NULL AND status <> 'CLOSED';

CREATE TABLE case_rules (
    case_id uuid NOT NULL REFERENCES cases,
    rule_id uuid NOT NULL REFERENCES rules,
    ordinal integer NOT NULL, -- 0: the rule that opened the case
    PRIMARY KEY (case_id, rule_id),
    CONSTRAINT case_rules_ordinal_key UNIQUE (case_id, ordinal)
);
CREATE INDEX case_rules_rule ON case_rules (rule_id);

-- How many responses each rule matched is counted from here, whether or not it opened a case.
CREATE TABLE response_rules (
    response_id uuid NOT NULL REFERENCES responses,
    rule_id     uuid NOT NULL REFERENCES rules,
    PRIMARY KEY (response_id, rule_id)
);
CREATE INDEX response_rules_rule ON response_rules (rule_id);

CREATE TABLE notes (
    id         uuid PRIMARY KEY,
    case_id    uuid NOT NULL REFERENCES cases,
    author_id  uuid NOT NULL REFERENCES users,
    body       text NOT NULL CONSTRAINT notes_body_check CHECK (body ~ '[^[:space:]]'),
    created_at timestamptz NOT NULL,
    CONSTRAINT notes_case_key UNIQUE (id, case_id)
);
CREATE INDEX notes_case ON notes (case_id, created_at, id);
CREATE INDEX notes_oldest ON notes (created_at, id);

-- The log. seq is drawn while the case's row is locked; position is given later, by the stamp.
CREATE TABLE case_events (
    id                   uuid PRIMARY KEY,
    seq                  bigint GENERATED ALWAYS AS IDENTITY (CACHE 1),
    position             bigint CONSTRAINT case_events_position_key UNIQUE,
    case_id              uuid NOT NULL REFERENCES cases,
    version              integer NOT NULL,
    type                 text NOT NULL CHECK (type IN ('OPENED', 'ASSIGNED', 'STATUS_CHANGED', 'NOTE_ADDED', 'DETAILS_CHANGED')),
    at                   timestamptz NOT NULL,
    actor_id             uuid REFERENCES users,
    note_id              uuid,
    rule_id              uuid REFERENCES rules,
    previous_status      text,
    status               text,
    previous_assignee_id uuid REFERENCES users,
    assignee_id          uuid REFERENCES users,
    changed              jsonb,
    snapshot             jsonb NOT NULL,
    before               jsonb, -- the parts of the snapshot that the event changed, as they were; null: there was no case
    CONSTRAINT case_events_version_key UNIQUE (case_id, version),
    FOREIGN KEY (note_id, case_id) REFERENCES notes (id, case_id),
    CONSTRAINT case_events_status_note CHECK (type <> 'STATUS_CHANGED' OR
        (note_id IS NOT NULL AND status IS NOT NULL AND previous_status IS NOT NULL AND status <> previous_status)),
    CHECK (type <> 'NOTE_ADDED' OR note_id IS NOT NULL),
    CHECK (type <> 'DETAILS_CHANGED' OR changed IS NOT NULL),
    CHECK ((type = 'OPENED') = (version = 1)),
    CHECK ((type = 'OPENED') = (before IS NULL))
);
CREATE INDEX case_events_unstamped ON case_events (seq) WHERE position IS NULL;

-- A case's row and the log must never part: no new status without its event, and so without its note.
-- +goose StatementBegin
CREATE FUNCTION case_status_is_logged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM case_events
                    WHERE case_id = NEW.id AND version > OLD.version AND version <= NEW.version
                      AND type = 'STATUS_CHANGED' AND status = NEW.status) THEN
        RAISE EXCEPTION 'case %: a new status needs its event and its note', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'case_status_is_logged';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER case_status_is_logged AFTER UPDATE OF status ON cases
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.status <> NEW.status)
    EXECUTE FUNCTION case_status_is_logged();

CREATE TABLE feed_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL DEFAULT 0
);
INSERT INTO feed_head DEFAULT VALUES;

-- A life of the log on one cluster. Positions after after_position, up to the next epoch's, are its own.
CREATE TABLE feed_epochs (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    nonce             text NOT NULL CONSTRAINT feed_epochs_nonce_key UNIQUE,
    after_position    bigint NOT NULL,
    system_identifier text NOT NULL,
    timeline          text NOT NULL,
    database_oid      bigint NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE notifications (
    id          uuid PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('NEW_RESPONSE', 'CASE_ASSIGNED')),
    "to"        text NOT NULL,
    to_fold     text COLLATE "C" NOT NULL,
    case_id     uuid REFERENCES cases,
    response_id uuid REFERENCES responses,
    rule_id     uuid REFERENCES rules,
    event_id    uuid REFERENCES case_events,
    status      text NOT NULL CHECK (status IN ('QUEUED', 'SENT', 'FAILED', 'NOT_SENT')),
    attempts    integer NOT NULL DEFAULT 0,
    last_error  text,
    created_at  timestamptz NOT NULL,
    sent_at     timestamptz,
    CHECK ((status = 'SENT') = (sent_at IS NOT NULL)),
    CHECK (kind <> 'NEW_RESPONSE' OR response_id IS NOT NULL),
    CHECK (kind <> 'CASE_ASSIGNED' OR (case_id IS NOT NULL AND event_id IS NOT NULL))
);
-- Nobody is told twice of one response, nor of one event.
CREATE UNIQUE INDEX notifications_response_key ON notifications (response_id, to_fold) WHERE kind = 'NEW_RESPONSE';
CREATE UNIQUE INDEX notifications_event_key ON notifications (event_id, to_fold) WHERE event_id IS NOT NULL;
CREATE INDEX notifications_case ON notifications (case_id, created_at, id);
CREATE INDEX notifications_newest ON notifications (created_at DESC, id DESC);
