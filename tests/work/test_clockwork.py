"""What runs by itself."""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calotype.core.errors import Offline
from calotype.core.jobs import QUEUES, REGISTRY, Done, Skip
from calotype.core.ports import Job
from calotype.settings.settings import NightlyTasks
from calotype.work import clockwork, worker
from tests.working import picture, settle

NIGHT = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def in_zone(monkeypatch):
    """The zone of the machine."""

    def set_zone(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield set_zone
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("now", "start", "due"),
    [
        ("2026-05-01T12:00", "00:00", "2026-05-02T00:00"),
        ("2026-05-01T12:00", "13:30", "2026-05-01T13:30"),
        ("2026-05-01T13:30", "13:30", "2026-05-02T13:30"),
        ("2026-12-31T23:59", "03:00", "2027-01-01T03:00"),
    ],
)
def test_the_night_begins_when_the_clock_says_so(in_zone, now: str, start: str, due: str):
    in_zone("UTC")
    begun = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert clockwork.next_start(begun, start) == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "start", "due"),
    [
        ("2026-05-01T21:00Z", "00:00", "2026-05-01T22:00Z"),
        ("2026-01-15T21:00Z", "03:00", "2026-01-16T02:00Z"),
        ("2026-03-28T23:30Z", "02:30", "2026-03-29T00:30Z"),  # left out that night: an hour earlier
        ("2026-10-25T00:15Z", "02:30", "2026-10-25T00:30Z"),  # comes twice that night
        ("2026-10-25T01:15Z", "02:30", "2026-10-26T01:30Z"),  # the second time it has been met
    ],
)
def test_it_is_the_clock_on_the_wall_of_the_server(in_zone, now: str, start: str, due: str):
    in_zone("Europe/Berlin")
    assert clockwork.next_start(datetime.fromisoformat(now), start) == datetime.fromisoformat(due)


async def test_tombstones_are_kept_for_a_month(house, ada):
    await house.sql("DELETE FROM tombstone")
    now = house.world.clock.now()
    for days in (32, 30):
        await house.sql(
            "INSERT INTO tombstone (kind, subject_id, deleted_at) VALUES ('asset', gen_random_uuid(), $1)",
            now - timedelta(days=days),
        )
    assert await house.run(Job("AuditTableCleanup", "backgroundTask")) == Done()
    (kept,) = await house.sql("SELECT deleted_at FROM tombstone")
    assert kept["deleted_at"] == now - timedelta(days=30)


def test_the_night_only_starts_what_exists_and_starts_it_once():
    worker.load_jobs()
    jobs = clockwork.nightly_jobs(NIGHT, NightlyTasks())
    for job in jobs:
        assert REGISTRY[job.name].queue == job.queue
    ids = [job.id for job in jobs]
    assert len(set(ids)) == len(ids)
    assert {"NotificationsCleanup", "AuditTableCleanup"} < {job.name for job in jobs}
    assert all(id and id.endswith("2026-05-01") for id in ids)


@pytest.mark.parametrize(
    ("off", "missing"),
    [
        ("database_cleanup", set(clockwork.CLEANUPS)),
        ("sync_quota_usage", {"UserSyncUsage"}),
        ("missing_thumbnails", {"DerivativesCheck"}),
        ("cluster_new_faces", {"FacialRecognitionQueueAll"}),
        ("generate_memories", set[str]()),
    ],
)
def test_what_is_switched_off_does_not_run_at_night(off: str, missing: set[str]):
    usual = {job.name for job in clockwork.nightly_jobs(NIGHT, NightlyTasks())}
    now = {job.name for job in clockwork.nightly_jobs(NIGHT, replace(NightlyTasks(), **{off: False}))}
    assert usual - now == missing
    assert {"Sweep", "ScrapsDelete"} < now <= usual


async def test_every_nightly_job_runs(house):
    house.jobs.extend(clockwork.nightly_jobs(NIGHT, NightlyTasks()))
    assert {type(outcome) for _, outcome in await house.work()} <= {Done, Skip}


async def test_every_wheel_turns(house, ada):
    await ada.asset(picture())
    for wheel in clockwork.WHEELS:
        await wheel.turn(house.world)
    assert await house.sql("SELECT FROM timeline_change") == []


async def test_what_fails_is_tried_at_its_next_time():
    async def fails() -> None:
        raise Offline("away")

    async def stumbles() -> None:
        raise RuntimeError("a bug")

    async def works() -> None: ...

    assert [await clockwork._guarded("x", turn) for turn in (fails, stumbles, works)] == [False, False, True]


async def test_settings_say_how_much_is_done_at_once(house):
    assert await clockwork.concurrency(house.world) == QUEUES
    await settle(house, "job.thumbnailGeneration.concurrency", 7)
    assert (await clockwork.concurrency(house.world))["thumbnailGeneration"] == 7


async def test_what_killed_makers_left_behind_goes_after_a_day(house, ada):
    await ada.asset(picture())
    await house.work()
    shown = [path for path in house.data.glob("thumbs/**/*") if path.is_file()]
    folder = shown[0].parent
    video = house.data / "encoded-video" / str(ada.id) / "aa" / "bb"
    video.mkdir(parents=True)
    old, fresh = folder / ".x_preview.jpeg.17.part", folder / ".y_preview.jpeg.17.part"
    log = video / ".x.mp4.17.part-0.log"
    kept = video / "x.mp4"
    for path in (old, fresh, log, kept):
        path.write_bytes(b"half")
    yesterday = time.time() - 25 * 3600
    for path in (old, log, kept, *shown):
        os.utime(path, (yesterday, yesterday))
    job = Job("ScrapsDelete", "backgroundTask")
    assert await house.run(job) == Done()
    left: list[Path] = [old, fresh, log, kept, *shown]
    assert [path for path in left if path.exists()] == [fresh, kept, *shown]
    assert await house.run(job) == Skip("nothing was left behind")
