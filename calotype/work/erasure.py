"""Erasing a person: photos in batches, then the small rest with the counts of months, then files.

A single statement that takes a million photos along would run into the time limit, and all of it would be rolled back. So
each batch is a unit of work of its own. A run that was cut off is simply run again: the person's row goes last of all rows,
and as long as it stands every night begins anew with what is left.
"""

from datetime import timedelta
from typing import Any
from uuid import UUID

from calotype.accounts import store, users
from calotype.accounts.jobs import grace_days
from calotype.assets import leftovers, trash
from calotype.core.errors import Offline
from calotype.core.ids import UserId
from calotype.core.jobs import Done, Later, Outcome, Skip, job
from calotype.core.world import World
from calotype.outside import derivatives
from calotype.storage import paths
from calotype.storage.roots import require_online
from calotype.timeline import months

AT_ONCE = 2000
AWAY_RETRY_S = 300.0
RESTORED = Skip("restored meanwhile")


@job("UserDelete", queue="backgroundTask")
async def erase_user(world: World, data: dict[str, Any]) -> Outcome:
    """Erase someone who was removed: rows, then files. `force`: without waiting for the days of grace.

    Somebody who is no longer there is searched for files all the same: the last run may have been cut off, and what it left
    is written down until all of it is gone.
    """
    id = UserId(UUID(data["id"]))
    async with world.glancing() as look:
        user = await store.one(look, id)
    if user is not None:
        if user.deleted_at is None:
            return RESTORED
        grace = timedelta(days=await grace_days(world))
        if user.status != "removing" and not data.get("force") and user.deleted_at > world.clock.now() - grace:
            return Skip("the days of grace are not over")
    try:
        require_online(world)
        if user is not None and not await _erase_assets(world, id):
            return RESTORED
        if not await _erase_rest(world, id):
            return RESTORED
        # Not a moment sooner: who is restored half-way still has every file.
        is_gone = await _remove_files(world, id)
    except Offline as away:
        return Later(AWAY_RETRY_S, away.sentence)
    return Done() if is_gone else Later(AWAY_RETRY_S, "a folder in the data folder could not be removed")


async def _erase_assets(world: World, id: UserId) -> bool:
    """False when the person was restored in between: they keep what is left, and the files of all."""
    while True:
        async with world.writing() as tx:
            if not await users.hold_removed(tx, id):
                return False
            removed = await trash.erase_some(tx, id, AT_ONCE)
        if removed == 0:
            return True


async def _erase_rest(world: World, id: UserId) -> bool:
    async with world.writing() as tx:
        if await users.hold_removed(tx, id):
            await users.erase(tx, id)
            await leftovers.leave_everything(tx, id)
        elif await store.one(tx, id) is not None:
            return False
        await months.forget(tx, id)
    return True


async def _remove_files(world: World, id: UserId) -> bool:
    """False while something of theirs is left."""
    for prefix in paths.owner_prefixes(id):
        async for key, _ in world.files.list(prefix):
            await world.files.remove(key)
    gone = [await derivatives.remove_folder(folder) for folder in paths.owner_folders(world.config.data, id)]
    if not all(gone):
        return False
    async with world.writing() as tx:
        await leftovers.forget_everything(tx, id)
    return True
