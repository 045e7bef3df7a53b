"""The HTTP door as one ASGI application: API, live connection, metrics, web files."""

import asyncio
import contextlib
import importlib
import logging
import pkgutil
import re
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from starlette.datastructures import State
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import calotype.api
from calotype.api import explorer, metrics, problems, realtime, web
from calotype.api.multipart import DRAIN_BYTES
from calotype.api.op import OPERATIONS, OpRoute
from calotype.api.request import Request
from calotype.api.router import Router
from calotype.core import log
from calotype.core.world import World

Wiring = Callable[[], AbstractAsyncContextManager[World]]

DRAIN_S = 60.0
CORRELATION_ID = re.compile(r"[\x21-\x7e]{1,128}")


def _load_doors() -> None:
    """Import every file of this package, so that each declares its operations."""
    for module in pkgutil.iter_modules(calotype.api.__path__):
        importlib.import_module(f"calotype.api.{module.name}")


def routes() -> list[OpRoute]:
    """The routes of every declared operation."""
    _load_doors()
    return [OpRoute(op) for op in OPERATIONS]


class Application:
    """Takes each request to the part that serves it, with one log line and a correlation id."""

    def __init__(self, wiring: Wiring | None = None, world: World | None = None) -> None:
        self.state = State()  # where requests find the world: `request.app.state.world`
        self.router = Router(routes())
        self._wiring = wiring
        self._web: ASGIApp = web.Site()
        self._socket: realtime.Live | None = None
        if world is not None:
            self._take(world)

    def _take(self, world: World) -> None:
        self.state.world = world
        self._socket = realtime.Live(world)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        path: str = scope["path"]
        scope["app"] = self
        if path.startswith("/api/socket.io"):
            assert self._socket is not None
            await self._socket(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        async with AsyncExitStack() as stack:
            while True:
                message = await receive()
                if message["type"] == "lifespan.startup":
                    try:
                        if self._wiring is not None:
                            self._take(await stack.enter_async_context(self._wiring()))
                        assert self._socket is not None
                        await stack.enter_async_context(self._socket.running())
                    except BaseException as error:
                        log.say("start-failed", level=logging.ERROR, error=error)
                        await send({"type": "lifespan.startup.failed", "message": str(error)})
                        raise
                    await send({"type": "lifespan.startup.complete"})
                else:
                    break
        await send({"type": "lifespan.shutdown.complete"})

    @asynccontextmanager
    async def running(self) -> AsyncGenerator["Application", None]:
        """For tests and embedders that do not speak the lifespan protocol."""
        assert self._socket is not None
        async with self._socket.running():
            yield self

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        body = Body(receive)
        request = Request(scope, body)
        correlation = request.headers.get("x-correlation-id", "")
        if not CORRELATION_ID.fullmatch(correlation):
            correlation = secrets.token_urlsafe(6)
        path = scope["path"]
        is_api = path.startswith("/api/") or path[:5].lower() == "/api/" or path.lower() == "/api"
        is_head = scope["method"] == "HEAD"
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if is_api:
                    message["headers"] = [*message["headers"], (b"x-correlation-id", correlation.encode())]
            elif is_head and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        try:
            respond: ASGIApp = await self._api(request) if is_api else await self._outside_api(request)
            await respond(scope, body, answer)
        except BaseException as error:
            if status or not isinstance(error, Exception):
                raise
            await problems.render(Request(scope), error)(scope, body, answer)
        finally:
            took = time.perf_counter() - begun
            route: OpRoute | None = scope.get("route")
            name = route.op.name if route else ("web" if not is_api else "unknown")
            metrics.count_request(name, scope["method"], status, took)
            log.say("request", op=name, method=scope["method"], status=status, ms=took * 1000, id=correlation)
        if "transfer-encoding" in request.headers or request.headers.get("content-length", "0") != "0":
            await body.drain()

    async def _api(self, request: Request) -> Response:
        scope = request.scope
        if (method := scope["method"]) == "HEAD":
            method, scope["method"], scope["calotype.head"] = "GET", "GET", True
        route, scope["path_params"] = self.router.find(method, scope["path"])
        scope["route"] = route
        return await route.answer(request, self.state.world)

    async def _outside_api(self, request: Request) -> ASGIApp:
        own = OUTSIDE_API.get(request.scope["path"])
        if own is not None and request.scope["method"] in ("GET", "HEAD"):
            return await own(request)
        return self._web


class Body:
    """What a client sends, and whether there is more of it."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_over = False

    async def __call__(self) -> Message:
        message = await self._receive()
        self._is_over = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def drain(self) -> None:
        """Take in, within reason, what was sent for nothing after the answer left.

        Who is answered before the body was read may still be sending it; if the connection closed now, most clients
        would report a broken pipe and never look at the answer.
        """
        left = DRAIN_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while not self._is_over and left > 0:
                    left -= len((await self()).get("body", b""))


OUTSIDE_API: dict[str, Callable[[Request], Awaitable[Any]]] = {
    "/metrics": metrics.answer,
    "/.well-known/immich": web.discovery,
    "/custom.css": web.custom_css,
    "/doc": explorer.answer,
}


def create(world: World) -> Application:
    """The application on a world that somebody else opened and will close (tests, embedders)."""
    return Application(world=world)
