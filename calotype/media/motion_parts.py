"""The moving part of a motion photo becomes a hidden video of its own, joined to the still."""

import asyncio
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from calotype.accounts import usage
from calotype.assets import facts_store, store
from calotype.assets.asset import AssetHidden
from calotype.core.ids import AssetId, UserId, new_id
from calotype.core.ports import Written
from calotype.core.tx import Row, Tx
from calotype.core.world import World
from calotype.media import motion
from calotype.media.events import MotionPartFound
from calotype.outside.tags import Tags
from calotype.storage import paths

CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Part:
    """A video that was copied out of a still and lies in the storage, or was there already (`written` is `None`)."""

    id: AssetId
    written: Written | None
    is_new: bool
    world: World


async def find(world: World, row: Row, still: Path, tags: Tags) -> Part | None:
    """Copy the embedded video out, unless it was before. `None` for a photo that does not move."""
    if not motion.is_motion_photo(tags) or row["library_id"] is not None:
        return None
    tail = await asyncio.to_thread(_locate, still, tags)
    if tail is None:
        return None
    owner, id = UserId(row["owner_id"]), AssetId(new_id())
    incoming = await world.files.begin(paths.motion_key(owner, id))
    try:
        with still.open("rb") as file:
            left, at = tail.length, tail.offset
            while left:
                chunk = await asyncio.to_thread(os.pread, file.fileno(), min(left, CHUNK_BYTES), at)
                if not chunk:
                    return None
                await incoming.write(chunk)
                left, at = left - len(chunk), at + len(chunk)
        digest = await incoming.digest()
        async with world.glancing() as look:
            same = await facts_store.same_bytes(look, owner, digest.sha1)
        if same is not None:
            return Part(AssetId(same["id"]), None, is_new=False, world=world)
        return Part(id, await incoming.finish(), is_new=True, world=world)
    finally:
        await incoming.abort()


def _locate(still: Path, tags: Tags) -> motion.Tail | None:
    with still.open("rb") as file:
        number = file.fileno()
        return motion.find(tags, os.fstat(number).st_size, lambda at, length: os.pread(number, length, at))


async def adopt(tx: Tx, row: Row, part: Part, *, now: datetime) -> None:
    """Join still and part; the part's own facts are read next. A part that lost its still before is reused."""
    owner, still = UserId(row["owner_id"]), AssetId(row["id"])
    part_id = part.id
    if part.written is not None:
        key, files = part.written.key, part.world.files
        tx.undo(lambda: files.remove(key))
        made = await store.insert(
            tx,
            store.NewRow(
                id=part.id,
                owner_id=owner,
                kind="VIDEO",
                visibility="hidden",
                is_favorite=False,
                original_key=key,
                original_name=f"{PurePosixPath(row['original_name']).stem}.mp4",
                sidecar_key=None,
                checksum=part.written.sha1,
                proof=part.written.sha256,
                size_bytes=part.written.size,
                taken_at=row["taken_at"],
                local_taken=row["local_taken"],
                file_modified_at=now,
                duration_ms=None,
                live_video_id=None,
                is_motion_part=True,
            ),
        )
        if made:
            await usage.add_usage(tx, owner, part.written.size)
            tx.tell(MotionPartFound(still, part.id))
        else:  # the same video came in by another way a moment ago
            tx.after(lambda: files.remove(key))
            same = await facts_store.same_bytes(tx, owner, part.written.sha1)
            if same is None:
                return
            part_id = AssetId(same["id"])
    if await facts_store.link_live(tx, still_id=still, video_id=part_id):
        tx.tell(AssetHidden(owner, part_id))
