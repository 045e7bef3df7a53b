"""A thin router: `@assets.get("/assets/{id}", may="asset.read")`.

Every operation says who may call it. The door knows the caller before it looks at the body, gives the handler its unit of
work, commits when the handler ends well, and only then answers and lets events leave.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Router
from starlette.types import Receive, Scope, Send

from calotype.api import answers, binding
from calotype.api.binding import Binding
from calotype.api.call import Reading, Writing
from calotype.api.caller import identify
from calotype.core.errors import Forbidden, TooLarge, Unauthenticated

JSON_LIMIT_BYTES = 10 * 1024 * 1024

Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Op:
    """One operation. `may` is its permission (`any`: every credential, `all`: keys that hold everything, `None`: public).

    `link`: open to shared links. `admin`: administrators only. `raw`: the handler reads the body itself, unlimited.
    `shape`: what the document says of the answer, where the handler returns finished bytes.
    `hidden`: not in the OpenAPI document (a second method for the same operation).
    """

    method: str
    path: str
    name: str
    tag: str
    may: str | None
    admin: bool
    link: bool
    status: int
    raw: bool
    hidden: bool
    handler: Handler
    shape: Any = None


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
    ) -> Callable[[Handler], Handler]:
        if (may is None) != public:
            raise ValueError(f"{method} {path}: an operation is either public or says what it needs.")

        def register(handler: Handler) -> Handler:
            usual = {"POST": 201, "DELETE": 204}.get(method, 200)
            operation = name or _camel(handler.__name__)
            for verb in (method, *also):
                hidden = verb != method
                OPERATIONS.append(
                    Op(verb, path, operation, self.tag, may, admin, link, status or usual, raw, hidden, handler, shape)
                )
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


class OpRoute(APIRoute):
    """A FastAPI route for the document's sake; serving asks who is calling before anything else is read."""

    op: Op

    call: Callable[..., Awaitable[Response]]
    binding: Binding

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def handle(request: Request) -> Response:
            route: OpRoute = request.scope["route"]
            op = route.op
            request.state.caller = await _admit(request, op)
            if not op.raw and op.method != "GET":
                await _limit_body(request)
            return await route.call(request, **await route.binding.arguments(request))

        return handle


async def _admit(request: Request, op: Op) -> Any:
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


def route(op: Op) -> OpRoute:
    """The route that serves an operation."""
    handler = op.handler
    signature = inspect.signature(handler, eval_str=True)
    first, *rest = signature.parameters.values()
    kind = first.annotation
    if kind not in (Reading, Writing):
        raise TypeError(f"{handler.__qualname__}: the first parameter is `ask: Reading` or `ask: Writing`.")

    if kind is Reading:

        async def endpoint(request: Request, **arguments: Any) -> Response:
            ask = Reading(request, request.app.state.world, request.state.caller)
            try:
                answer = await handler(ask, **arguments)
            finally:
                await ask.look.close()
            return await answers.respond(request, answer, op.status)
    else:

        async def endpoint(request: Request, **arguments: Any) -> Response:
            world = request.app.state.world
            ask = Writing(request, world, request.state.caller)
            try:
                answer = await handler(ask, **arguments)
                events, after = await ask.tx.commit()
            except BaseException:
                await ask.tx.roll_back()
                raise
            for effect in after:
                await effect()
            if events:
                await world.publish(world, events)
            return await answers.respond(request, answer, op.status)

    asked = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
    endpoint.__signature__ = inspect.Signature([asked, *rest])  # type: ignore[attr-defined]
    endpoint.__name__ = handler.__name__
    endpoint.__doc__ = handler.__doc__
    shape = signature.return_annotation if op.shape is None else op.shape
    documented = shape if _is_documented(shape) else None
    made = OpRoute(
        f"/api{op.path}",
        endpoint,
        methods=[op.method],
        operation_id=op.name,
        tags=[op.tag],
        status_code=op.status,
        response_model=documented,
        include_in_schema=not op.hidden,
        openapi_extra={"x-permission": op.may, "x-admin": op.admin, "x-shared-link": op.link},
    )
    made.op, made.call, made.binding = op, endpoint, binding.of(handler, op.path, rest)
    made.path_regex = re.compile(made.path_regex.pattern, re.IGNORECASE)
    return made


def _is_documented(shape: Any) -> bool:
    if shape in (None, inspect.Signature.empty, Any, bytes):
        return False
    return not (inspect.isclass(shape) and issubclass(shape, Response))


class IndexedRouter(Router):
    """Looks at the first word of the path, then only at the routes that begin with it.

    Trying 270 routes one by one costs five times the answer of the first (docs/decisions). Literal words match in any
    case, and a trailing slash is tolerated, as clients expect.
    """

    def __init__(self, routes: list[OpRoute]) -> None:
        super().__init__()
        self._by_word: dict[str, list[OpRoute]] = {}
        # Literal paths first: `/people/merge` must not be read as `/people/{id}`.
        for each in sorted(routes, key=lambda r: r.path.count("{")):
            word = each.path.split("/")[2].lower()
            self._by_word.setdefault(word, []).append(each)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if len(path) > 1 and path.endswith("/"):
            path = path.rstrip("/")
            scope["path"] = path
        words = path.split("/", 3)
        candidates = self._by_word.get(words[2].lower(), []) if len(words) > 2 else []
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        for each in candidates:
            if method != each.op.method:
                continue
            if method != scope["method"]:
                match, child = each.matches({**scope, "method": method})
            else:
                match, child = each.matches(scope)
            if match is Match.FULL:
                scope["route"] = each
                scope.update(child)
                if method != scope["method"]:
                    scope["method"] = method
                    scope["calotype.head"] = True
                await each.handle(scope, receive, send)
                return
        raise NoRoute


class NoRoute(Exception):
    """Nothing is served under this path with this method."""
