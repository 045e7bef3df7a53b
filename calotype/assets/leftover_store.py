"""SQL of the table `leftover`."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from calotype.core.ids import UserId
from calotype.core.sql import sql
from calotype.core.tx import Look, Tx

NOTE = sql("INSERT INTO leftover (keys, made) VALUES (:keys::text[], :made::text[]) RETURNING id")
NOTE_PERSON = sql("INSERT INTO leftover (person_id) VALUES (:person_id) ON CONFLICT (person_id) DO NOTHING")
FORGET = sql("DELETE FROM leftover WHERE id = :id")
FORGET_PERSON = sql("DELETE FROM leftover WHERE person_id = :person_id")

ONE = sql("""
    SELECT id, keys, made, person_id
      FROM leftover
     WHERE id = :id
       AND person_id IS NULL
       FOR UPDATE
""")

# The oldest first, so that one that cannot be removed does not keep others back for ever: a page holds thousands.
WAITING = sql("""
    SELECT id, person_id
      FROM leftover
     WHERE since < :before
     ORDER BY id
     LIMIT :limit
""")

# A sidecar may take a name that was free again, but only under its asset's lock.
HOLD = sql("""
    SELECT id
      FROM asset
     WHERE fold(original_key) = ANY(ARRAY(SELECT fold(regexp_replace(key, '[.]xmp$', '')) FROM unnest(:keys::text[]) AS key))
     ORDER BY id
       FOR UPDATE
""")


@dataclass(frozen=True, slots=True)
class Waiting:
    """One that should be gone by now. `person_id`: it is everything of somebody."""

    id: int
    person_id: UserId | None


async def note(tx: Tx, keys: list[str], made: list[str]) -> int:
    """Write files down; the id under which."""
    id: int = await tx.value(NOTE, keys=keys, made=made)
    return id


async def note_person(tx: Tx, person: UserId) -> None:
    """Write down everything of somebody; once is enough."""
    await tx.run(NOTE_PERSON, person_id=person)


async def one(tx: Tx, id: int) -> tuple[list[str], list[str]] | None:
    """Keys and made paths, held until the unit of work ends; `None` when they are gone already."""
    row = await tx.one(ONE, id=id)
    return (list(row["keys"]), list(row["made"])) if row else None


async def hold(tx: Tx, keys: list[str]) -> None:
    """Until the unit of work ends, no asset takes one of the keys as the name of its sidecar."""
    await tx.all(HOLD, keys=keys)


async def forget(tx: Tx, id: int) -> None:
    """They are removed."""
    await tx.run(FORGET, id=id)


async def forget_person(tx: Tx, person: UserId) -> None:
    """Everything of theirs is removed."""
    await tx.run(FORGET_PERSON, person_id=person)


async def waiting(look: Look, *, before: datetime, limit: int) -> list[Waiting]:
    """Those written down before an instant, oldest first."""
    rows = await look.all(WAITING, before=before, limit=limit)
    return [Waiting(row["id"], UserId(UUID(int=row["person_id"].int)) if row["person_id"] else None) for row in rows]
