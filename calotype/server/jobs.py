"""Doors for the worker."""

from datetime import timedelta
from typing import Any

from calotype.core.jobs import Done, Outcome, job
from calotype.core.world import World
from calotype.server import notice_store, tombstone_store

KEPT = timedelta(days=30)
TOMBSTONES_KEPT = timedelta(days=31)  # a device that was away for longer than 30 days starts its sync over


@job("NotificationsCleanup", queue="backgroundTask")
async def forget_notices(world: World, data: dict[str, Any]) -> Outcome:
    """Forget what was read or removed a month ago."""
    async with world.writing() as tx:
        await notice_store.purge(tx, world.clock.now() - KEPT)
    return Done()


@job("AuditTableCleanup", queue="backgroundTask")
async def forget_tombstones(world: World, data: dict[str, Any]) -> Outcome:
    """Forget what was deleted a month ago: every device that will ever ask has heard of it."""
    before = world.clock.now() - TOMBSTONES_KEPT
    while True:
        async with world.writing() as tx:
            if not await tombstone_store.purge(tx, before):
                return Done()
