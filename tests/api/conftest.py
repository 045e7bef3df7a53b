"""The HTTP door on a real database and a real folder; nothing follows from what happens."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from calotype.api import app
from calotype.outside.postgres import connect
from tests.world import House, Person, built_house

__all__ = ["House", "Person"]


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
    async with built_house(api_pool, application, tmp_path) as house:
        yield house


@pytest.fixture
async def ada(house: House) -> Person:
    return await house.person()


@pytest.fixture
async def eve(house: House) -> Person:
    return await house.person()
