"""SQL that forgets tombstones; only triggers write them."""

from datetime import datetime

from calotype.core.sql import sql
from calotype.core.tx import Tx

# In pieces, so that a year of deletions is no long transaction.
PURGE = sql("""
    DELETE FROM tombstone
     WHERE id IN (SELECT id FROM tombstone WHERE deleted_at < :before ORDER BY deleted_at LIMIT 20000)
""")


async def purge(tx: Tx, before: datetime) -> int:
    """Forget a piece of what was deleted before; how many, 0 once there is nothing left."""
    return await tx.run(PURGE, before=before)
