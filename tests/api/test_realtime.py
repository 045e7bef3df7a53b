"""The live connection, over real servers: two HTTP processes share one Valkey, and each message finds its reader."""

import asyncio
import contextlib
import socket
from dataclasses import replace
from typing import Any

import httpx
import pytest
import socketio
from granian.constants import HTTPModes, Interfaces
from granian.server.embed import Server

from calotype.api import app
from calotype.outside.redis import RedisPush

PATIENCE_S = 10


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
async def servers(house, redis_url):
    """Two servers on the same world, each with connections to Valkey of its own."""
    urls, closing = [], contextlib.AsyncExitStack()
    async with closing:
        for _ in range(2):
            push = RedisPush(redis_url, channel="live-test")
            closing.push_async_callback(push.close)
            application = app.create(replace(house.world, push=push))
            port = free_port()
            server = Server(
                application,
                address="127.0.0.1",
                port=port,
                interface=Interfaces.ASGI,
                http=HTTPModes.http1,
                websockets=True,
                log_enabled=False,
            )
            task = asyncio.create_task(server.serve())
            closing.push_async_callback(asyncio.wait_for, task, PATIENCE_S)
            closing.callback(server.stop)
            urls.append(f"http://127.0.0.1:{port}")
            await _answers(urls[-1])
        await asyncio.sleep(0.2)  # until both have subscribed: what is sent before is meant for nobody
        yield urls


async def _answers(url: str) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(httpx.TransportError):
                await client.get(f"{url}/api/server/ping")
                return
            await asyncio.sleep(0.05)


class Listener:
    """A client that notes what arrives."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self.heard: asyncio.Queue[tuple[str, tuple[Any, ...]]] = asyncio.Queue()
        self.client.on("*", self._hear)
        self.client.on("error", lambda *arguments: self.heard.put_nowait(("error", arguments)))
        self.client.on("disconnect", lambda *_: self.heard.put_nowait(("disconnect", ())))

    async def _hear(self, event: str, *arguments: Any) -> None:
        self.heard.put_nowait((event, arguments))

    async def next(self) -> tuple[str, tuple[Any, ...]]:
        async with asyncio.timeout(PATIENCE_S):
            return await self.heard.get()


@pytest.fixture
async def listen():
    made: list[Listener] = []

    async def connect(url: str, **headers: str) -> Listener:
        listener = Listener()
        made.append(listener)
        await listener.client.connect(url, headers=headers, socketio_path="/api/socket.io", transports=["websocket"])
        return listener

    yield connect
    for listener in made:
        await listener.client.disconnect()
        await listener.client.shutdown()


def credential(person) -> dict[str, str]:
    return {"authorization": person.client.headers["authorization"]}


VERSION = ("on_server_version", ({"major": 3, "minor": 2, "patch": 2, "prerelease": None},))


async def test_messages_reach_their_readers_whatever_server_they_are_connected_to(house, servers, listen, redis_url):
    ada, eve = await house.person(), await house.person()
    one, two = await listen(servers[0], **credential(ada)), await listen(servers[1], **credential(ada))
    other = await listen(servers[1], **credential(eve))
    for each in (one, two, other):
        assert await each.next() == VERSION
    push = RedisPush(redis_url, channel="live-test")
    await push.to_user(str(ada.id), "on_asset_trash", ["a", "b"])
    await push.to_session(str(eve.session_id), "on_session_delete", str(eve.session_id))
    await push.to_all("on_config_update")
    for each in (one, two):
        assert await each.next() == ("on_asset_trash", (["a", "b"],))
        assert await each.next() == ("on_config_update", ())
    assert await other.next() == ("on_session_delete", (str(eve.session_id),))
    assert await other.next() == ("on_config_update", ())
    await push.close()


async def test_a_cookie_signs_in_and_an_api_key_needs_everything(house, servers, listen):
    ada = await house.person()
    token = ada.client.headers["authorization"].removeprefix("Bearer ")
    assert await (await listen(servers[0], cookie=f"immich_access_token={token}")).next() == VERSION
    for permissions, first in ((["all"], "on_server_version"), (["asset.read"], "error")):
        made = await ada.client.post("/api-keys", json={"name": "live", "permissions": permissions})
        listener = await listen(servers[0], **{"x-api-key": made.json()["secret"]})
        assert (await listener.next())[0] == first


async def test_strangers_hear_why_and_are_let_go(servers, listen):
    listener = await listen(servers[0], authorization="Bearer nonsense")
    assert await listener.next() == ("error", ("unauthorized",))
    assert (await listener.next())[0] == "disconnect"


async def test_query_strings_do_not_sign_in(house, servers, listen):
    ada = await house.person()
    token = ada.client.headers["authorization"].removeprefix("Bearer ")
    listener = await listen(f"{servers[0]}?sessionKey={token}")
    assert await listener.next() == ("error", ("unauthorized",))


async def test_another_website_cannot_ride_on_the_cookie(house, servers, listen):
    ada = await house.person()
    token = ada.client.headers["authorization"].removeprefix("Bearer ")
    cookie = {"cookie": f"immich_access_token={token}", "sec-fetch-site": "cross-site"}
    assert await (await listen(servers[0], **cookie)).next() == ("error", ("unauthorized",))


async def test_polling_is_not_a_transport_we_know(house):
    for method, query in (("GET", "?EIO=4&transport=polling"), ("POST", "?EIO=4&transport=polling"), ("GET", "")):
        answer = await house.client().request(method, f"/socket.io/{query}")
        assert (answer.status_code, answer.json()) == (400, {"code": 0, "message": "Transport unknown"})
