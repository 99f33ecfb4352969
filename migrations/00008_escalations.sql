-- +goose Up

-- The escalation steps of each case, copied from its rule when the case opened: changing or deleting the rule leaves
-- them as they are.
CREATE TABLE case_escalations (
    case_id    uuid NOT NULL REFERENCES cases,
    step       integer NOT NULL CHECK (step > 0), -- its number in the rule's list, from 1
    rule_id    uuid NOT NULL REFERENCES rules,
    after      bigint NOT NULL CHECK (after > 0), -- microseconds, of business time where the case has a calendar
    due_at     timestamptz NOT NULL,
    notify     jsonb CHECK (jsonb_typeof(notify) = 'array'), -- null: nobody
    reassign   jsonb CHECK (jsonb_typeof(reassign) = 'object'), -- null: the assignee stays
    settled_at timestamptz, -- when a server handled the step
    event_id   uuid REFERENCES case_events, -- what the step did; null: not due yet, or the case had been followed up by then
    PRIMARY KEY (case_id, step),
    CHECK (event_id IS NULL OR settled_at IS NOT NULL)
);
-- The timer looks here once a second.
CREATE INDEX case_escalations_due ON case_escalations (due_at, case_id, step) WHERE settled_at IS NULL;

-- How often ROUND_ROBIN has chosen in a step of a rule; rules.turn counts the cases that the rule opens.
CREATE TABLE escalation_turns (
    rule_id uuid NOT NULL REFERENCES rules,
    step    integer NOT NULL,
    turn    bigint NOT NULL,
    PRIMARY KEY (rule_id, step)
);
