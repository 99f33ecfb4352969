-- +goose Up

-- The revision of the configuration: of users, tokens, rules, themes, settings, webhooks and sources. Each change raises it in its
-- own transaction, so that a server sees cheaply whether what it remembers is current. It is the time of the change in
-- microseconds, or one more than before where that is more: so a number that a failover has lost does not come back with
-- another content.
CREATE TABLE configuration (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    revision bigint NOT NULL DEFAULT 0
);
INSERT INTO configuration DEFAULT VALUES;

-- Saving responses shares this lock, from its first statement to its commit, and remembers rules, users, themes and
-- settings by the revision that it gets. Their changes have the lock alone when they commit. So no response is decided
-- by rules that were gone when it was committed. The function is volatile, so that the revision is read after the wait.
-- +goose StatementBegin
CREATE FUNCTION share_configuration() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(hashtext('closeloop configuration'));
    RETURN (SELECT revision FROM configuration);
END $$;
-- +goose StatementEnd

-- Runs at the commit for each row, and raises the revision once in a transaction. With an argument it waits for the
-- responses that are being saved; the program takes the lock before its other locks, so that nobody waits in a circle.
-- +goose StatementBegin
CREATE FUNCTION configuration_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_NARGS > 0 THEN
        PERFORM pg_advisory_xact_lock(hashtext('closeloop configuration'));
    END IF;
    IF current_setting('closeloop.raised', true) IS DISTINCT FROM 'yes' THEN
        UPDATE configuration SET revision = greatest(revision + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
        PERFORM set_config('closeloop.raised', 'yes', true);
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE CONSTRAINT TRIGGER configuration_changed AFTER INSERT OR UPDATE OR DELETE ON settings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION configuration_changed('decides');
CREATE CONSTRAINT TRIGGER configuration_changed AFTER INSERT OR UPDATE OR DELETE ON users
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION configuration_changed('decides');
CREATE CONSTRAINT TRIGGER configuration_changed AFTER INSERT OR UPDATE OR DELETE ON themes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION configuration_changed('decides');
-- All but turn, which responses count.
CREATE CONSTRAINT TRIGGER configuration_changed AFTER INSERT OR DELETE OR UPDATE OF id, name, enabled, position, scores,
    contact_requested, filter, opens_case, strategy, user_id, fallback_user_id, follow_up_target, calendar, escalations,
    created_at, updated_at, deleted_at ON rules
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION configuration_changed('decides');
CREATE CONSTRAINT TRIGGER configuration_changed AFTER INSERT OR UPDATE OR DELETE ON rule_recipients
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION configuration_changed('decides');
CREATE CONSTRAINT TRIGGER configuration_changed AFTER INSERT OR UPDATE OR DELETE ON rule_assignees
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION configuration_changed('decides');
-- All but last_used_at.
CREATE CONSTRAINT TRIGGER configuration_changed AFTER INSERT OR DELETE OR UPDATE OF id, user_id, name, hash, created_at,
    expires_at, revoked_at, role, scope_customer, scope_response, own_cases_only, personal_data_hidden, previous_hash,
    previous_until, given ON api_tokens
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION configuration_changed();
-- All but position and failing_since, which deliveries move.
CREATE CONSTRAINT TRIGGER configuration_changed AFTER INSERT OR DELETE OR UPDATE OF id, url, owner_id, events, filter,
    enabled, disabled_reason, secret, retired_secrets, created_at, updated_at ON webhooks
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION configuration_changed();
