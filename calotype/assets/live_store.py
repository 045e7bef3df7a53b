"""SQL: an asset as live messages carry it: the record, and the two halves as the sync stream sends them."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from calotype.assets.store import ASSET_EXIF_JSON
from calotype.core.ids import AssetId
from calotype.core.sql import sql
from calotype.core.tx import Look

SHOWN = sql(
    """
    SELECT asset.owner_id, asset.visibility, """
    + ASSET_EXIF_JSON
    + """::text AS asset,
           json_build_object(
               'id', asset.id, 'ownerId', asset.owner_id, 'originalFileName', asset.original_name,
               'thumbhash', encode(asset.thumbhash, 'base64'), 'checksum', encode(asset.checksum, 'base64'),
               'fileCreatedAt', to_char(asset.taken_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
               'fileModifiedAt', to_char(asset.file_modified_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
               'createdAt', to_char(asset.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
               'localDateTime', to_char(asset.local_taken, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
               'duration', asset.duration_ms, 'type', asset.type,
               'deletedAt', to_char(asset.deleted_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
               'isFavorite', asset.is_favorite, 'visibility', asset.visibility,
               'livePhotoVideoId', asset.live_video_id, 'stackId', asset.stack_id, 'libraryId', asset.library_id,
               'width', asset.width, 'height', asset.height, 'isEdited', asset.is_edited)::text AS sync_asset,
           json_build_object(
               'assetId', asset.id, 'description', asset.description, 'exifImageWidth', asset.exif_width,
               'exifImageHeight', asset.exif_height, 'fileSizeInByte', asset.size_bytes,
               'orientation', asset.orientation,
               'dateTimeOriginal', to_char(asset.date_time_original, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
               'modifyDate', to_char(asset.modify_date, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
               'timeZone', asset.time_zone, 'latitude', asset.latitude, 'longitude', asset.longitude,
               'projectionType', asset.projection_type, 'city', asset.city, 'state', asset.state,
               'country', asset.country, 'make', asset.make, 'model', asset.model, 'lensModel', asset.lens_model,
               'fNumber', asset.f_number, 'focalLength', asset.focal_length, 'iso', asset.iso,
               'exposureTime', asset.exposure_time, 'profileDescription', asset.profile_description,
               'rating', asset.rating, 'fps', asset.fps)::text AS sync_exif
      FROM asset
     WHERE asset.id = :id
"""
)


@dataclass(frozen=True, slots=True)
class Shown:
    """An asset for the live connection, as its owner sees it."""

    owner_id: UUID
    visibility: str
    asset: dict[str, Any]
    sync_asset: dict[str, Any]
    sync_exif: dict[str, Any]


OWNER = sql("SELECT owner_id FROM asset WHERE id = :id")


async def shown(look: Look, id: AssetId, media_root: str) -> Shown | None:
    """`None` when the asset is gone."""
    owner = await look.value(OWNER, id=id)
    row = await look.one(SHOWN, id=id, viewer=owner, media_root=media_root) if owner else None
    if row is None:
        return None
    return Shown(
        row["owner_id"],
        row["visibility"],
        json.loads(row["asset"]),
        json.loads(row["sync_asset"]),
        json.loads(row["sync_exif"]),
    )
