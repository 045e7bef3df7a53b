"""A house where things follow from each other, and faces to put into photos."""

import pytest

from tests.faces import Faces, made
from tests.working import ada, children, gazetteer, house, work_pool, worker_application

__all__ = ["ada", "children", "gazetteer", "house", "work_pool", "worker_application"]


@pytest.fixture
def faces(house) -> Faces:
    """Puts faces into photos, as a detector would."""
    return Faces(house)


@pytest.fixture
async def eve(house):
    return await house.person()


@pytest.fixture
async def ann(house, ada):
    return await made(house, ada, "Ann")
