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
    """Compare an asset, or many (`ids`), with the rest of their owner's library."""
    texts: list[str] = data.get("ids") or [data["id"]]
    return await find.compare(world, [AssetId(UUID(text)) for text in texts])


@job("AssetDetectDuplicatesQueueAll", queue=missing.QUEUE)
async def compare_all(world: World, data: dict[str, Any]) -> Outcome:
    """Queue what was not compared yet; `force`: everything, dismissed groups too."""
    if not (await current.read(world)).machine_learning.duplicate_detection.enabled:
        return Skip("the detection of duplicates is switched off")
    found = await missing.queue_all(world, force=bool(data.get("force")))
    return Done() if found else Skip("nothing is missing")
