-- +goose Up

-- The passives queue: the latest response of each customer whose latest score is 7 or 8 and who was not contacted since.
-- A missing value is stored as the lowest possible one, so that it sorts last and a keyset is one row value.
-- docs/decisions/0011-the-passives-queue.md explains the table and its triggers.
CREATE TABLE passives (
    response_id    uuid PRIMARY KEY REFERENCES responses ON DELETE CASCADE,
    customer_id    uuid NOT NULL CONSTRAINT passives_customer_key UNIQUE REFERENCES customers,
    cell           smallint NOT NULL,             -- sum of: 4 if the score is 8; 2 if a theme is EASY; 1 if a theme was resolved after the response
    segment        text COLLATE "C" NOT NULL,     -- folded; '' if there is none
    lifetime_value numeric NOT NULL,              -- -1e21 if there is none
    testimonial    double precision NOT NULL,     -- -1 if there is none
    responded_at   timestamptz NOT NULL,
    taken          boolean NOT NULL               -- its case is assigned or no longer OPEN: the queue does not offer it
);
-- The queue is sorted by any of six priorities in any order. A page reads the next few rows of each cell, or of each
-- segment and cell; one of these indexes has them together in the order of the remaining priorities.
CREATE INDEX passives_newest ON passives (cell, responded_at, response_id) WHERE NOT taken;
CREATE INDEX passives_value ON passives (cell, lifetime_value, responded_at, response_id) WHERE NOT taken;
CREATE INDEX passives_testimonial ON passives (cell, testimonial, responded_at, response_id) WHERE NOT taken;
CREATE INDEX passives_value_testimonial ON passives (cell, lifetime_value, testimonial, responded_at, response_id) WHERE NOT taken;
CREATE INDEX passives_testimonial_value ON passives (cell, testimonial, lifetime_value, responded_at, response_id) WHERE NOT taken;
CREATE INDEX passives_segment ON passives (segment, cell, responded_at, response_id) WHERE NOT taken;
CREATE INDEX passives_segment_value ON passives (segment, cell, lifetime_value, responded_at, response_id) WHERE NOT taken;
CREATE INDEX passives_segment_testimonial ON passives (segment, cell, testimonial, responded_at, response_id) WHERE NOT taken;

-- Triggers alone keep the queue, whatever writes the other tables. All of them run when their transaction commits, so
-- that the queue's rows are locked after all other rows, and only for a moment. A row is inserted with its response, and
-- again where a response of its customer is corrected. Otherwise each trigger changes only columns of its own, or deletes the row, while
-- its transaction holds the lock of the row that the values are copied from.

-- +goose StatementBegin
CREATE FUNCTION passive_cell(of uuid, score integer, responded timestamptz) RETURNS smallint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT (CASE WHEN score = 8 THEN 4 ELSE 0 END) + (CASE WHEN bool_or(t.effort = 'EASY') THEN 2 ELSE 0 END)
                + (CASE WHEN bool_or(t.resolved_at > responded) THEN 1 ELSE 0 END)
              FROM response_themes x JOIN themes t ON t.id = x.theme_id AND t.deleted_at IS NULL WHERE x.response_id = of);
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION passives_response_came() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM passives p WHERE p.customer_id = NEW.customer_id AND (p.responded_at, p.response_id) < (NEW.responded_at, NEW.id);
    IF NEW.category = 'PASSIVE' THEN
        INSERT INTO passives (response_id, customer_id, cell, segment, lifetime_value, testimonial, responded_at, taken)
        SELECT r.id, c.id, passive_cell(r.id, r.score, r.responded_at), coalesce(c.segment_fold, ''), coalesce(c.lifetime_value, -1e21),
               coalesce(r.testimonial_likelihood, -1), r.responded_at,
               EXISTS (SELECT 1 FROM cases k WHERE k.response_id = r.id AND (k.assignee_id IS NOT NULL OR k.status <> 'OPEN'))
          FROM responses r JOIN customers c ON c.id = r.customer_id
         WHERE r.id = NEW.id AND r.contact_status = 'NOT_CONTACTED' AND c.erased_at IS NULL
           AND (c.last_contacted_at IS NULL OR c.last_contacted_at < r.responded_at)
           AND NOT EXISTS (SELECT 1 FROM responses n WHERE n.customer_id = c.id AND (n.responded_at, n.id) > (r.responded_at, r.id))
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER passives_response_came AFTER INSERT ON responses
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION passives_response_came();

-- +goose StatementBegin
CREATE FUNCTION passives_response_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM passives p USING responses r WHERE p.response_id = NEW.id AND r.id = NEW.id AND r.contact_status <> 'NOT_CONTACTED';
    UPDATE passives p SET testimonial = coalesce(r.testimonial_likelihood, -1) FROM responses r
     WHERE p.response_id = NEW.id AND r.id = NEW.id AND p.testimonial <> coalesce(r.testimonial_likelihood, -1);
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER passives_response_changed AFTER UPDATE OF contact_status, testimonial_likelihood ON responses
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.category = 'PASSIVE' AND (OLD.contact_status, OLD.testimonial_likelihood) IS DISTINCT FROM (NEW.contact_status, NEW.testimonial_likelihood))
    EXECUTE FUNCTION passives_response_changed();

-- A corrected response: its customers' queue rows are made again. The transaction holds the locks of the customers' rows.
-- +goose StatementBegin
CREATE FUNCTION passives_response_corrected() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM passives p WHERE p.customer_id IN (OLD.customer_id, NEW.customer_id);
    INSERT INTO passives (response_id, customer_id, cell, segment, lifetime_value, testimonial, responded_at, taken)
    SELECT r.id, c.id, passive_cell(r.id, r.score, r.responded_at), coalesce(c.segment_fold, ''), coalesce(c.lifetime_value, -1e21),
           coalesce(r.testimonial_likelihood, -1), r.responded_at,
           EXISTS (SELECT 1 FROM cases k WHERE k.response_id = r.id AND (k.assignee_id IS NOT NULL OR k.status <> 'OPEN'))
      FROM customers c, LATERAL (SELECT * FROM responses n WHERE n.customer_id = c.id ORDER BY n.responded_at DESC, n.id DESC LIMIT 1) r
     WHERE c.id IN (OLD.customer_id, NEW.customer_id) AND c.erased_at IS NULL AND r.category = 'PASSIVE' AND r.contact_status = 'NOT_CONTACTED'
       AND (c.last_contacted_at IS NULL OR c.last_contacted_at < r.responded_at)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER passives_response_corrected AFTER UPDATE OF score, responded_at, customer_id ON responses
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.score, OLD.responded_at, OLD.customer_id) IS DISTINCT FROM (NEW.score, NEW.responded_at, NEW.customer_id))
    EXECUTE FUNCTION passives_response_corrected();

-- +goose StatementBegin
CREATE FUNCTION passives_customer_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM passives p USING customers c
     WHERE p.customer_id = NEW.id AND c.id = NEW.id AND (c.last_contacted_at >= p.responded_at OR c.erased_at IS NOT NULL);
    UPDATE passives p SET segment = coalesce(c.segment_fold, ''), lifetime_value = coalesce(c.lifetime_value, -1e21) FROM customers c
     WHERE p.customer_id = NEW.id AND c.id = NEW.id
       AND (p.segment, p.lifetime_value) IS DISTINCT FROM (coalesce(c.segment_fold, ''), coalesce(c.lifetime_value, -1e21));
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER passives_customer_changed AFTER UPDATE OF last_contacted_at, segment_fold, lifetime_value, erased_at ON customers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.last_contacted_at, OLD.segment_fold, OLD.lifetime_value, OLD.erased_at)
        IS DISTINCT FROM (NEW.last_contacted_at, NEW.segment_fold, NEW.lifetime_value, NEW.erased_at))
    EXECUTE FUNCTION passives_customer_changed();

-- +goose StatementBegin
CREATE FUNCTION passives_case_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE passives p SET taken = NOT p.taken FROM cases k
     WHERE k.id = NEW.id AND p.response_id = k.response_id AND p.taken <> (k.assignee_id IS NOT NULL OR k.status <> 'OPEN');
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER passives_case_opened AFTER INSERT ON cases
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.category = 'PASSIVE') EXECUTE FUNCTION passives_case_changed();
CREATE CONSTRAINT TRIGGER passives_case_changed AFTER UPDATE OF assignee_id, status ON cases
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.category = 'PASSIVE' AND (OLD.assignee_id, OLD.status) IS DISTINCT FROM (NEW.assignee_id, NEW.status))
    EXECUTE FUNCTION passives_case_changed();

-- A tag and its theme may change at the same time. A statement of its own locks the queue's row, so that the next
-- statement sees both changes.
-- +goose StatementBegin
CREATE FUNCTION passives_tag_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    tagged uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.response_id ELSE NEW.response_id END;
BEGIN
    PERFORM 1 FROM passives p WHERE p.response_id = tagged FOR UPDATE;
    IF FOUND THEN
        UPDATE passives p SET cell = passive_cell(r.id, r.score, r.responded_at) FROM responses r
         WHERE p.response_id = tagged AND r.id = tagged AND p.cell <> passive_cell(r.id, r.score, r.responded_at);
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION passives_theme_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM passives p JOIN response_themes x USING (response_id) WHERE x.theme_id = NEW.id ORDER BY p.response_id FOR UPDATE OF p;
    UPDATE passives p SET cell = passive_cell(r.id, r.score, r.responded_at) FROM responses r, response_themes x
     WHERE x.theme_id = NEW.id AND p.response_id = x.response_id AND r.id = x.response_id
       AND p.cell <> passive_cell(r.id, r.score, r.responded_at);
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER passives_tag_changed AFTER INSERT OR DELETE ON response_themes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION passives_tag_changed();
-- A transaction that changes a theme has locked the theme FOR UPDATE before, and so has waited for all transactions that
-- tag with it.
CREATE CONSTRAINT TRIGGER passives_theme_changed AFTER UPDATE OF effort, resolved_at, deleted_at ON themes
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.effort, OLD.resolved_at, OLD.deleted_at) IS DISTINCT FROM (NEW.effort, NEW.resolved_at, NEW.deleted_at))
    EXECUTE FUNCTION passives_theme_changed();
