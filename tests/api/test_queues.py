"""Queues and jobs, as administrators turn them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from calotype.core.jobs import QUEUES
from calotype.core.ports import Counts, Job, Listed

ZERO = {"active": 0, "completed": 0, "failed": 0, "delayed": 0, "waiting": 0, "paused": 0}


@dataclass
class Broker:
    """A queue that remembers what it was told."""

    jobs_put: list[Job] = field(default_factory=list)
    counted: dict[str, Counts] = field(default_factory=dict)
    listed: list[Listed] = field(default_factory=list)
    paused: set[str] = field(default_factory=set)
    told: list[tuple[str, str]] = field(default_factory=list)

    async def put(self, jobs: Sequence[Job]) -> None:
        self.jobs_put += jobs

    async def counts(self, queue: str) -> Counts:
        return self.counted.get(queue, Counts())

    async def is_paused(self, queue: str) -> bool:
        return queue in self.paused

    async def pause(self, queue: str) -> None:
        self.paused.add(queue)

    async def resume(self, queue: str) -> None:
        self.paused.discard(queue)

    async def jobs(self, queue: str, states: Sequence[str], limit: int) -> list[Listed]:
        return [each for each in self.listed if each.state in states]

    async def empty(self, queue: str) -> None:
        self.told.append(("empty", queue))

    async def clear_failed(self, queue: str) -> None:
        self.told.append(("clear-failed", queue))


@pytest.fixture
def broker(house) -> Broker:
    made = Broker()
    house.world = replace(house.world, queue=made)
    house.application._take(house.world)
    return made


@pytest.fixture
async def boss(house, broker):
    return await house.person(is_admin=True)


async def test_every_queue_in_the_published_order(boss):
    queues = (await boss.client.get("/queues")).json()
    assert [queue["name"] for queue in queues] == list(QUEUES)
    assert queues[0] == {"name": "thumbnailGeneration", "isPaused": False, "statistics": ZERO}


async def test_the_older_form(boss, broker):
    broker.counted["ocr"] = Counts(active=1, waiting=2)
    queues = (await boss.client.get("/jobs")).json()
    assert list(queues) == list(QUEUES)
    assert queues["ocr"] == {
        "queueStatus": {"isPaused": False, "isActive": True},
        "jobCounts": {**ZERO, "active": 1, "waiting": 2},
    }


async def test_a_queue_is_paused_and_goes_on(boss, broker):
    assert (await boss.client.put("/queues/sidecar", json={"isPaused": True})).json()["isPaused"] is True
    assert (await boss.client.put("/queues/sidecar", json={})).json()["isPaused"] is True
    assert (await boss.client.put("/queues/sidecar", json={"isPaused": False})).json()["isPaused"] is False


async def test_housekeeping_is_not_paused(boss):
    answer = await boss.client.put("/queues/backgroundTask", json={"isPaused": True})
    assert (answer.status_code, answer.json()) == (400, {"message": "The BackgroundTask queue cannot be paused"})
    older = await boss.client.put("/jobs/backgroundTask", json={"command": "pause"})
    assert older.json()["queueStatus"]["isPaused"] is True


async def test_an_unknown_queue_is_a_validation_error(boss):
    answer = await boss.client.get("/queues/nope")
    assert answer.json()["errors"][0]["code"] == "invalid_value"
    assert answer.json()["errors"][0]["path"] == ["name"]


async def test_jobs_active_first_then_newest(boss, broker):
    broker.listed = [
        Listed("1", "SidecarWrite", {"id": "a"}, 100, "waiting"),
        Listed("2", "SidecarWrite", {"id": "b"}, 200, "waiting"),
        Listed("3", "SidecarWrite", {"id": "c"}, 50, "active"),
    ]
    jobs = (await boss.client.get("/queues/sidecar/jobs")).json()
    assert [job["id"] for job in jobs] == ["3", "2", "1"]
    assert jobs[0] == {"id": "3", "name": "SidecarWrite", "timestamp": 50, "data": {"id": "c"}}
    some = await boss.client.get("/queues/sidecar/jobs?status=active&status=failed")
    assert [job["id"] for job in some.json()] == ["3"]


@pytest.mark.parametrize("query", ["status=active", "status[]=active"])
async def test_jobs_of_one_state_are_asked_for_in_either_way(boss, broker, query):
    broker.listed = [Listed(state, "SidecarWrite", {}, 1, state) for state in ("waiting", "active")]
    answer = await boss.client.get(f"/queues/sidecar/jobs?{query}")
    assert [job["id"] for job in answer.json()] == ["active"]
    assert (await boss.client.get(f"/queues/sidecar/jobs?{query}s")).status_code == 400


async def test_emptying_needs_a_body_and_may_take_the_failed_too(boss, broker):
    assert (await boss.client.request("DELETE", "/queues/sidecar/jobs")).status_code == 400
    assert (await boss.client.request("DELETE", "/queues/sidecar/jobs", json={})).status_code == 204
    assert broker.told == [("empty", "sidecar")]
    assert (await boss.client.request("DELETE", "/queues/sidecar/jobs", json={"failed": True})).status_code == 204
    assert broker.told[-1] == ("clear-failed", "sidecar")


@pytest.mark.parametrize("force", [None, False, True])
async def test_work_is_started_by_its_public_name(boss, broker, force):
    body = {"command": "start"} if force is None else {"command": "start", "force": force}
    answer = await boss.client.put("/jobs/thumbnailGeneration", json=body)
    assert answer.status_code == 200
    (job,) = broker.jobs_put
    assert (job.name, job.queue) == ("AssetGenerateThumbnailsQueueAll", "thumbnailGeneration")
    assert job.data == ({} if force is None else {"force": force})


async def test_work_that_runs_is_not_started_again(boss, broker):
    broker.counted["metadataExtraction"] = Counts(active=1)
    answer = await boss.client.put("/jobs/metadataExtraction", json={"command": "start"})
    assert (answer.status_code, answer.json()) == (400, {"message": "Job is already running"})


async def test_what_cannot_be_started_says_so(boss, broker):
    answer = await boss.client.put("/jobs/notifications", json={"command": "start"})
    assert (answer.status_code, answer.json()) == (400, {"message": "Invalid job name: notifications"})
    later = await boss.client.put("/jobs/library", json={"command": "start"})
    assert (later.status_code, later.json()["message"]) == (
        501,
        "The work of the library queue arrives with external libraries.",
    )
    assert broker.jobs_put == []


@pytest.mark.parametrize(("command", "told"), [("empty", "empty"), ("clear-failed", "clear-failed")])
async def test_the_older_commands(boss, broker, command, told):
    assert (await boss.client.put("/jobs/ocr", json={"command": command})).status_code == 200
    assert broker.told == [(told, "ocr")]


async def test_manual_jobs(boss, broker):
    assert (await boss.client.post("/jobs", json={"name": "user-cleanup"})).status_code == 204
    assert [job.name for job in broker.jobs_put] == ["UserDeleteCheck"]
    assert (await boss.client.post("/jobs", json={"name": "backup-database"})).status_code == 501
    assert (await boss.client.post("/jobs", json={"name": "nope"})).json()["errors"][0]["code"] == "invalid_value"


async def test_what_photos_still_wait_for(boss, broker):
    broker.counted = {"thumbnailGeneration": Counts(active=1, waiting=4), "backgroundTask": Counts(waiting=9)}
    assert (await boss.client.get("/calotype/activity")).json() == {"processing": 5}
