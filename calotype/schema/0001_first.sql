-- The first schema. Each table has one owner room (named above it); only that room writes it.

CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Versions -----------------------------------------------------------------------------------------------------------
-- Every row that clients sync carries `update_id`, a UUIDv7 that grows with each change (RFC 9562 §5.7). Postgres has it
-- in core from 18; before that we lay out milliseconds, then 12 bits of the fraction, then randomness.
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 180000 THEN
        EXECUTE 'CREATE FUNCTION next_version() RETURNS uuid LANGUAGE sql VOLATILE AS ''SELECT uuidv7()''';
    ELSE
        EXECUTE $f$
            CREATE FUNCTION next_version() RETURNS uuid LANGUAGE sql VOLATILE AS $b$
                SELECT (lpad(to_hex(us / 1000), 12, '0') || '7' || lpad(to_hex((us % 1000) * 4096 / 1000), 3, '0')
                        || '8' || substr(replace(gen_random_uuid()::text, '-', ''), 18))::uuid
                  FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS us) AS t
            $b$
        $f$;
    END IF;
END $$;

-- The smallest version of rows changed at or after an instant (a second earlier: version and time are read apart).
CREATE FUNCTION first_version(changed_at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT (lpad(to_hex(greatest(extract(epoch FROM changed_at) * 1000 - 1000, 0)::bigint), 12, '0')
            || '70008000000000000000')::uuid
$$;

CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    NEW.update_id := next_version();
    RETURN NEW;
END $$;

-- Text as people search for it: no case, no accents. Immutable, so that it may be indexed.
CREATE FUNCTION fold(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS
    $$ SELECT lower(public.unaccent('public.unaccent'::regdictionary, value)) $$;

-- What was deleted, for those who sync. `owner_id` is who must be told.
CREATE TABLE tombstone (
    id          uuid PRIMARY KEY DEFAULT next_version(),
    kind        text NOT NULL,
    owner_id    uuid,
    subject_id  uuid NOT NULL,
    other       text,
    deleted_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX tombstone_told ON tombstone (kind, owner_id, id);

-- settings -----------------------------------------------------------------------------------------------------------
CREATE TABLE setting (
    name   text PRIMARY KEY,
    value  jsonb NOT NULL
);

-- server -------------------------------------------------------------------------------------------------------------
CREATE TABLE version_history (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    version     text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- accounts -----------------------------------------------------------------------------------------------------------
CREATE TABLE users (
    id                      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email                   text NOT NULL,
    name                    text NOT NULL,
    password_hash           text,
    pin_hash                text,
    is_admin                boolean NOT NULL DEFAULT false,
    should_change_password  boolean NOT NULL DEFAULT true,
    storage_label           text,
    avatar_color            text,
    profile_path            text NOT NULL DEFAULT '',
    profile_changed_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    oauth_id                text NOT NULL DEFAULT '',
    quota_bytes             bigint,
    usage_bytes             bigint NOT NULL DEFAULT 0,
    status                  text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'removing', 'deleted')),
    cluster_group_id        uuid NOT NULL DEFAULT gen_random_uuid(),
    created_at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at              timestamptz,
    update_id               uuid NOT NULL DEFAULT next_version()
);
CREATE UNIQUE INDEX users_email ON users (email);
CREATE UNIQUE INDEX users_storage_label ON users (storage_label) WHERE storage_label IS NOT NULL;
CREATE UNIQUE INDEX users_oauth ON users (oauth_id) WHERE oauth_id <> '';
CREATE INDEX users_version ON users (update_id);
CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();

-- preferences, license, onboarding: each value holds only what differs from the defaults.
CREATE TABLE user_metadata (
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    key         text NOT NULL CHECK (key IN ('preferences', 'license', 'onboarding')),
    value       jsonb NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    update_id   uuid NOT NULL DEFAULT next_version(),
    PRIMARY KEY (user_id, key)
);
CREATE TRIGGER user_metadata_touch BEFORE UPDATE ON user_metadata FOR EACH ROW EXECUTE FUNCTION touch();

CREATE TABLE session (
    id                     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id                uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    parent_id              uuid REFERENCES session ON DELETE CASCADE,
    token_hash             bytea NOT NULL UNIQUE,  -- SHA-256 of the token
    device_type            text NOT NULL DEFAULT '',
    device_os              text NOT NULL DEFAULT '',
    app_version            text,
    expires_at             timestamptz,
    pin_expires_at         timestamptz,
    oauth_sid              text,
    is_pending_sync_reset  boolean NOT NULL DEFAULT false,
    created_at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at             timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX session_of_user ON session (user_id);
CREATE INDEX session_of_parent ON session (parent_id) WHERE parent_id IS NOT NULL;

CREATE TABLE api_key (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name         text NOT NULL,
    key_hash     bytea NOT NULL UNIQUE,  -- SHA-256 of the secret
    permissions  text[] NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX api_key_user ON api_key (user_id);

CREATE TABLE partner (
    shared_by_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    shared_with_id  uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    in_timeline     boolean NOT NULL DEFAULT false,
    create_id       uuid NOT NULL DEFAULT next_version(),
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    update_id       uuid NOT NULL DEFAULT next_version(),
    PRIMARY KEY (shared_by_id, shared_with_id),
    CHECK (shared_by_id <> shared_with_id)
);
CREATE INDEX partner_with ON partner (shared_with_id);
CREATE TRIGGER partner_touch BEFORE UPDATE ON partner FOR EACH ROW EXECUTE FUNCTION touch();

-- assets -------------------------------------------------------------------------------------------------------------
CREATE TYPE asset_type AS ENUM ('IMAGE', 'VIDEO', 'AUDIO', 'OTHER');
CREATE TYPE asset_visibility AS ENUM ('archive', 'timeline', 'hidden', 'locked');
CREATE TYPE asset_status AS ENUM ('active', 'trashed', 'deleted');

-- One wide row per photo: what it is, then what its file says. Two version columns, because clients sync the two halves
-- separately (see docs/decisions/0003-one-wide-asset-row.md).
CREATE TABLE asset (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id             uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    library_id           uuid,
    type                 asset_type NOT NULL,
    visibility           asset_visibility NOT NULL DEFAULT 'timeline',
    status               asset_status NOT NULL DEFAULT 'active',
    is_favorite          boolean NOT NULL DEFAULT false,
    is_offline           boolean NOT NULL DEFAULT false,
    is_edited            boolean NOT NULL DEFAULT false,
    is_motion_part       boolean NOT NULL DEFAULT false,  -- a video that was cut out of a motion photo
    original_key         text NOT NULL,                   -- key in Files
    original_name        text NOT NULL,
    sidecar_key          text,
    checksum             bytea NOT NULL,                  -- SHA-1, the wire's checksum
    proof                bytea,                           -- SHA-256 of the bytes as they were received
    size_bytes           bigint NOT NULL,
    taken_at             timestamptz NOT NULL,            -- fileCreatedAt: the true instant
    local_taken          timestamp NOT NULL,              -- localDateTime: the wall clock
    file_modified_at     timestamptz NOT NULL,
    uploaded_taken_at    timestamptz NOT NULL,            -- what the uploader said, kept for re-reading without tags
    duration_ms          integer,
    width                integer,                         -- as displayed
    height               integer,
    thumbhash            bytea,
    live_video_id        uuid REFERENCES asset ON DELETE SET NULL,
    stack_id             uuid,
    is_stacked_away      boolean NOT NULL DEFAULT false,  -- in a stack, and not the one that is shown for it
    duplicate_id         uuid,
    -- what the file says
    make                 text,
    model                text,
    lens_model           text,
    f_number             double precision,
    focal_length         double precision,
    iso                  integer,
    exposure_time        text,
    exif_width           integer,
    exif_height          integer,
    orientation          text,
    date_time_original   timestamptz,
    modify_date          timestamptz,
    time_zone            text,
    latitude             double precision,
    longitude            double precision,
    city                 text,
    state                text,
    country              text,
    description          text NOT NULL DEFAULT '',
    rating               smallint,
    projection_type      text,
    profile_description  text,
    colorspace           text,
    bits_per_sample      smallint,
    fps                  double precision,
    live_photo_cid       text,
    auto_stack_id        text,
    video                jsonb,                           -- probe facts, kept for transcoding
    locked_fields        text[] NOT NULL DEFAULT '{}',    -- edited by a person, not yet in the sidecar
    -- how far processing came
    metadata_at          timestamptz,
    previews_at          timestamptz,
    transcode_checked_at timestamptz,
    created_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at           timestamptz,
    update_id            uuid NOT NULL DEFAULT next_version(),
    exif_update_id       uuid NOT NULL DEFAULT next_version()
) WITH (fillfactor = 85);

-- An asset that only waits for its removal does not stand in the way of the same photo coming back.
CREATE UNIQUE INDEX asset_checksum ON asset (owner_id, checksum) WHERE library_id IS NULL AND status <> 'deleted';
CREATE INDEX asset_checksum_any ON asset (checksum);
CREATE INDEX asset_timeline ON asset (owner_id, (local_taken::date), taken_at) WHERE status = 'active';
CREATE INDEX asset_added ON asset (owner_id, created_at);
CREATE INDEX asset_taken ON asset (owner_id, taken_at, id);
CREATE INDEX asset_trash ON asset (owner_id, deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX asset_live_video ON asset (live_video_id) WHERE live_video_id IS NOT NULL;
CREATE INDEX asset_live_cid ON asset (owner_id, live_photo_cid) WHERE live_photo_cid IS NOT NULL;
CREATE INDEX asset_stack ON asset (stack_id) WHERE stack_id IS NOT NULL;
CREATE INDEX asset_duplicate ON asset (owner_id, duplicate_id) WHERE duplicate_id IS NOT NULL;
-- Filters of the search, each in the order of its answer. At a million photos the first hundred come from the index.
CREATE INDEX asset_city ON asset (owner_id, city, taken_at, id);
CREATE INDEX asset_state ON asset (owner_id, state, taken_at, id);
CREATE INDEX asset_country ON asset (owner_id, country, taken_at, id);
CREATE INDEX asset_make ON asset (owner_id, make, taken_at, id);
CREATE INDEX asset_model ON asset (owner_id, model, taken_at, id);
CREATE INDEX asset_lens_model ON asset (owner_id, lens_model, taken_at, id);
CREATE INDEX asset_rating ON asset (owner_id, rating, taken_at, id) WHERE rating IS NOT NULL;
CREATE INDEX asset_by_rating ON asset (owner_id, rating DESC NULLS LAST, id DESC);
CREATE INDEX asset_by_size ON asset (owner_id, size_bytes, id);
CREATE INDEX asset_favorite ON asset (owner_id, taken_at, id) WHERE is_favorite;
CREATE INDEX asset_video ON asset (owner_id, taken_at, id) WHERE type = 'VIDEO';
CREATE INDEX asset_aside ON asset (owner_id, visibility, taken_at, id) WHERE visibility <> 'timeline';
CREATE INDEX asset_offline ON asset (owner_id, taken_at, id) WHERE is_offline;
CREATE INDEX asset_name ON asset USING gin (fold(original_name) gin_trgm_ops);
CREATE INDEX asset_key ON asset USING gin (fold(original_key) gin_trgm_ops);
CREATE INDEX asset_description ON asset USING gin (fold(description) gin_trgm_ops);
CREATE INDEX asset_version ON asset (owner_id, update_id);
CREATE INDEX asset_exif_version ON asset (owner_id, exif_update_id);
-- What is missing? One small index per question of the sweep.
CREATE INDEX asset_no_metadata ON asset (id) WHERE metadata_at IS NULL AND status = 'active';
CREATE INDEX asset_no_previews ON asset (id) WHERE previews_at IS NULL AND status = 'active' AND visibility <> 'hidden';
CREATE INDEX asset_no_transcode ON asset (id) WHERE transcode_checked_at IS NULL AND type = 'VIDEO' AND status = 'active';
CREATE INDEX asset_unwritten ON asset (id) WHERE locked_fields <> '{}';

CREATE FUNCTION touch_asset() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := clock_timestamp();
    NEW.update_id := next_version();
    IF (NEW.make, NEW.model, NEW.lens_model, NEW.f_number, NEW.focal_length, NEW.iso, NEW.exposure_time, NEW.exif_width,
        NEW.exif_height, NEW.orientation, NEW.date_time_original, NEW.modify_date, NEW.time_zone, NEW.latitude,
        NEW.longitude, NEW.city, NEW.state, NEW.country, NEW.description, NEW.rating, NEW.projection_type,
        NEW.profile_description, NEW.fps, NEW.size_bytes)
       IS DISTINCT FROM
       (OLD.make, OLD.model, OLD.lens_model, OLD.f_number, OLD.focal_length, OLD.iso, OLD.exposure_time, OLD.exif_width,
        OLD.exif_height, OLD.orientation, OLD.date_time_original, OLD.modify_date, OLD.time_zone, OLD.latitude,
        OLD.longitude, OLD.city, OLD.state, OLD.country, OLD.description, OLD.rating, OLD.projection_type,
        OLD.profile_description, OLD.fps, OLD.size_bytes)
    THEN
        NEW.exif_update_id := next_version();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER asset_touch BEFORE UPDATE ON asset FOR EACH ROW EXECUTE FUNCTION touch_asset();

CREATE FUNCTION bury_assets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tombstone (kind, owner_id, subject_id) SELECT 'asset', owner_id, id FROM gone;
    RETURN NULL;
END $$;
CREATE TRIGGER asset_bury AFTER DELETE ON asset REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION bury_assets();

-- Free key-value notes of clients.
CREATE TABLE asset_metadata (
    asset_id    uuid NOT NULL REFERENCES asset ON DELETE CASCADE,
    key         text NOT NULL,
    value       jsonb NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    update_id   uuid NOT NULL DEFAULT next_version(),
    PRIMARY KEY (asset_id, key)
);
CREATE TRIGGER asset_metadata_touch BEFORE UPDATE ON asset_metadata FOR EACH ROW EXECUTE FUNCTION touch();
CREATE FUNCTION bury_asset_metadata() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tombstone (kind, owner_id, subject_id, other)
    SELECT 'asset_metadata', asset.owner_id, asset.id, gone.key FROM gone JOIN asset ON asset.id = gone.asset_id;
    RETURN NULL;
END $$;
CREATE TRIGGER asset_metadata_bury AFTER DELETE ON asset_metadata REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION bury_asset_metadata();

-- Hierarchical tags: `value` is the whole path (`Animals/Dogs/Rex`).
CREATE TABLE tag (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id    uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    parent_id   uuid REFERENCES tag ON DELETE CASCADE,
    value       text NOT NULL,
    color       text,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    update_id   uuid NOT NULL DEFAULT next_version(),
    UNIQUE (owner_id, value)
);
CREATE INDEX tag_parent ON tag (parent_id);
CREATE TRIGGER tag_touch BEFORE UPDATE ON tag FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE tag_asset (
    asset_id  uuid NOT NULL REFERENCES asset ON DELETE CASCADE,
    tag_id    uuid NOT NULL REFERENCES tag ON DELETE CASCADE,
    PRIMARY KEY (asset_id, tag_id)
);
CREATE INDEX tag_asset_tag ON tag_asset (tag_id);

CREATE TABLE stack (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id          uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    primary_asset_id  uuid NOT NULL UNIQUE REFERENCES asset ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    update_id         uuid NOT NULL DEFAULT next_version()
);
CREATE TRIGGER stack_touch BEFORE UPDATE ON stack FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE asset ADD FOREIGN KEY (stack_id) REFERENCES stack ON DELETE SET NULL;

-- media --------------------------------------------------------------------------------------------------------------
-- What we made from the bytes. `path` is relative to the data folder.
CREATE TABLE asset_file (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    asset_id        uuid NOT NULL REFERENCES asset ON DELETE CASCADE,
    type            text NOT NULL CHECK (type IN ('fullsize', 'preview', 'thumbnail', 'sidecar', 'encoded_video')),
    path            text NOT NULL,
    size_bytes      bigint NOT NULL,
    is_edited       boolean NOT NULL DEFAULT false,
    is_progressive  boolean NOT NULL DEFAULT false,
    is_transparent  boolean NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (asset_id, type, is_edited)
);

CREATE INDEX asset_file_encoded ON asset_file (asset_id) WHERE type = 'encoded_video';

-- Why something could not be made. A row here stops the sweep from trying for ever; people see it and may retry.
CREATE TABLE asset_problem (
    asset_id  uuid NOT NULL REFERENCES asset ON DELETE CASCADE,
    step      text NOT NULL CHECK (step IN ('metadata', 'previews', 'transcode', 'sidecar', 'checksum')),
    reason    text NOT NULL,
    attempts  integer NOT NULL DEFAULT 1,
    at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (asset_id, step)
);

-- timeline -----------------------------------------------------------------------------------------------------------
-- Months are counted as photos come and go, never per request. Changes are appended (no lock is shared by two uploads)
-- and folded into `timeline_month` by the worker; readers add both. `changes` only grows: it is the version under which
-- bucket bodies are cached.
CREATE TABLE timeline_change (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id         uuid NOT NULL,
    axis             "char" NOT NULL,  -- t: month taken (local), c: month added (UTC)
    month            date NOT NULL,
    visibility       asset_visibility NOT NULL,
    status           asset_status NOT NULL,
    is_favorite      boolean NOT NULL,
    is_stacked_away  boolean NOT NULL,
    assets           integer NOT NULL,
    changes          integer NOT NULL
);
CREATE INDEX timeline_change_owner ON timeline_change (owner_id, axis);
CREATE TABLE timeline_month (
    owner_id         uuid NOT NULL,
    axis             "char" NOT NULL,
    month            date NOT NULL,
    visibility       asset_visibility NOT NULL,
    status           asset_status NOT NULL,
    is_favorite      boolean NOT NULL,
    is_stacked_away  boolean NOT NULL,
    assets           bigint NOT NULL,
    changes          bigint NOT NULL,
    PRIMARY KEY (owner_id, axis, month, visibility, status, is_favorite, is_stacked_away)
);

CREATE FUNCTION count_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO timeline_change (owner_id, axis, month, visibility, status, is_favorite, is_stacked_away, assets, changes)
    SELECT owner_id, 't', date_trunc('month', local_taken)::date, visibility, status, is_favorite, is_stacked_away, count(*), 1
      FROM fresh GROUP BY 1, 3, 4, 5, 6, 7
    UNION ALL
    SELECT owner_id, 'c', date_trunc('month', created_at AT TIME ZONE 'UTC')::date, visibility, status, is_favorite,
           is_stacked_away, count(*), 1
      FROM fresh GROUP BY 1, 3, 4, 5, 6, 7;
    RETURN NULL;
END $$;
CREATE FUNCTION count_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO timeline_change (owner_id, axis, month, visibility, status, is_favorite, is_stacked_away, assets, changes)
    SELECT owner_id, 't', date_trunc('month', local_taken)::date, visibility, status, is_favorite, is_stacked_away, -count(*), 1
      FROM gone GROUP BY 1, 3, 4, 5, 6, 7
    UNION ALL
    SELECT owner_id, 'c', date_trunc('month', created_at AT TIME ZONE 'UTC')::date, visibility, status, is_favorite,
           is_stacked_away, -count(*), 1
      FROM gone GROUP BY 1, 3, 4, 5, 6, 7;
    RETURN NULL;
END $$;
CREATE FUNCTION count_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    WITH seen AS (
        -- Only what a bucket shows; the bookkeeping of the pipeline must not empty the cache.
        SELECT gone.owner_id, gone.visibility, gone.status, gone.is_favorite, gone.is_stacked_away, gone.local_taken,
               gone.created_at, -1 AS assets
          FROM gone JOIN fresh USING (id)
         WHERE (gone.owner_id, gone.visibility, gone.status, gone.is_favorite, gone.is_stacked_away, gone.local_taken,
                gone.taken_at, gone.type, gone.width, gone.height, gone.thumbhash, gone.live_video_id, gone.duration_ms,
                gone.projection_type, gone.city, gone.country, gone.latitude, gone.longitude, gone.stack_id)
               IS DISTINCT FROM
               (fresh.owner_id, fresh.visibility, fresh.status, fresh.is_favorite, fresh.is_stacked_away, fresh.local_taken,
                fresh.taken_at, fresh.type, fresh.width, fresh.height, fresh.thumbhash, fresh.live_video_id,
                fresh.duration_ms, fresh.projection_type, fresh.city, fresh.country, fresh.latitude, fresh.longitude,
                fresh.stack_id)
        UNION ALL
        SELECT fresh.owner_id, fresh.visibility, fresh.status, fresh.is_favorite, fresh.is_stacked_away, fresh.local_taken,
               fresh.created_at, 1
          FROM gone JOIN fresh USING (id)
         WHERE (gone.owner_id, gone.visibility, gone.status, gone.is_favorite, gone.is_stacked_away, gone.local_taken,
                gone.taken_at, gone.type, gone.width, gone.height, gone.thumbhash, gone.live_video_id, gone.duration_ms,
                gone.projection_type, gone.city, gone.country, gone.latitude, gone.longitude, gone.stack_id)
               IS DISTINCT FROM
               (fresh.owner_id, fresh.visibility, fresh.status, fresh.is_favorite, fresh.is_stacked_away, fresh.local_taken,
                fresh.taken_at, fresh.type, fresh.width, fresh.height, fresh.thumbhash, fresh.live_video_id,
                fresh.duration_ms, fresh.projection_type, fresh.city, fresh.country, fresh.latitude, fresh.longitude,
                fresh.stack_id)
    )
    INSERT INTO timeline_change (owner_id, axis, month, visibility, status, is_favorite, is_stacked_away, assets, changes)
    SELECT owner_id, 't', date_trunc('month', local_taken)::date, visibility, status, is_favorite, is_stacked_away, sum(assets), 1
      FROM seen GROUP BY 1, 3, 4, 5, 6, 7
    UNION ALL
    SELECT owner_id, 'c', date_trunc('month', created_at AT TIME ZONE 'UTC')::date, visibility, status, is_favorite,
           is_stacked_away, sum(assets), 1
      FROM seen GROUP BY 1, 3, 4, 5, 6, 7;
    RETURN NULL;
END $$;
CREATE TRIGGER asset_count_added AFTER INSERT ON asset REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION count_added();
CREATE TRIGGER asset_count_removed AFTER DELETE ON asset REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION count_removed();
CREATE TRIGGER asset_count_changed AFTER UPDATE ON asset REFERENCING OLD TABLE AS gone NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION count_changed();

-- albums (rows come with the albums capability; the access gate already reads them) --------------------------------------
CREATE TABLE album (
    id                   uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name                 text NOT NULL,
    description          text,
    thumbnail_asset_id   uuid REFERENCES asset ON DELETE SET NULL,
    is_activity_enabled  boolean NOT NULL DEFAULT true,
    asset_order          text NOT NULL DEFAULT 'desc',
    created_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at           timestamptz,
    update_id            uuid NOT NULL DEFAULT next_version()
);
CREATE TRIGGER album_touch BEFORE UPDATE ON album FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE album_user (
    album_id    uuid NOT NULL REFERENCES album ON DELETE CASCADE,
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role        text NOT NULL CHECK (role IN ('owner', 'editor', 'viewer')),
    create_id   uuid NOT NULL DEFAULT next_version(),
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    update_id   uuid NOT NULL DEFAULT next_version(),
    PRIMARY KEY (album_id, user_id)
);
CREATE INDEX album_user_user ON album_user (user_id);
CREATE TRIGGER album_user_touch BEFORE UPDATE ON album_user FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE album_asset (
    album_id    uuid NOT NULL REFERENCES album ON DELETE CASCADE,
    asset_id    uuid NOT NULL REFERENCES asset ON DELETE CASCADE,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    update_id   uuid NOT NULL DEFAULT next_version(),
    PRIMARY KEY (album_id, asset_id)
);
CREATE INDEX album_asset_asset ON album_asset (asset_id);
CREATE TRIGGER album_asset_touch BEFORE UPDATE ON album_asset FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE shared_link (
    id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id         uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    album_id        uuid REFERENCES album ON DELETE CASCADE,
    key             bytea NOT NULL UNIQUE,
    slug            text UNIQUE,
    type            text NOT NULL CHECK (type IN ('ALBUM', 'INDIVIDUAL')),
    description     text,
    password_hash   text,
    allow_upload    boolean NOT NULL DEFAULT false,
    allow_download  boolean NOT NULL DEFAULT true,
    show_metadata   boolean NOT NULL DEFAULT true,
    expires_at      timestamptz,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE TABLE shared_link_asset (
    shared_link_id  uuid NOT NULL REFERENCES shared_link ON DELETE CASCADE,
    asset_id        uuid NOT NULL REFERENCES asset ON DELETE CASCADE,
    PRIMARY KEY (shared_link_id, asset_id)
);
CREATE INDEX shared_link_asset_asset ON shared_link_asset (asset_id);

-- storage

-- One row: which installation this database belongs to, and how often it was started with its media folder.
CREATE TABLE instance (
    only_one       boolean     PRIMARY KEY DEFAULT TRUE CHECK (only_one),
    id             uuid        NOT NULL,
    epoch          bigint      NOT NULL,
    initialised_at timestamptz NOT NULL
);

-- server: notification
CREATE TABLE notification (
    id           uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    level        text NOT NULL CHECK (level IN ('success', 'error', 'warning', 'info')),
    type         text NOT NULL,
    title        text NOT NULL,
    description  text,
    data         jsonb,
    read_at      timestamptz,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at   timestamptz
);
CREATE INDEX notification_of_user ON notification (user_id, created_at) WHERE deleted_at IS NULL;

-- The published API that this release speaks; a release that speaks a newer one adds its row.
INSERT INTO version_history (version) VALUES ('3.2.2');
