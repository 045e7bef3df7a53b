"""SQL of the tables `person` and `people_state`: who is in the pictures, and since when that is so."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from calotype.core.ids import AssetId, UserId
from calotype.core.sql import Where, sql
from calotype.core.tx import Look, Row, Tx
from calotype.people.person import Person, Wish
from calotype.people.tally_store import COUNTED

LEAST_ALIKE = 0.5  # share of the trigrams of what was asked that a name must have

_COLUMNS: LiteralString = """person.id, person.name, person.birth_date, person.is_hidden, person.is_favorite, person.color,
           CASE WHEN person.portrait_face_id IS NULL THEN '' ELSE person.portrait_path END AS portrait, person.updated_at"""
_PAGE: LiteralString = (
    "WITH "
    + COUNTED
    + """
    SELECT """
    + _COLUMNS
    + """
      FROM counted JOIN person ON person.id = counted.person_id AND person.owner_id = :owner_id
     WHERE (person.name <> '' OR counted.faces >= :min_faces) AND {where}
     ORDER BY person.is_hidden, person.is_favorite DESC, {nearest}person.name = '', counted.faces DESC, person.name,
              person.created_at, person.id
     LIMIT :limit OFFSET :offset
"""
)
_NEAREST: LiteralString = """(SELECT near.vector <=> target.vector
                FROM face_vector AS near JOIN face_vector AS target ON target.face_id = :near_face_id::uuid
               WHERE near.face_id = person.feature_face_id
                 AND vector_dims(near.vector) = vector_dims(target.vector)) NULLS LAST, """
TOTALS = sql(
    "WITH "
    + COUNTED
    + """
    SELECT count(*) AS total, count(*) FILTER (WHERE person.is_hidden) AS hidden
      FROM counted JOIN person ON person.id = counted.person_id AND person.owner_id = :owner_id
"""
)
ONE = sql("SELECT " + _COLUMNS + " FROM person WHERE person.id = :id AND person.owner_id = :owner_id")
NAMED = sql(
    "SELECT "
    + _COLUMNS
    + """
      FROM person
     WHERE person.owner_id = :owner_id AND person.name <> '' AND (:with_hidden::boolean OR NOT person.is_hidden)
       AND word_similarity(fold(:name::text), fold(person.name)) >= :least::real
     ORDER BY word_similarity(fold(:name::text), fold(person.name)) DESC, fold(person.name), person.id
     LIMIT :limit
"""
)
FEATURE = sql("SELECT feature_face_id FROM person WHERE id = :id AND owner_id = :owner_id")
ADD = sql(
    """
    INSERT INTO person (owner_id, name, birth_date, is_hidden, is_favorite, color, is_anchor)
    VALUES (:owner_id, :name, :birth_date, :is_hidden, :is_favorite, :color, true)
    RETURNING """
    + _COLUMNS
)
CHANGE = sql(
    """
    UPDATE person
       SET name = coalesce(:name::text, name),
           birth_date = CASE WHEN :sets_birth_date::boolean THEN :birth_date::date ELSE birth_date END,
           is_hidden = coalesce(:is_hidden::boolean, is_hidden),
           is_favorite = coalesce(:is_favorite::boolean, is_favorite),
           color = CASE WHEN :sets_color::boolean THEN :color::text ELSE color END,
           is_anchor = is_anchor OR :is_anchor::boolean
     WHERE id = :id AND owner_id = :owner_id
    RETURNING """
    + _COLUMNS
)
FACE_ON = sql("""
    SELECT id FROM face
     WHERE asset_id = :asset_id AND person_id = :person_id AND is_visible AND deleted_at IS NULL AND place <> 'x'
     ORDER BY (x2 - x1)::float8 * (y2 - y1) DESC
     LIMIT 1
""")
SET_FEATURE = sql("UPDATE person SET feature_face_id = :face_id, portrait_fault = NULL WHERE id = :id")
# The face that stands for somebody must be theirs and be shown: large, sure, and rather from the timeline.
MEND = sql("""
    UPDATE person
       SET portrait_fault = NULL,
           feature_face_id = (
               SELECT face.id
                 FROM face
                WHERE face.person_id = person.id AND face.is_visible AND face.deleted_at IS NULL AND face.place <> 'x'
                ORDER BY face.place DESC, least(1, sqrt(abs((face.x2 - face.x1)::float8 * (face.y2 - face.y1))
                         / greatest(1, face.image_width::float8 * face.image_height)) * 5) * coalesce(face.score, 0.8) DESC,
                         face.id
                LIMIT 1)
     WHERE person.id = ANY(:ids::uuid[])
       AND NOT EXISTS (SELECT FROM face
                        WHERE face.id = person.feature_face_id AND face.person_id = person.id AND face.is_visible
                          AND face.deleted_at IS NULL AND face.place <> 'x')
""")
DROP_PORTRAITS = sql("""
    UPDATE person SET portrait_face_id = NULL
     WHERE id = ANY(:ids::uuid[]) AND portrait_face_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM face
                        WHERE face.id = person.portrait_face_id AND face.person_id = person.id AND face.is_visible
                          AND face.deleted_at IS NULL AND face.place <> 'x')
""")
UNFIT = sql("""
    SELECT person.id
      FROM person LEFT JOIN face ON face.id = person.feature_face_id
     WHERE person.owner_id = :owner_id
       AND (face.id IS NULL OR face.person_id IS DISTINCT FROM person.id OR face.deleted_at IS NOT NULL
            OR NOT face.is_visible OR face.place = 'x')
""")
PORTRAIT = sql("""
    SELECT portrait_path FROM person
     WHERE id = :id AND owner_id = :owner_id AND portrait_face_id IS NOT NULL AND portrait_path <> ''
""")

FREE_FACES = sql("""
    UPDATE face SET person_id = NULL, cluster_id = NULL, is_pinned = false, looked_at = NULL
     WHERE person_id = ANY(:ids::uuid[])
""")
DELETE = sql("DELETE FROM person WHERE id = ANY(:ids::uuid[]) RETURNING id, portrait_path")
WITHOUT_FACES = sql("""
    DELETE FROM person
     WHERE NOT EXISTS (SELECT FROM face WHERE face.person_id = person.id)
       AND person.updated_at < :before
    RETURNING id, portrait_path
""")

HOLD = sql("""
    SELECT id, name, birth_date, feature_face_id FROM person
     WHERE id = ANY(:ids::uuid[]) AND owner_id = :owner_id ORDER BY id FOR UPDATE
""")
# Whose they were is remembered: it is one of the looks of who they are now.
GIVE_FACES = sql("""
    UPDATE face SET person_id = :into, cluster_id = coalesce(cluster_id, person_id) WHERE person_id = ANY(:ids::uuid[])
""")
TAKE_OVER = sql("""
    UPDATE person
       SET name = CASE WHEN person.name = '' THEN :name ELSE person.name END,
           birth_date = coalesce(person.birth_date, :birth_date), is_anchor = true
     WHERE id = :id
""")
ANCHOR = sql("UPDATE person SET is_anchor = true WHERE id = ANY(:ids::uuid[])")
MOVE_FACES = sql("""
    UPDATE face SET person_id = :person_id, cluster_id = NULL, is_pinned = true
     WHERE id = ANY(:ids::uuid[])
""")
FACES_ON = sql("""
    SELECT face.id
      FROM face
      JOIN asset ON asset.id = face.asset_id
     WHERE face.asset_id = :asset_id AND face.person_id = :person_id AND face.owner_id = :owner_id
       AND asset.status <> 'deleted' AND (asset.visibility <> 'locked' OR :is_elevated::boolean)
""")
PERSONS_OF = sql("SELECT DISTINCT person_id FROM face WHERE id = ANY(:ids::uuid[]) AND person_id IS NOT NULL")

BUMP = sql("""
    INSERT INTO people_state (owner_id, version, unmerged) VALUES (:owner_id, 1, 0)
    ON CONFLICT (owner_id) DO UPDATE SET version = people_state.version + 1
""")
HOLD_STATE = sql("""
    INSERT INTO people_state (owner_id, version) VALUES (:owner_id, 0)
    ON CONFLICT (owner_id) DO UPDATE SET version = people_state.version
    RETURNING version, unmerged
""")
STATE = sql("SELECT version, unmerged FROM people_state WHERE owner_id = :owner_id")
SET_STATE = sql(
    "UPDATE people_state SET version = version + 1, unmerged = :unmerged WHERE owner_id = :owner_id RETURNING version"
)
BY_NAME = sql("""
    SELECT id FROM person WHERE owner_id = :owner_id AND lower(name) = lower(:name) ORDER BY created_at, id LIMIT 1
""")
NAMED_AMONG = sql("""
    SELECT id FROM person
     WHERE id = ANY(:ids::uuid[])
       AND (name <> '' OR EXISTS (SELECT FROM person_renamed WHERE person_renamed.person_id = person.id))
""")
TAKE_TURNS = sql("SELECT pg_advisory_xact_lock(hashtextextended(:owner_id::text || ' people', 0))")


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of people; `total` and `hidden` count all of them."""

    people: list[Person]
    total: int
    hidden: int
    has_more: bool


def _person(row: Row) -> Person:
    return Person(
        row["id"],
        row["name"],
        row["birth_date"],
        row["is_hidden"],
        row["is_favorite"],
        row["color"],
        row["portrait"],
        row["updated_at"],
    )


async def page(
    look: Look,
    owner_id: UserId,
    *,
    size: int,
    offset: int,
    with_hidden: bool,
    min_faces: int,
    near_face_id: UUID | None = None,
) -> Listed:
    """People with a face on the timeline. Those without a name need `min_faces` of them."""
    where = Where()
    if not with_hidden:
        where.add("NOT person.is_hidden")
    template = _PAGE.replace("{nearest}", _NEAREST if near_face_id else "")
    arguments: dict[str, Any] = {"owner_id": owner_id, "min_faces": min_faces, "limit": size + 1, "offset": offset}
    rows = await look.all(where.into(template), **arguments, near_face_id=near_face_id)
    totals = await look.one(TOTALS, owner_id=owner_id)
    assert totals is not None  # an aggregate without groups always has one
    return Listed([_person(row) for row in rows[:size]], totals["total"], totals["hidden"], len(rows) > size)


async def one(look: Look, id: UUID, owner_id: UserId) -> Person | None:
    """Somebody in the pictures of this owner."""
    row = await look.one(ONE, id=id, owner_id=owner_id)
    return _person(row) if row else None


async def named(look: Look, owner_id: UserId, name: str, *, with_hidden: bool, limit: int = 100) -> list[Person]:
    """Whose name is like this one, the most alike first; neither accents, case nor a slip of the pen matter."""
    rows = await look.all(NAMED, owner_id=owner_id, name=name, with_hidden=with_hidden, least=LEAST_ALIKE, limit=limit)
    return [_person(row) for row in rows]


async def feature(look: Look, id: UUID, owner_id: UserId) -> UUID | None:
    """The face that stands for somebody."""
    return await look.value(FEATURE, id=id, owner_id=owner_id)


async def add(tx: Tx, owner_id: UserId, wish: Wish) -> Person:
    """Somebody who has no face yet."""
    row = await tx.one(
        ADD,
        owner_id=owner_id,
        name=wish.name or "",
        birth_date=wish.birth_date,
        is_hidden=bool(wish.is_hidden),
        is_favorite=bool(wish.is_favorite),
        color=wish.color,
    )
    assert row is not None  # what is returned by an insert
    return _person(row)


async def change(tx: Tx, id: UUID, owner_id: UserId, wish: Wish) -> Person | None:
    """Change what is wished and bump the version. `None` when there is nobody of this id."""
    row = await tx.one(
        CHANGE,
        id=id,
        owner_id=owner_id,
        name=wish.name,
        sets_birth_date=wish.sets_birth_date,
        birth_date=wish.birth_date,
        is_hidden=wish.is_hidden,
        is_favorite=wish.is_favorite,
        sets_color=wish.sets_color,
        color=wish.color,
        is_anchor=wish != Wish(),
    )
    return _person(row) if row else None


async def face_on(look: Look, asset_id: AssetId, person_id: UUID) -> UUID | None:
    """The largest face of somebody in a photo, as far as it may be shown."""
    return await look.value(FACE_ON, asset_id=asset_id, person_id=person_id)


async def set_feature(tx: Tx, id: UUID, face_id: UUID) -> None:
    """This face stands for the person from now on."""
    await tx.run(SET_FEATURE, id=id, face_id=face_id)


async def mend(tx: Tx, ids: Sequence[UUID]) -> None:
    """After faces moved: whoever lost the face that stands for them gets another; a portrait of another's face goes."""
    if ids:
        await tx.run(DROP_PORTRAITS, ids=list(ids))
        await tx.run(MEND, ids=list(ids))


async def unfit(look: Look, owner_id: UserId) -> list[UUID]:
    """People for whom no face stands, or one that is not theirs (any more)."""
    return [row["id"] for row in await look.all(UNFIT, owner_id=owner_id)]


async def portrait(look: Look, id: UUID, owner_id: UserId) -> str | None:
    """Where the portrait lies below the data folder; `None` when there is none that may be shown."""
    return await look.value(PORTRAIT, id=id, owner_id=owner_id)


async def delete(tx: Tx, ids: Sequence[UUID]) -> list[str]:
    """Remove people; their faces are nobody's then. The portraits' paths, to be removed after commit."""
    await tx.run(FREE_FACES, ids=list(ids))
    return [row["portrait_path"] for row in await tx.all(DELETE, ids=list(ids)) if row["portrait_path"]]


async def delete_faceless(tx: Tx, before: datetime) -> tuple[int, list[str]]:
    """Remove people nobody has a face of, unless they were changed since `before`: how many, and portraits' paths."""
    rows = await tx.all(WITHOUT_FACES, before=before)
    return len(rows), [row["portrait_path"] for row in rows if row["portrait_path"]]


async def hold(tx: Tx, ids: Sequence[UUID], owner_id: UserId) -> dict[UUID, Row]:
    """Those of the people that are there, held until the end of the unit of work."""
    return {row["id"]: row for row in await tx.all(HOLD, ids=list(ids), owner_id=owner_id)}


async def absorb(tx: Tx, into: UUID, gone: Row) -> list[str]:
    """All faces of one are another's, who takes over name and birth date where they have none. Paths of portraits to go."""
    await tx.run(GIVE_FACES, into=into, ids=[gone["id"]])
    await tx.run(TAKE_OVER, id=into, name=gone["name"], birth_date=gone["birth_date"])
    return [row["portrait_path"] for row in await tx.all(DELETE, ids=[gone["id"]]) if row["portrait_path"]]


async def anchor(tx: Tx, ids: Sequence[UUID]) -> None:
    """Somebody spoke of these people: the machine only adds to them from now on."""
    await tx.run(ANCHOR, ids=list(ids))


async def move_faces(tx: Tx, face_ids: Sequence[UUID], person_id: UUID) -> None:
    """Somebody said that these faces are this person."""
    await tx.run(MOVE_FACES, ids=list(face_ids), person_id=person_id)


async def faces_on(look: Look, asset_id: UUID, person_id: UUID, owner_id: UserId, *, is_elevated: bool) -> list[UUID]:
    """Somebody's faces in a photo of the owner."""
    rows = await look.all(FACES_ON, asset_id=asset_id, person_id=person_id, owner_id=owner_id, is_elevated=is_elevated)
    return [row["id"] for row in rows]


async def persons_of(look: Look, face_ids: Sequence[UUID]) -> list[UUID]:
    """Whose faces these are."""
    return [row["person_id"] for row in await look.all(PERSONS_OF, ids=list(face_ids))]


async def bump(tx: Tx, owner_id: UserId) -> None:
    """Who is who changed: what workers remember of this owner is old. Also holds off other changes until the end."""
    await tx.run(BUMP, owner_id=owner_id)


async def hold_state(tx: Tx, owner_id: UserId) -> Row:
    """Version and how many faces came since the last comparison of all; held until the end of the unit of work."""
    row = await tx.one(HOLD_STATE, owner_id=owner_id)
    assert row is not None  # what is returned by an upsert
    return row


async def state(look: Look, owner_id: UserId) -> tuple[int, int]:
    """Version and how many faces came since the last comparison of all."""
    row = await look.one(STATE, owner_id=owner_id)
    return (row["version"], row["unmerged"]) if row else (0, 0)


async def set_state(tx: Tx, owner_id: UserId, *, unmerged: int) -> int:
    """After the machine changed who is who: the new version. The caller holds the state."""
    return int(await tx.value(SET_STATE, owner_id=owner_id, unmerged=unmerged))


async def take_turns(tx: Tx, owner_id: UserId) -> None:
    """One at a time may make people by their names, so that nobody is made twice."""
    await tx.run(TAKE_TURNS, owner_id=str(owner_id))


async def by_name(look: Look, owner_id: UserId, name: str) -> UUID | None:
    """Somebody of this name in any case, hidden ones too; the oldest of several."""
    return await look.value(BY_NAME, owner_id=owner_id, name=name)


async def named_among(look: Look, ids: Sequence[UUID]) -> set[UUID]:
    """Those of the people that somebody here named, or just took the name of."""
    return {row["id"] for row in await look.all(NAMED_AMONG, ids=list(ids))}
