"""`World`: everything a request or a job may reach, wired once in `compose.py`."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from calotype.core.clock import Clock
from calotype.core.config import Config
from calotype.core.events import Event
from calotype.core.ports import Cache, Files, Push, Queue, Vision
from calotype.core.tx import Look, Pool, QuickLook, Tx


@dataclass(frozen=True, slots=True)
class World:
    """Configuration, ports, pool and clock. Passed, never imported."""

    config: Config
    pool: Pool
    files: Files
    queue: Queue
    push: Push
    cache: Cache
    vision: Vision
    clock: Clock
    publish: Callable[["World", Sequence[Event]], Awaitable[None]]

    @asynccontextmanager
    async def looking(self) -> AsyncGenerator[Look, None]:
        """A consistent read of several statements."""
        look = Look(self.pool)
        try:
            yield look
        finally:
            await look.close()

    @asynccontextmanager
    async def glancing(self) -> AsyncGenerator[QuickLook, None]:
        """Single statements, each on its own: for hot paths that need no snapshot across statements."""
        look = QuickLook(self.pool)
        try:
            yield look
        finally:
            await look.close()

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[Tx, None]:
        """One unit of work: commits when the block ends well, then lets events and effects leave; else undoes all."""
        tx = Tx(self.pool)
        try:
            yield tx
            events, after = await tx.commit()
        except BaseException:
            await tx.roll_back()
            raise
        for effect in after:
            await effect()
        if events:
            await self.publish(self, events)
