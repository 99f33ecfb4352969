-- +goose Up

-- Where case events are posted to. A webhook is a place in the log: all events up to position have their deliveries.
CREATE TABLE webhooks (
    id              uuid PRIMARY KEY,
    url             text NOT NULL,
    owner_id        uuid NOT NULL REFERENCES users,
    events          jsonb NOT NULL CHECK (jsonb_typeof(events) = 'array' AND jsonb_array_length(events) > 0),
    filter          jsonb,
    enabled         boolean NOT NULL DEFAULT true,
    disabled_reason text, -- null: it is enabled, or somebody disabled it by hand
    -- Signing needs the secret itself: it cannot be hashed.
    secret          text NOT NULL,
    retired_secrets jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(retired_secrets) = 'array'), -- [{secret, until}]
    position        bigint NOT NULL,
    failing_since   timestamptz, -- of the first try that failed since the last that did not
    created_at      timestamptz NOT NULL,
    updated_at      timestamptz NOT NULL,
    CHECK (NOT enabled OR disabled_reason IS NULL)
);

-- One event on its way to one webhook. Who makes, ends or moves deliveries of a webhook holds the webhook's row.
CREATE TABLE webhook_deliveries (
    id              uuid PRIMARY KEY,
    webhook_id      uuid NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    event_id        uuid NOT NULL REFERENCES case_events,
    case_id         uuid NOT NULL,
    position        bigint NOT NULL, -- the event's
    status          text NOT NULL DEFAULT 'QUEUED' CHECK (status IN ('QUEUED', 'DELIVERED', 'FAILED')),
    -- When it is tried next, or, while a server tries it, when another server may; null while it waits for an earlier
    -- event of its case, and when it has ended.
    next_attempt_at timestamptz,
    by_hand         boolean NOT NULL DEFAULT false, -- sent again by hand: no other waits for it
    attempts        integer NOT NULL DEFAULT 0,     -- in all
    tries           integer NOT NULL DEFAULT 0,     -- since it was queued the last time
    first_tried_at  timestamptz,                    -- the first of these
    response_status integer,
    last_error      text,
    created_at      timestamptz NOT NULL,
    delivered_at    timestamptz,
    CONSTRAINT webhook_deliveries_event_key UNIQUE (webhook_id, event_id),
    CHECK (status = 'QUEUED' OR next_attempt_at IS NULL),
    CHECK (status <> 'DELIVERED' OR delivered_at IS NOT NULL)
);
CREATE INDEX webhook_deliveries_newest ON webhook_deliveries (webhook_id, position DESC);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_of_case ON webhook_deliveries (webhook_id, case_id, position) WHERE status = 'QUEUED' AND NOT by_hand;
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (created_at) WHERE status <> 'QUEUED';

-- The mail that says that a webhook was disabled.
ALTER TABLE notifications ADD COLUMN webhook_id uuid REFERENCES webhooks ON DELETE SET NULL;
CREATE INDEX notifications_webhook ON notifications (webhook_id) WHERE webhook_id IS NOT NULL;
