"""SQL of portraits."""

from datetime import datetime
from uuid import UUID

from calotype.core.sql import sql
from calotype.core.tx import Look, Row, Tx

TO_DRAW = sql("""
    SELECT person.id, person.owner_id, person.portrait_face_id, person.portrait_path, face.id AS face_id, face.x1, face.y1,
           face.x2, face.y2, face.image_width, face.image_height, asset.type, asset.original_key,
           (SELECT file.path FROM asset_file AS file
             WHERE file.asset_id = asset.id AND file.type = 'preview' AND NOT file.is_edited) AS preview_path
      FROM person
      JOIN face ON face.id = person.feature_face_id AND face.person_id = person.id AND face.place <> 'x'
      JOIN asset ON asset.id = face.asset_id
     WHERE person.id = :id
""")
SAVE = sql("""
    UPDATE person
       SET portrait_face_id = :face_id, portrait_path = :path, portrait_fault = NULL
      FROM face
     WHERE person.id = :id AND person.feature_face_id = :face_id AND face.id = :face_id AND face.place <> 'x'
""")
NOTE_FAULT = sql("""
    UPDATE person SET portrait_fault = :reason, portrait_face_id = NULL WHERE id = :id AND feature_face_id = :face_id
""")
# A person whose portrait is missing or shows another face than it should, and who has a face that may be shown.
DUE = sql("""
    SELECT person.id
      FROM person
     WHERE person.portrait_fault IS NULL
       AND (person.portrait_face_id IS NULL OR person.portrait_face_id IS DISTINCT FROM person.feature_face_id)
       AND person.updated_at < :before
       AND EXISTS (SELECT FROM face
                    WHERE face.person_id = person.id AND face.is_visible AND face.deleted_at IS NULL AND face.place <> 'x')
     ORDER BY person.id
     LIMIT :limit
""")


async def to_draw(look: Look, id: UUID) -> Row | None:
    """The person, the face that stands for them, and where its picture is."""
    return await look.one(TO_DRAW, id=id)


async def save(tx: Tx, id: UUID, face_id: UUID, path: str) -> bool:
    """The portrait shows this face. False when another stands for the person by now, or it may not be shown any more."""
    return await tx.run(SAVE, id=id, face_id=face_id, path=path) == 1


async def note_fault(tx: Tx, id: UUID, face_id: UUID, reason: str) -> None:
    """Why no portrait can be made of this face."""
    await tx.run(NOTE_FAULT, id=id, face_id=face_id, reason=reason[:500])


async def due(look: Look, *, before: datetime, limit: int) -> list[UUID]:
    """People whose portrait is to be drawn, and has been since before `before`."""
    return [row["id"] for row in await look.all(DUE, before=before, limit=limit)]
