-- +goose Up

-- Files of responses that came in over the API.
CREATE TABLE imports (
    id                uuid PRIMARY KEY,
    file_name         text NOT NULL,
    created_by_id     uuid NOT NULL REFERENCES users,
    status            text NOT NULL CHECK (status IN ('QUEUED', 'RUNNING', 'DONE', 'FAILED')),
    options           jsonb NOT NULL,
    bytes             bigint NOT NULL, -- of the file
    bytes_done        bigint NOT NULL DEFAULT 0,
    rows              integer,
    rows_done         integer NOT NULL DEFAULT 0,
    responses_created integer NOT NULL DEFAULT 0,
    responses_known   integer NOT NULL DEFAULT 0,
    cases_opened      integer NOT NULL DEFAULT 0,
    rows_rejected     integer NOT NULL DEFAULT 0,
    rejections        jsonb NOT NULL DEFAULT '[]',
    warnings          jsonb NOT NULL DEFAULT '[]',
    error             text,
    created_at        timestamptz NOT NULL,
    finished_at       timestamptz,
    -- Who works on it, and until when nobody else may: a server that was killed leaves it to the next.
    owner             uuid,
    leased_until      timestamptz,
    tries             integer NOT NULL DEFAULT 0, -- since the last batch that went in
    CHECK ((status IN ('DONE', 'FAILED')) = (finished_at IS NOT NULL))
);
CREATE INDEX imports_newest ON imports (created_at DESC, id DESC);
CREATE INDEX imports_waiting ON imports (created_at, id) WHERE status IN ('QUEUED', 'RUNNING');

-- The file, in order, until the import is done.
CREATE TABLE import_parts (
    import_id uuid NOT NULL REFERENCES imports,
    n         integer NOT NULL,
    bytes     bytea NOT NULL,
    PRIMARY KEY (import_id, n)
);
ALTER TABLE import_parts ALTER COLUMN bytes SET STORAGE EXTERNAL;
