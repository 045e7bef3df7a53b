-- Embeddings, and text that was read in pictures.

CREATE EXTENSION IF NOT EXISTS vector;

-- search -------------------------------------------------------------------------------------------------------------
-- The models whose vectors we have. One answers searches (`used`). Another may be filling up beside it (`coming`) until
-- the whole library is done; what it then replaces is removed in the background (`leaving`).
CREATE TABLE embedding_model (
    id          smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL UNIQUE,
    dimensions  integer NOT NULL CHECK (dimensions BETWEEN 1 AND 4000),  -- the most an index takes
    state       text NOT NULL CHECK (state IN ('used', 'coming', 'leaving')),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX embedding_model_used ON embedding_model (state) WHERE state = 'used';

-- What a model makes of a picture. Vectors of different lengths share the column; an index casts to its own length.
CREATE TABLE embedding (
    asset_id  uuid NOT NULL REFERENCES asset ON DELETE CASCADE,
    model_id  smallint NOT NULL REFERENCES embedding_model ON DELETE CASCADE,
    owner_id  uuid NOT NULL,
    vector    halfvec NOT NULL,
    PRIMARY KEY (asset_id, model_id)
);
-- In the row itself: a search reads thousands of them, and each would be a second visit elsewhere.
ALTER TABLE embedding ALTER COLUMN vector SET STORAGE PLAIN;
CREATE INDEX embedding_of_owner ON embedding (model_id, owner_id);

-- Which owners have an index of their own (built while everything runs, see search/vectors.py), and how many vectors it
-- began with. Without a row, or without the index, a search looks at each vector.
CREATE TABLE embedding_index (
    owner_id  uuid NOT NULL,
    model_id  smallint NOT NULL REFERENCES embedding_model ON DELETE CASCADE,
    name      text NOT NULL,
    vectors   bigint NOT NULL,
    built_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (owner_id, model_id)
);

-- A line of text in a picture. `corners`: x1, y1 … x4, y4, clockwise from the top left, as shares of the picture.
CREATE TABLE text_line (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    asset_id    uuid NOT NULL REFERENCES asset ON DELETE CASCADE,
    place       integer NOT NULL,  -- in reading order
    text        text NOT NULL,
    corners     double precision[] NOT NULL CHECK (cardinality(corners) = 8),
    box_score   double precision NOT NULL,
    text_score  double precision NOT NULL,
    is_visible  boolean NOT NULL DEFAULT true,  -- false: cut away by an edit
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    update_id   uuid NOT NULL DEFAULT next_version()
);
CREATE INDEX text_line_of_asset ON text_line (asset_id, place);
CREATE INDEX text_line_version ON text_line (update_id);
CREATE TRIGGER text_line_touch BEFORE UPDATE ON text_line FOR EACH ROW EXECUTE FUNCTION touch();
CREATE FUNCTION bury_text_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tombstone (kind, owner_id, subject_id)
    SELECT DISTINCT 'text_line', asset.owner_id, asset.id FROM gone JOIN asset ON asset.id = gone.asset_id;
    RETURN NULL;
END $$;
CREATE TRIGGER text_line_bury AFTER DELETE ON text_line REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION bury_text_lines();

-- One row for each picture that was read, also where there was nothing. `words`: all visible lines, folded.
CREATE TABLE asset_text (
    asset_id  uuid PRIMARY KEY REFERENCES asset ON DELETE CASCADE,
    words     text NOT NULL,
    read_at   timestamptz NOT NULL
);
CREATE INDEX asset_text_words ON asset_text USING gin (words gin_trgm_ops) WHERE words <> '';

-- media --------------------------------------------------------------------------------------------------------------
ALTER TABLE asset_problem DROP CONSTRAINT asset_problem_step_check;
ALTER TABLE asset_problem ADD CONSTRAINT asset_problem_step_check
    CHECK (step IN ('metadata', 'previews', 'transcode', 'sidecar', 'checksum', 'embedding', 'faces', 'text'));
