"""The connection pool: asyncpg with JSON, time limits, and connections that heal after a restart."""

import json
from typing import Any

import asyncpg

CONNECT_TIMEOUT_S = 5.0
ACQUIRE_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_S = 60.0


class PgPool:
    """At most `size` connections, opened when first needed. A connection that died is replaced by the next acquire."""

    def __init__(self, pool: "asyncpg.Pool") -> None:
        self._pool = pool

    async def acquire(self) -> Any:
        if self._pool.get_idle_size():  # nothing to wait for: a time limit would cost a task
            return await self._pool.acquire()
        return await self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S)

    async def release(self, connection: Any) -> None:
        await self._pool.release(connection)

    async def close(self) -> None:
        """Wait for running statements, then close every connection."""
        await self._pool.close()


async def _prepare(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(kind, encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def _nothing(connection: Any) -> None:
    """A unit of work always ends its transaction; asyncpg's own reset would cost a round trip per request."""


async def connect(url: str, *, size: int = 10) -> PgPool:
    """A pool on `url`. Opens no connection yet, so that a process can start while the database is away."""
    pool = asyncpg.create_pool(
        url,
        min_size=0,
        max_size=size,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=STATEMENT_TIMEOUT_S,
        max_inactive_connection_lifetime=120,
        init=_prepare,
        reset=_nothing,
        server_settings={"application_name": "calotype", "timezone": "UTC", "jit": "off"},
    )
    return PgPool(await pool)


async def connect_once(url: str) -> Any:
    """One connection of its own, for who looks at the server itself."""
    return await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
