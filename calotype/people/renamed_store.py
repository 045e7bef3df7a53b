"""SQL of the table `person_renamed`: whose name is to be written beside their photos, and how far that is."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from calotype.core.sql import sql
from calotype.core.tx import Look, Row, Tx

RENAME = sql("""
    INSERT INTO person_renamed (person_id) SELECT id FROM person WHERE id = ANY(:ids::uuid[]) ORDER BY id
    ON CONFLICT (person_id) DO UPDATE SET after = '00000000-0000-0000-0000-000000000000'
""")
RENAME_NAMED_OF = sql("""
    INSERT INTO person_renamed (person_id)
    SELECT DISTINCT person.id
      FROM face JOIN person ON person.id = face.person_id
     WHERE face.id = ANY(:ids::uuid[]) AND person.name <> ''
     ORDER BY 1
    ON CONFLICT (person_id) DO UPDATE SET after = '00000000-0000-0000-0000-000000000000'
     WHERE person_renamed.after <> '00000000-0000-0000-0000-000000000000'
""")
NEXT_RENAMED = sql("SELECT person_id, after FROM person_renamed ORDER BY since LIMIT 1 FOR UPDATE SKIP LOCKED")
ANY_RENAMED = sql("SELECT EXISTS (SELECT FROM person_renamed WHERE since < :before)")
MARKED_TO = sql("UPDATE person_renamed SET after = :after WHERE person_id = :person_id")
ALL_MARKED = sql("DELETE FROM person_renamed WHERE person_id = :person_id")


async def rename(tx: Tx, ids: Sequence[UUID]) -> None:
    """The names of these people are to be written beside each of their photos. Done twice it is done once."""
    await tx.run(RENAME, ids=list(ids))


async def rename_named_of(tx: Tx, face_ids: Sequence[UUID]) -> None:
    """As `rename`, of those with a name whom the faces are."""
    await tx.run(RENAME_NAMED_OF, ids=list(face_ids))


async def next_one(tx: Tx) -> Row | None:
    """Somebody whose photos are not all marked, held: the person, and up to which photo they are."""
    return await tx.one(NEXT_RENAMED)


async def is_anybody_waiting(look: Look, before: datetime) -> bool:
    """Whether somebody has been waiting for that since before `before`."""
    return await look.value(ANY_RENAMED, before=before)


async def are_marked_to(tx: Tx, person_id: UUID, after: UUID) -> None:
    """The photos of somebody are marked up to this one."""
    await tx.run(MARKED_TO, person_id=person_id, after=after)


async def all_are_marked(tx: Tx, person_id: UUID) -> None:
    """Every photo of somebody is marked."""
    await tx.run(ALL_MARKED, person_id=person_id)
