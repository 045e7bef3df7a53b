"""The number of faces that everybody shows is right at every moment, written down or not."""

import pytest

from calotype.core.sql import sql
from calotype.people import people, person_store, tally_store
from tests.faces import face_of, fold, is_on_while_counting, made

SHOWN = "person_id IS NOT NULL AND is_visible AND deleted_at IS NULL AND place = 't'"
READ = sql("WITH " + tally_store.COUNTED + " SELECT person_id, faces FROM counted")


@pytest.fixture
async def tally(house, ada):
    """Asks for Ada's numbers and compares them with counting, before and after they are written down."""

    async def ask() -> dict[str, int]:
        counted = await house.sql(
            f"SELECT person_id, count(*) AS faces FROM face WHERE owner_id = $1 AND {SHOWN} GROUP BY 1", ada.id
        )
        right = {row["person_id"]: row["faces"] for row in counted}
        for _ in range(2):
            async with house.world.glancing() as look:
                read = {row["person_id"]: row["faces"] for row in await look.all(READ, owner_id=ada.id)}
            assert read == right
            await fold(house)
        kept = await house.sql("SELECT person_id, faces FROM person_tally WHERE owner_id = $1", ada.id)
        assert {row["person_id"]: row["faces"] for row in kept} == right
        assert await house.sql("SELECT FROM person_change") == []
        return {row["name"]: right.get(row["id"], 0) for row in await house.sql("SELECT id, name FROM person")}

    return ask


async def on(house, faces, owner, person):
    """A new photo of this person."""
    asset = await faces.photo(owner, "somebody")
    await house.sql("UPDATE face SET person_id = $1 WHERE asset_id = $2", person, asset)
    return asset


async def test_faces_count_for_who_they_are_given_to(house, ada, faces, tally, ann):
    bob = await made(house, ada, "Bob")
    assert await tally() == {"Ann": 0, "Bob": 0}
    for _ in range(3):
        await on(house, faces, ada, ann)
    photo = await on(house, faces, ada, bob)
    assert await tally() == {"Ann": 3, "Bob": 1}
    async with house.world.writing() as tx:
        await people.say_who(tx, ada.id, [await face_of(house, photo)], ann)
    assert await tally() == {"Ann": 4, "Bob": 0}


async def test_what_is_not_on_the_timeline_does_not_count(house, ada, faces, tally, ann):
    photos = [await on(house, faces, ada, ann) for _ in range(5)]
    assert await tally() == {"Ann": 5}
    for change in ("visibility = 'archive'", "visibility = 'locked'", "status = 'trashed', deleted_at = now()"):
        await house.sql(f"UPDATE asset SET {change} WHERE id = $1", photos.pop())
    assert await tally() == {"Ann": 2}
    await house.sql("UPDATE asset SET visibility = 'timeline', status = 'active', deleted_at = NULL")
    assert await tally() == {"Ann": 5}


async def test_faces_that_are_taken_away_or_cut_off_do_not_count(house, ada, faces, tally, ann):
    first, second, third, _ = [await on(house, faces, ada, ann) for _ in range(4)]
    async with house.world.writing() as tx:
        await people.take_away(tx, ada.id, await face_of(house, first), for_good=False, now=house.world.clock.now())
        await people.take_away(tx, ada.id, await face_of(house, second), for_good=True, now=house.world.clock.now())
    await house.sql("UPDATE face SET is_visible = false WHERE asset_id = $1", third)
    assert await tally() == {"Ann": 1}
    await house.sql("DELETE FROM asset WHERE id NOT IN ($1, $2)", first, second)
    assert await tally() == {"Ann": 0}


async def test_who_is_gone_is_counted_no_more(house, ada, faces, tally, ann):
    await on(house, faces, ada, ann)
    await tally()
    async with house.world.writing() as tx:
        await person_store.delete(tx, [ann])
    assert await tally() == {}


async def test_a_change_that_is_not_committed_yet_is_counted_by_the_next_turn(house, ada, faces, tally, ann):
    await on(house, faces, ada, ann)
    await tally()
    photo = await faces.photo(ada, "somebody")
    await is_on_while_counting(house, ann, photo)
    assert await tally() == {"Ann": 2}


async def test_two_workers_do_not_write_down_each_others_numbers(house, ada, faces, ann):
    await on(house, faces, ada, ann)
    async with house.world.writing() as first:
        await tally_store.fold(first)
        await on(house, faces, ada, ann)
        async with house.world.writing() as second:
            await tally_store.fold(second)  # it is the first one's turn
        assert len(await house.sql("SELECT FROM person_change WHERE person_id = $1", ann)) >= 1
    await fold(house)
    (row,) = await house.sql("SELECT faces FROM person_tally WHERE person_id = $1", ann)
    assert row["faces"] == 2
