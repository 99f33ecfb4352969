-- +goose Up

-- In which hours (of UTC, by responded_at) responses were changed, and by which transaction, so that servers that keep
-- figures of responses in memory know which days to count again. docs/decisions/0037-figures-of-responses-by-the-day.md
-- explains it. Triggers write it, whatever writes the other tables. They only insert, into tables without a unique key, so
-- that writers never wait for each other. It is merged to a row an hour now and then, and needs no index. It is lost in a
-- crash, which also ends what servers may believe: transaction ids can come again after it.
-- hour is -infinity where all responses with themes may have changed.
CREATE UNLOGGED TABLE changed_hours (
    hour timestamptz NOT NULL,
    xid  xid8 NOT NULL
);

-- One row, which the background loop of a server writes: all changes by transactions from complete_from on are in
-- changed_hours. With another life, and without the row, nobody may believe what was kept before.
CREATE UNLOGGED TABLE changed_hours_horizon (
    only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    life          uuid NOT NULL,
    complete_from xid8 NOT NULL,
    next          xid8 NOT NULL,       -- complete_from when the next older hours are dropped
    next_at       timestamptz NOT NULL -- when next was noted
);

-- +goose StatementBegin
CREATE FUNCTION changed_hours_came() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changed_hours (hour, xid) SELECT DISTINCT date_trunc('hour', responded_at, 'UTC'), pg_current_xact_id() FROM came;
    RETURN NULL;
END $$;
CREATE FUNCTION changed_hours_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changed_hours (hour, xid) VALUES (date_trunc('hour', OLD.responded_at, 'UTC'), pg_current_xact_id());
    IF TG_OP = 'UPDATE' AND NEW.responded_at <> OLD.responded_at THEN
        INSERT INTO changed_hours (hour, xid) VALUES (date_trunc('hour', NEW.responded_at, 'UTC'), pg_current_xact_id());
    END IF;
    RETURN NULL;
END $$;
-- The hour is read row by row, by the primary key: a join could be planned while responses are few, and stay so.
CREATE FUNCTION changed_hours_tagged() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changed_hours (hour, xid)
    SELECT DISTINCT (SELECT date_trunc('hour', r.responded_at, 'UTC') FROM responses r WHERE r.id = t.response_id), pg_current_xact_id()
      FROM tagged t;
    RETURN NULL;
END $$;
CREATE FUNCTION changed_hours_drivers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changed_hours (hour, xid)
    SELECT date_trunc('hour', responded_at, 'UTC'), pg_current_xact_id() FROM responses WHERE id = OLD.response_id;
    RETURN NULL;
END $$;
CREATE FUNCTION changed_hours_themes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changed_hours (hour, xid) VALUES ('-infinity', pg_current_xact_id());
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- internal/report/rolled.go lists the fields of filters that read these columns.
CREATE TRIGGER changed_hours_came AFTER INSERT ON responses
    REFERENCING NEW TABLE AS came FOR EACH STATEMENT EXECUTE FUNCTION changed_hours_came();
CREATE TRIGGER changed_hours_changed AFTER UPDATE OF responded_at, score, contact_requested, survey_fold, country, company_fold, segment_fold
    ON responses FOR EACH ROW
    WHEN ((OLD.responded_at, OLD.score, OLD.contact_requested, OLD.survey_fold, OLD.country, OLD.company_fold, OLD.segment_fold)
        IS DISTINCT FROM (NEW.responded_at, NEW.score, NEW.contact_requested, NEW.survey_fold, NEW.country, NEW.company_fold, NEW.segment_fold))
    EXECUTE FUNCTION changed_hours_changed();
CREATE TRIGGER changed_hours_gone AFTER DELETE ON responses FOR EACH ROW EXECUTE FUNCTION changed_hours_changed();
CREATE TRIGGER changed_hours_tagged AFTER INSERT ON response_themes
    REFERENCING NEW TABLE AS tagged FOR EACH STATEMENT EXECUTE FUNCTION changed_hours_tagged();
CREATE TRIGGER changed_hours_untagged AFTER DELETE ON response_themes
    REFERENCING OLD TABLE AS tagged FOR EACH STATEMENT EXECUTE FUNCTION changed_hours_tagged();
-- Texts come in the transaction that brings their response or deletes its former texts.
CREATE TRIGGER changed_hours_drivers AFTER UPDATE OF drivers_fold ON response_texts FOR EACH ROW
    WHEN (OLD.drivers_fold <> NEW.drivers_fold) EXECUTE FUNCTION changed_hours_drivers();
CREATE TRIGGER changed_hours_no_drivers AFTER DELETE ON response_texts FOR EACH ROW
    WHEN (OLD.drivers_fold <> '{}') EXECUTE FUNCTION changed_hours_drivers();
CREATE TRIGGER changed_hours_themes AFTER UPDATE OF deleted_at ON themes FOR EACH ROW
    WHEN (OLD.deleted_at IS DISTINCT FROM NEW.deleted_at) EXECUTE FUNCTION changed_hours_themes();
