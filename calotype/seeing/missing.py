"""Pictures that were never looked at: found a stretch of the library at a time, so that a million cost no more than few.

Asking Postgres for all of them at once would read the whole library every half minute; so the sweep walks through it
instead and begins again at its end.
"""

from datetime import timedelta
from uuid import UUID

from calotype.core import log
from calotype.core.ports import Job
from calotype.core.world import World
from calotype.search import embed
from calotype.search import embedding_store as embeddings
from calotype.seeing import store
from calotype.seeing.steps import JOB, QUEUE
from calotype.settings import current

STRETCH = 5000
SETTLE = timedelta(seconds=20)  # younger work may still be between commit and queue
START = UUID(int=0)
PLACE_KEY = "seeing:swept-to"
PLACE_S = 7 * 24 * 3600
TIDY_KEY = "seeing:tidied"
TIDY_EVERY_S = 600


async def sweep(world: World, *, settle: timedelta = SETTLE) -> int:
    """Queue what the next stretch lacks, for queues that are idle. How many were queued; nothing while all is off."""
    learning = (await current.read(world)).machine_learning
    steps = [step for step in learning.steps if await _is_idle(world, QUEUE[step])]
    if not steps:
        return 0
    kept = await world.cache.get(PLACE_KEY)
    after = UUID(bytes=kept) if kept and len(kept) == 16 else START
    model = learning.clip.model_name
    async with world.glancing() as look:
        row = await store.stretch(look, after=after, limit=STRETCH, model=model, before=world.clock.now() - settle)
    found = [_job(step, id) for step in steps for id in row[step]]
    if found:
        await world.queue.put(found)
        log.say("swept", step="seeing", found=len(found))
    after = row["last"] or START  # behind the end, begin again
    await world.cache.put(PLACE_KEY, after.bytes, ttl_s=PLACE_S)
    if not found and "embedding" in steps and await world.cache.count(TIDY_KEY, ttl_s=TIDY_EVERY_S) == 1:
        await world.queue.put([Job("EmbeddingsTidy", "search", id="embeddings-tidy")])
    return len(found)


async def queue_all(world: World, step: str, *, every: bool, force: bool = False) -> int:
    """Queue a step for all pictures that lack it, or for `every` one. How many."""
    learning = (await current.read(world)).machine_learning
    after, total = START, 0
    while True:
        async with world.glancing() as look:
            row = await store.stretch(
                look, after=after, limit=STRETCH, model=learning.clip.model_name, before=world.clock.now()
            )
        if row["last"] is None:
            return total
        ids = row["every"] if every else row[step]
        await world.queue.put([_job(step, id, force=force) for id in ids])
        after, total = row["last"], total + len(ids)


async def settle_model(world: World) -> bool:
    """Let the wanted model answer searches once it has seen everything. Whether that happened now."""
    learning = (await current.read(world)).machine_learning
    if "embedding" not in learning.steps:
        return False
    wanted = learning.clip.model_name
    async with world.glancing() as look:
        models = await embeddings.models(look)
    if all(model.name == wanted for model in models) or not await _is_idle(world, QUEUE["embedding"]):
        return False
    is_known = any(model.name == wanted for model in models)
    is_complete = is_known and await _is_complete(world, wanted)
    async with world.writing() as tx:
        return await embed.settle(tx, wanted, is_complete=is_complete) is not None


async def _is_complete(world: World, model: str) -> bool:
    after = START
    while True:
        async with world.glancing() as look:
            row = await store.stretch(look, after=after, limit=STRETCH, model=model, before=world.clock.now())
        if row["embedding"]:
            return False
        if row["last"] is None:
            return True
        after = row["last"]


async def _is_idle(world: World, queue: str) -> bool:
    counts = await world.queue.counts(queue)
    if counts.active + counts.waiting + counts.delayed + counts.paused > 0:
        return False
    return not await world.queue.is_paused(queue)


def _job(step: str, id: UUID, *, force: bool = False) -> Job:
    return Job(JOB[step], QUEUE[step], {"id": str(id), **({"force": True} if force else {})})
