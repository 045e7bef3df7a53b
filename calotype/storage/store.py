"""SQL of the table `instance`."""

from datetime import datetime
from uuid import UUID

from calotype.core.sql import sql
from calotype.core.tx import Look, Tx
from calotype.storage.root import Identity

LOCK = sql("SELECT pg_advisory_xact_lock(7110231)")  # our own number: one start at a time looks at marker and epoch

IDENTITY = sql("""
    SELECT id, epoch
      FROM instance
""")

SAVE = sql("""
    INSERT INTO instance (id, epoch, initialised_at)
    VALUES (:id, :epoch, :now)
    ON CONFLICT (only_one) DO UPDATE
       SET epoch = excluded.epoch
""")


async def lock(tx: Tx) -> None:
    """Wait until no other process is starting; held until the unit of work ends."""
    await tx.run(LOCK)


async def identity(look: Look) -> Identity | None:
    """Whom this database belongs to; `None` for one that was never started."""
    row = await look.one(IDENTITY)
    return Identity(UUID(int=row["id"].int), row["epoch"]) if row else None


async def save(tx: Tx, identity: Identity, now: datetime) -> None:
    """Remember the identity. The id of an existing row never changes, only its epoch."""
    await tx.run(SAVE, id=identity.id, epoch=identity.epoch, now=now)
