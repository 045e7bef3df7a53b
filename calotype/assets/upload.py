"""Accept bytes: weigh them against quota and duplicates, make them durable, and only then give them a row.

The file is finished before the row commits, so a row never points at nothing; a row that does not come to be takes its
file with it. No transaction is open while bytes travel.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from calotype.accounts import usage
from calotype.assets import leftovers, store
from calotype.assets.asset import (
    QUOTA_EXCEEDED,
    AssetHidden,
    AssetUploaded,
    Note,
    check_live_video,
    has_room,
    repeated,
)
from calotype.core.errors import Invalid, Problem, Unauthenticated
from calotype.core.ids import AssetId, UserId
from calotype.core.log import say
from calotype.core.ports import Incoming, Written
from calotype.core.tx import Tx
from calotype.core.world import World
from calotype.storage import paths


@dataclass(frozen=True, slots=True)
class Claims:
    """What the uploader says of the file. `notes` by key."""

    name: str
    kind: str
    taken_at: datetime
    modified_at: datetime
    visibility: str = "timeline"
    is_favorite: bool = False
    duration_ms: int | None = None
    live_video_id: AssetId | None = None
    notes: tuple[tuple[str, dict[str, object]], ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """The asset that now stands for the bytes; `is_new` is false for a duplicate."""

    id: AssetId
    is_new: bool


async def accept(
    tx: Tx, world: World, owner: UserId, asset: AssetId, incoming: Incoming, sidecar: bytes | None, claims: Claims
) -> Kept:
    """Keep what arrived, or point at the asset that already has these bytes.

    The caller gives `incoming` up when this raises. Raises `Invalid` for an unfit live video and an exhausted quota,
    `Offline` and `Full` when the bytes cannot be made durable.
    """
    arrived = await incoming.digest()
    if await _weigh(world, owner, arrived, claims) is not None:
        await incoming.abort()
        return await _existing(tx, owner, arrived.sha1)
    written = await incoming.finish(modified_at=claims.modified_at)
    keys = [written.key]
    began = False

    async def take_back() -> None:
        await _take_back(world, owner, asset, keys, in_doubt=began)

    tx.undo(take_back)
    if sidecar is not None:
        keys.append(await _write_sidecar(world, written.key, sidecar))
    row = _row(asset, owner, written, keys[1] if sidecar is not None else None, claims)
    began = True
    if not await store.insert(tx, row):
        # Another upload of the same bytes was faster; ours is not needed.
        await leftovers.leave(tx, world, keys)
        return await _existing(tx, owner, arrived.sha1)
    if not await usage.claim(tx, owner, written.size):
        raise Invalid(QUOTA_EXCEEDED)
    if claims.live_video_id is not None and await store.hide_live_video(tx, claims.live_video_id):
        tx.tell(AssetHidden(owner, claims.live_video_id))
    await store.write_notes(tx, [Note(asset, key, value) for key, value in claims.notes])
    tx.tell(AssetUploaded(asset, owner))
    return Kept(asset, is_new=True)


async def _weigh(world: World, owner: UserId, arrived: Written, claims: Claims) -> AssetId | None:
    """The existing asset with these bytes, if any. Live video, then quota, then duplicate: clients see that order."""
    twice = repeated([(AssetId(owner), key) for key, _ in claims.notes])
    if twice is not None:
        raise Invalid(f'Duplicate items are not allowed: "{twice[1]}"')
    async with world.glancing() as look:
        before = await store.before_upload(look, owner, arrived.sha1, claims.live_video_id)
    if before is None:
        raise Unauthenticated("Invalid user token")
    if claims.live_video_id is not None:
        check_live_video(before.live_video, owner)
    if not has_room(before.quota_bytes, before.usage_bytes, arrived.size):
        raise Invalid(QUOTA_EXCEEDED)
    return before.existing_id


async def _existing(tx: Tx, owner: UserId, checksum: bytes) -> Kept:
    existing = await store.existing(tx, owner, checksum)
    if existing is None:
        raise Invalid("The asset with the same content has just been deleted. Please send the file again.")
    return Kept(existing, is_new=False)


async def _write_sidecar(world: World, original: str, content: bytes) -> str:
    incoming = await world.files.begin(paths.sidecar_key(original))
    try:
        await incoming.write(content)
        return (await incoming.finish()).key
    except BaseException:
        await incoming.abort()
        raise


def _row(id: AssetId, owner: UserId, written: Written, sidecar: str | None, claims: Claims) -> store.NewRow:
    return store.NewRow(
        id=id,
        owner_id=owner,
        kind=claims.kind,
        visibility=claims.visibility,
        is_favorite=claims.is_favorite,
        original_key=written.key,
        original_name=claims.name,
        sidecar_key=sidecar,
        checksum=written.sha1,
        proof=written.sha256,
        size_bytes=written.size,
        taken_at=claims.taken_at,
        local_taken=claims.taken_at.astimezone(UTC).replace(tzinfo=None),
        file_modified_at=claims.modified_at,
        duration_ms=claims.duration_ms,
        live_video_id=claims.live_video_id,
    )


async def _take_back(world: World, owner: UserId, asset: AssetId, keys: list[str], *, in_doubt: bool) -> None:
    """Remove what was stored for a row that did not come to be.

    A connection may die after Postgres took the commit and before we heard of it. So the rows decide, asked when the
    failed unit of work has certainly ended; when they cannot be asked the files stay, for the integrity check to find.
    """
    try:
        if in_doubt:
            async with world.writing() as tx:
                await usage.settle(tx, owner)
                if await store.exists(tx, asset):
                    return
        for key in keys:
            await world.files.remove(key)
    except (Problem, OSError) as reason:
        say("file-left-behind", level=logging.WARNING, asset=asset, reason=type(reason).__name__)


async def discard(world: World, keys: Sequence[str]) -> None:
    """Remove files for which no row came to be; those that cannot be reached now are left to a job."""
    left: list[str] = []
    for key in keys:
        try:
            await world.files.remove(key)
        except Problem:
            left.append(key)
    if not left:
        return
    try:
        async with world.writing() as tx:
            await leftovers.leave_to_job(tx, left)
    except Problem as reason:  # the database is away as well
        say("file-left-behind", level=logging.WARNING, count=len(left), reason=type(reason).__name__)
