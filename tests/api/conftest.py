"""The HTTP door on a real database and a real folder; queue, push and cache are lists and dictionaries."""

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from calotype.accounts import sessions
from calotype.accounts import store as accounts
from calotype.accounts.device import Device
from calotype.accounts.store import NewUser
from calotype.api import app
from calotype.core.clock import Clock
from calotype.core.config import Config
from calotype.core.events import Event
from calotype.core.ports import Counts, Job
from calotype.core.world import World
from calotype.outside.disk import DiskFiles
from calotype.outside.keys import MARKER
from calotype.outside.postgres import connect
from calotype.storage.root import Identity, marker_bytes
from calotype.storage.roots import GuardedFiles, MediaRoot

_numbers = itertools.count(1)


@dataclass
class ListQueue:
    """Jobs in the order they were put."""

    jobs: list[Job] = field(default_factory=list)
    is_away: bool = False

    async def put(self, jobs: Sequence[Job]) -> None:
        self.jobs += jobs

    async def counts(self, queue: str) -> Counts:
        return Counts(waiting=sum(job.queue == queue for job in self.jobs))


class DictCache:
    """A cache that forgets nothing."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.counters: Counter[str] = Counter()

    async def get(self, key: str) -> bytes | None:
        return self.kept.get(key)

    async def put(self, key: str, value: bytes, *, ttl_s: int) -> None:
        self.kept[key] = value

    async def count(self, key: str, *, ttl_s: int) -> int:
        self.counters[key] += 1
        return self.counters[key]

    async def forget(self, *keys: str) -> None:
        for key in keys:
            self.kept.pop(key, None)


class SilentPush:
    """Messages go nowhere."""

    async def to_user(self, user_id: str, event: str, *arguments: Any) -> None: ...
    async def to_session(self, session_id: str, event: str, *arguments: Any) -> None: ...
    async def to_all(self, event: str, *arguments: Any) -> None: ...


class MovableClock(Clock):
    """The real clock, until a test stops it."""

    stopped_at: datetime | None = None

    def now(self) -> datetime:
        return self.stopped_at or datetime.now(UTC)


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
        return self.world.queue.jobs

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


@pytest.fixture(scope="session")
async def api_pool(postgres_url_of) -> AsyncIterator[Any]:
    pool = await connect(await postgres_url_of("api"), size=8)
    yield pool
    await pool.close()


@pytest.fixture(scope="session")
def application() -> app.Application:
    """Building 300 routes takes a third of a second, so each test only puts its own world behind them."""
    return app.Application()


@pytest.fixture
async def house(api_pool, application: app.Application, tmp_path: Path) -> AsyncIterator[House]:
    config = Config(data=tmp_path, media=str(tmp_path / "media"), min_free_mib=1)
    told: list[Event] = []

    async def publish(_: World, events: Sequence[Event]) -> None:
        told.extend(events)

    identity = Identity(uuid4(), 1)
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / MARKER).write_bytes(marker_bytes(identity))

    async def identify() -> Identity:
        return identity

    root = MediaRoot(DiskFiles(config), api_pool, config, identify=identify)
    world = World(config, api_pool, GuardedFiles(root), ListQueue(), SilentPush(), DictCache(), MovableClock(), publish)
    async with root.watched(world):
        application._take(world)
        house = House(world, application, root, told)
        yield house
        await house.close()


@pytest.fixture
async def ada(house: House) -> Person:
    return await house.person()


@pytest.fixture
async def eve(house: House) -> Person:
    return await house.person()
