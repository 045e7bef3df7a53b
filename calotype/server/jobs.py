"""Doors for the worker."""

from datetime import timedelta
from typing import Any

from calotype.core.jobs import Done, Outcome, job
from calotype.core.world import World
from calotype.server import notice_store

KEPT = timedelta(days=30)


@job("NotificationsCleanup", queue="backgroundTask")
async def forget_notices(world: World, data: dict[str, Any]) -> Outcome:
    """Forget what was read or removed a month ago."""
    async with world.writing() as tx:
        await notice_store.purge(tx, world.clock.now() - KEPT)
    return Done()
