-- +goose Up

ALTER TABLE rules DROP CONSTRAINT rules_strategy_check;
ALTER TABLE rules ADD CONSTRAINT rules_strategy_check
    CHECK (strategy IN ('UNASSIGNED', 'USER', 'ACCOUNT_MANAGER', 'AGENT', 'ROUND_ROBIN', 'LEAST_BUSY'));
-- How often ROUND_ROBIN has chosen: whose turn it is. Counted in the transaction that assigns, so none is skipped.
ALTER TABLE rules ADD COLUMN turn bigint NOT NULL DEFAULT 0;

-- The users that ROUND_ROBIN and LEAST_BUSY choose from.
CREATE TABLE rule_assignees (
    rule_id uuid NOT NULL REFERENCES rules,
    ordinal integer NOT NULL,
    user_id uuid NOT NULL REFERENCES users,
    PRIMARY KEY (rule_id, ordinal),
    CONSTRAINT rule_assignees_user_key UNIQUE (rule_id, user_id)
);
