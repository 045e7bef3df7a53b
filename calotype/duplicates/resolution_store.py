"""SQL: what people decided about groups of look-alikes, and what it takes to undo that."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from calotype.core.ids import AssetId, UserId
from calotype.core.sql import sql
from calotype.core.tx import Look, Row, Tx

NOTE_RESOLUTION = sql("""
    INSERT INTO duplicate_resolution (id, owner_id, group_id, kept_ids, trashed_ids, merge, is_for_good, resolved_at)
    VALUES (:id, :owner_id, :group_id, :kept_ids, :trashed_ids, :merge, :is_for_good, :now)
""")
# The last one that was not taken back: a group may be resolved again after that.
RESOLUTION = sql("""
    SELECT id, group_id, kept_ids, trashed_ids, merge, is_for_good, resolved_at
      FROM duplicate_resolution
     WHERE group_id = :group_id AND owner_id = :owner_id AND undone_at IS NULL
     ORDER BY resolved_at DESC, id
     LIMIT 1
       FOR UPDATE
""")
UNDONE = sql("UPDATE duplicate_resolution SET undone_at = :now WHERE id = :id")
# Assets that are locked by now are not spoken of.
RESOLUTIONS = sql("""
    SELECT resolution.group_id, resolution.resolved_at, resolution.is_for_good,
           cardinality(resolution.trashed_ids) > 0 AS threw_away,
           ARRAY(SELECT asset.id FROM asset
                  WHERE asset.id = ANY(resolution.kept_ids) AND asset.visibility <> 'locked'
                    AND asset.status <> 'deleted' ORDER BY asset.id) AS kept_ids,
           ARRAY(SELECT asset.id FROM asset
                  WHERE asset.id = ANY(resolution.trashed_ids) AND asset.visibility <> 'locked'
                    AND asset.status = 'trashed' ORDER BY asset.id) AS trashed_ids
      FROM duplicate_resolution AS resolution
     WHERE resolution.owner_id = :owner_id AND resolution.undone_at IS NULL
     ORDER BY resolution.resolved_at DESC, resolution.id
     LIMIT :limit
""")


async def note_resolution(
    tx: Tx,
    id: UUID,
    owner: UserId,
    group: UUID,
    *,
    kept: Sequence[AssetId],
    trashed: Sequence[AssetId],
    merge: dict[str, Any] | None,
    is_for_good: bool,
    now: datetime,
) -> None:
    """Keep what was decided, and what takes it back."""
    await tx.run(
        NOTE_RESOLUTION,
        id=id,
        owner_id=owner,
        group_id=group,
        kept_ids=kept,
        trashed_ids=trashed,
        merge=merge,
        is_for_good=is_for_good,
        now=now,
    )


async def resolution(tx: Tx, owner: UserId, group: UUID) -> Row | None:
    """The last decision about a group, held until the unit of work ends."""
    return await tx.one(RESOLUTION, owner_id=owner, group_id=group)


async def note_undone(tx: Tx, id: UUID, now: datetime) -> None:
    """It was taken back."""
    await tx.run(UNDONE, id=id, now=now)


async def resolutions(look: Look, owner: UserId, limit: int) -> list[Row]:
    """group_id, resolved_at, is_for_good, threw_away, kept_ids, trashed_ids (those still in the trash), newest first."""
    return await look.all(RESOLUTIONS, owner_id=owner, limit=limit)
