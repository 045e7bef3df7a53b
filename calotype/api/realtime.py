"""The live connection: socket.io over websocket. Messages reach us through `Push`, from whatever process sent them."""
# python-socketio has no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol
from urllib.parse import parse_qs

import socketio
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from calotype.accounts.caller import Caller
from calotype.api.caller import identify_headers
from calotype.core import log
from calotype.core.errors import Problem
from calotype.core.world import World
from calotype.server import about

PATH = "/api/socket.io"
QUIET_S = 1.0


class Message(Protocol):
    """What another process asks us to pass on (`outside/redis.py`)."""

    @property
    def to(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def event(self) -> str: ...
    @property
    def arguments(self) -> list[Any]: ...


class Live:
    """Serves `/api/socket.io`. A connection is in the room of its user and, when signed in, of its session."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._server: Any = socketio.AsyncServer(
            async_mode="asgi",
            transports=["websocket"],
            # Cookies are SameSite=Lax, so another site's page connects as a stranger; apps send no origin at all.
            cors_allowed_origins="*",
            allow_upgrades=False,
        )
        self._server.on("connect", self._connect)
        self._app: Any = socketio.ASGIApp(self._server, socketio_path=PATH)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("transport", [""])[0]
        if scope["type"] == "http" and transport != "websocket":
            await JSONResponse({"code": 0, "message": "Transport unknown"}, 400)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Pass messages on while the block runs."""
        subscribe: Callable[[], AsyncIterator[Message]] | None = getattr(self._world.push, "subscribe", None)
        task = asyncio.create_task(self._pass_on(subscribe)) if subscribe else None
        try:
            yield
        finally:
            if task:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await self._server.shutdown()

    async def _connect(self, sid: str, environ: dict[str, Any]) -> None:
        caller = await self._admit(environ["asgi.scope"])
        if caller is None:
            # The connection must stand before it can carry the reason, so this happens after we answered.
            self._server.start_background_task(self._turn_away, sid)
            return
        await self._server.enter_room(sid, _user_room(str(caller.user_id)))
        if caller.session is not None:
            await self._server.enter_room(sid, _session_room(str(caller.session.id)))
        self._server.start_background_task(self._greet, sid)

    async def _admit(self, scope: Scope) -> Caller | None:
        request = Request({**scope, "type": "http", "method": "GET"})
        try:
            # As a POST: a page of another website must not ride on our cookie.
            caller = await identify_headers(self._world, request.headers, {}, request.cookies, method="POST")
        except Problem:
            return None
        return caller if caller.link is None and caller.holds("all") else None

    async def _turn_away(self, sid: str) -> None:
        await self._server.emit("error", "unauthorized", to=sid)
        await self._server.disconnect(sid)

    async def _greet(self, sid: str) -> None:
        await self._server.emit("on_server_version", about.version_numbers(), to=sid)

    async def _pass_on(self, subscribe: Callable[[], AsyncIterator[Message]]) -> None:
        while True:
            try:
                async for message in subscribe():
                    await self._emit(message)
            except Exception as error:  # whatever one message does, the next ones must arrive
                log.say("bug", level=logging.ERROR, error=error, where="realtime")
            await asyncio.sleep(QUIET_S)

    async def _emit(self, message: Message) -> None:
        rooms = {"user": _user_room, "session": _session_room}
        room = rooms[message.to](message.key) if message.to in rooms else None
        # A tuple becomes several arguments; an empty one none.
        await self._server.emit(message.event, tuple(message.arguments), room=room)


def _user_room(user_id: str) -> str:
    return f"user:{user_id}"


def _session_room(session_id: str) -> str:
    return f"session:{session_id}"
