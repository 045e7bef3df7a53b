-- How many faces each person shows, without counting a million of them for each look at the page of people.

-- people -------------------------------------------------------------------------------------------------------------
-- Faces on the timeline, by person. Right for everybody who is not in `person_uncounted`; nobody with none is in it.
CREATE TABLE person_tally (
    owner_id   uuid NOT NULL,
    person_id  uuid NOT NULL,
    faces      bigint NOT NULL,
    PRIMARY KEY (owner_id, person_id)
);
-- Whose faces came, went or moved since they were counted. Rows are only appended, so that no two changes wait for each
-- other; the worker counts these people anew and removes the rows (people/tally_store.py).
CREATE TABLE person_uncounted (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id   uuid NOT NULL,
    person_id  uuid NOT NULL
);
CREATE INDEX person_uncounted_owner ON person_uncounted (owner_id, person_id);

CREATE FUNCTION note_faces_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO person_uncounted (owner_id, person_id)
    SELECT DISTINCT owner_id, person_id FROM fresh
     WHERE person_id IS NOT NULL AND is_visible AND deleted_at IS NULL AND place = 't';
    RETURN NULL;
END $$;
CREATE TRIGGER face_added AFTER INSERT ON face REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_faces_added();
CREATE FUNCTION note_faces_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO person_uncounted (owner_id, person_id)
    SELECT DISTINCT owner_id, person_id FROM gone
     WHERE person_id IS NOT NULL AND is_visible AND deleted_at IS NULL AND place = 't';
    RETURN NULL;
END $$;
CREATE TRIGGER face_removed AFTER DELETE ON face REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION note_faces_removed();
CREATE FUNCTION note_faces_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO person_uncounted (owner_id, person_id)
    WITH change AS (
        SELECT fresh.owner_id,
               CASE WHEN gone.is_visible AND gone.deleted_at IS NULL AND gone.place = 't' THEN gone.person_id END AS was,
               CASE WHEN fresh.is_visible AND fresh.deleted_at IS NULL AND fresh.place = 't' THEN fresh.person_id END AS now
          FROM gone JOIN fresh ON fresh.id = gone.id)
    SELECT owner_id, was FROM change WHERE was IS DISTINCT FROM now AND was IS NOT NULL
     UNION
    SELECT owner_id, now FROM change WHERE was IS DISTINCT FROM now AND now IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER face_changed AFTER UPDATE ON face REFERENCING OLD TABLE AS gone NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_faces_changed();

INSERT INTO person_tally (owner_id, person_id, faces)
SELECT owner_id, person_id, count(*) FROM face
 WHERE person_id IS NOT NULL AND is_visible AND deleted_at IS NULL AND place = 't'
 GROUP BY 1, 2;
