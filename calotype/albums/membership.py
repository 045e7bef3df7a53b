"""SQL of what lies in an album or behind a shared link."""

from collections.abc import Sequence
from uuid import UUID

from calotype.core.ids import AssetId
from calotype.core.sql import sql
from calotype.core.tx import Tx

ADD_TO_ALBUM = sql("""
    INSERT INTO album_asset (album_id, asset_id)
    VALUES (:album_id, :asset_id)
    ON CONFLICT DO NOTHING
""")

ADD_TO_LINK = sql("""
    INSERT INTO shared_link_asset (shared_link_id, asset_id)
    VALUES (:link_id, :asset_id)
    ON CONFLICT DO NOTHING
""")

LEAVE_ALBUMS = sql("DELETE FROM album_asset WHERE asset_id = ANY(:asset_ids::uuid[])")

COPY_ALBUMS = sql("""
    INSERT INTO album_asset (album_id, asset_id)
    SELECT album_id, :target_id
      FROM album_asset
     WHERE asset_id = :source_id
    ON CONFLICT DO NOTHING
""")

JOIN_ALBUMS = sql("""
    INSERT INTO album_asset (album_id, asset_id)
    SELECT DISTINCT album_id, :target_id::uuid
      FROM album_asset
     WHERE asset_id = ANY(:source_ids::uuid[])
    ON CONFLICT DO NOTHING
    RETURNING album_id
""")

LEAVE_THESE = sql("DELETE FROM album_asset WHERE asset_id = :asset_id AND album_id = ANY(:album_ids::uuid[])")

COPY_LINKS = sql("""
    INSERT INTO shared_link_asset (shared_link_id, asset_id)
    SELECT shared_link_id, :target_id
      FROM shared_link_asset
     WHERE asset_id = :source_id
    ON CONFLICT DO NOTHING
""")


async def add_to_album(tx: Tx, album: UUID, asset: AssetId) -> None:
    """Harmless when it is in there already."""
    await tx.run(ADD_TO_ALBUM, album_id=album, asset_id=asset)


async def add_to_link(tx: Tx, link: UUID, asset: AssetId) -> None:
    """Harmless when it is shown already."""
    await tx.run(ADD_TO_LINK, link_id=link, asset_id=asset)


async def leave_albums(tx: Tx, assets: Sequence[AssetId]) -> None:
    """What goes into the locked folder is in no album any more."""
    await tx.run(LEAVE_ALBUMS, asset_ids=assets)


async def copy_albums(tx: Tx, source: AssetId, target: AssetId) -> None:
    """The target joins every album of the source."""
    await tx.run(COPY_ALBUMS, source_id=source, target_id=target)


async def copy_links(tx: Tx, source: AssetId, target: AssetId) -> None:
    """The target is shown by every link that shows the source."""
    await tx.run(COPY_LINKS, source_id=source, target_id=target)


async def join_albums(tx: Tx, sources: Sequence[AssetId], target: AssetId) -> list[UUID]:
    """The target joins every album of all sources; which of them are new to it."""
    return [row["album_id"] for row in await tx.all(JOIN_ALBUMS, source_ids=sources, target_id=target)]


async def leave_these(tx: Tx, asset: AssetId, albums: Sequence[UUID]) -> None:
    """Take it out of these albums; harmless where it is not in."""
    await tx.run(LEAVE_THESE, asset_id=asset, album_ids=albums)
