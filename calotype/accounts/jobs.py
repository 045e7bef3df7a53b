"""Background work on accounts: old sessions, people whose days of grace are over, and how much room is used."""

import asyncio
import shutil
from datetime import timedelta
from typing import Any
from uuid import UUID

from calotype.accounts import sessions, store, users
from calotype.core.errors import Offline
from calotype.core.ids import UserId
from calotype.core.jobs import Done, Later, Outcome, Skip, job
from calotype.core.ports import Job
from calotype.core.world import World
from calotype.settings import current
from calotype.storage import paths

AWAY_RETRY_S = 300.0


@job("SessionCleanup", queue="backgroundTask")
async def clean_up_sessions(world: World, data: dict[str, Any]) -> Outcome:
    """End sessions that expired or that nobody used for 90 days."""
    async with world.writing() as tx:
        await sessions.clean_up(tx, world.clock.now())
    return Done()


@job("UserDeleteCheck", queue="backgroundTask")
async def check_removed(world: World, data: dict[str, Any]) -> Outcome:
    """Queue the erasing of everybody whose days of grace are over."""
    before = world.clock.now() - timedelta(days=await _grace_days(world))
    async with world.glancing() as look:
        due = await store.due(look, before)
    if due:
        await world.queue.put([Job("UserDelete", "backgroundTask", {"id": str(id), "force": False}) for id in due])
    return Done()


@job("UserDelete", queue="backgroundTask")
async def erase_user(world: World, data: dict[str, Any]) -> Outcome:
    """Erase someone who was removed: first the rows, then the files. `force`: without waiting for the days of grace.

    Somebody who is no longer there is searched for files all the same: the last run may have been cut off.
    """
    id = UserId(UUID(data["id"]))
    async with world.glancing() as look:
        user = await store.one(look, id)
    if user is not None:
        if user.deleted_at is None:
            return Skip("restored meanwhile")
        grace = timedelta(days=await _grace_days(world))
        if user.status != "removing" and not data.get("force") and user.deleted_at > world.clock.now() - grace:
            return Skip("the days of grace are not over")
        async with world.writing() as tx:
            if not await users.erase(tx, id):
                return Skip("restored meanwhile")
    try:
        await _remove_files(world, id)
    except Offline as away:
        return Later(AWAY_RETRY_S, away.sentence)
    return Done()


@job("UserSyncUsage", queue="backgroundTask")
async def recount_usage(world: World, data: dict[str, Any]) -> Outcome:
    """Count again how much room each person uses."""
    async with world.glancing() as look:
        everybody = await store.ids(look)
    for id in everybody:
        async with world.writing() as tx:
            await store.recount(tx, id)
    return Done()


async def _remove_files(world: World, id: UserId) -> None:
    for prefix in paths.owner_prefixes(id):
        async for key, _ in world.files.list(prefix):
            await world.files.remove(key)
    for folder in paths.owner_folders(world.config.data, id):
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _grace_days(world: World) -> int:
    return (await current.read(world)).user.delete_delay
