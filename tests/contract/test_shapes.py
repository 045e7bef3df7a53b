"""What our operations take and give has the published names, types, required keys, nulls and options."""

import json
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from calotype.api import document as openapi
from calotype.api.op import OPERATIONS

# A default of None is never written, so that its serializer cannot take it does not matter.
pytestmark = pytest.mark.filterwarnings("ignore::pydantic.json_schema.PydanticJsonSchemaWarning")

HERE = Path(__file__).parent
PINNED = json.loads((HERE / "shapes.json").read_text())
DEVIATIONS = tomllib.loads((HERE / "deviations.toml").read_text()).get("shape", [])
FORMATS = ("uuid", "date-time", "date", "email", "binary", "uri")


def pinned(shape: Any) -> Any:
    """A pinned shape with its first reference followed."""
    while isinstance(shape, str) and shape.startswith("#"):
        shape = PINNED["types"][shape[1:]]
    return shape


class Document:
    """Our OpenAPI document, read in the pinned form."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.paths = document["paths"]
        self._types = document.get("components", {}).get("schemas", {})

    def shape(self, schema: dict[str, Any] | None) -> Any:
        if not schema or schema == {"title": schema.get("title")}:
            return "any"
        if "$ref" in schema:
            return self.shape(self._types[schema["$ref"].rpartition("/")[2]])
        if "allOf" in schema:
            return self.shape(schema["allOf"][0])
        members = schema.get("anyOf") or schema.get("oneOf")
        if members:
            shapes = [m for m in members if m.get("type") != "null"]
            inner = self.shape(shapes[0]) if len(shapes) == 1 else {"any of": [self.shape(s) for s in shapes]}
            return {"null": inner} if len(shapes) < len(members) and inner != "any" else inner
        if "const" in schema:
            return {"enum": [schema["const"]]}
        if "enum" in schema:
            return {"enum": schema["enum"]}
        match schema.get("type"):
            case "array":
                return [schema.get("items", {})]
            case "object" if "properties" in schema:
                required = schema.get("required", [])
                return {"keys": {k + ("" if k in required else "?"): v for k, v in schema["properties"].items()}}
            case "object":
                more = schema.get("additionalProperties")
                return {"map": more if isinstance(more, dict) else {}}
            case "string":
                return schema["format"] if schema.get("format") in FORMATS else "string"
            case None:
                return "any"
            case kind:
                return kind


def compare(at: str, theirs: Any, ours: Any, document: Document) -> list[str]:
    """Every difference as a line `where: what`. `ours` is a schema of our document or a pinned form."""
    theirs = pinned(theirs)
    if (
        isinstance(ours, dict)
        and not set(ours) & {"keys", "map", "null"}
        and not (set(ours) == {"enum"} or "any of" in ours)
    ):
        ours = document.shape(ours)
    if theirs == "any" or ours == theirs or (theirs == "string" and ours in FORMATS and " 20" in at):
        return []
    if isinstance(theirs, dict) and isinstance(ours, dict):
        if ("null" in theirs) != ("null" in ours):
            found = [f"{at}: {'not nullable' if 'null' in theirs else 'nullable'}"]
            return found + compare(at, theirs.get("null", theirs), ours.get("null", ours), document)
        if "null" in theirs:
            return compare(at, theirs["null"], ours["null"], document)
        if "keys" in theirs and "keys" in ours:
            return _keys(at, theirs["keys"], ours["keys"], document)
        if theirs == {"map": "any"} and "keys" in ours:
            return []
        if "map" in theirs and "map" in ours:
            return compare(f"{at}.*", theirs["map"], ours["map"], document)
        if "enum" in theirs and "enum" in ours:
            lost, more = set(theirs["enum"]) - set(ours["enum"]), set(ours["enum"]) - set(theirs["enum"])
            return [f"{at}: option {o} is missing" for o in sorted(map(str, lost))] + [
                f"{at}: option {o} is ours" for o in sorted(map(str, more))
            ]
        if "any of" in theirs and "any of" in ours:
            return []  # compared by the tests of the operation: members have no published order
    if isinstance(theirs, list) and isinstance(ours, list):
        return compare(f"{at}[]", theirs[0], ours[0], document)
    if isinstance(theirs, dict) and "null" in theirs:
        return [f"{at}: not nullable", *compare(at, theirs["null"], ours, document)]
    if isinstance(ours, dict) and "null" in ours:
        return [f"{at}: nullable", *compare(at, theirs, ours["null"], document)]
    return [f"{at}: {_name(ours)} instead of {_name(theirs)}"]


def _never_null(shape: Any) -> Any:
    """A query has no null; that our default is `None` only says that the key may be absent."""
    return shape["null"] if isinstance(shape, dict) and "null" in shape else shape


def _keys(at: str, theirs: dict[str, Any], ours: dict[str, Any], document: Document) -> list[str]:
    is_answer = " 20" in at
    mine = {k.removesuffix("?"): (k, v) for k, v in ours.items()}
    found = []
    for key, shape in theirs.items():
        name = key.removesuffix("?")
        if name not in mine:
            found.append(f"{at}.{name}: missing")
            continue
        my_key, my_shape = mine.pop(name)
        if my_key != key and not (is_answer and key.endswith("?")):  # what may be absent may always be there
            found.append(f"{at}.{name}: {'required' if key.endswith('?') else 'optional'}")
        found += compare(f"{at}.{name}", shape, my_shape, document)
    return found + [f"{at}.{name}: ours" for name in mine]


def _name(shape: Any) -> str:
    if isinstance(shape, dict):
        return {"keys": "object", "map": "map", "enum": "options", "any of": "union"}.get(next(iter(shape)), "object")
    return "array" if isinstance(shape, list) else str(shape)


def differences_of(name: str, theirs: dict[str, Any], ours: dict[str, Any], document: Document) -> list[str]:
    found = []
    asked = {
        p["name"] + ("" if p.get("required") else "?"): p.get("schema", {})
        for p in ours.get("parameters", [])
        if p["in"] == "query"
    }
    credentials = ("key?", "slug?")  # read by the door
    published = {k: _never_null(pinned(v)) for k, v in theirs.get("query", {}).items() if k not in credentials}
    mine = {k: _never_null(document.shape(v)) for k, v in asked.items() if k not in credentials}
    found += _keys(f"{name} query", published, mine, document)
    bodies = ours.get("requestBody", {}).get("content", {})
    if "body" in theirs and theirs.get("bodyType") != "multipart/form-data":
        if not bodies:
            found.append(f"{name} body: missing")
        else:
            found += compare(f"{name} body", theirs["body"], next(iter(bodies.values()))["schema"], document)
    elif bodies and "body" not in theirs:
        found.append(f"{name} body: ours")
    for status, shape in theirs.get("answers", {}).items():
        content = ours["responses"].get(status, {}).get("content", {}).get("application/json", {})
        if not content.get("schema"):
            found.append(f"{name} {status}: undocumented")
        else:
            found += compare(f"{name} {status}", shape, content["schema"], document)
    return found


@pytest.fixture(scope="module")
def lines() -> list[str]:
    document = Document(openapi.document())
    found: list[str] = []
    for op in OPERATIONS:
        key = f"{op.method} {op.path}"
        if op.hidden or key not in PINNED["operations"]:
            continue
        ours = document.paths[f"/api{op.path}"][op.method.lower()]
        found += differences_of(key, PINNED["operations"][key], ours, document)
    return found


def test_shapes_are_the_published_ones_or_differ_for_a_reason(lines):
    assert [line for line in lines if not any(fnmatchcase(line, d["at"]) for d in DEVIATIONS)] == []


def test_no_deviation_is_stale(lines):
    assert [d["at"] for d in DEVIATIONS if not any(fnmatchcase(line, d["at"]) for line in lines)] == []


def test_each_deviation_has_its_reason():
    assert [d for d in DEVIATIONS if len(d.get("reason", "")) < 20] == []
