"""SQL of the tables `tag` and `tag_asset`."""

from collections.abc import Sequence
from uuid import UUID

from calotype.core.ids import AssetId, UserId
from calotype.core.sql import sql
from calotype.core.tx import Look, Tx

UPSERT = sql("""
    WITH made AS (
        INSERT INTO tag (owner_id, value, parent_id)
        SELECT :owner_id::uuid, wanted.value, parent.id
          FROM unnest(:values::text[], :parents::text[]) AS wanted (value, parent_value)
          LEFT JOIN tag AS parent
            ON parent.owner_id = :owner_id::uuid
           AND parent.value = wanted.parent_value
        ON CONFLICT (owner_id, value) DO NOTHING
        RETURNING id, value
    )
    SELECT id, value FROM made
    UNION
    SELECT id, value FROM tag WHERE owner_id = :owner_id::uuid AND value = ANY(:values::text[])
""")

REPLACE_LINKS = sql("""
    WITH dropped AS (
        DELETE FROM tag_asset
         WHERE asset_id = :asset_id::uuid
           AND tag_id <> ALL(:tag_ids::uuid[])
    )
    INSERT INTO tag_asset (asset_id, tag_id)
    SELECT :asset_id::uuid, tag_id
      FROM unnest(:tag_ids::uuid[]) AS wanted (tag_id)
    ON CONFLICT DO NOTHING
""")


async def upsert(tx: Tx, owner: UserId, tags: Sequence[tuple[str, str | None]]) -> dict[str, UUID]:
    """Ids of tags by value, made where missing. `tags`: value and parent's value, whose row must exist already."""
    rows = await tx.all(
        UPSERT, owner_id=owner, values=[value for value, _ in tags], parents=[parent for _, parent in tags]
    )
    found = {row["value"]: row["id"] for row in rows}
    if len(found) < len({value for value, _ in tags}):
        # Somebody else made one between our snapshot and our insert; now it is visible.
        rows = await tx.all(
            UPSERT, owner_id=owner, values=[value for value, _ in tags], parents=[parent for _, parent in tags]
        )
        found = {row["value"]: row["id"] for row in rows}
    return found


async def replace_links(tx: Tx, asset: AssetId, tags: Sequence[UUID]) -> None:
    """The asset has these tags and no others."""
    await tx.run(REPLACE_LINKS, asset_id=asset, tag_ids=tags)


VALUES_OF = sql("""
    SELECT tag.value
      FROM tag JOIN tag_asset ON tag_asset.tag_id = tag.id
     WHERE tag_asset.asset_id = :asset_id
     ORDER BY tag.value
""")


async def values_of(look: Look, asset: AssetId) -> tuple[str, ...]:
    """The asset's tags as whole paths."""
    return tuple(row["value"] for row in await look.all(VALUES_OF, asset_id=asset))
