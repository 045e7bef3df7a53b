"""SQL of sessions."""

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from calotype.accounts.device import Device
from calotype.core.ids import SessionId, UserId
from calotype.core.sql import sql
from calotype.core.tx import Look, Row, Tx


@dataclass(frozen=True, slots=True)
class Session:
    """A login, as its owner sees it in a list."""

    id: SessionId
    user_id: UserId
    device_type: str
    device_os: str
    app_version: str | None
    expires_at: datetime | None
    pin_expires_at: datetime | None
    is_pending_sync_reset: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """What a token stands for, with as much of its owner as every request needs."""

    id: SessionId
    user_id: UserId
    is_admin: bool
    has_pin: bool
    pin_expires_at: datetime | None
    app_version: str | None
    updated_at: datetime


_COLUMNS: LiteralString = """
    id, user_id, device_type, device_os, app_version, expires_at, pin_expires_at, is_pending_sync_reset, created_at,
    updated_at
"""

BY_TOKEN = sql("""
    SELECT session.id, session.user_id, users.is_admin, users.pin_hash IS NOT NULL AS has_pin, session.pin_expires_at,
           session.app_version, session.updated_at
      FROM session
      JOIN users ON users.id = session.user_id
     WHERE session.token_hash = :token_hash
       AND users.deleted_at IS NULL
       AND (session.expires_at IS NULL OR session.expires_at > :now)
""")

# A child lives no longer than its parent.
ADD = sql(
    """
    INSERT INTO session (user_id, parent_id, token_hash, device_type, device_os, app_version, expires_at)
    SELECT :user_id::uuid, :parent_id::uuid, :token_hash, :device_type, :device_os, :app_version,
           LEAST(:expires_at::timestamptz, (SELECT expires_at FROM session WHERE id = :parent_id::uuid))
 RETURNING """
    + _COLUMNS
)

OF_USER = sql(
    "SELECT "
    + _COLUMNS
    + """
      FROM session
     WHERE user_id = :user_id
       AND (expires_at IS NULL OR expires_at > :now)
     ORDER BY updated_at DESC, id
     LIMIT 10000
"""
)

ONE = sql("SELECT " + _COLUMNS + " FROM session WHERE id = :id")

TOUCH = sql("""
    UPDATE session
       SET updated_at = :now,
           device_type = CASE WHEN :device_type <> '' THEN :device_type ELSE device_type END,
           device_os = CASE WHEN :device_os <> '' THEN :device_os ELSE device_os END,
           app_version = COALESCE(:app_version, app_version),
           pin_expires_at = CASE WHEN pin_expires_at IS NULL THEN NULL ELSE :pin_expires_at::timestamptz END
     WHERE id = :id
""")

SET_ELEVATION = sql("UPDATE session SET pin_expires_at = :until WHERE id = :id")
LOCK_ALL = sql("UPDATE session SET pin_expires_at = NULL WHERE user_id = :user_id AND pin_expires_at IS NOT NULL")

SET_PENDING_SYNC_RESET = sql(
    """
    UPDATE session
       SET is_pending_sync_reset = :value,
           updated_at = clock_timestamp()
     WHERE id = :id
 RETURNING """
    + _COLUMNS
)

# The children are listed too, so that each can be told; the database would remove them silently.
REMOVE = sql("""
    WITH RECURSIVE ending AS (
        SELECT id FROM session WHERE id = :id
         UNION
        SELECT session.id FROM session JOIN ending ON session.parent_id = ending.id
    )
    DELETE FROM session
     WHERE id IN (SELECT id FROM ending)
 RETURNING id, user_id
""")
REMOVE_ALL = sql("""
    DELETE FROM session
     WHERE user_id = :user_id
       AND id IS DISTINCT FROM :kept::uuid
 RETURNING id, user_id
""")
REMOVE_OLD = sql("""
    WITH RECURSIVE ending AS (
        SELECT id FROM session WHERE expires_at <= :now OR updated_at < :unused_since
         UNION
        SELECT session.id FROM session JOIN ending ON session.parent_id = ending.id
    )
    DELETE FROM session
     WHERE id IN (SELECT id FROM ending)
 RETURNING id, user_id
""")


async def by_token(look: Look, token_hash: bytes, now: datetime) -> Known | None:
    """The session of a token, unless it expired or its owner was removed."""
    row = await look.one(BY_TOKEN, token_hash=token_hash, now=now)
    return Known(*row.values()) if row else None


async def add(
    tx: Tx, token_hash: bytes, user_id: UserId, device: Device, expires_at: datetime | None, parent: SessionId | None
) -> Session:
    """Keep a new session."""
    row = await tx.one(
        ADD,
        user_id=user_id,
        parent_id=parent,
        token_hash=token_hash,
        device_type=device.type,
        device_os=device.os,
        app_version=device.app_version,
        expires_at=expires_at,
    )
    assert row is not None
    return _session(row)


async def of_user(look: Look, user_id: UserId, now: datetime) -> list[Session]:
    """Sessions that still work, the one used last first."""
    return [_session(row) for row in await look.all(OF_USER, user_id=user_id, now=now)]


async def one(look: Look, session: SessionId) -> Session | None:
    """A session by its id."""
    row = await look.one(ONE, id=session)
    return _session(row) if row else None


async def touch(tx: Tx, session: SessionId, seen: Device, pin_expires_at: datetime | None, now: datetime) -> None:
    """Note the device that used the session just now. A session that was locked meanwhile stays locked."""
    await tx.run(
        TOUCH,
        id=session,
        now=now,
        device_type=seen.type,
        device_os=seen.os,
        app_version=seen.app_version,
        pin_expires_at=pin_expires_at,
    )


async def set_elevation(tx: Tx, session: SessionId, until: datetime | None) -> None:
    """Until when the locked folder is open to the session."""
    await tx.run(SET_ELEVATION, id=session, until=until)


async def lock_all(tx: Tx, user_id: UserId) -> None:
    """End every elevation of a person."""
    await tx.run(LOCK_ALL, user_id=user_id)


async def set_pending_sync_reset(tx: Tx, session: SessionId, value: bool) -> Session:
    """Whether the device behind the session must start its sync over."""
    row = await tx.one(SET_PENDING_SYNC_RESET, id=session, value=value)
    assert row is not None
    return _session(row)


async def remove(tx: Tx, session: SessionId) -> list[tuple[SessionId, UserId]]:
    """Remove a session and its descendants; all of them."""
    return _ended(await tx.all(REMOVE, id=session))


async def remove_all(tx: Tx, user_id: UserId, kept: SessionId | None) -> list[tuple[SessionId, UserId]]:
    """Remove a person's sessions but one. The kept one's children go as well."""
    return _ended(await tx.all(REMOVE_ALL, user_id=user_id, kept=kept))


async def remove_old(tx: Tx, now: datetime, unused_since: datetime) -> list[tuple[SessionId, UserId]]:
    """Remove what expired or was last used before `unused_since`."""
    return _ended(await tx.all(REMOVE_OLD, now=now, unused_since=unused_since))


def _ended(rows: list[Row]) -> list[tuple[SessionId, UserId]]:
    return [(row["id"], row["user_id"]) for row in rows]


def _session(row: Row) -> Session:
    return Session(*row.values())
