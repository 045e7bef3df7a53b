"""SQL of the gate: one predicate per noun, each returning the allowed subset of the ids that were asked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from calotype.core.ids import UserId
from calotype.core.sql import sql
from calotype.core.tx import Look


@dataclass(frozen=True, slots=True)
class Link:
    """A shared link that is valid now."""

    id: UUID
    user_id: UserId
    album_id: UUID | None
    allow_upload: bool
    allow_download: bool
    show_metadata: bool


# Albums and partners never show what is locked or thrown away. The moving part of a live photo is reached through its
# still picture, and locked with it. An album lives as long as its owner's account does.
ASSETS = sql("""
    SELECT asset.id
      FROM asset
     WHERE asset.id = ANY(:ids::uuid[])
       AND asset.status <> 'deleted'
       AND (asset.visibility <> 'hidden'
            OR (asset.owner_id = :user_id::uuid AND :locked_too::boolean)
            OR NOT EXISTS (SELECT 1
                             FROM asset AS still
                            WHERE still.live_video_id = asset.id
                              AND still.visibility = 'locked'))
       AND ((asset.owner_id = :user_id::uuid AND (asset.visibility <> 'locked' OR :locked_too::boolean))
            OR (:by_album::boolean
                AND asset.status = 'active'
                AND asset.visibility <> 'locked'
                AND EXISTS (SELECT 1
                              FROM album_asset
                              JOIN album_user ON album_user.album_id = album_asset.album_id
                                             AND album_user.user_id = :user_id::uuid
                              JOIN album ON album.id = album_asset.album_id AND album.deleted_at IS NULL
                              JOIN album_user AS host ON host.album_id = album.id AND host.role = 'owner'
                              JOIN users ON users.id = host.user_id AND users.deleted_at IS NULL
                             WHERE album_asset.asset_id IN (
                                   SELECT asset.id
                                    UNION ALL
                                   SELECT still.id
                                     FROM asset AS still
                                    WHERE still.live_video_id = asset.id
                                      AND still.status = 'active'
                                      AND still.visibility <> 'locked')))
            OR (:by_partner::boolean
                AND asset.status = 'active'
                AND asset.visibility IN ('timeline', 'hidden')
                AND EXISTS (SELECT 1
                              FROM partner
                              JOIN users ON users.id = partner.shared_by_id AND users.deleted_at IS NULL
                             WHERE partner.shared_by_id = asset.owner_id
                               AND partner.shared_with_id = :user_id::uuid)))
""")

ASSETS_OF_LINK = sql("""
    SELECT asset.id
      FROM asset
     WHERE asset.id = ANY(:ids::uuid[])
       AND asset.status = 'active'
       AND asset.visibility <> 'locked'
       AND (asset.visibility <> 'hidden'
            OR NOT EXISTS (SELECT 1
                             FROM asset AS still
                            WHERE still.live_video_id = asset.id
                              AND still.visibility = 'locked'))
       AND EXISTS (SELECT 1
                     FROM asset AS shown
                    WHERE shown.status = 'active'
                      AND shown.visibility <> 'locked'
                      AND (shown.id = asset.id OR shown.live_video_id = asset.id)
                      AND (EXISTS (SELECT 1
                                     FROM shared_link_asset
                                    WHERE shared_link_asset.shared_link_id = :link_id::uuid
                                      AND shared_link_asset.asset_id = shown.id)
                           OR EXISTS (SELECT 1
                                        FROM album_asset
                                       WHERE album_asset.album_id = :album_id::uuid
                                         AND album_asset.asset_id = shown.id)))
""")

ALBUMS = sql("""
    SELECT album.id
      FROM album
      JOIN album_user ON album_user.album_id = album.id
                     AND album_user.user_id = :user_id::uuid
                     AND album_user.role = ANY(:roles::text[])
      JOIN album_user AS host ON host.album_id = album.id AND host.role = 'owner'
      JOIN users ON users.id = host.user_id AND users.deleted_at IS NULL
     WHERE album.id = ANY(:ids::uuid[])
       AND album.deleted_at IS NULL
""")

SHARERS = sql("""
    SELECT partner.shared_by_id AS id
      FROM partner
      JOIN users ON users.id = partner.shared_by_id AND users.deleted_at IS NULL
     WHERE partner.shared_by_id = ANY(:ids::uuid[])
       AND partner.shared_with_id = :user_id::uuid
""")

IN_TIMELINE = sql("""
    SELECT partner.shared_by_id AS id
      FROM partner
      JOIN users ON users.id = partner.shared_by_id AND users.deleted_at IS NULL
     WHERE partner.shared_with_id = :user_id
       AND partner.in_timeline
     ORDER BY partner.shared_by_id
     LIMIT 1000
""")

# A link ends with its time, its maker's account and its album.
_LINK: LiteralString = """
    SELECT shared_link.id, shared_link.user_id, shared_link.album_id, shared_link.allow_upload,
           shared_link.allow_download, shared_link.show_metadata
      FROM shared_link
      JOIN users ON users.id = shared_link.user_id AND users.deleted_at IS NULL
      LEFT JOIN album ON album.id = shared_link.album_id
     WHERE (shared_link.expires_at IS NULL OR shared_link.expires_at > :now)
       AND album.deleted_at IS NULL
"""
LINK_BY_KEY = sql(_LINK + " AND shared_link.key = :key")
LINK_BY_SLUG = sql(_LINK + " AND shared_link.slug = :slug")

SESSIONS = sql("SELECT id FROM session WHERE id = ANY(:ids::uuid[]) AND user_id = :user_id::uuid")
TAGS = sql("SELECT id FROM tag WHERE id = ANY(:ids::uuid[]) AND owner_id = :user_id::uuid")
STACKS = sql("SELECT id FROM stack WHERE id = ANY(:ids::uuid[]) AND owner_id = :user_id::uuid")
# A group is known by what shows in it: one of which everything is locked or thrown away is none.
DUPLICATES = sql("""
    SELECT DISTINCT duplicate_id AS id
      FROM asset
     WHERE duplicate_id = ANY(:ids::uuid[])
       AND owner_id = :user_id::uuid
       AND status = 'active'
       AND visibility IN ('archive', 'timeline')
       AND stack_id IS NULL
       AND NOT is_motion_part
""")
PEOPLE = sql("SELECT id FROM person WHERE id = ANY(:ids::uuid[]) AND owner_id = :user_id::uuid")
FACES = sql("""
    SELECT face.id
      FROM face
      JOIN asset ON asset.id = face.asset_id
     WHERE face.id = ANY(:ids::uuid[])
       AND face.owner_id = :user_id::uuid
       AND asset.status <> 'deleted'
       AND (asset.visibility <> 'locked' OR :locked_too::boolean)
""")


async def assets(
    look: Look, ids: list[UUID], user_id: UserId, *, locked_too: bool, by_album: bool, by_partner: bool
) -> set[UUID]:
    """Assets that a person may use: their own, and with the flags also what albums and partners show them."""
    return _ids(
        await look.all(
            ASSETS, ids=ids, user_id=user_id, locked_too=locked_too, by_album=by_album, by_partner=by_partner
        )
    )


async def assets_of_link(look: Look, ids: list[UUID], link_id: UUID, album_id: UUID | None) -> set[UUID]:
    """Assets that a shared link shows, by itself or through its album."""
    return _ids(await look.all(ASSETS_OF_LINK, ids=ids, link_id=link_id, album_id=album_id))


async def albums(look: Look, ids: list[UUID], user_id: UserId, *, roles: list[str]) -> set[UUID]:
    """Albums in which a person has one of the roles."""
    return _ids(await look.all(ALBUMS, ids=ids, user_id=user_id, roles=roles))


async def sharers(look: Look, ids: list[UUID], user_id: UserId) -> set[UUID]:
    """Those of the people who share their timeline with `user_id`."""
    return _ids(await look.all(SHARERS, ids=ids, user_id=user_id))


async def partners_in_timeline(look: Look, user_id: UserId) -> list[UserId]:
    """Who shares with `user_id` and is mixed into their timeline."""
    return [row["id"] for row in await look.all(IN_TIMELINE, user_id=user_id)]


async def sessions(look: Look, ids: list[UUID], user_id: UserId) -> set[UUID]:
    """A person's own sessions."""
    return _ids(await look.all(SESSIONS, ids=ids, user_id=user_id))


async def tags(look: Look, ids: list[UUID], user_id: UserId) -> set[UUID]:
    """A person's own tags."""
    return _ids(await look.all(TAGS, ids=ids, user_id=user_id))


async def stacks(look: Look, ids: list[UUID], user_id: UserId) -> set[UUID]:
    """A person's own stacks."""
    return _ids(await look.all(STACKS, ids=ids, user_id=user_id))


async def people(look: Look, ids: list[UUID], user_id: UserId) -> set[UUID]:
    """People in a person's own pictures."""
    return _ids(await look.all(PEOPLE, ids=ids, user_id=user_id))


async def faces(look: Look, ids: list[UUID], user_id: UserId, *, locked_too: bool) -> set[UUID]:
    """Faces in a person's own pictures."""
    return _ids(await look.all(FACES, ids=ids, user_id=user_id, locked_too=locked_too))


async def duplicates(look: Look, ids: list[UUID], user_id: UserId) -> set[UUID]:
    """Groups of look-alikes in which something of a person's own shows."""
    return _ids(await look.all(DUPLICATES, ids=ids, user_id=user_id))


async def link_by_key(look: Look, key: bytes, now: datetime) -> Link | None:
    """The valid link with this key."""
    row = await look.one(LINK_BY_KEY, key=key, now=now)
    return Link(*row.values()) if row else None


async def link_by_slug(look: Look, slug: str, now: datetime) -> Link | None:
    """The valid link with this slug, which is case-sensitive."""
    row = await look.one(LINK_BY_SLUG, slug=slug, now=now)
    return Link(*row.values()) if row else None


def _ids(rows: Iterable[Any]) -> set[UUID]:
    return {row["id"] for row in rows}
