"""A thin router: `@assets.get("/assets/{id}", may="asset.read")`.

Every operation says who may call it. The door knows the caller before it looks at the body, gives the handler its unit of
work, commits when the handler ends well, and only then answers and lets events leave.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from calotype.accounts.caller import Caller
from calotype.api import answers, binding
from calotype.api.binding import Binding
from calotype.api.call import Reading, Writing
from calotype.api.caller import identify
from calotype.core.errors import Forbidden, TooLarge, Unauthenticated
from calotype.core.world import World

JSON_LIMIT_BYTES = 10 * 1024 * 1024

Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """What is published of an operation, whether it is served yet or not.

    `may` is its permission (`any`: every credential, `all`: keys that hold everything, `None`: public).
    `link`: open to shared links. `admin`: administrators only.
    """

    method: str
    path: str
    name: str
    tag: str
    may: str | None
    admin: bool
    link: bool
    status: int


@dataclass(frozen=True, slots=True)
class Op(Operation):
    """An operation with its handler.

    `raw`: the handler reads the body itself, unlimited. `hidden`: not in the OpenAPI document (a second method for the
    same operation). `shape` and `form`: what the document says of the answer and of a multipart body, where the handler
    returns finished bytes or reads the parts itself.
    """

    raw: bool
    hidden: bool
    handler: Handler
    shape: Any = None
    form: Any = None


OPERATIONS: list[Op] = []


class Door:
    """The operations of one tag."""

    def __init__(self, tag: str) -> None:
        self.tag = tag

    def _add(
        self,
        method: str,
        path: str,
        *,
        may: str | None = None,
        public: bool = False,
        admin: bool = False,
        link: bool = False,
        status: int | None = None,
        name: str | None = None,
        raw: bool = False,
        also: tuple[str, ...] = (),
        shape: Any = None,
        form: Any = None,
    ) -> Callable[[Handler], Handler]:
        if (may is None) != public:
            raise ValueError(f"{method} {path}: an operation is either public or says what it needs.")

        def register(handler: Handler) -> Handler:
            usual = {"POST": 201, "DELETE": 204}.get(method, 200)
            operation = name or _camel(handler.__name__)
            for verb in (method, *also):
                hidden = verb != method
                told = (verb, path, operation, self.tag, may, admin, link, status or usual)
                OPERATIONS.append(Op(*told, raw, hidden, handler, shape, form))
            return handler

        return register

    def get(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """200 unless `status` says otherwise."""
        return self._add("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """201 unless `status` says otherwise."""
        return self._add("POST", path, **options)

    def put(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """200 unless `status` says otherwise; `also=("PATCH",)` adds the twin that newer clients use."""
        return self._add("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """200 unless `status` says otherwise."""
        return self._add("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """204 unless `status` says otherwise."""
        return self._add("DELETE", path, **options)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


class OpRoute:
    """Serves one operation. It asks who is calling before anything else is read.

    What its handler takes is worked out when it is first called: a start must not wait for three hundred of them.
    """

    def __init__(self, op: Op) -> None:
        self.op = op
        self.method = op.method
        self.path = f"/api{op.path}"

    @cached_property
    def signature(self) -> inspect.Signature:
        """The handler's, with its annotations read. Raises `TypeError` when its first parameter is no `ask`."""
        handler = self.op.handler
        signature = inspect.signature(handler, eval_str=True)
        first = next(iter(signature.parameters.values()), None)
        if first is None or first.annotation not in (Reading, Writing):
            raise TypeError(f"{handler.__qualname__}: the first parameter is `ask: Reading` or `ask: Writing`.")
        return signature

    @cached_property
    def binding(self) -> Binding:
        """How the parameters after `ask` are filled. Raises `TypeError` for one that nobody would fill."""
        return binding.of(self.op.handler, self.op.path, list(self.signature.parameters.values())[1:])

    @cached_property
    def _is_reading(self) -> bool:
        return next(iter(self.signature.parameters.values())).annotation is Reading

    async def answer(self, request: Request, world: World) -> Response:
        """What the operation says to a request."""
        op = self.op
        caller = await _admit(request, op)
        if not op.raw and op.method != "GET":
            await _limit_body(request)
        bound = self.binding
        arguments = bound.arguments(request) if bound.binds else {}
        if self._is_reading:
            return await self._read(Reading(request, world, caller), arguments)
        return await self._write(Writing(request, world, caller), arguments)

    async def _read(self, ask: Reading, arguments: dict[str, Any]) -> Response:
        try:
            given = await self.op.handler(ask, **arguments)
        finally:
            await ask.look.close()
        return await answers.respond(ask.request, given, self.op.status)

    async def _write(self, ask: Writing, arguments: dict[str, Any]) -> Response:
        try:
            given = await self.op.handler(ask, **arguments)
            events, after = await ask.tx.commit()
        except BaseException:
            await ask.tx.roll_back()
            raise
        for effect in after:
            await effect()
        if events:
            await ask.world.publish(ask.world, events)
        return await answers.respond(ask.request, given, self.op.status)


async def _admit(request: Request, op: Op) -> Caller | None:
    caller = await identify(request, required=op.may is not None)
    if op.may is None:
        return caller
    if caller is None:
        raise Unauthenticated("Authentication required")
    if op.admin and (not caller.is_admin or caller.link is not None):
        raise Forbidden("Forbidden")
    if caller.link is not None and not op.link:
        raise Forbidden("Forbidden")
    if not caller.holds(op.may):
        raise Forbidden(f"Missing required permission: {op.may}")
    return caller


async def _limit_body(request: Request) -> None:
    """Read a JSON body into memory, at most `JSON_LIMIT_BYTES`; form-encoded bodies are taken wherever JSON is."""
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > JSON_LIMIT_BYTES:
            raise TooLarge(f"The request body is larger than {JSON_LIMIT_BYTES // 1024 // 1024} MiB.")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = bytes(received)
    if kind == "application/x-www-form-urlencoded":
        body = answers.form_as_json(body)
    if kind != "application/json" and not kind.startswith("multipart/") and body:
        headers = [(k, v) for k, v in request.scope["headers"] if k != b"content-type"]
        request.scope["headers"] = [*headers, (b"content-type", b"application/json")]
        request.__dict__.pop("_headers", None)
    request._body = body  # pyright: ignore[reportPrivateUsage] # Starlette caches the body exactly here
