"""Which operation a path means."""

from dataclasses import dataclass

import pytest

from calotype.api.router import NoRoute, Router


@dataclass(frozen=True)
class Line:
    method: str
    path: str


LINES = [
    Line("GET", "/api/people/{id}"),
    Line("POST", "/api/people/merge"),
    Line("GET", "/api/people/{id}/faces"),
    Line("GET", "/api/people/merge/log"),
    Line("GET", "/api/spec.json"),
]
ROUTER = Router(LINES)


@pytest.mark.parametrize(
    ("method", "path", "found", "values"),
    [
        ("GET", "/api/people/7", LINES[0], {"id": "7"}),
        ("POST", "/api/people/merge", LINES[1], {}),
        ("GET", "/api/people/merge", LINES[0], {"id": "merge"}),  # the written-out word has no GET
        ("GET", "/api/people/merge/faces", LINES[2], {"id": "merge"}),
        ("GET", "/API/People/MiXed/FACES/", LINES[2], {"id": "MiXed"}),
        ("GET", "/api/spec.json", LINES[4], {}),
    ],
)
def test_words_win_over_parameters_in_any_case(method, path, found, values):
    assert ROUTER.find(method, path) == (found, values)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/people"), ("GET", "/api/people//faces"), ("DELETE", "/api/people/7"), ("GET", "/api"), ("GET", "/")],
)
def test_nothing_else_is_found(method, path):
    with pytest.raises(NoRoute):
        ROUTER.find(method, path)
