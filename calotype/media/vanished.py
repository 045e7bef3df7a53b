"""Previews and encoded videos whose files are gone from the data disk, or are not whole: they are made again.

The rows still name them, so that no sweep asks for them: a disk that was replaced, a restore without what can be made again,
zeros after a power cut. A night looks at every file, slowly enough that nobody waits for the disk because of it.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from calotype.core import log
from calotype.core.ids import AssetId
from calotype.core.jobs import Done, Later, Outcome
from calotype.core.ports import Job
from calotype.core.world import World
from calotype.media import store

FIRST = AssetId(UUID(int=0))
PAGE = 500
SLICE = 20_000  # assets that one job looks at; the next job goes on behind them
FILES_PER_S = 1000.0
QUEUED_AT_MOST = 10_000
FULL_WAIT_S = 300.0

# What makes each type of file, and where.
MAKERS = {
    "thumbnail": ("AssetGenerateThumbnails", "thumbnailGeneration", "previews"),
    "preview": ("AssetGenerateThumbnails", "thumbnailGeneration", "previews"),
    "fullsize": ("AssetGenerateThumbnails", "thumbnailGeneration", "previews"),
    "encoded_video": ("AssetEncodeVideo", "videoConversion", "transcode"),
}
QUEUES = frozenset(queue for _, queue, _ in MAKERS.values())


async def check(world: World, after: AssetId) -> Outcome:
    """Look at the files of a slice of assets in the order of their ids, and queue the next slice.

    Waits while the makers have enough to do: after the loss of a disk everything is missing at once.
    """
    if await _is_full(world):
        return Later(FULL_WAIT_S, "enough is being made already")
    seen = again = 0
    while seen < SLICE:
        async with world.glancing() as look:
            page = await store.page_of_files(look, after, PAGE)
        if not page:
            break
        began = time.monotonic()
        jobs = await _missing(world, page)
        if jobs:
            await world.queue.put(jobs)
        seen, again, after = seen + len(page), again + len(jobs), page[-1].asset_id
        if len(page) < PAGE:
            break
        if await _is_full(world):
            seen = SLICE
        files = sum(len(each.files) for each in page)
        await asyncio.sleep(max(0.0, files / FILES_PER_S - (time.monotonic() - began)))
    if again:
        log.say("derivatives-vanished", found=again)
    if seen >= SLICE:
        await world.queue.put([Job("DerivativesCheck", "backgroundTask", {"after": str(after)})])
    return Done()


async def _is_full(world: World) -> bool:
    for queue in QUEUES:
        counts = await world.queue.counts(queue)
        if counts.waiting + counts.delayed + counts.paused >= QUEUED_AT_MOST:
            return True
    return False


async def _missing(world: World, page: Sequence[store.Derivatives]) -> list[Job]:
    gone = await asyncio.to_thread(_gone, world.config.data, page)
    wanted = {(id, MAKERS[type]) for id, type in gone}
    if not wanted:
        return []
    async with world.glancing() as look:
        # What once could not be made waits for a person.
        given_up = await store.problems_of(look, sorted({id for id, _ in wanted}))
    # Without a source: they are not new, so nobody is told and nothing is recognised again.
    return [
        Job(name, queue, {"id": str(id)}) for id, (name, queue, step) in sorted(wanted) if (id, step) not in given_up
    ]


def _gone(data: Path, page: Sequence[store.Derivatives]) -> list[tuple[AssetId, str]]:
    found: list[tuple[AssetId, str]] = []
    for each in page:
        for type, path, size_bytes in each.files:
            try:
                is_whole = (data / path).stat().st_size == size_bytes
            except (FileNotFoundError, NotADirectoryError):
                is_whole = False
            except OSError:  # the disk has trouble of its own; making files on it would not help
                continue
            if not is_whole:
                found.append((each.asset_id, type))
    return found
