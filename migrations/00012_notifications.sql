-- +goose Up

-- Mails: one row for each recipient.
CREATE TABLE notifications (
    id          uuid PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('NEW_RESPONSE', 'CASE_ASSIGNED', 'CASE_OVERDUE', 'CASE_ESCALATED', 'WEBHOOK_DISABLED', 'OLD_RESPONSES')),
    "to"        text NOT NULL,
    to_fold     text COLLATE "C" NOT NULL,
    case_id     uuid REFERENCES cases,
    response_id uuid REFERENCES responses,
    rule_id     uuid REFERENCES rules,
    event_id    uuid REFERENCES case_events,
    webhook_id  uuid REFERENCES webhooks ON DELETE SET NULL, -- the webhook that was disabled
    status      text NOT NULL CHECK (status IN ('QUEUED', 'SENT', 'FAILED', 'NOT_SENT')),
    attempts    integer NOT NULL DEFAULT 0,
    last_error  text,
    created_at  timestamptz NOT NULL,
    sent_at     timestamptz,
    CHECK ((status = 'SENT') = (sent_at IS NOT NULL)),
    CHECK (kind <> 'NEW_RESPONSE' OR response_id IS NOT NULL),
    CHECK (kind <> 'CASE_ASSIGNED' OR (case_id IS NOT NULL AND event_id IS NOT NULL)),
    CONSTRAINT notifications_overdue_check CHECK (kind <> 'CASE_OVERDUE' OR (case_id IS NOT NULL AND event_id IS NOT NULL)),
    CONSTRAINT notifications_escalated_check CHECK (kind <> 'CASE_ESCALATED' OR (case_id IS NOT NULL AND event_id IS NOT NULL)),
    CONSTRAINT notifications_failed_check CHECK (status <> 'FAILED' OR last_error IS NOT NULL)
-- A mail that is sent changes columns that are in no index. So the new version of the row needs no index entry, if it finds
-- room on the row's page.
) WITH (fillfactor = 60);
-- An address gets one mail about a response, and one about an event.
CREATE UNIQUE INDEX notifications_response_key ON notifications (response_id, to_fold) WHERE kind = 'NEW_RESPONSE';
CREATE UNIQUE INDEX notifications_event_key ON notifications (event_id, to_fold) WHERE event_id IS NOT NULL;
-- The mails of a case, the oldest first; erasing a customer finds the mails about their cases here.
CREATE INDEX notifications_case ON notifications (case_id, created_at, id);
-- The list of mails: all and by recipient, each the newest first.
CREATE INDEX notifications_newest ON notifications (created_at DESC, id DESC);
CREATE INDEX notifications_to ON notifications (to_fold, created_at DESC, id DESC);
-- The filters by kind and by status FAILED. The frequent kinds are found among the newest mails or, where one is rare, by the
-- indexes above that are unique; a queued mail is found by its job. An index by status would cost every mail two entries in
-- each index.
CREATE INDEX notifications_kind ON notifications (kind, created_at DESC, id DESC) WHERE kind IN ('CASE_OVERDUE', 'CASE_ESCALATED', 'WEBHOOK_DISABLED', 'OLD_RESPONSES');
CREATE INDEX notifications_trouble ON notifications (created_at DESC, id DESC) WHERE last_error IS NOT NULL;
-- The foreign key: deleting a webhook looks here for its mails.
CREATE INDEX notifications_webhook ON notifications (webhook_id) WHERE webhook_id IS NOT NULL;
