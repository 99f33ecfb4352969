-- +goose Up

-- Topics of comments.
CREATE TABLE themes (
    id          uuid PRIMARY KEY,
    name        text NOT NULL CHECK (name ~ '[^[:space:]]'),
    name_fold   text COLLATE "C" NOT NULL,
    keywords    jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(keywords) = 'array'),
    effort      text NOT NULL DEFAULT 'MEDIUM' CHECK (effort IN ('EASY', 'MEDIUM', 'HARD')),
    resolved_at timestamptz,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    deleted_at  timestamptz
);
-- The name of a deleted theme may be used again.
CREATE UNIQUE INDEX themes_name_key ON themes (name_fold) WHERE deleted_at IS NULL;

-- The themes of each response.
CREATE TABLE response_themes (
    response_id uuid NOT NULL REFERENCES responses,
    theme_id    uuid NOT NULL REFERENCES themes,
    by_hand     boolean NOT NULL DEFAULT false, -- true: a person set the theme, and keywords neither add nor remove it
    PRIMARY KEY (response_id, theme_id)
);
-- The filter `themes`, the order of responses by effort, and the figures of a theme.
CREATE INDEX response_themes_theme ON response_themes (theme_id, response_id);

-- The themes that a person removed from a response: keywords do not add them again.
CREATE TABLE response_theme_removals (
    response_id uuid NOT NULL REFERENCES responses ON DELETE CASCADE,
    theme_id    uuid NOT NULL REFERENCES themes,
    PRIMARY KEY (response_id, theme_id)
);

-- The last time that a theme's keywords were applied to the responses of the past.
CREATE TABLE theme_runs (
    theme_id    uuid PRIMARY KEY REFERENCES themes,
    run         uuid NOT NULL,      -- new with every start: the job of an older run ends itself
    total       integer,            -- number of comments to look at; null until the first batch has counted them
    done        integer NOT NULL DEFAULT 0,
    place       uuid NOT NULL,      -- responses up to this id are done
    started_at  timestamptz NOT NULL,
    finished_at timestamptz
);
