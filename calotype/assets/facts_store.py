"""SQL for what processing learns about an asset: facts from the file, previews, transcodes, and what still is missing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from calotype.core.ids import AssetId, UserId
from calotype.core.sql import sql
from calotype.core.tx import Look, Row, Tx

TO_PROCESS = sql("""
    SELECT asset.id, asset.owner_id, asset.library_id, asset.type, asset.visibility, asset.status, asset.original_key,
           asset.original_name, asset.sidecar_key, asset.checksum, asset.size_bytes, asset.created_at,
           asset.uploaded_taken_at, asset.file_modified_at, asset.taken_at, asset.local_taken, asset.time_zone,
           asset.duration_ms, asset.width, asset.height, asset.orientation, asset.latitude, asset.longitude,
           asset.description, asset.rating, asset.date_time_original, asset.projection_type, asset.colorspace,
           asset.profile_description, asset.bits_per_sample, asset.live_video_id, asset.live_photo_cid,
           asset.is_motion_part, asset.video, asset.locked_fields, asset.metadata_at, asset.previews_at,
           asset.transcode_checked_at, asset.update_id,
           video.is_motion_part AS has_motion_part
      FROM asset
      LEFT JOIN asset AS video ON video.id = asset.live_video_id
     WHERE asset.id = :id
       AND asset.status <> 'deleted'
""")

# A field that a person edited stays as it is until the sidecar carries it (`locked_fields`). Facts read beside a sidecar
# that was replaced meanwhile are stale: they would undo the edit that the new one carries.
SAVE_FACTS = sql("""
    UPDATE asset
       SET make = :make, model = :model, lens_model = :lens_model, f_number = :f_number, focal_length = :focal_length,
           iso = :iso, exposure_time = :exposure_time, exif_width = :exif_width, exif_height = :exif_height,
           width = CASE WHEN is_edited THEN width ELSE :width END,
           height = CASE WHEN is_edited THEN height ELSE :height END,
           orientation = :orientation, modify_date = file_modified_at,
           date_time_original = CASE WHEN 'dateTimeOriginal' = ANY(locked_fields) THEN date_time_original
                                     ELSE :taken_at END,
           taken_at = CASE WHEN 'dateTimeOriginal' = ANY(locked_fields) THEN taken_at ELSE :taken_at END,
           local_taken = CASE WHEN 'dateTimeOriginal' = ANY(locked_fields) THEN local_taken ELSE :local_taken END,
           time_zone = CASE WHEN 'timeZone' = ANY(locked_fields) THEN time_zone ELSE :time_zone END,
           latitude = CASE WHEN 'latitude' = ANY(locked_fields) THEN latitude ELSE :latitude END,
           longitude = CASE WHEN 'longitude' = ANY(locked_fields) THEN longitude ELSE :longitude END,
           city = :city, state = :state, country = :country,
           description = CASE WHEN 'description' = ANY(locked_fields) THEN description ELSE :description END,
           rating = CASE WHEN 'rating' = ANY(locked_fields) THEN rating ELSE :rating END,
           projection_type = :projection_type, profile_description = :profile_description, colorspace = :colorspace,
           bits_per_sample = :bits_per_sample, fps = :fps, live_photo_cid = :live_photo_cid,
           auto_stack_id = :auto_stack_id, video = :video, duration_ms = coalesce(:duration_ms, duration_ms),
           metadata_at = :now
     WHERE id = :id
       AND sidecar_key IS NOT DISTINCT FROM :sidecar_key
    RETURNING locked_fields, previews_at, transcode_checked_at
""")
SAVE_UNREADABLE = sql("UPDATE asset SET metadata_at = :now WHERE id = :id")

SAVE_PREVIEWS = sql("""
    UPDATE asset
       SET thumbhash = :thumbhash, previews_at = :now,
           width = coalesce(width, :width), height = coalesce(height, :height)
     WHERE id = :id
""")

SAVE_TRANSCODE = sql("UPDATE asset SET transcode_checked_at = :now WHERE id = :id")

UNLOCK = sql("""
    UPDATE asset
       SET locked_fields = ARRAY(SELECT unnest(locked_fields) EXCEPT SELECT unnest(:written::text[])),
           sidecar_key = :sidecar_key
     WHERE id = :id
       AND update_id = :update_id
""")

HOLD_SIDECAR = sql("SELECT sidecar_key FROM asset WHERE id = :id FOR UPDATE")
SET_SIDECAR = sql("UPDATE asset SET sidecar_key = :sidecar_key WHERE id = :id")

LIVE_PARTNER = sql("""
    SELECT id, visibility
      FROM asset
     WHERE owner_id = :owner_id
       AND live_photo_cid = :cid
       AND type = :type::asset_type
       AND library_id IS NOT DISTINCT FROM :library_id::uuid
       AND id <> :id
       AND status <> 'deleted'
       AND (type = 'VIDEO' OR live_video_id IS NULL)
     ORDER BY created_at, id
     LIMIT 1
""")
# Both halves may be read at the same moment, each before the other's identifier is visible.
TAKE_TURNS = sql("SELECT pg_advisory_xact_lock(hashtextextended(:owner_id::text || :cid::text, 0))")
LINK_LIVE = sql(
    "UPDATE asset SET live_video_id = :video_id WHERE id = :still_id AND live_video_id IS DISTINCT FROM :video_id"
)
HIDE_PART = sql("UPDATE asset SET visibility = 'hidden' WHERE id = :id AND visibility IN ('timeline', 'archive')")
OUT_OF_ALBUMS = sql("DELETE FROM album_asset WHERE asset_id = :id")

SAME_BYTES = sql("""
    SELECT id, visibility, is_motion_part
      FROM asset
     WHERE owner_id = :owner_id AND checksum = :checksum AND library_id IS NULL AND status <> 'deleted'
""")
HOLD = sql("SELECT id FROM asset WHERE id = :id AND status <> 'deleted' FOR UPDATE")
WITHOUT_METADATA = sql("""
    SELECT id FROM asset
     WHERE metadata_at IS NULL AND status = 'active' AND created_at < :before
       AND NOT EXISTS (SELECT FROM asset_problem AS p WHERE p.asset_id = asset.id AND p.step = 'metadata')
     ORDER BY id LIMIT :limit
""")
WITHOUT_PREVIEWS = sql("""
    SELECT id FROM asset
     WHERE previews_at IS NULL AND status = 'active' AND visibility <> 'hidden'
       AND metadata_at IS NOT NULL AND metadata_at < :before
       AND NOT EXISTS (SELECT FROM asset_problem AS p WHERE p.asset_id = asset.id AND p.step = 'previews')
     ORDER BY id LIMIT :limit
""")
# Their previews are older than the table of likenesses.
WITHOUT_LIKENESS = sql("""
    SELECT asset.id
      FROM likeness
      JOIN asset ON asset.id = likeness.asset_id
     WHERE likeness.pixels IS NULL AND asset.status = 'active' AND asset.visibility <> 'hidden'
       AND likeness.made_at < :before
       AND NOT EXISTS (SELECT FROM asset_problem AS p WHERE p.asset_id = asset.id AND p.step = 'previews')
     ORDER BY asset.id LIMIT :limit
""")
WITHOUT_TRANSCODE = sql("""
    SELECT id FROM asset
     WHERE transcode_checked_at IS NULL AND type = 'VIDEO' AND status = 'active' AND video IS NOT NULL
       AND metadata_at IS NOT NULL AND metadata_at < :before
       AND NOT EXISTS (SELECT FROM asset_problem AS p WHERE p.asset_id = asset.id AND p.step = 'transcode')
     ORDER BY id LIMIT :limit
""")
UNWRITTEN = sql("""
    SELECT id FROM asset
     WHERE locked_fields <> '{}' AND status <> 'deleted' AND updated_at < :before
       AND NOT EXISTS (SELECT FROM asset_problem AS p WHERE p.asset_id = asset.id AND p.step = 'sidecar')
     ORDER BY id LIMIT :limit
""")
TO_PURGE = sql("SELECT id FROM asset WHERE status = 'deleted' AND updated_at < :before ORDER BY id LIMIT :limit")

# Every one, for an administrator who wants it all again; in pages, so that a million ids never lie in memory at once.
EVERY = sql("""
    SELECT id FROM asset
     WHERE status = 'active' AND id > :after AND (:type::text IS NULL OR type = :type::asset_type)
       AND (NOT :without_sidecar::boolean OR sidecar_key IS NULL)
     ORDER BY id LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Part:
    """The other half of a live photo."""

    id: AssetId
    visibility: str


async def to_process(look: Look, id: AssetId) -> Row | None:
    """The row as processing needs it; `None` when it is gone or waits for its removal."""
    return await look.one(TO_PROCESS, id=id)


async def save_facts(tx: Tx, id: AssetId, *, now: datetime, sidecar_key: str | None, **facts: Any) -> Row | None:
    """Write what was read from the file and its sidecar; a field that is locked by a person's edit stays.

    The row's `locked_fields`, `previews_at` and `transcode_checked_at`; `None` when the asset is gone, or its sidecar
    is another one by now.
    """
    return await tx.one(SAVE_FACTS, id=id, now=now, sidecar_key=sidecar_key, **facts)


async def save_unreadable(tx: Tx, id: AssetId, *, now: datetime) -> int:
    """Note that the file was looked at and says nothing. How many rows: 0 or 1."""
    return await tx.run(SAVE_UNREADABLE, id=id, now=now)


async def save_previews(tx: Tx, id: AssetId, *, thumbhash: bytes, width: int, height: int, now: datetime) -> int:
    """Note that previews exist. `thumbhash`: 5–25 bytes. How many rows: 0 or 1."""
    return await tx.run(SAVE_PREVIEWS, id=id, thumbhash=thumbhash, width=width, height=height, now=now)


async def save_transcode(tx: Tx, id: AssetId, *, now: datetime) -> int:
    """Note that the video was looked at: it was encoded, or needs no encoding. How many rows: 0 or 1."""
    return await tx.run(SAVE_TRANSCODE, id=id, now=now)


async def unlock(tx: Tx, id: AssetId, *, written: list[str], sidecar_key: str, update_id: UUID) -> bool:
    """Free fields that the sidecar now carries, unless the row changed since it was read (then false: write again)."""
    return await tx.run(UNLOCK, id=id, written=written, sidecar_key=sidecar_key, update_id=update_id) == 1


async def take_turns(tx: Tx, owner_id: UserId, cid: str) -> None:
    """One half of a live photo at a time, until the end of the unit of work. Ask before writing any row."""
    await tx.run(TAKE_TURNS, owner_id=str(owner_id), cid=cid)


async def live_partner(look: Look, asset: Row, cid: str) -> Part | None:
    """The other half with the same content identifier, of the same owner and library."""
    other = "IMAGE" if asset["type"] == "VIDEO" else "VIDEO"
    row = await look.one(
        LIVE_PARTNER, owner_id=asset["owner_id"], cid=cid, type=other, library_id=asset["library_id"], id=asset["id"]
    )
    return Part(AssetId(row["id"]), row["visibility"]) if row else None


async def link_live(tx: Tx, *, still_id: AssetId, video_id: AssetId) -> bool:
    """Join the halves and hide the video. Whether the video was visible until now. Done twice it stays done."""
    await tx.run(LINK_LIVE, still_id=still_id, video_id=video_id)
    await tx.run(OUT_OF_ALBUMS, id=video_id)
    return await tx.run(HIDE_PART, id=video_id) == 1


async def hold_sidecar(tx: Tx, id: AssetId) -> str | None:
    """The sidecar's key, which nobody else changes until the end of the unit of work."""
    return await tx.value(HOLD_SIDECAR, id=id)


async def set_sidecar(tx: Tx, id: AssetId, key: str) -> None:
    """The sidecar lies here now."""
    await tx.run(SET_SIDECAR, id=id, sidecar_key=key)


async def hold(tx: Tx, id: AssetId) -> bool:
    """Keep the asset from being removed until the end of the unit of work. False when it is gone."""
    return await tx.value(HOLD, id=id) is not None


async def same_bytes(look: Look, owner_id: UserId, checksum: bytes) -> Row | None:
    """An asset of the owner with this SHA-1."""
    return await look.one(SAME_BYTES, owner_id=owner_id, checksum=checksum)


MISSING = {
    "metadata": WITHOUT_METADATA,
    "previews": WITHOUT_PREVIEWS,
    "likeness": WITHOUT_LIKENESS,
    "transcode": WITHOUT_TRANSCODE,
    "sidecar": UNWRITTEN,
    "removal": TO_PURGE,
}


async def missing(look: Look, step: str, *, before: datetime, limit: int) -> list[AssetId]:
    """Assets that lack the step and should have it by now (they were ready for it before `before`)."""
    return [AssetId(row["id"]) for row in await look.all(MISSING[step], before=before, limit=limit)]


async def every(
    look: Look, *, after: AssetId, limit: int, type: str | None = None, without_sidecar: bool = False
) -> list[AssetId]:
    """A page of active assets in the order of their ids. `without_sidecar`: those for which none is known."""
    rows = await look.all(EVERY, after=after, limit=limit, type=type, without_sidecar=without_sidecar)
    return [AssetId(row["id"]) for row in rows]
