-- +goose Up

CREATE TABLE customers (
    id                         uuid PRIMARY KEY,
    number                     bigint GENERATED ALWAYS AS IDENTITY,
    external_id                text,
    external_id_fold           text COLLATE "C",
    -- Set for customers that intake identifies by name, country and company alone.
    name_key                   text COLLATE "C",
    first_name                 text,
    first_name_fold            text COLLATE "C",
    last_name                  text,
    last_name_fold             text COLLATE "C",
    email                      text,
    email_fold                 text COLLATE "C",
    phone                      text,
    phone_fold                 text COLLATE "C",
    phone_key                  text COLLATE "C", -- its digits
    company                    text,
    company_fold               text COLLATE "C",
    country                    text CHECK (country ~ '^[A-Z]{2}$'),
    segment                    text,
    segment_fold               text COLLATE "C",
    lifetime_value             numeric(24, 4),
    account_manager_email      text,
    account_manager_email_fold text COLLATE "C",
    agent_email                text,
    agent_email_fold           text COLLATE "C",
    attributes                 jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    attributes_fold            jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes_fold) = 'object'),
    -- The words of name, e-mail address, company, phone number and external id, with a space before each.
    search_fold                text COLLATE "C" NOT NULL DEFAULT '',
    created_at                 timestamptz NOT NULL,
    -- The time of the newest response: an older response must not overwrite the customer's data.
    last_response_at           timestamptz,
    last_contacted_at          timestamptz,
    next_survey_at             timestamptz,
    -- When the personal data was removed for good; docs/decisions/0009-erasing-a-customer.md says what that means.
    erased_at                  timestamptz,
    -- Retention's own note: it found that the customer was active at this time. Null: it has not looked; use created_at.
    active_at                  timestamptz,
    -- The unique index of external ids begins with the folded ones.
    CONSTRAINT customers_external_id_check CHECK ((external_id IS NULL) = (external_id_fold IS NULL))
-- A response of a known customer changes last_response_at alone, which is in no index. So the new version of the row needs
-- no index entry, if it finds room on the row's page.
) WITH (fillfactor = 90);
-- PostgreSQL decides by a sample whether to find a part of a text in the index or to read the newest customers until enough
-- contain it. The default sample of a hundred texts often has none with what one in fifty contains.
ALTER TABLE customers ALTER search_fold SET STATISTICS 500;

-- A customer who comes in gets an entry in each index whose WHERE the row meets. Every index costs each import, so that each
-- has its query here, and an index of a column that many customers lack leaves these out.

-- Intake finds the customer of a response by external id, by e-mail address, by phone number, or by name, country and company. The filters by a whole
-- external id or e-mail address, or by its beginning, use these too. Two ids that are equal are folded alike: so no two
-- customers have one external id. Both forms of the longest ids would not fit into an entry, so the given one is a hash.
CREATE UNIQUE INDEX customers_external_id_key ON customers (external_id_fold, md5(external_id)) WHERE external_id_fold IS NOT NULL;
CREATE INDEX customers_email ON customers (email_fold) WHERE email_fold IS NOT NULL;
CREATE INDEX customers_phone_key ON customers (phone_key) WHERE phone_key IS NOT NULL;
CREATE UNIQUE INDEX customers_name_key_key ON customers (name_key) WHERE name_key IS NOT NULL;
-- Retention looks here for customers to erase, once a minute. It checks each of those for what keeps a customer: a later
-- response, which it notes in active_at, or an open case.
CREATE INDEX customers_active ON customers (coalesce(active_at, created_at)) WHERE erased_at IS NULL;

-- The list of customers: the newest first, and the newest of one country or segment.
CREATE INDEX customers_newest ON customers (created_at DESC, id DESC);
CREATE INDEX customers_country ON customers (country, created_at DESC, id DESC);
CREATE INDEX customers_segment ON customers (segment_fold, created_at DESC, id DESC);
-- Every other order of the list has an index, in which id breaks ties: the first page costs the same as a late one, and
-- the same among a million rows as among ten thousand. Null values are at one end; see internal/page/part.go. Company
-- and last name serve as filters, too.
CREATE INDEX customers_company ON customers (company_fold, id);
CREATE INDEX customers_last_name ON customers (last_name_fold, id);
CREATE INDEX customers_by_value ON customers (lifetime_value, id);
CREATE INDEX customers_by_contact ON customers (last_contacted_at, id);
CREATE INDEX customers_next_survey ON customers (next_survey_at, id);

-- Filters by a whole text or by its beginning.
CREATE INDEX customers_phone ON customers (phone_fold) WHERE phone_fold IS NOT NULL;
CREATE INDEX customers_account_manager ON customers (account_manager_email_fold) WHERE account_manager_email_fold IS NOT NULL;
CREATE INDEX customers_agent ON customers (agent_email_fold) WHERE agent_email_fold IS NOT NULL;
-- The filter by an attribute's value.
CREATE INDEX customers_attributes ON customers USING gin (attributes_fold jsonb_path_ops) WITH (gin_pending_list_limit = 512)
    WHERE attributes_fold <> '{}';
-- The search box; filters by a part of a name, address, company, number or id, and by a first name (internal/filter/words.go).
CREATE INDEX customers_search ON customers USING gin (search_fold gin_trgm_ops) WITH (gin_pending_list_limit = 512);
