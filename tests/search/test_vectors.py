"""Which way leads to the nearest vectors, and that each finds the same."""

import random
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest

from calotype.core.ids import UserId
from calotype.core.world import World
from calotype.search import condition_store, embedding_store, vector_store, vectors
from calotype.search.query import Condition, Filters, Reach
from tests.api.conftest import ada, api_pool, application, eve, house

__all__ = ["ada", "api_pool", "application", "eve", "house"]
COUNT = 400


async def fill(house, owner: UUID, count: int = COUNT) -> None:
    """Photos with vectors of eight numbers, every tenth of them in Rome."""
    await house.sql(
        """INSERT INTO asset (id, owner_id, type, original_key, original_name, checksum, size_bytes, taken_at, local_taken,
                              file_modified_at, uploaded_taken_at, city)
           SELECT gen_random_uuid(), $1::uuid, 'IMAGE', 'k', 'n', decode(md5($1::uuid::text || n::text), 'hex'), 1, now(),
                  now(), now(), now(), CASE WHEN n % 10 = 0 THEN 'Rome' END
             FROM generate_series(1, $2) AS n""",
        owner,
        count,
    )
    rnd = random.Random(str(owner))
    ids = [row["id"] for row in await house.sql("SELECT id FROM asset WHERE owner_id = $1", owner)]
    texts = [str([rnd.gauss(0, 1) for _ in range(8)]) for _ in ids]
    await house.sql(
        """INSERT INTO embedding (asset_id, model_id, owner_id, vector)
           SELECT given.id, model.id, $3, given.vector::halfvec FROM embedding_model AS model,
                  unnest($1::uuid[], $2::text[]) AS given(id, vector)""",
        ids,
        texts,
        owner,
    )


QUERY = "[1,0.5,0,0,0,0,0,0.2]"
NOTHING = Filters()
ROME = Filters((Condition("city", "eq", "Rome"),))


@pytest.fixture
async def model(house, ada, monkeypatch):
    """A library large enough for an index, by this test's measure."""
    await house.sql("TRUNCATE embedding_model CASCADE")
    await house.sql("INSERT INTO embedding_model (name, dimensions, state) VALUES ('eight', 8, 'used')")
    await fill(house, ada.id)
    monkeypatch.setattr(vectors, "INDEX_FROM", 300)
    async with house.world.glancing() as look:
        yield await embedding_store.used(look)
    await vectors_gone(house)


async def vectors_gone(house) -> None:
    for row in await house.sql(
        "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = 'embedding'::regclass"
    ):
        if row["name"].startswith("embedding_near_"):
            await house.sql(f"DROP INDEX {row['name']}")
    await house.sql("TRUNCATE embedding_model CASCADE")


async def near(world: World, model, *people: UUID, asked: Filters = NOTHING, size: int = 20) -> list[UUID]:
    viewer, *partners = (UserId(person) for person in people)
    found = await vectors.near(world, model, QUERY, asked, Reach(viewer, tuple(partners)), media_root="/", size=size)
    assert [each.distance for each in found] == sorted(each.distance for each in found)
    return [each.id for each in found]


async def standing(house) -> dict[str, embedding_store.Standing]:
    async with house.world.glancing() as look:
        return await embedding_store.standing(look)


async def test_a_large_library_gets_an_index_and_finds_the_same_through_it(house, ada, model):
    exact = await near(house.world, model, ada.id)
    assert await vectors.tidy(house.world)
    assert list((await standing(house)).values()) == [embedding_store.Standing(True, vector_store.OPTIONS)]
    assert await near(house.world, model, ada.id) == exact
    assert not await vectors.tidy(house.world), "nothing more to do"


async def test_the_index_is_really_used(house, ada, model):
    await vectors.tidy(house.world)
    (row,) = await house.sql("SELECT name FROM embedding_index")
    await near(house.world, model, ada.id)
    # Each connection hands in its counts when it is told to, or after a second.
    for _ in range(3):
        await house.sql("SELECT pg_stat_force_next_flush()")
    (used,) = await house.sql("SELECT idx_scan FROM pg_stat_user_indexes WHERE indexrelname = $1", row["name"])
    assert used["idx_scan"] >= 1


async def test_a_small_set_is_compared_one_by_one_and_a_large_one_through_the_index(house, ada, model, monkeypatch):
    exact = await near(house.world, model, ada.id, asked=ROME)
    await vectors.tidy(house.world)
    assert await near(house.world, model, ada.id, asked=ROME) == exact
    monkeypatch.setattr(vectors, "LEAST_LARGE", 0)
    monkeypatch.setattr(vectors, "STEP_COST", 0)
    assert await near(house.world, model, ada.id, asked=ROME) == exact


async def test_a_set_that_is_larger_than_expected_goes_through_the_index_after_all(house, ada, model, monkeypatch):
    exact = await near(house.world, model, ada.id, asked=ROME)
    await vectors.tidy(house.world)
    monkeypatch.setattr(vectors, "LEAST_LARGE", 5)
    monkeypatch.setattr(vectors, "STEP_COST", 0)

    async def hopeful(look, where, *, owner):
        return 1.0

    monkeypatch.setattr(vectors.vector_store, "expected", hopeful)
    assert await near(house.world, model, ada.id, asked=ROME) == exact


async def test_more_than_may_be_compared_is_told_and_not_compared(house, ada, model):
    where = condition_store.conditions(ROME, Reach(ada.id), "/")
    (row,) = await house.sql("SELECT count(*) AS rome FROM asset WHERE owner_id = $1 AND city = 'Rome'", ada.id)
    async with house.world.glancing() as look:
        asked = {"owner": ada.id, "model": model, "query": QUERY, "reach": 5}
        assert len(await vector_store.each_of_few(look, where, most=row["rome"], **asked)) == 5
        assert await vector_store.each_of_few(look, where, most=row["rome"] - 1, **asked) is None
        assert await vector_store.expected(look, where, owner=ada.id) > 0


def test_the_larger_the_library_the_larger_is_a_small_set():
    limits = [vectors.most_compared(100, library) for library in (10_000, 100_000, 1_000_000)]
    assert limits == sorted(limits)
    assert limits[0] == vectors.LEAST_LARGE
    assert 12_000 < limits[-1] < 16_000


async def test_more_than_there_are_is_all_there_are(house, ada, model):
    await vectors.tidy(house.world)
    assert len(await near(house.world, model, ada.id, size=COUNT * 2)) == COUNT


async def test_owners_with_and_without_an_index_are_merged(house, ada, eve, model):
    await fill(house, eve.id, 50)
    exact = await near(house.world, model, ada.id, eve.id)
    await vectors.tidy(house.world)
    assert len(await standing(house)) == 1
    assert await near(house.world, model, ada.id, eve.id) == exact


async def test_an_index_that_is_gone_slows_nothing_but_the_search(house, ada, model):
    exact = await near(house.world, model, ada.id)
    await vectors.tidy(house.world)
    (row,) = await house.sql("SELECT name FROM embedding_index")
    await house.sql(f"DROP INDEX {row['name']}")
    assert await near(house.world, model, ada.id) == exact
    assert await vectors.tidy(house.world), "and it is built again"
    assert list((await standing(house)).values()) == [embedding_store.Standing(True, vector_store.OPTIONS)]


async def test_a_library_that_doubled_gets_a_new_index_and_one_that_shrank_none(house, ada, model):
    await vectors.tidy(house.world)
    await fill_more(house, ada.id)
    assert await vectors.tidy(house.world)
    (row,) = await house.sql("SELECT vectors FROM embedding_index")
    assert row["vectors"] == COUNT * 2
    await house.sql("DELETE FROM asset WHERE owner_id = $1 AND city IS NULL", ada.id)
    assert await vectors.tidy(house.world)
    assert await standing(house) == {}


async def fill_more(house, owner: UUID) -> None:
    await house.sql("UPDATE asset SET checksum = decode(md5(id::text), 'hex') WHERE owner_id = $1", owner)
    before = {row["id"] for row in await house.sql("SELECT id FROM asset WHERE owner_id = $1", owner)}
    await house.sql("DELETE FROM embedding WHERE owner_id = $1", owner)
    await fill(house, owner)
    assert len(before) == COUNT


async def test_an_index_of_an_older_release_is_built_as_it_is_built_now(house, ada, model):
    await vectors.tidy(house.world)
    (name,) = await standing(house)
    await house.sql(f"ALTER INDEX {name} SET (ef_construction = 64)")
    exact = await near(house.world, model, ada.id)
    assert await vectors.tidy(house.world)
    assert await standing(house) == {name: embedding_store.Standing(True, vector_store.OPTIONS)}
    assert await near(house.world, model, ada.id) == exact
    assert not await vectors.tidy(house.world), "nothing more to do"


async def test_a_building_anew_that_was_cut_off_is_begun_again(house, ada, model, monkeypatch):
    await vectors.tidy(house.world)
    (name,) = await standing(house)
    await house.sql(f"ALTER INDEX {name} SET (ef_construction = 64)")
    with monkeypatch.context() as patch:
        patch.setattr(vector_store, "_REBUILD", "SELECT 1 / 0 AS {name}")
        with pytest.raises(asyncpg.DivisionByZeroError):
            await vectors.tidy(house.world)
    exact = await near(house.world, model, ada.id)
    assert await vectors.tidy(house.world)
    assert await near(house.world, model, ada.id) == exact
    assert not await vectors.tidy(house.world), "nothing more to do"


async def test_what_a_replaced_model_left_is_removed(house, ada, model):
    await vectors.tidy(house.world)
    async with house.world.writing() as tx:
        new = await embedding_store.add_model(tx, "other", 8)
        assert new.state == "coming"
        await embedding_store.replace_used(tx, model, new)
    assert await vectors.tidy(house.world)
    assert [row["name"] for row in await house.sql("SELECT name FROM embedding_model")] == ["other"]
    assert await house.sql("SELECT FROM embedding") == []
    assert await standing(house) == {}
    assert replace(new, state="used") == (await one_model(house))


async def one_model(house):
    async with house.world.glancing() as look:
        return await embedding_store.used(look)
