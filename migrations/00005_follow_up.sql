-- +goose Up

ALTER TABLE cases ADD COLUMN first_contact_at timestamptz;
ALTER TABLE cases ADD COLUMN root_cause jsonb
    CONSTRAINT cases_root_cause_check CHECK (jsonb_typeof(root_cause) = 'array' AND jsonb_array_length(root_cause) <= 5);

-- A case's counterparts in other systems, one for each system.
CREATE TABLE case_external_refs (
    case_id     uuid NOT NULL REFERENCES cases,
    system      text NOT NULL CHECK (system ~ '[^[:space:]]'),
    external_id text NOT NULL CHECK (external_id ~ '[^[:space:]]'),
    url         text,
    PRIMARY KEY (case_id, system)
);
CREATE INDEX case_external_refs_external ON case_external_refs (system, external_id);

ALTER TABLE responses ADD COLUMN contact_status text NOT NULL DEFAULT 'NOT_CONTACTED'
    CHECK (contact_status IN ('NOT_CONTACTED', 'CONTACTED', 'REPLIED'));
ALTER TABLE customers ADD COLUMN last_contacted_at timestamptz;
ALTER TABLE customers ADD COLUMN next_survey_at timestamptz;

ALTER TABLE case_events ADD COLUMN channel text CHECK (channel IN ('PHONE', 'EMAIL', 'MEETING', 'CAMPAIGN', 'OTHER'));
ALTER TABLE case_events ADD COLUMN offer text CHECK (offer IN ('VOUCHER', 'COMPENSATION', 'PANEL_INVITE', 'THANK_YOU', 'OTHER'));
ALTER TABLE case_events ADD COLUMN outcome text CHECK (outcome IN ('REACHED', 'MESSAGE_SENT', 'NO_ANSWER'));
ALTER TABLE case_events ADD COLUMN next_survey_at timestamptz;
ALTER TABLE case_events ADD COLUMN improvement text;
ALTER TABLE case_events ADD COLUMN whys jsonb;
ALTER TABLE case_events DROP CONSTRAINT case_events_type_check;
ALTER TABLE case_events ADD CONSTRAINT case_events_type_check CHECK (type IN ('OPENED', 'ASSIGNED', 'STATUS_CHANGED',
    'NOTE_ADDED', 'DETAILS_CHANGED', 'OVERDUE', 'OUTREACH_RECORDED', 'CUSTOMER_REPLIED', 'ROOT_CAUSE_SET'));
ALTER TABLE case_events ADD CONSTRAINT case_events_outreach_check
    CHECK ((type = 'OUTREACH_RECORDED') = (channel IS NOT NULL AND outcome IS NOT NULL) AND (type <> 'OUTREACH_RECORDED' OR note_id IS NOT NULL));
ALTER TABLE case_events ADD CONSTRAINT case_events_whys_check CHECK ((type = 'ROOT_CAUSE_SET') = (whys IS NOT NULL));

