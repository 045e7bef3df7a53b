"""SQL of the tables `face`, `face_vector` and `face_scan`: what was seen in photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from calotype.core.ids import AssetId, UserId
from calotype.core.sql import sql
from calotype.core.tx import Look, Row, Tx
from calotype.people.person import Box, Face, Person

# Held until the end, so that a photo that is locked or thrown away meanwhile takes these faces along.
HOLD_ASSET = sql("""
    SELECT owner_id, width, height, taken_at, face_place(visibility, status) AS place
      FROM asset
     WHERE id = :asset_id AND status <> 'deleted'
       FOR SHARE
""")
OF_ASSET = sql("""
    SELECT id, x1, y1, x2, y2, image_width, image_height, source_type, model, is_pinned, person_id, deleted_at
      FROM face
     WHERE asset_id = :asset_id
     ORDER BY id
       FOR UPDATE
""")
ADD = sql("""
    INSERT INTO face (id, asset_id, owner_id, person_id, x1, y1, x2, y2, image_width, image_height, source_type, score, model,
                      place, is_pinned)
    VALUES (:id, :asset_id, :owner_id, :person_id, :x1, :y1, :x2, :y2, :image_width, :image_height, :source_type,
            :score, :model, :place, :is_pinned)
""")
PUT_VECTOR = sql("""
    INSERT INTO face_vector (face_id, vector) VALUES (:face_id, :vector::text::halfvec)
    ON CONFLICT (face_id) DO UPDATE SET vector = excluded.vector
""")
# A face nobody has a person for yet is thought about again when it looks different to a new model.
SET_MODEL = sql("""
    UPDATE face
       SET model = :model, score = :score, looked_at = NULL,
           cluster_id = CASE WHEN person_id IS NOT NULL THEN cluster_id END
     WHERE id = :face_id
""")
REMOVE = sql("DELETE FROM face WHERE id = ANY(:ids::uuid[])")
STAMP = sql("""
    INSERT INTO face_scan (asset_id, model) VALUES (:asset_id, :model)
    ON CONFLICT (asset_id) DO UPDATE SET model = excluded.model, at = clock_timestamp()
""")
FORGET_SCANS = sql("DELETE FROM face_scan")
# Whoever was named keeps their faces until each photo has been searched again: what is found there is who it was.
FORGET_FACES = sql("""
    DELETE FROM face
     WHERE source_type = 'machine-learning' AND NOT is_pinned AND deleted_at IS NULL
       AND NOT EXISTS (SELECT FROM person WHERE person.id = face.person_id AND person.is_anchor)
""")

SHOWN_OF_ASSET = sql("""
    SELECT face.id, face.x1, face.y1, face.x2, face.y2, face.image_width, face.image_height, face.source_type,
           person.id AS person_id, person.name, person.birth_date, person.is_hidden, person.is_favorite, person.color,
           CASE WHEN person.portrait_face_id IS NULL THEN '' ELSE person.portrait_path END AS portrait,
           person.updated_at
      FROM face
      LEFT JOIN person ON person.id = face.person_id AND person.owner_id = :viewer
     WHERE face.asset_id = :asset_id AND face.is_visible AND face.deleted_at IS NULL
     ORDER BY face.x1, face.y1, face.id
""")

FACES_OF_PERSON = sql("SELECT id FROM face WHERE person_id = :person_id AND id = ANY(:ids::uuid[])")
SOFT_DELETE = sql("UPDATE face SET deleted_at = coalesce(deleted_at, :now) WHERE id = :id")


@dataclass(frozen=True, slots=True)
class NewFace:
    """A face to keep. `vector`: of length one, as Postgres writes it; only with a `model`."""

    id: UUID
    box: Box
    source_type: str
    score: float | None = None
    model: str | None = None
    vector: str | None = None
    person_id: UUID | None = None
    is_pinned: bool = False


def box_of(row: Row) -> Box:
    """The box of a row of `face`."""
    return Box(row["x1"], row["y1"], row["x2"], row["y2"], row["image_width"], row["image_height"])


async def hold_asset(tx: Tx, asset_id: AssetId) -> Row | None:
    """Owner, size, date and place of a photo, which neither moves nor goes until the end of the unit of work."""
    return await tx.one(HOLD_ASSET, asset_id=asset_id)


async def of_asset(tx: Tx, asset_id: AssetId) -> list[Row]:
    """Every face of a photo, also those that were taken away, held."""
    return await tx.all(OF_ASSET, asset_id=asset_id)


async def add(tx: Tx, asset_id: AssetId, owner_id: UserId, place: str, faces: Sequence[NewFace]) -> None:
    """Keep new faces of a photo. `place` is the photo's (`hold_asset`)."""
    if not faces:
        return
    await tx.many(
        ADD,
        [
            {
                "id": face.id,
                "asset_id": asset_id,
                "owner_id": owner_id,
                "person_id": face.person_id,
                "x1": round(face.box.x1),
                "y1": round(face.box.y1),
                "x2": round(face.box.x2),
                "y2": round(face.box.y2),
                "image_width": face.box.width,
                "image_height": face.box.height,
                "source_type": face.source_type,
                "score": face.score,
                "model": face.model,
                "place": place,
                "is_pinned": face.is_pinned,
            }
            for face in faces
        ],
    )
    await tx.many(PUT_VECTOR, [{"face_id": f.id, "vector": f.vector} for f in faces if f.vector is not None])


async def set_vector(tx: Tx, face_id: UUID, vector: str, *, model: str, score: float) -> None:
    """What a known face looks like to this model."""
    await tx.run(PUT_VECTOR, face_id=face_id, vector=vector)
    await tx.run(SET_MODEL, face_id=face_id, model=model, score=score)


async def remove(tx: Tx, ids: Sequence[UUID]) -> None:
    """Faces that are not there (any more)."""
    if ids:
        await tx.run(REMOVE, ids=list(ids))


async def stamp(tx: Tx, asset_id: AssetId, model: str) -> None:
    """The photo was searched for faces with this model."""
    await tx.run(STAMP, asset_id=asset_id, model=model)


async def forget_scans(tx: Tx, *, faces_too: bool) -> None:
    """As if no photo had been searched. `faces_too`: what was found goes as well, but for whom somebody knows."""
    await tx.run(FORGET_SCANS)
    if faces_too:
        await tx.run(FORGET_FACES)


async def shown(look: Look, asset_id: AssetId, viewer: UserId) -> list[Face]:
    """The faces of a photo from left to right; people of others are nobody."""
    rows = await look.all(SHOWN_OF_ASSET, asset_id=asset_id, viewer=viewer)
    return [Face(row["id"], box_of(row), row["source_type"], _person(row)) for row in rows]


def _person(row: Row) -> Person | None:
    if row["person_id"] is None:
        return None
    return Person(
        row["person_id"],
        row["name"],
        row["birth_date"],
        row["is_hidden"],
        row["is_favorite"],
        row["color"],
        row["portrait"],
        row["updated_at"],
    )


async def faces_of_person(look: Look, person_id: UUID, ids: Sequence[UUID]) -> list[UUID]:
    """Those of the faces that are this person's."""
    return [row["id"] for row in await look.all(FACES_OF_PERSON, person_id=person_id, ids=list(ids))]


async def soft_delete(tx: Tx, id: UUID, now: datetime) -> None:
    """Take a face away in a way that keeps it from being found again. Done twice it stays done."""
    await tx.run(SOFT_DELETE, id=id, now=now)
