-- Applied by filters.go, which folds the texts that are there already between the two halves: PostgreSQL's lower() and
-- Go's differ.

-- Finds parts of texts. A role that may create in the database may create it, for it is a trusted extension.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

ALTER TABLE customers
    ADD COLUMN external_id_fold           text COLLATE "C",
    ADD COLUMN first_name_fold            text COLLATE "C",
    ADD COLUMN last_name_fold             text COLLATE "C",
    ADD COLUMN phone_fold                 text COLLATE "C",
    ADD COLUMN account_manager_email_fold text COLLATE "C",
    ADD COLUMN agent_email_fold           text COLLATE "C",
    ADD COLUMN attributes_fold            jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes_fold) = 'object'),
    -- The words of name, e-mail address and company, with a space before each.
    ADD COLUMN search_fold                text COLLATE "C" NOT NULL DEFAULT '';

ALTER TABLE responses
    ADD COLUMN external_id_fold text COLLATE "C",
    ADD COLUMN survey_fold      text COLLATE "C";
ALTER TABLE cases
    ADD COLUMN survey_fold text COLLATE "C"; -- a copy, as the others

-- A response's longer texts, folded. They stand apart because lists and figures, which do not look at them, would have
-- to read past them. A response without any has no row.
CREATE TABLE response_texts (
    response_id     uuid PRIMARY KEY REFERENCES responses,
    comment_fold    text COLLATE "C",
    drivers_fold    text[] COLLATE "C" NOT NULL,
    attributes_fold jsonb NOT NULL CHECK (jsonb_typeof(attributes_fold) = 'object')
);

-- the texts are folded here

-- What waits to go into a GIN index is read by every search, and goes in all at once, in the transaction that fills the
-- list. Measured on responses of sixty words: with 512 kB for the default 4 MB, writing costs the same, and the longest
-- pause is a third.

CREATE INDEX customers_external_id ON customers (external_id_fold);
CREATE INDEX customers_first_name ON customers (first_name_fold);
CREATE INDEX customers_last_name ON customers (last_name_fold);
CREATE INDEX customers_phone ON customers (phone_fold);
CREATE INDEX customers_company ON customers (company_fold);
CREATE INDEX customers_account_manager ON customers (account_manager_email_fold) WHERE account_manager_email_fold IS NOT NULL;
CREATE INDEX customers_agent ON customers (agent_email_fold) WHERE agent_email_fold IS NOT NULL;
CREATE INDEX customers_country ON customers (country, created_at DESC, id DESC);
CREATE INDEX customers_segment ON customers (segment_fold, created_at DESC, id DESC);
CREATE INDEX customers_next_survey ON customers (next_survey_at) WHERE next_survey_at IS NOT NULL;
CREATE INDEX customers_attributes ON customers USING gin (attributes_fold jsonb_path_ops) WITH (gin_pending_list_limit = 512);
-- One for each: in an index of all, a part of two letters would make PostgreSQL read it whole, whatever else is asked.
CREATE INDEX customers_search ON customers USING gin (search_fold gin_trgm_ops) WITH (gin_pending_list_limit = 512);
CREATE INDEX customers_external_id_part ON customers USING gin (external_id_fold gin_trgm_ops) WITH (gin_pending_list_limit = 512);
CREATE INDEX customers_email_part ON customers USING gin (email_fold gin_trgm_ops) WITH (gin_pending_list_limit = 512);
CREATE INDEX customers_first_name_part ON customers USING gin (first_name_fold gin_trgm_ops) WITH (gin_pending_list_limit = 512);
CREATE INDEX customers_last_name_part ON customers USING gin (last_name_fold gin_trgm_ops) WITH (gin_pending_list_limit = 512);
CREATE INDEX customers_phone_part ON customers USING gin (phone_fold gin_trgm_ops) WITH (gin_pending_list_limit = 512);
CREATE INDEX customers_company_part ON customers USING gin (company_fold gin_trgm_ops) WITH (gin_pending_list_limit = 512);

CREATE INDEX responses_external_id ON responses (external_id_fold);
CREATE INDEX responses_survey ON responses (survey_fold, responded_at DESC, id DESC);
CREATE INDEX responses_segment ON responses (segment_fold, responded_at DESC, id DESC);
CREATE INDEX responses_company ON responses (company_fold, responded_at DESC, id DESC);
CREATE INDEX responses_received ON responses (received_at);
CREATE INDEX responses_search ON responses USING gin (to_tsvector('simple', comment)) WITH (gin_pending_list_limit = 512);

CREATE INDEX response_texts_comment ON response_texts USING gin (comment_fold gin_trgm_ops) WITH (gin_pending_list_limit = 512);
CREATE INDEX response_texts_drivers ON response_texts USING gin (drivers_fold) WITH (gin_pending_list_limit = 512);
CREATE INDEX response_texts_attributes ON response_texts USING gin (attributes_fold jsonb_path_ops) WITH (gin_pending_list_limit = 512);

CREATE INDEX cases_survey ON cases (survey_fold, opened_at DESC, id DESC);
CREATE INDEX cases_segment ON cases (segment_fold, opened_at DESC, id DESC);
CREATE INDEX cases_company ON cases (company_fold, opened_at DESC, id DESC);

CREATE INDEX case_events_outreach ON case_events (offer, channel, outcome, case_id) WHERE type = 'OUTREACH_RECORDED';
CREATE INDEX notes_search ON notes USING gin (to_tsvector('simple', body)) WITH (gin_pending_list_limit = 512);
