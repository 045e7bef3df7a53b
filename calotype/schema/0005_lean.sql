-- Lighter reads and writes for a large library (docs/decisions/0008-what-a-million-photos-cost.md).

-- What a bucket of the timeline shows of a photo and what is dear to write is written when the photo is, as JSON text.
-- `to_json` writes a time in the same way in any session, which Postgres cannot know.
CREATE FUNCTION json_time(at timestamptz) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS
    $$ BEGIN RETURN to_json(at AT TIME ZONE 'UTC')::text; END $$;
ALTER TABLE asset
    ADD COLUMN tile_ratio text NOT NULL GENERATED ALWAYS AS (
        CASE WHEN width > 0 AND height > 0 THEN (round(width * 1000.0::float8 / height) / 1000)::text ELSE '1' END) STORED,
    ADD COLUMN tile_taken text NOT NULL GENERATED ALWAYS AS (json_time(taken_at)) STORED,
    ADD COLUMN tile_created text NOT NULL GENERATED ALWAYS AS (json_time(created_at)) STORED,
    ADD COLUMN tile_hours text NOT NULL GENERATED ALWAYS AS (
        (date_part('epoch', local_taken - (taken_at AT TIME ZONE 'UTC')) / 3600)::text) STORED;

-- Filters that are each common and together rare. The indexes in the order of an answer all begin with the owner, and
-- Postgres joins no two indexes over a condition they share; one small inverted index knows every mixture.
CREATE EXTENSION IF NOT EXISTS btree_gin;
CREATE INDEX asset_told ON asset USING gin (city, state, country, make, model, lens_model, rating, type);

-- The sweep asked the whole table for what waits to be removed, twice a minute.
CREATE INDEX asset_to_remove ON asset (id) WHERE status = 'deleted';
