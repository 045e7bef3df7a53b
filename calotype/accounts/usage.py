"""How many bytes of originals each person keeps with us."""

from calotype.core.ids import UserId
from calotype.core.sql import sql
from calotype.core.tx import Tx

ADD = sql("""
    UPDATE users
       SET usage_bytes = greatest(usage_bytes + :delta_bytes::bigint, 0)
     WHERE id = :user_id
""")

CLAIM = sql("""
    UPDATE users
       SET usage_bytes = usage_bytes + :size_bytes::bigint
     WHERE id = :user_id
       AND (quota_bytes IS NULL OR usage_bytes + :size_bytes::bigint <= quota_bytes)
""")

# Every unit of work that adds an asset holds this row (as the referenced owner), so this waits until they have ended.
SETTLE = sql("SELECT id FROM users WHERE id = :user_id FOR UPDATE")

LIMIT_WAIT = sql("SET LOCAL lock_timeout = '15s'")


async def add_usage(tx: Tx, user_id: UserId, delta_bytes: int) -> None:
    """Count bytes that came (or, negative, went), whatever the quota says."""
    await tx.run(ADD, user_id=user_id, delta_bytes=delta_bytes)


async def claim(tx: Tx, user_id: UserId, size_bytes: int) -> bool:
    """Count bytes that came, unless they exceed the quota. Two at once never exceed it together."""
    return await tx.run(CLAIM, user_id=user_id, size_bytes=size_bytes) == 1


async def settle(tx: Tx, user_id: UserId) -> None:
    """Wait until every unit of work that is adding to this person's assets has ended, one way or the other."""
    await tx.run(LIMIT_WAIT)
    await tx.run(SETTLE, user_id=user_id)
