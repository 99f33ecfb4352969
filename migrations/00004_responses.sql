-- +goose Up

CREATE TABLE responses (
    id                     uuid PRIMARY KEY,
    external_id            text,
    external_id_fold       text COLLATE "C",
    customer_id            uuid NOT NULL REFERENCES customers,
    survey                 text,
    survey_fold            text COLLATE "C",
    score                  smallint NOT NULL CHECK (score BETWEEN 0 AND 10),
    category               text NOT NULL GENERATED ALWAYS AS
                               (CASE WHEN score <= 6 THEN 'DETRACTOR' WHEN score <= 8 THEN 'PASSIVE' ELSE 'PROMOTER' END) STORED,
    comment                text,
    drivers                jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(drivers) = 'array'),
    attributes             jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    contact_requested      boolean NOT NULL DEFAULT false,
    contact_status         text NOT NULL DEFAULT 'NOT_CONTACTED' CHECK (contact_status IN ('NOT_CONTACTED', 'CONTACTED', 'REPLIED')),
    quote_consent          boolean,
    testimonial_likelihood double precision CHECK (testimonial_likelihood BETWEEN 0 AND 1),
    -- True where the feed gave no likelihood, and testimonial_likelihood was estimated from the comment; docs/figures.md
    -- says how.
    testimonial_estimated  boolean NOT NULL DEFAULT false,
    responded_at           timestamptz NOT NULL,
    received_at            timestamptz NOT NULL,
    -- Hashes of the submissions that made the response, 16 bytes each: one that comes again changes nothing.
    statements             bytea,
    -- Copies of the customer's columns, written by each transaction that writes the customer: a list reads one table
    -- and one index.
    country                text,
    company_fold           text COLLATE "C",
    segment_fold           text COLLATE "C",
    lifetime_value         numeric(24, 4),
    -- The unique index of external ids begins with the folded ones.
    CONSTRAINT responses_external_id_check CHECK ((external_id IS NULL) = (external_id_fold IS NULL))
);

-- The list of responses: the newest first, and the newest of one customer or one value of a filter.
CREATE INDEX responses_newest ON responses (responded_at DESC, id DESC);
CREATE INDEX responses_customer ON responses (customer_id, responded_at DESC, id DESC);
CREATE INDEX responses_country ON responses (country, responded_at DESC, id DESC);
CREATE INDEX responses_survey ON responses (survey_fold, responded_at DESC, id DESC);
CREATE INDEX responses_segment ON responses (segment_fold, responded_at, id); -- the order by segment as well
CREATE INDEX responses_company ON responses (company_fold, responded_at DESC, id DESC);
-- Every other order of the list, as for customers. The order by effort reads response_themes_theme. The filter by category
-- is a range of scores: if few responses are in it, it reads the index of the scores, and else the newest responses.
CREATE INDEX responses_by_score ON responses (score, responded_at, id);
CREATE INDEX responses_by_testimonial ON responses (testimonial_likelihood, id);
CREATE INDEX responses_by_value ON responses (lifetime_value, id);
-- Intake finds a response by its external id, which counts within its survey; so do the filters by a whole external id, or by
-- its beginning. Both in full would not fit into an entry, so they are a hash.
-- +goose StatementBegin
CREATE FUNCTION response_key(external_id text, survey_fold text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT external_id || E'\x1f' || coalesce(survey_fold, '')
$$;
-- +goose StatementEnd
CREATE UNIQUE INDEX responses_external_id_key ON responses (external_id_fold, md5(response_key(external_id, survey_fold))) WHERE external_id_fold IS NOT NULL;
-- The filter by receivedAt.
CREATE INDEX responses_received ON responses (received_at);
-- Each server looks here when it starts for comments that have no likelihood yet; intake leaves none.
CREATE INDEX responses_unestimated ON responses (id) WHERE testimonial_likelihood IS NULL AND comment IS NOT NULL;

-- The folded longer texts of a response. They have a table of their own because lists and figures do not need them and
-- would have to read past them. A response without any such text has no row.
CREATE TABLE response_texts (
    response_id     uuid PRIMARY KEY REFERENCES responses,
    comment_fold    text COLLATE "C",
    drivers_fold    text[] COLLATE "C" NOT NULL,
    attributes_fold jsonb NOT NULL CHECK (jsonb_typeof(attributes_fold) = 'object')
);
-- PostgreSQL decides by a sample whether to find a part of a comment in the index or to read the newest responses until
-- enough contain it. The default sample of a hundred comments often has no comment with what one in fifty contains.
ALTER TABLE response_texts ALTER comment_fold SET STATISTICS 500;
-- The search box, which looks for words in comments. The index has no WHERE, because PostgreSQL counts how frequent the words
-- of an expression are only for an index of all rows, and would read all matches of a frequent word.
CREATE INDEX response_texts_search ON response_texts USING gin (to_tsvector('simple', comment_fold)) WITH (gin_pending_list_limit = 512);
-- Filters by a part of a comment, by drivers and by an attribute's value. Many responses lack one of these; the filters
-- say `<> '{}'`, too, because PostgreSQL uses such an index only for a query that implies its WHERE. The search box looks
-- for words of scripts that write no spaces as parts of comments.
CREATE INDEX response_texts_comment ON response_texts USING gin (comment_fold gin_trgm_ops) WITH (gin_pending_list_limit = 512)
    WHERE comment_fold IS NOT NULL;
CREATE INDEX response_texts_drivers ON response_texts USING gin (drivers_fold) WITH (gin_pending_list_limit = 512)
    WHERE drivers_fold <> '{}';
CREATE INDEX response_texts_attributes ON response_texts USING gin (attributes_fold jsonb_path_ops) WITH (gin_pending_list_limit = 512)
    WHERE attributes_fold <> '{}';

-- A response whose customer was erased must not come in again, and the survey tool's id of the response may be personal.
-- So the id is kept as a hash that reveals nothing without the key. The key leaves the database only in a dump.
CREATE TABLE erasure_key (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    key      bytea NOT NULL CHECK (length(key) = 32)
);
INSERT INTO erasure_key (key)
    VALUES (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')); -- 244 random bits

CREATE TABLE erased_response_ids (
    hash        bytea PRIMARY KEY CHECK (length(hash) = 32),
    response_id uuid NOT NULL REFERENCES responses
);
-- Two nested hashes, as in HMAC (RFC 2104): the outer hash prevents length extension of the inner one.
-- +goose StatementBegin
CREATE FUNCTION erased_id(id text) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256('\x01'::bytea || key || sha256('\x00'::bytea || key || convert_to(id, 'UTF8'))) FROM erasure_key
$$;
-- +goose StatementEnd
