-- Look-alikes.

-- media --------------------------------------------------------------------------------------------------------------
-- What a picture looks like, made with its previews. `hash`: the signs of 63 low frequencies of the tiny copy; no hash for
-- what shows next to nothing, nor for videos. `tinies`: one copy for a picture, one for each moment of a video.
-- `pixels` is null for previews that were made before this table was there: the sweep has them made again.
CREATE TABLE likeness (
    asset_id     uuid PRIMARY KEY REFERENCES asset ON DELETE CASCADE,
    owner_id     uuid NOT NULL,
    pixels       bytea,
    hash         bigint,
    tinies       bytea[] NOT NULL DEFAULT '{}',
    duration_ms  integer,  -- of a video
    made_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO likeness (asset_id, owner_id) SELECT id, owner_id FROM asset WHERE previews_at IS NOT NULL;
CREATE INDEX likeness_unmade ON likeness (asset_id) WHERE pixels IS NULL;
CREATE INDEX likeness_pixels ON likeness (owner_id, pixels, asset_id) WHERE pixels IS NOT NULL;
CREATE INDEX likeness_duration ON likeness (owner_id, duration_ms) WHERE duration_ms IS NOT NULL;
-- Hashes that differ in up to 7 bits agree, but for one bit, in at least one of four quarters. Each is looked up by itself.
CREATE INDEX likeness_hash_1 ON likeness (owner_id, ((hash & 65535)::integer)) INCLUDE (hash, asset_id)
    WHERE hash IS NOT NULL;
CREATE INDEX likeness_hash_2 ON likeness (owner_id, ((hash >> 16 & 65535)::integer)) INCLUDE (hash, asset_id)
    WHERE hash IS NOT NULL;
CREATE INDEX likeness_hash_3 ON likeness (owner_id, ((hash >> 32 & 65535)::integer)) INCLUDE (hash, asset_id)
    WHERE hash IS NOT NULL;
CREATE INDEX likeness_hash_4 ON likeness (owner_id, ((hash >> 48 & 65535)::integer)) INCLUDE (hash, asset_id)
    WHERE hash IS NOT NULL;

-- duplicates ---------------------------------------------------------------------------------------------------------
-- What must still be compared with the rest of its owner's library: it is new, or more is known of it. Noted by triggers.
CREATE TABLE duplicate_wanted (
    asset_id  uuid PRIMARY KEY REFERENCES asset ON DELETE CASCADE,
    since     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE FUNCTION want_comparison() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO duplicate_wanted (asset_id) SELECT asset_id FROM fresh WHERE pixels IS NOT NULL
    ON CONFLICT (asset_id) DO UPDATE SET since = clock_timestamp();
    RETURN NULL;
END $$;
CREATE TRIGGER likeness_added AFTER INSERT ON likeness REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION want_comparison();
CREATE TRIGGER likeness_changed AFTER UPDATE ON likeness REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION want_comparison();
-- Vectors of a model that is only on its way are not compared.
CREATE FUNCTION want_comparison_by_meaning() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO duplicate_wanted (asset_id)
    SELECT fresh.asset_id
      FROM fresh JOIN embedding_model ON embedding_model.id = fresh.model_id AND embedding_model.state = 'used'
    ON CONFLICT (asset_id) DO UPDATE SET since = clock_timestamp();
    RETURN NULL;
END $$;
CREATE TRIGGER embedding_added AFTER INSERT ON embedding REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION want_comparison_by_meaning();
CREATE TRIGGER embedding_changed AFTER UPDATE ON embedding REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION want_comparison_by_meaning();

-- Why two assets are taken for the same. Which of them form a group is `asset.duplicate_id`.
CREATE TABLE duplicate_pair (
    low_id    uuid NOT NULL REFERENCES asset ON DELETE CASCADE,
    high_id   uuid NOT NULL REFERENCES asset ON DELETE CASCADE,
    kind      text NOT NULL CHECK (kind IN ('same-bytes', 'same-pixels', 're-encoded', 'edited', 'burst', 'similar')),
    evidence  jsonb NOT NULL,
    found_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (low_id, high_id),
    CHECK (low_id < high_id)
);
CREATE INDEX duplicate_pair_high ON duplicate_pair (high_id);

-- What a person said to be no duplicates of each other: assets that share a `verdict_id`.
CREATE TABLE duplicate_dismissal (
    asset_id    uuid NOT NULL REFERENCES asset ON DELETE CASCADE,
    verdict_id  uuid NOT NULL,
    PRIMARY KEY (asset_id, verdict_id)
);
CREATE INDEX duplicate_dismissal_verdict ON duplicate_dismissal (verdict_id);

-- What was decided about a group, and what it takes to undo that. `merge`: facts of the kept asset, before and after.
CREATE TABLE duplicate_resolution (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    group_id     uuid NOT NULL,
    kept_ids     uuid[] NOT NULL,
    trashed_ids  uuid[] NOT NULL,
    merge        jsonb,
    is_for_good  boolean NOT NULL,
    resolved_at  timestamptz NOT NULL,
    undone_at    timestamptz
);
CREATE INDEX duplicate_resolution_owner ON duplicate_resolution (owner_id, resolved_at);
CREATE INDEX duplicate_resolution_group ON duplicate_resolution (group_id);
