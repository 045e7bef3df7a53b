-- What keeping the house asks of the schema.

-- Tombstones of everything else that clients sync. `owner_id` is who must be told: a user, nobody in particular (everybody),
-- or, for what lies in an album, the album, whose members are told. A parent that is gone speaks for its children: clients
-- remove them by themselves, so children only leave a tombstone while their parent stands.
CREATE FUNCTION bury_users() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tombstone (kind, owner_id, subject_id) SELECT 'user', NULL, id FROM gone;
    RETURN NULL;
END $$;
CREATE TRIGGER users_bury AFTER DELETE ON users REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION bury_users();

CREATE FUNCTION bury_user_metadata() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tombstone (kind, owner_id, subject_id, other)
    SELECT 'user_metadata', users.id, users.id, gone.key FROM gone JOIN users ON users.id = gone.user_id;
    RETURN NULL;
END $$;
CREATE TRIGGER user_metadata_bury AFTER DELETE ON user_metadata REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION bury_user_metadata();

-- Both sides are told. `subject_id` shared, `other` was shared with.
CREATE FUNCTION bury_partners() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tombstone (kind, owner_id, subject_id, other)
    SELECT 'partner', users.id, gone.shared_by_id, gone.shared_with_id::text
      FROM gone
      JOIN users ON users.id IN (gone.shared_by_id, gone.shared_with_id);
    RETURN NULL;
END $$;
CREATE TRIGGER partner_bury AFTER DELETE ON partner REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION bury_partners();

-- Who is no longer of an album has lost the album; those who stay hear who left. An album that goes takes its memberships
-- along, so this is also how each of its members hears of it.
CREATE FUNCTION bury_album_users() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tombstone (kind, owner_id, subject_id)
    SELECT 'album', users.id, gone.album_id FROM gone JOIN users ON users.id = gone.user_id;
    INSERT INTO tombstone (kind, owner_id, subject_id)
    SELECT 'album_user', album.id, gone.user_id FROM gone JOIN album ON album.id = gone.album_id;
    RETURN NULL;
END $$;
CREATE TRIGGER album_user_bury AFTER DELETE ON album_user REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION bury_album_users();

-- An album that only waits for its end is gone for its members already.
CREATE FUNCTION bury_marked_album() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tombstone (kind, owner_id, subject_id)
    SELECT 'album', user_id, album_id FROM album_user WHERE album_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER album_bury AFTER UPDATE OF deleted_at ON album FOR EACH ROW
    WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL)
    EXECUTE FUNCTION bury_marked_album();

CREATE FUNCTION bury_album_assets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tombstone (kind, owner_id, subject_id)
    SELECT 'album_asset', album.id, gone.asset_id FROM gone JOIN album ON album.id = gone.album_id;
    RETURN NULL;
END $$;
CREATE TRIGGER album_asset_bury AFTER DELETE ON album_asset REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION bury_album_assets();

CREATE FUNCTION bury_stacks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO tombstone (kind, owner_id, subject_id) SELECT 'stack', owner_id, id FROM gone;
    RETURN NULL;
END $$;
CREATE TRIGGER stack_bury AFTER DELETE ON stack REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION bury_stacks();

-- Devices that stay away longer than tombstones are kept start their sync over.
CREATE INDEX tombstone_age ON tombstone (deleted_at);
