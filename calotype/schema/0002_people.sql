-- Faces, and whose they are.

CREATE EXTENSION IF NOT EXISTS vector;

-- people -------------------------------------------------------------------------------------------------------------
CREATE TABLE person (
    id                uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    owner_id          uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name              text NOT NULL DEFAULT '',  -- '' has no name yet
    birth_date        date,
    is_hidden         boolean NOT NULL DEFAULT false,
    is_favorite       boolean NOT NULL DEFAULT false,
    color             text,
    is_anchor         boolean NOT NULL DEFAULT false,  -- somebody named, merged or parted it: the machine only adds to it
    feature_face_id   uuid,                            -- the face that stands for the person
    portrait_face_id  uuid,                            -- the face that the portrait shows; NULL: there is no portrait
    portrait_path     text NOT NULL DEFAULT '',        -- relative to the data folder
    portrait_fault    text,                            -- why no portrait could be made of the feature face
    created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    update_id         uuid NOT NULL DEFAULT next_version()
);
CREATE INDEX person_owner ON person (owner_id);
CREATE INDEX person_version ON person (owner_id, update_id);
CREATE INDEX person_feature ON person (feature_face_id) WHERE feature_face_id IS NOT NULL;
CREATE INDEX person_portrait ON person (portrait_face_id) WHERE portrait_face_id IS NOT NULL;
CREATE INDEX person_portrait_due ON person (id)
    WHERE portrait_fault IS NULL AND (portrait_face_id IS NULL OR portrait_face_id IS DISTINCT FROM feature_face_id);
-- What clients see of a person; that its portrait was drawn again must change `updated_at` too, their pictures hang on it.
CREATE TRIGGER person_touch BEFORE UPDATE ON person FOR EACH ROW EXECUTE FUNCTION touch();
CREATE FUNCTION bury_people() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tombstone (kind, owner_id, subject_id) SELECT 'person', owner_id, id FROM gone;
    RETURN NULL;
END $$;
CREATE TRIGGER person_bury AFTER DELETE ON person REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION bury_people();

-- A box in a picture. Boxes are whole pixels of a picture of `image_width` × `image_height`, as the detector was shown it.
-- `place` repeats what matters of the asset, so that people are counted without touching the wide table:
-- t timeline, a archive, x neither (locked, hidden, thrown away).
CREATE TABLE face (
    id            uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    asset_id      uuid NOT NULL REFERENCES asset ON DELETE CASCADE,
    owner_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    person_id     uuid REFERENCES person ON DELETE SET NULL,
    cluster_id    uuid,                             -- who it looks like, while there are too few of them to be a person
    x1            integer NOT NULL,
    y1            integer NOT NULL,
    x2            integer NOT NULL,
    y2            integer NOT NULL,
    image_width   integer NOT NULL,
    image_height  integer NOT NULL,
    source_type   text NOT NULL CHECK (source_type IN ('machine-learning', 'exif', 'manual')),
    score         real,
    model         text,                             -- which model its vector is of; NULL: it has no vector
    place         "char" NOT NULL,
    is_visible    boolean NOT NULL DEFAULT true,    -- inside the crop of an edited picture
    is_pinned     boolean NOT NULL DEFAULT false,   -- somebody said who this is
    looked_at     timestamptz,                      -- when recognition last thought about it
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    deleted_at    timestamptz,
    update_id     uuid NOT NULL DEFAULT next_version()
);
ALTER TABLE person ADD FOREIGN KEY (feature_face_id) REFERENCES face ON DELETE SET NULL;
ALTER TABLE person ADD FOREIGN KEY (portrait_face_id) REFERENCES face ON DELETE SET NULL;
CREATE INDEX face_asset ON face (asset_id);
CREATE INDEX face_person ON face (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX face_cluster ON face (cluster_id) WHERE cluster_id IS NOT NULL;
CREATE INDEX face_version ON face (owner_id, update_id);
-- The people page counts in this index alone.
CREATE INDEX face_shown ON face (owner_id, person_id, asset_id)
    WHERE person_id IS NOT NULL AND is_visible AND deleted_at IS NULL AND place = 't';
CREATE INDEX face_waiting ON face (owner_id, created_at)
    WHERE looked_at IS NULL AND person_id IS NULL AND model IS NOT NULL AND deleted_at IS NULL AND place <> 'x'
      AND source_type = 'machine-learning';

CREATE TRIGGER face_touch BEFORE UPDATE ON face FOR EACH ROW
    WHEN ((OLD.person_id, OLD.x1, OLD.y1, OLD.x2, OLD.y2, OLD.image_width, OLD.image_height, OLD.source_type,
           OLD.is_visible, OLD.deleted_at)
          IS DISTINCT FROM
          (NEW.person_id, NEW.x1, NEW.y1, NEW.x2, NEW.y2, NEW.image_width, NEW.image_height, NEW.source_type,
           NEW.is_visible, NEW.deleted_at))
    EXECUTE FUNCTION touch();
CREATE FUNCTION bury_faces() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Faces that went with their photo are not told of: whoever syncs drops them with it.
    INSERT INTO tombstone (kind, owner_id, subject_id)
    SELECT 'face', gone.owner_id, gone.id FROM gone JOIN asset ON asset.id = gone.asset_id;
    RETURN NULL;
END $$;
CREATE TRIGGER face_bury AFTER DELETE ON face REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION bury_faces();

CREATE FUNCTION face_place(visibility asset_visibility, status asset_status) RETURNS "char"
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN status <> 'active' THEN 'x' WHEN visibility = 'timeline' THEN 't' WHEN visibility = 'archive' THEN 'a'
                ELSE 'x' END::"char"
$$;

-- A photo that is locked or thrown away takes its faces out of counts and portraits in the same moment. Nothing runs when a
-- photo comes in, or when anything else of it changes.
CREATE FUNCTION move_faces() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now_at "char" := face_place(NEW.visibility, NEW.status);
BEGIN
    UPDATE face SET place = now_at WHERE asset_id = NEW.id AND place <> now_at;
    IF FOUND AND now_at = 'x' THEN
        UPDATE person SET portrait_face_id = NULL, feature_face_id = NULL, portrait_fault = NULL
         WHERE portrait_face_id IN (SELECT id FROM face WHERE asset_id = NEW.id)
            OR feature_face_id IN (SELECT id FROM face WHERE asset_id = NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER asset_moves_faces AFTER UPDATE OF visibility, status ON asset FOR EACH ROW
    WHEN (OLD.visibility IS DISTINCT FROM NEW.visibility OR OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION move_faces();

-- What a face looks like, of length one. Apart from `face`, which is read and written far more often than this.
CREATE TABLE face_vector (
    face_id  uuid PRIMARY KEY REFERENCES face ON DELETE CASCADE,
    vector   halfvec NOT NULL
);
ALTER TABLE face_vector ALTER COLUMN vector SET STORAGE PLAIN;

-- That a photo was searched for faces, with which model.
CREATE TABLE face_scan (
    asset_id  uuid PRIMARY KEY REFERENCES asset ON DELETE CASCADE,
    model     text NOT NULL,
    at        timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Each change of who is who has a number, so that what a worker remembers of an owner's faces is never acted on once it
-- is old. `unmerged`: faces that came since all clusters were last compared with each other.
CREATE TABLE people_state (
    owner_id  uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    version   bigint NOT NULL DEFAULT 0,
    unmerged  integer NOT NULL DEFAULT 0
);

-- media --------------------------------------------------------------------------------------------------------------
-- Faces that a file says it shows, with names, until they are taken over (`is_waiting`).
CREATE TABLE face_region (
    asset_id    uuid PRIMARY KEY REFERENCES asset ON DELETE CASCADE,
    regions     jsonb NOT NULL,
    is_waiting  boolean NOT NULL DEFAULT true
);
CREATE INDEX face_region_waiting ON face_region (asset_id) WHERE is_waiting;
