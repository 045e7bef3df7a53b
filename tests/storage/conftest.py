"""A world with a real database and a real folder, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from calotype.core.clock import Clock
from calotype.core.config import Config
from calotype.core.events import Event
from calotype.core.world import World
from calotype.outside.disk import DiskFiles
from calotype.outside.postgres import connect
from calotype.storage.roots import GuardedFiles, MediaRoot


class Installation:
    """One database and one media folder, started as often as a test likes."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.media = folder / "media"
        self.told: list[Event] = []
        self.pools: list[Any] = []

    async def world(self, media: Path | None = None) -> World:
        """A process that has just been started."""
        pool = await connect(self.url, size=2)
        self.pools.append(pool)
        config = Config(data=self.folder, media=str(media or self.media), min_free_mib=1)
        nobody: Any = None

        async def publish(_: World, events: Sequence[Event]) -> None:
            self.told += events

        files = GuardedFiles(MediaRoot(DiskFiles(config), pool, config))
        return World(config, pool, files, nobody, nobody, nobody, nobody, Clock(), publish)

    async def execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@pytest.fixture(scope="session")
async def storage_database(postgres_url_of) -> str:
    return await postgres_url_of("storage")


@pytest.fixture
async def installation(storage_database: str, tmp_path: Path) -> AsyncIterator[Installation]:
    installation = Installation(storage_database, tmp_path)
    await installation.execute("TRUNCATE instance")
    yield installation
    await asyncio.gather(*(pool.close() for pool in installation.pools))
