"""What Valkey does for us besides jobs: messages to every process with live connections, and short-lived bytes."""
# redis-py leaves some keyword arguments untyped.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from redis import exceptions
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from calotype.core.errors import Offline
from calotype.core.log import say

CHANNEL = "calotype:push"
AWAY = (exceptions.RedisError, OSError, asyncio.TimeoutError)
RECONNECT_S = 0.5
SILENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Message:
    """What one process tells all others. `to` says whom `key` names; an event for everybody has an empty key."""

    to: Literal["user", "session", "all"]
    key: str
    event: str
    arguments: list[Any]


def pool_of(url: str, *, size: int, wait_s: float | None, timeout_s: float, patience_s: float, text: bool) -> Any:
    """Connections to Valkey, opened when needed.

    Past `size` of them a caller waits `wait_s` for one that is free, or without a `wait_s` is refused. An answer may
    take `timeout_s`; what was cut off is tried again for about `patience_s`. `text`: answers are decoded.
    """
    options: dict[str, Any] = {
        "max_connections": size,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": min(2.0, timeout_s),
        "decode_responses": text,
        "retry": Retry(ExponentialBackoff(cap=patience_s / 3, base=patience_s / 20), 4),
    }
    if not url.startswith("unix:"):
        options["socket_keepalive"] = True  # notices a peer that vanished without a word; unknown to unix sockets
    if wait_s is None:
        return ConnectionPool.from_url(url, **options)
    return BlockingConnectionPool.from_url(url, timeout=wait_s, **options)


def connect(url: str) -> Redis:
    """A client that answers within about two seconds or gives up: for what may be missing without harm."""
    return Redis.from_pool(pool_of(url, size=8, wait_s=1, timeout_s=1, patience_s=0.1, text=False))


class RedisPush:
    """`core.ports.Push` over publish and subscribe."""

    def __init__(self, url: str, *, channel: str = CHANNEL) -> None:
        self._client = connect(url)
        self._channel = channel

    async def to_user(self, user_id: str, event: str, *arguments: Any) -> None:
        """To every connection of a user."""
        await self._send(Message("user", str(user_id), event, list(arguments)))

    async def to_session(self, session_id: str, event: str, *arguments: Any) -> None:
        """To the connections of one session."""
        await self._send(Message("session", str(session_id), event, list(arguments)))

    async def to_all(self, event: str, *arguments: Any) -> None:
        """To every connection."""
        await self._send(Message("all", "", event, list(arguments)))

    async def _send(self, message: Message) -> None:
        body = json.dumps([message.to, message.key, message.event, message.arguments], default=str)
        try:
            await self._client.publish(self._channel, body)
        except AWAY as error:
            say("push_lost", level=logging.WARNING, name=message.event, problem=type(error).__name__)

    async def subscribe(self) -> AsyncIterator[Message]:
        """Every message from now on, for ever. What is sent while Valkey is away is lost, as a live picture may be."""
        while True:
            try:
                async for message in self._listen():
                    yield message
            except AWAY:
                await asyncio.sleep(RECONNECT_S)

    async def _listen(self) -> AsyncIterator[Message]:
        async with self._client.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(self._channel)
            while True:
                found: Any = await pubsub.get_message(timeout=SILENCE_S)
                if found is None:
                    await pubsub.ping()  # a peer that vanished without a word is noticed here
                elif found.get("type") == "message":
                    with contextlib.suppress(ValueError, TypeError):  # a foreign publisher is no reason to stop
                        yield Message(*json.loads(found["data"]))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class RedisCache:
    """`core.ports.Cache`. Keys are ours: they carry a prefix, and an expiry always."""

    def __init__(self, url: str, *, prefix: str = "calotype:cache:") -> None:
        self._client = connect(url)
        self._prefix = prefix

    async def get(self, key: str) -> bytes | None:
        """The bytes, or `None` when there are none or Valkey is away."""
        try:
            found = await self._client.get(self._prefix + key)
        except AWAY:
            return None
        return found if isinstance(found, bytes) else None

    async def put(self, key: str, value: bytes, *, ttl_s: int) -> None:
        """Remember for `ttl_s` seconds, or not."""
        with contextlib.suppress(*AWAY):
            await self._client.set(self._prefix + key, value, ex=ttl_s)

    async def count(self, key: str, *, ttl_s: int) -> int:
        """Add one to a counter that forgets `ttl_s` after its first step, and return it; 0 when Valkey is away."""
        try:
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.set(self._prefix + key, 0, ex=ttl_s, nx=True)
                pipe.incr(self._prefix + key)
                return int((await pipe.execute())[1])
        except AWAY:
            return 0

    async def forget(self, *keys: str) -> None:
        """Drop them, if they are there."""
        if keys:
            with contextlib.suppress(*AWAY):
                await self._client.delete(*(self._prefix + key for key in keys))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a broker says about itself. `eviction_policy` is empty where it may not be asked."""

    software: str
    round_trip_s: float
    time: datetime
    eviction_policy: str
    is_durable: bool


async def facts(url: str) -> Facts:
    """Ask a broker about itself. Raises `Offline` when it does not answer."""
    client = connect(url)
    try:
        info: Any = await client.info()
        began = time.perf_counter()
        seconds, micros = await client.time()
        took_s = time.perf_counter() - began
    except AWAY as error:
        raise Offline(f"Valkey is not reachable ({type(error).__name__}).") from error
    finally:
        await client.aclose()
    name, version = info.get("server_name", "redis"), info.get("valkey_version") or info.get("redis_version")
    return Facts(
        software=f"{str(name).capitalize()} {version}",
        round_trip_s=took_s,
        time=datetime.fromtimestamp(seconds + micros / 1e6, UTC),
        eviction_policy=str(info.get("maxmemory_policy", "")),
        is_durable=info.get("aof_enabled") == 1,
    )
