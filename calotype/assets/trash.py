"""Throw away, restore, empty, and remove for good."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from calotype.accounts import usage
from calotype.assets import leftovers, store
from calotype.assets.asset import (
    AssetGone,
    AssetsDeleted,
    AssetsRestored,
    AssetsTrashed,
    Status,
    TrashEmptied,
)
from calotype.core.ids import AssetId, UserId
from calotype.core.tx import Row, Tx
from calotype.core.world import World


async def throw_away(tx: Tx, world: World, ids: Sequence[AssetId], *, for_good: bool) -> None:
    """Into the trash, or (`for_good`) marked for removal by a job."""
    now = world.clock.now()
    if for_good:
        for owner, gone in _by_owner(await store.mark_deleted(tx, ids, now)):
            tx.tell(AssetsDeleted(owner, gone))
    else:
        for owner, gone in _by_owner(await store.trash(tx, ids, now)):
            tx.tell(AssetsTrashed(owner, gone))


async def restore(tx: Tx, ids: Sequence[AssetId]) -> None:
    """Take assets back out of the trash; those that are not in it stay as they are."""
    for owner, back in _by_owner(await store.restore(tx, ids)):
        tx.tell(AssetsRestored(owner, back))


async def restore_all(tx: Tx, owner: UserId) -> int:
    """Take everything back; how many."""
    back = await store.restore_all(tx, owner)
    if back:
        tx.tell(AssetsRestored(owner, tuple(back)))
    return len(back)


async def empty(tx: Tx, owner: UserId) -> int:
    """Mark the whole trash for removal; how many."""
    count = await store.empty(tx, owner)
    if count:
        tx.tell(TrashEmptied(owner))
    return count


async def expire(tx: Tx, world: World, *, days: int) -> int:
    """Mark for removal what has been in the trash for longer; how many."""
    return await store.expire(tx, world.clock.now() - timedelta(days=days))


async def remove(tx: Tx, world: World, id: AssetId) -> bool:
    """Remove a marked asset: row first, files once the row is gone for good. False when there is nothing to remove.

    A crash in between leaves files that are written down as leftovers, never a row without its file.
    """
    row = await store.for_removal(tx, id)
    if row is None or row["status"] != Status.DELETED:
        return False
    await _remove_row(tx, world, row)
    video: AssetId | None = row["live_video_id"]
    if video is not None and not await store.is_video_shared(tx, video, id):
        part = await store.for_removal(tx, video)
        if part is not None:
            await _remove_row(tx, world, part)
    return True


async def erase_some(tx: Tx, owner: UserId, limit: int) -> int:
    """Remove rows of an owner who is being erased; how many, 0 when none are left.

    Nobody is told and no file is touched: all the owner's files go at once when the rows are gone.
    """
    return await store.remove_some_of(tx, owner, limit)


async def _remove_row(tx: Tx, world: World, row: Row) -> None:
    id, owner = AssetId(row["id"]), UserId(row["owner_id"])
    made = await store.made_from(tx, id)
    if row["leads_stack"]:
        await store.leave_stack(tx, id, row["stack_id"])
    await store.remove(tx, id)
    if row["library_id"] is None:
        await usage.add_usage(tx, owner, -row["size_bytes"])
    keys = [] if row["is_offline"] else [key for key in (row["original_key"], row["sidecar_key"]) if key]
    tx.tell(AssetGone(owner, id))
    await leftovers.leave(tx, world, keys, made=made)


def _by_owner(rows: Iterable[Row]) -> list[tuple[UserId, tuple[AssetId, ...]]]:
    found: dict[UserId, list[AssetId]] = {}
    for row in rows:
        found.setdefault(row["owner_id"], []).append(row["id"])
    return [(owner, tuple(ids)) for owner, ids in found.items()]
