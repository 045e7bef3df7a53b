"""What was not compared yet. New likenesses and vectors leave a note of themselves, so that asking costs next to nothing."""

from datetime import timedelta
from uuid import UUID

from calotype.assets import merge
from calotype.core import log
from calotype.core.ids import AssetId
from calotype.core.ports import Job
from calotype.core.world import World
from calotype.duplicates import store
from calotype.settings import current

QUEUE = "duplicateDetection"
PAGE = 5000
AT_ONCE = 100  # compared by one job
GATHER = timedelta(seconds=3)  # so that an import is compared by the hundred
SEEN_BY_THEN = timedelta(seconds=20)  # a model that looks at pictures should have seen it by then
START = UUID(int=0)


async def sweep(world: World, *, settle: timedelta | None = None) -> int:
    """Queue a page of what is missing, unless the queue is busy or paused or all is switched off. How many.

    This is how new assets come to be compared; the younger ones among them wait for company, or for what a model sees
    in them (then they are queued when it has, see `work/pipeline.py`; should it not, they are compared by what is there).
    """
    settings = (await current.read(world)).machine_learning
    if not settings.duplicate_detection.enabled:
        return 0
    if settle is None:
        settle = SEEN_BY_THEN if "embedding" in settings.steps else GATHER
    counts = await world.queue.counts(QUEUE)
    if counts.active + counts.waiting + counts.delayed + counts.paused > 0 or await world.queue.is_paused(QUEUE):
        return 0
    async with world.glancing() as look:
        ids = await store.wanted(look, after=START, before=world.clock.now() - settle, limit=PAGE)
    if ids:
        await world.queue.put(_jobs(ids))
        log.say("swept", step="duplicates", found=len(ids))
    return len(ids)


async def queue_all(world: World, *, force: bool) -> int:
    """Queue what was not compared yet; `force`: everything, and what people dismissed before is judged anew. How many."""
    if force:
        async with world.writing() as tx:
            await store.forget_everything(tx)
            await merge.clear_groups(tx)
    after, total = START, 0
    while True:
        async with world.glancing() as look:
            if force:
                ids = await store.every(look, after=after, limit=PAGE)
            else:
                ids = await store.wanted(look, after=after, before=world.clock.now(), limit=PAGE)
        if not ids:
            return total
        await world.queue.put(_jobs(ids))
        after, total = ids[-1], total + len(ids)


def _jobs(ids: list[AssetId]) -> list[Job]:
    parts = [ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE)]
    return [Job("AssetDetectDuplicates", QUEUE, {"ids": [str(id) for id in part]}) for part in parts]
