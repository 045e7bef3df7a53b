"""SQL for what a decoder made of a picture: kept by one statement, where each round trip would count in an import."""

from collections.abc import Sequence
from typing import LiteralString

from calotype.core.ids import AssetId, UserId
from calotype.core.sql import sql
from calotype.core.tx import Tx
from calotype.media import likeness_store
from calotype.media.store import MadeFile
from calotype.outside.images import Likeness

_KEEP: LiteralString = """
    WITH before AS (
        SELECT path FROM asset_file WHERE asset_id = :asset_id AND type = ANY(:kinds::text[]) AND NOT is_edited
    ), gone AS (
        DELETE FROM asset_file
         WHERE asset_id = :asset_id AND type = ANY(:kinds::text[]) AND type <> ALL(:types::text[]) AND NOT is_edited
    ), made AS (
        INSERT INTO asset_file (asset_id, type, path, size_bytes, is_edited, is_progressive, is_transparent)
        SELECT :asset_id, type, path, size_bytes, false, is_progressive, is_transparent
          FROM unnest(:types::text[], :paths::text[], :sizes::bigint[], :progressive::boolean[], :transparent::boolean[])
               AS file (type, path, size_bytes, is_progressive, is_transparent)
        ON CONFLICT (asset_id, type, is_edited)
        DO UPDATE SET path = excluded.path, size_bytes = excluded.size_bytes, is_progressive = excluded.is_progressive,
                      is_transparent = excluded.is_transparent, updated_at = clock_timestamp()
    ), looks AS ({likeness}
    ), solved AS (
        DELETE FROM asset_problem WHERE asset_id = :asset_id AND step = 'previews'
    )
    SELECT path FROM before
"""
KEEP = sql(_KEEP.replace("{likeness}", likeness_store.KEEP))


async def keep(
    tx: Tx,
    asset_id: AssetId,
    owner_id: UserId,
    files: Sequence[MadeFile],
    likeness: Likeness,
    *,
    kinds: Sequence[str],
    duration_ms: int | None,
) -> list[str]:
    """Note what was made, and how it looks, in place of all files of these kinds; that it once failed is forgotten.

    The paths that were noted until now, some of which may be those of new files.
    """
    rows = await tx.all(
        KEEP,
        asset_id=asset_id,
        owner_id=owner_id,
        kinds=list(kinds),
        types=[file.type for file in files],
        paths=[file.path for file in files],
        sizes=[file.size_bytes for file in files],
        progressive=[file.is_progressive for file in files],
        transparent=[file.is_transparent for file in files],
        pixels=likeness.pixels,
        hash=likeness.hash,
        tinies=list(likeness.tinies),
        duration_ms=duration_ms,
    )
    return [row["path"] for row in rows]
