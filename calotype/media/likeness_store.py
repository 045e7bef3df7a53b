"""SQL for how a photo looks: what tells later whether another one is like it."""

from typing import LiteralString

from calotype.core.ids import AssetId, UserId
from calotype.core.sql import sql
from calotype.core.tx import Look, Row, Tx
from calotype.outside.images import Likeness

KEEP: LiteralString = """
    INSERT INTO likeness (asset_id, owner_id, pixels, hash, tinies, duration_ms)
    VALUES (:asset_id, :owner_id, :pixels, :hash, :tinies, :duration_ms)
    ON CONFLICT (asset_id) DO UPDATE
       SET pixels = excluded.pixels, hash = excluded.hash, tinies = excluded.tinies,
           duration_ms = excluded.duration_ms, made_at = clock_timestamp()
     WHERE (likeness.pixels, likeness.tinies) IS DISTINCT FROM (excluded.pixels, excluded.tinies)
"""
KEPT = sql(KEEP)
WITH_PREVIEW = sql("""
    SELECT asset.owner_id, asset.type, asset.original_key, file.path
      FROM asset
      JOIN likeness ON likeness.asset_id = asset.id AND likeness.pixels IS NULL
      LEFT JOIN asset_file AS file ON file.asset_id = asset.id AND file.type = 'preview' AND NOT file.is_edited
     WHERE asset.id = :id
       AND asset.status <> 'deleted'
""")


async def without_likeness(look: Look, id: AssetId) -> Row | None:
    """Owner, type, original and the path of the preview, below the data folder; `None` when nothing is missing."""
    return await look.one(WITH_PREVIEW, id=id)


async def keep(tx: Tx, asset_id: AssetId, owner_id: UserId, likeness: Likeness) -> None:
    """Keep how a photo looks. What is new is compared with the others, see `duplicates/missing.py`."""
    await tx.run(
        KEPT,
        asset_id=asset_id,
        owner_id=owner_id,
        pixels=likeness.pixels,
        hash=likeness.hash,
        tinies=list(likeness.tinies),
        duration_ms=None,
    )
