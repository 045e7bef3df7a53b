"""SQL: the library under conditions, page by page. What the conditions are: `condition_store.py`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from calotype.assets.store import (
    ASSET_EXIF_JSON,
    ASSET_EXIF_PEOPLE_JSON,
    ASSET_JSON,
    ASSET_PEOPLE_JSON,
    SANITISED_JSON,
)
from calotype.core.ids import UserId
from calotype.core.sql import Sql, Where, sql
from calotype.core.tx import Look
from calotype.search.condition_store import conditions
from calotype.search.leap_store import values_of
from calotype.search.phrase import fold
from calotype.search.query import Cursor, Filters, Order, Reach

ORDERS: dict[str, tuple[LiteralString, LiteralString]] = {
    "fileCreatedAt": ("asset.taken_at", "timestamptz"),
    # By day first: the same order, and the one the timeline's index has.
    "localDateTime": ("asset.local_taken", "timestamp"),
    "fileSizeInBytes": ("asset.size_bytes", "bigint"),
    "rating": ("asset.rating", "smallint"),
}

# What was found comes back as one row: a hundred of them cost the driver as much as making their JSON. The ids are text,
# which goes into the next statement as it came out of this one.
_FOUND: LiteralString = """
    SELECT array_agg(page.id)::text AS ids, (array_agg(page.decides))[:size::integer - 1] AS decides
      FROM ({page}) AS page
"""
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
# values asked for. As bytes: a hundred kilobytes need not be decoded to be encoded again.
_THESE: LiteralString = """
    SELECT convert_to(string_agg({json}::text, ',' ORDER BY asset.place), 'UTF8') AS items, count(*) AS shown
      FROM (SELECT asset.*, chosen.place
              FROM unnest(:ids::text::uuid[]) WITH ORDINALITY AS chosen(id, place)
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

EVERY_VALUE = {
    "country": sql(values_of("country", shown="asset.visibility = 'timeline'")),
    "state": sql(values_of("state", shown="asset.visibility = 'timeline'")),
    "city": sql(values_of("city", shown="asset.visibility = 'timeline'")),
    "camera-make": sql(values_of("make", shown="asset.visibility = 'timeline'")),
    "camera-model": sql(values_of("model", shown="asset.visibility = 'timeline'")),
    "camera-lens-model": sql(values_of("lens_model", shown="asset.visibility = 'timeline'")),
}
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


def _after(where: Where, order: Order, cursor: Cursor) -> None:
    """Only what comes behind the cursor; null is last in both directions."""
    column, kind = ORDERS[order.field]
    sign: LiteralString = "<" if order.newest_first else ">"
    where.arguments["after_id"] = cursor.id
    if cursor.value is None:
        where.add(column + " IS NULL AND asset.id " + sign + " :after_id::uuid")
        return
    where.arguments["after"] = cursor.value
    if kind == "timestamp":
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

    items: bytes
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
    hides_metadata: bool = False,
) -> Found:
    """A page of what matches. With a cursor the offset does not count. `cursor` of the answer: `None` at the end.

    `data_root`: where portraits lie, when it is to be said who is in the photos. `hides_metadata`: for a link that does.
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
    row = await look.one(_statement(where, _FOUND.replace("{page}", template), order), **arguments)
    assert row is not None  # an aggregate without groups always has one
    ids: str | None = row["ids"]
    if ids is None:
        return Found(b"", 0, None)
    behind = None
    if len(ids) > _length(size):
        ids = ids[: _length(size) - 1] + "}"
        behind = Cursor(order.field, row["decides"], UUID(ids[-1 - UUID_LENGTH : -1]))
    json = SANITISED_JSON if hides_metadata else _json(with_exif=with_exif, with_people=data_root is not None)
    text, shown = await _these(look, ids, json, viewer=reach.viewer, media_root=media_root, data_root=data_root)
    return Found(text, shown, behind)


UUID_LENGTH = 36


def _length(ids: int) -> int:
    """Of the text of an array of so many ids: `{one,two}`."""
    return ids * (UUID_LENGTH + 1) + 1


async def items(
    look: Look, ids: Sequence[UUID], *, viewer: UserId, media_root: str, with_exif: bool, data_root: str | None = None
) -> bytes:
    """These photos in this order, as JSON objects parted by commas. What may be seen was decided before."""
    if not ids:
        return b""
    chosen = "{" + ",".join([str(id) for id in ids]) + "}"
    json = _json(with_exif=with_exif, with_people=data_root is not None)
    text, _ = await _these(look, chosen, json, viewer=viewer, media_root=media_root, data_root=data_root)
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
    look: Look, ids: str, json: LiteralString, *, viewer: UserId, media_root: str, data_root: str | None
) -> tuple[bytes, int]:
    """`ids`: the text of an array. Also how many there are by now: one may have been removed since it was found."""
    statement = Where().into(_THESE.replace("{json}", json))
    row = await look.one(statement, ids=ids, viewer=viewer, media_root=media_root, data_root=data_root)
    assert row is not None  # an aggregate without groups always has one
    return row["items"] or b"", row["shown"]


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


async def suggestions(look: Look, kind: str, owners: list[Any], **narrowed: str | None) -> list[str]:
    """Distinct values of a field, in the order of a dictionary: neither case, accents nor blanks come first."""
    if any(value is not None for value in narrowed.values()):
        rows = await look.all(SUGGESTIONS[kind], owners=owners, **narrowed)
    else:
        rows = await look.all(EVERY_VALUE[kind], owners=owners)
    return sorted((row["value"] for row in rows), key=_in_dictionary)


def _in_dictionary(value: str) -> tuple[str, str, str]:
    folded = fold(value)
    return "".join(filter(str.isalnum, folded)), folded, value
