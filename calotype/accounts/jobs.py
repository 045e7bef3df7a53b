"""Background work on accounts: old sessions, people whose days of grace are over, and how much room is used.

Erasing somebody takes more than accounts: `work/erasure.py`.
"""

from datetime import timedelta
from typing import Any

from calotype.accounts import sessions, store
from calotype.core.jobs import Done, Outcome, job
from calotype.core.ports import Job
from calotype.core.world import World
from calotype.settings import current


@job("SessionCleanup", queue="backgroundTask")
async def clean_up_sessions(world: World, data: dict[str, Any]) -> Outcome:
    """End sessions that expired or that nobody used for 90 days."""
    async with world.writing() as tx:
        await sessions.clean_up(tx, world.clock.now())
    return Done()


@job("UserDeleteCheck", queue="backgroundTask")
async def check_removed(world: World, data: dict[str, Any]) -> Outcome:
    """Queue the erasing of everybody whose days of grace are over."""
    before = world.clock.now() - timedelta(days=await grace_days(world))
    async with world.glancing() as look:
        due = await store.due(look, before)
    if due:
        await world.queue.put([Job("UserDelete", "backgroundTask", {"id": str(id), "force": False}) for id in due])
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


async def grace_days(world: World) -> int:
    """How long somebody who was removed may still be restored."""
    return (await current.read(world)).user.delete_delay
