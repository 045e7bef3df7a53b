"""SQL of recognition: faces that wait for a person, and clusters as Postgres knows them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from calotype.core.ids import UserId
from calotype.core.sql import sql
from calotype.core.tx import Look, Row, Tx

# A photo as a number: faces of one photo never share a cluster. And its day, as days since 1970.
_FACT: LiteralString = """uuid_hash_extended(face.asset_id, 0) AS photo,
           (asset.taken_at AT TIME ZONE 'UTC')::date - DATE '1970-01-01' AS taken"""

WAITING = sql(
    """
    SELECT face.id, face.place, halfvec_send(face_vector.vector) AS vector, """
    + _FACT
    + """
      FROM face
      JOIN face_vector ON face_vector.face_id = face.id
      JOIN asset ON asset.id = face.asset_id
     WHERE face.owner_id = :owner_id AND face.looked_at IS NULL AND face.person_id IS NULL AND face.model = :model
       AND face.deleted_at IS NULL AND face.place <> 'x' AND face.source_type = 'machine-learning'
     ORDER BY face.created_at, face.id
     LIMIT :limit
"""
)
OWNERS_WAITING = sql("""
    SELECT DISTINCT face.owner_id
      FROM face
     WHERE face.looked_at IS NULL AND face.person_id IS NULL AND face.model = :model AND face.deleted_at IS NULL
       AND face.place <> 'x' AND face.source_type = 'machine-learning' AND face.created_at < :before
""")
OWNERS_UNMERGED = sql("SELECT owner_id FROM people_state WHERE unmerged > 0")
OWNERS = sql("SELECT DISTINCT owner_id FROM face WHERE model IS NOT NULL")
OWNER_OF = sql("SELECT owner_id FROM face WHERE id = :id")

DIMENSIONS = sql("""
    SELECT vector_dims(face_vector.vector) FROM face JOIN face_vector ON face_vector.face_id = face.id
     WHERE face.owner_id = :owner_id AND face.model = :model
     LIMIT 1
""")
# A stretch of all keys at a time: a million vectors at once would be sorted on disk for longer than a statement may take.
CLUSTERS = sql("""
    SELECT known.key, known.look, known.faces, known.mean, known.photos, person.id IS NOT NULL AS is_person,
           coalesce(person.is_anchor, false) AS is_anchor, person.birth_date - DATE '1970-01-01' AS born
      FROM (SELECT placed.key, placed.look, count(*) AS faces, vector_send(avg(face_vector.vector::vector)) AS mean,
                   array_agg(uuid_hash_extended(placed.asset_id, 0)) AS photos
              FROM (SELECT id, asset_id, person_id AS key, coalesce(cluster_id, person_id) AS look FROM face
                     WHERE owner_id = :owner_id AND model = :model AND deleted_at IS NULL
                       AND person_id BETWEEN :first AND :last
                     UNION ALL
                    SELECT id, asset_id, cluster_id, cluster_id FROM face
                     WHERE owner_id = :owner_id AND model = :model AND deleted_at IS NULL
                       AND person_id IS NULL AND cluster_id BETWEEN :first AND :last) AS placed
              JOIN face_vector ON face_vector.face_id = placed.id
             WHERE vector_dims(face_vector.vector) = :dimensions
             GROUP BY placed.key, placed.look) AS known
      LEFT JOIN person ON person.id = known.key
     ORDER BY known.key, known.look
""")
STRETCHES = 32
_STRETCH = 2**128 // STRETCHES
# Faces that the machine put where they are, and may put elsewhere.
MOVABLE = sql(
    """
    SELECT face.id, coalesce(face.person_id, face.cluster_id) AS key, halfvec_send(face_vector.vector) AS vector, """
    + _FACT
    + """
      FROM face
      JOIN face_vector ON face_vector.face_id = face.id
      JOIN asset ON asset.id = face.asset_id
      LEFT JOIN person ON person.id = face.person_id
     WHERE face.owner_id = :owner_id AND face.model = :model AND face.deleted_at IS NULL AND face.id > :after
       AND face.source_type = 'machine-learning' AND NOT face.is_pinned
       AND (face.person_id IS NOT NULL OR face.cluster_id IS NOT NULL)
       AND NOT coalesce(person.is_anchor, false)
     ORDER BY face.id
     LIMIT :limit
"""
)

PLACE = sql("""
    UPDATE face
       SET person_id = placed.person_id, cluster_id = placed.cluster_id, looked_at = :now
      FROM unnest(:ids::uuid[], :person_ids::uuid[], :cluster_ids::uuid[]) AS placed (id, person_id, cluster_id)
     WHERE face.id = placed.id AND face.deleted_at IS NULL AND NOT face.is_pinned
       AND face.person_id IS NULL
""")
MOVE = sql("""
    UPDATE face
       SET person_id = placed.person_id, cluster_id = placed.cluster_id
      FROM unnest(:ids::uuid[], :person_ids::uuid[], :cluster_ids::uuid[]) AS placed (id, person_id, cluster_id)
     WHERE face.id = placed.id AND NOT face.is_pinned
""")
JOIN_LOOSE = sql("""
    UPDATE face SET person_id = NULL, cluster_id = joined.into_id
      FROM unnest(:gone::uuid[], :into::uuid[]) AS joined (gone_id, into_id)
     WHERE face.cluster_id = joined.gone_id
""")
JOIN_PERSON = sql("""
    UPDATE face SET person_id = joined.into_id, cluster_id = joined.look_id
      FROM unnest(:gone::uuid[], :into::uuid[], :looks::uuid[]) AS joined (gone_id, into_id, look_id)
     WHERE face.cluster_id = joined.gone_id OR face.person_id = joined.gone_id
    RETURNING face.id
""")
BEGIN_PEOPLE = sql("""
    INSERT INTO person (id, owner_id) SELECT unnest(:ids::uuid[]), :owner_id ON CONFLICT (id) DO NOTHING
""")
PROMOTE = sql("UPDATE face SET person_id = cluster_id, cluster_id = NULL WHERE cluster_id = ANY(:ids::uuid[])")
UNSORT = sql("""
    UPDATE face SET person_id = NULL, cluster_id = NULL, looked_at = NULL
     WHERE face.owner_id = :owner_id AND face.source_type = 'machine-learning' AND NOT face.is_pinned
       AND NOT EXISTS (SELECT FROM person WHERE person.id = face.person_id AND person.is_anchor)
""")
LOOK_AGAIN = sql("""
    UPDATE face SET looked_at = NULL
     WHERE owner_id = :owner_id AND person_id IS NULL AND source_type = 'machine-learning' AND deleted_at IS NULL
""")
FACELESS = sql("""
    DELETE FROM person
     WHERE owner_id = :owner_id AND NOT is_anchor AND NOT EXISTS (SELECT FROM face WHERE face.person_id = person.id)
    RETURNING portrait_path
""")
ALL_FACELESS = sql("""
    DELETE FROM person
     WHERE NOT is_anchor AND NOT EXISTS (SELECT FROM face WHERE face.person_id = person.id)
    RETURNING portrait_path
""")
FEATURELESS = sql("""
    SELECT id FROM person
     WHERE id = ANY(:ids::uuid[]) AND feature_face_id IS NULL
""")

NEAREST = sql("""
    SELECT near.person_id, near.distance
      FROM (SELECT face.person_id, face_vector.vector <=> mine.vector AS distance, face.id
              FROM face_vector AS mine, face
              JOIN face_vector ON face_vector.face_id = face.id
             WHERE mine.face_id = :face_id AND face.owner_id = :owner_id AND face.model = :model
               AND face.deleted_at IS NULL AND face.place <> 'x' AND (face.person_id IS NOT NULL OR NOT :known_only::boolean)
               AND NOT EXISTS (SELECT FROM person
                                WHERE person.id = face.person_id AND person.birth_date - DATE '1970-01-01' > :taken)
             ORDER BY 2, face.id = mine.face_id DESC
             LIMIT :limit) AS near
     WHERE near.distance <= :within
     ORDER BY near.distance
""")


@dataclass(frozen=True, slots=True)
class Placed:
    """Where faces belong from now on: to a person, or to a cluster that is none yet. With both, to a look of a person."""

    ids: list[UUID]
    person_ids: list[UUID | None]
    cluster_ids: list[UUID | None]


async def waiting(look: Look, owner_id: UserId, model: str, limit: int) -> list[Row]:
    """Faces nobody thought about yet, the oldest first: id, place, vector (as `halfvec_send` gives it), photo, day."""
    return await look.all(WAITING, owner_id=owner_id, model=model, limit=limit)


async def owners_waiting(look: Look, model: str, before: datetime) -> list[UserId]:
    """Whose faces have been waiting since before `before`."""
    return [UserId(row["owner_id"]) for row in await look.all(OWNERS_WAITING, model=model, before=before)]


async def owners_unmerged(look: Look) -> list[UserId]:
    """Whose clusters were not compared since faces came."""
    return [UserId(row["owner_id"]) for row in await look.all(OWNERS_UNMERGED)]


async def owners(look: Look) -> list[UserId]:
    """Who has faces."""
    return [UserId(row["owner_id"]) for row in await look.all(OWNERS)]


async def owner_of(look: Look, face_id: UUID) -> UserId | None:
    """Whose photo a face is in."""
    return await look.value(OWNER_OF, id=face_id)


async def dimensions(look: Look, owner_id: UserId, model: str) -> int | None:
    """How many numbers a vector of this model has; `None` while there is none."""
    return await look.value(DIMENSIONS, owner_id=owner_id, model=model)


async def clusters(look: Look, owner_id: UserId, model: str, dimensions: int) -> list[Row]:
    """Every cluster, and of people with several looks every look: key, look, number of faces, mean vector (as
    `vector_send` gives it), photos, rank. Looks of one key follow each other."""
    rows: list[Row] = []
    for number in range(STRETCHES):
        first, last = UUID(int=number * _STRETCH), UUID(int=(number + 1) * _STRETCH - 1)
        rows += await look.all(CLUSTERS, owner_id=owner_id, model=model, dimensions=dimensions, first=first, last=last)
    return rows


async def movable(look: Look, owner_id: UserId, model: str, after: UUID, limit: int) -> list[Row]:
    """A page of the faces that may move, in the order of their ids."""
    return await look.all(MOVABLE, owner_id=owner_id, model=model, after=after, limit=limit)


async def place(tx: Tx, placed: Placed, now: datetime) -> int:
    """Faces that waited have a place now. How many; fewer when some are gone or somebody said who they are."""
    return await tx.run(
        PLACE,
        ids=placed.ids,
        person_ids=placed.person_ids,
        cluster_ids=placed.cluster_ids,
        now=now,
    )


async def move(tx: Tx, placed: Placed) -> None:
    """Faces are better off elsewhere."""
    if placed.ids:
        await tx.run(MOVE, ids=placed.ids, person_ids=placed.person_ids, cluster_ids=placed.cluster_ids)


async def join_loose(tx: Tx, gone: Sequence[UUID], into: Sequence[UUID]) -> None:
    """Whoever was in a cluster is in another now, which is no person yet."""
    if gone:
        await tx.run(JOIN_LOOSE, gone=list(gone), into=list(into))


async def join_people(tx: Tx, gone: Sequence[UUID], into: Sequence[UUID], looks: Sequence[UUID | None]) -> list[UUID]:
    """Whoever was in a cluster is somebody now: which faces. `looks`: as which of their looks, if they have several."""
    if not gone:
        return []
    rows = await tx.all(JOIN_PERSON, gone=list(gone), into=list(into), looks=list(looks))
    return [row["id"] for row in rows]


async def begin_people(tx: Tx, owner_id: UserId, ids: Sequence[UUID]) -> None:
    """Clusters that are large enough are people from now on, under the same id."""
    if ids:
        await tx.run(BEGIN_PEOPLE, ids=list(ids), owner_id=owner_id)
        await tx.run(PROMOTE, ids=list(ids))


async def unsort(tx: Tx, owner_id: UserId) -> None:
    """As if the machine had never thought about these faces; what somebody said stays."""
    await tx.run(UNSORT, owner_id=owner_id)


async def look_again(tx: Tx, owner_id: UserId) -> None:
    """Think again about every face that is nobody's."""
    await tx.run(LOOK_AGAIN, owner_id=owner_id)


async def drop_faceless(tx: Tx, owner_id: UserId) -> list[str]:
    """Remove people the machine made and took all faces from. The portraits' paths."""
    return [row["portrait_path"] for row in await tx.all(FACELESS, owner_id=owner_id) if row["portrait_path"]]


async def drop_all_faceless(tx: Tx) -> list[str]:
    """As `drop_faceless`, of every owner."""
    return [row["portrait_path"] for row in await tx.all(ALL_FACELESS) if row["portrait_path"]]


async def featureless(look: Look, ids: Sequence[UUID]) -> list[UUID]:
    """Those of the people for whom no face stands yet."""
    return [row["id"] for row in await look.all(FEATURELESS, ids=list(ids))]


async def nearest(
    look: Look,
    owner_id: UserId,
    model: str,
    face_id: UUID,
    *,
    taken: int,
    within: float,
    limit: int,
    known_only: bool = False,
) -> list[Row]:
    """The nearest faces within reach, nearest first, itself included: person and distance. Exact."""
    return await look.all(
        NEAREST,
        owner_id=owner_id,
        model=model,
        face_id=face_id,
        taken=taken,
        within=within,
        limit=limit,
        known_only=known_only,
    )
