"""A file's facts into the database: when, where, with what, how large, and which other file it belongs to."""

import asyncio
import math
from dataclasses import asdict
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, cast

from calotype.assets import facts_store, tags
from calotype.assets.asset import AssetHidden
from calotype.core.errors import Missing
from calotype.core.ids import AssetId, UserId
from calotype.core.jobs import Done, Later, Outcome, Skip
from calotype.core.tx import Row, Tx
from calotype.core.world import World
from calotype.media import exif, geocode, motion_parts, names_store, sidecar, store, zones
from calotype.media.attempt import attempt, note
from calotype.media.events import FacesNamed, FactsRead
from calotype.outside import decoders, video
from calotype.outside.decoders import Undecodable
from calotype.outside.tags import Tags, find_exiftool
from calotype.settings import current
from calotype.storage import paths

SIDECAR_LIMIT_BYTES = 8 * 1024 * 1024
PROBED_PICTURES = frozenset({".gif"})
LARGEST = {"bits_per_sample": 2**15 - 1}
LONGEST_TEXT = 500  # in characters; an index of Postgres refuses more than 2704 bytes
NOT_KEPT = frozenset({"is_dated", "tags", "faces"})


async def read_facts(world: World, id: AssetId, *, source: str | None) -> Outcome:
    """Read the file and write what it says. Fields a person edited stay. Doing it again changes nothing more.

    `source` travels on to what follows. A picture that cannot be read is dated by its upload, of such a video nothing
    is known; why is kept.
    """
    async with world.glancing() as look:
        row = await facts_store.to_process(look, id)
        said = await names_store.regions_said(look, id)
    if row is None:
        return Skip("the asset is gone")
    async with attempt(world, id, "metadata", row["original_key"]):
        try:
            seen = await _look_into(world, row)
        except Missing as error:
            await note(world, id, "metadata", "The original is not where it should be.")
            return Skip(error.sentence)
        if seen.found is None:
            return await _give_up(world, row, seen, source)
        return await _keep(world, row, seen, seen.found, source, said=said)


class _Seen:
    """What a file, its sidecar and its container say together; `found` is `None` for a video nobody can open."""

    def __init__(self, read: "_Read", found: exif.Facts | None, part: motion_parts.Part | None) -> None:
        self.read = read
        self.found = found
        self.part = part


async def _look_into(world: World, row: Row) -> _Seen:
    extension = PurePosixPath(row["original_name"]).suffix.lower()
    is_video = row["type"] == "VIDEO"
    async with world.files.local(row["original_key"]) as path:
        read = await _read(world, path, extension, is_video=is_video)
        if is_video and read.probe is None:
            return _Seen(read, None, None)
        packet = await _sidecar(world, row)
        found = await asyncio.to_thread(_facts, row, read, packet, extension, is_video)
        return _Seen(read, found, None if is_video else await motion_parts.find(world, row, path, read.tags))


async def _give_up(world: World, row: Row, seen: _Seen, source: str | None) -> Outcome:
    id = AssetId(row["id"])
    async with world.writing() as tx:
        if not await facts_store.save_unreadable(tx, id, now=world.clock.now()):
            return Skip("the asset is gone")
        await store.note_problem(tx, id, "metadata", seen.read.fault or "The video cannot be opened.")
        wants_previews = row["visibility"] != "hidden" and row["previews_at"] is None
        tx.tell(FactsRead(id, UserId(row["owner_id"]), source, wants_previews, wants_encoding=False))
    return Done()


async def _keep(
    world: World, row: Row, seen: _Seen, found: exif.Facts, source: str | None, *, said: str | None
) -> Outcome:
    id, owner, now = AssetId(row["id"]), UserId(row["owner_id"]), world.clock.now()
    place = await _place(world, row, found)
    imports_faces = (await current.read(world)).metadata.faces.import_
    async with world.writing() as tx:
        if seen.part is not None:
            seen.part.belongs_to(tx)
        if found.live_photo_cid is not None:
            await facts_store.take_turns(tx, owner, found.live_photo_cid)
        kept = await _write(tx, row, found, seen.read, place, now=now)
        if kept is None:
            if seen.part is not None:
                await seen.part.is_not_needed(tx)
            return Later(1, "its sidecar was replaced while it was read")
        if imports_faces:
            await _name_faces(tx, id, found, said)
        await _join_live(tx, row, found)
        if seen.part is not None and not await motion_parts.adopt(tx, row, found, seen.part, now=now):
            return Later(1, "its moving part was removed while it was read")
        if seen.read.fault is None:
            await store.solve(tx, id, "metadata")
        else:
            await store.note_problem(tx, id, "metadata", seen.read.fault)
        # What is shown depends on the bytes, and on whether it is a panorama; edits beside them change neither.
        is_new = kept["previews_at"] is None or found.projection_type != row["projection_type"]
        video_facts = storable(seen.read.probe.to_json()) if seen.read.probe else None
        encodes = row["type"] == "VIDEO" and (kept["transcode_checked_at"] is None or video_facts != row["video"])
        tx.tell(FactsRead(id, owner, source, is_new and row["visibility"] != "hidden", wants_encoding=encodes))
    return Done()


async def _name_faces(tx: Tx, id: AssetId, found: exif.Facts, said: str | None) -> None:
    """What the file says of faces, unless names are on their way into it, or came there after we read it."""
    is_old = await names_store.regions_said(tx, id) != said or await names_store.version(tx, id) is not None
    if not is_old and await names_store.put_regions(tx, id, [asdict(face) for face in found.faces]):
        tx.tell(FacesNamed(id))


class _Read:
    """What the decoders said of a file."""

    def __init__(self, tags: Tags, probe: video.VideoFacts | None, duration_ms: int | None, fault: str | None) -> None:
        self.tags = tags
        self.probe = probe
        self.duration_ms = duration_ms
        self.fault = fault


async def _read(world: World, path: Path, extension: str, *, is_video: bool) -> _Read:
    pool = decoders.pool(world.config)
    said, probe, fault = {}, None, None
    if is_video or extension in PROBED_PICTURES:
        try:
            probe = await video.probe(pool, path)
        except Undecodable as error:
            fault = error.reason if is_video else None
    if not is_video:
        try:
            said = await pool.run("tags", {"source": str(path), "exiftool": find_exiftool(world.config.exiftool)})
        except Undecodable as error:
            fault = error.reason
    return _Read(said, probe, probe.duration_ms if probe else None, fault)


async def _sidecar(world: World, row: Row) -> bytes | None:
    key: str | None = row["sidecar_key"]
    # Under its usual name: a writer that was cut off had moved it there, and had not yet said so.
    for place in (key, paths.sidecar_key(row["original_key"])) if key else ():
        try:
            size = (await world.files.stat(place)).size
            if size > SIDECAR_LIMIT_BYTES:
                return None
            return b"".join([chunk async for chunk in world.files.open_range(place, 0, size)])
        except Missing:
            continue
    return None


def _facts(row: Row, read: _Read, packet: bytes | None, extension: str, is_video: bool) -> exif.Facts:
    return exif.facts(
        read.tags,
        sidecar.parse(packet) if packet else None,
        read.probe,
        extension=extension,
        is_video=is_video,
        fallback_at=min(row["uploaded_taken_at"], row["file_modified_at"], row["created_at"]),
        zone_at=zones.zone_at,
    )


async def _place(world: World, row: Row, found: exif.Facts) -> geocode.Place:
    settings = await current.read(world)
    is_edited = {"latitude", "longitude"} & set(row["locked_fields"])
    latitude, longitude = (row["latitude"], row["longitude"]) if is_edited else (found.latitude, found.longitude)
    if latitude is None or longitude is None or not settings.reverse_geocoding.enabled:
        return geocode.Place()
    places = await asyncio.to_thread(geocode.places, world.config.data)
    return places.near(latitude, longitude)


async def _write(
    tx: Tx, row: Row, found: exif.Facts, read: _Read, place: geocode.Place, *, now: datetime
) -> Row | None:
    facts: dict[str, Any] = {
        name: storable(value, name) for name, value in asdict(found).items() if name not in NOT_KEPT
    }
    facts["video"] = storable(read.probe.to_json()) if read.probe else None
    facts["local_taken"] = found.local_taken.replace(tzinfo=None)
    kept = await facts_store.save_facts(
        tx,
        row["id"],
        now=now,
        sidecar_key=row["sidecar_key"],
        city=place.city,
        state=place.state,
        country=place.country,
        **facts,
    )
    if kept is not None and "tags" not in kept["locked_fields"]:
        await tags.replace(tx, UserId(row["owner_id"]), row["id"], found.tags)
    return kept


def storable(value: Any, column: str | None = None) -> Any:
    """What a column can hold of a value that a stranger wrote: numbers that do not fit are not known, texts are cut."""
    match value:
        case str():
            text = value.replace("\0", "").encode(errors="replace").decode()
            return text if column in (None, "description") else text[:LONGEST_TEXT]
        case float():
            return value if math.isfinite(value) else None
        case int() if column is not None:
            return value if abs(value) <= LARGEST.get(column, 2**31 - 1) else None
        case dict():
            return {storable(name): storable(inner) for name, inner in cast("dict[str, Any]", value).items()}
        case _:
            return value


async def _join_live(tx: Tx, row: Row, found: exif.Facts) -> None:
    if found.live_photo_cid is None:
        return
    other = await facts_store.live_partner(tx, row, found.live_photo_cid)
    if other is None:
        return
    still, moving = (other.id, row["id"]) if row["type"] == "VIDEO" else (row["id"], other.id)
    if await facts_store.link_live(tx, still_id=still, video_id=moving):
        tx.tell(AssetHidden(UserId(row["owner_id"]), moving))
