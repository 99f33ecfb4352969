-- +goose Up

-- A topic that comments are sorted by.
CREATE TABLE themes (
    id          uuid PRIMARY KEY,
    name        text NOT NULL CONSTRAINT themes_name_check CHECK (name ~ '[^[:space:]]'),
    name_fold   text COLLATE "C" NOT NULL,
    keywords    jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(keywords) = 'array'),
    effort      text NOT NULL DEFAULT 'MEDIUM' CHECK (effort IN ('EASY', 'MEDIUM', 'HARD')),
    resolved_at timestamptz,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    deleted_at  timestamptz
);
-- The name of a deleted theme may be given again.
CREATE UNIQUE INDEX themes_name_key ON themes (name_fold) WHERE deleted_at IS NULL;

-- by_hand: a person said so, and keywords neither add nor take it.
CREATE TABLE response_themes (
    response_id uuid NOT NULL REFERENCES responses,
    theme_id    uuid NOT NULL REFERENCES themes,
    by_hand     boolean NOT NULL DEFAULT false,
    PRIMARY KEY (response_id, theme_id)
);
CREATE INDEX response_themes_theme ON response_themes (theme_id, response_id);

-- A case that was opened to portion the passives out.
ALTER TABLE cases DROP CONSTRAINT cases_origin_check;
ALTER TABLE cases ADD CONSTRAINT cases_origin_check CHECK (origin IN ('RULE', 'MANUAL', 'ALLOCATION'));
ALTER TABLE cases DROP CONSTRAINT cases_check2; -- (origin = 'MANUAL') = (opened_by_id IS NOT NULL)
ALTER TABLE cases ADD CONSTRAINT cases_opened_by_check CHECK ((origin = 'RULE') = (opened_by_id IS NULL));

ALTER TABLE case_events DROP CONSTRAINT case_events_type_check;
ALTER TABLE case_events ADD CONSTRAINT case_events_type_check CHECK (type IN ('OPENED', 'ASSIGNED', 'STATUS_CHANGED',
    'NOTE_ADDED', 'DETAILS_CHANGED', 'OVERDUE', 'OUTREACH_RECORDED', 'CUSTOMER_REPLIED', 'ROOT_CAUSE_SET', 'ESCALATED', 'CUSTOMER_ERASED'));

ALTER TABLE notifications DROP CONSTRAINT notifications_kind_check;
ALTER TABLE notifications ADD CONSTRAINT notifications_kind_check
    CHECK (kind IN ('NEW_RESPONSE', 'CASE_ASSIGNED', 'CASE_OVERDUE', 'CASE_ESCALATED', 'WEBHOOK_DISABLED'));
