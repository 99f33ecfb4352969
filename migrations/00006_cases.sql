-- +goose Up

-- Calendars as they were when cases opened with them. The id is computed from the calendar's content, and a row never
-- changes: all cases with equal calendars share one row, and a rule that gets another calendar leaves its old cases as
-- they were.
CREATE TABLE calendars (
    id       uuid PRIMARY KEY,
    calendar jsonb NOT NULL CHECK (jsonb_typeof(calendar) = 'object')
);

CREATE TABLE cases (
    id                 uuid PRIMARY KEY,
    number             bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT cases_number_key UNIQUE,
    status             text NOT NULL CHECK (status IN ('OPEN', 'IN_PROGRESS', 'CLOSED')),
    -- ALLOCATION: opened to assign a response of the passives queue to a user.
    origin             text NOT NULL CHECK (origin IN ('RULE', 'MANUAL', 'ALLOCATION')),
    customer_id        uuid NOT NULL REFERENCES customers,
    response_id        uuid CONSTRAINT cases_response_id_key UNIQUE REFERENCES responses,
    assignee_id        uuid REFERENCES users,
    assigned_at        timestamptz,
    assigned_by_id     uuid REFERENCES users,
    opened_by_id       uuid REFERENCES users,
    opened_at          timestamptz NOT NULL,
    updated_at         timestamptz NOT NULL,
    calendar_id        uuid REFERENCES calendars,
    due_at             timestamptz,
    -- When the case was marked as past its target; the same transaction writes the OVERDUE event.
    overdue_at         timestamptz,
    first_follow_up_at timestamptz,
    first_contact_at   timestamptz,
    closed_at          timestamptz,
    reopen_count       integer NOT NULL DEFAULT 0,
    root_cause         jsonb CHECK (jsonb_typeof(root_cause) = 'array' AND jsonb_array_length(root_cause) <= 5),
    version            integer NOT NULL,
    -- Copies of the response's and the customer's columns, as on responses.
    score              smallint CHECK (score BETWEEN 0 AND 10),
    category           text,
    responded_at       timestamptz,
    contact_requested  boolean,
    survey_fold        text COLLATE "C",
    country            text,
    company_fold       text COLLATE "C",
    segment_fold       text COLLATE "C",
    lifetime_value     numeric(24, 4),
    CHECK ((status = 'CLOSED') = (closed_at IS NOT NULL)),
    CHECK ((assignee_id IS NULL) = (assigned_at IS NULL)),
    CONSTRAINT cases_opened_by_check CHECK ((origin = 'RULE') = (opened_by_id IS NULL)),
    CONSTRAINT cases_response_check CHECK ((response_id IS NULL) = (score IS NULL))
);

-- The list of cases: the newest first, and the newest with one value of a filter.
CREATE INDEX cases_newest ON cases (opened_at DESC, id DESC);
CREATE INDEX cases_status ON cases (status, opened_at, id); -- the order by status as well
CREATE INDEX cases_assignee ON cases (assignee_id, opened_at DESC, id DESC);
CREATE INDEX cases_country ON cases (country, opened_at DESC, id DESC);
CREATE INDEX cases_customer ON cases (customer_id, opened_at DESC, id DESC);
CREATE INDEX cases_survey ON cases (survey_fold, opened_at DESC, id DESC);
CREATE INDEX cases_segment ON cases (segment_fold, opened_at DESC, id DESC);
CREATE INDEX cases_company ON cases (company_fold, opened_at DESC, id DESC);
-- Every other order of the list, as for customers. The order by number reads cases_number_key. The filter by category is a
-- range of scores, as for responses.
CREATE INDEX cases_by_update ON cases (updated_at, id);
CREATE INDEX cases_by_assignment ON cases (assigned_at, id);
CREATE INDEX cases_by_target ON cases (due_at, id);
CREATE INDEX cases_by_closing ON cases (closed_at, id);
CREATE INDEX cases_by_score ON cases (score, opened_at, id);
CREATE INDEX cases_by_value ON cases (lifetime_value, id);
-- The strategy LEAST_BUSY counts the cases of users that are not closed, for each response that it assigns.
CREATE INDEX cases_load ON cases (assignee_id) WHERE status <> 'CLOSED';
-- The filter `overdue`.
CREATE INDEX cases_due ON cases (due_at, id) WHERE first_follow_up_at IS NULL AND status <> 'CLOSED';
-- The timer looks here once a second. A case that was past its target when it opened does not become overdue later.
CREATE INDEX cases_falling_due ON cases (due_at, id)
    WHERE overdue_at IS NULL AND first_follow_up_at IS NULL AND status <> 'CLOSED' AND due_at > opened_at;

-- The rules that matched the response of a case, where a rule opened the case.
CREATE TABLE case_rules (
    case_id uuid NOT NULL REFERENCES cases,
    rule_id uuid NOT NULL REFERENCES rules,
    ordinal integer NOT NULL, -- 0: the rule that opened the case
    PRIMARY KEY (case_id, ordinal),
    CONSTRAINT case_rules_rule_key UNIQUE (rule_id, case_id) -- for the filter `rule`, and the figures of a rule
);

CREATE TABLE notes (
    id          uuid PRIMARY KEY,
    case_id     uuid NOT NULL REFERENCES cases,
    author_id   uuid NOT NULL REFERENCES users,
    body        text NOT NULL CHECK (body ~ '[^[:space:]]'),
    body_fold   text COLLATE "C" NOT NULL,
    created_at  timestamptz NOT NULL,
    redacted_at timestamptz,
    CONSTRAINT notes_case_key UNIQUE (id, case_id) -- for the log: an event and its note belong to the same case
);
-- The notes of a case, all notes, and the notes of an author, each the oldest first.
CREATE INDEX notes_case ON notes (case_id, created_at, id);
CREATE INDEX notes_oldest ON notes (created_at, id);
CREATE INDEX notes_author ON notes (author_id, created_at, id);
-- The search for words in notes. People write notes one by one, so that there are too few of them to index their parts, too.
CREATE INDEX notes_search ON notes USING gin (to_tsvector('simple', body_fold)) WITH (gin_pending_list_limit = 512);

-- The records of a case in other systems, one for each system.
CREATE TABLE case_external_refs (
    case_id     uuid NOT NULL REFERENCES cases,
    system      text NOT NULL CHECK (system ~ '[^[:space:]]'),
    external_id text NOT NULL CHECK (external_id ~ '[^[:space:]]'),
    url         text,
    PRIMARY KEY (case_id, system)
);
-- The filter `externalRef`.
CREATE INDEX case_external_refs_external ON case_external_refs (system, external_id);
