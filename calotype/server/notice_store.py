"""SQL of notifications."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from calotype.core.ids import UserId
from calotype.core.sql import Where, sql
from calotype.core.tx import Look, Row, Tx

LIST_LIMIT = 1000

LIST: LiteralString = """
    SELECT id, user_id, level, type, title, description, data, read_at, created_at
      FROM notification
     WHERE deleted_at IS NULL
       AND {where}
     ORDER BY created_at DESC, id
     LIMIT 1000
"""

ADD = sql("""
    INSERT INTO notification (user_id, level, type, title, description, data, read_at)
    VALUES (:user_id, :level, :type, :title, :description, :data::jsonb, :read_at)
    RETURNING id, user_id, level, type, title, description, data, read_at, created_at
""")

READ = sql("""
    UPDATE notification
       SET read_at = :read_at
     WHERE id = ANY(:ids::uuid[])
       AND deleted_at IS NULL
""")

REMOVE = sql("""
    UPDATE notification
       SET deleted_at = :now
     WHERE id = ANY(:ids::uuid[])
       AND deleted_at IS NULL
""")

OWNED = sql("SELECT id FROM notification WHERE id = ANY(:ids::uuid[]) AND user_id = :user_id")

PURGE = sql("""
    DELETE FROM notification
     WHERE deleted_at < :before
        OR read_at < :before
""")


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to one person, in the app."""

    id: UUID
    user_id: UserId
    level: str
    type: str
    title: str
    description: str | None
    data: dict[str, Any] | None
    read_at: datetime | None
    created_at: datetime


def _notice(row: Row) -> Notice:
    return Notice(**row)


async def notices(
    look: Look,
    user_id: UserId,
    *,
    id: UUID | None = None,
    level: str | None = None,
    type: str | None = None,
    unread: bool = False,
) -> list[Notice]:
    """A person's notices, newest first."""
    where = Where()
    where.add("user_id = :user_id", user_id=user_id)
    if id is not None:
        where.add("id = :id", id=id)
    if level is not None:
        where.add("level = :level", level=level)
    if type is not None:
        where.add("type = :type", type=type)
    if unread:
        where.add("read_at IS NULL")
    return [_notice(row) for row in await look.all(where.into(LIST), **where.arguments)]


async def notice(look: Look, id: UUID) -> Notice | None:
    """One notice that was not removed."""
    where = Where()
    where.add("id = :id", id=id)
    row = await look.one(where.into(LIST), **where.arguments)
    return _notice(row) if row else None


async def add(
    tx: Tx,
    user_id: UserId,
    *,
    level: str,
    type: str,
    title: str,
    description: str | None = None,
    data: dict[str, Any] | None = None,
    read_at: datetime | None = None,
) -> Notice:
    """Write one."""
    row = await tx.one(
        ADD,
        user_id=user_id,
        level=level,
        type=type,
        title=title,
        description=description,
        data=data,
        read_at=read_at,
    )
    assert row is not None
    return _notice(row)


async def set_read(tx: Tx, ids: list[UUID], read_at: datetime | None) -> None:
    """Mark as read, or as unread with `None`."""
    await tx.run(READ, ids=ids, read_at=read_at)


async def remove(tx: Tx, ids: list[UUID], now: datetime) -> None:
    """Take out of sight."""
    await tx.run(REMOVE, ids=ids, now=now)


async def owned(look: Look, ids: list[UUID], user_id: UserId) -> set[UUID]:
    """Those of the notices that are a person's own."""
    return {row["id"] for row in await look.all(OWNED, ids=ids, user_id=user_id)}


async def purge(tx: Tx, before: datetime) -> int:
    """Forget what was removed or read before; how many."""
    return await tx.run(PURGE, before=before)
