"""A file's facts into the database: when, where, with what, how large, and which other file it belongs to."""

import asyncio
from dataclasses import asdict
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from calotype.assets import facts_store, tags
from calotype.assets.asset import AssetHidden
from calotype.core.errors import Missing
from calotype.core.ids import AssetId, UserId
from calotype.core.jobs import Done, Outcome, Skip
from calotype.core.tx import Row, Tx
from calotype.core.world import World
from calotype.media import exif, geocode, motion_parts, sidecar, store, zones
from calotype.media.events import FactsRead
from calotype.outside import decoders, video
from calotype.outside.decoders import DecoderDied, Undecodable
from calotype.outside.tags import Tags, find_exiftool
from calotype.settings import current

SIDECAR_LIMIT_BYTES = 8 * 1024 * 1024
PROBED_PICTURES = frozenset({".gif"})
NOT_KEPT = frozenset({"is_dated", "tags", "faces"})


async def read_facts(world: World, id: AssetId, *, source: str | None) -> Outcome:
    """Read the file and write what it says. Fields a person edited stay. Doing it again changes nothing more.

    `source` travels on to what follows. A file that cannot be read is dated by its upload, and why is kept.
    """
    async with world.glancing() as look:
        row = await facts_store.to_process(look, id)
    if row is None:
        return Skip("the asset is gone")
    extension = PurePosixPath(row["original_name"]).suffix.lower()
    is_video = row["type"] == "VIDEO"
    try:
        async with world.files.local(row["original_key"]) as path:
            read = await _read(world, path, extension, is_video=is_video)
            packet = await _sidecar(world, row["sidecar_key"])
            found = await asyncio.to_thread(_facts, row, read, packet, extension, is_video)
            part = None if is_video else await motion_parts.find(world, row, path, read.tags)
    except Missing as error:
        async with world.writing() as tx:
            await store.note_problem(tx, id, "metadata", "The original is not where it should be.")
        return Skip(error.sentence)
    except DecoderDied as error:
        async with world.writing() as tx:
            await store.note_problem(tx, id, "metadata", str(error))
        raise
    place = await _place(world, found)
    async with world.writing() as tx:
        await _write(tx, row, found, read, place, now=world.clock.now())
        await _join_live(tx, row, found)
        if part is not None:
            await motion_parts.adopt(tx, row, part, now=world.clock.now())
        if read.fault is None:
            await store.solve(tx, id, "metadata")
        else:
            await store.note_problem(tx, id, "metadata", read.fault)
        wants_previews = row["visibility"] != "hidden" and (source != "sidecar-write" or row["previews_at"] is None)
        tx.tell(FactsRead(id, UserId(row["owner_id"]), source, wants_previews, is_video))
    return Done()


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


async def _sidecar(world: World, key: str | None) -> bytes | None:
    if key is None:
        return None
    try:
        size = (await world.files.stat(key)).size
        if size > SIDECAR_LIMIT_BYTES:
            return None
        return b"".join([chunk async for chunk in world.files.open_range(key, 0, size)])
    except Missing:
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


async def _place(world: World, found: exif.Facts) -> geocode.Place:
    settings = await current.read(world)
    if found.latitude is None or found.longitude is None or not settings.reverse_geocoding.enabled:
        return geocode.Place()
    places = await asyncio.to_thread(geocode.places, world.config.data)
    return places.near(found.latitude, found.longitude)


async def _write(tx: Tx, row: Row, found: exif.Facts, read: _Read, place: geocode.Place, *, now: datetime) -> None:
    kept: dict[str, Any] = {name: value for name, value in asdict(found).items() if name not in NOT_KEPT}
    kept["video"] = read.probe.to_json() if read.probe else None
    kept["local_taken"] = found.local_taken.replace(tzinfo=None)
    await facts_store.save_facts(
        tx, row["id"], now=now, city=place.city, state=place.state, country=place.country, **kept
    )
    if "tags" not in row["locked_fields"]:
        await tags.replace(tx, UserId(row["owner_id"]), row["id"], found.tags)


async def _join_live(tx: Tx, row: Row, found: exif.Facts) -> None:
    if found.live_photo_cid is None:
        return
    other = await facts_store.live_partner(tx, row, found.live_photo_cid)
    if other is None:
        return
    still, moving = (other.id, row["id"]) if row["type"] == "VIDEO" else (row["id"], other.id)
    if await facts_store.link_live(tx, still_id=still, video_id=moving):
        tx.tell(AssetHidden(UserId(row["owner_id"]), moving))
