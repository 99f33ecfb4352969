-- +goose Up

-- The business hours that a rule's target and its escalations count in; null: the clock runs through.
ALTER TABLE rules ADD COLUMN calendar jsonb CHECK (jsonb_typeof(calendar) = 'object');
-- What happens to the rule's cases that nobody follows up, in the order of time; null: nothing.
ALTER TABLE rules ADD COLUMN escalations jsonb CHECK (jsonb_typeof(escalations) = 'array');

-- Calendars as cases were opened with them. The id is made of what the calendar says, and a row never changes: all
-- cases of one calendar share one row, and a rule that gets another one leaves its old cases as they were.
CREATE TABLE calendars (
    id       uuid PRIMARY KEY,
    calendar jsonb NOT NULL CHECK (jsonb_typeof(calendar) = 'object')
);
ALTER TABLE cases ADD COLUMN calendar_id uuid REFERENCES calendars;

-- The steps of each case, copied from its rule when it opened: a rule that changes, or goes, leaves them as they are.
CREATE TABLE case_escalations (
    case_id    uuid NOT NULL REFERENCES cases,
    step       integer NOT NULL CHECK (step > 0), -- its place in the rule's list, from 1
    rule_id    uuid NOT NULL REFERENCES rules,
    after      bigint NOT NULL CHECK (after > 0), -- microseconds, of business time where the case has a calendar
    due_at     timestamptz NOT NULL,
    notify     jsonb CHECK (jsonb_typeof(notify) = 'array'), -- null: nobody
    reassign   jsonb CHECK (jsonb_typeof(reassign) = 'object'), -- null: whoever has the case keeps it
    settled_at timestamptz, -- when a server came to it
    event_id   uuid REFERENCES case_events, -- what it did; null: not due yet, or the case had been followed up by then
    PRIMARY KEY (case_id, step),
    CHECK (event_id IS NULL OR settled_at IS NOT NULL)
);
-- What the timer looks for, once a second.
CREATE INDEX case_escalations_due ON case_escalations (due_at, case_id, step) WHERE settled_at IS NULL;

-- How often ROUND_ROBIN has chosen in a step of a rule; rules.turn counts the cases it opens.
CREATE TABLE escalation_turns (
    rule_id uuid NOT NULL REFERENCES rules,
    step    integer NOT NULL,
    turn    bigint NOT NULL,
    PRIMARY KEY (rule_id, step)
);

ALTER TABLE case_events ADD COLUMN step integer;
ALTER TABLE case_events ADD COLUMN after bigint; -- microseconds
ALTER TABLE case_events ADD CONSTRAINT case_events_escalated_check
    CHECK ((type = 'ESCALATED') = (step IS NOT NULL AND after IS NOT NULL));
-- Whatever servers and clocks do: a step of a case happens once.
CREATE UNIQUE INDEX case_events_escalated_key ON case_events (case_id, step) WHERE type = 'ESCALATED';

ALTER TABLE notifications ADD CONSTRAINT notifications_escalated_check
    CHECK (kind <> 'CASE_ESCALATED' OR (case_id IS NOT NULL AND event_id IS NOT NULL));
