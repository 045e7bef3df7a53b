"""A world with a real database of its own, emptied before each test, and twins for what is not under test."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from calotype.accounts import api_keys, sessions, store
from calotype.accounts.caller import Caller, LinkCredential, SessionCredential
from calotype.accounts.device import Device
from calotype.accounts.recent import RECENT
from calotype.accounts.store import NewUser
from calotype.accounts.user import User
from calotype.core.clock import StoppedClock
from calotype.core.config import Config
from calotype.core.events import Event
from calotype.core.world import World
from calotype.outside.disk import DiskFiles
from calotype.outside.keys import MARKER
from calotype.outside.postgres import PgPool, connect
from tests.fakes import CannedVision, ListQueue, MemoryCache

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Household:
    """People and their things, made with few words. What is written here is committed."""

    def __init__(self, world: World, told: list[Event], url: str) -> None:
        self.world = world
        self.told = told
        self._url = url

    @property
    def clock(self) -> StoppedClock:
        assert isinstance(self.world.clock, StoppedClock)
        return self.world.clock

    def wait(self, **duration: float) -> None:
        """Let time pass. What was recognised a moment ago is a moment ago no longer."""
        self.clock.instant += timedelta(**duration)
        RECENT._known.clear()

    async def person(self, name: str = "Ada", **fields: Any) -> User:
        new = NewUser(email=f"{name.lower()}@example.com", name=name)
        async with self.world.writing() as tx:
            return await store.add(tx, replace(new, **fields))

    async def login(self, user: User, **options: Any) -> tuple[Caller, str]:
        """A session's caller and its token."""
        async with self.world.writing() as tx:
            session, token = await sessions.issue(tx, user.id, Device("Chrome", "Linux"), **options)
        return Caller(user.id, user.is_admin, session=SessionCredential(session.id, None)), token

    async def key(self, user: User, *permissions: str) -> tuple[Caller, str]:
        """A key's caller and its secret."""
        async with self.world.writing() as tx:
            _, secret = await api_keys.create(tx, Caller(user.id, user.is_admin), name="k", permissions=permissions)
        caller = await api_keys.recognise(self.world, secret)
        assert caller is not None
        return caller, secret

    async def asset(self, owner: User, **columns: Any) -> UUID:
        taken = datetime(2024, 3, 1, 10, tzinfo=UTC)
        values = {
            "id": uuid4(),
            "owner_id": owner.id,
            "type": "IMAGE",
            "original_key": "k",
            "original_name": "a.jpg",
            "checksum": uuid4().bytes + b"\0\0\0\0",
            "size_bytes": 100,
            "taken_at": taken,
            "local_taken": taken.replace(tzinfo=None),
            "file_modified_at": taken,
            "uploaded_taken_at": taken,
            **columns,
        }
        return await self.row("asset", **values)

    async def row(self, table: str, **values: Any) -> Any:
        """Insert anything; its id, if it has one."""
        marks = ", ".join(f"${i + 1}" for i in range(len(values)))
        statement = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})"
        await self.execute(statement, *values.values())
        return values.get("id")

    async def album(self, owner: User, *assets: UUID, members: dict[UUID, str] | None = None) -> UUID:
        """An album with photos, its owner, and members with their roles."""
        id = await self.row("album", id=uuid4(), name="Album")
        for user, role in {owner.id: "owner", **(members or {})}.items():
            await self.row("album_user", album_id=id, user_id=user, role=role)
        for asset in assets:
            await self.row("album_asset", album_id=id, asset_id=asset)
        return id

    async def link(self, maker: User, *assets: UUID, album: UUID | None = None, **columns: Any) -> Caller:
        """A stranger with a shared link."""
        values = {"id": uuid4(), "user_id": maker.id, "key": uuid4().bytes, "album_id": album, **columns}
        id = await self.row("shared_link", type="ALBUM" if album else "INDIVIDUAL", **values)
        for asset in assets:
            await self.row("shared_link_asset", shared_link_id=id, asset_id=asset)
        credential = LinkCredential(
            id=id,
            album_id=album,
            allow_upload=values.get("allow_upload", False),
            allow_download=values.get("allow_download", True),
            show_metadata=values.get("show_metadata", True),
        )
        return Caller(maker.id, False, link=credential)

    async def execute(self, statement: str, *arguments: Any) -> Any:
        connection = await asyncpg.connect(self._url)
        try:
            return await connection.fetchval(statement, *arguments)
        finally:
            await connection.close()


@pytest.fixture(scope="session")
async def accounts_database(postgres_url_of) -> str:
    return await postgres_url_of("accounts")


@pytest.fixture(scope="session")
async def accounts_pool(accounts_database: str) -> AsyncIterator[PgPool]:
    pool = await connect(accounts_database, size=5)
    yield pool
    await pool.close()


@pytest.fixture
async def house(accounts_database: str, accounts_pool: PgPool, tmp_path: Path) -> Household:
    told: list[Event] = []

    async def publish(_: World, events: Sequence[Event]) -> None:
        told.extend(events)

    config = Config(data=tmp_path, media=str(tmp_path / "media"), min_free_mib=1)
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / MARKER).write_bytes(b"ours")
    push: Any = None
    queue: Any = ListQueue()
    world = World(
        config,
        accounts_pool,
        DiskFiles(config),
        queue,
        push,
        MemoryCache(),
        CannedVision(),
        StoppedClock(datetime.now(UTC)),
        publish,
    )
    house = Household(world, told, accounts_database)
    await house.execute("DELETE FROM users")
    await house.execute("DELETE FROM album")
    RECENT._known.clear()
    return house


@pytest.fixture
def world(house: Household) -> World:
    return house.world
