-- +goose Up

-- Conventions of all tables.
--
-- A text that is compared is stored twice: as given, and folded by Go (NFC, case and punctuation) in a column named *_fold with
-- byte order (COLLATE "C"). SQL compares the folded column, so that SQL and Go always agree on which texts are equal.
--
-- Every GIN index has gin_pending_list_limit = 512 (kB). New entries wait in a list before they go into the index.
-- Every search reads that list, and the transaction that fills it moves all of it into the index at once. Measured on
-- responses of sixty words: with 512 kB instead of the default 4 MB, writing costs the same and the longest pause is a
-- third as long.

-- Finds parts of texts. It is a trusted extension: a role that may create objects in the database may create it. It
-- comes first, so that a role that may not create it leaves the database empty.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE settings (
    only_row            boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    currency            text NOT NULL DEFAULT 'EUR' CHECK (currency ~ '^[A-Z]{3}$'),
    time_zone           text NOT NULL DEFAULT 'UTC',
    central_addresses   jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(central_addresses) = 'array'),
    forced_status_order boolean NOT NULL DEFAULT false,
    -- A customer is erased when nothing was heard of them for this many days; null: never.
    erase_after_days    integer CHECK (erase_after_days BETWEEN 1 AND 36500)
);
INSERT INTO settings DEFAULT VALUES;
