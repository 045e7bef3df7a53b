"""What could not be made from a file, as its owner sees it, and the wish to try again."""

from collections.abc import Sequence

from calotype.core.ids import AssetId
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
