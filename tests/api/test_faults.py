"""Validation errors look exactly like those of the published API."""

import inspect
import json
from typing import Annotated, Any, Literal

import httpx
import pytest
from pydantic import Field, model_validator
from starlette.responses import JSONResponse

from calotype.api import binding, faults, problems
from calotype.api.binding import Unbound
from calotype.api.marks import Query
from calotype.api.request import Request
from calotype.core.errors import Malformed
from calotype.wire.base import (
    DATETIME_PATTERN,
    EMAIL_PATTERN,
    UUID4_PATTERN,
    Email,
    Int,
    IsoDate,
    IsoDateTime,
    Maybe,
    PinCode,
    QueryBool,
    QueryInt,
    Some,
    Uuid4,
    Wire,
    custom,
    issue,
    refuse,
)

ID = "aab1592d-3c5f-4936-8ce7-6563a8f1fbfe"


class Login(Wire):
    email: Email
    password: str


class Change(Wire):
    visibility: Maybe[Literal["archive", "timeline", "hidden", "locked"]] = None
    rating: Int | None = None
    latitude: float | None = None
    longitude: float | None = None
    is_favorite: Maybe[bool] = None
    taken_at: Maybe[IsoDateTime] = None
    born: IsoDate | None = None
    pin_code: Maybe[PinCode] = None
    new_password: Maybe[Annotated[str, Field(min_length=8)]] = None
    size: Annotated[Int, Field(ge=1, le=1000)] = 1

    @model_validator(mode="after")
    def _both(self) -> "Change":
        if self.rating == 0:
            raise custom("Rating must be -1 (rejected), 1–5 (starred), or null (unrated); 0 is not valid", "rating")
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("Latitude and longitude must be provided together")
        return self


class Item(Wire):
    key: str
    value: dict[str, Any]


class Items(Wire):
    items: list[Item]


class Permissions(Wire):
    permissions: Some[Literal["all", "asset.read"]]


class Text(Wire):
    type: Literal["text"]
    text: str


class Number(Wire):
    type: Literal["number"]
    number: Int


class Mixed(Wire):
    plain: Text | Number | None = None
    told: Annotated[Text | Number, Field(discriminator="type")] | None = None


ROUTES: dict[str, binding.Binding] = {}


def served(path: str, endpoint: Any) -> None:
    """Put a handler's parameters behind a path; the last word may be one of them."""
    parameters = list(inspect.signature(endpoint, eval_str=True).parameters.values())
    ROUTES[path.rpartition("/{")[0] or path] = binding.of(endpoint, path, parameters)


def takes(model: type[Wire]) -> Any:
    async def endpoint(body: model) -> None: ...  # type: ignore[valid-type]

    return endpoint


for name, shape in {"login": Login, "change": Change, "items": Items, "perm": Permissions, "mixed": Mixed}.items():
    served(f"/{name}", takes(shape))


async def ask(
    id: Uuid4,
    size: QueryInt = 1,
    is_trashed: Annotated[QueryBool | None, Query(alias="isTrashed")] = None,
    name: str = "",
) -> None: ...


async def need(asset_id: Annotated[Uuid4, Query(alias="assetId")], size: QueryInt, flag: QueryBool) -> None: ...


served("/ask/{id}", ask)
served("/need", need)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Binds what is sent and tells what came of it."""
    _, first, *rest = scope["path"].split("/")
    scope["path_params"] = {"id": rest[0]} if rest else {}
    request = Request(scope, receive)
    request._body = await request.body()
    try:
        found = ROUTES[f"/{first}"].arguments(request)
    except Unbound as error:
        answer = problems.render(request, error)
    else:
        body = found.get("body")
        told = {"sent": sorted(body.model_fields_set)} if body else {
            "id": str(found.get("id")), "size": found.get("size", 1), "isTrashed": found.get("is_trashed"),
        }  # fmt: skip
        answer = JSONResponse(told)
    await answer(scope, receive, send)


@pytest.fixture
async def client() -> Any:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as made:
        yield made


async def errors_of(client: httpx.AsyncClient, path: str, body: Any) -> Any:
    answer = await client.post(path, json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"] == "Validation failed"
    return answer.json()["errors"]


async def test_a_missing_email_and_password_are_both_listed(client):
    assert await errors_of(client, "/login", {}) == [
        {
            "expected": "string",
            "code": "invalid_type",
            "path": ["email"],
            "message": "Invalid input: expected email, received undefined",
        },
        {
            "expected": "string",
            "code": "invalid_type",
            "path": ["password"],
            "message": "Invalid input: expected string, received undefined",
        },
    ]


async def test_a_word_is_no_email(client):
    assert await errors_of(client, "/login", {"email": "nope", "password": "x"}) == [
        {
            "origin": "string",
            "code": "invalid_format",
            "format": "email",
            "pattern": f"/{EMAIL_PATTERN}/",
            "path": ["email"],
            "message": "Invalid input: expected email, received string",
        }
    ]


async def test_a_number_is_no_email(client):
    (only,) = await errors_of(client, "/login", {"email": 5, "password": "x"})
    assert (only["code"], only["expected"]) == ("invalid_type", "string")
    assert only["message"] == "Invalid input: expected email, received number"


@pytest.mark.parametrize("id", ["xx", "0190163d-8694-739b-aea5-966c26f8ad91", "00000000-0000-0000-0000-000000000000"])
async def test_an_id_is_a_uuid_of_version_4(client, id):
    answer = await client.get(f"/ask/{id}")
    assert answer.json()["errors"] == [
        {
            "origin": "string",
            "code": "invalid_format",
            "format": "uuid",
            "pattern": f"/{UUID4_PATTERN}/",
            "path": ["id"],
            "message": "Invalid UUID",
        }
    ]


async def test_an_id_may_be_upper_case(client):
    assert (await client.get(f"/ask/{ID.upper()}")).json()["id"] == ID


async def test_a_query_boolean_is_true_or_false_and_nothing_else(client):
    assert (await client.get(f"/ask/{ID}?isTrashed=false")).json()["isTrashed"] is False
    for odd in ("1", "True", ""):
        assert (await client.get(f"/ask/{ID}?isTrashed={odd}")).json()["errors"] == [
            {
                "code": "invalid_value",
                "expected": "stringbool",
                "values": ["true", "false"],
                "path": ["isTrashed"],
                "message": 'Invalid option: expected one of "true"|"false"',
            }
        ]


async def test_letters_in_a_query_are_not_a_number(client):
    assert (await client.get(f"/ask/{ID}?size=abc")).json()["errors"] == [
        {
            "expected": "number",
            "code": "invalid_type",
            "received": "NaN",
            "path": ["size"],
            "message": "Invalid input: expected number, received NaN",
        }
    ]


async def test_a_query_number_must_be_whole(client):
    (only,) = (await client.get(f"/ask/{ID}?size=1.5")).json()["errors"]
    assert (only["expected"], only["format"]) == ("int", "safeint")


async def test_missing_query_keys_say_what_was_expected(client):
    found = (await client.get("/need")).json()["errors"]
    assert [(e["path"], e["message"]) for e in found] == [
        (["assetId"], "Invalid input: expected string, received undefined"),
        (["size"], "Invalid input: expected number, received NaN"),
        (["flag"], 'Invalid option: expected one of "true"|"false"'),
    ]


async def test_a_number_beyond_its_limit(client):
    assert await errors_of(client, "/change", {"size": 1001}) == [
        {
            "origin": "number",
            "code": "too_big",
            "maximum": 1000,
            "inclusive": True,
            "path": ["size"],
            "message": "Too big: expected number to be <=1000",
        }
    ]
    (small,) = await errors_of(client, "/change", {"size": 0})
    assert small["message"] == "Too small: expected number to be >=1"


async def test_an_unknown_option(client):
    assert await errors_of(client, "/change", {"visibility": "x"}) == [
        {
            "code": "invalid_value",
            "values": ["archive", "timeline", "hidden", "locked"],
            "path": ["visibility"],
            "message": 'Invalid option: expected one of "archive"|"timeline"|"hidden"|"locked"',
        }
    ]


async def test_a_rule_of_one_field(client):
    assert await errors_of(client, "/change", {"rating": 0}) == [
        {
            "code": "custom",
            "path": ["rating"],
            "message": "Rating must be -1 (rejected), 1–5 (starred), or null (unrated); 0 is not valid",
        }
    ]


async def test_a_rule_of_the_whole_body(client):
    assert await errors_of(client, "/change", {"latitude": 5}) == [
        {"code": "custom", "path": [], "message": "Latitude and longitude must be provided together"}
    ]


async def test_a_fraction_is_no_integer(client):
    assert await errors_of(client, "/change", {"rating": 1.5}) == [
        {
            "expected": "int",
            "format": "safeint",
            "code": "invalid_type",
            "path": ["rating"],
            "message": "Invalid input: expected int, received number",
        }
    ]


async def test_json_types_are_taken_strictly(client):
    found = await errors_of(
        client, "/change", {"rating": "5", "latitude": "5", "isFavorite": "true", "takenAt": 3, "born": 3}
    )
    assert {e["path"][0]: e["message"] for e in found} == {
        "rating": "Invalid input: expected number, received string",
        "latitude": "Invalid input: expected number, received string",
        "isFavorite": "Invalid input: expected boolean, received string",
        "takenAt": "Invalid input: expected ISO 8601 datetime string, received number",
        "born": "Invalid input: expected ISO date string (YYYY-MM-DD), received number",
    }


async def test_null_is_refused_where_a_key_may_only_be_absent(client):
    found = await errors_of(client, "/change", {"isFavorite": None, "takenAt": None})
    assert [e["message"] for e in found] == [
        "Invalid input: expected boolean, received null",
        "Invalid input: expected ISO 8601 datetime string, received null",
    ]
    assert (await client.post("/change", json={"rating": None})).json() == {"sent": ["rating"]}


async def test_an_empty_list_where_something_is_needed(client):
    assert await errors_of(client, "/perm", {"permissions": []}) == [
        {
            "origin": "array",
            "code": "too_small",
            "minimum": 1,
            "inclusive": True,
            "path": ["permissions"],
            "message": "Too small: expected array to have >=1 items",
        }
    ]


async def test_a_pin_of_two_digits(client):
    assert await errors_of(client, "/change", {"pinCode": "12"}) == [
        {
            "origin": "string",
            "code": "invalid_format",
            "format": "regex",
            "pattern": "/^\\d{6}$/",
            "path": ["pinCode"],
            "message": "Invalid string: must match pattern /^\\d{6}$/",
        }
    ]


async def test_a_short_password(client):
    assert await errors_of(client, "/change", {"newPassword": "short"}) == [
        {
            "origin": "string",
            "code": "too_small",
            "minimum": 8,
            "inclusive": True,
            "path": ["newPassword"],
            "message": "Too small: expected string to have >=8 characters",
        }
    ]


@pytest.mark.parametrize("text", ["2024-03-01", "2024-03-01T10:00:00", "2023-02-29T10:00:00Z", "2024-03-01T25:00:00Z"])
async def test_a_date_time_needs_a_date_a_time_and_a_zone(client, text):
    assert await errors_of(client, "/change", {"takenAt": text}) == [
        {
            "origin": "string",
            "code": "invalid_format",
            "format": "datetime",
            "pattern": f"/{DATETIME_PATTERN}/",
            "path": ["takenAt"],
            "message": "Invalid input: expected ISO 8601 datetime string, received string",
        }
    ]


async def test_a_value_that_is_no_record(client):
    assert await errors_of(client, "/items", {"items": [{"key": "k", "value": 1}]}) == [
        {
            "expected": "record",
            "code": "invalid_type",
            "path": ["items", 0, "value"],
            "message": "Invalid input: expected record, received number",
        }
    ]


async def test_a_missing_record_and_an_item_that_is_no_object(client):
    found = await errors_of(client, "/items", {"items": [{"key": "k"}, 3]})
    assert [(e["path"], e["message"]) for e in found] == [
        (["items", 0, "value"], "Invalid input: expected record, received undefined"),
        (["items", 1], "Invalid input: expected object, received number"),
    ]


async def test_no_body_at_all(client):
    answer = await client.post("/login")
    assert answer.json()["errors"] == [
        {
            "expected": "object",
            "code": "invalid_type",
            "path": [],
            "message": "Invalid input: expected object, received undefined",
        }
    ]


async def test_a_body_that_is_a_list(client):
    assert await errors_of(client, "/login", []) == [
        {
            "expected": "object",
            "code": "invalid_type",
            "path": [],
            "message": "Invalid input: expected object, received array",
        }
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{bad", "Expected property name or '}' in JSON at position 1 (line 1 column 2)"),
        ('{"a":1,}', "Expected double-quoted property name in JSON at position 7 (line 1 column 8)"),
        ('{"a":1', "Unexpected end of JSON input"),
        ('{"a":1 "b":2}', "Expected ',' or '}' after property value in JSON at position 7 (line 1 column 8)"),
        ("nope", "Unexpected token 'n', \"nope\" is not valid JSON"),
    ],
)
async def test_unreadable_json_is_answered_in_the_words_of_a_javascript_parser(client, text, sentence):
    answer = await client.post("/login", content=text, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()) == (400, {"message": sentence})


async def test_a_union_lists_what_each_member_misses(client):
    assert await errors_of(client, "/mixed", {"plain": {"type": "text"}}) == [
        {
            "code": "invalid_union",
            "errors": [
                [
                    {
                        "expected": "string",
                        "code": "invalid_type",
                        "path": ["text"],
                        "message": "Invalid input: expected string, received undefined",
                    }
                ],
                [
                    {
                        "code": "invalid_value",
                        "values": ["number"],
                        "path": ["type"],
                        "message": 'Invalid input: expected "number"',
                    },
                    {
                        "expected": "number",
                        "code": "invalid_type",
                        "path": ["number"],
                        "message": "Invalid input: expected number, received undefined",
                    },
                ],
            ],
            "path": ["plain"],
            "message": "Invalid input",
        }
    ]


async def test_a_told_union_speaks_of_the_member_that_was_meant(client):
    (only,) = await errors_of(client, "/mixed", {"told": {"type": "text", "text": 3}})
    assert (only["path"], only["message"]) == (["told", "text"], "Invalid input: expected string, received number")
    (only,) = await errors_of(client, "/mixed", {"told": {"type": "other"}})
    assert (only["code"], only["path"]) == ("invalid_union", ["told", "type"])


async def test_unknown_keys_are_ignored(client):
    assert (await client.post("/login", json={"email": "A@x.de", "password": "", "more": 1})).status_code == 200


async def test_a_form_validated_by_hand_has_the_same_faults():
    with pytest.raises(Malformed) as refused:
        faults.read(Items, {"items": [{"value": {}}]})
    assert refused.value.faults == [
        {
            "expected": "string",
            "code": "invalid_type",
            "path": ["items", 0, "key"],
            "message": "Invalid input: expected string, received undefined",
        }
    ]


async def test_several_issues_raised_at_once():
    class Recipe(Wire):
        angle: Int

        @model_validator(mode="after")
        def _quarter(self) -> "Recipe":
            if self.angle % 90:
                raise refuse(
                    issue("custom", "Angle", "parameters", "angle"), issue("custom", "Parameters", "parameters")
                )
            return self

    class Recipes(Wire):
        edits: list[Recipe]

    with pytest.raises(Malformed) as refused:
        faults.read(Recipes, {"edits": [{"angle": 45}]})
    assert json.loads(json.dumps(refused.value.faults)) == [
        {"code": "custom", "path": ["edits", 0, "parameters", "angle"], "message": "Angle"},
        {"code": "custom", "path": ["edits", 0, "parameters"], "message": "Parameters"},
    ]
