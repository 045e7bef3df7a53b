"""SQL of the settings: named JSON values."""

from typing import Any

from calotype.core.sql import sql
from calotype.core.tx import Look, Tx

VALUE = sql("SELECT value FROM setting WHERE name = :name")

KEEP = sql("""
    INSERT INTO setting (name, value)
    VALUES (:name, :value)
        ON CONFLICT (name) DO UPDATE
       SET value = excluded.value
""")

LOCK = sql("SELECT pg_advisory_xact_lock(hashtext('calotype settings'))::text")


async def value(look: Look, name: str) -> Any:
    """A JSON value, or `None` when it was never kept."""
    return await look.value(VALUE, name=name)


async def keep(tx: Tx, name: str, value: Any) -> None:
    """Set a JSON value."""
    await tx.run(KEEP, name=name, value=value)


async def lock(tx: Tx) -> None:
    """One saver at a time, until the unit of work ends."""
    await tx.value(LOCK)
