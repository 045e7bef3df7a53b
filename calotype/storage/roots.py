"""Whether the media root can be used now, kept up to date, and `Files` that refuse at once when it cannot.

A root that is away must cost nobody anything: every operation looks at the state that the last probe found, and a
failing operation changes that state at once.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from calotype.core.config import Config
from calotype.core.errors import Full, Offline
from calotype.core.events import Event
from calotype.core.log import say
from calotype.core.ports import Files, Incoming, Stat, Written
from calotype.core.tx import Pool, QuickLook
from calotype.core.world import World
from calotype.outside.keys import Altered, Hanging
from calotype.storage import store
from calotype.storage.root import (
    RETRY_AFTER_S,
    Identity,
    Root,
    RootOffline,
    RootOnline,
    State,
    compare,
    read_marker,
)

FIRST_LOOK_S = 2.0
PROBE_S = 10.0
PROBE_AWAY_S = 5.0
SWEEP_S = 6 * 3600.0
MIB = 1024 * 1024


class RootFiles(Files, Protocol):
    """`Files` with what only the keeper of the root uses."""

    def open_range(self, key: str, start: int, length: int) -> AsyncGenerator[bytes]: ...

    async def create_root(self) -> None:
        """Make the root itself, for a new installation."""
        ...

    async def holds_any(self, prefixes: Sequence[str]) -> bool:
        """Whether anything lies below one of them, marker or not; false for a folder that is not there yet."""
        ...

    async def sweep(self, older_than_s: float = ...) -> int:
        """Remove what unfinished writes left behind; how many."""
        ...


class MediaRoot:
    """The root and what is known of it. `watched` must be entered in every process that lives long.

    `identify` asks whom we expect, by default the database behind `pool`; it may raise `Offline`.
    """

    def __init__(
        self,
        files: RootFiles,
        pool: Pool,
        config: Config,
        *,
        identify: Callable[[], Awaitable[Identity | None]] | None = None,
        probe_s: float = PROBE_S,
        probe_away_s: float = PROBE_AWAY_S,
    ) -> None:
        self.files = files
        self.config = config
        self.now = Root(State.UNKNOWN)
        self._pool = pool
        self._identify = identify or self._ask_database
        self._tell: Callable[[Sequence[Event]], Awaitable[None]] | None = None
        self._probe_s = probe_s
        self._probe_away_s = probe_away_s
        self._ours: Identity | None = None
        self._told = State.UNKNOWN
        self._wake = asyncio.Event()
        self._looked = asyncio.Event()
        self._probing = asyncio.Lock()
        self._swept_at: float | None = None

    def require_online(self) -> None:
        """Raises `Offline`, with a sentence for a person, when originals cannot be reached now."""
        if not self.now.is_online:
            raise Offline(self.now.sentence, retry_after_s=RETRY_AFTER_S)

    def doubt(self, error: Offline) -> None:
        """An operation failed: nobody else needs to try before the next probe, which comes at once."""
        if isinstance(error, Altered) or not self.now.is_online:
            return
        self.now = Root(State.HANGING if isinstance(error, Hanging) else State.AWAY)
        self._wake.set()

    async def probe(self) -> Root:
        """Look, remember and tell. Never raises for a root or a database that is away."""
        async with self._probing:
            self.now = await self._look()
            if self._told is not self.now.state:
                await self._say()
            return self.now

    @asynccontextmanager
    async def watched(self, world: World) -> AsyncGenerator[None]:
        """Keep watch while the block runs, and publish going and coming. Begins after the first look, or 2 s."""
        self._tell = partial(world.publish, world)
        watching = asyncio.create_task(self.watch())
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_LOOK_S):
                    await self._looked.wait()
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def watch(self) -> None:
        """Probe for ever: soon while the root is away, at once when somebody doubts it."""
        while True:
            self._wake.clear()
            try:
                await self.probe()
                await self._sweep()
            except Exception as error:  # a bug must not end the watch: nothing would ever come back then
                say("bug", level=logging.ERROR, error=error, where="storage-watch")
            self._looked.set()
            try:
                async with asyncio.timeout(self._probe_s if self.now.is_online else self._probe_away_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _look(self) -> Root:
        try:
            marker = read_marker(await self.files.read_marker())
            state = await self._compare(marker)
            if state is not State.ONLINE:
                return Root(state)
            return Root(state, await self.files.free_bytes(), await self.files.total_bytes())
        except Hanging:
            return Root(State.HANGING)
        except Offline:
            return Root(State.AWAY)

    async def _ask_database(self) -> Identity | None:
        look = QuickLook(self._pool)
        try:
            return await store.identity(look)
        finally:
            await look.close()

    async def _compare(self, marker: Identity | None) -> State:
        if self._ours is not None and compare(self._ours, marker) is State.ONLINE:
            return State.ONLINE
        with suppress(Offline):  # when the database is away, what we knew still holds
            # Another process may have started meanwhile and raised the epoch: only the database knows.
            self._ours = await self._identify() or self._ours
        return State.UNKNOWN if self._ours is None else compare(self._ours, marker)

    async def _say(self) -> None:
        before, self._told = self._told, self.now.state
        say("storage", state=self.now.state.value, before=before.value)
        if self._tell is None:
            return
        if self.now.is_online and before is not State.UNKNOWN:
            await self._tell([RootOnline()])
        elif not self.now.is_online and before in (State.ONLINE, State.UNKNOWN):
            await self._tell([RootOffline(self.now.state, self.now.sentence)])

    async def _sweep(self) -> None:
        now = time.monotonic()
        if not self.now.is_online or (self._swept_at is not None and now - self._swept_at < SWEEP_S):
            return
        self._swept_at = now
        try:
            removed = await self.files.sweep()
        except Offline as error:
            self.doubt(error)
            return
        if removed:
            say("storage-swept", removed=removed)


class GuardedFiles:
    """`Files` that ask the root's state first. Uploads also need room on the data volume, where previews will go."""

    def __init__(self, root: MediaRoot) -> None:
        self.root = root
        self._files = root.files

    async def begin(self, key: str) -> Incoming:
        require_room(self.root.config)
        async with self._guarded():
            return GuardedIncoming(self.root, await self._files.begin(key))

    async def open_range(self, key: str, start: int, length: int) -> AsyncGenerator[bytes]:
        async with self._guarded():
            chunks = self._files.open_range(key, start, length)
            try:
                async for chunk in chunks:
                    yield chunk
            finally:
                await chunks.aclose()

    async def stat(self, key: str) -> Stat:
        async with self._guarded():
            return await self._files.stat(key)

    async def move(self, source: str, target: str) -> None:
        async with self._guarded():
            await self._files.move(source, target)

    async def remove(self, key: str) -> None:
        async with self._guarded():
            await self._files.remove(key)

    async def list(self, prefix: str) -> AsyncIterator[tuple[str, Stat]]:
        async with self._guarded():
            async for entry in self._files.list(prefix):
                yield entry

    @asynccontextmanager
    async def local(self, key: str) -> AsyncGenerator[Path]:
        async with AsyncExitStack() as stack:
            async with self._guarded():  # not around the yield: what fails there need not be the root
                path = await stack.enter_async_context(self._files.local(key))
            yield path

    async def free_bytes(self) -> int | None:
        async with self._guarded():
            return await self._files.free_bytes()

    async def total_bytes(self) -> int | None:
        async with self._guarded():
            return await self._files.total_bytes()

    async def read_marker(self) -> bytes | None:
        return await self._files.read_marker()

    async def write_marker(self, content: bytes) -> None:
        await self._files.write_marker(content)

    def public_path(self, key: str) -> str:
        return self._files.public_path(key)

    @asynccontextmanager
    async def _guarded(self) -> AsyncGenerator[None]:
        self.root.require_online()
        try:
            yield
        except Offline as error:
            self.root.doubt(error)
            raise


class GuardedIncoming:
    """A write whose failure is known to everybody at once."""

    def __init__(self, root: MediaRoot, incoming: Incoming) -> None:
        self._root = root
        self._incoming = incoming

    async def write(self, chunk: bytes | memoryview) -> None:
        try:
            await self._incoming.write(chunk)
        except Offline as error:
            self._root.doubt(error)
            raise

    async def digest(self) -> Written:
        try:
            return await self._incoming.digest()
        except Offline as error:
            self._root.doubt(error)
            raise

    async def finish(self, *, modified_at: datetime | None = None) -> Written:
        try:
            return await self._incoming.finish(modified_at=modified_at)
        except Offline as error:
            self._root.doubt(error)
            raise

    async def abort(self) -> None:
        await self._incoming.abort()


def require_online(world: World) -> None:
    """Raises `Offline` when originals cannot be reached now. For doors that should refuse before they do any work."""
    if isinstance(world.files, GuardedFiles):
        world.files.root.require_online()


def state_of(world: World) -> Root:
    """What is known of the media root now."""
    return world.files.root.now if isinstance(world.files, GuardedFiles) else Root(State.ONLINE)


def has_room(config: Config) -> bool:
    """Whether the data volume is above its floor. One quick system call: only for local disks, never for a mount."""
    volume = os.statvfs(config.data)
    return volume.f_bavail * volume.f_frsize >= config.min_free_mib * MIB


def require_room(config: Config) -> None:
    """Raises `Full` when the data volume is below its floor, so that database and previews keep room to live."""
    if not has_room(config):
        raise Full("The data volume is full. Nothing was kept of this file; deleting still works.")
