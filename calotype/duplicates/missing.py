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
SETTLE = timedelta(seconds=20)  # younger work may still be between commit and queue
START = UUID(int=0)


async def sweep(world: World, *, settle: timedelta = SETTLE) -> int:
    """Queue a page of what is missing, unless the queue is busy or paused or all is switched off. How many."""
    if not (await current.read(world)).machine_learning.duplicate_detection.enabled:
        return 0
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
    return [Job("AssetDetectDuplicates", QUEUE, {"id": str(id)}) for id in ids]
