"""How much room somebody's originals take."""

from calotype.accounts import store
from calotype.core.ids import UserId
from calotype.core.tx import Tx


async def claim(tx: Tx, owner: UserId, size_bytes: int) -> bool:
    """Count a new original, if the quota allows it; whether it does. Of two at once only those that fit get through."""
    return await store.claim(tx, owner, size_bytes)


async def add_usage(tx: Tx, owner: UserId, more_bytes: int) -> None:
    """Count what comes or, below zero, goes, whatever the quota says."""
    await store.add_usage(tx, owner, more_bytes)


async def settle(tx: Tx, owner: UserId) -> None:
    """Wait until every unit of work that claims room for this person, or adds what is theirs, has ended."""
    await store.one_locked(tx, owner)


async def recount(tx: Tx, owner: UserId) -> None:
    """Set the usage to what the originals really take."""
    await store.recount(tx, owner)
