-- +goose Up

-- Files of responses that were uploaded through the API, or that the command imports.
CREATE TABLE imports (
    id                uuid PRIMARY KEY,
    file_name         text NOT NULL,
    created_by_id     uuid REFERENCES users, -- null: the command
    status            text NOT NULL CHECK (status IN ('QUEUED', 'RUNNING', 'DONE', 'FAILED')),
    options           jsonb NOT NULL,
    bytes             bigint NOT NULL, -- size of the file
    bytes_done        bigint NOT NULL DEFAULT 0,
    rows              integer,
    rows_done         integer NOT NULL DEFAULT 0,
    responses_created integer NOT NULL DEFAULT 0,
    responses_changed integer NOT NULL DEFAULT 0,
    responses_known   integer NOT NULL DEFAULT 0,
    joined_by_name    integer NOT NULL DEFAULT 0,
    cases_opened      integer NOT NULL DEFAULT 0,
    cases_past_target integer NOT NULL DEFAULT 0, -- of them, those that were past their target when they opened
    rows_rejected     integer NOT NULL DEFAULT 0,
    rejections        jsonb NOT NULL DEFAULT '[]',
    warnings          jsonb NOT NULL DEFAULT '[]',
    findings          jsonb NOT NULL DEFAULT '[]', -- what each column was taken for, and why
    error             text,
    created_at        timestamptz NOT NULL,
    finished_at       timestamptz,
    -- The lease of the server that works on the import. A server that was killed leaves it to the next one when the
    -- lease ends.
    local             boolean NOT NULL DEFAULT false, -- the command reads the file, which is not stored
    owner             uuid,
    leased_until      timestamptz,
    tries             integer NOT NULL DEFAULT 0, -- since the last batch that was committed
    CHECK ((status IN ('DONE', 'FAILED')) = (finished_at IS NOT NULL))
);
-- The list of imports, the newest first.
CREATE INDEX imports_newest ON imports (created_at DESC, id DESC);
-- A server that is free takes the oldest import that is not finished.
CREATE INDEX imports_waiting ON imports (created_at, id) WHERE status IN ('QUEUED', 'RUNNING');

-- The file, in order, until the import is done.
CREATE TABLE import_parts (
    import_id uuid NOT NULL REFERENCES imports,
    n         integer NOT NULL,
    bytes     bytea NOT NULL,
    PRIMARY KEY (import_id, n)
);
-- Who is told of old responses by one mail, when the import ends; then the rows stay, for the mail's text.
CREATE TABLE import_digests (
    import_id uuid NOT NULL REFERENCES imports,
    to_fold   text COLLATE "C" NOT NULL,
    "to"      text NOT NULL,
    assigned  integer NOT NULL, -- cases of the recipient
    told      integer NOT NULL, -- responses of which a rule alerts the recipient
    PRIMARY KEY (import_id, to_fold)
);
ALTER TABLE notifications ADD COLUMN import_id uuid REFERENCES imports,
    ADD CONSTRAINT notifications_old_check CHECK ((kind = 'OLD_RESPONSES') = (import_id IS NOT NULL));
-- An address gets one mail about the old responses of an import, whoever ends it.
CREATE UNIQUE INDEX notifications_old_key ON notifications (import_id, to_fold) WHERE import_id IS NOT NULL;

ALTER TABLE import_parts ALTER COLUMN bytes SET STORAGE EXTERNAL; -- not compressed
