"""SQL of people and what is known about them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, LiteralString
from uuid import UUID

from calotype.accounts.user import Tree, User
from calotype.core.ids import UserId
from calotype.core.sql import sql
from calotype.core.tx import Look, Row, Tx

AVATAR_COLOR: LiteralString = """COALESCE(users.avatar_color, (
    ARRAY['primary', 'pink', 'red', 'yellow', 'blue', 'green', 'purple', 'orange', 'gray', 'amber']
    )[1 + (SELECT sum(ascii(letter)) FROM string_to_table(users.email, NULL) AS letter) % 10])"""
"""`User.avatar_color` for statements that make JSON from the table `users` under that very name."""

_COLUMNS: LiteralString = """
    users.id, users.email, users.name, users.password_hash IS NOT NULL AS has_password,
    users.pin_hash IS NOT NULL AS has_pin, users.is_admin, users.should_change_password, users.storage_label,
    users.avatar_color, users.profile_path, users.profile_changed_at, users.oauth_id, users.quota_bytes,
    users.usage_bytes, users.status, users.cluster_group_id, users.created_at, users.updated_at, users.deleted_at,
    (SELECT value FROM user_metadata WHERE user_id = users.id AND key = 'license') AS license
"""


@dataclass(frozen=True, slots=True)
class Secrets:
    """A person's slow hashes."""

    user_id: UserId
    password_hash: str | None
    pin_hash: str | None


@dataclass(frozen=True, slots=True)
class NewUser:
    """A row to insert."""

    email: str
    name: str
    password_hash: str | None = None
    pin_hash: str | None = None
    is_admin: bool = False
    should_change_password: bool = True
    storage_label: str | None = None
    avatar_color: str | None = None
    quota_bytes: int | None = None
    oauth_id: str = ""


ONE = sql("SELECT " + _COLUMNS + " FROM users WHERE users.id = :id")
ONE_LOCKED = sql("SELECT " + _COLUMNS + " FROM users WHERE users.id = :id FOR UPDATE OF users")
BY_EMAIL = sql("SELECT " + _COLUMNS + " FROM users WHERE users.email = :email")
ACTIVE = sql(
    """
    SELECT """
    + _COLUMNS
    + """
      FROM users
     WHERE users.deleted_at IS NULL
     ORDER BY users.created_at DESC, users.id
     LIMIT 10000
"""
)
LISTED = sql(
    """
    SELECT """
    + _COLUMNS
    + """
      FROM users
     WHERE (:with_deleted::boolean OR users.deleted_at IS NULL)
       AND (:id::uuid IS NULL OR users.id = :id::uuid)
     ORDER BY users.created_at DESC, users.id
     LIMIT 10000
"""
)
HAS_ADMIN = sql("SELECT EXISTS (SELECT FROM users WHERE is_admin AND deleted_at IS NULL)")
ADMINS = sql("SELECT count(*) FROM users WHERE is_admin AND deleted_at IS NULL")
SECRETS_BY_EMAIL = sql("""
    SELECT id, password_hash, pin_hash
      FROM users
     WHERE email = :email
       AND deleted_at IS NULL
""")
SECRETS = sql("SELECT id, password_hash, pin_hash FROM users WHERE id = :id")
LABEL_TAKEN = sql("SELECT EXISTS (SELECT FROM users WHERE storage_label = :label AND id IS DISTINCT FROM :id::uuid)")
EMAIL_TAKEN = sql("SELECT EXISTS (SELECT FROM users WHERE email = :email AND id IS DISTINCT FROM :id::uuid)")

# E-mail addresses, labels and "is there an administrator" are decided one after the other.
QUEUE_UP = sql("SELECT pg_advisory_xact_lock(4201)")

ADD = sql("""
    INSERT INTO users (email, name, password_hash, pin_hash, is_admin, should_change_password, storage_label,
                       avatar_color, quota_bytes, oauth_id)
    VALUES (:email, :name, :password_hash, :pin_hash, :is_admin, :should_change_password, :storage_label,
            :avatar_color, :quota_bytes, :oauth_id)
 RETURNING id
""")
CHANGE = sql("""
    UPDATE users
       SET email = :email,
           name = :name,
           is_admin = :is_admin,
           should_change_password = :should_change_password,
           storage_label = :storage_label,
           avatar_color = :avatar_color,
           quota_bytes = :quota_bytes,
           status = :status,
           deleted_at = :deleted_at
     WHERE id = :id
""")
SET_PASSWORD = sql("UPDATE users SET password_hash = :hash WHERE id = :id")
SET_PIN = sql("UPDATE users SET pin_hash = :hash WHERE id = :id")
SET_PROFILE = sql("UPDATE users SET profile_path = :path, profile_changed_at = clock_timestamp() WHERE id = :id")
UNLINK_ALL = sql("UPDATE users SET oauth_id = '' WHERE oauth_id <> ''")
CLAIM = sql("""
    UPDATE users
       SET usage_bytes = usage_bytes + :bytes
     WHERE id = :id
       AND (quota_bytes IS NULL OR usage_bytes + :bytes <= quota_bytes)
""")
ADD_USAGE = sql("UPDATE users SET usage_bytes = GREATEST(0, usage_bytes + :bytes::bigint) WHERE id = :id")
RECOUNT = sql("""
    UPDATE users
       SET usage_bytes = counted.bytes
      FROM (SELECT COALESCE(sum(size_bytes), 0)::bigint AS bytes
              FROM asset
             WHERE owner_id = :id AND library_id IS NULL) AS counted
     WHERE users.id = :id
       AND users.usage_bytes <> counted.bytes
""")
IDS = sql("SELECT id FROM users ORDER BY id")
DUE = sql("""
    SELECT id
      FROM users
     WHERE status = 'removing'
        OR deleted_at <= :before
     ORDER BY id
     LIMIT 10000
""")
ERASE = sql("DELETE FROM users WHERE id = :id AND deleted_at IS NOT NULL")

METADATA = sql("SELECT value FROM user_metadata WHERE user_id = :id AND key = :key")
PUT_METADATA = sql("""
    INSERT INTO user_metadata (user_id, key, value)
    VALUES (:id, :key, :value)
        ON CONFLICT (user_id, key) DO UPDATE SET value = EXCLUDED.value
""")
REMOVE_METADATA = sql("DELETE FROM user_metadata WHERE user_id = :id AND key = :key")

# Days in UTC by upload, local days by capture.
UPLOADED_BY_DAY = sql("""
    SELECT (created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS photos
      FROM asset
     WHERE owner_id = :id
       AND status = 'active'
       AND created_at >= (:first::date)::timestamp AT TIME ZONE 'UTC'
       AND created_at < (:last::date + 1)::timestamp AT TIME ZONE 'UTC'
     GROUP BY 1
""")
TAKEN_BY_DAY = sql("""
    SELECT local_taken::date AS day, count(*) AS photos
      FROM asset
     WHERE owner_id = :id
       AND status = 'active'
       AND local_taken::date BETWEEN :first::date AND :last::date
     GROUP BY 1
""")


async def one(look: Look, id: UUID) -> User | None:
    """Anybody, also who was removed."""
    return _user(await look.one(ONE, id=id))


async def one_locked(tx: Tx, id: UUID) -> User | None:
    """Anybody, held until the unit of work ends."""
    return _user(await tx.one(ONE_LOCKED, id=id))


async def by_email(look: Look, email: str) -> User | None:
    """Anybody with this address (in lower case), also who was removed."""
    return _user(await look.one(BY_EMAIL, email=email))


async def active(look: Look) -> list[User]:
    """Everybody who was not removed, newest first."""
    return [_made(row) for row in await look.all(ACTIVE)]


async def listed(look: Look, *, with_deleted: bool, id: UUID | None) -> list[User]:
    """Everybody, newest first, or the one with this id."""
    return [_made(row) for row in await look.all(LISTED, with_deleted=with_deleted, id=id)]


async def has_admin(look: Look) -> bool:
    """Whether the server has an administrator."""
    return await look.value(HAS_ADMIN)


async def admins(look: Look) -> int:
    """How many manage the server."""
    return await look.value(ADMINS)


async def secrets_by_email(look: Look, email: str) -> Secrets | None:
    """The hashes of someone who may log in."""
    row = await look.one(SECRETS_BY_EMAIL, email=email)
    return Secrets(*row.values()) if row else None


async def secrets(look: Look, id: UserId) -> Secrets:
    """The hashes of someone who is logged in."""
    row = await look.one(SECRETS, id=id)
    return Secrets(*row.values()) if row else Secrets(id, None, None)


async def queue_up(tx: Tx) -> None:
    """Wait for whoever is deciding about addresses, labels and the first administrator, then hold the turn."""
    await tx.value(QUEUE_UP)


async def label_taken(look: Look, label: str, *, by_other_than: UUID | None = None) -> bool:
    """Whether somebody else has this storage label."""
    return await look.value(LABEL_TAKEN, label=label, id=by_other_than)


async def email_taken(look: Look, email: str, *, by_other_than: UUID | None = None) -> bool:
    """Whether somebody else has this address, even if they were removed: they may be restored."""
    return await look.value(EMAIL_TAKEN, email=email, id=by_other_than)


async def add(tx: Tx, new: NewUser) -> User:
    """Insert, and read back as everybody else will see it."""
    id = await tx.value(
        ADD,
        email=new.email,
        name=new.name,
        password_hash=new.password_hash,
        pin_hash=new.pin_hash,
        is_admin=new.is_admin,
        should_change_password=new.should_change_password,
        storage_label=new.storage_label,
        avatar_color=new.avatar_color,
        quota_bytes=new.quota_bytes,
        oauth_id=new.oauth_id,
    )
    row = await tx.one(ONE, id=id)
    assert row is not None
    return _made(row)


async def change(tx: Tx, user: User) -> User:
    """Write what may be edited of a person, and read it back."""
    await tx.run(
        CHANGE,
        id=user.id,
        email=user.email,
        name=user.name,
        is_admin=user.is_admin,
        should_change_password=user.should_change_password,
        storage_label=user.storage_label,
        avatar_color=user.chosen_color,
        quota_bytes=user.quota_bytes,
        status=user.status,
        deleted_at=user.deleted_at,
    )
    row = await tx.one(ONE, id=user.id)
    assert row is not None
    return _made(row)


async def set_password(tx: Tx, id: UserId, hash: str | None) -> None:
    """Replace the password's hash."""
    await tx.run(SET_PASSWORD, id=id, hash=hash)


async def set_pin(tx: Tx, id: UserId, hash: str | None) -> None:
    """Replace the PIN's hash; `None` for no PIN."""
    await tx.run(SET_PIN, id=id, hash=hash)


async def set_profile(tx: Tx, id: UserId, path: str) -> None:
    """The profile picture, relative to the data folder; empty for none."""
    await tx.run(SET_PROFILE, id=id, path=path)


async def unlink_all(tx: Tx) -> None:
    """Nobody signs in with someone else's account any more."""
    await tx.run(UNLINK_ALL)


async def claim(tx: Tx, id: UserId, bytes: int) -> bool:
    """Count so many bytes more, if they fit; whether they do."""
    return await tx.run(CLAIM, id=id, bytes=bytes) > 0


async def add_usage(tx: Tx, id: UserId, bytes: int) -> None:
    """Count so many bytes more, or less below zero."""
    await tx.run(ADD_USAGE, id=id, bytes=bytes)


async def recount(tx: Tx, id: UserId) -> None:
    """Set the usage to what the originals really take."""
    await tx.run(RECOUNT, id=id)


async def ids(look: Look) -> list[UserId]:
    """Everybody's id; a server has thousands of people at most."""
    return [row["id"] for row in await look.all(IDS)]


async def due(look: Look, before: datetime) -> list[UserId]:
    """Who is to be erased: at once, or because they were removed before that instant."""
    return [row["id"] for row in await look.all(DUE, before=before)]


async def erase(tx: Tx, id: UserId) -> bool:
    """Delete a removed person and all that is theirs. Whether there was one."""
    return await tx.run(ERASE, id=id) > 0


async def metadata(look: Look, id: UserId, key: str) -> Tree | None:
    """A person's preferences, license or onboarding, as stored."""
    return await look.value(METADATA, id=id, key=key)


async def put_metadata(tx: Tx, id: UserId, key: str, value: Tree) -> None:
    """Replace it."""
    await tx.run(PUT_METADATA, id=id, key=key, value=value)


async def remove_metadata(tx: Tx, id: UserId, key: str) -> None:
    """Remove it; no error when there is none."""
    await tx.run(REMOVE_METADATA, id=id, key=key)


async def uploaded_by_day(look: Look, id: UserId, first: date, last: date) -> dict[date, int]:
    """How many assets arrived on each day that has any."""
    return _by_day(await look.all(UPLOADED_BY_DAY, id=id, first=first, last=last))


async def taken_by_day(look: Look, id: UserId, first: date, last: date) -> dict[date, int]:
    """How many assets were taken on each day that has any."""
    return _by_day(await look.all(TAKEN_BY_DAY, id=id, first=first, last=last))


def _by_day(rows: list[Row]) -> dict[date, int]:
    return {row["day"]: row["photos"] for row in rows}


def _user(row: Row | None) -> User | None:
    return _made(row) if row else None


def _made(row: Row) -> User:
    values: Any = row.values()
    return User(*values)
