"""Every operation of the published API is served as published, or is pending, or differs for a reason."""

import json
import tomllib
from pathlib import Path

import pytest

from calotype.api import app, pending
from calotype.api.op import OPERATIONS, Op

HERE = Path(__file__).parent
OURS = ("/calotype/", "/spec.")
PUBLISHED = {(o["method"], o["path"]): o for o in json.loads((HERE / "operations.json").read_text())}
DEVIATIONS = tomllib.loads((HERE / "deviations.toml").read_text()).get("operation", [])


@pytest.fixture(scope="module")
def ours() -> dict[tuple[str, str], Op]:
    app.routes()
    return {(op.method, op.path): op for op in OPERATIONS if not op.path.startswith(OURS)}


def differences(op: Op, published: dict) -> dict[str, str]:
    """Field → what differs, as text."""
    pairs = {
        "name": (op.name, published["name"]),
        "permission": (op.may, published["may"]),
        "admin": (op.admin, published.get("admin", False)),
        "link": (op.link, published.get("link", False)),
    }
    found = {field: f"{mine!r}, published {theirs!r}" for field, (mine, theirs) in pairs.items() if mine != theirs}
    if op.status not in published["status"]:
        found["status"] = f"{op.status}, published {published['status']}"
    return found


def test_all_276_operations_are_pinned():
    assert len(PUBLISHED) == 276


def test_every_published_operation_is_served_or_pending(ours):
    assert sorted(set(PUBLISHED) - set(ours)) == []


def test_names_permissions_and_statuses_are_the_published_ones(ours):
    allowed = {(d["of"], d["field"]) for d in DEVIATIONS}
    wrong = []
    for key, published in PUBLISHED.items():
        name = " ".join(key)
        for field, text in differences(ours[key], published).items():
            if (name, field) in allowed:
                allowed.remove((name, field))
            else:
                wrong.append(f"{name}: {field} is {text}")
    assert wrong == []
    assert not allowed, "deviations that no longer exist"


def test_what_is_not_published_is_a_twin_of_what_is(ours):
    """PATCH next to PUT for the same operation is all that clients get beyond the published table."""
    names = {(o["path"], o["name"]) for o in PUBLISHED.values()}
    extra = [
        f"{op.method} {op.path}" for key, op in ours.items() if key not in PUBLISHED and (op.path, op.name) not in names
    ]
    assert extra == []


# Where the published API deprecates PUT, newer clients send PATCH to the same path.
TWINS = [
    "/admin/users/{id}",
    "/admin/users/{id}/preferences",
    "/api-keys/{id}",
    "/assets",
    "/assets/{id}",
    "/libraries/{id}",
    "/memories/{id}",
    "/people/{id}",
    "/sessions/{id}",
    "/stacks/{id}",
    "/tags/{id}",
    "/users/me",
    "/users/me/preferences",
    "/workflows/{id}",
]


def test_partial_updates_are_taken_as_patch_too(ours):
    served = [path for path in TWINS if not pending.is_pending(ours["PUT", path])]
    assert [path for path in served if ("PATCH", path) not in ours] == []
    assert [path for path in served if ours["PATCH", path].handler is not ours["PUT", path].handler] == []


def test_each_deviation_has_its_reason():
    assert [d for d in DEVIATIONS if len(d.get("reason", "")) < 20] == []


def test_nothing_is_pending_that_is_already_served(ours):
    served = [f"{p.method} {p.path}" for p in pending.table() if not pending.is_pending(ours[p.method, p.path])]
    assert served == []


def test_no_operation_is_declared_twice():
    app.routes()
    keys = [(op.method, op.path) for op in OPERATIONS]
    assert sorted({" ".join(k) for k in keys if keys.count(k) > 1}) == []
