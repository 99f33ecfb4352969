-- +goose Up

-- When the case was marked as past its target; the event that says so is written by the same transaction.
ALTER TABLE cases ADD COLUMN overdue_at timestamptz;

-- What the timer looks for, once a second: a case that was past its target when it opened has not become overdue.
CREATE INDEX cases_falling_due ON cases (due_at, id)
    WHERE overdue_at IS NULL AND first_follow_up_at IS NULL AND status <> 'CLOSED' AND due_at > opened_at;

ALTER TABLE case_events DROP CONSTRAINT case_events_type_check;
ALTER TABLE case_events ADD CONSTRAINT case_events_type_check
    CHECK (type IN ('OPENED', 'ASSIGNED', 'STATUS_CHANGED', 'NOTE_ADDED', 'DETAILS_CHANGED', 'OVERDUE'));
-- Whatever servers and clocks do: a case becomes overdue once.
CREATE UNIQUE INDEX case_events_overdue_key ON case_events (case_id) WHERE type = 'OVERDUE';

ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_check
    CHECK (kind IN ('NEW_RESPONSE', 'CASE_ASSIGNED', 'CASE_OVERDUE'));
ALTER TABLE notifications ADD CONSTRAINT notifications_overdue_check
    CHECK (kind <> 'CASE_OVERDUE' OR (case_id IS NOT NULL AND event_id IS NOT NULL));
