"""SQL: the library under conditions. Each field and operator is one literal fragment; values travel as arguments."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString, cast
from uuid import UUID

from calotype.assets.store import ASSET_EXIF_JSON, ASSET_EXIF_PEOPLE_JSON, ASSET_JSON, ASSET_PEOPLE_JSON
from calotype.core.ids import UserId
from calotype.core.sql import Sql, Where, sql
from calotype.core.tx import Look
from calotype.search.query import Condition, Cursor, Filters, Order, Reach

_TAGS_BELOW: LiteralString = """(WITH RECURSIVE below AS (
    SELECT id FROM tag WHERE id = ANY(:value::uuid[])
     UNION SELECT tag.id FROM tag JOIN below ON tag.parent_id = below.id)
    SELECT id FROM below)"""
_TAGGED: LiteralString = (
    "(SELECT FROM tag_asset AS link WHERE link.asset_id = asset.id AND link.tag_id IN " + _TAGS_BELOW + ")"
)
_IN_ALBUM: LiteralString = (
    "(SELECT FROM album_asset AS link WHERE link.asset_id = asset.id AND link.album_id = ANY(:value::uuid[]))"
)
_ALL_TAGS: LiteralString = """NOT EXISTS (
    SELECT FROM unnest(:value::uuid[]) AS wanted(id)
     WHERE NOT EXISTS (
        WITH RECURSIVE below AS (
            SELECT wanted.id UNION SELECT tag.id FROM tag JOIN below ON tag.parent_id = below.id)
        SELECT FROM tag_asset JOIN below ON below.id = tag_asset.tag_id WHERE tag_asset.asset_id = asset.id))"""


def _text(column: LiteralString) -> dict[str, LiteralString]:
    return {
        "eq": column + " = :value::text",
        "ne": column + " <> :value::text",
        "in": column + " = ANY(:value::text[])",
        "notIn": column + " <> ALL(:value::text[])",
        "null": column + " IS NULL",
        "notNull": column + " IS NOT NULL",
    }


def _pattern(column: LiteralString) -> Mapping[str, LiteralString]:
    folded: LiteralString = "fold(" + column + ")"
    patterns: dict[str, LiteralString] = {
        "like": folded + " LIKE '%' || fold(:value::text) || '%'",
        "notLike": folded + " NOT LIKE '%' || fold(:value::text) || '%'",
        "startsWith": folded + " LIKE fold(:value::text) || '%'",
        "endsWith": folded + " LIKE '%' || fold(:value::text)",
    }
    return {**_text(column), **patterns}


# Found by its numbers; the whole is compared in a form that no index has.
_NAMED_BY_NUMBERS: LiteralString = (
    "(fold(asset.original_name) LIKE :numbers::text"
    " AND fold(asset.original_name) || '' LIKE '%' || fold(:value::text) || '%')"
)


def _ordered(column: LiteralString, kind: LiteralString) -> dict[str, LiteralString]:
    return {
        "eq": column + " = :value::" + kind,
        "ne": column + " <> :value::" + kind,
        "lt": column + " < :value::" + kind,
        "lte": column + " <= :value::" + kind,
        "gt": column + " > :value::" + kind,
        "gte": column + " >= :value::" + kind,
        "in": column + " = ANY(:value::" + kind + "[])",
        "notIn": column + " <> ALL(:value::" + kind + "[])",
        "null": column + " IS NULL",
        "notNull": column + " IS NOT NULL",
    }


def _changed() -> dict[str, LiteralString]:
    # A row's version begins with the time of its change: that index finds what changed lately.
    lately: dict[str, LiteralString] = {
        "gte": "(asset.updated_at >= :value::timestamptz AND asset.update_id >= first_version(:value::timestamptz))",
        "gt": "(asset.updated_at > :value::timestamptz AND asset.update_id >= first_version(:value::timestamptz))",
    }
    return {**_ordered("asset.updated_at", "timestamptz"), **lately}


def _enum(column: LiteralString, kind: LiteralString) -> dict[str, LiteralString]:
    return {
        "eq": column + " = :value::" + kind,
        "ne": column + " <> :value::" + kind,
        "in": column + " = ANY(:value::" + kind + "[])",
        "notIn": column + " <> ALL(:value::" + kind + "[])",
    }


def _yes_no(yes: LiteralString) -> dict[str, LiteralString]:
    return {"true": yes, "false": "NOT " + yes}


_ENCODED: LiteralString = (
    "(SELECT file.path FROM asset_file AS file WHERE file.asset_id = asset.id AND file.type = 'encoded_video' LIMIT 1)"
)

_SEEN_FACE: LiteralString = "face.asset_id = asset.id AND face.is_visible AND face.deleted_at IS NULL"
_WITH_PERSON: LiteralString = "(SELECT FROM face WHERE face.person_id = ANY(:value::uuid[]) AND " + _SEEN_FACE + ")"
_WITH_ALL_PERSONS: LiteralString = """asset.id IN (
    SELECT face.asset_id
      FROM face
     WHERE face.person_id = ANY(:value::uuid[]) AND face.is_visible AND face.deleted_at IS NULL
     GROUP BY face.asset_id
    HAVING count(DISTINCT face.person_id) = (SELECT count(DISTINCT wanted) FROM unnest(:value::uuid[]) AS wanted))"""
# Words as they were read, where a letter may be wrong; and parts of words, also in scripts that have no trigrams.
_READS: LiteralString = """EXISTS (
    SELECT FROM asset_text AS read
     WHERE read.asset_id = asset.id AND read.words <> ''
       AND (fold(:value::text) <% read.words OR read.words LIKE '%' || fold(:value::text) || '%'))"""

FRAGMENTS: Mapping[str, Mapping[str, LiteralString]] = {
    "id": {"eq": "asset.id = :value::uuid", "ne": "asset.id <> :value::uuid"},
    "libraryId": {
        "eq": "asset.library_id = :value::uuid",
        "ne": "asset.library_id <> :value::uuid",
        "null": "asset.library_id IS NULL",
        "notNull": "asset.library_id IS NOT NULL",
    },
    "checksum": {
        "eq": "asset.checksum = :value::bytea",
        "ne": "asset.checksum <> :value::bytea",
        "in": "asset.checksum = ANY(:value::bytea[])",
        "notIn": "asset.checksum <> ALL(:value::bytea[])",
    },
    "encodedVideoPath": _text(_ENCODED),
    "city": _text("asset.city"),
    "state": _text("asset.state"),
    "country": _text("asset.country"),
    "make": _text("asset.make"),
    "model": _text("asset.model"),
    "lensModel": _text("asset.lens_model"),
    "description": _pattern("asset.description"),
    "originalFileName": _pattern("asset.original_name"),
    "originalPath": _pattern("asset.original_key"),
    "type": _enum("asset.type", "asset_type"),
    "visibility": _enum("asset.visibility", "asset_visibility"),
    "rating": _ordered("asset.rating", "smallint"),
    "fileSizeInBytes": _ordered("asset.size_bytes", "bigint"),
    "takenAt": _ordered("asset.taken_at", "timestamptz"),
    "createdAt": _ordered("asset.created_at", "timestamptz"),
    "updatedAt": _changed(),
    "trashedAt": _ordered("asset.deleted_at", "timestamptz"),
    "isFavorite": _yes_no("(asset.is_favorite AND asset.owner_id = :viewer::uuid)"),
    "isOffline": _yes_no("asset.is_offline"),
    "isMotion": _yes_no("(asset.live_video_id IS NOT NULL)"),
    "isEncoded": _yes_no(
        "EXISTS (SELECT FROM asset_file AS file WHERE file.asset_id = asset.id AND file.type = 'encoded_video')"
    ),
    "hasAlbums": _yes_no("EXISTS (SELECT FROM album_asset AS link WHERE link.asset_id = asset.id)"),
    "hasTags": _yes_no("EXISTS (SELECT FROM tag_asset AS link WHERE link.asset_id = asset.id)"),
    "hasPeople": _yes_no("EXISTS (SELECT FROM face WHERE face.person_id IS NOT NULL AND " + _SEEN_FACE + ")"),
    "personIds": {
        "any": "EXISTS " + _WITH_PERSON,
        "none": "NOT EXISTS " + _WITH_PERSON,
        "all": _WITH_ALL_PERSONS,
    },
    "ocr": {"matches": _READS},
    # Only our own box asks these: by the wall clock, and by a name that may be a city's, a state's or a country's.
    "localDay": {"gte": "asset.local_taken::date >= :value::date", "lte": "asset.local_taken::date <= :value::date"},
    "localMonth": {"eq": "extract(month FROM asset.local_taken) = :value::integer"},
    "place": {"eq": "(asset.city = :value::text OR asset.state = :value::text OR asset.country = :value::text)"},
    "tagIds": {"any": "EXISTS " + _TAGGED, "none": "NOT EXISTS " + _TAGGED, "all": _ALL_TAGS},
    "albumIds": {
        "any": "EXISTS " + _IN_ALBUM,
        "none": "NOT EXISTS " + _IN_ALBUM,
        "all": "(SELECT count(*) FROM album_asset AS link WHERE link.asset_id = asset.id"
        " AND link.album_id = ANY(:value::uuid[])) = cardinality(:value::uuid[])",
    },
}

ORDERS: dict[str, tuple[LiteralString, LiteralString]] = {
    "fileCreatedAt": ("asset.taken_at", "timestamptz"),
    # By day first: the same order, and the one the timeline's index has.
    "localDateTime": ("asset.local_taken", "timestamp"),
    "fileSizeInBytes": ("asset.size_bytes", "bigint"),
    "rating": ("asset.rating", "smallint"),
}

# Each owner's rows are taken in order from that owner's index and merged: one plan for one owner and for many.
_PAGE: LiteralString = """
    SELECT found.id, found.decides
      FROM unnest(:owners::uuid[]) AS whose(owner_id)
     CROSS JOIN LATERAL (
        SELECT asset.id, {column} AS decides
          FROM asset
         WHERE asset.owner_id = whose.owner_id
           AND {where}
         ORDER BY {column} {direction}, asset.id {direction}
         LIMIT :reach) AS found
     ORDER BY found.decides {direction}, found.id {direction}
     LIMIT :size OFFSET :offset
"""
_PAGE_OF_ALBUM: LiteralString = """
    SELECT asset.id, {column} AS decides
      FROM asset
     WHERE asset.id IN (SELECT asset_id FROM album_asset WHERE album_id = ANY(:album_ids))
       AND {where}
     ORDER BY {column} {direction}, asset.id {direction}
     LIMIT :size OFFSET :offset
"""
_BY_LOCAL_DAY: LiteralString = "ORDER BY asset.local_taken::date {direction}, asset.local_taken {direction}"
# Made in a second statement: its plan is the same for every question and is kept, while the page's is made anew for the
# values asked for. One row comes back: a hundred of them cost the driver as much as making their JSON.
_THESE: LiteralString = """
    SELECT string_agg({json}::text, ',' ORDER BY asset.place) AS items, count(*) AS shown
      FROM (SELECT asset.*, chosen.place
              FROM unnest(:ids::uuid[]) WITH ORDINALITY AS chosen(id, place)
              JOIN asset ON asset.id = chosen.id) AS asset
"""
_EACH_OF_THESE: LiteralString = """
    SELECT asset.id, {json} AS item FROM asset WHERE asset.id = ANY(:ids::uuid[])
"""
_COUNT: LiteralString = """
    SELECT count(*) FROM asset WHERE asset.owner_id = ANY(:owners::uuid[]) AND {where}
"""
_COUNT_OF_ALBUM: LiteralString = """
    SELECT count(*) FROM asset
     WHERE asset.id IN (SELECT asset_id FROM album_asset WHERE album_id = ANY(:album_ids)) AND {where}
"""
# A random start in the space of random ids, then onwards, then round: random enough for a wall, and no scan of the library.
_RANDOM: LiteralString = """
    WITH picked AS MATERIALIZED (
        (SELECT asset.id FROM asset WHERE {source} AND asset.id >= :pivot::uuid AND {where} ORDER BY asset.id LIMIT :size)
         UNION ALL
        (SELECT asset.id FROM asset WHERE {source} AND asset.id < :pivot::uuid AND {where} ORDER BY asset.id LIMIT :size))
    SELECT {json}::text AS item
      FROM (SELECT id FROM picked LIMIT :size) AS page JOIN asset ON asset.id = page.id
     ORDER BY random()
"""
_LARGE: LiteralString = """
    SELECT {json}::text AS item
      FROM asset
     WHERE asset.owner_id = ANY(:owners::uuid[]) AND {where}
     ORDER BY asset.size_bytes DESC, asset.id
     LIMIT :size
"""

SUGGESTIONS = {
    "country": sql("""
        SELECT DISTINCT country AS value FROM asset
         WHERE owner_id = ANY(:owners) AND visibility = 'timeline' AND status = 'active' AND country <> ''"""),
    "state": sql("""
        SELECT DISTINCT state AS value FROM asset
         WHERE owner_id = ANY(:owners) AND visibility = 'timeline' AND status = 'active' AND state <> ''
           AND (:country::text IS NULL OR country = :country)"""),
    "city": sql("""
        SELECT DISTINCT city AS value FROM asset
         WHERE owner_id = ANY(:owners) AND visibility = 'timeline' AND status = 'active' AND city <> ''
           AND (:country::text IS NULL OR country = :country) AND (:state::text IS NULL OR state = :state)"""),
    "camera-make": sql("""
        SELECT DISTINCT make AS value FROM asset
         WHERE owner_id = ANY(:owners) AND visibility = 'timeline' AND status = 'active' AND make <> ''
           AND (:model::text IS NULL OR model = :model) AND (:lens_model::text IS NULL OR lens_model = :lens_model)"""),
    "camera-model": sql("""
        SELECT DISTINCT model AS value FROM asset
         WHERE owner_id = ANY(:owners) AND visibility = 'timeline' AND status = 'active' AND model <> ''
           AND (:make::text IS NULL OR make = :make) AND (:lens_model::text IS NULL OR lens_model = :lens_model)"""),
    "camera-lens-model": sql("""
        SELECT DISTINCT lens_model AS value FROM asset
         WHERE owner_id = ANY(:owners) AND visibility = 'timeline' AND status = 'active' AND lens_model <> ''
           AND (:make::text IS NULL OR make = :make) AND (:model::text IS NULL OR model = :model)"""),
}


@dataclass(slots=True)
class _Built:
    """Conditions with arguments under names of their own, so that branches may repeat a field."""

    where: Where = field(default_factory=Where)

    def fragment(self, condition: Condition) -> LiteralString:
        if condition.field == "originalPath" and condition.value is not None:
            return self._path(condition)
        return self._fragment(condition)

    def _path(self, condition: Condition) -> LiteralString:
        """Paths are asked for as people see them, and kept without the root: compare what is kept."""
        root: str = self.where.arguments["media_root"]
        if condition.operator in ("like", "notLike"):
            if condition.value.casefold() in root.casefold():
                return "TRUE" if condition.operator == "like" else "FALSE"
            overlap = next((n for n in range(len(condition.value), 0, -1) if root.endswith(condition.value[:n])), 0)
            inside = self._fragment(condition)
            if not overlap:
                return inside
            begins = self._fragment(Condition(condition.field, "startsWith", condition.value[overlap:]))
            both: LiteralString = (
                inside + " OR " + begins if condition.operator == "like" else inside + " AND NOT " + begins
            )
            return "(" + both + ")"
        if condition.operator == "endsWith":
            return self._fragment(condition)
        values = [v.removeprefix(root) if v.startswith(root) else "/" + v for v in _texts(condition.value)]
        kept = values if isinstance(condition.value, list) else values[0]
        return self._fragment(Condition(condition.field, condition.operator, kept))

    def _fragment(self, condition: Condition) -> LiteralString:
        operators = FRAGMENTS[condition.field]
        name = condition.operator
        if name == "like" and condition.field == "originalFileName" and (numbers := numbers_in(condition.value)):
            return self._bound(self._bound(_NAMED_BY_NUMBERS, ":numbers", numbers), ":value", condition.value)
        if isinstance(condition.value, bool):
            name = "true" if condition.value == (name != "ne") else "false"
        elif condition.value is None:
            name = "null" if name == "eq" else "notNull"
        return self._bound(operators[name], ":value", condition.value)

    def _bound(self, text: LiteralString, place: LiteralString, value: Any) -> LiteralString:
        if place not in text:
            return text
        argument = f"v{len(self.where.arguments)}"
        self.where.arguments[argument] = value
        # The new name is made of a letter and a count: as literal as the fragment itself.
        return cast(LiteralString, text.replace(place, f":{argument}"))

    def all_of(self, conditions: tuple[Condition, ...]) -> LiteralString:
        return " AND ".join([self.fragment(condition) for condition in conditions]) or "TRUE"


def numbers_in(name: str) -> str | None:
    """A pattern of what tells one file name from the others, or `None` when there is nothing besides.

    Most names of a library begin alike (`IMG_`): to find IMG_1234 an index of trigrams would walk the list of every
    photo for each of those letters. What holds the name also holds its numbers, in this order.
    """
    words = re.findall("[0-9A-Za-z]+", name)
    telling = [word.lower() for word in words if len(word) >= 4 and not word.isalpha()]
    return f"%{'%'.join(telling)}%" if telling and len(telling) < len(words) else None


def _texts(value: Any) -> list[str]:
    return cast("list[str]", value) if isinstance(value, list) else [value]


def conditions(asked: Filters, reach: Reach, media_root: str) -> Where:
    """What must hold of a row of `asset` to be found and seen, for any statement that has a `{where}`."""
    built = _Built(Where(arguments={"viewer": reach.viewer, "media_root": media_root}))
    where = built.where
    if asked.with_deleted:
        where.add("asset.status <> 'deleted'")
    else:
        where.add("asset.status = 'active'")
        where.add("asset.deleted_at IS NULL")
    if not reach.is_elevated:
        where.add("asset.visibility <> 'locked'")
        where.add(
            "(asset.visibility <> 'hidden' OR NOT EXISTS ("
            "SELECT FROM asset AS still WHERE still.live_video_id = asset.id AND still.visibility = 'locked'))"
        )
    if reach.album_ids:
        where.add("(asset.visibility <> 'locked' OR asset.owner_id = :viewer)")
        where.add("(asset.deleted_at IS NULL OR asset.owner_id = :viewer)")
    elif reach.partners:
        where.add("(asset.owner_id = :viewer OR (asset.visibility = 'timeline' AND asset.deleted_at IS NULL))")
    if asked.without_stacked:
        where.add("asset.stack_id IS NULL")
    for condition in asked.conditions:
        where.add(built.fragment(condition))
    if asked.branches:
        where.add("(" + " OR ".join(["(" + built.all_of(branch) + ")" for branch in asked.branches]) + ")")
    return where


def _after(where: Where, order: Order, cursor: Cursor) -> None:
    """Only what comes behind the cursor; null is last in both directions."""
    column, kind = ORDERS[order.field]
    sign: LiteralString = "<" if order.newest_first else ">"
    where.arguments["after_id"] = cursor.id
    if cursor.value is None:
        where.add(column + " IS NULL AND asset.id " + sign + " :after_id::uuid")
        return
    where.arguments["after"] = cursor.value if isinstance(cursor.value, int) else cursor.instant()
    if kind == "timestamp":
        instant = cursor.instant()
        where.arguments["after"] = instant.replace(tzinfo=None) if instant else None
        # By the day as well: that is what the timeline's index begins with.
        where.add("asset.local_taken::date " + sign + "= :after::timestamp::date")
    value: LiteralString = ":after::" + kind
    row: LiteralString = "(" + column + ", asset.id) " + sign + " (" + value + ", :after_id::uuid)"
    if order.field == "rating":
        where.add("(" + row + " OR " + column + " IS NULL)")
    else:
        where.add(row)


def _statement(where: Where, text: LiteralString, order: Order) -> Sql:
    column, _ = ORDERS[order.field]
    direction: LiteralString = "DESC" if order.newest_first else "ASC"
    if order.field == "rating":
        direction += " NULLS LAST"
    # Ids are never null, so that NULLS LAST beside them changes nothing but would hide the index from the planner.
    if order.field == "localDateTime":
        text = text.replace("ORDER BY {column} {direction}", _BY_LOCAL_DAY)
    text = text.replace("asset.id {direction}", "asset.id " + direction.removesuffix(" NULLS LAST"))
    return where.into(text.replace("{column}", column).replace("{direction}", direction))


@dataclass(frozen=True, slots=True)
class Found:
    """A page: its photos as JSON objects parted by commas, how many, and behind what the next one begins."""

    items: str
    count: int
    cursor: Cursor | None
    has_more: bool = False  # where pages are only numbered


async def page(
    look: Look,
    asked: Filters,
    reach: Reach,
    *,
    media_root: str,
    order: Order,
    size: int,
    offset: int = 0,
    cursor: Cursor | None = None,
    with_exif: bool = False,
    data_root: str | None = None,
) -> Found:
    """A page of what matches. With a cursor the offset does not count. `cursor` of the answer: `None` at the end.

    `data_root`: where portraits lie, when it is to be said who is in the photos.
    """
    where = conditions(asked, reach, media_root)
    if cursor is not None:
        _after(where, order, cursor)
        offset = 0
    template = _PAGE_OF_ALBUM if reach.album_ids else _PAGE
    # One photo more than is shown, to know whether any follow.
    arguments = where.arguments | {
        "owners": [reach.viewer, *reach.partners],
        "album_ids": list(reach.album_ids),
        "reach": offset + size + 1,
        "size": size + 1,
        "offset": offset,
    }
    rows = await look.all(_statement(where, template, order), **arguments)
    ids = [row["id"] for row in rows[:size]]
    text, shown = await _these(
        look, ids, viewer=reach.viewer, media_root=media_root, with_exif=with_exif, data_root=data_root
    )
    behind = None
    if len(rows) > size:
        value: Any = rows[size - 1]["decides"]
        behind = Cursor(value if value is None or isinstance(value, int) else value.isoformat(), ids[-1])
    return Found(text, shown, behind)


async def items(
    look: Look, ids: Sequence[UUID], *, viewer: UserId, media_root: str, with_exif: bool, data_root: str | None = None
) -> str:
    """These photos in this order, as JSON objects parted by commas. What may be seen was decided before."""
    text, _ = await _these(
        look, ids, viewer=viewer, media_root=media_root, with_exif=with_exif, data_root=data_root
    )
    return text


def _json(*, with_exif: bool, with_people: bool) -> LiteralString:
    if with_people:
        return ASSET_EXIF_PEOPLE_JSON if with_exif else ASSET_PEOPLE_JSON
    return ASSET_EXIF_JSON if with_exif else ASSET_JSON


async def items_by_id(
    look: Look, ids: Sequence[UUID], *, viewer: UserId, media_root: str, with_exif: bool
) -> dict[UUID, str]:
    """Each of these photos as a JSON object, as far as it still exists. What may be seen was decided before."""
    statement = Where().into(_EACH_OF_THESE.replace("{json}", ASSET_EXIF_JSON if with_exif else ASSET_JSON))
    rows = await look.all(statement, ids=ids, viewer=viewer, media_root=media_root)
    return {row["id"]: row["item"] for row in rows}


async def _these(
    look: Look, ids: Sequence[UUID], *, viewer: UserId, media_root: str, with_exif: bool, data_root: str | None
) -> tuple[str, int]:
    """Also how many there are by now: one may have been removed since it was found."""
    if not ids:
        return "", 0
    json = _json(with_exif=with_exif, with_people=data_root is not None)
    statement = Where().into(_THESE.replace("{json}", json))
    row = await look.one(statement, ids=ids, viewer=viewer, media_root=media_root, data_root=data_root)
    assert row is not None  # an aggregate without groups always has one
    return row["items"] or "", row["shown"]


async def count(look: Look, asked: Filters, reach: Reach, *, media_root: str) -> int:
    """How many match."""
    where = conditions(asked, reach, media_root)
    arguments = where.arguments | {"owners": [reach.viewer, *reach.partners], "album_ids": list(reach.album_ids)}
    template = _COUNT_OF_ALBUM if reach.album_ids else _COUNT
    return int(await look.value(where.into(template), **arguments))


async def some(
    look: Look,
    asked: Filters,
    reach: Reach,
    *,
    media_root: str,
    size: int,
    pivot: object,
    with_exif: bool,
    data_root: str | None = None,
) -> list[str]:
    """Random matches as JSON text. `pivot` is a random id that decides where in the library to begin."""
    where = conditions(asked, reach, media_root)
    source: LiteralString = (
        "asset.id IN (SELECT asset_id FROM album_asset WHERE album_id = ANY(:album_ids))"
        if reach.album_ids
        else "asset.owner_id = ANY(:owners::uuid[])"
    )
    json = _json(with_exif=with_exif, with_people=data_root is not None)
    text = _RANDOM.replace("{source}", source).replace("{json}", json)
    arguments = where.arguments | {
        "owners": [reach.viewer, *reach.partners],
        "album_ids": list(reach.album_ids),
        "size": size,
        "pivot": pivot,
        "data_root": data_root,
    }
    return [row["item"] for row in await look.all(where.into(text), **arguments)]


async def largest(look: Look, asked: Filters, reach: Reach, *, media_root: str, size: int) -> list[str]:
    """The biggest files first, with exifInfo, as JSON text."""
    where = conditions(asked, reach, media_root)
    arguments = where.arguments | {"owners": [reach.viewer, *reach.partners], "size": size}
    text = _LARGE.replace("{json}", ASSET_EXIF_JSON)
    return [row["item"] for row in await look.all(where.into(text), **arguments)]


async def suggestions(look: Look, kind: str, owners: list[Any], **narrowed: str | None) -> list[str]:
    """Distinct values of a field, in a case-insensitive order."""
    rows = await look.all(SUGGESTIONS[kind], owners=owners, **narrowed)
    return sorted((row["value"] for row in rows), key=lambda value: (value.casefold(), value))
