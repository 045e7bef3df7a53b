"""Plausible requests for every operation, made from our own OpenAPI document; and nonsense to put in their place."""

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from calotype.api.document import document
from calotype.api.op import OPERATIONS, Op
from calotype.api.pending import is_pending

# Text that a format or pattern of the document asks for.
FORMATS = {
    "uuid": lambda: str(uuid4()),
    "date-time": lambda: "2024-05-01T10:00:00.000Z",
    "date": lambda: "2024-05-01",
    "email": lambda: "somebody@example.com",
    "uri": lambda: "http://127.0.0.1:1/",
}
NAMED = {
    "timeBucket": "2024-03-01",
    "bbox": "-10,-10,10,10",
    "cron": "0 0 * * *",
    "cronExpression": "0 0 * * *",
    "password": "correct horse",
    "pinCode": "123456",
    "newPinCode": "123456",
    "timeZone": "Europe/Rome",
    "checksum": "2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
}


UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
NOUNS = {
    "sessions": "session",
    "api-keys": "api_key",
    "notifications": "notification",
    "users": "user",
    "admin": "user",
}
KEYS = {
    "albumId": "album",
    "albumIds": "album",
    "tagId": "tag",
    "tagIds": "tag",
    "userId": "user",
    "personId": "person",
    "personIds": "person",
    "libraryId": "library",
    "duplicateId": "duplicate",
}


@dataclass
class Example:
    """One request. `path`, `query` and `body` hold values that the document allows."""

    op: Op
    path: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    required: set[str] = field(default_factory=set)

    @property
    def address(self) -> str:
        return re.sub(r"\{(\w+)\}", lambda m: str(self.path[m[1]]), self.op.path)


def served() -> list[Op]:
    """Every operation that does something, twins included."""
    document()  # imports every door
    return [op for op in OPERATIONS if not is_pending(op)]


def example(op: Op) -> Example:
    """The fullest request that the document describes: every key is there."""
    found = Example(op, path={name: str(uuid4()) for name in re.findall(r"\{(\w+)\}", op.path)})
    described = document()["paths"].get(f"/api{op.path}", {})
    # A hidden twin (PATCH beside PUT) is described by its elder.
    entry = described.get(op.method.lower()) or next((e for e in described.values() if e["operationId"] == op.name), {})
    for each in entry.get("parameters", []):
        found_in = found.path if each["in"] == "path" else found.query
        found_in[each["name"]] = value_of(each["schema"], each["name"])
        if each.get("required"):
            found.required.add(each["name"])
    content = entry.get("requestBody", {}).get("content", {}).get("application/json")
    if content:
        found.body = value_of(content["schema"], "body")
        schema = content["schema"]
        if "$ref" in schema:
            schema = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        found.required.update(schema.get("required", []))
    return found


def value_of(schema: dict[str, Any], name: str, depth: int = 0) -> Any:
    """A value that fits a schema."""
    if "$ref" in schema:
        return value_of(document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]], name, depth + 1)
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema:
            members = [member for member in schema[union] if member.get("type") != "null"]
            return value_of(members[0], name, depth)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            if depth > 6:
                return {}
            return {key: value_of(each, key, depth + 1) for key, each in schema.get("properties", {}).items()}
        case "array":
            return [value_of(schema.get("items", {}), name, depth + 1)]
        case "integer" | "number":
            return schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        case "boolean":
            return True
        case "string":
            if schema.get("format") in FORMATS:
                return FORMATS[schema["format"]]()
            return NAMED.get(name, "some text"[: schema.get("maxLength", 20)])
        case _:
            return {}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key of a body, the body itself included."""
    yield path
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from places(each, (*path, index))


def value_at(body: Any, path: tuple[Any, ...]) -> Any:
    """What stands at one place of a body."""
    for step in path:
        body = body[step]
    return body


def with_value(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The body with something else at one place."""
    if not path:
        return value
    made = copy.deepcopy(body)
    inner = made
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return made


def kind_of(each: Example, key: str) -> str:
    """What kind of thing a key of a request names."""
    noun = NOUNS.get(each.op.path.split("/")[1], "asset")
    return KEYS.get(key, noun)


def filled(each: Example, give: Callable[[str], str]) -> Example:
    """The example with `give(kind)` wherever an id stands."""

    def put(value: Any, key: str) -> Any:
        is_id = isinstance(value, str) and UUID_TEXT.fullmatch(value)
        return give(kind_of(each, key)) if is_id else value

    body = each.body
    for path in list(places(each.body)):
        key = next((step for step in reversed(path) if isinstance(step, str)), "")
        body = with_value(body, path, put(value_at(body, path), key)) if path else body
    path = {key: put(value, key) for key, value in each.path.items()}
    return Example(each.op, path, {key: put(value, key) for key, value in each.query.items()}, body)


def slim(each: Example, keep: str = "") -> Example:
    """Only what must be there, and one key more."""
    required = each.required | {keep}
    query = {key: value for key, value in each.query.items() if key in required}
    body = each.body
    if isinstance(body, dict):
        body = {key: value for key, value in body.items() if key in required}
    return Example(each.op, each.path, query, body)
