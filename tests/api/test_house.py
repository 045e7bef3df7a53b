"""Our own operations: health, and figures for operators."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import httpx
import pytest

from calotype.core.config import Config
from calotype.core.ports import Counts, Job, Listed
from calotype.server import health as health_room
from calotype.server import history
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


@pytest.fixture
async def boss(house):
    yield await house.person(is_admin=True)
    await house.sql("DELETE FROM setting")


async def test_the_inference_services_of_the_settings_are_the_ones_that_are_asked(house, boss, monkeypatch):
    asked = []

    async def answers(url: str) -> bool:
        asked.append(url)
        return url == "http://second:3003"

    monkeypatch.setattr(health_room.inference, "answers", answers)
    tree = (await boss.client.get("/system-config")).json()
    tree["machineLearning"] |= {"enabled": True, "urls": ["http://first:3003", "http://second:3003"]}
    assert (await boss.client.put("/system-config", json=tree)).status_code == 200
    assert (await house.client().get("/calotype/health")).json()["inference"] == {"state": "online"}
    assert asked == ["http://first:3003", "http://second:3003"]


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


async def test_a_visit_begins_with_one_answer(house, ada, eve):
    await eve.asset()
    empty = (await ada.client.get("/calotype/opening")).json()
    assert (empty["months"], empty["first"]) == ([], None)
    old, new, archived, locked = [await ada.asset() for _ in range(4)]
    await house.sql("UPDATE asset SET local_taken = '2020-02-03', taken_at = '2020-02-03' WHERE id = $1::uuid", old)
    await house.sql("UPDATE asset SET visibility = 'archive' WHERE id = $1::uuid", archived)
    await house.sql("UPDATE asset SET visibility = 'locked' WHERE id = $1::uuid", locked)
    opening = (await ada.client.get("/calotype/opening")).json()
    query = {"visibility": "timeline", "withStacked": "true"}
    assert opening["months"] == (await ada.client.get("/timeline/buckets", params=query)).json()
    month = opening["months"][0]["timeBucket"]
    assert opening["first"]["timeBucket"] == month
    bucket = (await ada.client.get("/timeline/bucket", params={**query, "timeBucket": month})).json()
    assert opening["first"]["columns"] == bucket
    assert bucket["id"] == [new]
    assert opening["user"] == (await ada.client.get("/users/me")).json()
    assert opening["config"] == (await ada.client.get("/server/config")).json()
    assert opening["features"] == (await ada.client.get("/server/features")).json()
    assert (await house.client().get("/calotype/opening")).status_code == 401


@dataclass
class Broker:
    """A broker that kept some failures."""

    kept: dict[str, list[Listed]]
    jobs_put: list[Job] = field(default_factory=list)

    async def put(self, jobs: Sequence[Job]) -> None:
        self.jobs_put += jobs

    async def jobs(self, queue: str, states: Sequence[str], limit: int) -> list[Listed]:
        assert states == ["failed"]
        return self.kept.get(queue, [])

    async def counts(self, queue: str) -> Counts:
        return {"metadataExtraction": Counts(waiting=2, active=1), "backgroundTask": Counts(waiting=9)}.get(
            queue, Counts()
        )


@pytest.fixture
async def failed(house, ada):
    """A photo that broke in two steps, one of which the broker keeps as well, and a job that has nothing to do with it."""
    photo = await ada.asset(name="broken.jpg")
    await house.sql(
        """INSERT INTO asset_problem (asset_id, step, reason, attempts, at)
           VALUES ($1::uuid, 'previews', 'It ends too early.', 3, now()), ($1::uuid, 'checksum', 'It differs.', 1, now())""",
        photo,
    )
    broker = Broker(
        {
            "thumbnailGeneration": [Listed("7", "AssetGenerateThumbnails", {"id": photo}, 1000, "failed", "Error")],
            "backgroundTask": [Listed("nightly-1", "SessionCleanup", {}, 2000, "failed", "The database went away.")],
        }
    )
    house.world = replace(house.world, queue=broker)
    house.application._take(house.world)
    yield photo, broker
    await house.sql("DELETE FROM asset_problem")


async def test_each_failure_is_told_once_and_names_are_not_for_others(house, ada, failed):
    photo, _ = failed
    boss = await house.person(is_admin=True)
    found = (await boss.client.get("/calotype/failures")).json()
    assert {(each["assetId"], each["step"], each["attempts"], each["fileName"]) for each in found["photos"]} == {
        (photo, "previews", 3, None), (photo, "checksum", 1, None),
    }  # fmt: skip
    assert found["photoCount"] == 2
    assert [(job["queue"], job["name"], job["reason"]) for job in found["jobs"]] == [
        ("backgroundTask", "SessionCleanup", "The database went away.")
    ]
    assert (await ada.client.get("/calotype/failures")).status_code == 403
    assert (await ada.client.post("/calotype/failures/retry", json={})).status_code == 403


async def test_administrators_see_the_names_of_their_own_files_outside_the_locked_folder(house, failed):
    photo, _ = failed
    boss = await house.person(is_admin=True)
    await house.sql("UPDATE asset SET owner_id = $1 WHERE id = $2::uuid", boss.id, photo)
    names = {each["fileName"] for each in (await boss.client.get("/calotype/failures")).json()["photos"]}
    assert names == {"broken.jpg"}
    await house.sql("UPDATE asset SET visibility = 'locked' WHERE id = $1::uuid", photo)
    names = {each["fileName"] for each in (await boss.client.get("/calotype/failures")).json()["photos"]}
    assert names == {None}


async def test_all_failures_can_be_tried_again_at_once(house, failed):
    photo, broker = failed
    boss = await house.person(is_admin=True)
    assert (await boss.client.post("/calotype/failures/retry", json={})).json() == {"count": 2}
    assert {(job.name, job.id) for job in broker.jobs_put} == {
        ("AssetGenerateThumbnails", "7"), ("SessionCleanup", "nightly-1"),
    }  # fmt: skip
    assert await house.sql("SELECT step FROM asset_problem WHERE asset_id = $1::uuid", photo) == []


async def test_one_failure_can_be_tried_again_alone(house, failed):
    photo, broker = failed
    boss = await house.person(is_admin=True)
    job = {"queue": "backgroundTask", "id": "nightly-1"}
    assert (await boss.client.post("/calotype/failures/retry", json={"jobs": [job]})).json() == {"count": 1}
    assert [each.name for each in broker.jobs_put] == ["SessionCleanup"]
    assert len(await house.sql("SELECT step FROM asset_problem WHERE asset_id = $1::uuid", photo)) == 2
    broker.kept.clear()
    answer = await boss.client.post("/calotype/failures/retry", json={"assetIds": [photo]})
    assert answer.json() == {"count": 1}
    assert broker.jobs_put[-1] == Job("AssetGenerateThumbnails", "thumbnailGeneration", {"id": photo})
    nonsense = await boss.client.post("/calotype/failures/retry", json={"assetIds": ["x"]})
    assert nonsense.status_code == 400
    assert nonsense.json()["errors"][0]["path"] == ["assetIds", 0]


async def test_depths_are_noted_once_a_minute_whoever_comes_first_and_kept_for_a_day(house, failed):
    world = house.world
    await history.note_depth(world)
    await history.note_depth(world)
    assert [depth for _, depth in await history.depths(world)] == [3]
    now_s = int(world.clock.now().timestamp())
    old = [[now_s - 60 * (history.KEPT - i), 0] for i in range(history.KEPT)]
    await world.cache.put(history.KEY, json.dumps(old).encode(), ttl_s=60)
    await history.note_depth(world)
    boss = await house.person(is_admin=True)
    depths = (await boss.client.get("/calotype/history")).json()["depths"]
    assert len(depths) == history.KEPT
    assert depths[-1] == {"at": now_s, "open": 3}


async def test_uploads_are_counted_by_the_day_they_arrived(house, ada):
    now = house.world.clock.now()
    yesterday, today, long_ago = [await ada.asset() for _ in range(3)]
    for photo, days, size in ((yesterday, 1, 100), (today, 0, 50), (long_ago, 100, 7)):
        arrived = now - timedelta(days=days)
        await house.sql("UPDATE asset SET created_at = $1, size_bytes = $2 WHERE id = $3::uuid", arrived, size, photo)
    boss = await house.person(is_admin=True)
    days = {each["day"]: each for each in (await boss.client.get("/calotype/history")).json()["uploads"]}
    assert days[(now - timedelta(days=1)).date().isoformat()]["bytes"] >= 100
    assert days[now.date().isoformat()]["files"] >= 1
    assert (now - timedelta(days=100)).date().isoformat() not in days
    assert (await ada.client.get("/calotype/history")).status_code == 403
