"""SQL of API keys."""

from dataclasses import dataclass
from datetime import datetime

from calotype.core.ids import ApiKeyId, UserId
from calotype.core.sql import sql
from calotype.core.tx import Look, Row, Tx


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as its owner sees it; the secret is shown once and never again. Permissions keep their order."""

    id: ApiKeyId
    name: str
    permissions: list[str]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What a secret stands for, with as much of its owner as every request needs."""

    id: ApiKeyId
    user_id: UserId
    is_admin: bool
    permissions: list[str]


BY_SECRET = sql("""
    SELECT api_key.id, api_key.user_id, users.is_admin, api_key.permissions
      FROM api_key
      JOIN users ON users.id = api_key.user_id
     WHERE api_key.key_hash = :key_hash
       AND users.deleted_at IS NULL
""")

ADD = sql("""
    INSERT INTO api_key (user_id, name, key_hash, permissions)
    VALUES (:user_id, :name, :key_hash, :permissions)
 RETURNING id, name, permissions, created_at, updated_at
""")

OF_USER = sql("""
    SELECT id, name, permissions, created_at, updated_at
      FROM api_key
     WHERE user_id = :user_id
     ORDER BY created_at DESC, id
     LIMIT 10000
""")

ONE = sql("""
    SELECT id, name, permissions, created_at, updated_at
      FROM api_key
     WHERE id = :id
       AND user_id = :user_id
""")

# Locked, so that what is decided about a key's permissions still holds when it is written.
ONE_LOCKED = sql("""
    SELECT id, name, permissions, created_at, updated_at
      FROM api_key
     WHERE id = :id
       AND user_id = :user_id
       FOR UPDATE
""")

CHANGE = sql("""
    UPDATE api_key
       SET name = COALESCE(:name::text, name),
           permissions = COALESCE(:permissions::text[], permissions),
           key_hash = COALESCE(:key_hash::bytea, key_hash),
           updated_at = clock_timestamp()
     WHERE id = :id
       AND user_id = :user_id
 RETURNING id, name, permissions, created_at, updated_at
""")

REMOVE = sql("DELETE FROM api_key WHERE id = :id AND user_id = :user_id")


async def by_secret(look: Look, key_hash: bytes) -> KnownKey | None:
    """The key of a secret, unless its owner was removed."""
    row = await look.one(BY_SECRET, key_hash=key_hash)
    return KnownKey(*row.values()) if row else None


async def add(tx: Tx, user_id: UserId, name: str, key_hash: bytes, permissions: list[str]) -> ApiKey:
    """Keep a new key."""
    row = await tx.one(ADD, user_id=user_id, name=name, key_hash=key_hash, permissions=permissions)
    assert row is not None
    return _key(row)


async def of_user(look: Look, user_id: UserId) -> list[ApiKey]:
    """A person's keys, newest first."""
    return [_key(row) for row in await look.all(OF_USER, user_id=user_id)]


async def one(look: Look, user_id: UserId, key: ApiKeyId) -> ApiKey | None:
    """A person's own key."""
    row = await look.one(ONE, id=key, user_id=user_id)
    return _key(row) if row else None


async def one_locked(tx: Tx, user_id: UserId, key: ApiKeyId) -> ApiKey | None:
    """A person's own key, held until the unit of work ends."""
    row = await tx.one(ONE_LOCKED, id=key, user_id=user_id)
    return _key(row) if row else None


async def change(
    tx: Tx,
    user_id: UserId,
    key: ApiKeyId,
    *,
    name: str | None = None,
    permissions: list[str] | None = None,
    key_hash: bytes | None = None,
) -> ApiKey | None:
    """Replace what is given."""
    row = await tx.one(CHANGE, id=key, user_id=user_id, name=name, permissions=permissions, key_hash=key_hash)
    return _key(row) if row else None


async def remove(tx: Tx, user_id: UserId, key: ApiKeyId) -> bool:
    """Whether there was one to remove."""
    return await tx.run(REMOVE, id=key, user_id=user_id) > 0


def _key(row: Row) -> ApiKey:
    return ApiKey(*row.values())
