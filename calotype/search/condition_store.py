"""SQL: what must hold of a photo. Each field and operator is one literal fragment; values travel as arguments."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, LiteralString, cast

from calotype.core.sql import Where
from calotype.search.query import Condition, Filters, Reach

# Tags of others are as unknown as those that do not exist: they find nothing.
_TAGS_BELOW: LiteralString = """(WITH RECURSIVE below AS (
    SELECT id FROM tag WHERE id = ANY(:value::uuid[]) AND owner_id = :viewer::uuid
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
            SELECT id FROM tag WHERE id = wanted.id AND owner_id = :viewer::uuid
             UNION SELECT tag.id FROM tag JOIN below ON tag.parent_id = below.id)
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


# `%` and `_` stand for anything, as the filter language has it; a backslash is one, and never half of something.
_AS_PATTERN: LiteralString = r"replace(fold(:value::text), '\', '\\')"


def _pattern(column: LiteralString) -> Mapping[str, LiteralString]:
    folded: LiteralString = "fold(" + column + ")"
    patterns: dict[str, LiteralString] = {
        "like": folded + " LIKE '%' || " + _AS_PATTERN + " || '%'",
        "notLike": folded + " NOT LIKE '%' || " + _AS_PATTERN + " || '%'",
        "startsWith": folded + " LIKE " + _AS_PATTERN + " || '%'",
        "endsWith": folded + " LIKE '%' || " + _AS_PATTERN,
    }
    return {**_text(column), **patterns}


# Found by its numbers; the whole is compared in a form that no index has.
_NAMED_BY_NUMBERS: LiteralString = (
    "(fold(asset.original_name) LIKE :numbers::text AND fold(asset.original_name) || '' LIKE '%' || "
    + _AS_PATTERN
    + " || '%')"
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
_WITH_ONE_PERSON: LiteralString = "EXISTS (SELECT FROM face WHERE face.person_id = :value::uuid AND " + _SEEN_FACE + ")"
# Up to so many people are asked for by name: Postgres then knows how rare each is. One is looked for among the newest photos
# or begun with, if rare; of several it is found first where they are together. All of somebody's hundred thousand photos
# would have to be found to be counted.
MOST_EACH = 6
_WITH_SEVERAL: LiteralString = """asset.id IN (
    SELECT face.asset_id
      FROM face {others}
     WHERE face.person_id = :value::uuid AND face.is_visible AND face.deleted_at IS NULL)"""
_OTHER: LiteralString = """
      JOIN face AS {other} ON {other}.asset_id = face.asset_id AND {other}.person_id = :value::uuid AND {other}.is_visible
       AND {other}.deleted_at IS NULL"""
_WITH_ALL_PERSONS: LiteralString = """asset.id IN (
    SELECT face.asset_id
      FROM face
     WHERE face.person_id = ANY(:value::uuid[]) AND face.is_visible AND face.deleted_at IS NULL
     GROUP BY face.asset_id
    HAVING count(DISTINCT face.person_id) = (SELECT count(DISTINCT wanted) FROM unnest(:value::uuid[]) AS wanted))"""
# Words as they were read, where a letter may be wrong; and parts of words, also in scripts that have no trigrams.
_READS: LiteralString = (
    """EXISTS (
    SELECT FROM asset_text AS read
     WHERE read.asset_id = asset.id AND read.words <> ''
       AND (fold(:value::text) <% read.words OR read.words LIKE '%' || replace(replace("""
    + _AS_PATTERN
    + r""", '%', '\%'), '_', '\_') || '%'))"""
)

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
    "rating": _ordered("asset.rating", "bigint"),
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
    "hasPeople": _yes_no("EXISTS (SELECT FROM face WHERE " + _SEEN_FACE + ")"),
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
        " AND link.album_id = ANY(:value::uuid[])) = (SELECT count(DISTINCT wanted) FROM unnest(:value::uuid[]) AS wanted)",
    },
}


@dataclass(slots=True)
class _Built:
    """Conditions with arguments under names of their own, so that branches may repeat a field."""

    where: Where = field(default_factory=Where)

    def fragment(self, condition: Condition) -> LiteralString:
        if condition.field == "originalPath" and condition.value is not None:
            return self._path(condition)
        if condition.field == "personIds" and condition.operator == "all":
            ids = cast("list[Any]", list(dict.fromkeys(condition.value or ())))
            if len(ids) == 1:
                return self._bound(_WITH_ONE_PERSON, ":value", ids[0])
            if 1 < len(ids) <= MOST_EACH:
                return self._together(ids)
        return self._fragment(condition)

    def _together(self, ids: list[Any]) -> LiteralString:
        others: LiteralString = ""
        for number, id in enumerate(ids[1:]):
            # A word and a count, as literal as the fragment itself.
            other = cast(LiteralString, _OTHER.replace("{other}", f"face_{number}"))
            others += self._bound(other, ":value", id)
        return self._bound(_WITH_SEVERAL.replace("{others}", others), ":value", ids[0])

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
    if asked.with_deleted and reach.sees_trash:
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
