"""A house to test in: a real database, a real folder, the real HTTP door; queue, push and cache are twins."""

import itertools
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from calotype.accounts import sessions
from calotype.accounts import store as accounts
from calotype.accounts.device import Device
from calotype.accounts.store import NewUser
from calotype.api import app
from calotype.core.config import Config
from calotype.core.events import Event
from calotype.core.jobs import REGISTRY, Later, Outcome
from calotype.core.ports import Job
from calotype.core.world import World
from calotype.outside.disk import DiskFiles
from calotype.outside.keys import MARKER
from calotype.storage.root import Identity, marker_bytes
from calotype.storage.roots import GuardedFiles, MediaRoot
from calotype.work import pipeline
from tests.fakes import CannedVision, HeardPush, ListQueue, MemoryCache, Message, MovableClock

_numbers = itertools.count(1)


class House:
    """Everything a test of the door needs: the world, what it told, people who are signed in."""

    def __init__(self, world: World, application: app.Application, root: MediaRoot, told: list[Event]) -> None:
        self.world = world
        self.application = application
        self.root = root
        self.told = told
        self._clients: list[httpx.AsyncClient] = []

    @property
    def media(self) -> Path:
        return Path(self.world.config.media_root)

    @property
    def data(self) -> Path:
        return self.world.config.data

    @property
    def jobs(self) -> list[Job]:
        return self.world.queue.jobs_put

    @property
    def heard(self) -> list[Message]:
        return self.world.push.heard

    def originals(self) -> list[Path]:
        """Every file in the photo storage but the marker; unfinished ones too."""
        return sorted(path for path in self.media.rglob("*") if path.is_file() and path.name != MARKER)

    def client(self, token: str = "", **headers: str) -> httpx.AsyncClient:
        """A client with this bearer token, or a stranger's."""
        if token:
            headers["authorization"] = f"Bearer {token}"
        transport = httpx.ASGITransport(self.application, raise_app_exceptions=False)
        made = httpx.AsyncClient(transport=transport, base_url="http://calotype/api", headers=headers)
        self._clients.append(made)
        return made

    async def person(self, *, quota_bytes: int | None = None, is_admin: bool = False) -> "Person":
        """Somebody new who is signed in."""
        number = next(_numbers)
        async with self.world.writing() as tx:
            user = await accounts.add(
                tx,
                NewUser(f"person{number}@example.com", f"Person {number}", is_admin=is_admin, quota_bytes=quota_bytes),
            )
            session, token = await sessions.issue(tx, user.id, Device())
        return Person(user.id, session.id, self.client(token))

    async def elevate(self, person: "Person") -> None:
        """Open the locked folder to somebody."""
        async with self.world.writing() as tx:
            await sessions.elevate(tx, person.session_id, self.world.clock.now())

    async def unplug(self) -> None:
        """The photo storage is gone, as when a share is no longer mounted."""
        (self.media / MARKER).rename(self.data / MARKER)
        await self.root.probe()

    async def plug_in(self) -> None:
        """The photo storage is back."""
        (self.data / MARKER).rename(self.media / MARKER)
        await self.root.probe()

    async def sql(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Look or meddle behind the program's back."""
        connection = await self.world.pool.acquire()
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            await self.world.pool.release(connection)

    async def work(self, *queues: str) -> list[tuple[str, Outcome]]:
        """Do what is queued, and what follows from it; what must wait is queued again and left alone."""
        done: list[tuple[str, Outcome]] = []
        waiting: list[Job] = []
        queue = self.world.queue
        while job := next((job for job in queue.jobs_put if not queues or job.queue in queues), None):
            queue.jobs_put.remove(job)
            outcome = await self.run(job)
            done.append((job.name, outcome))
            if isinstance(outcome, Later):
                waiting.append(job)
        queue.jobs_put += waiting
        return done

    async def run(self, job: Job) -> Outcome:
        """Do one job, as the worker would."""
        return await REGISTRY[job.name].handler(self.world, job.data)

    async def row(self, id: str | UUID, table: str = "asset") -> asyncpg.Record:
        """An asset as the database has it."""
        (row,) = await self.sql(f"SELECT * FROM {table} WHERE id = $1", UUID(str(id)))
        return row

    def with_config(self, **changes: Any) -> None:
        """Start anew with another configuration."""
        self.world = replace(self.world, config=replace(self.world.config, **changes))
        self.root.config = self.world.config
        self.application._take(self.world)

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()


@dataclass
class Person:
    """A signed-in user and their client."""

    id: UUID
    session_id: UUID
    client: httpx.AsyncClient

    async def upload(self, content: bytes, name: str = "photo.jpg", **fields: str) -> httpx.Response:
        """Send a file the way clients do."""
        form = {"fileCreatedAt": "2024-03-01T10:00:00.000Z", "fileModifiedAt": "2024-03-02T10:00:00.000Z", **fields}
        return await self.client.post("/assets", data=form, files={"assetData": (name, content)})

    async def asset(self, content: bytes | None = None, name: str = "photo.jpg", **fields: str) -> str:
        """The id of a new asset; bytes nobody sent before when none are given."""
        answer = await self.upload(content or f"photo {next(_numbers)}".encode(), name, **fields)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]


@asynccontextmanager
async def built_house(
    pool: Any, application: app.Application, folder: Path, *, works: bool = False
) -> AsyncGenerator[House, None]:
    """A house in `folder`. With `works`, what happens in it has consequences: jobs are queued, people hear of it."""
    config = Config(data=folder, media=str(folder / "media"), min_free_mib=1, decoders=2)
    told: list[Event] = []

    async def publish(world: World, events: Sequence[Event]) -> None:
        told.extend(events)
        if works:
            await pipeline.publish(world, events)

    identity = Identity(uuid4(), 1)
    (folder / "media").mkdir()
    (folder / "media" / MARKER).write_bytes(marker_bytes(identity))

    async def identify() -> Identity:
        return identity

    root = MediaRoot(DiskFiles(config), pool, config, identify=identify)
    world = World(
        config,
        pool,
        GuardedFiles(root),
        ListQueue(),
        HeardPush(),
        MemoryCache(),
        CannedVision(),
        MovableClock(),
        publish,
    )
    async with root.watched(world):
        application._take(world)
        house = House(world, application, root, told)
        yield house
        await house.close()
