"""A handler's arguments from a request, by pydantic alone.

FastAPI describes the operations (the OpenAPI document) and would bind the same arguments, but it works out on every request
what each parameter is: 0.4 ms for a timeline query of fifteen keys. Here that is done once, at an operation's first call.
"""

import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from starlette.datastructures import QueryParams
from starlette.requests import Request

from calotype.api.marks import Body, Query
from calotype.core.errors import Invalid

Fault = dict[str, Any]
Bind = Callable[[Request, list[Fault]], Any]
ABSENT = object()
LISTS = (list, set, frozenset, tuple)
_NO_QUERY = QueryParams()
_SURROGATES = re.compile(rb"\\u[dD]")


class Unbound(Exception):
    """A request that does not give a handler its arguments: pydantic's faults, and what was declared where.

    `declared` has the keys of `Binding.declared`; `text` is the body, where it is no JSON.
    """

    def __init__(self, faults: list[Fault], declared: Mapping[Any, Any], text: str = "") -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults
        self.declared = declared
        self.text = text


@dataclass(frozen=True, slots=True)
class Binding:
    """How each argument of a handler is found.

    `declared` tells the annotation behind each place: `"body"`, `"query"` for a model of all its keys, `("query", key)`,
    `("path", name)`.
    """

    binds: dict[str, Bind] = field(default_factory=dict[str, Bind])
    declared: dict[Any, Any] = field(default_factory=dict[Any, Any])

    def arguments(self, request: Request) -> dict[str, Any]:
        """Every argument that was given. Raises `Unbound` with all faults, in the order of parameters."""
        faults: list[Fault] = []
        found: dict[str, Any] = {}
        for name, bind in self.binds.items():
            try:
                value = bind(request, faults)
            except _NoJson as error:
                raise Unbound([error.fault], self.declared, error.text) from error
            if value is not ABSENT:
                found[name] = value
        if faults:
            raise Unbound(faults, self.declared)
        return found


class _NoJson(Exception):
    def __init__(self, at: int, message: str, text: str) -> None:
        super().__init__(message)
        self.fault: Fault = {"type": "json_invalid", "loc": ("body", at), "ctx": {"error": message}}
        self.text = text


def of(handler: Callable[..., Any], path: str, rest: list[inspect.Parameter]) -> Binding:
    """The binding of a handler's parameters after `ask`. Raises `TypeError` for one that nobody would fill."""
    made = Binding()
    for each in rest:
        place, declared, bind = _bound(each, path)
        if bind is None:
            raise TypeError(f"{handler.__qualname__}: nobody fills {each.name}.")
        made.binds[each.name], made.declared[place] = bind, declared
    return made


def _bound(each: inspect.Parameter, path: str) -> tuple[Any, Any, Bind | None]:
    """Where a parameter's value is found, what is declared for it, and how it is taken from there."""
    declared, marks = _taken_apart(each.annotation)
    is_required = each.default is each.empty
    query = next((mark for mark in marks if isinstance(mark, Query)), None)
    if f"{{{each.name}}}" in path:
        return ("path", each.name), each.annotation, _path(each.name, TypeAdapter(each.annotation))
    if query is not None and inspect.isclass(declared) and issubclass(declared, BaseModel):
        return "query", declared, _query_model(declared)
    if query is not None:
        plain = _without(each.annotation, query)
        key = query.alias or each.name
        return ("query", key), plain, _query(key, plain, is_required=is_required)
    if _is_body(declared, marks):
        return "body", each.annotation, _body(TypeAdapter(each.annotation), is_required=is_required)
    if not is_required or _is_scalar(declared):
        return ("query", each.name), each.annotation, _query(each.name, each.annotation, is_required=is_required)
    return None, declared, None


def _taken_apart(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    if get_origin(annotation) is Annotated:
        declared, *marks = get_args(annotation)
        return declared, tuple(marks)
    return annotation, ()


def _without(annotation: Any, mark: Any) -> Any:
    declared, marks = _taken_apart(annotation)
    kept = tuple(each for each in marks if each is not mark)
    return Annotated[(declared, *kept)] if kept else declared


def _is_body(declared: Any, marks: tuple[Any, ...]) -> bool:
    if any(isinstance(mark, Body) for mark in marks):
        return True
    members = [member for member in get_args(declared) if member is not type(None)] or [declared]
    return any(inspect.isclass(member) and issubclass(member, BaseModel) for member in members)


def _is_scalar(declared: Any) -> bool:
    return not (inspect.isclass(declared) and issubclass(declared, BaseModel))


def _checked(adapter: "TypeAdapter[Any]", value: Any, place: tuple[str | int, ...], faults: list[Fault]) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        faults += [{**each, "loc": (*place, *each["loc"])} for each in error.errors(include_url=False)]
        return ABSENT


def _path(name: str, adapter: "TypeAdapter[Any]") -> Bind:
    def bind(request: Request, faults: list[Fault]) -> Any:
        return _checked(adapter, request.path_params[name], ("path", name), faults)

    return bind


def _query(key: str, annotation: Any, *, is_required: bool) -> Bind:
    adapter: TypeAdapter[Any] = TypeAdapter(annotation)
    is_list = _holds_list(annotation)

    def bind(request: Request, faults: list[Fault]) -> Any:
        sent = given(_sent(request), key, is_list)
        if sent is ABSENT:
            if is_required:
                faults.append({"type": "missing", "loc": ("query", key), "msg": "Field required", "input": None})
            return ABSENT
        return _checked(adapter, sent, ("query", key), faults)

    return bind


def _query_model(model: type[BaseModel]) -> Bind:
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    keys = {_key(name, field): _holds_list(field.annotation) for name, field in model.model_fields.items()}

    def bind(request: Request, faults: list[Fault]) -> Any:
        sent = _sent(request)
        named = {key.removesuffix("[]") for key in sent} & keys.keys() if sent else set[str]()
        found = {key: value for key in named if (value := given(sent, key, keys[key])) is not ABSENT}
        return _checked(adapter, found, ("query",), faults)

    return bind


def _key(name: str, field: FieldInfo) -> str:
    return field.alias or name


def _sent(request: Request) -> QueryParams:
    """The query. Most requests have none, which Starlette takes its time to find out."""
    return request.query_params if request.scope["query_string"] else _NO_QUERY


def given(sent: QueryParams, key: str, is_list: bool) -> Any:
    """One value, or a list where one is expected or where a key that takes one value came twice.

    Some clients write `key[]` for a list, so that one value is one, too.
    """
    found = sent.getlist(key)
    if is_list:
        found += sent.getlist(f"{key}[]")
    if not found:
        return ABSENT
    return found if is_list or len(found) > 1 else found[0]


def _holds_list(annotation: Any) -> bool:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _holds_list(get_args(annotation)[0])
    if origin in LISTS or annotation in LISTS:
        return True
    return origin is not None and any(_holds_list(member) for member in get_args(annotation))


def _body(adapter: "TypeAdapter[Any]", *, is_required: bool) -> Bind:
    def bind(request: Request, faults: list[Fault]) -> Any:
        text = request._body  # pyright: ignore[reportPrivateUsage] # read and limited before; see op.py
        if not text:
            if is_required:
                faults.append({"type": "missing", "loc": ("body",), "msg": "Field required", "input": None})
            return ABSENT
        try:
            value = _loaded(text)
        except json.JSONDecodeError as error:
            raise _NoJson(error.pos, error.msg, error.doc) from error
        except UnicodeDecodeError as error:
            raise _NoJson(0, "Expecting value", "") from error
        except RecursionError as error:
            raise Invalid("The JSON is nested too deeply.") from error
        except ValueError as error:  # Python reads no whole number of more than 4300 digits; NaN is no JSON
            raise Invalid("The JSON holds a number that cannot be read.") from error
        return _checked(adapter, value, ("body",), faults)

    return bind


def _loaded(text: bytes) -> Any:
    value = json.loads(text.decode(), parse_constant=_refuse)
    if not _SURROGATES.search(text):
        return value
    # Half a pair cannot be kept or sent on as UTF-8: it becomes U+FFFD, as everywhere that decodes text.
    whole = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return json.loads(whole)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
