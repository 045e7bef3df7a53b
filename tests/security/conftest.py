"""The whole door with every queue operation answered, on a database of its own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from calotype.core.ports import Counts, Job
from calotype.outside.postgres import connect
from tests.api.conftest import ada, application, eve, house

__all__ = ["ada", "application", "eve", "house"]


@dataclass
class QuietQueue:
    """A broker that takes everything and has nothing to do."""

    taken: list[Job] = field(default_factory=list)

    async def put(self, jobs: list[Job]) -> None:
        self.taken += jobs

    async def counts(self, queue: str) -> Counts:
        return Counts()

    async def is_paused(self, queue: str) -> bool:
        return False

    async def jobs(self, queue: str, states: list[str], limit: int) -> list[Any]:
        return []

    async def pause(self, queue: str) -> None: ...
    async def resume(self, queue: str) -> None: ...
    async def empty(self, queue: str) -> None: ...
    async def clear_failed(self, queue: str) -> None: ...


@pytest.fixture(scope="session")
async def api_pool(postgres_url_of) -> AsyncIterator[Any]:
    pool = await connect(await postgres_url_of("security"), size=8)
    yield pool
    await pool.close()


@pytest.fixture(autouse=True)
async def quiet(house) -> AsyncIterator[QuietQueue]:
    queue = QuietQueue()
    house.world = replace(house.world, queue=queue)
    house.application._take(house.world)
    yield queue
    await house.sql("DELETE FROM setting")  # some examples are valid settings
