-- +goose Up

-- Where case events are posted to. A webhook reads the log: every event up to position has its delivery.
CREATE TABLE webhooks (
    id              uuid PRIMARY KEY,
    url             text NOT NULL,
    owner_id        uuid NOT NULL REFERENCES users,
    events          jsonb NOT NULL CHECK (jsonb_typeof(events) = 'array' AND jsonb_array_length(events) > 0),
    filter          jsonb,
    enabled         boolean NOT NULL DEFAULT true,
    disabled_reason text, -- null: the webhook is enabled, or a user disabled it
    -- The secret itself, not a hash, because signing needs it.
    secret          text NOT NULL,
    retired_secrets jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(retired_secrets) = 'array'), -- [{secret, until}]
    position        bigint NOT NULL,
    failing_since   timestamptz, -- time of the first failed attempt since the last successful one
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CHECK (NOT enabled OR disabled_reason IS NULL)
);

-- One event on its way to one webhook. A transaction that creates, ends or moves deliveries of a webhook locks the
-- webhook's row first.
CREATE TABLE webhook_deliveries (
    id              uuid PRIMARY KEY,
    webhook_id      uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    event_id        uuid NOT NULL REFERENCES case_events,
    case_id         uuid NOT NULL,
    position        bigint NOT NULL, -- the event's position
    status          text NOT NULL DEFAULT 'QUEUED' CHECK (status IN ('QUEUED', 'DELIVERED', 'FAILED')),
    -- When the next attempt is due; while a server makes an attempt, when another server may make one. Null while the
    -- delivery waits for an earlier event of its case, and when it has ended.
    next_attempt_at timestamptz,
    by_hand         boolean NOT NULL DEFAULT false, -- a user had it sent again: no other delivery waits for it
    attempts        integer NOT NULL DEFAULT 0,     -- in all
    tries           integer NOT NULL DEFAULT 0,     -- since the delivery was last queued
    first_tried_at  timestamptz,                    -- time of the first of these tries
    response_status integer,
    last_error      text,
    created_at      timestamptz NOT NULL,
    delivered_at    timestamptz,
    CONSTRAINT webhook_deliveries_event_key UNIQUE (webhook_id, event_id),
    CHECK (status = 'QUEUED' OR next_attempt_at IS NULL),
    CHECK (status <> 'DELIVERED' OR delivered_at IS NOT NULL)
);
-- The deliveries of a webhook, the newest first.
CREATE INDEX webhook_deliveries_newest ON webhook_deliveries (webhook_id, position DESC);
-- Finding what is due: the deliveries that wait for an earlier event of their case are not in this index.
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
-- Finding the next delivery of a case when the one before it has ended.
CREATE INDEX webhook_deliveries_of_case ON webhook_deliveries (webhook_id, case_id, position) WHERE status = 'QUEUED' AND NOT by_hand;
-- Deleting old deliveries.
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (created_at) WHERE status <> 'QUEUED';
