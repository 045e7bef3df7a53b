"""The unit of work.

`Look` reads, `Tx` also writes. Each begins at its first statement and ends with the request or the job's short
writing part. What the database cannot roll back is registered with `Tx.undo`; events told with `Tx.tell` leave after
commit, and only then.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

import asyncpg

from calotype.core.errors import Offline
from calotype.core.events import Event
from calotype.core.sql import Sql

Row = asyncpg.Record
Publish = Callable[[Sequence[Event]], Awaitable[None]]
Undo = Callable[[], Awaitable[None]]

# What asyncpg raises when the server is away, restarting or cut us off; the request may be tried again.
AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    ConnectionError,
    TimeoutError,
    OSError,
)


def database_away(error: BaseException) -> Offline:
    """The refusal for a database that does not answer."""
    return Offline("The database is not reachable. Nothing is lost; trying again.", retry_after_s=5)


class Pool(Protocol):
    """What a unit of work needs from the connection pool (see `outside/postgres.py`)."""

    async def acquire(self) -> asyncpg.Connection: ...
    async def release(self, connection: asyncpg.Connection) -> None: ...


class Look:
    """A read-only transaction, begun at the first statement."""

    _begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._connection: asyncpg.Connection | None = None
        self._statements = 0

    async def _ready(self) -> asyncpg.Connection:
        if self._connection is None:
            try:
                connection = await self._pool.acquire()
            except AWAY as error:
                raise database_away(error) from error
            try:
                await connection.execute(self._begin)
            except AWAY as error:
                await self._pool.release(connection)
                raise database_away(error) from error
            except BaseException:
                await self._pool.release(connection)
                raise
            self._connection = connection
        return self._connection

    async def all(self, statement: Sql, **arguments: Any) -> list[Row]:
        """Every row."""
        connection = await self._ready()
        try:
            return await connection.fetch(statement.text, *statement.values(arguments))
        except AWAY as error:
            raise database_away(error) from error

    async def one(self, statement: Sql, **arguments: Any) -> Row | None:
        """The first row, or `None`."""
        connection = await self._ready()
        try:
            return await connection.fetchrow(statement.text, *statement.values(arguments))
        except AWAY as error:
            raise database_away(error) from error

    async def value(self, statement: Sql, **arguments: Any) -> Any:
        """The first column of the first row, or `None`."""
        connection = await self._ready()
        try:
            return await connection.fetchval(statement.text, *statement.values(arguments))
        except AWAY as error:
            raise database_away(error) from error

    async def close(self) -> None:
        """End the transaction and give the connection back. Harmless when nothing was begun."""
        await self._end("ROLLBACK")

    async def _end(self, word: str) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await connection.execute(word)
        except AWAY as error:
            raise database_away(error) from error
        finally:
            await self._pool.release(connection)


class QuickLook(Look):
    """A single statement read outside a transaction: one round trip instead of three, for the hottest paths."""

    async def _ready(self) -> asyncpg.Connection:
        if self._connection is None:
            try:
                self._connection = await self._pool.acquire()
            except AWAY as error:
                raise database_away(error) from error
        return self._connection

    async def alone(self, statement: Sql, *, timeout_s: float) -> None:
        """A statement without arguments that allows no transaction around it and takes its time: building an index."""
        connection = await self._ready()
        try:
            await connection.execute(statement.text, timeout=timeout_s)
        except AWAY as error:
            raise database_away(error) from error

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._pool.release(connection)


class Tx(Look):
    """A unit of work: statements, events to tell, and files to undo should it fail."""

    _begin = "BEGIN"

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self._events: list[Event] = []
        self._undo: list[Undo] = []
        self._after: list[Undo] = []

    async def run(self, statement: Sql, **arguments: Any) -> int:
        """Execute; how many rows were touched."""
        connection = await self._ready()
        try:
            status = await connection.execute(statement.text, *statement.values(arguments))
        except AWAY as error:
            raise database_away(error) from error
        last = status.rpartition(" ")[2]
        return int(last) if last.isdigit() else 0

    async def many(self, statement: Sql, rows: Sequence[dict[str, Any]]) -> None:
        """Execute once per row, in one round trip."""
        connection = await self._ready()
        try:
            await connection.executemany(statement.text, [statement.values(row) for row in rows])
        except AWAY as error:
            raise database_away(error) from error

    def tell(self, event: Event) -> None:
        """Say what happened; it leaves after commit."""
        self._events.append(event)

    def undo(self, action: Undo) -> None:
        """Register how to take back an effect outside the database, should this unit of work fail."""
        self._undo.append(action)

    def after(self, action: Undo) -> None:
        """Register an effect that must wait until the rows are gone for good, such as removing a file."""
        self._after.append(action)

    @asynccontextmanager
    async def savepoint(self) -> AsyncGenerator[None, None]:
        """A part that may fail alone: when it raises, its statements and what it told are taken back."""
        connection = await self._ready()
        events, after = len(self._events), len(self._after)
        await connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            del self._events[events:], self._after[after:]
            await connection.execute("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")
            raise
        await connection.execute("RELEASE SAVEPOINT part")

    async def commit(self) -> tuple[list[Event], list[Undo]]:
        """Commit; returns the events to publish and the effects to run, which the caller sends on their way."""
        await self._end("COMMIT")
        events, after = self._events, self._after
        self._events, self._undo, self._after = [], [], []
        return events, after

    async def roll_back(self) -> None:
        """Take everything back: rows first, then effects in reverse order. Never raises for the database being away."""
        try:
            await self._end("ROLLBACK")
        except Offline:
            pass  # a connection that died has rolled back by itself
        finally:
            undo, self._undo, self._events, self._after = self._undo, [], [], []
            for action in reversed(undo):
                await action()
