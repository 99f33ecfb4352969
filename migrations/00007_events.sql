-- +goose Up

-- The log: one row for each thing that happened to a case. docs/decisions/0001-the-log-and-its-stamp.md explains it.
CREATE TABLE case_events (
    id                   uuid PRIMARY KEY,
    seq                  bigint GENERATED ALWAYS AS IDENTITY (CACHE 1), -- drawn while the case's row is locked
    position             bigint, -- null until the stamp gives the event its place
    case_id              uuid NOT NULL REFERENCES cases,
    version              integer NOT NULL,
    type                 text NOT NULL CHECK (type IN ('OPENED', 'ASSIGNED', 'STATUS_CHANGED', 'NOTE_ADDED', 'DETAILS_CHANGED', 'OVERDUE',
                             'OUTREACH_RECORDED', 'CUSTOMER_REPLIED', 'ROOT_CAUSE_SET', 'ESCALATED', 'CUSTOMER_ERASED')),
    at                   timestamptz NOT NULL,
    actor_id             uuid REFERENCES users,
    note_id              uuid,
    rule_id              uuid REFERENCES rules,
    previous_status      text,
    status               text,
    previous_assignee_id uuid REFERENCES users,
    assignee_id          uuid REFERENCES users,
    changed              jsonb,
    channel              text CHECK (channel IN ('PHONE', 'EMAIL', 'MEETING', 'CAMPAIGN', 'OTHER')),
    offer                text CHECK (offer IN ('VOUCHER', 'COMPENSATION', 'PANEL_INVITE', 'THANK_YOU', 'OTHER')),
    outcome              text CHECK (outcome IN ('REACHED', 'MESSAGE_SENT', 'NO_ANSWER')),
    next_survey_at       timestamptz,
    improvement          text,
    whys                 jsonb,
    step                 integer,
    after                bigint, -- microseconds
    snapshot             jsonb NOT NULL,
    before               jsonb, -- the parts of the snapshot that the event changed, as they were before; null: there was no case
    CONSTRAINT case_events_version_key UNIQUE (case_id, version),
    FOREIGN KEY (note_id, case_id) REFERENCES notes (id, case_id),
    CONSTRAINT case_events_status_note CHECK (type <> 'STATUS_CHANGED' OR
        (note_id IS NOT NULL AND status IS NOT NULL AND previous_status IS NOT NULL AND status <> previous_status)),
    CHECK (type <> 'NOTE_ADDED' OR note_id IS NOT NULL),
    CHECK (type <> 'DETAILS_CHANGED' OR changed IS NOT NULL),
    CHECK ((type = 'OPENED') = (version = 1)),
    CHECK ((type = 'OPENED') = (before IS NULL)),
    CONSTRAINT case_events_outreach_check CHECK
        ((type = 'OUTREACH_RECORDED') = (channel IS NOT NULL AND outcome IS NOT NULL) AND (type <> 'OUTREACH_RECORDED' OR note_id IS NOT NULL)),
    CONSTRAINT case_events_whys_check CHECK ((type = 'ROOT_CAUSE_SET') = (whys IS NOT NULL)),
    CONSTRAINT case_events_escalated_check CHECK ((type = 'ESCALATED') = (step IS NOT NULL AND after IS NOT NULL))
-- An event gets its position a moment after it was stored. If its new version is on the same page, PostgreSQL logs what
-- differs, and not the snapshot once more.
) WITH (fillfactor = 60);
-- Readers of the log. An event gets its entry when it gets its position.
CREATE UNIQUE INDEX case_events_position_key ON case_events (position) WHERE position IS NOT NULL;
-- The stamp looks here for events that have no position.
CREATE INDEX case_events_unstamped ON case_events (seq) WHERE position IS NULL;
-- A case becomes overdue once, and each of its escalation steps happens once, whatever servers and clocks do.
CREATE UNIQUE INDEX case_events_overdue_key ON case_events (case_id) WHERE type = 'OVERDUE';
CREATE UNIQUE INDEX case_events_escalated_key ON case_events (case_id, step) WHERE type = 'ESCALATED';
-- The filter `outreach`.
CREATE INDEX case_events_outreach ON case_events (offer, channel, outcome, case_id) WHERE type = 'OUTREACH_RECORDED';

-- A case's row must always agree with the log: a new status needs its event, and with that its note.
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

-- The last position that the stamp has given. Each stamp locks this row.
CREATE TABLE feed_head (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    position bigint NOT NULL DEFAULT 0
);
INSERT INTO feed_head DEFAULT VALUES;

-- The lives of the log, each on one cluster. The positions after after_position, up to after_position of the next epoch,
-- belong to the epoch.
CREATE TABLE feed_epochs (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    nonce             text NOT NULL CONSTRAINT feed_epochs_nonce_key UNIQUE,
    after_position    bigint NOT NULL,
    system_identifier text NOT NULL,
    timeline          text NOT NULL,
    database_oid      bigint NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now()
);
