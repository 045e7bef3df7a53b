"""SQL: the columns of a bucket, finished as JSON by Postgres."""

from datetime import date
from typing import LiteralString

from calotype.core.sql import Where
from calotype.core.tx import Look
from calotype.timeline.scope import Scope, next_month

# Text is put together by `string_agg` rather than `json_agg`: half the CPU for the same bytes. Only names of places can hold
# a quote; everything else is made of digits, hex and base64.
_TILES: LiteralString = """
    SELECT asset.id, asset.owner_id, asset.visibility, asset.status,
           CASE WHEN asset.is_favorite AND asset.owner_id = :viewer THEN 'true' ELSE 'false' END AS favorite,
           CASE asset.type WHEN 'IMAGE' THEN 'true' ELSE 'false' END AS image,
           coalesce('"' || asset.live_video_id || '"', 'null') AS live,
           coalesce('"' || encode(asset.thumbhash, 'base64') || '"', 'null') AS hash,
           coalesce('"' || asset.projection_type || '"', 'null') AS projection,
           coalesce(asset.duration_ms::text, 'null') AS duration,
           CASE WHEN asset.width > 0 AND asset.height > 0
                THEN round(asset.width * 1000.0::float8 / asset.height) / 1000 ELSE 1 END AS ratio,
           replace(asset.taken_at::timestamp::text, ' ', 'T') AS taken,
           replace(asset.created_at::timestamp::text, ' ', 'T') AS created,
           date_part('epoch', asset.local_taken - asset.taken_at::timestamp) / 3600 AS hours,
           CASE WHEN asset.city IS NULL THEN 'null' WHEN asset.city ~ '["\\\\]' THEN to_json(asset.city)::text
                ELSE '"' || asset.city || '"' END AS city,
           CASE WHEN asset.country IS NULL THEN 'null' WHEN asset.country ~ '["\\\\]' THEN to_json(asset.country)::text
                ELSE '"' || asset.country || '"' END AS country,
           coalesce(asset.latitude::text, 'null') AS latitude, coalesce(asset.longitude::text, 'null') AS longitude,
           asset.stack_id
      FROM asset
     WHERE {where}
"""
_COLUMNS: LiteralString = """
    SELECT convert_to(concat('{"id":[', string_agg('"' || id || '"', ','),
                  '],"ownerId":[', string_agg('"' || owner_id || '"', ','),
                  '],"ratio":[', string_agg(ratio::text, ','),
                  '],"isFavorite":[', string_agg(favorite, ','),
                  '],"visibility":[', string_agg('"' || visibility || '"', ','),
                  '],"status":[', string_agg('"' || status || '"', ','),
                  '],"isTrashed":[', string_agg(CASE status WHEN 'active' THEN 'false' ELSE 'true' END, ','),
                  '],"isImage":[', string_agg(image, ','),
                  '],"livePhotoVideoId":[', string_agg(live, ','),
                  '],"thumbhash":[', string_agg(hash, ','),
                  '],"projectionType":[', string_agg(projection, ','),
                  '],"duration":[', string_agg(duration, ','),
                  '],"fileCreatedAt":[', string_agg('"' || taken || '"', ','),
                  '],"createdAt":[', string_agg('"' || created || '"', ','),
                  '],"localOffsetHours":[', string_agg(hours::text, ','),
"""
_PLACES: LiteralString = """
                  '],"city":[', string_agg(city, ','),
                  '],"country":[', string_agg(country, ','),
"""
_COORDINATES: LiteralString = """
                  '],"latitude":[', string_agg(latitude, ','),
                  '],"longitude":[', string_agg(longitude, ','),
"""
_STACKS: LiteralString = """
                  '],"stack":[', string_agg(CASE WHEN stack_id IS NULL THEN 'null' ELSE
                      (SELECT '["' || tile.stack_id || '","' || count(*) || '"]' FROM asset AS member
                        WHERE member.stack_id = tile.stack_id AND member.status = 'active'
                          AND member.visibility = 'timeline') END, ','),
"""
_END: LiteralString = "']}'), 'UTF8') FROM ("  # as bytes: half a megabyte need not be decoded to be encoded again
_BY_TAKEN_NEWEST: LiteralString = "ORDER BY asset.local_taken::date DESC, asset.taken_at DESC) AS tile"
_BY_TAKEN_OLDEST: LiteralString = "ORDER BY asset.local_taken::date, asset.taken_at) AS tile"
_BY_CREATED_NEWEST: LiteralString = "ORDER BY asset.created_at DESC, asset.taken_at DESC) AS tile"
_BY_CREATED_OLDEST: LiteralString = "ORDER BY asset.created_at, asset.taken_at) AS tile"

_COUNTED: LiteralString = """
    SELECT coalesce('[' || string_agg('{"timeBucket":"' || month || '","count":' || assets || '}', ','
                                      ORDER BY CASE WHEN :newest_first THEN -(month - DATE '0001-01-01')
                                                    ELSE month - DATE '0001-01-01' END) || ']', '[]')
      FROM (SELECT date_trunc('month', CASE WHEN :by_creation THEN asset.created_at::timestamp
                                            ELSE asset.local_taken END)::date AS month, count(*) AS assets
              FROM asset
             WHERE {where}
             GROUP BY 1) AS shown
"""


def _where(scope: Scope) -> Where:
    where = Where(arguments={"viewer": scope.viewer})
    if not scope.owners and (scope.status != "active" or "locked" in scope.visibilities):
        where.add("asset.owner_id = :viewer")  # an album shows nobody else's trash or locked folder
    if scope.owners:
        if len(scope.owners) == 1:
            where.add("asset.owner_id = :owner", owner=scope.owners[0])
        else:
            where.add("asset.owner_id = ANY(:owners)", owners=list(scope.owners))
    where.add("asset.visibility = ANY(:visibilities::asset_visibility[])", visibilities=list(scope.visibilities))
    if scope.status == "active":
        where.add("asset.status = 'active'")
    else:
        where.add("asset.status = 'trashed'")
    if scope.is_favorite is not None:
        where.add("asset.is_favorite = :is_favorite", is_favorite=scope.is_favorite)
        if scope.is_favorite:
            where.add("asset.owner_id = :viewer")
    if scope.with_stacked:
        where.add("NOT asset.is_stacked_away")
    if scope.album_id is not None:
        where.add("asset.id IN (SELECT asset_id FROM album_asset WHERE album_id = :album_id)", album_id=scope.album_id)
    if scope.tag_id is not None:
        where.add(
            """asset.id IN (WITH RECURSIVE below AS (
                   SELECT id FROM tag WHERE id = :tag_id
                    UNION ALL SELECT tag.id FROM tag JOIN below ON tag.parent_id = below.id)
               SELECT asset_id FROM tag_asset WHERE tag_id IN (SELECT id FROM below))""",
            tag_id=scope.tag_id,
        )
    if scope.person_id is not None:
        where.add(
            """asset.id IN (SELECT asset_id FROM face
                            WHERE person_id = :person_id AND is_visible AND deleted_at IS NULL)""",
            person_id=scope.person_id,
        )
    if scope.box is not None:
        where.add("asset.latitude BETWEEN :south AND :north", south=scope.box.south, north=scope.box.north)
        if scope.box.west <= scope.box.east:
            where.add("asset.longitude BETWEEN :west AND :east", west=scope.box.west, east=scope.box.east)
        else:
            where.add(
                "(asset.longitude >= :west OR asset.longitude <= :east)", west=scope.box.west, east=scope.box.east
            )
    return where


async def bucket(look: Look, scope: Scope, month: date) -> bytes:
    """One month as columns of equal length, JSON. Empty columns when nothing is there."""
    where = _where(scope)
    if scope.by_creation:
        where.add("asset.created_at >= :first::timestamptz AND asset.created_at < :after::timestamptz")
    else:
        where.add("asset.local_taken::date >= :first::date AND asset.local_taken::date < :after::date")
    where.arguments.update(first=month, after=next_month(month))
    text = _COLUMNS
    if not scope.hides_places:
        text += _PLACES
        if scope.with_coordinates:
            text += _COORDINATES
    if scope.with_stacked:
        text += _STACKS
    text += _END + _TILES
    if scope.by_creation:
        text += _BY_CREATED_NEWEST if scope.newest_first else _BY_CREATED_OLDEST
    else:
        text += _BY_TAKEN_NEWEST if scope.newest_first else _BY_TAKEN_OLDEST
    return bytes(await look.value(where.into(text), **where.arguments))


async def counted(look: Look, scope: Scope) -> bytes:
    """The answer of /timeline/buckets by counting, for scopes that no maintained count fits."""
    where = _where(scope)
    arguments = where.arguments | {"newest_first": scope.newest_first, "by_creation": scope.by_creation}
    return str(await look.value(where.into(_COUNTED), **arguments)).encode()
