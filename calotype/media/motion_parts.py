"""The moving part of a motion photo becomes a hidden video of its own, joined to the still."""

import asyncio
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from calotype.accounts import usage
from calotype.assets import facts_store, leftovers, store, upload
from calotype.assets.asset import AssetHidden, AssetsDeleted
from calotype.core.errors import Offline
from calotype.core.ids import AssetId, UserId, new_id
from calotype.core.ports import Written
from calotype.core.tx import Row, Tx
from calotype.core.world import World
from calotype.media import exif, motion
from calotype.media.events import MotionPartFound
from calotype.outside.tags import Tags
from calotype.storage import paths

CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """A video inside a still. `written`: it was copied into the storage just now; else an asset has its bytes."""

    id: AssetId
    written: Written | None
    world: World

    def belongs_to(self, tx: Tx) -> None:
        """Take the copy away again should the unit of work fail."""
        tx.undo(self._take_back)

    async def is_not_needed(self, tx: Tx) -> None:
        """Take the copy away after commit."""
        if self.written is not None:
            await leftovers.leave(tx, self.world, [self.written.key])

    async def _discard(self) -> None:
        if self.written is not None:
            await upload.discard(self.world, [self.written.key])

    async def _take_back(self) -> None:
        """The commit may have been taken although we never heard so: then a row stands for the copy."""
        with suppress(Offline):
            async with self.world.glancing() as look:
                is_kept = await store.exists(look, self.id)
            if not is_kept:
                await self._discard()


async def find(world: World, row: Row, still: Path, tags: Tags) -> Part | None:
    """Copy the embedded video out, unless its bytes are here already. `None` for a photo that does not move.

    A still whose moving part was uploaded beside it keeps that one.
    """
    if not motion.is_motion_photo(tags) or row["library_id"] is not None or row["has_motion_part"] is False:
        return None
    tail = await asyncio.to_thread(_locate, still, tags)
    if tail is None:
        return None
    owner = UserId(row["owner_id"])
    digest = await asyncio.to_thread(_digest, still, tail)
    async with world.glancing() as look:
        same = await facts_store.same_bytes(look, owner, digest)
    if same is not None:
        return Part(AssetId(same["id"]), None, world)
    id = AssetId(new_id())
    return Part(id, await _copy(world, paths.motion_key(owner, id), still, tail), world)


async def _copy(world: World, key: str, still: Path, tail: motion.Tail) -> Written:
    incoming = await world.files.begin(key)
    try:
        chunks = _chunks(still, tail)
        while chunk := await asyncio.to_thread(next, chunks, b""):
            await incoming.write(chunk)
        return await incoming.finish()
    finally:
        await incoming.abort()


def _locate(still: Path, tags: Tags) -> motion.Tail | None:
    with still.open("rb") as file:
        number = file.fileno()
        return motion.find(tags, os.fstat(number).st_size, lambda at, length: os.pread(number, length, at))


def _digest(still: Path, tail: motion.Tail) -> bytes:
    sha1 = hashlib.sha1(usedforsecurity=False)
    for chunk in _chunks(still, tail):
        sha1.update(chunk)
    return sha1.digest()


def _chunks(still: Path, tail: motion.Tail) -> Iterator[bytes]:
    with still.open("rb") as file:
        file.seek(tail.offset)
        left = tail.length
        while left and (chunk := file.read(min(left, CHUNK_BYTES))):
            yield chunk
            left -= len(chunk)


async def adopt(tx: Tx, row: Row, found: exif.Facts, part: Part, *, now: datetime) -> bool:
    """Join still and part; the facts of a new part are read next. False when the part was removed meanwhile."""
    owner, still, part_id = UserId(row["owner_id"]), AssetId(row["id"]), part.id
    if part.written is None:
        if not await facts_store.hold(tx, part_id):
            return False
    elif await store.insert(tx, _new_row(row, found, part.id, part.written, now)):
        await usage.add_usage(tx, owner, part.written.size)
        tx.tell(MotionPartFound(still, part_id))
    else:  # the same video came in by another way a moment ago
        await part.is_not_needed(tx)
        same = await facts_store.same_bytes(tx, owner, part.written.sha1)
        if same is None:
            return False
        part_id = AssetId(same["id"])
    if await facts_store.link_live(tx, still_id=still, video_id=part_id):
        tx.tell(AssetHidden(owner, part_id))
    former: AssetId | None = row["live_video_id"]
    if former not in (None, part_id) and not await store.is_video_shared(tx, former, still):
        await store.mark_deleted(tx, [former], now)
        tx.tell(AssetsDeleted(owner, (former,)))
    return True


def _new_row(row: Row, found: exif.Facts, id: AssetId, written: Written, now: datetime) -> store.NewRow:
    """Dated like the still, until its own facts are read."""
    return store.NewRow(
        id=id,
        owner_id=UserId(row["owner_id"]),
        kind="VIDEO",
        visibility="hidden",
        is_favorite=False,
        original_key=written.key,
        original_name=f"{PurePosixPath(row['original_name']).stem}.mp4",
        sidecar_key=None,
        checksum=written.sha1,
        proof=written.sha256,
        size_bytes=written.size,
        taken_at=found.taken_at,
        local_taken=found.local_taken.replace(tzinfo=None),
        file_modified_at=now,
        duration_ms=None,
        live_video_id=None,
        is_motion_part=True,
    )
