"""Whatever an operation does: strangers are refused, and so are credentials without its permission, before anything else."""

import re
from uuid import uuid4

import pytest

from calotype.api.app import routes
from calotype.api.op import OPERATIONS, Op
from calotype.core.errors import NotYet


def address(op: Op) -> str:
    return re.sub(r"\{[^}]+\}", str(uuid4()), op.path)


def guarded(application) -> list[Op]:
    return [op for op in OPERATIONS if op.may is not None]


@pytest.fixture
async def key(house):
    """An administrator's key that opens next to nothing."""
    boss = await house.person(is_admin=True)
    answer = await boss.client.post("/api-keys", json={"name": "narrow", "permissions": ["userLicense.read"]})
    assert answer.status_code == 201, answer.text
    return house.client(**{"x-api-key": answer.json()["secret"]})


def test_every_parameter_of_every_handler_is_filled_by_somebody(application):
    """They are worked out at the first call; a door that nobody can walk through must show here."""
    faulty = {}
    for route in routes():
        try:
            assert list(route.binding.binds) == list(route.signature.parameters)[1:]
        except TypeError as error:
            faulty[f"{route.method} {route.path}"] = str(error)
    assert faulty == {}


async def test_strangers_are_refused_everywhere(house, application):
    stranger = house.client()
    wrong = {}
    for op in guarded(application):
        answer = await stranger.request(op.method, address(op), json={})
        if (answer.status_code, answer.json()) != (401, {"message": "Authentication required"}):
            wrong[f"{op.method} {op.path}"] = answer.status_code
    assert wrong == {}


async def test_a_key_without_the_permission_is_refused_everywhere(key, application):
    wrong = {}
    for op in guarded(application):
        if op.may in ("any", "userLicense.read"):
            continue
        answer = await key.request(op.method, address(op), json={})
        if (answer.status_code, answer.json()) != (403, {"message": f"Missing required permission: {op.may}"}):
            wrong[f"{op.method} {op.path}"] = (answer.status_code, answer.text)
    assert wrong == {}


async def test_only_administrators_reach_what_is_theirs(ada, application):
    wrong = {}
    for op in guarded(application):
        if op.admin:
            answer = await ada.client.request(op.method, address(op), json={})
            if (answer.status_code, answer.json()) != (403, {"message": "Forbidden"}):
                wrong[f"{op.method} {op.path}"] = answer.status_code
    assert wrong == {}


async def test_what_is_pending_says_when_it_comes(house, application):
    boss = await house.person(is_admin=True)
    pending = [op for op in OPERATIONS if op.handler.__module__ == "calotype.api.pending"]
    assert pending
    for op in pending:
        answer = await boss.client.request(op.method, address(op))
        assert answer.status_code == NotYet.status, op.path
        assert answer.json()["message"].startswith(f"{op.name} is not served yet: it arrives with ")
