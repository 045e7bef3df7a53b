"""The nearest vectors: which way leads to them, and the indexes that make the way short.

Postgres' planner would take an index for a small set, where it finds a fraction of what is there. So the way is chosen
here: a small set is compared vector by vector, which is exact; a large one goes through its owner's own index. What is small
depends on the library: through the index, the rarer a set is the more of the others are walked past to find its nearest.
Several owners are searched one by one and merged by distance. Without any index everything still works, only slower.
"""

import heapq
import math
from uuid import UUID

from calotype.core import log
from calotype.core.ids import UserId
from calotype.core.world import World
from calotype.search import condition_store, vector_store
from calotype.search import embedding_store as embeddings
from calotype.search.embedding_store import Index, Model, Standing
from calotype.search.query import Filters, Reach
from calotype.search.vector_store import Near

# Measured by bench/vectors.py, see docs/decisions.
LEAST_LARGE = 8_000  # candidates; comparing fewer is always quick, and misses none
STEP_COST = 2.0  # what a step through an index costs, to compare one vector being 1
INDEX_FROM = 10_000  # vectors of an owner from which an index pays
REBUILD_AT = 2.0  # times the vectors it was built over
DEEPEST = 2_000  # results through an index; who wants more is served by comparing each
LEAST_EF = 400  # how widely an index is searched at first; the most that it can be
MOST_EF = 1_000
MOST_TUPLES = 40_000  # that one search walks through at most, before it gives up on the index
FORGET_AT_ONCE = 5_000
BYTES_A_VECTOR = 1_600  # of building memory, for 512 numbers
LEAST_MIB, MOST_MIB = 64, 2048


async def near(
    world: World, model: Model, query: str, asked: Filters, reach: Reach, *, media_root: str, size: int
) -> list[Near]:
    """The nearest `size` of what matches and may be seen, the nearest first; equally near ones by id."""
    if reach.album_ids:
        return await _each(world, model, query, asked, reach, [], media_root, size)
    owners = [reach.viewer, *reach.partners]
    async with world.glancing() as look:
        indexes = await embeddings.indexes(look, model, owners) if size <= DEEPEST else {}
    parts = [await _of_owner(world, model, query, asked, reach, index, media_root, size) for index in indexes.values()]
    if bare := [owner for owner in owners if owner not in indexes]:
        parts.append(await _each(world, model, query, asked, reach, bare, media_root, size))
    return list(heapq.merge(*parts, key=lambda found: (found.distance, found.id)))[:size]


def most_compared(size: int, vectors: int) -> int:
    """How large a set of an owner may be to be compared one by one, when `size` of its nearest are wanted.

    Of n in N, an index hands out about size * N / n before it has found that many; comparing costs n. Where both cost the
    same is the limit.
    """
    return max(LEAST_LARGE, math.isqrt(round(STEP_COST * size * vectors)))


async def _of_owner(
    world: World, model: Model, query: str, asked: Filters, reach: Reach, index: Index, media_root: str, size: int
) -> list[Near]:
    if asked.conditions or asked.branches:
        where = condition_store.conditions(asked, reach, media_root)
        most = most_compared(size, index.vectors)
        async with world.glancing() as look:
            # What Postgres expects is nearly free, and rarely far off; then the set itself shows how large it is.
            if await vector_store.expected(look, where, owner=index.owner_id) <= most:
                found = await vector_store.each_of_few(
                    look, where, owner=index.owner_id, model=model, query=query, reach=size, most=2 * most
                )
                if found is not None:
                    return found
    return await _through_index(world, model, query, asked, reach, index.owner_id, media_root, size)


async def _each(
    world: World,
    model: Model,
    query: str,
    asked: Filters,
    reach: Reach,
    owners: list[UserId],
    media_root: str,
    size: int,
) -> list[Near]:
    async with world.glancing() as look:
        return await vector_store.each(
            look,
            condition_store.conditions(asked, reach, media_root),
            owners=owners,
            album_ids=list(reach.album_ids),
            model=model,
            query=query,
            reach=size,
        )


async def _through_index(
    world: World, model: Model, query: str, asked: Filters, reach: Reach, owner: UserId, media_root: str, size: int
) -> list[Near]:
    async with world.looking() as look:
        found = await vector_store.through_index(
            look,
            condition_store.conditions(asked, reach, media_root),
            owner=owner,
            model=model,
            query=query,
            reach=size,
            ef_search=min(MOST_EF, max(LEAST_EF, 2 * size)),
            most_tuples=MOST_TUPLES,
        )
    if len(found) < size:  # it gave up before the end, or there are no more: comparing each knows
        return await _each(world, model, query, asked, reach, [owner], media_root, size)
    return found


# Keeping order -----------------------------------------------------------------------------------------------------------


async def tidy(world: World) -> bool:
    """Remove what replaced models left; build, rebuild and drop indexes as libraries grow. Whether there was work."""
    removed = await _remove_leaving(world)
    async with world.glancing() as look:
        model = await embeddings.used(look)
        if model is None:
            return removed
        standing = await embeddings.standing(look)
        noted = await embeddings.indexes_of(look, model.id)
        large = await embeddings.large_owners(look, model, INDEX_FROM)
    changed = removed
    for owner, vectors in large:
        changed |= await _keep_index(world, model, owner, vectors, noted.get(owner), standing)
    for owner in noted.keys() - {owner for owner, _ in large}:
        await _drop_index(world, owner, model.id, noted[owner].name)
        changed = True
    return changed


async def _keep_index(
    world: World, model: Model, owner: UserId, vectors: int, noted: Index | None, standing: dict[str, Standing]
) -> bool:
    name = vector_store.index_name(owner, model)
    found = standing.get(name)
    is_as_now = found is not None and found.is_whole and found.options == vector_store.OPTIONS
    if is_as_now and noted is not None and vectors < noted.vectors * REBUILD_AT:
        return False
    memory_mib = min(MOST_MIB, max(LEAST_MIB, vectors * BYTES_A_VECTOR * model.dimensions // 512 // 2**20))
    log.say("index-begun", vectors=vectors)
    if found and found.is_whole and not is_as_now:
        async with world.writing() as tx:  # it serves meanwhile; if the building is cut off, it is begun again
            await embeddings.note_index(tx, owner, model.id, name, 0)
    async with world.glancing() as look:
        if found and found.is_whole:
            await vector_store.rebuild(look, owner, model, memory_mib=memory_mib)
        else:
            if found:  # what an interrupted building left
                await vector_store.drop(look, name)
            await vector_store.build(look, owner, model, memory_mib=memory_mib)
    async with world.writing() as tx:
        await embeddings.note_index(tx, owner, model.id, name, vectors)
    log.say("index-built", vectors=vectors)
    return True


async def _drop_index(world: World, owner: UUID, model_id: int, name: str) -> None:
    async with world.writing() as tx:  # first nobody uses it any more
        await embeddings.forget_index(tx, owner, model_id)
    async with world.glancing() as look:
        await vector_store.drop(look, name)


async def _remove_leaving(world: World) -> bool:
    async with world.glancing() as look:
        leaving = await embeddings.leaving(look)
        if leaving is None:
            return False
        noted = await embeddings.indexes_of(look, leaving)
    for owner, index in noted.items():
        await _drop_index(world, owner, leaving, index.name)
    gone = True
    while gone:
        async with world.writing() as tx:
            gone = await embeddings.forget_some(tx, leaving, FORGET_AT_ONCE) > 0
    return True
