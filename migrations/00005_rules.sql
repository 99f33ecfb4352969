-- +goose Up

CREATE TABLE rules (
    id                uuid PRIMARY KEY,
    name              text NOT NULL CHECK (btrim(name) <> ''),
    enabled           boolean NOT NULL,
    position          integer NOT NULL,
    scores            jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(scores) = 'array'),
    contact_requested boolean,
    filter            jsonb CHECK (jsonb_typeof(filter) = 'object' AND filter <> '{}'),
    opens_case        boolean NOT NULL,
    strategy          text NOT NULL CHECK (strategy IN ('UNASSIGNED', 'USER', 'ACCOUNT_MANAGER', 'AGENT', 'ROUND_ROBIN', 'LEAST_BUSY')),
    user_id           uuid REFERENCES users,
    fallback_user_id  uuid REFERENCES users,
    -- How often ROUND_ROBIN has chosen, and so whose turn it is. Counted in the transaction that assigns, so that nobody
    -- is skipped.
    turn              bigint NOT NULL DEFAULT 0,
    follow_up_target  bigint CHECK (follow_up_target > 0), -- microseconds
    -- The business hours in which the rule's target and its escalation steps are counted; null: the clock never stops.
    calendar          jsonb CHECK (jsonb_typeof(calendar) = 'object'),
    -- What happens to the rule's cases that nobody follows up, in the order of time; null: nothing.
    escalations       jsonb CHECK (jsonb_typeof(escalations) = 'array'),
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    deleted_at        timestamptz,
    CHECK ((strategy = 'USER') = (user_id IS NOT NULL)),
    -- Positions are 1, 2, 3 … among the rules that are not deleted. Deferred, because moving one rule moves others.
    CONSTRAINT rules_position_key EXCLUDE (position WITH =) WHERE (deleted_at IS NULL) DEFERRABLE INITIALLY DEFERRED
);

-- Who is alerted.
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

-- The users that ROUND_ROBIN and LEAST_BUSY choose from.
CREATE TABLE rule_assignees (
    rule_id uuid NOT NULL REFERENCES rules,
    ordinal integer NOT NULL,
    user_id uuid NOT NULL REFERENCES users,
    PRIMARY KEY (rule_id, ordinal),
    CONSTRAINT rule_assignees_user_key UNIQUE (rule_id, user_id)
);

-- The rules that each response matched, whether or not they opened a case.
CREATE TABLE response_rules (
    response_id uuid NOT NULL REFERENCES responses,
    rule_id     uuid NOT NULL REFERENCES rules,
    PRIMARY KEY (rule_id, response_id) -- for counting how many responses each rule matched
);
