"""A person's edits into the XMP beside the original, and who they said is in it, so that both survive us."""

import asyncio
import hashlib
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from calotype.assets import asset, facts_store, leftovers, tag_store
from calotype.core.errors import Conflict, Invalid, Missing, Offline
from calotype.core.ids import AssetId, new_id
from calotype.core.jobs import Done, Later, Outcome, Skip
from calotype.core.tx import Row
from calotype.core.world import World
from calotype.media import names, sidecar, store
from calotype.media.attempt import attempt, note
from calotype.media.events import SidecarWritten
from calotype.outside import xmp
from calotype.storage import paths


async def write_sidecar(world: World, id: AssetId) -> Outcome:
    """Write the locked fields and free them, and names that changed. What changed meanwhile is written again."""
    async with world.glancing() as look:
        row = await facts_store.to_process(look, id)
        if row is None:
            return Skip("the asset is gone")
    # A writer that was cut off may have left the name to us; what lies there now is then older than what the row names.
    is_cut_off = _made_from(row["original_key"], row["sidecar_key"]) is not None
    if is_cut_off and await take_usual_name(world, id, row["original_key"]):
        async with world.glancing() as look:
            row = await facts_store.to_process(look, id)
        if row is None:
            return Skip("the asset is gone")
        if not row["locked_fields"] and await names.to_write(world, row) is None:
            return Done()
    who = await names.to_write(world, row)
    if not row["locked_fields"] and who is None:
        return Skip("nothing was edited")
    async with world.glancing() as look:
        values = await tag_store.values_of(look, id) if "tags" in row["locked_fields"] else ()
    async with attempt(world, id, "sidecar", row["original_key"]):
        try:
            old = await _existing(world, row)
            change = await names.change(world, row, who, old.content) if who else None
            edits = _with_names(_edits(row, values), change)
            if not row["locked_fields"] and change is None:
                return await _is_said(world, row, who)
            packet = await asyncio.to_thread(sidecar.apply_edits, old.content, edits)
        except Invalid as error:
            await note(world, id, "sidecar", error.sentence)
            return Skip(error.sentence)
        # Never overwritten: a new file, then the row points to it, then the old one goes. There is always a whole one.
        fresh = paths.sidecar_key(f"{row['original_key']}.{_mark(old.content)}{new_id().hex[-8:]}")
        await _put(world, fresh, packet)
        written = _Written(fresh, packet, who, change)
        outcome = await _point_to(world, row, old.key, written)
        if outcome != EDITED_MEANWHILE:
            await take_usual_name(world, id, row["original_key"])
    return outcome


EDITED_MEANWHILE = Later(1, "it was edited while it was written")
RENAMED_MEANWHILE = Later(1, "somebody was renamed while it was written")


@dataclass(frozen=True, slots=True)
class _Written:
    """A new sidecar: where it lies, what it says, and whose names are in it."""

    key: str
    packet: bytes
    who: names.Names | None
    change: names.Change | None


async def _is_said(world: World, row: Row, who: names.Names | None) -> Outcome:
    """The sidecar names exactly who is known here."""
    async with world.writing() as tx:
        is_so = who is None or await names.keep(tx, row, who, None, None)
        await store.solve(tx, AssetId(row["id"]), "sidecar")
    return Done() if is_so else RENAMED_MEANWHILE


@dataclass(frozen=True, slots=True)
class _Existing:
    """The sidecar that is there now, if any."""

    key: str | None = None
    content: bytes | None = None


async def _existing(world: World, row: Row) -> _Existing:
    # Under its usual name lies what somebody put there, or what a writer that was cut off did not yet speak of.
    for key in sidecar.candidates(row["original_key"], row["sidecar_key"])[: 2 if row["sidecar_key"] else 1]:
        content = await _content(world, key)
        if content is not None:
            return _Existing(key, content)
    return _Existing()


async def _content(world: World, key: str) -> bytes | None:
    """What a sidecar says, if it is there. Raises `Invalid` for one that is larger than any."""
    try:
        size = (await world.files.stat(key)).size
        if size > xmp.MAX_BYTES:
            raise Invalid("The sidecar file is larger than any we read.")
        return b"".join([chunk async for chunk in world.files.open_range(key, 0, size)])
    except Missing:
        return None


async def _put(world: World, key: str, packet: bytes) -> None:
    incoming = await world.files.begin(key)
    try:
        await incoming.write(packet)
        await incoming.finish()
    finally:
        await incoming.abort()


async def _point_to(world: World, row: Row, old: str | None, new: _Written) -> Outcome:
    """Let the row point to the new sidecar and free its fields. Not when it was edited meanwhile."""
    id, usual = AssetId(row["id"]), paths.sidecar_key(row["original_key"])
    are_names_current = True
    async with world.writing() as tx:
        tx.undo(lambda: _take_back(world, id, new.key))
        is_current = await facts_store.unlock(
            tx, id, written=list(row["locked_fields"]), sidecar_key=new.key, update_id=row["update_id"]
        )
        if is_current:
            await store.solve(tx, id, "sidecar")
            if new.who is not None:
                are_names_current = await names.keep(tx, row, new.who, new.change, new.packet)
            if row["locked_fields"]:  # names alone change nothing that is read from there
                tx.tell(SidecarWritten(id))
        # The usual name is used again and again, so it is only touched by who holds the row (`take_usual_name`).
        obsolete = sorted({key for key in (old, row["sidecar_key"]) if key} - {usual}) if is_current else [new.key]
        await leftovers.leave(tx, world, obsolete)
    if not is_current:
        return EDITED_MEANWHILE
    return Done() if are_names_current else RENAMED_MEANWHILE


async def _take_back(world: World, id: AssetId, key: str) -> None:
    """The commit may have been taken although we never heard so: then the row decides."""
    with suppress(Offline):
        async with world.glancing() as look:
            row = await facts_store.to_process(look, id)
        if row is None or row["sidecar_key"] != key:
            await world.files.remove(key)


async def take_usual_name(world: World, id: AssetId, original: str) -> bool:
    """Other programs look for `<original>.xmp`: move what the row names there. Whether that was to be done, and was.

    Readers know both names, so that being cut off anywhere in here does no harm, and doing it again completes it. What lies
    there goes only if it is, to the byte, what the new one was made from; anything else is somebody's work, and stays.
    """
    usual = paths.sidecar_key(original)
    with suppress(Conflict, Invalid, Missing, Offline):
        async with world.writing() as tx:
            fresh = await facts_store.hold_sidecar(tx, id)
            made_from = _made_from(original, fresh)
            if fresh is None or made_from is None:
                return False
            there = await _content(world, usual)
            if there is None:
                await world.files.move(fresh, usual)
            elif await _content(world, fresh) is not None:
                if _mark(there) != made_from:
                    return False
                await world.files.remove(usual)
                await world.files.move(fresh, usual)
            await facts_store.set_sidecar(tx, id, usual)
        return True
    return False


def _mark(content: bytes | None) -> str:
    """Tells in the name of a new sidecar which one it was made from."""
    return hashlib.sha256(content or b"").hexdigest()[:8]


def _made_from(original: str, key: str | None) -> str | None:
    """The mark in a name that we gave; `None` for any other name."""
    found = re.fullmatch(re.escape(original) + r"\.([0-9a-f]{8})[0-9a-f]{8}\.xmp", key or "")
    return found[1] if found else None


def _with_names(edits: sidecar.Edits, change: names.Change | None) -> sidecar.Edits:
    return edits if change is None else replace(edits, regions=change.regions, persons=change.persons)


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
