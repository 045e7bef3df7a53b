-- How many photos somebody is on in each month, without reading a hundred thousand of them (decision 0014).

-- people -------------------------------------------------------------------------------------------------------------
-- A face repeats more of its photo: the month its timeline shows it in, and whether a stack hides it. `place` says the rest.
-- The table is written anew once (to change each row would take twice as long and leave a table twice as large).
DROP INDEX face_shown, face_asset;
ALTER TABLE face ADD COLUMN month date, ADD COLUMN is_stacked_away boolean NOT NULL DEFAULT false;
CREATE FUNCTION month_of(photo uuid) RETURNS date LANGUAGE sql STABLE AS
    $$ SELECT date_trunc('month', local_taken)::date FROM asset WHERE id = photo $$;
ALTER TABLE face ALTER COLUMN month TYPE date USING month_of(asset_id), ALTER COLUMN month SET NOT NULL;
DROP FUNCTION month_of;
UPDATE face SET is_stacked_away = true FROM asset WHERE asset.id = face.asset_id AND asset.is_stacked_away;
-- Somebody's month is counted, and found, in this index alone; what people were counted by before it is not asked any more.
CREATE INDEX face_of_person ON face (person_id, place, month, is_stacked_away, asset_id)
    WHERE person_id IS NOT NULL AND is_visible AND deleted_at IS NULL;
-- Whether somebody is on a photo is seen in the index.
CREATE INDEX face_asset ON face (asset_id, person_id) INCLUDE (is_visible, deleted_at);

CREATE FUNCTION place_face() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT date_trunc('month', local_taken)::date, is_stacked_away INTO NEW.month, NEW.is_stacked_away
      FROM asset WHERE id = NEW.asset_id;
    RETURN NEW;
END $$;
CREATE TRIGGER face_placed BEFORE INSERT ON face FOR EACH ROW EXECUTE FUNCTION place_face();

CREATE OR REPLACE FUNCTION move_faces() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now_at "char" := face_place(NEW.visibility, NEW.status);
    now_in date := date_trunc('month', NEW.local_taken)::date;
BEGIN
    UPDATE face SET place = now_at, month = now_in, is_stacked_away = NEW.is_stacked_away
     WHERE asset_id = NEW.id AND (place, month, is_stacked_away) IS DISTINCT FROM (now_at, now_in, NEW.is_stacked_away);
    IF FOUND AND now_at = 'x' THEN
        UPDATE person SET portrait_face_id = NULL, feature_face_id = NULL, portrait_fault = NULL
         WHERE portrait_face_id IN (SELECT id FROM face WHERE asset_id = NEW.id)
            OR feature_face_id IN (SELECT id FROM face WHERE asset_id = NEW.id);
    END IF;
    RETURN NULL;
END $$;
DROP TRIGGER asset_moves_faces ON asset;
CREATE TRIGGER asset_moves_faces AFTER UPDATE OF visibility, status, local_taken, is_stacked_away ON asset FOR EACH ROW
    WHEN (OLD.visibility IS DISTINCT FROM NEW.visibility OR OLD.status IS DISTINCT FROM NEW.status
          OR OLD.is_stacked_away IS DISTINCT FROM NEW.is_stacked_away
          OR date_trunc('month', OLD.local_taken) IS DISTINCT FROM date_trunc('month', NEW.local_taken))
    EXECUTE FUNCTION move_faces();

-- What somebody's month shows on the timeline (`place` t) or archived (a). A photo that shows somebody twice is two faces and
-- one photo. No row: nothing. `version` is another one each time the row is written.
CREATE TABLE person_month (
    person_id        uuid NOT NULL,
    place            "char" NOT NULL,
    month            date NOT NULL,
    is_stacked_away  boolean NOT NULL,
    owner_id         uuid NOT NULL,
    faces            bigint NOT NULL,
    assets           bigint NOT NULL,
    version          uuid NOT NULL DEFAULT next_version(),
    PRIMARY KEY (person_id, place, month, is_stacked_away)
);
-- Months in which faces came, went or moved since they were counted. Rows are only appended, so that no two changes wait for
-- each other; the worker counts these months anew and removes the rows (people/tally_store.py). It takes over from
-- `person_uncounted`, which nothing writes any more; a release that is still running while this one starts reads it.
CREATE TABLE person_change (
    id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id         uuid NOT NULL,
    person_id        uuid NOT NULL,
    place            "char" NOT NULL,
    month            date NOT NULL,
    is_stacked_away  boolean NOT NULL
);
CREATE INDEX person_change_person ON person_change (person_id, place, month, is_stacked_away);
CREATE INDEX person_change_owner ON person_change (owner_id, person_id) WHERE place = 't';
DELETE FROM person_uncounted;

-- The same at every moment: what is not counted yet is counted as it is read.
CREATE VIEW person_month_now AS
    SELECT person_id, place, month, is_stacked_away, owner_id, faces, assets
      FROM person_month AS known
     WHERE NOT EXISTS (SELECT FROM person_change AS change
                        WHERE change.person_id = known.person_id AND change.place = known.place
                          AND change.month = known.month AND change.is_stacked_away = known.is_stacked_away)
     UNION ALL
    SELECT changed.person_id, changed.place, changed.month, changed.is_stacked_away, changed.owner_id, shown.faces, shown.assets
      FROM (SELECT DISTINCT person_id, place, month, is_stacked_away, owner_id FROM person_change) AS changed
     CROSS JOIN LATERAL (
        SELECT count(*) AS faces, count(DISTINCT face.asset_id) AS assets
          FROM face
         WHERE face.person_id = changed.person_id AND face.place = changed.place AND face.month = changed.month
           AND face.is_stacked_away = changed.is_stacked_away AND face.is_visible AND face.deleted_at IS NULL) AS shown
     WHERE shown.faces > 0;

CREATE OR REPLACE FUNCTION note_faces_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO person_change (owner_id, person_id, place, month, is_stacked_away)
    SELECT DISTINCT owner_id, person_id, place, month, is_stacked_away FROM fresh
     WHERE person_id IS NOT NULL AND is_visible AND deleted_at IS NULL AND place <> 'x';
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION note_faces_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO person_change (owner_id, person_id, place, month, is_stacked_away)
    SELECT DISTINCT owner_id, person_id, place, month, is_stacked_away FROM gone
     WHERE person_id IS NOT NULL AND is_visible AND deleted_at IS NULL AND place <> 'x';
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION note_faces_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO person_change (owner_id, person_id, place, month, is_stacked_away)
    -- Without a join: a session keeps the plan it made for its first statement, which may have changed a single face.
    SELECT DISTINCT owner_id, person_id, place, month, is_stacked_away
      FROM (SELECT id, owner_id, person_id, place, month, is_stacked_away FROM gone
             WHERE person_id IS NOT NULL AND is_visible AND deleted_at IS NULL AND place <> 'x'
             UNION ALL
            SELECT id, owner_id, person_id, place, month, is_stacked_away FROM fresh
             WHERE person_id IS NOT NULL AND is_visible AND deleted_at IS NULL AND place <> 'x') AS shown
     GROUP BY id, owner_id, person_id, place, month, is_stacked_away
    HAVING count(*) = 1;
    RETURN NULL;
END $$;

INSERT INTO person_month (person_id, place, month, is_stacked_away, owner_id, faces, assets)
SELECT person_id, place, month, is_stacked_away, owner_id, count(*), count(DISTINCT asset_id)
  FROM face
 WHERE person_id IS NOT NULL AND is_visible AND deleted_at IS NULL AND place <> 'x'
 GROUP BY 1, 2, 3, 4, 5;
DELETE FROM person_tally;
INSERT INTO person_tally (owner_id, person_id, faces)
SELECT owner_id, person_id, sum(faces) FROM person_month WHERE place = 't' GROUP BY 1, 2;
-- Nothing else would tell the planner soon what a month holds.
ANALYZE face, person_month, person_tally;
