"""SQL for comparing many assets at once: what is found for all of them by one question."""

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from calotype.core.ids import AssetId
from calotype.core.sql import sql
from calotype.core.tx import Look, Tx

# Of each asset: its pairs until now, the same bytes, the same pixels.
SAME = sql("""
    SELECT asset.id, found.id AS other_id
      FROM asset
      LEFT JOIN likeness ON likeness.asset_id = asset.id
     CROSS JOIN LATERAL (
           (SELECT high_id AS id FROM duplicate_pair WHERE low_id = asset.id)
           UNION ALL
           (SELECT low_id FROM duplicate_pair WHERE high_id = asset.id)
           UNION ALL
           (SELECT other.id FROM asset AS other
             WHERE other.checksum = asset.checksum AND other.owner_id = asset.owner_id AND other.status = 'active'
               AND other.id <> asset.id
             ORDER BY other.id LIMIT :most)
           UNION ALL
           (SELECT other.asset_id FROM likeness AS other
             WHERE other.owner_id = likeness.owner_id AND other.pixels = likeness.pixels
               AND other.asset_id <> asset.id
             ORDER BY other.asset_id LIMIT :most)
           ) AS found
     WHERE asset.id = ANY(:ids::uuid[])
""")
COMPARED = sql("DELETE FROM duplicate_wanted WHERE asset_id = ANY(:ids::uuid[]) AND since <= :before")


async def same(look: Look, ids: Sequence[AssetId], most: int) -> dict[AssetId, list[AssetId]]:
    """With whom each makes a pair until now, or shares its bytes or every pixel; at most so many of each kind."""
    found: dict[AssetId, list[AssetId]] = {id: [] for id in ids}
    for row in await look.all(SAME, ids=list(ids), most=most):
        found[cast(AssetId, row["id"])].append(cast(AssetId, row["other_id"]))
    return found


async def note_compared(tx: Tx, ids: Sequence[AssetId], before: datetime) -> None:
    """They were compared with what was known at that instant."""
    if ids:
        await tx.run(COMPARED, ids=sorted(ids), before=before)
