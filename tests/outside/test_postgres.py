"""The connection pool: bounded, fair, healing, and closed in bounded time."""

import asyncio
import time

import asyncpg
import pytest

from calotype.outside import postgres
from calotype.outside.postgres import PgPool


@pytest.fixture
async def url(postgres_url_of) -> str:
    return await postgres_url_of("pool")


@pytest.fixture
async def pool(url):
    made = PgPool(url, size=2)
    yield made
    await made.close()


async def pid(connection) -> int:
    return await connection.fetchval("SELECT pg_backend_pid()")


async def test_a_connection_given_back_serves_the_next(pool):
    first = await pool.acquire()
    before = await pid(first)
    await pool.release(first)
    second = await pool.acquire()
    assert await pid(second) == before
    await pool.release(second)


async def test_json_goes_in_and_out(pool):
    connection = await pool.acquire()
    assert await connection.fetchval("SELECT $1::jsonb", {"a": [1]}) == {"a": [1]}
    await pool.release(connection)


async def test_who_waits_longest_is_served_first(pool):
    held = [await pool.acquire(), await pool.acquire()]
    order: list[str] = []

    async def take(name: str) -> None:
        connection = await pool.acquire()
        order.append(name)
        await pool.release(connection)

    tasks = []
    for name in ("first", "second", "third"):
        tasks.append(asyncio.create_task(take(name)))
        await asyncio.sleep(0)
    for connection in held:
        await pool.release(connection)
    # Who comes now does not overtake those who waited.
    await asyncio.gather(*tasks, take("late"))
    assert order[:2] == ["first", "second"]
    assert set(order) == {"first", "second", "third", "late"}


async def test_nobody_waits_for_ever(pool, monkeypatch):
    monkeypatch.setattr(postgres, "ACQUIRE_TIMEOUT_S", 0.05)
    held = [await pool.acquire(), await pool.acquire()]
    with pytest.raises(TimeoutError):
        await pool.acquire()
    for connection in held:
        await pool.release(connection)
    again = [await pool.acquire(), await pool.acquire()]  # who gave up took no place along
    for connection in again:
        await pool.release(connection)


async def test_who_leaves_as_the_turn_comes_hands_it_on(pool):
    held = [await pool.acquire(), await pool.acquire()]
    leaving, staying = asyncio.create_task(pool.acquire()), asyncio.create_task(pool.acquire())
    await asyncio.sleep(0)
    await pool.release(held[0])
    leaving.cancel()
    assert await asyncio.wait_for(staying, 1) is held[0]
    await pool.release(held[0])
    await pool.release(held[1])


async def test_connections_that_died_are_replaced(pool, url):
    held = [await pool.acquire(), await pool.acquire()]
    for connection in held:
        await pool.release(connection)
    killer = await asyncpg.connect(url)
    await killer.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> $1",
        await pid(killer),
    )
    await killer.close()
    await asyncio.sleep(0.1)
    for _ in range(2):
        connection = await pool.acquire()
        assert await connection.fetchval("SELECT 1") == 1
        await pool.release(connection)


async def test_a_transaction_that_did_not_end_is_nobody_elses(pool):
    left = await pool.acquire()
    await left.execute("BEGIN")
    before = await pid(left)
    await pool.release(left)
    fresh = await pool.acquire()
    assert await pid(fresh) != before
    assert not fresh.is_in_transaction()
    await pool.release(fresh)


async def test_idle_connections_are_closed_after_a_while(url, monkeypatch):
    monkeypatch.setattr(postgres, "IDLE_S", 0.05)
    pool = PgPool(url, size=2)
    connection = await pool.acquire()
    await pool.release(connection)
    await asyncio.sleep(0.2)
    assert connection.is_closed()
    again = await pool.acquire()
    assert await again.fetchval("SELECT 1") == 1
    await pool.release(again)
    await pool.close()


async def test_closing_waits_for_nobody_longer_than_its_limit(url, monkeypatch):
    monkeypatch.setattr(postgres, "CLOSE_TIMEOUT_S", 0.2)
    pool = PgPool(url, size=1)
    stuck = await pool.acquire()
    statement = asyncio.create_task(stuck.execute("SELECT pg_sleep(30)"))
    waiting = asyncio.create_task(pool.acquire())
    await asyncio.sleep(0.05)
    begun = time.monotonic()
    await pool.close()
    assert time.monotonic() - begun < 5
    for task in (statement, waiting):
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await task


async def test_closing_waits_for_a_statement_that_ends_soon(url):
    pool = PgPool(url, size=1)
    connection = await pool.acquire()

    async def work() -> int:
        try:
            await connection.execute("SELECT pg_sleep(0.1)")
            return 1
        finally:
            await pool.release(connection)

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    await pool.close()
    assert working.done()
    assert await working == 1
