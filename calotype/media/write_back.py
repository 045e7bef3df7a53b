"""A person's edits into the XMP beside the original, so that they survive us."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from calotype.assets import asset, facts_store, tag_store, upload
from calotype.core.errors import Conflict, Invalid, Missing, Offline
from calotype.core.ids import AssetId, new_id
from calotype.core.jobs import Done, Later, Outcome, Skip
from calotype.core.tx import Row
from calotype.core.world import World
from calotype.media import sidecar, store
from calotype.media.attempt import attempt, note
from calotype.media.events import SidecarWritten
from calotype.outside import xmp
from calotype.storage import paths


async def write_sidecar(world: World, id: AssetId) -> Outcome:
    """Write the locked fields and free them. When the row changed meanwhile, it is written again."""
    async with world.glancing() as look:
        row = await facts_store.to_process(look, id)
        if row is None:
            return Skip("the asset is gone")
        if not row["locked_fields"]:
            return Skip("nothing was edited")
        values = await tag_store.values_of(look, id) if "tags" in row["locked_fields"] else ()
    async with attempt(world, id, "sidecar", row["original_key"]):
        try:
            old = await _existing(world, row)
            packet = await asyncio.to_thread(sidecar.apply_edits, old.content, _edits(row, values))
        except Invalid as error:
            await note(world, id, "sidecar", error.sentence)
            return Skip(error.sentence)
        # Never overwritten: a new file, then the row points to it, then the old one goes. There is always a whole one.
        fresh = paths.sidecar_key(f"{row['original_key']}.{new_id().hex[-8:]}")
        await _put(world, fresh, packet)
        is_current = await _point_to(world, row, old.key, fresh)
        if is_current:
            await _take_usual_name(world, row, old.key, fresh)
    return Done() if is_current else Later(1, "it was edited while it was written")


@dataclass(frozen=True, slots=True)
class _Existing:
    """The sidecar that is there now, if any."""

    key: str | None = None
    content: bytes | None = None


async def _existing(world: World, row: Row) -> _Existing:
    # Under its usual name lies what somebody put there, or what a writer that was cut off did not yet speak of.
    for key in sidecar.candidates(row["original_key"], row["sidecar_key"])[: 2 if row["sidecar_key"] else 1]:
        try:
            size = (await world.files.stat(key)).size
            if size > xmp.MAX_BYTES:
                raise Invalid("The sidecar file is larger than any we read.")
            return _Existing(key, b"".join([chunk async for chunk in world.files.open_range(key, 0, size)]))
        except Missing:
            continue
    return _Existing()


async def _put(world: World, key: str, packet: bytes) -> None:
    incoming = await world.files.begin(key)
    try:
        await incoming.write(packet)
        await incoming.finish()
    finally:
        await incoming.abort()


async def _point_to(world: World, row: Row, old: str | None, fresh: str) -> bool:
    """Let the row point to the new sidecar and free its fields. False when it was edited meanwhile."""
    id, usual = AssetId(row["id"]), paths.sidecar_key(row["original_key"])
    async with world.writing() as tx:
        tx.undo(lambda: _take_back(world, id, fresh))
        is_current = await facts_store.unlock(
            tx, id, written=list(row["locked_fields"]), sidecar_key=fresh, update_id=row["update_id"]
        )
        if is_current:
            await store.solve(tx, id, "sidecar")
            tx.tell(SidecarWritten(id))
        # The usual name is used again and again, so it is only touched by who holds the row (`_take_usual_name`).
        obsolete = sorted({key for key in (old, row["sidecar_key"]) if key} - {usual}) if is_current else [fresh]
        tx.after(lambda: upload.discard(world, obsolete))
    return is_current


async def _take_back(world: World, id: AssetId, key: str) -> None:
    """The commit may have been taken although we never heard so: then the row decides."""
    with suppress(Offline):
        async with world.glancing() as look:
            row = await facts_store.to_process(look, id)
        if row is None or row["sidecar_key"] != key:
            await world.files.remove(key)


async def _take_usual_name(world: World, row: Row, old: str | None, fresh: str) -> None:
    """Other programs look for `<original>.xmp`. Readers know that name too, so that being cut off here does no harm."""
    id, usual = AssetId(row["id"]), paths.sidecar_key(row["original_key"])
    with suppress(Conflict, Missing, Offline):
        async with world.writing() as tx:
            if await facts_store.hold_sidecar(tx, id) != fresh:
                return
            if old == usual:  # all it said is in the fresh one
                await world.files.remove(usual)
            await world.files.move(fresh, usual)
            await facts_store.set_sidecar(tx, id, usual)


def _edits(row: Row, tags: tuple[str, ...]) -> sidecar.Edits:
    locked = set(row["locked_fields"])
    is_known = row["latitude"] is not None and row["longitude"] is not None
    is_moved = bool(locked & {"latitude", "longitude"})
    return sidecar.Edits(
        description=row["description"] if "description" in locked else None,
        taken_at=_moment(row) if locked & {"dateTimeOriginal", "timeZone"} else None,
        position=(row["latitude"], row["longitude"]) if is_moved and is_known else None,
        drops_position=is_moved and not is_known,
        rating=(row["rating"] or 0) if "rating" in locked else None,
        tags=tags if "tags" in locked else None,
    )


def _moment(row: Row) -> datetime | None:
    instant: datetime | None = row["date_time_original"]
    if instant is None:
        return None
    zone = asset.zone_of(row["time_zone"]) if row["time_zone"] else None
    return instant.astimezone(zone) if zone else instant
