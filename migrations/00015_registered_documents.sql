-- +goose Up

-- Documents that clients name by an id instead of sending the text.
CREATE TABLE registered_documents (
    id         text PRIMARY KEY CHECK (char_length(id) BETWEEN 1 AND 200),
    body       text NOT NULL,
    created_at timestamptz NOT NULL
);

-- Grows with each change of the documents, so that a server sees cheaply whether it must read them again.
CREATE TABLE registered_documents_version (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version  bigint NOT NULL DEFAULT 0
);
INSERT INTO registered_documents_version DEFAULT VALUES;
