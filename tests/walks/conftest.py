"""Walks: every test has an installation of its own, and may do to it what it likes."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import House, photo, until

__all__ = ["House", "photo", "until"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.walk)
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture
def bare() -> Iterator[House]:
    """Folders where nothing was ever started. Not in pytest's own folder: an unprivileged Postgres must enter."""
    with tempfile.TemporaryDirectory(prefix="calotype-walk-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        house = House(folder)
        yield house
        house.stop()
        house.client.close()


@pytest.fixture
def house(bare: House) -> House:
    """An installation that runs, with somebody signed in."""
    return bare.start().move_in()
