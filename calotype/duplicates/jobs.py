"""Doors for the worker."""

from typing import Any
from uuid import UUID

from calotype.core.ids import AssetId
from calotype.core.jobs import Done, Outcome, Skip, job
from calotype.core.world import World
from calotype.duplicates import find, missing
from calotype.settings import current


@job("AssetDetectDuplicates", queue=missing.QUEUE)
async def compare(world: World, data: dict[str, Any]) -> Outcome:
    """Compare an asset with the rest of its owner's library."""
    return await find.compare(world, AssetId(UUID(data["id"])))


@job("AssetDetectDuplicatesQueueAll", queue=missing.QUEUE)
async def compare_all(world: World, data: dict[str, Any]) -> Outcome:
    """Queue what was not compared yet; `force`: everything, dismissed groups too."""
    if not (await current.read(world)).machine_learning.duplicate_detection.enabled:
        return Skip("the detection of duplicates is switched off")
    found = await missing.queue_all(world, force=bool(data.get("force")))
    return Done() if found else Skip("nothing is missing")
