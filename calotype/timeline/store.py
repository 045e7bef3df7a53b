"""SQL: the columns of a bucket, finished as JSON by Postgres."""

from datetime import date
from typing import LiteralString

from calotype.core.sql import Where
from calotype.core.tx import Look
from calotype.timeline.months import AS_BUCKETS
from calotype.timeline.scope import Scope, next_month

# A month's columns are texts that `string_agg` lengthens photo by photo, so whatever can be done once for a whole column is
# not done for each photo: quotes are part of the separator, a missing value is a mark that becomes null at the end, and what
# strangers wrote is escaped in one piece. The marks are characters that Unicode leaves to private use. What is dear to write
# (times, ratios) lies ready in the row.


def _same(value: LiteralString) -> LiteralString:
    """A column in which every photo has this JSON text."""
    return "CASE WHEN count(*) > 0 THEN repeat(" + value + " || ',', count(*)::integer - 1) || " + value + " END"


def _plain(value: LiteralString) -> LiteralString:
    """A column of strings without anything that JSON escapes; none is null."""
    return "'\"' || string_agg(" + value + "::text, '\",\"') || '\"'"


def _maybe_plain(value: LiteralString) -> LiteralString:
    """The same where some are null. None of them is a single minus."""
    return "replace('\"' || string_agg(COALESCE(" + value + "::text, '-'), '\",\"') || '\"', '\"-\"', 'null')"


def _seldom(value: LiteralString) -> LiteralString:
    """A column that is null for most photos; `value` is JSON text. To replace as many marks would cost more."""
    return "string_agg(COALESCE(" + value + ", 'null'), ',')"


def _words(value: LiteralString) -> LiteralString:
    """A column of strings that somebody wrote; some are null."""
    column: LiteralString = "to_json(string_agg(COALESCE(" + value + ", U&'\\F8FE'), U&'\\F8FF'))::text"
    return "replace(replace(" + column + ", U&'\\F8FF', '\",\"'), U&'\"\\F8FE\"', 'null')"


def _number(value: LiteralString) -> LiteralString:
    return _seldom(value + "::text")


def _flag(condition: LiteralString) -> LiteralString:
    return "string_agg(CASE WHEN " + condition + " THEN 'true' ELSE 'false' END, ',')"


def _columns(*columns: tuple[LiteralString, LiteralString]) -> LiteralString:
    text: LiteralString = ""
    for name, values in columns:
        text += ", ',\"" + name + "\":[', " + values + ", ']'"
    return text


_ID: LiteralString = "SELECT convert_to(concat('{\"id\":[', " + _plain("id") + ", ']'"
_ONE_OWNER = _columns(("ownerId", _same("'\"' || :owner::uuid || '\"'")))
_MANY_OWNERS = _columns(("ownerId", _plain("owner_id")))
_LOOKS = _columns(
    ("ratio", "string_agg(tile_ratio, ',')"),
    ("isFavorite", _flag("is_favorite AND owner_id = :viewer")),
    # The usual word as a constant: to write an enum Postgres looks it up, photo by photo.
    ("visibility", _plain("CASE WHEN visibility = 'timeline' THEN 'timeline' ELSE visibility::text END")),
)
_ACTIVE = _columns(("status", _same("'\"active\"'")), ("isTrashed", _same("'false'")))
_TRASHED = _columns(("status", _same("'\"trashed\"'")), ("isTrashed", _same("'true'")))
_REST = _columns(
    ("isImage", _flag("type = 'IMAGE'")),
    ("livePhotoVideoId", _seldom("'\"' || live_video_id || '\"'")),
    ("thumbhash", _maybe_plain("encode(thumbhash, 'base64')")),
    ("projectionType", _seldom("to_json(projection_type)::text")),
    ("duration", _number("duration_ms")),
    ("fileCreatedAt", "string_agg(tile_taken, ',')"),
    ("createdAt", "string_agg(tile_created, ',')"),
    ("localOffsetHours", "string_agg(tile_hours, ',')"),
)
_PLACES = _columns(("city", _words("city")), ("country", _words("country")))
_COORDINATES = _columns(("latitude", _number("latitude")), ("longitude", _number("longitude")))
_STACKS = _columns(
    (
        "stack",
        """string_agg(CASE WHEN stack_id IS NULL THEN 'null' ELSE
               (SELECT '["' || photo.stack_id || '","' || count(*) || '"]' FROM asset AS member
                 WHERE member.stack_id = photo.stack_id AND member.status = 'active'
                   AND member.visibility = 'timeline') END, ',')""",
    )
)
# As bytes: half a megabyte need not be decoded to be encoded again.
_FROM: LiteralString = ", '}'), 'UTF8') FROM (SELECT asset.* FROM asset WHERE {where} "
_BY_TAKEN_NEWEST: LiteralString = "ORDER BY asset.local_taken::date DESC, asset.taken_at DESC) AS photo"
_BY_TAKEN_OLDEST: LiteralString = "ORDER BY asset.local_taken::date, asset.taken_at) AS photo"
_BY_CREATED_NEWEST: LiteralString = "ORDER BY asset.created_at DESC, asset.taken_at DESC) AS photo"
_BY_CREATED_OLDEST: LiteralString = "ORDER BY asset.created_at, asset.taken_at) AS photo"

_COUNTED: LiteralString = (
    AS_BUCKETS
    + """
      FROM (SELECT date_trunc('month', CASE WHEN :by_creation THEN asset.created_at::timestamp
                                            ELSE asset.local_taken END)::date AS month, count(*) AS assets
              FROM asset
             WHERE {where}
             GROUP BY 1) AS shown
"""
)

_ON_WHICH: LiteralString = """asset.id IN (
    SELECT face.asset_id FROM face
     WHERE face.person_id = :person_id AND face.place = ANY(:places::text[]::"char"[]) AND face.is_visible
       AND face.deleted_at IS NULL """


def _where(scope: Scope, month: date | None = None) -> Where:
    """What must hold of a row of `asset` to be shown, in one month or in any."""
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
    is_told_by_faces = scope.person_id is not None and not scope.by_creation
    if scope.person_id is not None:
        where.add(
            _ON_WHICH + ("AND face.month = :first)" if month and is_told_by_faces else ")"),
            person_id=scope.person_id,
            places=list(scope.places),
        )
    if scope.box is not None:
        where.add("asset.latitude BETWEEN :south AND :north", south=scope.box.south, north=scope.box.north)
        if scope.box.west <= scope.box.east:
            where.add("asset.longitude BETWEEN :west AND :east", west=scope.box.west, east=scope.box.east)
        else:
            where.add(
                "(asset.longitude >= :west OR asset.longitude <= :east)", west=scope.box.west, east=scope.box.east
            )
    if month and scope.by_creation:
        where.add("asset.created_at >= :first::timestamptz AND asset.created_at < :after::timestamptz")
    elif month and not is_told_by_faces:  # else Postgres may think it better to walk through everybody's month
        where.add("asset.local_taken::date >= :first::date AND asset.local_taken::date < :after::date")
    if month:
        where.arguments.update(first=month, after=next_month(month))
    return where


async def bucket(look: Look, scope: Scope, month: date) -> bytes:
    """One month as columns of equal length, JSON. Empty columns when nothing is there."""
    where = _where(scope, month)
    text = _ID + (_ONE_OWNER if len(scope.owners) == 1 else _MANY_OWNERS) + _LOOKS
    text += (_ACTIVE if scope.status == "active" else _TRASHED) + _REST
    if not scope.hides_places:
        text += _PLACES
        if scope.with_coordinates:
            text += _COORDINATES
    if scope.with_stacked:
        text += _STACKS
    text += _FROM
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
