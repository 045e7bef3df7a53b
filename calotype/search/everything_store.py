"""SQL behind the one box: names a library knows, the newest that match, and why a photo was found."""

from typing import LiteralString
from uuid import UUID

from calotype.core.ids import AssetId, UserId
from calotype.core.sql import sql
from calotype.core.tx import Look, Row
from calotype.search import condition_store
from calotype.search.leap_store import values_of
from calotype.search.query import Filters, Reach

_SHOWN: LiteralString = "(asset.visibility = 'timeline' OR asset.visibility = 'archive' AND asset.owner_id = :viewer)"
_MOST: LiteralString = " LIMIT 20000"
CITIES = sql(values_of("city", shown=_SHOWN) + _MOST)
STATES = sql(values_of("state", shown=_SHOWN) + _MOST)
COUNTRIES = sql(values_of("country", shown=_SHOWN) + _MOST)
PEOPLE = sql("""
    SELECT id, name FROM person WHERE owner_id = :viewer AND name <> '' AND NOT is_hidden ORDER BY name, id LIMIT 5000
""")
TAGS = sql("SELECT id, value FROM tag WHERE owner_id = :viewer ORDER BY value, id LIMIT 5000")

_NEWEST: LiteralString = """
    SELECT found.id
      FROM unnest(:owners::uuid[]) AS whose(owner_id)
     CROSS JOIN LATERAL (
        SELECT asset.id, asset.taken_at
          FROM asset
         WHERE asset.owner_id = whose.owner_id
           AND {where}
         ORDER BY asset.taken_at DESC, asset.id DESC
         LIMIT :reach) AS found
     ORDER BY found.taken_at DESC, found.id DESC
     LIMIT :reach
"""
_NEWEST_OF_ALBUMS: LiteralString = """
    SELECT asset.id
      FROM asset
     WHERE asset.id IN (SELECT asset_id FROM album_asset WHERE album_id = ANY(:album_ids::uuid[]))
       AND {where}
     ORDER BY asset.taken_at DESC, asset.id DESC
     LIMIT :reach
"""
WHY = sql("""
    SELECT asset.id, asset.city, asset.state, asset.country, asset.description, asset.original_name,
           asset.local_taken::date AS day,
           ARRAY(SELECT DISTINCT face.person_id FROM face
                  WHERE face.asset_id = asset.id AND face.person_id = ANY(:people::uuid[]) AND face.is_visible
                    AND face.deleted_at IS NULL) AS people,
           ARRAY(WITH RECURSIVE below AS (
                     SELECT tag.id, tag.id AS named FROM tag WHERE tag.id = ANY(:tags::uuid[])
                      UNION SELECT tag.id, below.named FROM tag JOIN below ON tag.parent_id = below.id)
                 SELECT DISTINCT below.named FROM tag_asset JOIN below ON below.id = tag_asset.tag_id
                  WHERE tag_asset.asset_id = asset.id) AS tags,
           (SELECT line.text
              FROM text_line AS line
             WHERE line.asset_id = asset.id AND line.is_visible
               AND (fold(:words::text) <% fold(line.text) OR fold(line.text) LIKE '%' || fold(:words::text) || '%')
             ORDER BY word_similarity(fold(:words::text), fold(line.text)) DESC, line.place
             LIMIT 1) AS line
      FROM asset
     WHERE asset.id = ANY(:ids::uuid[])
""")


async def places(look: Look, owners: list[UserId], viewer: UserId) -> dict[str, list[str]]:
    """Names of cities, states and countries in the libraries, as far as the viewer sees them."""
    found: dict[str, list[str]] = {}
    for kind, statement in (("city", CITIES), ("state", STATES), ("country", COUNTRIES)):
        found[kind] = [row["value"] for row in await look.all(statement, owners=owners, viewer=viewer)]
    return found


async def people(look: Look, viewer: UserId) -> list[Row]:
    """id and name of everybody who has a name and is not hidden."""
    return await look.all(PEOPLE, viewer=viewer)


async def tags(look: Look, viewer: UserId) -> list[Row]:
    """id and value (the whole path) of each tag."""
    return await look.all(TAGS, viewer=viewer)


async def newest(look: Look, asked: Filters, reach: Reach, *, media_root: str, size: int) -> list[AssetId]:
    """The latest photos that match."""
    where = condition_store.conditions(asked, reach, media_root)
    arguments = where.arguments | {
        "owners": [reach.viewer, *reach.partners],
        "album_ids": list(reach.album_ids),
        "reach": size,
    }
    statement = where.into(_NEWEST_OF_ALBUMS if reach.album_ids else _NEWEST)
    return [AssetId(row["id"]) for row in await look.all(statement, **arguments)]


async def why(
    look: Look, ids: list[AssetId], *, people: list[UUID], tags: list[UUID], words: str
) -> dict[AssetId, Row]:
    """What each photo has of the things that were named; `line`: the text in it that is most like the words."""
    rows = await look.all(WHY, ids=ids, people=people, tags=tags, words=words)
    return {AssetId(row["id"]): row for row in rows}
