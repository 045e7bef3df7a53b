"""Messages reach every process; the cache never raises."""

import asyncio
from contextlib import aclosing

import pytest

from calotype.outside.redis import Message, RedisCache, RedisPush

ABSENT = "unix:///nowhere/valkey.sock"


async def test_a_message_reaches_every_listening_process(redis_url):
    sender, first, second = (RedisPush(redis_url, channel="reach") for _ in range(3))
    async with asyncio.timeout(10), aclosing(first.subscribe()) as one, aclosing(second.subscribe()) as two:
        heard = [asyncio.ensure_future(anext(messages)) for messages in (one, two)]
        while not all(task.done() for task in heard):  # a subscription takes a moment; what is sent before it is lost
            await sender.to_user("u1", "on_asset_update", {"id": "a1"})
            await asyncio.sleep(0.02)
        assert [task.result() for task in heard] == [Message("user", "u1", "on_asset_update", [{"id": "a1"}])] * 2
    for push in (sender, first, second):
        await push.close()


async def test_a_listener_hears_again_after_the_connection_was_cut(redis_url):
    push = RedisPush(redis_url, channel="cut")
    admin = RedisCache(redis_url)
    async with asyncio.timeout(10), aclosing(push.subscribe()) as messages:
        for event in ("before", "after"):
            heard = asyncio.ensure_future(anext(messages))
            while not heard.done():
                await push.to_all(event)
                await asyncio.sleep(0.02)
                if event == "after" and admin:
                    await admin._client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
                    await admin.close()
                    admin = None
            assert heard.result().to == "all"
    await push.close()


async def test_sending_while_valkey_is_away_does_not_raise():
    push = RedisPush(ABSENT)
    await push.to_session("s1", "on_session_delete", "s1")
    await push.close()


async def test_bytes_are_remembered_and_forgotten(redis_url):
    cache = RedisCache(redis_url, prefix="bytes:")
    assert await cache.get("k") is None
    await cache.put("k", b"\x00\xff", ttl_s=60)
    assert await cache.get("k") == b"\x00\xff"
    await cache.forget("k", "never")
    assert await cache.get("k") is None
    await cache.close()


async def test_a_counter_counts_and_expires_after_its_first_step(redis_url):
    cache = RedisCache(redis_url, prefix="counter:")
    assert [await cache.count("tries", ttl_s=60) for _ in range(3)] == [1, 2, 3]
    assert 0 < await cache._client.ttl("counter:tries") <= 60
    await cache.close()


@pytest.mark.parametrize("url", [ABSENT])
async def test_a_cache_that_is_away_behaves_like_an_empty_one(url):
    cache = RedisCache(url)
    await cache.put("k", b"v", ttl_s=1)
    await cache.forget("k")
    assert await cache.get("k") is None
    assert await cache.count("k", ttl_s=1) == 0
    await cache.close()
