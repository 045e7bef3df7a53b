"""SQL: a library at a glance: one photo for each place, and what came last."""

from typing import LiteralString

from calotype.assets.store import ASSET_EXIF_JSON, ASSET_TAGS_JSON
from calotype.core.ids import UserId
from calotype.core.sql import sql
from calotype.core.tx import Look, Row

# Cities are walked through by leaps over the index, so that a million photos of a hundred cities cost a hundred steps.
_CITIES: LiteralString = """
    WITH RECURSIVE city AS (
        SELECT whose.owner_id,
               (SELECT min(asset.city) FROM asset WHERE asset.owner_id = whose.owner_id AND asset.city > '') AS name
          FROM unnest(:owners::uuid[]) AS whose(owner_id)
         UNION ALL
        SELECT city.owner_id,
               (SELECT min(asset.city) FROM asset WHERE asset.owner_id = city.owner_id AND asset.city > city.name)
          FROM city WHERE city.name IS NOT NULL)
"""
_LATEST: LiteralString = """
      FROM city
     CROSS JOIN LATERAL (
        SELECT photo.id, photo.taken_at
          FROM asset AS photo
         WHERE photo.owner_id = city.owner_id AND photo.city = city.name AND photo.type = 'IMAGE'
           AND photo.visibility = 'timeline' AND photo.status = 'active'
         ORDER BY photo.taken_at DESC, photo.id DESC
         LIMIT 1) AS latest
"""
CITIES = sql(
    _CITIES
    + """
    SELECT """
    + ASSET_EXIF_JSON
    + """ AS item
      FROM (SELECT DISTINCT ON (city.name) city.name, latest.id """
    + _LATEST
    + """
             ORDER BY city.name, latest.taken_at DESC, latest.id DESC) AS shown
      JOIN asset ON asset.id = shown.id
     ORDER BY fold(shown.name), shown.name
"""
)
WELL_KNOWN_CITIES = sql(
    _CITIES
    + """
    SELECT shown.name AS value, """
    + ASSET_TAGS_JSON
    + """ AS item
      FROM (SELECT city.name, latest.id, latest.taken_at """
    + _LATEST
    + """
             WHERE EXISTS (
                SELECT FROM asset AS other
                 WHERE other.owner_id = city.owner_id AND other.city = city.name AND other.visibility = 'timeline'
                   AND other.status = 'active'
                OFFSET :least - 1)
             ORDER BY latest.taken_at DESC, latest.id DESC
             LIMIT :limit) AS shown
      JOIN asset ON asset.id = shown.id
     ORDER BY shown.taken_at DESC, shown.id DESC
"""
)
LATEST = sql(
    """
    SELECT to_char(asset.created_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS value, """
    + ASSET_TAGS_JSON
    + """ AS item
      FROM asset
     WHERE asset.owner_id = :viewer AND asset.type = 'IMAGE' AND asset.visibility = 'timeline' AND asset.status = 'active'
     ORDER BY asset.created_at DESC, asset.id DESC
     LIMIT :limit
"""
)


async def cities(look: Look, owners: list[UserId], *, viewer: UserId, media_root: str) -> list[str]:
    """The latest photo of each city, in the order of their names, as JSON text."""
    rows = await look.all(CITIES, owners=owners, viewer=viewer, media_root=media_root)
    return [row["item"] for row in rows]


async def well_known_cities(look: Look, viewer: UserId, *, media_root: str, least: int, limit: int) -> list[Row]:
    """`value` and `item` of cities with at least so many photos, the ones last visited first."""
    return await look.all(
        WELL_KNOWN_CITIES, owners=[viewer], viewer=viewer, media_root=media_root, least=least, limit=limit
    )


async def latest(look: Look, viewer: UserId, *, media_root: str, limit: int) -> list[Row]:
    """`value` (when it was added) and `item` of the photos that came last."""
    return await look.all(LATEST, viewer=viewer, media_root=media_root, limit=limit)
