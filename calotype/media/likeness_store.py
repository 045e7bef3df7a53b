"""SQL for the likeness of what already has a preview."""

from calotype.core.ids import AssetId
from calotype.core.sql import sql
from calotype.core.tx import Look, Row

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
