"""What a validation error looks like to existing clients: the issues of the published API (Zod's form), all of them.

pydantic says where and what; the declared shape says what was expected there, because pydantic does not tell for a
missing key, and names the members of a union inside the path.
"""

import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from calotype.core.errors import Malformed
from calotype.wire.base import NotNull, Said, issue, json_type

Issue = dict[str, Any]
M = TypeVar("M", bound=BaseModel)

JSON_TYPES: dict[Any, str] = {
    str: "string",
    bool: "boolean",
    int: "number",
    float: "number",
    list: "array",
    set: "array",
    frozenset: "array",
    tuple: "array",
    dict: "record",
}

# pydantic's word for a wrong type → the contract's.
EXPECTED = {
    "string_type": "string",
    "bool_type": "boolean",
    "int_type": "number",
    "float_type": "number",
    "list_type": "array",
    "set_type": "array",
    "tuple_type": "array",
    "frozen_set_type": "array",
    "dict_type": "record",
    "model_type": "object",
    "model_attributes_type": "object",
    "dataclass_type": "object",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """A declared type, unwrapped: no Annotated, no Optional."""

    kind: Any = Any
    marks: tuple[Any, ...] = ()

    @property
    def discriminator(self) -> Any:
        """The key that tells the members of a union apart, if one was declared."""
        return next((m.discriminator for m in self.marks if getattr(m, "discriminator", None)), None)

    @property
    def options(self) -> tuple[Any, ...]:
        """The values of a `Literal`."""
        return get_args(self.kind) if get_origin(self.kind) is Literal else ()


@dataclass(slots=True)
class Place:
    """Where an error points: the path clients know, what is declared there, and the union it lies in, if any."""

    path: list[str | int] = field(default_factory=list[str | int])
    shape: Shape = field(default_factory=Shape)
    union_at: tuple[str | int, ...] | None = None
    member: str = ""


def read(model: type[M], given: Any) -> M:
    """Validate what is no argument of a handler. Raises `Malformed` with the same issues as anywhere else."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        found: Sequence[Any] = error.errors(include_url=False)
        raise Malformed(_translate([(("body", *e["loc"]), e) for e in found], {"body": unwrap(model)})) from error


def faults(errors: Iterable[Any], declared: Mapping[Any, Any]) -> list[Issue]:
    """pydantic's errors as the contract's issues. `declared`: see `Binding.declared`."""
    shapes = {place: unwrap(annotation) for place, annotation in declared.items()}
    return _translate([(tuple(e["loc"]), e) for e in errors], shapes)


def unreadable_json(errors: Iterable[Any], text: str = "") -> str | None:
    """The sentence for a body that is no JSON; `None` when that is not what is wrong. `text`: the body, if known."""
    for error in errors:
        if error["type"] == "json_invalid":
            at = int(error["loc"][-1]) if isinstance(error["loc"][-1], int) else 0
            return _parser_sentence(str(error.get("ctx", {}).get("error", "")), at, text)
    return None


def _parser_sentence(said: str, at: int, text: str) -> str:
    """What a JavaScript engine says where Python says `said`."""
    if text and at >= len(text.rstrip()):
        return "Unexpected end of JSON input"
    line = text.count("\n", 0, at) + 1
    where = f"in JSON at position {at} (line {line} column {at - (text.rfind(chr(10), 0, at) if text else -1)})"
    after_brace = text[:at].rstrip().endswith("{") if text else True
    sentences = {
        "Expecting property name enclosed in double quotes": (
            "Expected property name or '}'" if after_brace else "Expected double-quoted property name"
        ),
        "Illegal trailing comma before end of object": "Expected double-quoted property name",
        "Expecting ':' delimiter": "Expected ':' after property name",
        "Unterminated string starting at": "Unterminated string",
        "Extra data": "Unexpected non-whitespace character after JSON",
        "Invalid control character at": "Bad control character in string literal",
    }
    if said == "Expecting ',' delimiter":
        inside_list = text[:at].rfind("[") > text[:at].rfind("{")
        return f"Expected ',' or {repr(']') if inside_list else repr('}')} after {_after(inside_list)} {where}"
    if said in sentences:
        suffix = where.removeprefix("in JSON ") if said == "Extra data" else where
        return f"{sentences[said]} {suffix}"
    if text and at < len(text):
        return f"Unexpected token {text[at]!r}, {_excerpt(text)} is not valid JSON"
    return f"Unexpected token {where}"


def _after(inside_list: bool) -> str:
    return "array element" if inside_list else "property value"


def _excerpt(text: str) -> str:
    return f'"{text}"' if len(text) <= 40 else f'"{text[:10]}"...'


def unwrap(declared: Any, marks: Iterable[Any] = ()) -> Shape:
    """A type without Annotated and Optional; what Annotated carried is kept as marks."""
    kept = list(marks)
    while True:
        origin = get_origin(declared)
        if origin is Annotated:
            declared, *more = get_args(declared)
            kept += more
        elif origin in (Union, types.UnionType):
            members = [m for m in get_args(declared) if m is not type(None)]
            if len(members) != 1:
                return Shape(Union[tuple(members)], tuple(kept))  # noqa: UP007 — built at run time
            declared = members[0]
        elif getattr(declared, "__value__", None) is not None:  # a `type X = …` alias
            declared = declared.__value__
        else:
            return Shape(declared, tuple(kept))


def _of_field(info: FieldInfo) -> Shape:
    marks = [m for m in info.metadata if not isinstance(m, NotNull)]
    shape = unwrap(info.annotation, marks)
    return Shape(shape.kind, (*shape.marks, info)) if info.discriminator else shape


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _locate(loc: tuple[Any, ...], shapes: dict[Any, Shape]) -> Place:
    place, *keys = loc or ("body",)
    if keys and (place, keys[0]) in shapes:
        return _walk(Place([keys[0]], shapes[place, keys[0]]), keys[1:])
    if place in shapes:
        return _walk(Place([], shapes[place]), keys)
    return Place(list(keys))


def _walk(at: Place, keys: Sequence[Any]) -> Place:
    for key in keys:
        shape = at.shape
        while _is_model(shape.kind) and "root" in _fields(shape.kind):  # a RootModel: its key is nowhere
            shape = _of_field(_fields(shape.kind)["root"])
        kind, origin = shape.kind, get_origin(shape.kind) or shape.kind
        if _is_model(kind):
            info = _field_of(kind, key)
            if info is None:
                continue  # the name of a validator, not of a key
            at.path.append(key)
            at.shape = _of_field(info)
        elif origin is Union:
            if shape.discriminator is None and at.union_at is None:
                at.union_at, at.member = tuple(at.path), str(key)
            at.shape = _member(shape, key)
        elif origin in (list, set, frozenset, tuple, Sequence):
            at.path.append(key)
            at.shape = unwrap(get_args(kind)[0]) if get_args(kind) else Shape()
        elif origin is dict:
            if key != "[key]":
                at.path.append(key)
                at.shape = unwrap(get_args(kind)[1]) if get_args(kind) else Shape()
        elif kind is Any or kind is object:
            at.path.append(key)
            at.shape = Shape()
    return at


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return model.model_fields


def _field_of(model: type[BaseModel], key: Any) -> FieldInfo | None:
    for name, info in _fields(model).items():
        if key in (info.validation_alias, info.alias, name):
            return info
    return None


def _member(union: Shape, label: Any) -> Shape:
    for member in get_args(union.kind):
        shape = unwrap(member)
        if union.discriminator and _is_model(shape.kind):
            tag = _fields(shape.kind).get(str(union.discriminator))
            if tag is not None and label in _of_field(tag).options:
                return shape
        if getattr(shape.kind, "__name__", None) == label or str(label).endswith(f"{_name(shape.kind)}]"):
            return shape
    for member in get_args(union.kind):
        shape = unwrap(member)
        if str(label).startswith(_name(shape.kind)):
            return shape
    return Shape()


def _name(kind: Any) -> str:
    return getattr(get_origin(kind) or kind, "__name__", str(kind))


def _translate(errors: Sequence[tuple[tuple[Any, ...], Any]], shapes: dict[Any, Shape]) -> list[Issue]:
    found: list[Issue] = []
    unions: dict[tuple[str | int, ...], dict[str, list[Issue]]] = {}
    for loc, error in errors:
        place = _locate(loc, shapes)
        issues = _issues(place, error, loc)
        if place.union_at is None:
            found += issues
            continue
        if place.union_at not in unions:
            unions[place.union_at] = {}
            # The members fill in behind the issue that is already in its place.
            found.append(issue("invalid_union", "Invalid input", *place.union_at, errors=[]))
        members = unions[place.union_at]
        members.setdefault(place.member, []).extend(
            {**each, "path": each["path"][len(place.union_at) :]} for each in issues
        )
    for each in found:
        if each["code"] == "invalid_union" and tuple(each["path"]) in unions:
            each["errors"] = list(unions[tuple(each["path"])].values())
    return found


def _issues(place: Place, error: Any, loc: tuple[Any, ...]) -> list[Issue]:
    kind, given = error["type"], error.get("input")
    more: dict[str, Any] = error.get("ctx") or {}
    path = place.path
    if kind == "issues":
        raised: list[Issue] = more["issues"]
        return [{**each, "path": [*path, *each["path"]]} for each in raised]
    if kind == "missing":
        return [_missing(place, is_whole_body=len(loc) == 1)]
    if kind == "literal_error":
        return [_not_an_option(place.shape.options or (more.get("expected"),), path)]
    if kind in EXPECTED:
        return [_wrong_type(EXPECTED[kind], json_type(given), path)]
    if kind in ("finite_number", "int_parsing", "float_parsing", "int_from_float"):
        return [issue("invalid_type", _expected("number", "NaN"), *path, expected="number", received="NaN")]
    if kind == "string_pattern_mismatch":
        pattern = f"/{more['pattern']}/"
        return [
            issue(
                "invalid_format",
                f"Invalid string: must match pattern {pattern}",
                *path,
                origin="string",
                format="regex",
                pattern=pattern,
            )
        ]
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        name = str(more.get("discriminator", "")).strip("'")
        note = "No matching discriminator"
        return [issue("invalid_union", "Invalid input", *path, name, errors=[], note=note, discriminator=name)]
    if kind in LIMITS:
        return [_beyond(kind, more, path)]
    if kind == "value_error":
        return [issue("custom", str(more.get("error", error["msg"])), *path)]
    return [issue("custom", str(error["msg"]), *path)]


def _missing(place: Place, *, is_whole_body: bool) -> Issue:
    shape = place.shape
    said = next((m for m in shape.marks if isinstance(m, Said)), None)
    if shape.options:
        return _not_an_option(shape.options, place.path)
    if said and said.nan:
        return issue("invalid_type", _expected("number", "NaN"), *place.path, expected="number", received="NaN")
    if said and said.options:
        return _not_an_option(said.options, place.path, expected="stringbool")
    if said:
        return _wrong_type(said.expected, "undefined", place.path, said=said.said)
    unknown = "object" if is_whole_body else "string"
    expected = JSON_TYPES.get(get_origin(shape.kind) or shape.kind, "object" if _is_model(shape.kind) else unknown)
    return _wrong_type(expected, "undefined", place.path)


def _expected(expected: str, received: str) -> str:
    return f"Invalid input: expected {expected}, received {received}"


def _wrong_type(expected: str, received: str, path: list[str | int], *, said: str | None = None) -> Issue:
    return issue("invalid_type", _expected(said or expected, received), *path, expected=expected)


def _not_an_option(options: Sequence[Any], path: list[str | int], **keys: Any) -> Issue:
    names = "|".join(f'"{each}"' for each in options)
    lead = "Invalid input: expected" if len(options) == 1 else "Invalid option: expected one of"
    return issue("invalid_value", f"{lead} {names}", *path, values=list(options), **keys)


# pydantic's word → (code, key of the limit in pydantic's context, key in the issue, sign, origin, unit)
LIMITS: dict[str, tuple[str, str, str, str, str, str]] = {
    "string_too_short": ("too_small", "min_length", "minimum", ">=", "string", " characters"),
    "string_too_long": ("too_big", "max_length", "maximum", "<=", "string", " characters"),
    "too_short": ("too_small", "min_length", "minimum", ">=", "array", " items"),
    "too_long": ("too_big", "max_length", "maximum", "<=", "array", " items"),
    "greater_than_equal": ("too_small", "ge", "minimum", ">=", "number", ""),
    "greater_than": ("too_small", "gt", "minimum", ">", "number", ""),
    "less_than_equal": ("too_big", "le", "maximum", "<=", "number", ""),
    "less_than": ("too_big", "lt", "maximum", "<", "number", ""),
}


def _beyond(kind: str, more: dict[str, Any], path: list[str | int]) -> Issue:
    code, key, name, sign, origin, unit = LIMITS[kind]
    limit = more[key]
    if isinstance(limit, float) and limit.is_integer():
        limit = int(limit)
    word = "Too small" if code == "too_small" else "Too big"
    verb = "be" if origin == "number" else "have"
    return issue(
        code,
        f"{word}: expected {origin} to {verb} {sign}{limit}{unit}",
        *path,
        origin=origin,
        inclusive=sign.endswith("="),
        **{name: limit},
    )
