"""What could not be made from a file, as its owner sees it, and the wish to try again."""

from collections.abc import Sequence

from calotype.core.ids import AssetId, UserId
from calotype.core.sql import sql
from calotype.core.tx import Look, Row, Tx

LIST = sql("""
    SELECT step, reason, attempts, at
      FROM asset_problem
     WHERE asset_id = :asset_id
     ORDER BY at, step
""")

FORGIVE = sql("""
    DELETE FROM asset_problem
     WHERE asset_id = :asset_id
       AND (:steps::text[] IS NULL OR step = ANY(:steps::text[]))
    RETURNING step
""")

NEWEST = sql("""
    SELECT p.asset_id, p.step, p.reason, p.attempts, p.at, users.name AS owner_name,
           CASE WHEN asset.owner_id = :viewer AND asset.visibility <> 'locked' THEN asset.original_name END AS file_name,
           count(*) OVER () AS total
      FROM asset_problem AS p
      JOIN asset ON asset.id = p.asset_id AND asset.status = 'active'
      JOIN users ON users.id = asset.owner_id
     ORDER BY p.at DESC, p.asset_id, p.step
     LIMIT :limit
""")

FORGIVE_EVERYWHERE = sql("""
    DELETE FROM asset_problem
     WHERE :assets::uuid[] IS NULL OR asset_id = ANY(:assets::uuid[])
    RETURNING asset_id, step
""")

# step → the job that tries it again, and its queue. A checksum that does not fit is for a person to look at.
AGAIN = {
    "metadata": ("AssetExtractMetadata", "metadataExtraction"),
    "previews": ("AssetGenerateThumbnails", "thumbnailGeneration"),
    "transcode": ("AssetEncodeVideo", "videoConversion"),
    "sidecar": ("SidecarWrite", "sidecar"),
}


async def of_asset(look: Look, asset: AssetId) -> list[Row]:
    """step, reason, attempts and at of each, oldest first."""
    return await look.all(LIST, asset_id=asset)


async def forgive(tx: Tx, asset: AssetId, steps: Sequence[str] | None) -> list[str]:
    """Forget failures, of all steps when none is named; which steps had failed."""
    return [row["step"] for row in await tx.all(FORGIVE, asset_id=asset, steps=steps)]


async def newest(look: Look, *, viewer: UserId, limit: int) -> list[Row]:
    """Failures of everybody's photos with owner and attempts, the newest first; `total` counts all there are.

    A file's name is told to its owner alone, and not even to them from behind the PIN.
    """
    return await look.all(NEWEST, viewer=viewer, limit=limit)


async def forgive_everywhere(tx: Tx, assets: Sequence[AssetId] | None) -> list[tuple[AssetId, str]]:
    """Forget failures, of every photo when none is named; which steps of which photos had failed."""
    rows = await tx.all(FORGIVE_EVERYWHERE, assets=assets)
    return [(AssetId(row["asset_id"]), row["step"]) for row in rows]
