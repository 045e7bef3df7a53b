"""SQL of the house: whether the database answers, versions, what is stored and by whom."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from calotype.core.sql import sql
from calotype.core.tx import Look

ANSWERS = sql("SELECT true")

HISTORY = sql("""
    SELECT id, created_at, version
      FROM version_history
     ORDER BY created_at DESC, id
     LIMIT 1000
""")

# Photos and videos are counted where people see them; bytes count wherever they lie, except in folders we only watch.
USAGE = sql("""
    SELECT users.id AS user_id,
           users.name AS user_name,
           users.quota_bytes AS quota_size_in_bytes,
           count(asset.id) FILTER (WHERE type = 'IMAGE' AND visibility <> 'hidden') AS photos,
           count(asset.id) FILTER (WHERE type = 'VIDEO' AND visibility <> 'hidden') AS videos,
           coalesce(sum(size_bytes) FILTER (WHERE library_id IS NULL), 0)::bigint AS usage,
           coalesce(sum(size_bytes) FILTER (WHERE library_id IS NULL AND type = 'IMAGE'), 0)::bigint AS usage_photos,
           coalesce(sum(size_bytes) FILTER (WHERE library_id IS NULL AND type = 'VIDEO'), 0)::bigint AS usage_videos
      FROM users
      LEFT JOIN asset ON asset.owner_id = users.id AND asset.status = 'active' AND asset.deleted_at IS NULL
     WHERE users.deleted_at IS NULL
     GROUP BY users.id
     ORDER BY users.created_at, users.id
""")

# Motion parts of live photos came with their photo and are not counted again; their bytes are.
UPLOADS = sql("""
    SELECT (asset.created_at AT TIME ZONE 'UTC')::date AS day,
           count(*) FILTER (WHERE visibility <> 'hidden') AS files,
           coalesce(sum(size_bytes) FILTER (WHERE library_id IS NULL), 0)::bigint AS bytes
      FROM users
      JOIN asset ON asset.owner_id = users.id AND asset.created_at >= :since
     GROUP BY 1
     ORDER BY 1
""")

STORED = sql("SELECT coalesce(sum(usage_bytes), 0)::bigint FROM users")


@dataclass(frozen=True, slots=True)
class Version:
    """A version that ran here, without the v."""

    id: UUID
    created_at: datetime
    version: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What one person keeps. Sizes in bytes."""

    user_id: UUID
    user_name: str
    photos: int
    videos: int
    usage: int
    usage_photos: int
    usage_videos: int
    quota_size_in_bytes: int | None


@dataclass(frozen=True, slots=True)
class Uploads:
    """What arrived on one day."""

    day: date
    files: int
    bytes: int


async def answers(look: Look) -> bool:
    """Whether the database answers."""
    return await look.value(ANSWERS) is True


async def history(look: Look) -> list[Version]:
    """Every version that ran here, newest first."""
    return [Version(**row) for row in await look.all(HISTORY)]


async def usage(look: Look) -> list[Usage]:
    """What each person keeps, oldest account first."""
    return [Usage(**row) for row in await look.all(USAGE)]


async def uploads(look: Look, since: datetime) -> list[Uploads]:
    """What arrived, by day (UTC), the oldest first; days without uploads are left out."""
    return [Uploads(**row) for row in await look.all(UPLOADS, since=since)]


async def stored_bytes(look: Look) -> int:
    """Bytes of all originals that count against a quota."""
    return await look.value(STORED)
