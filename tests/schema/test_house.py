"""What was deleted leaves a tombstone for those who must hear of it."""

from uuid import UUID

import asyncpg
import pytest


@pytest.fixture
async def database(postgres_url):
    connection = await asyncpg.connect(postgres_url)
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


async def user(database, name: str) -> UUID:
    return await database.fetchval(
        "INSERT INTO users (email, name) VALUES ($1 || '@tombstones.example.com', $1) RETURNING id", name
    )


async def album(database, **roles: UUID) -> UUID:
    id = await database.fetchval("INSERT INTO album (name) VALUES ('Rome') RETURNING id")
    for role, member in roles.items():
        await database.execute("INSERT INTO album_user (album_id, user_id, role) VALUES ($1, $2, $3)", id, member, role)
    return id


async def asset(database, owner: UUID) -> UUID:
    return await database.fetchval(
        "INSERT INTO asset (owner_id, type, original_key, original_name, checksum, size_bytes, taken_at, local_taken,"
        " file_modified_at, uploaded_taken_at) VALUES ($1, 'IMAGE', gen_random_uuid(), 'a.jpg',"
        " decode(md5(random()::text), 'hex'), 1, now(), now(), now(), now()) RETURNING id",
        owner,
    )


async def told(database) -> list[tuple]:
    """kind, who is told, what, what else; in the order in which they were written."""
    rows = await database.fetch("SELECT kind, owner_id, subject_id, other FROM tombstone ORDER BY id")
    await database.execute("DELETE FROM tombstone")
    return [tuple(row) for row in rows]


async def test_everybody_hears_of_a_person_who_is_gone_and_of_nothing_that_was_theirs(database):
    ada, eve = await user(database, "ada"), await user(database, "eve")
    await database.execute("INSERT INTO user_metadata (user_id, key, value) VALUES ($1, 'license', '{}')", ada)
    await database.execute("INSERT INTO partner (shared_by_id, shared_with_id) VALUES ($1, $2)", ada, eve)
    await told(database)
    await database.execute("DELETE FROM users WHERE id = $1", ada)
    found = await told(database)
    assert ("user", None, ada, None) in found
    assert ("partner", eve, ada, str(eve)) in found
    assert {kind for kind, *_ in found} == {"user", "partner"}


async def test_both_sides_hear_that_sharing_ended(database):
    ada, eve = await user(database, "ada"), await user(database, "eve")
    await database.execute("INSERT INTO partner (shared_by_id, shared_with_id) VALUES ($1, $2)", ada, eve)
    await told(database)
    await database.execute("DELETE FROM partner WHERE shared_by_id = $1", ada)
    assert set(await told(database)) == {("partner", ada, ada, str(eve)), ("partner", eve, ada, str(eve))}


async def test_who_leaves_an_album_loses_it_and_the_others_hear_who_left(database):
    ada, eve = await user(database, "ada"), await user(database, "eve")
    rome = await album(database, owner=ada, viewer=eve)
    await told(database)
    await database.execute("DELETE FROM album_user WHERE user_id = $1", eve)
    assert set(await told(database)) == {("album", eve, rome, None), ("album_user", rome, eve, None)}


async def test_of_a_whole_album_each_member_hears_once(database):
    ada, eve = await user(database, "ada"), await user(database, "eve")
    rome = await album(database, owner=ada, viewer=eve)
    photo = await asset(database, ada)
    await database.execute("INSERT INTO album_asset (album_id, asset_id) VALUES ($1, $2)", rome, photo)
    await told(database)
    await database.execute("DELETE FROM album WHERE id = $1", rome)
    assert sorted(await told(database), key=str) == sorted(
        [("album", ada, rome, None), ("album", eve, rome, None)], key=str
    )


async def test_an_album_that_waits_for_its_end_is_gone_for_its_members(database):
    ada = await user(database, "ada")
    rome = await album(database, owner=ada)
    await told(database)
    await database.execute("UPDATE album SET name = 'Roma' WHERE id = $1", rome)
    assert await told(database) == []
    await database.execute("UPDATE album SET deleted_at = now() WHERE id = $1", rome)
    assert await told(database) == [("album", ada, rome, None)]


async def test_members_hear_of_a_photo_that_was_taken_out(database):
    ada = await user(database, "ada")
    rome, photo = await album(database, owner=ada), await asset(database, ada)
    await database.execute("INSERT INTO album_asset (album_id, asset_id) VALUES ($1, $2)", rome, photo)
    await told(database)
    await database.execute("DELETE FROM album_asset WHERE asset_id = $1", photo)
    assert await told(database) == [("album_asset", rome, photo, None)]


async def test_an_owner_hears_of_stacks_and_of_what_they_no_longer_prefer(database):
    ada = await user(database, "ada")
    photo = await asset(database, ada)
    stack = await database.fetchval(
        "INSERT INTO stack (owner_id, primary_asset_id) VALUES ($1, $2) RETURNING id", ada, photo
    )
    await database.execute("INSERT INTO user_metadata (user_id, key, value) VALUES ($1, 'license', '{}')", ada)
    await told(database)
    await database.execute("DELETE FROM stack WHERE id = $1", stack)
    await database.execute("DELETE FROM user_metadata WHERE user_id = $1", ada)
    assert await told(database) == [("stack", ada, stack, None), ("user_metadata", ada, ada, "license")]
