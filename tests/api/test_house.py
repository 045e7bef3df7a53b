"""Our own operations: health, and figures for operators."""

from dataclasses import replace

import httpx
import pytest

from calotype.core.config import Config
from calotype.core.ports import Counts
from calotype.storage.root import Root, State


async def test_a_healthy_house(house):
    stranger = house.client()
    assert (await stranger.get("/calotype/health/live")).json() == {"status": "ok"}
    assert (await stranger.get("/calotype/health/ready")).status_code == 200
    assert (await stranger.get("/calotype/health")).json() == {
        "status": "ok",
        "storage": {"state": "online", "sentence": None, "retryAfterSeconds": None},
        "database": {"state": "online"},
        "cache": {"state": "online"},
        "inference": {"state": "off"},
    }


async def test_storage_that_is_away_degrades_but_does_not_end(house):
    house.root.now = Root(State.ABSENT)
    health = (await house.client().get("/calotype/health")).json()
    assert (health["status"], health["storage"]["state"], health["storage"]["retryAfterSeconds"]) == (
        "degraded", "absent", 20,
    )  # fmt: skip
    assert health["storage"]["sentence"].startswith("The photo storage is not reachable.")
    assert (await house.client().get("/calotype/health/ready")).status_code == 200


class NoPool:
    """A database that is away."""

    async def acquire(self):
        raise ConnectionRefusedError

    async def release(self, connection) -> None: ...


async def test_without_a_database_we_live_but_are_not_ready(house):
    house.application._take(replace(house.world, pool=NoPool()))
    stranger = house.client()
    assert (await stranger.get("/calotype/health/live")).status_code == 200
    ready = await stranger.get("/calotype/health/ready")
    assert (ready.status_code, ready.headers["retry-after"]) == (503, "5")
    health = (await stranger.get("/calotype/health")).json()
    assert (health["status"], health["database"]) == ("down", {"state": "away"})


class IdleQueue:
    """A broker with nothing to do."""

    async def counts(self, queue: str) -> Counts:
        return Counts(waiting=2) if queue == "ocr" else Counts()

    async def is_paused(self, queue: str) -> bool:
        return queue == "ocr"


@pytest.fixture
def figures_of(house):
    async def get(client: str = "127.0.0.1", token: str = "", **headers: str) -> httpx.Response:
        config: Config = replace(house.world.config, metrics_token=token)
        house.application._take(replace(house.world, config=config, queue=IdleQueue()))
        transport = httpx.ASGITransport(house.application, client=(client, 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://calotype") as stranger:
            return await stranger.get("/metrics", headers=headers)

    return get


async def test_figures_are_read_on_this_machine(house, figures_of):
    await house.client().get("/server/ping")
    text = (await figures_of()).text
    assert 'calotype_requests_total{method="GET",op="pingServer",status="200"}' in text
    assert 'calotype_up{part="storage"} 1.0' in text
    assert 'calotype_queue_jobs{queue="ocr",state="waiting"} 2.0' in text
    assert 'calotype_queue_paused{queue="ocr"} 1.0' in text
    assert 'calotype_disk_free_bytes{volume="media"}' in text


async def test_elsewhere_figures_need_the_token(figures_of):
    assert (await figures_of("203.0.113.9")).status_code == 403
    assert (await figures_of("203.0.113.9", authorization="Bearer ")).status_code == 403
    assert (await figures_of("203.0.113.9", "secret", authorization="Bearer wrong")).status_code == 403
    assert (await figures_of("203.0.113.9", "secret", authorization="Bearer secret")).status_code == 200


async def test_a_proxy_does_not_make_strangers_ours(figures_of):
    assert (await figures_of(**{"x-forwarded-for": "203.0.113.9"})).status_code == 403


async def test_odd_methods_make_no_new_series(house, figures_of):
    await house.client().request("BREW", "/server/ping")
    assert 'method="BREW"' not in (await figures_of()).text


async def test_the_doctor_tells_administrators_how_things_stand(house, postgres_url, redis_url, ada):
    config = replace(house.world.config, database_url=postgres_url, redis_url=redis_url)
    house.application._take(replace(house.world, config=config))
    boss = await house.person(is_admin=True)
    found = {each["name"]: each for each in (await boss.client.get("/calotype/doctor")).json()}
    assert {"versions", "database", "schema", "valkey", "clocks", "storage", "disk"} <= set(found)
    assert found["storage"]["ok"]
    assert found["storage"]["sentence"].endswith(" ms")
    assert house.originals() == []
    assert (await ada.client.get("/calotype/doctor")).status_code == 403


async def test_the_doctor_tells_what_is_away(house, tmp_path):
    config = replace(house.world.config, database_url=f"postgresql://x@/x?host={tmp_path}", redis_url="unix:///nowhere")
    house.application._take(replace(house.world, config=config))
    boss = await house.person(is_admin=True)
    found = (await boss.client.get("/calotype/doctor")).json()
    assert {each["name"] for each in found if not each["ok"]} == {"database", "valkey"}
