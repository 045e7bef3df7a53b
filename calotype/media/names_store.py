"""SQL of the tables `face_region` and `names_unwritten`: who a file says is in the picture, and what it shall say."""

import json
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from calotype.core.ids import AssetId
from calotype.core.sql import sql
from calotype.core.tx import Look, Row, Tx

# What a file says ---------------------------------------------------------------------------------------------------------

# A file that says what it said before says nothing new: what became of it here since is what counts.
PUT_REGIONS = sql("""
    INSERT INTO face_region (asset_id, regions) VALUES (:asset_id, :regions::text::jsonb)
    ON CONFLICT (asset_id) DO UPDATE SET regions = excluded.regions, is_waiting = true
     WHERE face_region.regions <> excluded.regions OR face_region.is_waiting
""")
REGIONS_SAID = sql("SELECT regions::text FROM face_region WHERE asset_id = :asset_id")
REGIONS_TAKEN_OVER = sql("SELECT regions::text FROM face_region WHERE asset_id = :asset_id AND NOT is_waiting")
REGIONS = sql("SELECT regions::text FROM face_region WHERE asset_id = :asset_id FOR UPDATE")
REGIONS_TAKEN = sql("UPDATE face_region SET is_waiting = false WHERE asset_id = :asset_id")
REGIONS_WRITTEN = sql("""
    INSERT INTO face_region (asset_id, regions, is_waiting) VALUES (:asset_id, :regions::text::jsonb, :is_waiting)
    ON CONFLICT (asset_id) DO UPDATE SET regions = excluded.regions, is_waiting = excluded.is_waiting
""")
REGIONS_AGAIN = sql("UPDATE face_region SET is_waiting = true WHERE NOT is_waiting AND regions <> '[]'")
ARE_REGIONS_WAITING = sql("SELECT EXISTS (SELECT FROM face_region WHERE asset_id = :asset_id AND is_waiting)")
REGIONS_WAITING = sql("""
    SELECT asset_id FROM face_region
     WHERE is_waiting AND NOT EXISTS (SELECT FROM names_unwritten AS own WHERE own.asset_id = face_region.asset_id)
     ORDER BY asset_id LIMIT :limit
""")

# What it shall say --------------------------------------------------------------------------------------------------------

# Always in the order of ids, so that two who mark the same photos wait for each other in one direction only.
MARK = sql("""
    INSERT INTO names_unwritten (asset_id)
    SELECT id FROM asset WHERE id = ANY(:ids::uuid[]) AND status <> 'deleted' ORDER BY id
    ON CONFLICT (asset_id) DO UPDATE SET version = next_version()
""")
MARK_OF_FACES = sql("""
    INSERT INTO names_unwritten (asset_id)
    SELECT DISTINCT face.asset_id
      FROM face LEFT JOIN person ON person.id = face.person_id
     WHERE face.id = ANY(:ids::uuid[]) AND (person.name <> '' OR NOT :named_only::boolean)
     ORDER BY 1
    ON CONFLICT (asset_id) DO UPDATE SET version = next_version()
""")
MARK_OF_PEOPLE = sql("""
    INSERT INTO names_unwritten (asset_id)
    SELECT DISTINCT face.asset_id
      FROM face JOIN person ON person.id = face.person_id
     WHERE person.id = ANY(:ids::uuid[]) AND person.name <> '' AND face.deleted_at IS NULL
     ORDER BY 1
    ON CONFLICT (asset_id) DO UPDATE SET version = next_version()
""")
PHOTOS_OF = sql("""
    SELECT DISTINCT asset_id FROM face
     WHERE person_id = :person_id AND deleted_at IS NULL AND asset_id > :after
     ORDER BY asset_id LIMIT :limit
""")
QUEUE = sql("""
    UPDATE names_unwritten SET queued_at = :now
     WHERE asset_id IN (SELECT asset_id FROM names_unwritten WHERE queued_at IS NULL
                         ORDER BY asset_id LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING asset_id
""")
UNWRITTEN = sql("""
    SELECT asset_id FROM names_unwritten AS own
     WHERE since < :before
       AND NOT EXISTS (SELECT FROM asset_problem AS p WHERE p.asset_id = own.asset_id AND p.step = 'sidecar')
     ORDER BY asset_id LIMIT :limit
""")
VERSION = sql("SELECT version FROM names_unwritten WHERE asset_id = :asset_id")
WRITTEN = sql("DELETE FROM names_unwritten WHERE asset_id = :asset_id AND version = :version")
# Also those outside the crop of an edited picture: what is written beside the original speaks of the original.
NAMED_FACES = sql("""
    SELECT person.name, face.x1, face.y1, face.x2, face.y2, face.image_width AS width, face.image_height AS height
      FROM face JOIN person ON person.id = face.person_id
     WHERE face.asset_id = :asset_id AND face.deleted_at IS NULL AND btrim(person.name) <> ''
     ORDER BY face.x1, face.id
""")


async def put_regions(tx: Tx, asset_id: AssetId, regions: Sequence[dict[str, object]]) -> bool:
    """Keep the named faces of a file until they are taken over. False when it says nothing new."""
    if not regions and await regions_said(tx, asset_id) is None:
        return False
    return await tx.run(PUT_REGIONS, asset_id=asset_id, regions=_text(regions)) > 0


async def regions_said(look: Look, asset_id: AssetId) -> str | None:
    """What the file said when it was last read or written, to compare; `None` when nobody ever asked or it never did."""
    return await look.value(REGIONS_SAID, asset_id=asset_id)


async def regions(tx: Tx, asset_id: AssetId) -> list[dict[str, object]] | None:
    """The named faces of a file, held; `None` when it was never asked for any."""
    text = await tx.value(REGIONS, asset_id=asset_id)
    return None if text is None else json.loads(text)


async def regions_taken_over(look: Look, asset_id: AssetId) -> list[dict[str, object]]:
    """The named faces of a file that are, or were, people here."""
    return json.loads(await look.value(REGIONS_TAKEN_OVER, asset_id=asset_id) or "[]")


async def regions_are_taken(tx: Tx, asset_id: AssetId) -> None:
    """They are people now."""
    await tx.run(REGIONS_TAKEN, asset_id=asset_id)


async def regions_are_written(
    tx: Tx, asset_id: AssetId, regions: Sequence[dict[str, object]], *, is_waiting: bool
) -> None:
    """The file says this since we wrote it. `is_waiting`: some of it is not known here yet."""
    await tx.run(REGIONS_WRITTEN, asset_id=asset_id, regions=_text(regions), is_waiting=is_waiting)


async def take_regions_again(tx: Tx) -> None:
    """Every name that a file tells is to be taken over again: faces that had them were forgotten."""
    await tx.run(REGIONS_AGAIN)


async def are_regions_waiting(look: Look, asset_id: AssetId) -> bool:
    """Whether the file tells names that were not taken over yet."""
    return await look.value(ARE_REGIONS_WAITING, asset_id=asset_id)


async def regions_waiting(look: Look, limit: int) -> list[AssetId]:
    """Photos whose named faces were not taken over yet, and may be."""
    return [AssetId(row["asset_id"]) for row in await look.all(REGIONS_WAITING, limit=limit)]


async def mark(tx: Tx, asset_ids: Sequence[AssetId]) -> None:
    """Who is in these photos changed: it is to be written beside them. Done twice it is done once."""
    await tx.run(MARK, ids=list(asset_ids))


async def mark_photos_of_faces(tx: Tx, face_ids: Sequence[UUID], *, named_only: bool = False) -> int:
    """Who these faces are changed. `named_only`: those that are nobody, or somebody without a name, do not matter.

    In how many photos that is.
    """
    return await tx.run(MARK_OF_FACES, ids=list(face_ids), named_only=named_only)


async def mark_photos_of_people(tx: Tx, person_ids: Sequence[UUID]) -> None:
    """These people are about to go, and their names with them."""
    await tx.run(MARK_OF_PEOPLE, ids=list(person_ids))


async def photos_of(look: Look, person_id: UUID, after: UUID, limit: int) -> list[AssetId]:
    """A page of the photos somebody is on, in the order of their ids."""
    rows = await look.all(PHOTOS_OF, person_id=person_id, after=after, limit=limit)
    return [AssetId(row["asset_id"]) for row in rows]


async def queue(tx: Tx, limit: int, now: datetime) -> list[AssetId]:
    """Marked photos for which no job was queued yet; the caller queues them after commit."""
    return [AssetId(row["asset_id"]) for row in await tx.all(QUEUE, limit=limit, now=now)]


async def unwritten(look: Look, *, before: datetime, limit: int) -> list[AssetId]:
    """Photos that have been marked since before `before`, and whose writing did not fail."""
    return [AssetId(row["asset_id"]) for row in await look.all(UNWRITTEN, before=before, limit=limit)]


async def version(look: Look, asset_id: AssetId) -> UUID | None:
    """Tells one mark from the next; `None` for a photo whose names are written."""
    return await look.value(VERSION, asset_id=asset_id)


async def are_written(tx: Tx, asset_id: AssetId, version: UUID) -> bool:
    """The names are beside the photo. False when they changed since: then the mark stays."""
    return await tx.run(WRITTEN, asset_id=asset_id, version=version) == 1


async def named_faces(look: Look, asset_id: AssetId) -> list[Row]:
    """Faces of a photo that are somebody with a name, from left to right: the name and the box."""
    return await look.all(NAMED_FACES, asset_id=asset_id)


def _text(regions: Sequence[dict[str, object]]) -> str:
    return json.dumps(regions).replace("\\u0000", "")
