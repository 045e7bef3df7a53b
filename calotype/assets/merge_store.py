"""SQL for what is brought together on one asset: facts, tags, and the group of look-alikes it is in."""

from collections.abc import Sequence
from uuid import UUID

from calotype.core.ids import AssetId, UserId
from calotype.core.sql import sql
from calotype.core.tx import Row, Tx

FACTS = sql("""
    SELECT id, is_favorite, visibility, rating, description, latitude, longitude
      FROM asset
     WHERE id = ANY(:ids::uuid[])
     ORDER BY id
       FOR UPDATE
""")
PUT_FACTS = sql("""
    UPDATE asset
       SET is_favorite = :is_favorite, visibility = :visibility::asset_visibility, rating = :rating::smallint,
           description = :description, latitude = :latitude, longitude = :longitude,
           locked_fields = ARRAY(SELECT DISTINCT unnest(locked_fields || :locked::text[]) ORDER BY 1)
     WHERE id = :id
""")
SHARE_TAGS = sql("""
    INSERT INTO tag_asset (asset_id, tag_id)
    SELECT DISTINCT :target_id::uuid, tag_id
      FROM tag_asset
     WHERE asset_id = ANY(:source_ids::uuid[])
    ON CONFLICT DO NOTHING
    RETURNING tag_id
""")
DROP_TAGS = sql("DELETE FROM tag_asset WHERE asset_id = :id AND tag_id = ANY(:tag_ids::uuid[])")

IN_TRASH = sql("""
    SELECT id
      FROM asset
     WHERE id = ANY(:ids::uuid[])
       AND status = 'trashed'
     ORDER BY id
       FOR UPDATE
""")

SET_GROUP = sql("""
    UPDATE asset SET duplicate_id = :group_id::uuid
     WHERE id = ANY(:ids::uuid[]) AND duplicate_id IS DISTINCT FROM :group_id::uuid
""")
JOIN_GROUPS = sql("""
    UPDATE asset SET duplicate_id = :group_id::uuid
     WHERE owner_id = :owner_id AND duplicate_id = ANY(:group_ids::uuid[])
       AND duplicate_id IS DISTINCT FROM :group_id::uuid
    RETURNING id
""")
CLEAR_GROUPS = sql("UPDATE asset SET duplicate_id = NULL WHERE duplicate_id IS NOT NULL")
# Asked again while the rows are changed: somebody may have joined since the list was made.
CLEAR_LONELY = sql("""
    UPDATE asset SET duplicate_id = NULL
     WHERE owner_id = :owner_id AND duplicate_id = ANY(:group_ids::uuid[])
       AND 2 > (SELECT count(*) FROM asset AS member
                 WHERE member.owner_id = :owner_id AND member.duplicate_id = asset.duplicate_id
                   AND member.status = 'active' AND member.visibility IN ('archive', 'timeline')
                   AND member.stack_id IS NULL AND NOT member.is_motion_part)
""")


async def facts(tx: Tx, ids: Sequence[AssetId]) -> list[Row]:
    """id, is_favorite, visibility, rating, description, latitude, longitude; the rows are held."""
    return await tx.all(FACTS, ids=ids)


async def put_facts(
    tx: Tx,
    id: AssetId,
    *,
    is_favorite: bool,
    visibility: str,
    rating: int | None,
    description: str,
    latitude: float | None,
    longitude: float | None,
    locked: Sequence[str],
) -> None:
    """Exactly these; `locked` are those that must reach the sidecar."""
    await tx.run(
        PUT_FACTS,
        id=id,
        is_favorite=is_favorite,
        visibility=visibility,
        rating=rating,
        description=description,
        latitude=latitude,
        longitude=longitude,
        locked=locked,
    )


async def share_tags(tx: Tx, sources: Sequence[AssetId], target: AssetId) -> list[UUID]:
    """Tags that the target did not carry before."""
    return [row["tag_id"] for row in await tx.all(SHARE_TAGS, source_ids=sources, target_id=target)]


async def drop_tags(tx: Tx, id: AssetId, tags: Sequence[UUID]) -> int:
    """How many it carried."""
    return await tx.run(DROP_TAGS, id=id, tag_ids=tags)


async def in_trash(tx: Tx, ids: Sequence[AssetId]) -> list[AssetId]:
    """Those that were thrown away and are still there; their rows are held."""
    return [row["id"] for row in await tx.all(IN_TRASH, ids=ids)]


async def set_group(tx: Tx, ids: Sequence[AssetId], group: UUID | None) -> int:
    """How many changed."""
    return await tx.run(SET_GROUP, ids=ids, group_id=group)


async def join_groups(tx: Tx, owner: UserId, groups: Sequence[UUID], group: UUID | None) -> list[AssetId]:
    """Who changed."""
    return [row["id"] for row in await tx.all(JOIN_GROUPS, owner_id=owner, group_ids=groups, group_id=group)]


async def clear_lonely(tx: Tx, owner: UserId, groups: Sequence[UUID]) -> None:
    """See `merge.clear_lonely`."""
    await tx.run(CLEAR_LONELY, owner_id=owner, group_ids=groups)


async def clear_groups(tx: Tx) -> None:
    """Everybody's."""
    await tx.run(CLEAR_GROUPS)
