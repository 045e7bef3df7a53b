"""The connection pool: asyncpg with JSON, time limits, and connections that heal after a restart.

asyncpg's own pool wraps every call and starts a task for each connection given back, which is a fifth of what a thumbnail
costs; this one does neither.
"""

import asyncio
import contextlib
import json
import time
from collections import deque
from typing import Any

import asyncpg

CONNECT_TIMEOUT_S = 5.0
ACQUIRE_TIMEOUT_S = 10.0
STATEMENT_TIMEOUT_S = 60.0
CLOSE_TIMEOUT_S = 10.0
IDLE_S = 120.0


class PgPool:
    """At most `size` connections, opened when first needed. A connection that died is replaced by the next acquire."""

    def __init__(self, url: str, *, size: int) -> None:
        self._url = url
        self._size = size
        self._count = 0  # opened or being opened
        self._idle: list[tuple[float, Any]] = []  # since when, and what; the last one given back is taken first
        self._busy: set[Any] = set()
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._tidying: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._all_back = asyncio.Event()

    async def acquire(self) -> Any:
        """A connection for one unit of work. Raises `TimeoutError` when none becomes free in time."""
        connection = self._take()
        if connection is None:
            async with asyncio.timeout(ACQUIRE_TIMEOUT_S):
                connection = await self._await_one()
        self._busy.add(connection)
        return connection

    def _take(self) -> Any:
        """The connection used last, so that those not needed grow old together."""
        while self._idle:
            _, connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._count -= 1
        return None

    async def _await_one(self) -> Any:
        while True:
            if self._is_closed:
                raise asyncpg.InterfaceError("the pool is closed")
            connection = self._take()
            if connection is not None:
                return connection
            if self._count < self._size:
                return await self._open()
            place: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            try:
                connection = await place
            except asyncio.CancelledError:
                if place.done() and not place.cancelled():  # our turn came as we left: it is the next one's
                    self._hand_on(place.result())
                raise
            if connection is not None:
                return connection

    async def _open(self) -> Any:
        self._count += 1
        try:
            return await _connect(self._url)
        except BaseException:
            self._count -= 1
            self._hand_on(None)
            raise

    async def release(self, connection: Any) -> None:
        """Give it back. One that died, or whose transaction did not end, is thrown away."""
        self._busy.discard(connection)
        if self._is_closed or connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
            self._count -= 1
            self._hand_on(None)
        else:
            self._hand_on(connection)
        if self._is_closed and not self._busy:
            self._all_back.set()

    def _hand_on(self, connection: Any) -> None:
        """To who waits longest, else into the pool. `None`: there is room for a new one."""
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(connection)
                return
        if connection is not None:
            self._idle.append((time.monotonic(), connection))
            if self._tidying is None:
                self._tidying = asyncio.get_running_loop().call_later(IDLE_S, self._tidy)

    def _tidy(self) -> None:
        """Close what nobody needed for a while."""
        self._tidying = None
        oldest = time.monotonic() - IDLE_S
        kept: list[tuple[float, Any]] = []
        for since, connection in self._idle:
            if since > oldest and not connection.is_closed():
                kept.append((since, connection))
            else:
                connection.terminate()
                self._count -= 1
        self._idle = kept
        if kept:
            self._tidying = asyncio.get_running_loop().call_later(IDLE_S / 2, self._tidy)

    async def close(self) -> None:
        """Wait a while for running statements, then close every connection."""
        self._is_closed = True
        if self._tidying is not None:
            self._tidying.cancel()
        while self._waiting:
            self._hand_on(None)
        if self._busy:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._all_back.wait(), CLOSE_TIMEOUT_S)
        for connection in self._busy:
            connection.terminate()
        idle, self._idle = self._idle, []
        for _, connection in idle:
            try:
                await connection.close(timeout=1)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                connection.terminate()


async def _connect(url: str) -> Any:
    connection: Any = await asyncpg.connect(
        url,
        timeout=CONNECT_TIMEOUT_S,
        command_timeout=STATEMENT_TIMEOUT_S,
        server_settings={"application_name": "calotype", "timezone": "UTC", "jit": "off"},
    )
    try:
        for kind in ("json", "jsonb"):
            await connection.set_type_codec(kind, encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    except BaseException:
        connection.terminate()
        raise
    return connection


async def connect(url: str, *, size: int = 10) -> PgPool:
    """A pool on `url`. Opens no connection yet, so that a process can start while the database is away."""
    return PgPool(url, size=size)


async def connect_once(url: str) -> Any:
    """One connection of its own, for who looks at the server itself."""
    return await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S)
