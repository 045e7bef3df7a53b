"""Doors for the worker: removing assets and files for good."""

from typing import Any
from uuid import UUID

from calotype.assets import leftovers, store, trash
from calotype.core.errors import Offline
from calotype.core.ids import AssetId
from calotype.core.jobs import Done, Later, Outcome, Skip, job
from calotype.core.ports import Job
from calotype.core.world import World
from calotype.settings import current
from calotype.storage.roots import require_online

PAGE = 1000
WAIT_S = 60


@job("AssetDelete", queue="backgroundTask")
async def delete_asset(world: World, data: dict[str, Any]) -> Outcome:
    """Remove one asset that was marked for it, its moving part too. Waits while its files cannot be reached."""
    try:
        require_online(world)
    except Offline as away:
        return Later(WAIT_S, away.sentence)
    async with world.writing() as tx:
        removed = await trash.remove(tx, world, AssetId(UUID(data["id"])))
    return Done() if removed else Skip("not marked for removal")


@job("AssetEmptyTrash", queue="backgroundTask")
async def empty_trash(world: World, data: dict[str, Any]) -> Outcome:
    """Queue the removal of everything that is marked for it."""
    after: AssetId | None = None
    while True:
        async with world.glancing() as look:
            ids = await store.waiting_for_removal(look, after, PAGE)
        if not ids:
            return Done()
        await world.queue.put([Job("AssetDelete", "backgroundTask", {"id": str(id)}) for id in ids])
        after = ids[-1]


@job("AssetDeleteCheck", queue="backgroundTask")
async def check_deletions(world: World, data: dict[str, Any]) -> Outcome:
    """Mark what lay in the trash for longer than the settings allow, and queue its removal."""
    settings = await current.read(world)
    days = settings.trash.days if settings.trash.enabled else 0
    async with world.writing() as tx:
        await trash.expire(tx, world, days=days)
    return await empty_trash(world, {})


@job("FileDelete", queue="backgroundTask")
async def delete_files(world: World, data: dict[str, Any]) -> Outcome:
    """Remove files that were written down as leftovers; one that a row points to again is left alone."""
    try:
        require_online(world)
        cleared = await leftovers.clear(world, int(data["id"]))
    except Offline as away:
        return Later(WAIT_S, away.sentence)
    return Done() if cleared else Skip("removed already")
